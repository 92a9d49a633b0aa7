//! One grading: what it scored and how sure that is, every criterion against every judge, the reasons and
//! quotes behind each vote, what the judges were shown, and the form by which a human overrules.
//!
//! What judges wrote goes along with the page while it is short; beyond [`INLINE_BUDGET`] it is fetched when
//! a criterion is opened (`/gradings/{id}/criteria/{n}`, which is also a page of its own).

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::error::{beside_form, paged, see_other, viewer};
use super::form::{self, Form};
use super::gradings::{ProgressView, progress};
use super::render::{Page, respond};
use super::words::{self, Mark, Quote, Time};
use crate::domain::{
    Criterion, CriterionId, Grading, GradingId, GradingResult, GradingState, JudgeName, Outcome, Override,
    Representation, Review, RubricVersion, SeenFile, Source, Status, Subject, Submission, Target, Task, Verdict, View,
    Vote, VoteOutcome,
};
use crate::grading::aggregate::{JudgeVote, ballots, judge_votes};
use crate::grading::call::subject_prefix;
use crate::grading::change;
use crate::http::auth::{Caller, Reviewer, Role, Submitter};
use crate::http::problem::Problem;
use crate::review::overrule::{self, Decision};
use crate::review::reveal;
use crate::services::Services;
use crate::store::{ProjectStore, Query, part, rubric_key};

/// Bytes of a page up to which votes and forms go along with the matrix.
const INLINE_BUDGET: usize = 95_000;
/// Criteria of one page.
pub(super) const ROWS: usize = 60;

#[derive(Debug, Serialize)]
pub(super) struct GradingPage {
    pub id: String,
    pub system: String,
    pub task: Option<String>,
    pub prompt: Option<String>,
    pub rubric: String,
    pub rubric_id: String,
    pub version: u32,
    pub panel: String,
    pub rules: String,
    pub status: Mark,
    pub created: Time,
    pub judged: Option<Time>,
    pub progress: Option<ProgressView>,
    /// Not settled yet.
    pub live: bool,
    pub error: Option<String>,
    pub score: Option<ScoreView>,
    pub facts: Option<Facts>,
    pub judges: Vec<JudgeHead>,
    pub filters: Vec<RowFilter>,
    pub rows: Vec<CriterionView>,
    pub criteria: usize,
    pub earlier: Option<usize>,
    pub later: Option<usize>,
    pub show: String,
    pub overrides: Vec<OverrideView>,
    pub reviews: Vec<ReviewLink>,
    pub submission_id: String,
    pub files: Vec<FileLink>,
    pub message: Option<String>,
    pub views: Vec<SeenView>,
    pub can_cancel: bool,
    pub can_retry: bool,
}

impl Page for GradingPage {
    const TEMPLATE: &'static str = "grading.html";
    const SECTION: &'static str = "gradings";
    fn title(&self) -> String {
        format!("{} · {}", self.system, self.rubric)
    }
}

/// A score as it is drawn: shares are in percent, with one decimal.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ScoreView {
    pub value: Option<String>,
    /// Why there is none.
    pub undefined: String,
    /// Low, high, level and method.
    pub interval: Option<IntervalView>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct IntervalView {
    pub low: String,
    pub high: String,
    /// `95`.
    pub level: String,
    pub method: String,
    /// `high - low`, at least a visible hair.
    pub width: String,
}

impl ScoreView {
    pub fn of(result: &GradingResult) -> Self {
        let score = &result.score;
        Self {
            value: score.value.map(words::percent),
            undefined: score.undefined.clone().unwrap_or_else(|| "no score".to_owned()),
            interval: result.interval.as_ref().filter(|_| score.value.is_some()).map(|interval| IntervalView {
                low: words::percent(interval.low),
                high: words::percent(interval.high),
                level: format!("{:.0}", interval.level * 100.0),
                method: interval.method.clone(),
                width: format!("{:.1}", ((interval.high - interval.low) * 100.0).max(0.8)),
            }),
        }
    }
}

/// Everything beside the score.
#[derive(Debug, Serialize)]
pub(super) struct Facts {
    pub awarded: String,
    pub positive: String,
    pub coverage: String,
    pub gates: Vec<GateView>,
    pub ungated: Option<String>,
    /// The score if what is inconclusive turned out worst and best; `None` when nothing is inconclusive.
    pub bounds: Option<(String, String)>,
    pub without_overrides: Option<String>,
    pub agreement: String,
    pub alpha: String,
    pub cost: String,
    pub calls: String,
    pub failed: u32,
    pub tokens: String,
}

#[derive(Debug, Serialize)]
pub(super) struct GateView {
    pub criterion: String,
    pub n: Option<usize>,
    pub cap: String,
}

#[derive(Debug, Serialize)]
pub(super) struct JudgeHead {
    pub name: String,
    pub model: String,
    pub provider: String,
}

#[derive(Debug, Serialize)]
pub(super) struct RowFilter {
    pub value: &'static str,
    pub label: &'static str,
    pub count: usize,
}

/// One row of the matrix.
#[derive(Debug, Serialize)]
pub(super) struct CriterionView {
    /// From 1, in the rubric's order.
    pub n: usize,
    pub id: String,
    pub requirement: String,
    pub points: String,
    pub penalty: bool,
    pub gate: Option<String>,
    pub tags: Vec<String>,
    pub trace: bool,
    pub cells: Vec<Mark>,
    pub verdict: Mark,
    pub source: &'static str,
    pub hint: String,
    pub open: bool,
    /// `None`: fetched when it is opened.
    pub detail: Option<Detail>,
}

/// What stands behind a row.
#[derive(Debug, Serialize)]
pub(super) struct Detail {
    pub grading: String,
    pub n: usize,
    pub criterion_id: String,
    /// In full where the row has only the beginning.
    pub requirement: Option<String>,
    pub levels: Vec<LevelView>,
    pub check: Option<String>,
    pub found: Vec<Quote>,
    pub votes: Vec<VoteView>,
    pub overrides: Vec<OverrideView>,
    pub form: Option<Form>,
}

#[derive(Debug, Serialize)]
pub(super) struct LevelView {
    pub name: String,
    pub points: String,
    pub description: String,
}

#[derive(Debug, Serialize)]
pub(super) struct VoteView {
    pub judge: String,
    pub repeat: Option<u32>,
    pub answer: Mark,
    pub reason: String,
    pub confidence: Option<String>,
    pub quotes: Vec<Quote>,
    pub model: Option<String>,
    pub cost: String,
    pub latency: String,
    pub attempts: u32,
}

#[derive(Debug, Serialize)]
pub(super) struct OverrideView {
    pub criterion: String,
    pub n: Option<usize>,
    pub value: Mark,
    pub reason: String,
    pub author: String,
    pub at: Time,
    pub from_review: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct ReviewLink {
    pub id: String,
    pub criterion: String,
    pub reason: String,
    pub state: String,
}

#[derive(Debug, Serialize)]
pub(super) struct FileLink {
    pub n: usize,
    pub name: String,
    pub size: String,
}

/// What some judges were shown.
#[derive(Debug, Serialize)]
pub(super) struct SeenView {
    pub judges: String,
    pub files: Vec<SeenFileView>,
}

#[derive(Debug, Serialize)]
pub(super) struct SeenFileView {
    pub name: String,
    pub state: Mark,
    pub shown: String,
    /// In percent; `None` where the size of a cut is not known.
    pub coverage: Option<String>,
    pub cuts: Vec<String>,
    pub findings: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    show: String,
    /// The first row of the page, from 0.
    #[serde(default)]
    from: usize,
    /// The criterion that is open.
    open: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct Posted {
    criterion_id: String,
    #[serde(default)]
    value: String,
    #[serde(default)]
    reason: String,
}

/// A form that was not taken.
struct Refused {
    criterion: Option<CriterionId>,
    value: String,
    reason: String,
    message: String,
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/gradings/{id}").route(web::get().to(show)).wrap(from_fn(paged)))
        .service(web::resource("/gradings/{id}/criteria/{n}").route(web::get().to(criterion)).wrap(from_fn(paged)))
        .service(web::resource("/gradings/{id}/overrides").route(web::post().to(overrule)).wrap(from_fn(paged)))
        .service(web::resource("/gradings/{id}/cancel").route(web::post().to(cancel)).wrap(from_fn(paged)))
        .service(web::resource("/gradings/{id}/retry").route(web::post().to(retry)).wrap(from_fn(paged)));
}

pub(super) fn grading_id(text: &str) -> Result<GradingId, Problem> {
    text.parse().map_err(|_| Problem::not_found("grading", words::clip(text, 40)))
}

/// Whoever may be asked about a grading and looks at all of it does not answer blind: that is on record first.
async fn shown(services: &Services, caller: &Caller, material: &Material) -> Result<(), Problem> {
    if caller.role >= Role::Reviewer {
        reveal::of_grading(services, &caller.project, &material.grading, &caller.author).await?;
    }
    Ok(())
}

async fn show(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Submitter,
    id: web::Path<String>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let material = Material::load(&caller.project, grading_id(&id)?).await?;
    shown(&services, &caller, &material).await?;
    let page = material.page(&services, &caller, &asked, None);
    Ok(respond(StatusCode::OK, Some(&viewer(&request, &caller)), &page))
}

/// A criterion on its own: what the matrix fetches, and a page for browsers without script.
#[derive(Debug, Serialize)]
pub(super) struct CriterionPage {
    pub grading: String,
    pub system: String,
    pub n: usize,
    pub row: CriterionView,
}

impl Page for CriterionPage {
    const TEMPLATE: &'static str = "criterion.html";
    const SECTION: &'static str = "gradings";
    fn title(&self) -> String {
        format!("Criterion {} · {}", self.n, self.system)
    }
}

/// Only the inside, for the matrix that fetched it.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct CriterionFragment(pub CriterionPage);

impl Page for CriterionFragment {
    const TEMPLATE: &'static str = "fragment.html";
    const SECTION: &'static str = "gradings";
    fn title(&self) -> String {
        self.0.title()
    }
}

#[derive(Debug, Deserialize)]
struct Fragment {
    #[serde(default)]
    fragment: u8,
}

async fn criterion(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Submitter,
    path: web::Path<(String, String)>,
    asked: web::Query<Fragment>,
) -> Result<HttpResponse, Problem> {
    let (id, n) = path.into_inner();
    let material = Material::load(&caller.project, grading_id(&id)?).await?;
    shown(&services, &caller, &material).await?;
    let all = material.rubric.rubric.criteria();
    let index = n.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).filter(|index| *index < all.len());
    let Some(index) = index else { return Err(Problem::not_found("criterion", words::clip(&n, 20))) };
    let votes = ballots(&material.votes);
    let mut row = material.row(index, &votes);
    row.open = true;
    row.detail = Some(material.detail(index, &caller, None));
    let page = CriterionPage {
        grading: material.grading.id.to_string(),
        system: material.grading.system.to_string(),
        n: index + 1,
        row,
    };
    let viewer = viewer(&request, &caller);
    Ok(match asked.fragment {
        0 => respond(StatusCode::OK, Some(&viewer), &page),
        _ => respond(StatusCode::OK, Some(&viewer), &CriterionFragment(page)),
    })
}

async fn overrule(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Reviewer,
    id: web::Path<String>,
    posted: web::Form<Posted>,
) -> Result<HttpResponse, Problem> {
    let id = grading_id(&id)?;
    let criterion = CriterionId::parse(posted.criterion_id.clone());
    let tried: Result<(), Problem> = async {
        let decision = Decision {
            criterion_id: criterion.clone().map_err(|e| crate::refusal::Refusal::name("/criterion_id", &e))?,
            value: form::value(&posted.value)?,
            reason: posted.reason.clone(),
            author: caller.author.clone(),
            review_id: None,
            failure: None,
        };
        overrule::overrule(&services, &caller.project, id, decision).await?;
        Ok(())
    }
    .await;
    let material = Material::load(&caller.project, id).await?;
    let Err(problem) = tried else {
        let n = criterion.ok().and_then(|criterion| material.number(&criterion)).unwrap_or(1);
        let from = (n - 1) / ROWS * ROWS;
        return Ok(see_other(&format!("/gradings/{id}?from={from}&open={n}#c{n}")));
    };
    let refused = Refused {
        criterion: criterion.ok(),
        value: posted.value.clone(),
        reason: posted.reason.clone(),
        message: beside_form(&problem),
    };
    let page = material.page(&services, &caller, &Asked::default(), Some(&refused));
    Ok(respond(problem.code.status(), Some(&viewer(&request, &caller)), &page))
}

async fn cancel(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Submitter,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = grading_id(&id)?;
    let tried = change::cancel(&services, &caller.project, id).await.map(drop).map_err(Problem::from);
    changed(&request, &services, &caller, id, tried).await
}

async fn retry(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Submitter,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = grading_id(&id)?;
    let tried = change::retry(&services, &caller.project, id, None).await.map(drop).map_err(Problem::from);
    changed(&request, &services, &caller, id, tried).await
}

/// Back to the grading; with the reason on it if it did not change.
async fn changed(
    request: &HttpRequest,
    services: &Services,
    caller: &Caller,
    id: GradingId,
    tried: Result<(), Problem>,
) -> Result<HttpResponse, Problem> {
    let Err(problem) = tried else { return Ok(see_other(&format!("/gradings/{id}"))) };
    let material = Material::load(&caller.project, id).await?;
    let refused =
        Refused { criterion: None, value: String::new(), reason: String::new(), message: beside_form(&problem) };
    let page = material.page(services, caller, &Asked::default(), Some(&refused));
    Ok(respond(problem.code.status(), Some(&viewer(request, caller)), &page))
}

/// A grading with everything that is shown of it.
pub(super) struct Material {
    pub grading: Grading,
    pub rubric: RubricVersion,
    pub submission: Submission,
    pub task: Option<Task>,
    pub votes: Vec<Vote>,
    pub overrides: Vec<Override>,
    pub reviews: Vec<Review>,
}

impl Material {
    /// # Errors
    /// If there is no such grading, or the store cannot.
    pub async fn load(project: &ProjectStore, id: GradingId) -> Result<Self, Problem> {
        let Some(kept) = project.get::<Grading>(&id.to_string()).await? else {
            return Err(Problem::not_found("grading", id));
        };
        let grading = kept.record;
        let lost = |what: &str| Problem::internal(format!("grading {id} refers to a {what} that is not kept"));
        let rubric = project
            .get::<RubricVersion>(&rubric_key(grading.rubric.id, grading.rubric.version))
            .await?
            .ok_or_else(|| lost("rubric"))?;
        let submission = project.get::<Submission>(&grading.submission_id.to_string()).await?;
        let task = match &grading.task_id {
            Some(task) => project.get::<Task>(&part(task.as_str())).await?.map(|kept| kept.record),
            None => None,
        };
        Ok(Self {
            rubric: rubric.record,
            submission: submission.ok_or_else(|| lost("submission"))?.record,
            task,
            votes: project.all::<Vote>(Query::prefix(subject_prefix(Subject::Grading(id)))).await?,
            overrides: overrule::list(project, id).await?.0,
            reviews: project.all::<Review>(Query::link("grading", id)).await?,
            grading,
        })
    }

    fn judges(&self) -> Vec<JudgeHead> {
        let judges = self.grading.panel.judges.iter();
        judges
            .map(|judge| JudgeHead {
                name: judge.name.to_string(),
                model: judge.model.clone(),
                provider: judge.provider.clone(),
            })
            .collect()
    }

    fn page(&self, services: &Services, caller: &Caller, asked: &Asked, refused: Option<&Refused>) -> GradingPage {
        let grading = &self.grading;
        let status = grading.status();
        let result = grading.result();
        let votes = ballots(&self.votes);
        let all: Vec<CriterionView> = (0..self.rubric.rubric.criteria().len()).map(|i| self.row(i, &votes)).collect();
        let filters = filters(&all);
        let show = filters.iter().map(|filter| filter.value).find(|value| *value == asked.show).unwrap_or_default();
        // A refused form stands on its own page of the matrix, open.
        let opened = refused
            .and_then(|refused| refused.criterion.as_ref())
            .and_then(|id| self.rubric.rubric.criteria().iter().position(|c| c.id == *id))
            .map(|index| index + 1)
            .or(asked.open);
        let from = if refused.is_some() { opened.map_or(0, |n| (n - 1) / ROWS * ROWS) } else { asked.from };
        let mut chosen: Vec<CriterionView> = all.into_iter().filter(|row| passes(row, show)).collect();
        let matching = chosen.len();
        let from = if from < matching { from } else { 0 };
        let mut rows: Vec<CriterionView> = chosen.drain(from..matching.min(from + ROWS)).collect();
        self.add_details(&mut rows, caller, opened, refused);
        let refused_without_form = refused.filter(|_| !rows.iter().any(|row| row.open && row.detail.is_some()));
        GradingPage {
            id: grading.id.to_string(),
            system: grading.system.to_string(),
            task: grading.task_id.as_ref().map(ToString::to_string),
            prompt: self.prompt().map(|prompt| words::clip(prompt, 6_000)),
            rubric: self.rubric.rubric.title().map_or_else(|| "Untitled rubric".to_owned(), |t| words::clip(t, 200)),
            rubric_id: grading.rubric.id.to_string(),
            version: grading.rubric.version,
            panel: grading.panel.name.to_string(),
            rules: self.rules(),
            status: words::status(status),
            created: words::time(grading.created_at),
            judged: match &grading.state {
                GradingState::Judged { at, .. } => Some(words::time(*at)),
                _ => None,
            },
            progress: progress(services, grading),
            live: !status.is_settled(),
            error: refused_without_form.map(|refused| refused.message.clone()),
            score: result.map(ScoreView::of),
            facts: result.map(|result| self.facts(result)),
            judges: self.judges(),
            filters,
            criteria: matching,
            earlier: (from > 0).then(|| from.saturating_sub(ROWS)),
            later: (from + ROWS < matching).then_some(from + ROWS),
            show: show.to_owned(),
            rows,
            overrides: self.overrides.iter().rev().take(100).map(|o| self.override_view(o)).collect(),
            reviews: self.review_links(services),
            submission_id: self.submission.id.to_string(),
            files: self.file_links(),
            message: self.submission.text.as_deref().map(|text| words::clip(text, 4_000)),
            views: result.map(|result| result.views.iter().map(seen).collect()).unwrap_or_default(),
            can_cancel: !status.is_settled(),
            can_retry: matches!(status, Status::Partial | Status::Failed | Status::Cancelled),
        }
    }

    pub fn prompt(&self) -> Option<&str> {
        self.grading.prompt.as_deref().or(self.task.as_ref().map(|task| task.prompt.as_str()))
    }

    fn rules(&self) -> String {
        let panel = &self.grading.panel;
        let aggregation = panel.aggregation.as_str();
        let repeats = if panel.repeats > 1 { format!(", each asked {} times", panel.repeats) } else { String::new() };
        format!("{} judges, {aggregation}, quorum {}{repeats}", panel.judges.len(), panel.quorum)
    }

    fn number(&self, id: &CriterionId) -> Option<usize> {
        self.rubric.rubric.criteria().iter().position(|c| c.id == *id).map(|index| index + 1)
    }

    fn facts(&self, result: &GradingResult) -> Facts {
        let score = &result.score;
        let agreement = &result.agreement;
        let share = |value: Option<f64>| value.map(words::percent);
        let undecided = result.verdicts.iter().any(|verdict| !verdict.decision.is_conclusive());
        Facts {
            awarded: words::points(score.awarded),
            positive: words::points(score.positive),
            coverage: words::percent(score.coverage),
            gates: score
                .gates
                .iter()
                .map(|gate| GateView {
                    criterion: gate.criterion_id.to_string(),
                    n: self.number(&gate.criterion_id),
                    cap: words::percent(gate.cap),
                })
                .collect(),
            ungated: share(score.ungated.filter(|_| !score.gates.is_empty())),
            bounds: undecided.then(|| (words::percent(score.if_none_met), words::percent(score.if_all_met))),
            without_overrides: share(result.score_without_overrides.filter(|_| !self.overrides.is_empty())),
            agreement: share(agreement.raw).map_or_else(|| "not defined".to_owned(), |raw| format!("{raw} %")),
            alpha: match (&agreement.alpha, &agreement.undefined) {
                (Some(alpha), _) => match (alpha.low, alpha.high) {
                    (Some(low), Some(high)) => format!("α {:.2} [{low:.2}, {high:.2}], n = {}", alpha.value, alpha.n),
                    _ => format!("α {:.2}, no interval, n = {}", alpha.value, alpha.n),
                },
                (None, Some(why)) => format!("α undefined: {why}"),
                (None, None) => "α undefined".to_owned(),
            },
            cost: words::usd(result.cost_usd),
            calls: words::count(u64::from(result.calls.made)),
            failed: result.calls.failed,
            tokens: format!(
                "{} in ({} cached), {} out",
                words::count(result.usage.input_tokens),
                words::count(result.usage.cached_input_tokens),
                words::count(result.usage.output_tokens)
            ),
        }
    }

    fn verdict(&self, id: &CriterionId) -> Option<&Verdict> {
        self.grading.result()?.verdicts.iter().find(|verdict| verdict.criterion_id == *id)
    }

    fn row(&self, index: usize, votes: &crate::grading::aggregate::Ballots<'_>) -> CriterionView {
        let criterion = &self.rubric.rubric.criteria()[index];
        let own = votes.get(&criterion.id);
        let reduced: BTreeMap<&JudgeName, JudgeVote> = judge_votes(criterion, own).into_iter().collect();
        let cells = self.grading.panel.judges.iter().map(|judge| match reduced.get(&judge.name) {
            Some(vote) => words::judge_vote(vote, failures(own.and_then(|own| own.get(&judge.name)))),
            None if criterion.check.is_some() => words::no_vote("checked, not asked"),
            None => words::no_vote("no vote yet"),
        });
        let mut labels: Vec<&str> = reduced.values().filter_map(JudgeVote::label).collect();
        labels.sort_unstable();
        labels.dedup();
        let verdict = self.verdict(&criterion.id);
        CriterionView {
            n: index + 1,
            id: criterion.id.to_string(),
            requirement: words::clip(&criterion.requirement, REQUIREMENT_CHARS),
            points: words::points(criterion.points),
            penalty: criterion.is_penalty(),
            gate: criterion.gate.map(words::gate),
            tags: criterion.tags.iter().take(6).map(|tag| words::clip(tag, 40)).collect(),
            trace: criterion.target == Target::Trace,
            cells: cells.collect(),
            verdict: verdict.map_or_else(|| words::no_vote("no verdict yet"), |v| words::decision(&v.decision)),
            source: match verdict.map(|verdict| verdict.source) {
                None => "",
                Some(Source::Panel) => "panel",
                Some(Source::Check) => "check",
                Some(Source::Override) => "human",
            },
            hint: hint(labels.len() > 1, own.into_iter().flat_map(|own| own.values().flatten().copied())),
            open: false,
            detail: None,
        }
    }

    /// Adds what stands behind the rows, as long as it fits; the open one always.
    fn add_details(
        &self,
        rows: &mut [CriterionView],
        caller: &Caller,
        opened: Option<usize>,
        refused: Option<&Refused>,
    ) {
        let heavy: usize = self.votes.iter().map(weight).sum::<usize>() + rows.len() * (FORM_BYTES + ROW_BYTES);
        for row in rows {
            row.open = opened == Some(row.n);
            if row.open || heavy <= INLINE_BUDGET {
                let own = refused.filter(|r| r.criterion.as_ref().is_some_and(|id| id.as_str() == row.id));
                row.detail = Some(self.detail(row.n - 1, caller, own));
            }
        }
    }

    fn detail(&self, index: usize, caller: &Caller, refused: Option<&Refused>) -> Detail {
        let criterion = &self.rubric.rubric.criteria()[index];
        let own: Vec<&Override> = self.overrides.iter().filter(|o| o.criterion_id == criterion.id).collect();
        let may = caller.role >= Role::Reviewer && self.grading.result().is_some();
        let form = may.then(|| {
            let form = Form::for_criterion(criterion, !own.is_empty());
            match refused {
                None => form,
                Some(refused) => form.refused(&refused.value, &refused.reason, refused.message.clone()),
            }
        });
        let checked = self.verdict(&criterion.id).filter(|_| criterion.check.is_some());
        Detail {
            grading: self.grading.id.to_string(),
            n: index + 1,
            criterion_id: criterion.id.to_string(),
            requirement: (criterion.requirement.chars().count() > REQUIREMENT_CHARS)
                .then(|| criterion.requirement.clone()),
            levels: criterion.levels.iter().map(level).collect(),
            check: criterion.check.as_ref().and_then(|check| serde_json::to_string(check).ok()),
            found: checked.map(|v| v.evidence.iter().map(words::quote).collect()).unwrap_or_default(),
            votes: self.vote_views(criterion),
            overrides: own.into_iter().rev().map(|o| self.override_view(o)).collect(),
            form,
        }
    }

    /// Votes on a criterion, judge by judge in the panel's order.
    pub fn vote_views(&self, criterion: &Criterion) -> Vec<VoteView> {
        let ballots = ballots(&self.votes);
        let Some(own) = ballots.get(&criterion.id) else { return Vec::new() };
        let judges = self.grading.panel.judges.iter();
        judges
            .filter_map(|judge| own.get(&judge.name))
            .flatten()
            .map(|vote| vote_view(vote, self.grading.panel.repeats > 1))
            .collect()
    }

    fn override_view(&self, one: &Override) -> OverrideView {
        OverrideView {
            criterion: one.criterion_id.to_string(),
            n: self.number(&one.criterion_id),
            value: words::value(&one.value),
            reason: one.reason.clone(),
            author: one.author.to_string(),
            at: words::time(one.created_at),
            from_review: one.review_id.is_some(),
        }
    }

    fn review_links(&self, services: &Services) -> Vec<ReviewLink> {
        let now = services.now();
        let link = |review: &Review| ReviewLink {
            id: review.id.to_string(),
            criterion: review.criterion().map_or_else(|| review.about.kind().to_owned(), |(_, id)| id.to_string()),
            reason: words::review_reason(&review.reason),
            state: review.state(now).as_str().to_owned(),
        };
        self.reviews.iter().take(100).map(link).collect()
    }

    fn file_links(&self) -> Vec<FileLink> {
        let files = self.submission.files.iter().enumerate().take(100);
        files.map(|(n, file)| FileLink { n, name: file.name.to_string(), size: words::bytes(file.bytes) }).collect()
    }
}

/// Characters of a requirement that stand in the matrix.
const REQUIREMENT_CHARS: usize = 320;
/// Markup of one opened criterion, about.
const FORM_BYTES: usize = 1_100;

/// Markup of one row of the matrix, about.
const ROW_BYTES: usize = 1_400;

/// Bytes a vote takes on the page, about.
fn weight(vote: &Vote) -> usize {
    let said = match &vote.outcome {
        VoteOutcome::Answered(opinion) => {
            opinion.reason.len() + opinion.evidence.iter().map(|e| e.quote.len() + e.file.len() + 220).sum::<usize>()
        }
        VoteOutcome::Failed { detail, .. } => detail.len(),
    };
    said + 420
}

fn filters(rows: &[CriterionView]) -> Vec<RowFilter> {
    let all = [
        ("", "all"),
        ("unmet", "unmet"),
        ("inconclusive", "inconclusive"),
        ("split", "judges differ"),
        ("failed", "failed votes"),
        ("human", "overruled"),
    ];
    let counted = all.map(|(value, label)| RowFilter {
        value,
        label,
        count: rows.iter().filter(|row| passes(row, value)).count(),
    });
    counted.into_iter().filter(|filter| filter.value.is_empty() || filter.count > 0).collect()
}

fn passes(row: &CriterionView, show: &str) -> bool {
    match show {
        "unmet" => row.verdict.kind == "unmet",
        "inconclusive" => row.verdict.kind == "cannot",
        "split" => row.hint.starts_with(SPLIT),
        "failed" => row.cells.iter().any(|cell| cell.kind == "failed"),
        "human" => row.source == "human",
        _ => true,
    }
}

const SPLIT: &str = "judges differ";

/// What a look at the closed row should tell.
fn hint<'a>(split: bool, votes: impl Iterator<Item = &'a Vote>) -> String {
    let (mut count, mut quotes, mut lost, mut failed) = (0, 0, 0, 0);
    for vote in votes {
        match &vote.outcome {
            VoteOutcome::Answered(opinion) => {
                count += 1;
                quotes += opinion.evidence.len();
                lost += opinion.evidence.iter().filter(|e| e.found == crate::domain::Match::NotFound).count();
            }
            VoteOutcome::Failed { .. } => failed += 1,
        }
    }
    let several = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let mut parts = Vec::new();
    if split {
        parts.push(SPLIT.to_owned());
    }
    if count > 0 {
        parts.push(several(count, "reason", "reasons"));
    }
    if quotes > 0 {
        parts.push(several(quotes, "quote", "quotes"));
    }
    if lost > 0 {
        parts.push(format!("{lost} not found"));
    }
    if failed > 0 {
        parts.push(several(failed, "failed call", "failed calls"));
    }
    parts.join(" · ")
}

fn failures(votes: Option<&Vec<&Vote>>) -> String {
    let causes = votes.into_iter().flatten().filter_map(|vote| match &vote.outcome {
        VoteOutcome::Failed { cause, detail } => Some(format!("{}: {}", cause.as_str(), words::clip(detail, 160))),
        VoteOutcome::Answered(_) => None,
    });
    causes.collect::<Vec<_>>().join("; ")
}

pub(super) fn level(level: &crate::domain::Level) -> LevelView {
    LevelView {
        name: level.name.clone(),
        points: words::points(level.points),
        description: level.description.clone().unwrap_or_default(),
    }
}

fn vote_view(vote: &Vote, repeated: bool) -> VoteView {
    let (reason, confidence, quotes) = match &vote.outcome {
        VoteOutcome::Answered(opinion) => (
            opinion.reason.clone(),
            opinion.confidence.map(words::percent),
            opinion.evidence.iter().map(words::quote).collect(),
        ),
        VoteOutcome::Failed { cause, detail } => (format!("{}: {detail}", cause.as_str()), None, vec![]),
    };
    VoteView {
        judge: vote.key.judge.to_string(),
        repeat: repeated.then_some(vote.key.repeat + 1),
        answer: words::outcome(&vote.outcome),
        reason,
        confidence,
        quotes,
        model: vote.model.clone(),
        cost: if vote.attempts == 0 { "not asked".to_owned() } else { words::usd(vote.cost_usd) },
        latency: format!("{:.1} s", vote.latency_ms as f64 / 1e3),
        attempts: vote.attempts,
    }
}

fn seen(view: &View) -> SeenView {
    let judges: Vec<&str> = view.judges.iter().map(JudgeName::as_str).collect();
    SeenView { judges: judges.join(", "), files: view.manifest.files.iter().take(100).map(seen_file).collect() }
}

fn seen_file(file: &SeenFile) -> SeenFileView {
    let mut parts: Vec<String> = Vec::new();
    match file.representation {
        Representation::Text => parts.push("as text".to_owned()),
        Representation::Images => parts.push("as images".to_owned()),
        Representation::TextAndImages => parts.push("as text and images".to_owned()),
        Representation::Media => parts.push("as sound or moving picture".to_owned()),
        Representation::None => parts.push("nothing of it".to_owned()),
    }
    let several = |n: u32, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    if let Some(pages) = file.pages {
        parts.push(several(pages, "page"));
    }
    if file.sheets > 0 {
        parts.push(several(file.sheets, "sheet"));
    }
    if file.images > 0 {
        parts.push(several(file.images, "image"));
    }
    if file.characters > 0 {
        parts.push(format!("{} characters", words::count(file.characters)));
    }
    let (state, unreadable) = match &file.outcome {
        Outcome::Read => (("met", "✓", "read"), None),
        Outcome::Partial => (("cannot", "◐", "cut"), None),
        Outcome::Unreadable { reason } => (("unmet", "✕", "unreadable"), Some(reason.clone())),
    };
    let mut cuts: Vec<String> = unreadable.into_iter().collect();
    cuts.extend(file.cuts.iter().take(12).map(|cut| match cut.characters {
        Some(n) => format!("not shown: {} ({}; {} characters)", cut.what, cut.why, words::count(n)),
        None => format!("not shown: {} ({})", cut.what, cut.why),
    }));
    SeenFileView {
        name: file.name.clone(),
        state: Mark { kind: state.0, glyph: state.1, label: state.2.to_owned(), title: String::new() },
        shown: parts.join(", "),
        coverage: file.coverage.map(words::percent),
        cuts,
        findings: file.findings.iter().take(12).map(|f| format!("{} ({})", f.detail, f.place)).collect(),
    }
}
