//! One sample of every page's context, and the tests that render them: strictly, and with hostile text in
//! every field.

use scraper::{Html, Selector};
use serde::Serialize;
use serde_json::Value;

use super::agreement::{
    AgreementPage, CriterionAgreement, DifferPage, DifferRow, FigureView, FiguresView, Given, MatrixCell, MatrixRow,
    PairView,
};
use super::around::{After, Around};
use super::error::ErrorPage;
use super::form::{Choice, Form};
use super::grading::*;
use super::gradings::{GradingRow, GradingsPage, ProgressView, StatusFilter};
use super::judges::{JudgeRow, JudgesPage};
use super::leaderboard::{Gathered, LeaderboardPage};
use super::login::LoginPage;
use super::oidc::LoggedIn;
use super::post::{self, JudgeQuote, Limits, LookView, Offer, PostPage, QuoteView, RefusedView, WrongView};
use super::question;
use super::render::{self, Page, Viewer};
use super::review::*;
use super::reviews::{ReviewRow, ReviewsPage};
use super::rubrics::*;
use super::seen::WaitingPage;
use super::viewer::{Pane, WorkPage};
use super::words::{Mark, Quote, Time};
use crate::domain::{Id, Snapshot, SnapshotAsked, SnapshotId, SystemName, Timestamp};
use crate::ranking::agreement;
use crate::ranking::board::{self, Versus, VersusVerdict};
use crate::ranking::estimates::{Counts, Estimates, OfSystem, Planned, Sides};
use crate::ranking::leaderboard::{Board, Leaderboard, Row, RowInterval, Slice, Wanted};
use crate::ranking::matrix::{Matrix, PairResult};
use crate::ranking::report::{Bin, Humans, Report, Test};
use crate::ranking::sensitivity::{Sensitivity, Variant};
use crate::ranking::snapshot::{Change, ChangeVerdict, Changes};
use crate::ranking::systems::{
    Axis, FailureMode, Failures, Figure, Pareto, Point, Radar, System, Systems, WithReview, with_review,
};

/// What people, models and files try.
pub const HOSTILE: [&str; 12] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "\" autofocus onfocus=\"alert(1)",
    "javascript:alert(1)",
    "</textarea><script>alert(1)</script>",
    "</title><svg/onload=alert(1)>",
    "{{ 7 * 7 }}{% include \"base.html\" %}",
    "<!--><svg onload=alert(1)>",
    "data:text/html,<script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "../../..//evil.example\\\u{202e}",
];

fn s(text: &str) -> String {
    text.to_owned()
}

fn mark(kind: &'static str, glyph: &'static str, label: &str) -> Mark {
    Mark { kind, glyph, label: s(label), title: s("because of this") }
}

fn met() -> Mark {
    mark("met", "✓", "met")
}

fn at() -> Time {
    Time { iso: s("2026-01-02T03:04:05Z"), text: s("2026-01-02 03:04 UTC") }
}

fn viewer() -> Viewer {
    Viewer { name: s("ann"), role: "reviewer", reviews: true, keyed: true, form_secret: s("5ec7e7") }
}

fn quote() -> Quote {
    Quote {
        file: s("variance memo.docx"),
        place: s("page 2"),
        quote: s("Net revenue rose 4.2 % to $1,284,300."),
        found: met(),
        href: Some(s("/gradings/0197a000-0000-7000-8000-000000000001/work?criterion=1&judge=a&repeat=0&quote=0")),
    }
}

fn score() -> ScoreView {
    ScoreView {
        value: Some(s("75.0")),
        undefined: s("no score"),
        interval: Some(IntervalView {
            low: s("58.3"),
            high: s("91.7"),
            level: s("95"),
            method: s("bootstrap over criteria"),
            width: s("33.4"),
        }),
    }
}

fn form() -> Form {
    let choice = |value: &str, label: &str| Choice { value: s(value), label: s(label) };
    Form {
        choices: vec![
            choice("met", "met"),
            choice("unmet", "unmet"),
            choice("inconclusive", "inconclusive: it cannot be decided"),
        ],
        chosen: s("met"),
        reason: s("Page 2 ties."),
        error: Some(s("is empty; a decision that changes a score says why")),
        effect: Some(s("Score from 75.0 % to 58.3 %.")),
    }
}

fn vote(judge: &str, answer: Mark) -> VoteView {
    VoteView {
        judge: s(judge),
        repeat: Some(1),
        answer,
        reason: s("The totals in the variance table equal the ledger's within a dollar."),
        confidence: Some(s("80.0")),
        quotes: vec![quote(), Quote { found: mark("unmet", "✕", "not found"), ..quote() }],
        model: Some(s("scripted-1")),
        cost: s("unknown"),
        latency: s("1.2 s"),
        attempts: 2,
    }
}

fn votes() -> Vec<VoteView> {
    vec![
        vote("alpha", met()),
        vote("beta", mark("unmet", "✕", "UNMET")),
        VoteView { quotes: vec![], ..vote("gamma", mark("failed", "!", "failed")) },
    ]
}

fn decided() -> OverrideView {
    OverrideView {
        criterion: s("totals-tie"),
        n: Some(1),
        value: met(),
        reason: s("Checked by hand."),
        author: s("ann"),
        at: at(),
        from_review: true,
    }
}

fn level() -> LevelView {
    LevelView { name: s("good"), points: s("3"), description: s("Complete and clear.") }
}

fn detail(with_form: bool) -> Detail {
    Detail {
        grading: s("0197a000-0000-7000-8000-000000000001"),
        n: 1,
        criterion_id: s("totals-tie"),
        requirement: Some(s("The variance table's totals tie to the ledger extract (within $1).")),
        levels: vec![level()],
        check: Some(s("{\"contains\":{\"text\":\"EBITDA\"}}")),
        found: vec![quote()],
        votes: votes(),
        timeline: vec![super::grading::Happened {
            who: s("reviewer bob"),
            what: met(),
            said: s("Seen on page 2."),
            at: at(),
        }],
        overrides: vec![decided()],
        form: with_form.then(form),
    }
}

fn row(n: usize, cells: Vec<Mark>, verdict: Mark, detail: Option<Detail>) -> CriterionView {
    CriterionView {
        n,
        id: s("totals-tie"),
        requirement: s("The variance table's totals tie to the ledger extract (within $1)."),
        points: s("5"),
        penalty: n == 2,
        gate: Some(s("must pass")),
        tags: vec![s("accuracy")],
        trace: n == 3,
        cells,
        verdict,
        source: "panel",
        hint: s("judges differ · 3 reasons · 4 quotes"),
        open: n == 1,
        detail,
    }
}

pub fn grading() -> GradingPage {
    let cells = || vec![met(), mark("unmet", "✕", "UNMET"), mark("failed", "!", "failed")];
    GradingPage {
        id: s("0197a000-0000-7000-8000-000000000001"),
        system: s("atlas-2"),
        task: Some(s("variance-memo")),
        prompt: Some(s("Write a variance memo.")),
        rubric: s("Quarterly variance memo"),
        rubric_id: s("0197a000-0000-7000-8000-000000000002"),
        version: 1,
        panel: s("default"),
        rules: s("3 judges, majority, quorum 2"),
        status: mark("busy", "▸", "running"),
        created: at(),
        judged: Some(at()),
        progress: Some(ProgressView { planned: 30, done: 12, failed: 1 }),
        live: true,
        error: Some(s("a grading that is completed cannot be retried")),
        score: Some(score()),
        facts: Some(Facts {
            awarded: s("9"),
            positive: s("12"),
            coverage: s("100.0"),
            gates: vec![GateView { criterion: s("totals-tie"), n: Some(1), cap: s("0.0") }],
            ungated: Some(s("80.0")),
            bounds: Some((s("60.0"), s("85.0"))),
            without_overrides: Some(s("70.0")),
            agreement: s("93.0 %"),
            alpha: s("α 0.71 [0.42, 0.90], n = 10"),
            cost: s("$0.0123"),
            calls: s("31"),
            failed: 1,
            tokens: s("41,200 in (30,000 cached), 3,100 out"),
        }),
        judges: ["alpha", "beta", "gamma"]
            .map(|name| JudgeHead { name: s(name), model: s("scripted-1"), provider: s("recorded") })
            .into(),
        filters: vec![
            RowFilter { value: "", label: "all", count: 4 },
            RowFilter { value: "split", label: "judges differ", count: 1 },
        ],
        rows: vec![
            row(1, cells(), met(), Some(detail(true))),
            row(
                2,
                vec![
                    mark("level", "≡", "good"),
                    mark("cannot", "?", "CANNOT_ASSESS"),
                    mark("idle", "·", "no vote yet"),
                ],
                mark("cannot", "?", "inconclusive"),
                Some(detail(false)),
            ),
            row(3, cells(), mark("unmet", "✕", "unmet"), None),
        ],
        ahead: true,
        criteria: 3,
        earlier: Some(0),
        later: Some(200),
        show: s("split"),
        within: s("tag:accuracy"),
        groups: vec![(s("tag:accuracy"), s("tag accuracy (3)"))],
        overrides: vec![decided(), OverrideView { n: None, ..decided() }],
        reviews: vec![ReviewLink {
            id: s("0197a000-0000-7000-8000-000000000003"),
            criterion: s("totals-tie"),
            reason: s("judges disagree"),
            state: s("open"),
        }],
        submission_id: s("0197a000-0000-7000-8000-000000000004"),
        files: vec![FileLink { n: 0, name: s("variance memo.docx"), size: s("23.1 kB") }],
        message: Some(s("Here is the memo.")),
        views: ["alpha, beta", "gamma"]
            .map(|judges| SeenView {
                judges: s(judges),
                files: vec![
                    SeenFileView {
                        name: s("variance memo.docx"),
                        state: mark("met", "✓", "read"),
                        shown: s("as text, 4,100 characters"),
                        coverage: Some(s("100.0")),
                        cuts: vec![],
                        findings: vec![s("white text on white (paragraph 9)")],
                    },
                    SeenFileView {
                        name: s("ledger.xlsx"),
                        state: mark("cannot", "◐", "cut"),
                        shown: s("as text, 2 sheets"),
                        coverage: None,
                        cuts: vec![s("not shown: rows 41-180 of 'Ledger' (input limit)")],
                        findings: vec![],
                    },
                ],
                pictures: vec![(s("variance memo.docx, page 1"), s("5e"))],
                more_pictures: 3,
            })
            .into(),
        can_cancel: true,
        can_retry: true,
    }
}

fn criterion() -> CriterionPage {
    CriterionPage {
        grading: s("0197a000-0000-7000-8000-000000000001"),
        system: s("atlas-2"),
        n: 1,
        row: row(1, vec![met()], met(), Some(detail(true))),
    }
}

pub fn gradings() -> GradingsPage {
    let one = |status: Mark, score: Option<ScoreView>, progress: Option<ProgressView>| GradingRow {
        id: s("0197a000-0000-7000-8000-000000000001"),
        system: s("atlas-2 (high effort)"),
        task: Some(s("variance-memo")),
        rubric: s("Quarterly variance memo"),
        version: 1,
        panel: s("default"),
        status,
        progress,
        coverage: score.is_some().then(|| s("91.7")),
        cost: score.is_some().then(|| s("unknown")),
        score,
        open_reviews: 2,
        created: at(),
    };
    GradingsPage {
        status: s("running"),
        statuses: vec![StatusFilter { value: "running", label: s("running") }],
        rows: vec![
            one(mark("busy", "▸", "running"), None, Some(ProgressView { planned: 30, done: 12, failed: 1 })),
            one(met(), Some(score()), None),
            one(
                mark("failed", "!", "partial"),
                Some(ScoreView {
                    value: None,
                    undefined: s("coverage 40 % is below the panel's 50 %"),
                    interval: None,
                }),
                None,
            ),
            one(mark("idle", "○", "queued"), None, None),
        ],
        next: Some(s("kMDE5N2Ew")),
        further: true,
        live: true,
    }
}

pub fn leaderboard() -> Leaderboard {
    let row = |system: &str, rating: Option<f64>, low: Option<f64>, high: Option<f64>, undefined: Option<&str>| Row {
        system: s(system),
        rating,
        interval: rating.map(|_| RowInterval { low, high, level: 0.95, method: s("bootstrap over tasks") }),
        undefined: undefined.map(s),
        rank: rating.map(|_| (1, 3)),
        n: 24,
        wins: Some(12.5),
        ties: Some(3.0),
        losses: Some(8.5),
        group: usize::from(rating.is_none()),
        regularised: high.is_none() || low.is_none(),
        versus_next: rating.map(|_| Versus {
            system: s("briar"),
            difference: low.map(|_| 75.0),
            interval: Some(RowInterval { low, high, level: 0.95, method: s("clustered") }),
            verdict: if low.is_some() { VersusVerdict::NoSignal } else { VersusVerdict::Better },
            more_comparisons: high,
        }),
        ..Row::default()
    };
    Leaderboard {
        method: "bradley_terry",
        overrides: "with",
        source: Some(s("judged,imported")),
        boards: vec![Board {
            slice: None,
            rows: vec![
                row("human", Some(1210.0), Some(1080.0), None, None),
                row("atlas-2 (high effort)", Some(1043.0), Some(990.0), Some(1101.0), None),
                row("briar", Some(968.0), Some(911.0), Some(1030.0), None),
                row("cobalt-mini", Some(779.0), None, Some(870.0), None),
                row("dune", None, None, None, Some("no rated comparison")),
            ],
            tasks: 12,
            battles: 72,
            judged: 60,
            imported: 12,
            both_bad: 2,
            inconclusive: 1,
            notes: vec![s("`human` is unbeaten: how much better it is has no upper bound")],
            detail: board::Detail {
                judges: vec![board::JudgeRow {
                    judge: s("alpha"),
                    battles: 120,
                    discrimination: 1.2,
                    discrimination_interval: None,
                    first_place: 0.3,
                    first_place_interval: Some(RowInterval {
                        low: Some(0.1),
                        high: Some(0.5),
                        level: 0.95,
                        method: s("t"),
                    }),
                }],
                controls: vec![board::ControlRow { control: s("length"), effect: 0.4, interval: None, ridge: 1.0 }],
                ..board::Detail::default()
            },
            ..Board::default()
        }],
        changes: vec![Changes {
            slice: None,
            rows: vec![Change {
                system: s("briar"),
                before: Some(900.0),
                now: Some(968.0),
                difference: Some(68.0),
                band: Some(40.0),
                verdict: ChangeVerdict::Better,
            }],
            notes: vec![s("no system is anchored")],
        }],
        matrices: vec![Matrix {
            systems: ["human", "atlas-2 (high effort)", "briar", "cobalt-mini", "dune"].map(s).into(),
            pairs: [((0, 1), 9.0, 3.0), ((0, 3), 12.0, 0.0), ((1, 2), 7.0, 4.0), ((2, 3), 8.0, 2.0)]
                .map(|(pair, wins, losses)| PairResult { pair, wins, ties: 1.0, losses, both_bad: 0, tasks: 12 })
                .into(),
        }],
        ..Leaderboard::default()
    }
}

fn systems() -> Systems {
    let figure = |value: f64, low: f64, high: f64| Figure {
        value: Some(value),
        low: Some(low),
        high: Some(high),
        method: Some(s("t by task")),
        n: 12,
        unknown: 1,
        undefined: None,
    };
    let nothing = |why: &str| Figure { undefined: Some(s(why)), ..Figure::default() };
    let one = |system: &str, cost: f64, score: f64| System {
        system: s(system),
        submissions: 12,
        tasks: 12,
        score: figure(score, score - 0.05, score + 0.04),
        cost_usd: figure(cost, cost * 0.8, cost * 1.2),
        tokens: figure(182_000.0, 150_000.0, 214_000.0),
        duration_s: figure(740.0, 600.0, 880.0),
        accepted: figure(score * 0.8, score * 0.6, score * 0.9),
        usd: with_review(Some(cost), 86.0, 361.0, Some(score * 0.8), 1, "cost"),
        minutes: WithReview::default(),
        critical_errors: figure(0.08, 0.01, 0.35),
        fabrication: nothing("no rubric has a criterion with the tag `fabrication`"),
        failures: Failures {
            by_severity: [("bad", 2), ("catastrophic", 1)].into(),
            modes: vec![FailureMode { mode: s("wrong totals"), n: 3, worst: "catastrophic" }],
            catastrophic: figure(0.1, 0.02, 0.4),
            undefined: None,
        },
    };
    let point = |system: &str, cost_usd: f64, score: f64, on_front: bool| Point {
        system: s(system),
        cost_usd,
        score,
        on_front,
    };
    let axis = |sector: &str, atlas: f64, briar: f64| Axis {
        sector: s(sector),
        leader: s(if atlas > briar { "atlas-2 (high effort)" } else { "briar" }),
        values: [(s("atlas-2 (high effort)"), atlas), (s("briar"), briar), (s("cobalt-mini"), 61.0)].into(),
    };
    Systems {
        systems: vec![one("atlas-2 (high effort)", 4.2, 0.84), one("briar", 0.9, 0.71), one("cobalt-mini", 0.08, 0.5)],
        radar: Radar {
            axes: vec![
                axis("Health care", 100.0, 88.0),
                axis("Finance and insurance", 81.0, 100.0),
                axis("Government", 100.0, 96.0),
                axis("Manufacturing", 100.0, 70.0),
                axis("Retail trade", 92.0, 100.0),
            ],
            undefined: None,
        },
        pareto: Pareto {
            points: vec![
                point("atlas-2 (high effort)", 4.2, 0.84, true),
                point("briar", 0.9, 0.71, true),
                point("cobalt-mini", 0.08, 0.5, true),
                point("dune", 3.9, 0.55, false),
            ],
            left_out: vec![s("human")],
            undefined: None,
        },
        notes: vec![s("whether a deliverable can be used as it is, is taken from its score")],
    }
}

/// Everything on the page of a leaderboard.
pub fn gathered(board: Leaderboard, by: Option<Slice>) -> Gathered {
    let variant = |what: &str, undefined: Option<&str>, turned: bool| Variant {
        kind: "judge",
        what: s(what),
        undefined: undefined.map(s),
        rows: vec![],
        tasks: 12,
        battles: 60,
        largest_move: undefined.is_none().then_some(31.0),
        turned: if turned { vec![(s("briar"), s("cobalt-mini"))] } else { vec![] },
        leader_stays: Some(true),
    };
    let sensitivity = Sensitivity {
        method: "bradley_terry",
        base: Board::default(),
        variants: vec![
            variant("without judge `alpha`", None, true),
            variant("without judge `beta`", None, false),
            variant("without human decisions", Some("human decisions do not enter comparisons"), false),
        ],
    };
    Gathered {
        wanted: Wanted { by, ..Wanted::default() },
        board,
        figures: systems(),
        sensitivity: Some(sensitivity),
        judges: vec![s("alpha"), s("beta")],
        kept: vec![kept()],
        against: Some(kept().id),
        against_refused: Some(s("it was asked for in another way")),
        humans: Some(estimates()),
    }
}

fn kept() -> Snapshot {
    Snapshot {
        id: SnapshotId::from_uuid(uuid::Uuid::from_u128(9)),
        label: Some(s("before the new prompt")),
        asked: SnapshotAsked::default(),
        boards: vec![],
        created_at: Timestamp::UNIX_EPOCH,
    }
}

fn judge_figure(value: Option<f64>) -> agreement::Figure {
    agreement::Figure {
        value,
        low: value.map(|value| value - 0.1),
        high: value.map(|value| value + 0.1),
        level: value.map(|_| 0.95),
        method: Some(s("Wilson")),
        n: 40,
        missing: 0,
        caution: value.map(|_| s("6 independent units, 30 or more are wanted")),
        undefined: value.is_none().then(|| s("no question was asked twice")),
    }
}

fn estimates() -> Estimates {
    let sides = || Sides {
        judge_only: judge_figure(Some(0.8)),
        human_only: judge_figure(None),
        corrected: judge_figure(Some(0.7)),
    };
    let one = |system: &str, more: Result<usize, String>| OfSystem {
        system: SystemName::parse(system).unwrap(),
        gradings: 12,
        pass_rate: sides(),
        mean_score: sides(),
        counts: Counts { items: 144, reviewed: 40, waiting: 2, refused: 1 },
        plan: Planned { half_width: 0.05, more },
    };
    let systems = vec![one("briar", Ok(120)), one("dune", Ok(0)), one("human", Err(s("no item was drawn at random")))];
    Estimates { systems, difference: None, transfer: Err(s("no items were drawn")) }
}

fn judges() -> JudgesPage {
    let row = |model: Option<&str>| JudgeRow {
        name: s("alpha"),
        model: model.map(s),
        provider: model.map(|_| s("openai")),
        panels: vec![s("default"), s("cheap")],
        sees: model.is_some(),
    };
    JudgesPage { rows: vec![row(Some("gpt-5-mini")), row(None)] }
}

fn report() -> Report {
    let named = |names: &[&str]| {
        names.iter().enumerate().map(|(at, name)| (s(name), judge_figure((at % 2 == 0).then_some(0.8)))).collect()
    };
    Report {
        judge: s("alpha"),
        models: [(s("gpt-5-mini-2025-08-07"), 720)].into(),
        gradings: 60,
        votes: 720,
        humans: Humans {
            answers: 90,
            by_reason: [(s("audit"), 40), (s("split"), 50)].into(),
            not_blind: 3,
            undecided: 2,
            note: s("of reviewed questions"),
        },
        labels: vec![s("UNMET"), s("MET")],
        confusion: vec![vec![30, 5], vec![8, 47]],
        against_humans: named(&["accuracy", "cohen_kappa", "severity", "ece", "a_new_one"]),
        curve: vec![Bin { n: 9, confidence: 0.9, right: 0.8, low: 0.6, high: 0.95 }],
        test_retest: named(&["alpha", "same"]),
        comparisons: named(&["first_place", "length"]),
        tests: [
            (s("position"), Test { p: Some(0.04), detail: s("12 pairs"), undefined: None }),
            (s("equally_severe"), Test { p: None, detail: s(""), undefined: Some(s("one system only")) }),
        ]
        .into(),
        rates: named(&["failed", "cannot_assess"]),
        failed_by_cause: named(&["refused"]),
        prevalence: [(s("MET"), 0.7), (s("UNMET"), 0.3)].into(),
        human_prevalence: [(s("MET"), 0.6), (s("UNMET"), 0.4)].into(),
        cost: named(&["usd_per_vote", "latency_ms"]),
        usd: Some(1.9),
        latency_ms_median: Some(1400),
        latency_ms_p95: None,
    }
}

fn figures() -> FiguresView {
    let figure = |value: Option<&str>, why: &str| FigureView {
        value: value.map(s),
        interval: value.map(|_| s("0.42 to 0.90")),
        n: s("40"),
        why: s(why),
    };
    FiguresView {
        units: s("40"),
        prevalence: s("MET 72 %, UNMET 28 %"),
        raw: figure(Some("0.93"), ""),
        kappa: figure(Some("0.70"), ""),
        alpha: figure(None, "all votes equal"),
    }
}

fn matrix_cell(other: &str, same: Option<&str>) -> MatrixCell {
    MatrixCell {
        other: s(other),
        own: same != Some("93"),
        same: same.map(s),
        shade: s("s9"),
        n: s("40"),
        why: s("never asked twice"),
    }
}

fn differ() -> DifferPage {
    let row = |n| DifferRow {
        grading: s("0197a000-0000-7000-8000-000000000001"),
        from: 60,
        n,
        criterion: s("totals-tie"),
        requirement: s("The variance table's totals tie to the ledger extract (within $1)."),
        system: s("atlas-2"),
        task: Some(s("variance-memo")),
        rubric: s("Variance memo"),
        one: met(),
        other: mark("unmet", "✕", "UNMET"),
        created: at(),
    };
    DifferPage {
        one: s("alpha"),
        other: s("beta"),
        chosen: s("panel default"),
        filter: vec![Given { name: "panel", value: s("default") }],
        both: s("40"),
        differ: s("3"),
        rows: vec![row(61), row(62)],
        withheld: 1,
        earlier: Some(0),
        later: Some(100),
    }
}

fn post(refused: bool) -> PostPage {
    let offer = |value: &str, label: &str, chosen| Offer { value: s(value), label: s(label), chosen };
    PostPage {
        key: s("0197a000-0000-7000-8000-00000000000f"),
        entered: post::Entered {
            system: s("atlas-2"),
            text: s("Here is the memo."),
            task_id: s("variance-memo"),
            prompt: s("Write a variance memo for the third quarter."),
            rubric_id: s(""),
            rubric: s("title: Memo\ncriteria: []\n"),
            rubric_format: s("native"),
            panel: s("default"),
            repeats: s("2"),
            budget_usd: s("1.50"),
        },
        rubrics: vec![offer("01890a5d-ac96-774b-bcce-b302099a8057", "Variance memo (v2, 12 criteria)", false)],
        tasks: vec![s("variance-memo")],
        panels: vec![offer("default", "default: 3 judges", true), offer("cheap", "cheap: 1 judge", false)],
        formats: vec![offer("native", "native (YAML or JSON)", true), offer("gdpval", "gdpval", false)],
        limits: Limits {
            files: 50,
            file_bytes: 52_428_800,
            upload_bytes: 209_715_200,
            text_bytes: 16_777_216,
            file: s("52.4 MB"),
            upload: s("209.7 MB"),
        },
        refused: refused.then(|| RefusedView {
            detail: s("the form cannot be posted as it is"),
            wrong: vec![WrongView {
                field: s("rubric"),
                label: s("Rubric"),
                place: s("/criteria/0/points"),
                detail: s("is no number (line 3)"),
            }],
        }),
        lost: vec![s("memo.docx"), s("ledger.xlsx")],
        look: (!refused).then(|| LookView {
            title: s("Memo"),
            size: s("12 criteria, 31 points"),
            findings: vec![FindingView {
                level: mark("cannot", "?", "warning"),
                criterion: Some(s("totals-tie")),
                message: s("`totals-tie` asks for two things"),
            }],
            more: 2,
        }),
        quote: (!refused).then(|| QuoteView {
            calls: s("30"),
            known: Some(s("6")),
            input: s("61,203"),
            cached: Some(s("84")),
            output: s("4,100"),
            usd: None,
            unpriced: s("gpt"),
            time: Some(s("about 12 s")),
            measured: true,
            judges: vec![
                JudgeQuote { judge: s("gpt"), calls: s("15"), usd: s("unknown") },
                JudgeQuote { judge: s("opus"), calls: s("15"), usd: s("$0.12") },
            ],
        }),
    }
}

pub fn agreement() -> AgreementPage {
    AgreementPage {
        gradings: s("16"),
        chosen: s("panel default"),
        filter: vec![Given { name: "panel", value: s("default") }],
        overall: figures(),
        judges: vec![s("alpha"), s("beta")],
        matrix: vec![
            MatrixRow { judge: s("alpha"), cells: vec![matrix_cell("alpha", None), matrix_cell("beta", Some("93"))] },
            MatrixRow {
                judge: s("beta"),
                cells: vec![matrix_cell("alpha", Some("93")), matrix_cell("beta", Some("71"))],
            },
        ],
        left_out: 2,
        pairs: vec![PairView { one: s("alpha"), other: s("beta"), figures: figures() }],
        all_pairs: 3,
        criteria: vec![CriterionAgreement { id: s("totals-tie"), figures: figures() }],
        all_criteria: 40,
    }
}

pub fn reviews() -> ReviewsPage {
    let row = |state: Mark| ReviewRow {
        id: s("0197a000-0000-7000-8000-000000000003"),
        reason: s("judges disagree"),
        criterion: s("totals-tie"),
        requirement: s("The variance table's totals tie to the ledger extract (within $1)."),
        task: Some(s("variance-memo")),
        priority: s("5"),
        state,
        answers: 1,
        reviewers: 2,
        probability: s("always"),
        created: at(),
    };
    ReviewsPage {
        show: "pending",
        rows: vec![row(mark("cannot", "?", "open")), row(mark("failed", "!", "reviewers differ"))],
        total: 2,
        for_you: 1,
        held: true,
        separation: Some(s("1 of 3 pairs of neighbouring systems are told apart by what humans said.")),
        after: Some(after()),
        earlier: Some(0),
        later: Some(50),
    }
}

pub fn home(tells_work: bool) -> super::home::HomePage {
    use super::home::{Health, HomePage, Spend, Waiting};
    let rows = || if tells_work { gradings().rows } else { vec![] };
    HomePage {
        running: rows(),
        recent: rows(),
        tells_work,
        waiting: Some(Waiting {
            pending: 12,
            for_you: 9,
            conflicts: 1,
            next: Some(s("0197a000-0000-7000-8000-000000000003")),
        }),
        spend: tells_work.then(|| Spend {
            month: s("2026-11"),
            usd: s("$12.40"),
            gradings: 310,
            unknown: 2,
            more: true,
            left: Some(s("$37.60")),
            as_of: Some(at()),
        }),
        health: vec![
            Health { what: s("Store"), state: met() },
            Health { what: s("Queued work"), state: mark("failed", "!", "not taken up") },
        ],
        live: tells_work,
    }
}

fn after() -> After {
    After { id: s("0197a000-0000-7000-8000-000000000005"), asked: s("totals-tie"), said: met(), may_undo: true }
}

fn around(two: bool) -> Around {
    let id = || s("0197a000-0000-7000-8000-000000000003");
    let work = if two { "/work?file=0&file2=1" } else { "/work?file=0" };
    Around {
        id: id(),
        work: Some(format!("/reviews/{}{work}", id())),
        previous: Some(id()),
        next: Some(id()),
        left: 12,
        left_here: 3,
        after: Some(after()),
        may_decline: true,
        may_undo: true,
    }
}

fn answer() -> AnswerView {
    AnswerView { reviewer: s("bob"), value: met(), reason: s("Seen on page 2."), at: at() }
}

pub fn review(step: Step, settled: bool) -> ReviewPage {
    ReviewPage {
        id: s("0197a000-0000-7000-8000-000000000003"),
        state: mark("cannot", "?", "open"),
        task: Some(s("variance-memo")),
        prompt: Some(s("Write a variance memo for the third quarter.")),
        question: QuestionView {
            criterion: s("totals-tie"),
            requirement: s("The variance table's totals tie to the ledger extract (within $1)."),
            points: s("5"),
            penalty: true,
            gate: Some(s("must pass")),
            trace: true,
            tags: vec![s("accuracy")],
            levels: vec![level()],
        },
        around: around(false),
        answers: 1,
        reviewers: 2,
        step,
        error: Some(s("a review that is open cannot be submitted with this lease token")),
        settled: settled.then(|| Settled {
            grading: s("0197a000-0000-7000-8000-000000000001"),
            system: s("atlas-2"),
            opened_for: s("judges disagree"),
            probability: s("always"),
            value: met(),
            reason: s("The totals tie."),
            by: s("cat"),
            at: at(),
            answers: vec![answer()],
            votes: votes(),
        }),
    }
}

pub fn steps() -> Vec<Step> {
    vec![
        Step::Take,
        Step::Answer { token: s("0197a000-0000-7000-8000-000000000009"), until: at(), form: form() },
        Step::Adjudicate { answers: vec![answer()], votes: votes(), form: form() },
        Step::Wait { why: s("Somebody else is answering this question now.") },
        Step::Done,
    ]
}

fn asked(searches: bool, adjudicates: bool) -> question::Form {
    let row = question::ErrorRow {
        n: 0,
        what: s("March and April are exchanged."),
        severity: s("bad"),
        place: s("Ledger"),
        found_by: vec![0],
        caught_by: s("totals-tie"),
    };
    question::Form {
        choices: if searches { vec![] } else { vec![(s("first"), s("the first is better"))] },
        chosen: s("first"),
        rows: if searches { vec![row] } else { vec![] },
        severities: vec![(s("bad"), s("bad"))],
        people: if adjudicates { vec![s("bob"), s("cat")] } else { vec![] },
        criteria: vec![s("totals-tie")],
        reason: s("Seen on page 2."),
        reason_needed: adjudicates,
    }
}

pub fn question(step: question::Step, searches: bool, settled: bool) -> question::QuestionPage {
    question::QuestionPage {
        id: s("0197a000-0000-7000-8000-000000000003"),
        kind: if searches { "discovery" } else { "preference" },
        title: s("Which of two is better?"),
        state: mark("cannot", "?", "open"),
        task: Some(s("variance-memo")),
        prompt: Some(s("Write a variance memo for the third quarter.")),
        around: around(!searches),
        answers: 1,
        reviewers: 2,
        step,
        error: Some(s("nothing was chosen; choose which is better")),
        settled: settled.then(|| question::End {
            value: met(),
            reason: s("The totals tie."),
            by: s("cat"),
            at: at(),
            errors: if searches {
                vec![question::Found {
                    what: s("March and April are exchanged."),
                    severity: s("bad"),
                    place: Some(s("Ledger")),
                    found_by: s("bob, cat"),
                    caught_by: Some(s("totals-tie")),
                }]
            } else {
                vec![]
            },
            answers: vec![answer()],
            systems: vec![s("atlas-2"), s("boreas")],
        }),
    }
}

pub fn question_steps(searches: bool) -> Vec<question::Step> {
    vec![
        question::Step::Take,
        question::Step::Answer {
            token: s("0197a000-0000-7000-8000-000000000009"),
            until: at(),
            form: asked(searches, false),
        },
        question::Step::Adjudicate { answers: vec![answer()], form: asked(searches, true) },
        question::Step::Wait { why: s("Somebody else is answering this question now.") },
        question::Step::Done,
    ]
}

pub fn work() -> WorkPage {
    use super::viewer::grid::{Grid, GridCell, GridRow};
    use super::viewer::pane::{Content, Found, Group, Link, Picture};
    use super::viewer::prose::{Block, Body, Prose, Row, Run};
    let base = "/gradings/0197a000-0000-7000-8000-000000000001/work";
    let link = |label: &str, beside: bool| Link {
        label: s(label),
        href: format!("{base}?file=0"),
        current: !beside,
        hidden: beside,
        beside: beside.then(|| format!("{base}?file=0&file2=r0")),
    };
    let run = |text: &str, mark: bool| Run { text: s(text), mark, first: mark, hidden: !mark };
    let block = |body: Body| Block { place: s("paragraph 1"), at: 0, body };
    let prose = Prose {
        blocks: vec![
            block(Body::Heading { runs: vec![run("Variance", false)] }),
            block(Body::Text { runs: vec![run("Net revenue rose ", false), run("4.2 %", true)] }),
            block(Body::Table {
                rows: vec![Row {
                    place: s("table 1 row 1"),
                    cells: vec![vec![run("Account", false)], vec![run("Budget", true)]],
                }],
            }),
        ],
        plain: true,
        earlier: Some(0),
        later: Some(90),
        page: 2,
        pages: 3,
    };
    let cell = GridCell {
        text: s("1,284,300"),
        kind: "num",
        formula: Some(s("=SUM(A1:A9)")),
        computed: true,
        mark: true,
        first: true,
    };
    let grid = Grid {
        name: s("Ledger"),
        hidden: true,
        columns: vec![s("A")],
        rows: vec![
            GridRow { number: 7, empty_to: None, cells: vec![cell] },
            GridRow { number: 8, empty_to: Some(99), cells: vec![] },
        ],
        beyond: Some(s("CW to XFD")),
        formulas: true,
        has_formulas: true,
        used: s("99 rows, 1 columns"),
        earlier: Some(1),
        later: Some(100),
    };
    let way = || Some(format!("{base}?file=0&from=9"));
    let picture =
        || Picture { n: 1, src: format!("{base}/0/page/1.png"), place: s("page 1"), width: 990, height: 1_400 };
    let pane = |id: u8, content: Content| Pane {
        id,
        groups: vec![Group {
            title: s("Deliverable"),
            files: vec![link("memo.docx", false), link("ledger.xlsx", true)],
        }],
        parts: vec![link("member.docx", false)],
        views: vec![link("Text", false), link("Hidden sheet", true)],
        name: s("memo.docx"),
        state: met(),
        remarks: vec![s("not shown: page 9 (limit)")],
        quote: Some(Found { text: s("Net revenue rose 4.2 %"), told: met() }),
        content,
        original: Some(format!("{base}/0/original")),
        alone: Some(format!("{base}?file=0")),
    };
    WorkPage {
        title: s("Deliverable of atlas-2"),
        back: (s("/gradings/0197a000-0000-7000-8000-000000000001"), s("Grading of atlas-2")),
        panes: vec![
            pane(1, Content::Text { prose, earlier: way(), later: way() }),
            pane(2, Content::Grid { grid, formulas: format!("{base}?file=0"), earlier: way(), later: way() }),
            pane(1, Content::Pages { pages: vec![picture()], of: 3, earlier: way(), later: way() }),
            pane(2, Content::Images { images: vec![picture()] }),
            pane(1, Content::Nothing { why: s("It could not be read: encrypted.") }),
        ],
    }
}

fn login() -> LoginPage {
    LoginPage {
        next: s("/reviews"),
        error: Some(s("This key is not known, or was revoked.")),
        needed: true,
        elsewhere: true,
    }
}

fn error() -> ErrorPage {
    ErrorPage {
        status: 404,
        heading: s("There is no such thing"),
        detail: s("there is no grading `x`"),
        errors: vec![s("/value: nothing was chosen")],
    }
}

/// Anything that serialises, under the template and title of a page of type `P`.
struct Turned<P>(Value, std::marker::PhantomData<P>);

impl<P> Serialize for Turned<P> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<P: Page> Page for Turned<P> {
    const TEMPLATE: &'static str = P::TEMPLATE;
    const SECTION: &'static str = P::SECTION;
    fn title(&self) -> String {
        HOSTILE[6].to_owned()
    }
}

/// Every text of a context exchanged for a hostile one; the plot has its own test.
fn turn(value: &mut Value, with: &str) {
    match value {
        Value::String(text) => with.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| turn(item, with)),
        Value::Object(fields) => {
            for (name, field) in fields {
                // `kind` of a step and `body` of a block choose the branch and are ours.
                let plots = ["svg", "matrix", "radar", "pareto"];
                if !plots.contains(&name.as_str()) && !["kind", "body", "show"].contains(&name.as_str()) {
                    turn(field, with);
                }
            }
        }
        _ => {}
    }
}

/// Renders a sample as it is and with each hostile text in each of its fields.
fn check<P: Page>(sample: &P) -> usize {
    let plain = render::html(Some(&viewer()), sample).unwrap_or_else(|e| panic!("{}: {e:#}", P::TEMPLATE));
    harmless(&plain, P::TEMPLATE);
    render::html(None, sample).unwrap_or_else(|e| panic!("{} without a viewer: {e:#}", P::TEMPLATE));
    for hostile in HOSTILE {
        let mut value = serde_json::to_value(sample).unwrap();
        turn(&mut value, hostile);
        let viewer = Viewer { name: s(hostile), ..viewer() };
        let html = render::html(Some(&viewer), &Turned::<P>(value, std::marker::PhantomData))
            .unwrap_or_else(|e| panic!("{}: {e:#}", P::TEMPLATE));
        harmless(&html, P::TEMPLATE);
        assert!(!html.contains("<script>") && !html.contains("<img src=x"), "{}: {hostile}", P::TEMPLATE);
        assert!(!html.contains("49{%"), "{}: a text was taken for a template", P::TEMPLATE);
    }
    plain.len()
}

/// As a browser would read it: no script but ours, no handler, no style, no address that leaves.
fn harmless(html: &str, name: &str) {
    let document = Html::parse_document(html);
    for element in document.select(&Selector::parse("*").unwrap()) {
        let tag = element.value().name();
        assert!(!["iframe", "object", "embed", "style", "base"].contains(&tag), "{name} has <{tag}>");
        if tag == "script" {
            assert!(
                element.value().attr("src").is_some_and(|src| src.starts_with("/assets/") && src.contains(".js?v=")),
                "{name}"
            );
            assert_eq!(element.text().collect::<String>(), "");
        }
        for (attribute, value) in element.value().attrs() {
            assert!(!attribute.starts_with("on") && attribute != "style", "{name}: <{tag} {attribute}={value:?}>");
            if ["href", "src", "action", "formaction", "data-src", "data-events"].contains(&attribute) {
                let ours =
                    (value.starts_with('/') && !value.starts_with("//")) || value.starts_with('#') || value == "data:,";
                assert!(ours, "{name}: <{tag} {attribute}={value:?}>");
                assert!(!value.contains(['<', '"', '\\']), "{name}: <{tag} {attribute}={value:?}>");
            }
        }
    }
    for image in document.select(&Selector::parse("img").unwrap()) {
        let src = image.value().attr("src").unwrap();
        assert!(src.contains("/work/") || src == "#", "{name}: {src}");
    }
}

fn rubrics() -> RubricsPage {
    let row = |drafts| RubricRow {
        id: s("01890a5d-ac96-774b-bcce-b302099a8057"),
        title: s("Variance memo"),
        version: 2,
        criteria: 12,
        drafts,
        points: s("31"),
        created: at(),
    };
    RubricsPage { rows: vec![row(7), row(0)], more: true }
}

fn rubric() -> RubricPage {
    let criterion = |id: &str, draft| Requirement {
        id: s(id),
        requirement: s("The variance table's totals tie to the ledger extract (within $1)."),
        points: s("5"),
        penalty: true,
        gate: Some(s("must pass")),
        trace: true,
        check: Some(s(r#"{"file_exists":{"glob":"*.xlsx"}}"#)),
        tags: vec![s("accuracy")],
        levels: vec![LevelView { name: s("full"), points: s("5"), description: s("all of it") }],
        draft,
    };
    let draft = DraftView {
        by: Some(s("gpt")),
        why: Some(s("The task asks for totals that tie.")),
        quotes: vec![quote()],
        chosen: s("accept"),
    };
    RubricPage {
        id: s("01890a5d-ac96-774b-bcce-b302099a8057"),
        title: s("Draft for variance-memo"),
        version: 2,
        fingerprint: s("bbbbbbbb"),
        points: s("31"),
        created: at(),
        drafts: 2,
        criteria: vec![
            criterion("d1", Some(draft)),
            criterion("d2", Some(DraftView { by: None, why: None, quotes: vec![], chosen: s("") })),
            criterion("d3", None),
        ],
        left_out: 3,
        findings: vec![FindingView {
            level: mark("cannot", "?", "warning"),
            criterion: Some(s("d1")),
            message: s("`d1` asks for two things"),
        }],
        decided: vec![DecidedView { criterion: s("d3"), what: met(), author: s("ann"), at: at() }],
        error: Some(s("decisions: is empty; decide on a draft")),
    }
}

fn board(by: Option<Slice>) -> LeaderboardPage {
    super::leaderboard::page(&gathered(leaderboard(), by))
}

#[test]
fn every_template_is_complete_and_no_hostile_text_becomes_markup_in_any_field() {
    check(&gradings());
    check(&grading());
    check(&criterion());
    check(&CriterionFragment(criterion()));
    check(&board(None));
    check(&board(Some(Slice::Sector)));
    check(&agreement());
    check(&differ());
    check(&post(false));
    check(&post(true));
    check(&judges());
    check(&super::judges::page(report(), None));
    check(&reviews());
    check(&home(true));
    check(&home(false));
    check(&rubric());
    check(&rubrics());
    for step in steps() {
        let settled = matches!(step, Step::Done);
        check(&review(step, settled));
    }
    for searches in [false, true] {
        for step in question_steps(searches) {
            let settled = matches!(step, question::Step::Done);
            check(&question(step, searches, settled));
        }
    }
    check(&work());
    check(&WaitingPage { again_s: 1 });
    check(&login());
    check(&LoginPage { needed: false, elsewhere: false, error: None, ..login() });
    check(&LoggedIn { name: s("ann@example.com"), next: s("/reviews") });
    check(&error());
}

#[test]
fn hostile_system_names_stay_text_in_the_plot_on_the_page() {
    for hostile in HOSTILE {
        let mut board = leaderboard();
        for row in &mut board.boards[0].rows {
            row.system = s(hostile);
            row.undefined = row.undefined.as_ref().map(|_| s(hostile));
        }
        board.boards[0].slice = Some(s(hostile));
        let html = render::html(None, &super::leaderboard::page(&gathered(board, Some(Slice::Sector)))).unwrap();
        harmless(&html, "leaderboard.html");
    }
}

#[test]
fn empty_pages_say_so() {
    let text = |html: String| Html::parse_document(&html).root_element().text().collect::<String>();
    let empty = GradingsPage { rows: vec![], status: String::new(), next: None, ..gradings() };
    assert!(text(render::html(None, &empty).unwrap()).contains("Nothing has been graded yet"));
    let empty = ReviewsPage { rows: vec![], total: 0, ..reviews() };
    assert!(text(render::html(None, &empty).unwrap()).contains("Nothing waits for a human"));
    let empty = super::leaderboard::page(&gathered(Leaderboard { boards: vec![], ..leaderboard() }, None));
    assert!(text(render::html(None, &empty).unwrap()).contains("Nothing is rated yet"));
}

#[test]
fn a_review_shows_neither_votes_nor_the_system_nor_other_answers_before_it_is_settled() {
    for step in steps() {
        if matches!(step, Step::Adjudicate { .. } | Step::Done) {
            continue;
        }
        let html = render::html(None, &review(step, false)).unwrap();
        for secret in ["atlas-2", "alpha", "bob", "Seen on page 2", "/v1/submissions", "/gradings/"] {
            assert!(!html.contains(secret), "{secret}");
        }
    }
}

#[test]
fn a_full_page_is_below_a_hundred_kilobytes() {
    let mut page = gradings();
    page.rows = (0..50).map(|_| gradings().rows.remove(1)).collect();
    let html = render::html(Some(&viewer()), &page).unwrap();
    assert!(html.len() < 100_000, "{}", html.len());
    let mut page = grading();
    page.rows = (1..=ROWS).map(|n| row(n, vec![met(), met(), met()], met(), None)).collect();
    let html = render::html(Some(&viewer()), &page).unwrap();
    assert!(html.len() < 100_000, "{}", html.len());
    let mut page = agreement();
    let name = |n| format!("claude-sonnet-with-tools-{n}");
    let cells = || (0..12).map(|n| MatrixCell { own: false, ..matrix_cell(&name(n), Some("93")) }).collect();
    page.judges = (0..12).map(name).collect();
    page.matrix = (0..12).map(|n| MatrixRow { judge: name(n), cells: cells() }).collect();
    page.pairs = (0..40).map(|n| PairView { one: name(n), other: name(n), figures: figures() }).collect();
    page.criteria = (0..100).map(|n| CriterionAgreement { id: name(n), figures: figures() }).collect();
    let html = render::html(Some(&viewer()), &page).unwrap();
    assert!(html.len() < 100_000, "{}", html.len());
}

/// `EMPANEL_PAGES=<folder> cargo test samples_can_be_looked_at`, then any file server in that folder.
#[test]
fn samples_can_be_looked_at() {
    let Ok(folder) = std::env::var("EMPANEL_PAGES") else { return };
    let folder = std::path::Path::new(&folder);
    std::fs::create_dir_all(folder.join("assets")).unwrap();
    for (name, _, content) in super::assets::ASSETS {
        std::fs::write(folder.join("assets").join(name), content).unwrap();
    }
    let page = |name: &str, html: Result<String, minijinja::Error>| {
        std::fs::write(folder.join(name), html.unwrap()).unwrap();
    };
    let viewer = viewer();
    let viewer = Some(&viewer);
    page("gradings.html", render::html(viewer, &gradings()));
    page("grading.html", render::html(viewer, &grading()));
    page("criterion.html", render::html(viewer, &criterion()));
    page("leaderboard.html", render::html(viewer, &board(None)));
    page("agreement.html", render::html(viewer, &agreement()));
    page("differ.html", render::html(viewer, &differ()));
    page("post.html", render::html(viewer, &post(false)));
    page("judges.html", render::html(viewer, &judges()));
    page("judge.html", render::html(viewer, &super::judges::page(report(), None)));
    page("rubrics.html", render::html(viewer, &rubrics()));
    page("rubric.html", render::html(viewer, &rubric()));
    page("home.html", render::html(viewer, &home(true)));
    page("home-reviewer.html", render::html(viewer, &home(false)));
    page("reviews.html", render::html(viewer, &reviews()));
    for (name, step) in ["take", "answer", "adjudicate", "wait", "done"].into_iter().zip(steps()) {
        page(&format!("review-{name}.html"), render::html(viewer, &review(step, name == "done")));
    }
    for (name, searches) in [("preference", false), ("discovery", true)] {
        for (step_name, step) in
            ["take", "answer", "adjudicate", "wait", "done"].into_iter().zip(question_steps(searches))
        {
            let html = render::html(viewer, &question(step, searches, step_name == "done"));
            page(&format!("{name}-{step_name}.html"), html);
        }
    }
    page("work.html", render::html(viewer, &work()));
    page("login.html", render::html(None, &login()));
    page("error.html", render::html(None, &error()));
    std::fs::write(folder.join("plot.svg"), super::plot::leaderboard_svg(&leaderboard())).unwrap();
}
