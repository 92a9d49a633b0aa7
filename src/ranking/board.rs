//! From battles to a board: pure, for the store's battles and for a file's alike. Tasks are the clusters of every
//! interval; several battles of one pair on one task share one weight.

use std::collections::HashMap;

use serde::Serialize;

use crate::domain::{SystemName, TaskId};
use crate::refusal::Refusal;
use crate::stats::NotEstimable;
use crate::stats::rating::{
    self, BAND, Battles, Bounds, BtInterval, BtOptions, Glicko2, Joint, Meetings, Note, Outcome, RatingTable, Scale,
    Standing,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Ties are half a win for each.
    BradleyTerry,
    /// Ties are an outcome of their own, likeliest between equals.
    Davidson,
    /// Ties are differences below a threshold.
    RaoKupper,
    /// Davidson's maximum by Newman's iteration.
    Newman,
    /// Online: depends on the order of the battles, which is shown.
    Elo,
    Glicko2,
    WinRate,
    /// The share of battles against one system (`human`) that were won or tied.
    WinsOrTies,
    /// Mean score of gradings.
    Score,
}

impl Method {
    pub const ALL: [Self; 9] = [
        Self::BradleyTerry,
        Self::Davidson,
        Self::RaoKupper,
        Self::Newman,
        Self::Elo,
        Self::Glicko2,
        Self::WinRate,
        Self::WinsOrTies,
        Self::Score,
    ];

    /// # Errors
    /// Names the methods that there are.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        Self::ALL.into_iter().find(|method| method.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            Refusal::invalid("/method", format!("method {text:?} is not known; use one of {known}"))
        })
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BradleyTerry => "bradley_terry",
            Self::Davidson => "davidson",
            Self::RaoKupper => "rao_kupper",
            Self::Newman => "newman",
            Self::Elo => "elo",
            Self::Glicko2 => "glicko2",
            Self::WinRate => "win_rate",
            Self::WinsOrTies => "wins_or_ties",
            Self::Score => "score",
        }
    }

    /// Ratings on the scale of 400 points per factor of ten, rather than shares of 0 to 1.
    #[must_use]
    pub fn is_on_elo_scale(self) -> bool {
        !matches!(self, Self::WinRate | Self::WinsOrTies | Self::Score)
    }
}

/// How battles are rated.
#[derive(Debug, Clone)]
pub struct Rules {
    pub method: Method,
    pub anchor: Option<SystemName>,
    pub anchor_rating: f64,
    pub level: f64,
    /// Rounds of the bootstrap by task that stands beside the interval clustered by task; `None`: only the latter.
    pub bootstrap: Option<usize>,
    pub seed: u64,
    /// Whom `wins_or_ties` is against; `None`: `human`.
    pub against: Option<SystemName>,
    pub judge_aware: JudgeAware,
    /// Precision of the prior that holds the controls' effects; reported with them.
    pub control_ridge: f64,
    /// Judges whose battles are humans' answers: `bradley_terry` is corrected by them.
    pub humans: Vec<String>,
}

/// Whether judges' discrimination and leaning to the first place are modelled (`bradley_terry` only).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JudgeAware {
    /// If cross-validation says that it predicts better.
    #[default]
    Auto,
    On,
    Off,
}

impl JudgeAware {
    pub const ALL: [Self; 3] = [Self::Off, Self::Auto, Self::On];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            method: Method::BradleyTerry,
            anchor: None,
            anchor_rating: 1000.0,
            level: 0.95,
            bootstrap: None,
            seed: 0,
            against: None,
            judge_aware: JudgeAware::Auto,
            control_ridge: 1.0,
            humans: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Board {
    /// The sector or occupation; `null` for all.
    pub slice: Option<String>,
    /// Best first; systems that cannot be compared stand in different groups.
    pub rows: Vec<Row>,
    pub tasks: usize,
    pub battles: usize,
    pub judged: usize,
    pub imported: usize,
    /// From two rubric scores each.
    pub derived: usize,
    pub both_bad: usize,
    pub inconclusive: usize,
    /// What a reader must know, in words.
    pub notes: Vec<String>,
    pub detail: Detail,
}

/// What stands behind a board.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Detail {
    /// How it was rated, in words.
    pub method: String,
    /// Every pair of one group, the upper one first; empty beyond [`MOST_SHOWN`] systems.
    pub differences: Vec<Between>,
    /// The tie parameter of the largest group: Davidson's nu, Rao and Kupper's theta.
    pub tie: Option<f64>,
    /// How judges differ, where that was modelled.
    pub judges: Vec<JudgeRow>,
    /// What the controls do to the log odds.
    pub controls: Vec<ControlRow>,
    /// The central 95 % of online ratings over shuffled orders of the same battles.
    pub orders: Vec<OrderRow>,
}

/// Differences of all pairs are listed up to this many systems.
pub const MOST_SHOWN: usize = 40;

#[derive(Debug, Clone, Serialize)]
pub struct Between {
    pub upper: String,
    #[serde(flatten)]
    pub versus: Versus,
}

#[derive(Debug, Clone, Serialize)]
pub struct JudgeRow {
    pub judge: String,
    pub battles: usize,
    /// 1 = as much as a typical judge; 0 = noise; below 0 = the wrong way round.
    pub discrimination: f64,
    pub discrimination_interval: Option<RowInterval>,
    /// Log odds for the system shown first, between equals.
    pub first_place: f64,
    pub first_place_interval: Option<RowInterval>,
}

#[derive(Debug, Clone, Serialize)]
pub struct ControlRow {
    pub control: String,
    /// Log odds for a work that has all of it, against one that has none.
    pub effect: f64,
    pub interval: Option<RowInterval>,
    /// Precision of the normal prior around 0.
    pub ridge: f64,
}

#[derive(Debug, Clone, Serialize)]
pub struct OrderRow {
    pub system: String,
    pub low: f64,
    pub high: f64,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Row {
    pub system: String,
    /// Elo scale for `bradley_terry`, 0..1 for the others; `null` with the reason in `undefined`.
    pub rating: Option<f64>,
    pub interval: Option<RowInterval>,
    pub undefined: Option<String>,
    /// Best and worst rank that the data leave open, inside its group.
    pub rank: Option<(usize, usize)>,
    /// Battles or graded tasks.
    pub n: usize,
    pub wins: Option<f64>,
    pub ties: Option<f64>,
    pub losses: Option<f64>,
    /// Systems of different groups were never compared, directly or through others.
    pub group: usize,
    /// Held finite by a prior: the data alone set no bound on one side.
    pub regularised: bool,
    /// Against the system that stands next below in its group.
    pub versus_next: Option<Versus>,
    /// The bootstrap by task, where it was asked for.
    pub bootstrap: Option<RowInterval>,
}

#[derive(Debug, Clone, Serialize)]
pub struct RowInterval {
    /// `null` = the data set no bound on this side.
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub level: f64,
    pub method: String,
}

/// One system's difference to another, and what may be said of it.
#[derive(Debug, Clone, Serialize)]
pub struct Versus {
    pub system: String,
    /// Its rating less the other's.
    pub difference: Option<f64>,
    pub interval: Option<RowInterval>,
    pub verdict: VersusVerdict,
    /// Direct comparisons that would tell, if the difference is what it seems.
    pub more_comparisons: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VersusVerdict {
    Better,
    Worse,
    /// Sure to be no further apart than the band of equality.
    Tied,
    /// Never compared, directly or through others.
    NotComparable,
    /// The data do not tell.
    NoSignal,
}

impl VersusVerdict {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Tied => "tied",
            Self::NotComparable => "not_comparable",
            Self::NoSignal => "no_signal",
        }
    }
}

/// One battle with what it may be sorted by.
#[derive(Debug, Clone, PartialEq)]
pub struct Fought {
    pub a: SystemName,
    pub b: SystemName,
    pub outcome: Outcome,
    /// `None`: not known; then it stands alone.
    pub task: Option<TaskId>,
    pub imported: bool,
    /// Who said so, where it was one judge and not a panel.
    pub judge: Option<String>,
    /// How much longer the first one's work is, from -1 to 1, where length is held equal.
    pub longer: Option<f32>,
}

/// Battles in columns, with the names that their numbers stand for.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    pub systems: Vec<SystemName>,
    pub judges: Vec<String>,
    /// What battles carry beside their outcome.
    pub controls: Vec<String>,
    pub battles: Battles,
    pub judged: usize,
    pub imported: usize,
    pub inconclusive: usize,
}

impl Gathered {
    fn of(fought: &[Fought], inconclusive: usize) -> Result<Self, Refusal> {
        let mut systems: Vec<&SystemName> = fought.iter().flat_map(|battle| [&battle.a, &battle.b]).collect();
        systems.sort();
        systems.dedup();
        if systems.len() > Battles::MOST_SYSTEMS {
            let detail = format!("{} systems; a board holds {}", systems.len(), Battles::MOST_SYSTEMS);
            return Err(Refusal::TooLarge { detail });
        }
        let index: HashMap<&SystemName, u16> =
            systems.iter().enumerate().map(|(i, system)| (*system, i as u16)).collect();
        let (mut tasks, mut known) = (HashMap::new(), HashMap::new());
        let mut judges = Vec::new();
        let mut battles = Battles::default();
        let controlled = !fought.is_empty() && fought.iter().all(|battle| battle.longer.is_some());
        for battle in fought {
            let task = battle.task.as_ref().map(|task| {
                let next = tasks.len() as u32;
                *tasks.entry(task).or_insert(next)
            });
            let judge = battle.judge.as_ref().map(|judge| {
                *known.entry(judge).or_insert_with(|| {
                    judges.push(judge.clone());
                    judges.len() as u16 - 1
                })
            });
            battles.push(index[&battle.a], index[&battle.b], battle.outcome, task, judge);
            if let Some(longer) = battle.longer.filter(|_| controlled) {
                battles.push_controls(&[longer]).map_err(|e| Refusal::invalid("/control", e.to_string()))?;
            }
        }
        let imported = fought.iter().filter(|battle| battle.imported).count();
        Ok(Self {
            systems: systems.into_iter().cloned().collect(),
            judges,
            controls: if controlled { vec!["length".to_owned()] } else { Vec::new() },
            battles,
            judged: fought.len() - imported,
            imported,
            inconclusive,
        })
    }

    fn index_of(&self, pointer: &str, name: &SystemName) -> Result<usize, Refusal> {
        self.systems.iter().position(|system| system == name).ok_or_else(|| {
            let known = self.systems.iter().take(50).map(ToString::to_string).collect::<Vec<_>>().join(", ");
            Refusal::invalid(pointer, format!("system `{name}` has no battle; there are: {known}"))
        })
    }
}

/// Rates battles.
///
/// # Errors
/// If the anchor, or the system that `wins_or_ties` is against, is none of the board.
pub fn battle_board(
    slice: Option<String>,
    fought: &[Fought],
    inconclusive: usize,
    rules: &Rules,
) -> Result<Board, Refusal> {
    board_of(slice, &Gathered::of(fought, inconclusive)?, rules)
}

/// The same of battles in columns, such as a file's.
///
/// # Errors
/// As [`battle_board`]; a method or option that these battles cannot be rated by.
pub fn board_of(slice: Option<String>, gathered: &Gathered, rules: &Rules) -> Result<Board, Refusal> {
    let Gathered { systems, battles, judged, imported, inconclusive, .. } = gathered;
    let meetings = Meetings::group(systems.len(), battles);
    let Rating { table, bootstrap, mut detail, notes: own } = rate(gathered, &meetings, rules)?;
    detail.method = table.method.to_owned();
    let mut notes: Vec<String> = table.notes.iter().map(|note| in_words(note, &table, systems)).collect();
    notes.extend(own);
    let alone = battles.alone();
    if alone > 0 {
        notes.push(format!("{alone} battles name no task and count as a task each: intervals may be too narrow"));
    }
    if *inconclusive > 0 && slice.is_none() {
        notes.push(format!("{inconclusive} comparisons are inconclusive and not counted"));
    }
    let mut rows = rows(&table, systems);
    if let Some(bootstrap) = bootstrap {
        for row in &mut rows {
            let own = bootstrap.players.iter().find(|player| systems[player.player].as_str() == row.system);
            let rating = own.and_then(|player| player.rating.as_ref().ok());
            row.bootstrap = rating.and_then(|rating| rating.interval.as_ref().ok()).map(shown);
        }
    }
    versus(&table, gathered, &mut rows, &mut detail, &mut notes);
    Ok(Board {
        slice,
        rows,
        tasks: table.clusters,
        battles: table.battles,
        judged: *judged,
        imported: *imported,
        derived: 0,
        both_bad: table.dropped_both_bad,
        inconclusive: *inconclusive,
        notes,
        detail,
    })
}

/// A table with what its method says beside it.
struct Rating {
    table: RatingTable,
    bootstrap: Option<RatingTable>,
    detail: Detail,
    notes: Vec<String>,
}

/// The step of online Elo, and shuffled orders that show what the order does.
const K: f64 = 4.0;
const ORDERS: usize = 100;
/// Orders are shuffled up to this many battles.
const MOST_SHUFFLED: usize = 1_000_000;

fn rate(gathered: &Gathered, meetings: &Meetings, rules: &Rules) -> Result<Rating, Refusal> {
    let Gathered { systems, battles, .. } = gathered;
    let anchor = rules.anchor.as_ref().map(|name| gathered.index_of("/anchor", name)).transpose()?;
    let scale = Scale { anchor, anchor_rating: rules.anchor_rating };
    let refused = |why: NotEstimable| Refusal::invalid("/method", why.to_string());
    let plain = |table: RatingTable| Rating { table, bootstrap: None, detail: Detail::default(), notes: Vec::new() };
    let mut rated = match rules.method {
        Method::BradleyTerry => return bradley_terry(gathered, meetings, scale, rules),
        Method::Davidson | Method::Newman => {
            let found = if rules.method == Method::Davidson {
                rating::davidson_of(meetings, scale, rules.level)
            } else {
                rating::newman_of(meetings, scale, rules.level)
            };
            let tie = found.nu.first().and_then(|nu| nu.as_ref().ok()).copied();
            let mut own = plain(found.table);
            own.notes.extend(
                tie.map(|nu| format!("equals tie in {:.0} % of their battles (nu = {nu:.3})", 100.0 * nu / (2.0 + nu))),
            );
            own.detail.tie = tie;
            own
        }
        Method::RaoKupper => {
            let found = rating::rao_kupper_of(meetings, scale, rules.level);
            let tie = found.theta.first().and_then(|theta| theta.as_ref().ok()).copied();
            let mut own = plain(found.table);
            own.notes.extend(tie.map(|theta| {
                let share = 100.0 * (theta - 1.0) / (theta + 1.0);
                format!("equals tie in {share:.0} % of their battles (theta = {theta:.3})")
            }));
            own.detail.tie = tie;
            own
        }
        Method::Elo => {
            let mut own = plain(rating::elo_of(meetings, battles, K, rules.anchor_rating).map_err(refused)?);
            own.notes.push(format!(
                "online Elo (K = {K}) depends on the order of the battles and has no interval; use bradley_terry to compare"
            ));
            if battles.len() <= MOST_SHUFFLED {
                let start = (K, rules.anchor_rating);
                let orders =
                    rating::order_dependence(systems.len(), battles, start, ORDERS, rules.seed).map_err(refused)?;
                own.detail.orders = systems
                    .iter()
                    .zip(&orders)
                    .map(|(system, (low, high))| OrderRow { system: system.to_string(), low: *low, high: *high })
                    .collect();
                let widest = own.detail.orders.iter().max_by(|a, b| (a.high - a.low).total_cmp(&(b.high - b.low)));
                own.notes.extend(widest.map(|row| {
                    format!(
                        "the order alone moves `{}` between {:.0} and {:.0} (the same battles in {ORDERS} shuffled orders)",
                        row.system, row.low, row.high
                    )
                }));
            }
            own
        }
        Method::Glicko2 => {
            let start = Glicko2 { rating: rules.anchor_rating, ..Glicko2::default() };
            let (table, known) = rating::glicko2_of(meetings, battles, 1, start, 0.5).map_err(refused)?;
            let mut own = plain(table);
            let deviations = known.iter().map(|own| own.deviation).fold(0.0_f64, f64::max);
            own.notes.push(format!(
                "Glicko-2 takes all battles as one rating period and each for independent, so its deviations (at most {deviations:.0}) are no intervals; use bradley_terry to compare"
            ));
            own
        }
        Method::WinRate => plain(rating::win_rate_of(meetings, rules.level)),
        Method::WinsOrTies => {
            let human = SystemName::parse("human").map_err(|e| Refusal::invalid("/against", e.to_string()))?;
            let name = rules.against.as_ref().unwrap_or(&human);
            let opponent = gathered.index_of("/against", name)?;
            let mut own = plain(rating::wins_or_ties(meetings, opponent, rules.level));
            own.notes
                .push(format!("the share of battles against `{name}` that were won or tied; no other battle counts"));
            own
        }
        Method::Score => {
            return Err(Refusal::invalid("/method", "battles have no scores; use bradley_terry, win_rate or another"));
        }
    };
    if rules.bootstrap.is_some() {
        rated.notes.push("the bootstrap stands beside bradley_terry only".to_owned());
    }
    if !gathered.controls.is_empty() || !rules.humans.is_empty() {
        rated.notes.push("controls and human answers enter bradley_terry only".to_owned());
    }
    if anchor.is_some() && matches!(rules.method, Method::Elo | Method::Glicko2) {
        rated.notes.push("everybody starts at the anchor's rating; online ratings are not tied to a system".to_owned());
    }
    Ok(rated)
}

fn bradley_terry(gathered: &Gathered, meetings: &Meetings, scale: Scale, rules: &Rules) -> Result<Rating, Refusal> {
    let Gathered { systems, battles, .. } = gathered;
    let options = BtOptions { interval: BtInterval::ClusterSandwich, level: rules.level };
    let mut notes = Vec::new();
    let mut detail = Detail::default();
    if !rules.humans.is_empty() {
        let is_human: Vec<bool> = gathered.judges.iter().map(|judge| rules.humans.contains(judge)).collect();
        let found = rating::human_corrected(systems.len(), battles, &is_human, scale, options)
            .map_err(|e| Refusal::invalid("/humans", e.to_string()))?;
        notes.push(format!(
            "corrected by human answers on {} of {} pairs (lambda = {:.1}); right only if those were drawn at random",
            found.answered, found.pairs, found.lambda
        ));
        return Ok(Rating { table: found.table, bootstrap: None, detail, notes });
    }
    let controls = !gathered.controls.is_empty();
    let (judges, all_named) = battles.judges();
    let aware = match rules.judge_aware {
        JudgeAware::Off => false,
        JudgeAware::On if judges < 2 || !all_named => {
            return Err(Refusal::invalid(
                "/judge_aware",
                "every battle must name its judge, and there must be two or more; leave judge_aware at auto",
            ));
        }
        JudgeAware::On => true,
        JudgeAware::Auto if judges < 2 || !all_named => false,
        JudgeAware::Auto => match rating::cross_validated(meetings, battles) {
            Ok(found) => {
                let rest = format!(
                    "held-out log likelihood {:+.4} ± {:.4} a task, {} tasks",
                    found.gain, found.se, found.tasks
                );
                notes.push(if found.prefers_judges() {
                    format!("judges are told apart because that predicts better ({rest})")
                } else {
                    format!("judges are pooled: telling them apart does not predict better ({rest})")
                });
                found.prefers_judges()
            }
            Err(why) => {
                notes.push(format!("judges are pooled; whether to tell them apart was not tried: {why}"));
                false
            }
        },
    };
    let table = if aware || controls {
        let model = Joint { judges: aware, controls, ridge: rules.control_ridge, level: rules.level };
        let found =
            rating::joint(meetings, battles, scale, model).map_err(|e| Refusal::invalid("/method", e.to_string()))?;
        detail.judges = gathered
            .judges
            .iter()
            .zip(&found.judges)
            .map(|(judge, effect)| JudgeRow {
                judge: judge.clone(),
                battles: effect.battles,
                discrimination: effect.discrimination.value,
                discrimination_interval: effect.discrimination.interval.as_ref().ok().map(shown),
                first_place: effect.first_place.value,
                first_place_interval: effect.first_place.interval.as_ref().ok().map(shown),
            })
            .collect();
        detail.controls = gathered
            .controls
            .iter()
            .zip(&found.controls)
            .map(|(control, effect)| ControlRow {
                control: control.clone(),
                effect: effect.value,
                interval: effect.interval.as_ref().ok().map(shown),
                ridge: rules.control_ridge,
            })
            .collect();
        found.table
    } else {
        rating::bradley_terry_of(meetings, scale, options)
    };
    let mut bootstrap = None;
    if let Some(rounds) = rules.bootstrap {
        if aware || controls {
            notes.push("the bootstrap stands beside the pooled, uncontrolled model only".to_owned());
        } else {
            let interval = BtInterval::TaskBootstrap { rounds, seed: rules.seed };
            let drawn = rating::bradley_terry_of(meetings, scale, BtOptions { interval, ..options });
            let words = drawn.notes.iter().filter(|note| !table.notes.contains(note));
            notes.extend(words.map(|note| in_words(note, &drawn, systems)));
            bootstrap = Some(drawn);
        }
    }
    Ok(Rating { table, bootstrap, detail, notes })
}

fn shown(bounds: &Bounds) -> RowInterval {
    RowInterval { low: bounds.low, high: bounds.high, level: bounds.level, method: bounds.method.to_owned() }
}

/// Neighbours that a note names when they cannot be told apart.
const NAMED: usize = 3;

/// Verdicts of neighbours, and of all pairs where they can be listed.
fn versus(table: &RatingTable, gathered: &Gathered, rows: &mut [Row], detail: &mut Detail, notes: &mut Vec<String>) {
    let systems = &gathered.systems;
    let index: HashMap<&str, usize> = systems.iter().enumerate().map(|(at, system)| (system.as_str(), at)).collect();
    let order: Vec<usize> = rows.iter().filter_map(|row| index.get(row.system.as_str()).copied()).collect();
    let against = |i: usize, j: usize| -> Option<Versus> {
        let system = systems[j].to_string();
        let verdict = match table.difference(i, j, BAND) {
            Ok(found) => {
                return Some(Versus {
                    system,
                    difference: Some(found.value),
                    interval: found.interval.as_ref().ok().map(shown),
                    verdict: match found.standing {
                        Standing::Better => VersusVerdict::Better,
                        Standing::Worse => VersusVerdict::Worse,
                        Standing::Tied => VersusVerdict::Tied,
                        Standing::NotComparable => VersusVerdict::NotComparable,
                        Standing::NoSignal => VersusVerdict::NoSignal,
                    },
                    more_comparisons: found.more_comparisons,
                });
            }
            Err(NotEstimable::NotConnected | NotEstimable::NoBattles) => VersusVerdict::NotComparable,
            // A method without a covariance says nothing of differences.
            Err(NotEstimable::NoInterval) => return None,
            Err(_) => VersusVerdict::NoSignal,
        };
        Some(Versus { system, difference: None, interval: None, verdict, more_comparisons: None })
    };
    let mut unsure = 0;
    for (at, pair) in order.windows(2).enumerate() {
        let found = against(pair[0], pair[1]);
        if let Some(found) = found.as_ref().filter(|found| found.verdict == VersusVerdict::NoSignal) {
            unsure += 1;
            if unsure <= NAMED {
                notes.push(apart(&rows[at].system, found));
            }
        }
        rows[at].versus_next = found;
    }
    if unsure > NAMED {
        notes.push(format!("and {} more neighbours cannot be told apart yet", unsure - NAMED));
    }
    if order.len() > MOST_SHOWN {
        return;
    }
    for (at, i) in order.iter().enumerate() {
        for j in &order[at + 1..] {
            if let Some(versus) = against(*i, *j) {
                detail.differences.push(Between { upper: systems[*i].to_string(), versus });
            }
        }
    }
}

/// The note on two neighbours that cannot be told apart.
#[must_use]
pub fn apart(upper: &str, versus: &Versus) -> String {
    let more = match versus.more_comparisons {
        Some(more) if more <= 100_000.0 => {
            format!("about {} would tell, if the difference is what it seems", count(more as usize, "more comparison"))
        }
        Some(_) => "more than 100,000 more comparisons would be needed".to_owned(),
        None => return format!("`{upper}` and `{}` cannot be told apart yet", versus.system),
    };
    format!("`{upper}` and `{}` cannot be told apart yet: {more}", versus.system)
}

fn rows(table: &RatingTable, systems: &[SystemName]) -> Vec<Row> {
    let mut rows: Vec<Row> = table
        .players
        .iter()
        .map(|player| {
            let rating = player.rating.as_ref().ok();
            let interval = rating.map(|rating| &rating.interval);
            Row {
                system: systems[player.player].to_string(),
                rating: rating.map(|rating| rating.value),
                interval: interval.and_then(|interval| interval.as_ref().ok()).map(shown),
                undefined: match (&player.rating, interval) {
                    (Err(why), _) | (_, Some(Err(why))) => Some(why.to_string()),
                    _ => None,
                },
                rank: rating.map(|rating| (rating.rank_low, rating.rank_high)),
                n: player.battles,
                wins: Some(player.wins),
                ties: Some(player.ties),
                losses: Some(player.losses),
                group: player.group,
                regularised: rating.is_some_and(|rating| rating.regularised),
                versus_next: None,
                bootstrap: None,
            }
        })
        .collect();
    best_first(&mut rows);
    rows
}

pub(super) fn best_first(rows: &mut [Row]) {
    let value = |row: &Row| row.rating.unwrap_or(f64::NEG_INFINITY);
    rows.sort_by(|a, b| a.group.cmp(&b.group).then(value(b).total_cmp(&value(a))).then(a.system.cmp(&b.system)));
}

/// The room of statistics knows players and groups by number; a reader knows systems by name.
fn in_words(note: &Note, table: &RatingTable, systems: &[SystemName]) -> String {
    let played = table.groups.iter().filter(|group| group.len() > 1).count();
    let group = |index: usize| {
        let names = table.groups.get(index).into_iter().flatten().map(|player| systems[*player].as_str());
        let names: Vec<&str> = names.collect();
        if played > 1 { format!("among {}: ", names.join(", ")) } else { String::new() }
    };
    match note {
        Note::Unbeaten { player } => {
            format!("`{}` is unbeaten: how much better it is has no upper bound", systems[*player])
        }
        Note::Winless { player } => {
            format!("`{}` has not won: how much worse it is has no lower bound", systems[*player])
        }
        Note::BothBadExcluded { battles } => {
            format!(
                "{} judged both bad: that says nothing about who is better and is left out",
                count(*battles, "battle")
            )
        }
        Note::FewClusters { group: index, clusters } => {
            format!("{}the ratings rest on {} only: their intervals are rough", group(*index), count(*clusters, "task"))
        }
        Note::ResamplesRegularised { group: index, rounds } => {
            format!(
                "{}{} of the bootstrap had no finite estimate and were held finite by a prior",
                group(*index),
                count(*rounds, "round")
            )
        }
        Note::Disconnected { groups } => {
            format!(
                "the systems fall into {groups} groups that never met: ratings of different groups cannot be compared"
            )
        }
        other => other.to_string(),
    }
}

fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fought(a: &str, b: &str, outcome: Outcome, task: &str) -> Fought {
        let system = |name| SystemName::parse(name).unwrap();
        Fought {
            a: system(a),
            b: system(b),
            outcome,
            task: Some(TaskId::parse(task).unwrap()),
            imported: true,
            judge: None,
            longer: None,
        }
    }

    fn board(fought: &[Fought]) -> Board {
        battle_board(None, fought, 0, &Rules::default()).unwrap()
    }

    #[test]
    fn an_unbeaten_system_is_not_rated_three_and_a_half_thousand() {
        let battles: Vec<Fought> = (0..12)
            .flat_map(|t| {
                [
                    fought("best", "x", Outcome::A, &t.to_string()),
                    fought("x", "y", if t % 2 == 0 { Outcome::A } else { Outcome::B }, &t.to_string()),
                ]
            })
            .collect();
        let board = board(&battles);
        let best = &board.rows[0];
        assert_eq!(best.system, "best");
        assert!(best.regularised && best.rating.unwrap() < 2_000.0, "{best:?}");
        assert_eq!(best.interval.as_ref().unwrap().high, None);
        assert!(board.notes.iter().any(|note| note.contains("`best` is unbeaten")), "{:?}", board.notes);
    }

    #[test]
    fn three_judges_on_one_pair_of_one_task_are_one_battle() {
        let once: Vec<Fought> =
            (0..8).map(|t| fought("a", "b", if t < 5 { Outcome::A } else { Outcome::B }, &t.to_string())).collect();
        let thrice: Vec<Fought> = once.iter().flat_map(|battle| std::iter::repeat_n(battle.clone(), 3)).collect();
        let (one, three) = (board(&once), board(&thrice));
        let width = |board: &Board| {
            let interval = board.rows[0].interval.clone().unwrap();
            interval.high.unwrap() - interval.low.unwrap()
        };
        assert!((one.rows[0].rating.unwrap() - three.rows[0].rating.unwrap()).abs() < 1e-6);
        assert!(width(&three) > width(&one) * 0.95, "{} against {}", width(&three), width(&one));
    }

    #[test]
    fn groups_that_never_met_are_not_ranked_against_each_other() {
        let mut battles: Vec<Fought> = Vec::new();
        for task in 0..6 {
            let outcome = if task % 2 == 0 { Outcome::A } else { Outcome::B };
            battles.push(fought("a", "b", outcome, &task.to_string()));
            battles.push(fought("x", "y", outcome, &task.to_string()));
        }
        let board = board(&battles);
        let group = |system: &str| board.rows.iter().find(|row| row.system == system).unwrap().group;
        assert_eq!(group("a"), group("b"));
        assert_ne!(group("a"), group("x"));
    }

    #[test]
    fn both_bad_is_counted_and_is_no_evidence_of_equality() {
        let battles = [fought("a", "b", Outcome::BothBad, "1"), fought("a", "b", Outcome::BothBad, "2")];
        let board = board(&battles);
        assert_eq!(board.both_bad, 2);
        assert!(board.rows.iter().all(|row| row.rating.is_none() && row.undefined.is_some()), "{:?}", board.rows);
    }
}
