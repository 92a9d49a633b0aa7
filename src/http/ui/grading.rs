//! One grading: what it scored and how sure that is, every criterion against every judge, the reasons and
//! quotes behind each vote, what the judges were shown, and the form by which a human overrules.
//!
//! What judges wrote goes along with the page while it is short ([`INLINE_BUDGET`]); up to [`AHEAD_BUDGET`] it is fetched
//! when the page stands, beyond it when a criterion is opened (`/gradings/{id}/criteria/{n}`, also a page of its own).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::error::{beside_form, paged, see_other, viewer};
use super::form::{self, Form};
use super::gradings::{ProgressView, progress};
use super::render::{Page, respond, url_part};
use super::words::{self, Mark, Quote, Time};
use crate::domain::{
    Author, CallKey, Criterion, CriterionId, Decision as Verdicts, Evidence, Grading, GradingId, GradingResult,
    GradingState, JudgeName, Outcome, Override, Place, Question, Representation, Review, ReviewId, Rubric,
    RubricVersion, Section, SeenFile, SeenPicture, Source, Status, Subject, Submission, Tally, Target, Task, Timestamp,
    Verdict, View, Vote, VoteOutcome,
};
use crate::grading::aggregate::{JudgeVote, ballots, judge_votes};
use crate::grading::call::subject_prefix;
use crate::grading::change;
use crate::http::auth::{Caller, Reviewer, Role, Submitter};
use crate::http::matter::Matter;
use crate::http::problem::Problem;
use crate::review::overrule::{self, Decision};
use crate::review::{order, reveal};
use crate::services::Services;
use crate::store::{ProjectStore, Query, call_key, part, rubric_key};

/// Bytes up to which votes and forms go along with the matrix: more of them are seen later than the matrix is.
const INLINE_BUDGET: usize = 24_000;
/// Bytes up to which the script fetches them all when the page stands, so that each opens at once and all are printed.
const AHEAD_BUDGET: usize = 95_000;
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
    /// What stands behind the rows is not here and short enough to be fetched whole.
    pub ahead: bool,
    pub criteria: usize,
    pub earlier: Option<usize>,
    pub later: Option<usize>,
    pub show: String,
    /// The tag or section that is shown alone, and those there are, with their labels.
    pub within: String,
    pub groups: Vec<(String, String)>,
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
    pub timeline: Vec<Happened>,
    pub overrides: Vec<OverrideView>,
    pub form: Option<Form>,
}

/// One step of a criterion's way from vote to decision.
#[derive(Debug, Serialize)]
pub(super) struct Happened {
    pub who: String,
    pub what: Mark,
    pub said: String,
    pub at: Time,
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

/// Pictures of a view that are listed.
const PICTURES: usize = 24;

/// What some judges were shown.
#[derive(Debug, Serialize)]
pub(super) struct SeenView {
    pub judges: String,
    pub files: Vec<SeenFileView>,
    /// Pictures as they were sent: where from, and the hash that they are kept under.
    pub pictures: Vec<(String, String)>,
    /// Those that are not listed.
    pub more_pictures: usize,
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
    /// `tag:x`, or `section:3` by the sections' order.
    #[serde(default)]
    within: String,
    /// The first row of the page, from 0.
    #[serde(default)]
    from: usize,
    /// The criterion that is open.
    open: Option<usize>,
    /// 1: with what stands behind the rows.
    #[serde(default)]
    details: u8,
}

#[derive(Debug, Deserialize)]
struct Posted {
    criterion_id: String,
    #[serde(default)]
    value: String,
    #[serde(default)]
    reason: String,
}

/// A form that comes back: it was not taken, or asked what it would change.
struct Returned {
    criterion: Option<CriterionId>,
    value: String,
    reason: String,
    told: Told,
}

enum Told {
    Refused(String),
    Effect(String),
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/gradings/{id}").route(web::get().to(show)).wrap(from_fn(paged)))
        .service(web::resource("/gradings/{id}/criteria/{n}").route(web::get().to(criterion)).wrap(from_fn(paged)))
        .service(web::resource("/gradings/{id}/overrides").route(web::post().to(overrule)).wrap(from_fn(paged)))
        .service(web::resource("/gradings/{id}/overrides/preview").route(web::post().to(preview)).wrap(from_fn(paged)))
        .service(web::resource("/gradings/{id}/cancel").route(web::post().to(cancel)).wrap(from_fn(paged)))
        .service(web::resource("/gradings/{id}/retry").route(web::post().to(retry)).wrap(from_fn(paged)));
}

pub(super) fn grading_id(text: &str) -> Result<GradingId, Problem> {
    text.parse().map_err(|_| Problem::not_found("grading", words::clip(text, 40)))
}

/// Whoever may be asked about a grading and looks at all of it does not answer blind: that is on record first.
pub(super) async fn shown(services: &Services, caller: &Caller, grading: &Grading) -> Result<(), Problem> {
    if caller.role >= Role::Reviewer {
        reveal::of_grading(services, &caller.project, grading, &caller.author).await?;
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
    let mut material = Material::load(&caller.project, grading_id(&id)?).await?;
    shown(&services, &caller, &material.grading).await?;
    let page = material.page(&services, &caller, &asked, None).await?;
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
    let mut material = Material::load(&caller.project, grading_id(&id)?).await?;
    shown(&services, &caller, &material.grading).await?;
    let all = material.rubric.rubric.criteria();
    let index = n.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).filter(|index| *index < all.len());
    let Some(index) = index else { return Err(Problem::not_found("criterion", words::clip(&n, 20))) };
    let wanted = BTreeSet::from([index]);
    material.read_votes(&caller.project, &wanted).await?;
    material.read_reviews(&caller.project, &wanted).await?;
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
        let decision = posted.decision(&caller.author)?;
        overrule::overrule(&services, &caller.project, id, decision).await?;
        Ok(())
    }
    .await;
    let mut material = Material::load(&caller.project, id).await?;
    let Err(problem) = tried else {
        let n = criterion.ok().and_then(|criterion| material.number(&criterion)).unwrap_or(1);
        let from = (n - 1) / ROWS * ROWS;
        return Ok(see_other(&format!("/gradings/{id}?from={from}&open={n}#c{n}")));
    };
    let told = Told::Refused(beside_form(&problem));
    let returned = posted.returned(criterion.ok(), told);
    let page = material.page(&services, &caller, &Asked::default(), Some(&returned)).await?;
    Ok(respond(problem.code.status(), Some(&viewer(&request, &caller)), &page))
}

impl Posted {
    fn decision(&self, author: &Author) -> Result<Decision, Problem> {
        let named = CriterionId::parse(self.criterion_id.clone());
        Ok(Decision {
            criterion_id: named.map_err(|e| crate::refusal::Refusal::name("/criterion_id", &e))?,
            value: form::value(&self.value)?,
            reason: self.reason.clone(),
            author: author.clone(),
            review_id: None,
            failure: None,
        })
    }

    fn returned(&self, criterion: Option<CriterionId>, told: Told) -> Returned {
        Returned { criterion, value: self.value.clone(), reason: self.reason.clone(), told }
    }
}

/// What a decision would change; nothing is kept.
async fn preview(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Reviewer,
    id: web::Path<String>,
    posted: web::Form<Posted>,
) -> Result<HttpResponse, Problem> {
    let id = grading_id(&id)?;
    let criterion = CriterionId::parse(posted.criterion_id.clone());
    let tried: Result<String, Problem> = async {
        let decision = posted.decision(&caller.author)?;
        let (before, after) = overrule::preview(&services, &caller.project, id, &decision).await?;
        Ok(effect(&before, &after, &decision.criterion_id))
    }
    .await;
    let mut material = Material::load(&caller.project, id).await?;
    let (status, told) = match tried {
        Ok(effect) => (StatusCode::OK, Told::Effect(effect)),
        Err(problem) => (problem.code.status(), Told::Refused(beside_form(&problem))),
    };
    let returned = posted.returned(criterion.ok(), told);
    let page = material.page(&services, &caller, &Asked::default(), Some(&returned)).await?;
    Ok(respond(status, Some(&viewer(&request, &caller)), &page))
}

/// A decision's effect in words.
fn effect(before: &Grading, after: &Grading, criterion: &CriterionId) -> String {
    let of = |grading: &Grading| {
        let result = grading.result();
        let score = result.map_or_else(
            || "no score".to_owned(),
            |result| match result.score.value {
                Some(value) => format!("{} %", words::percent(value)),
                None => "no score".to_owned(),
            },
        );
        let verdict =
            result.and_then(|result| result.verdicts.iter().find(|verdict| verdict.criterion_id == *criterion));
        let gates = result.map_or(0, |result| result.score.gates.len());
        (
            score,
            verdict.map_or_else(|| "no verdict".to_owned(), |verdict| words::decision(&verdict.decision).label),
            gates,
        )
    };
    let ((score, verdict, gates), (score_after, verdict_after, gates_after)) = (of(before), of(after));
    let change = |what: &str, from: &str, to: &str| {
        if from == to { format!("{what} stays {from}") } else { format!("{what} from {from} to {to}") }
    };
    let mut told = vec![change("Score", &score, &score_after), change("verdict", &verdict, &verdict_after)];
    if gates != gates_after {
        told.push(format!("closed gates from {gates} to {gates_after}"));
    }
    format!("{}.", told.join(", "))
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
    let mut material = Material::load(&caller.project, id).await?;
    let told = Told::Refused(beside_form(&problem));
    let returned = Returned { criterion: None, value: String::new(), reason: String::new(), told };
    let page = material.page(services, caller, &Asked::default(), Some(&returned)).await?;
    Ok(respond(problem.code.status(), Some(&viewer(request, caller)), &page))
}

/// Questions that are listed at most.
const LISTED: usize = 100;

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
            votes: vec![],
            overrides: overrule::list(project, id).await?.0,
            reviews: vec![],
            grading,
        })
    }

    /// What a question is about, as it was read for the question.
    ///
    /// # Errors
    /// If it is not about a grading, or something of that is not kept; as the store.
    pub async fn of_matter(project: &ProjectStore, matter: Matter) -> Result<(Review, Self), Problem> {
        let Matter { review, grading, rubric, task, submissions, .. } = matter;
        let lost = || Problem::internal(format!("review {} is about a grading that is not kept whole", review.id));
        let grading = grading.ok_or_else(lost)?;
        let material = Self {
            rubric: rubric.ok_or_else(lost)?,
            submission: submissions.into_iter().next().ok_or_else(lost)?,
            task,
            votes: vec![],
            overrides: overrule::list(project, grading.id).await?.0,
            reviews: vec![],
            grading,
        };
        Ok((review, material))
    }

    /// Reads the votes on some criteria, by their index; on all of them where they are few.
    ///
    /// # Errors
    /// If the store cannot.
    pub async fn read_votes(&mut self, project: &ProjectStore, wanted: &BTreeSet<usize>) -> Result<(), Problem> {
        let subject = Subject::Grading(self.grading.id);
        let criteria = self.rubric.rubric.criteria();
        if criteria.len() <= FEW_CRITERIA {
            // All of them, once: whoever asks again asks for some of what is there.
            if !self.votes.is_empty() {
                return Ok(());
            }
            self.votes = project.all::<Vote>(Query::prefix(subject_prefix(subject))).await?;
            return Ok(());
        }
        let mut keys = Vec::new();
        for criterion in wanted.iter().filter_map(|index| criteria.get(*index)) {
            for judge in &self.grading.panel.judges {
                for repeat in 0..self.grading.panel.repeats {
                    let question = Question::Criterion(criterion.id.clone());
                    keys.push(call_key(&CallKey { subject, judge: judge.name.clone(), repeat, question }));
                }
            }
        }
        self.votes = project.get_many::<Vote>(&keys).await?.into_iter().map(|kept| kept.record).collect();
        Ok(())
    }

    /// Reads the questions about some criteria, by their index, and the first of all.
    async fn read_reviews(&mut self, project: &ProjectStore, wanted: &BTreeSet<usize>) -> Result<(), Problem> {
        let criteria = self.rubric.rubric.criteria();
        let of_grading = Query::link("grading", self.grading.id);
        if criteria.len() <= FEW_CRITERIA {
            self.reviews = project.all::<Review>(of_grading).await?;
            return Ok(());
        }
        let first = project.list::<Review>(of_grading.limit(LISTED)).await?.items;
        self.reviews = first.into_iter().map(|kept| kept.record).collect();
        let ids = wanted.iter().filter_map(|index| criteria.get(*index)).map(|criterion| &criterion.id);
        let about = order::about_criteria(project, self.grading.id, ids).await?;
        let there: HashSet<ReviewId> = self.reviews.iter().map(|review| review.id).collect();
        self.reviews.extend(about.into_iter().filter(|review| !there.contains(&review.id)));
        Ok(())
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

    async fn page(
        &mut self,
        services: &Services,
        caller: &Caller,
        asked: &Asked,
        refused: Option<&Returned>,
    ) -> Result<GradingPage, Problem> {
        let groups = groups(&self.rubric.rubric);
        let within = groups.iter().find(|group| group.value == asked.within);
        let inside = |index: &usize| within.is_none_or(|group| group.has.contains(index));
        let all: Vec<usize> = (0..self.rubric.rubric.criteria().len()).filter(inside).collect();
        // Of many criteria only the verdicts are looked at, and the votes of those on the page.
        self.read_votes(&caller.project, &self.unclear()).await?;
        let glances: HashMap<usize, Glance> = {
            let votes = ballots(&self.votes);
            let verdicts = self.verdicts();
            all.iter().map(|index| (*index, self.glance(*index, &verdicts, &votes))).collect()
        };
        let passing =
            |value: &str| all.iter().copied().filter(|index| glances[index].passes(value)).collect::<Vec<_>>();
        let filters = filters(|value| passing(value).len());
        let show = filters.iter().map(|filter| filter.value).find(|value| *value == asked.show).unwrap_or_default();
        // A refused form stands on its own page of the matrix, open.
        let opened = refused
            .and_then(|refused| refused.criterion.as_ref())
            .and_then(|id| self.rubric.rubric.criteria().iter().position(|c| c.id == *id))
            .map(|index| index + 1)
            .or(asked.open);
        let from = if refused.is_some() { opened.map_or(0, |n| (n - 1) / ROWS * ROWS) } else { asked.from };
        let chosen = passing(show);
        let matching = chosen.len();
        let from = if from < matching { from } else { 0 };
        let page: BTreeSet<usize> = chosen[from..matching.min(from + ROWS)].iter().copied().collect();
        self.read_votes(&caller.project, &page).await?;
        self.read_reviews(&caller.project, &page).await?;
        let mut rows: Vec<CriterionView> = {
            let votes = ballots(&self.votes);
            page.iter().map(|index| self.row(*index, &votes)).collect()
        };
        let grading = &self.grading;
        let status = grading.status();
        let result = grading.result();
        let budget = if asked.details == 1 { AHEAD_BUDGET } else { INLINE_BUDGET };
        let ahead = self.add_details(&mut rows, caller, opened, refused, budget);
        let refused_without_form = refused.filter(|_| !rows.iter().any(|row| row.open && row.detail.is_some()));
        Ok(GradingPage {
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
            error: refused_without_form.and_then(|returned| match &returned.told {
                Told::Refused(message) => Some(message.clone()),
                Told::Effect(_) => None,
            }),
            score: result.map(ScoreView::of),
            facts: result.map(|result| self.facts(result)),
            judges: self.judges(),
            filters,
            criteria: matching,
            earlier: (from > 0).then(|| from.saturating_sub(ROWS)),
            later: (from + ROWS < matching).then_some(from + ROWS),
            show: show.to_owned(),
            within: within.map(|group| group.value.clone()).unwrap_or_default(),
            groups: groups.into_iter().map(|group| (group.value, group.label)).collect(),
            rows,
            ahead,
            overrides: self.overrides.iter().rev().take(100).map(|o| self.override_view(o)).collect(),
            reviews: self.review_links(services),
            submission_id: self.submission.id.to_string(),
            files: self.file_links(),
            message: self.submission.text.as_deref().map(|text| words::clip(text, 4_000)),
            views: result.map(|result| result.views.iter().map(seen).collect()).unwrap_or_default(),
            can_cancel: !status.is_settled(),
            can_retry: matches!(status, Status::Partial | Status::Failed | Status::Cancelled),
        })
    }

    /// Criteria of which the verdict does not tell whether the judges differ: several gave a level.
    fn unclear(&self) -> BTreeSet<usize> {
        let verdicts: HashMap<&CriterionId, &Verdict> = self.verdicts();
        let several = |criterion: &Criterion| verdicts.get(&criterion.id).is_some_and(|one| one.tally.levels > 1);
        let criteria = self.rubric.rubric.criteria().iter().enumerate();
        criteria.filter(|(_, criterion)| several(criterion)).map(|(index, _)| index).collect()
    }

    fn verdicts(&self) -> HashMap<&CriterionId, &Verdict> {
        let verdicts = self.grading.result().map(|result| result.verdicts.as_slice()).unwrap_or_default();
        verdicts.iter().map(|verdict| (&verdict.criterion_id, verdict)).collect()
    }

    /// What the filters need to know of a criterion.
    fn glance(
        &self,
        index: usize,
        verdicts: &HashMap<&CriterionId, &Verdict>,
        votes: &crate::grading::aggregate::Ballots<'_>,
    ) -> Glance {
        let criterion = &self.rubric.rubric.criteria()[index];
        let verdict = verdicts.get(&criterion.id).copied();
        let own = votes.get(&criterion.id);
        let (split, failed) = match (own, verdict) {
            (Some(_), _) => {
                let said = judge_votes(criterion, own);
                let mut labels: Vec<&str> = said.iter().filter_map(|(_, vote)| vote.label()).collect();
                labels.sort_unstable();
                labels.dedup();
                (labels.len() > 1, said.iter().any(|(_, vote)| matches!(vote, JudgeVote::Failed)))
            }
            (None, Some(verdict)) => {
                let Tally { met, unmet, levels, failed, .. } = verdict.tally;
                ([met, unmet, levels].iter().filter(|count| **count > 0).count() > 1, failed > 0)
            }
            (None, None) => (false, false),
        };
        Glance {
            unmet: verdict.is_some_and(|verdict| verdict.decision == Verdicts::Unmet),
            inconclusive: verdict.is_some_and(|verdict| !verdict.decision.is_conclusive()),
            split,
            failed,
            human: verdict.is_some_and(|verdict| verdict.source == Source::Override),
        }
    }

    pub fn prompt(&self) -> Option<&str> {
        self.grading.prompt.as_deref().or(self.task.as_ref().map(|task| task.prompt.as_str()))
    }

    fn rules(&self) -> String {
        let panel = &self.grading.panel;
        let aggregation = panel.aggregation.as_str();
        let repeats = if panel.repeats > 1 { format!(", each asked {} times", panel.repeats) } else { String::new() };
        let judges = words::several(&panel.judges.len().to_string(), "judge");
        format!("{judges}, {aggregation}, quorum {}{repeats}", panel.quorum)
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

    /// Adds what stands behind the rows, as long as it fits; the open one always. Whether it did not and can be fetched.
    fn add_details(
        &self,
        rows: &mut [CriterionView],
        caller: &Caller,
        opened: Option<usize>,
        refused: Option<&Returned>,
        budget: usize,
    ) -> bool {
        let heavy: usize = self.votes.iter().map(weight).sum::<usize>() + rows.len() * (FORM_BYTES + ROW_BYTES);
        for row in rows {
            row.open = opened == Some(row.n);
            if row.open || heavy <= budget {
                let own = refused.filter(|r| r.criterion.as_ref().is_some_and(|id| id.as_str() == row.id));
                row.detail = Some(self.detail(row.n - 1, caller, own));
            }
        }
        heavy > budget && heavy <= AHEAD_BUDGET
    }

    fn detail(&self, index: usize, caller: &Caller, refused: Option<&Returned>) -> Detail {
        let criterion = &self.rubric.rubric.criteria()[index];
        let own: Vec<&Override> = self.overrides.iter().filter(|o| o.criterion_id == criterion.id).collect();
        let may = caller.role >= Role::Reviewer && self.grading.result().is_some();
        let form = may.then(|| {
            let form = Form::for_criterion(criterion, !own.is_empty());
            match refused {
                None => form,
                Some(returned) => {
                    let form = form.with(&returned.value, &returned.reason);
                    match &returned.told {
                        Told::Refused(message) => Form { error: Some(message.clone()), ..form },
                        Told::Effect(effect) => Form { effect: Some(effect.clone()), ..form },
                    }
                }
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
            found: checked.map(|v| quotes(&self.work(), index + 1, "", &v.evidence)).unwrap_or_default(),
            timeline: self.timeline(criterion),
            votes: self.vote_views(criterion, &self.work()),
            overrides: own.into_iter().rev().map(|o| self.override_view(o)).collect(),
            form,
        }
    }

    /// Votes on a criterion, judge by judge in the panel's order.
    /// their quotes lead to `work`, where the deliverable is shown.
    pub fn vote_views(&self, criterion: &Criterion, work: &str) -> Vec<VoteView> {
        let ballots = ballots(&self.votes);
        let Some(own) = ballots.get(&criterion.id) else { return Vec::new() };
        let judges = self.grading.panel.judges.iter();
        judges
            .filter_map(|judge| own.get(&judge.name))
            .flatten()
            .map(|vote| self.vote_view(vote, self.number(&criterion.id), work))
            .collect()
    }

    fn vote_view(&self, vote: &Vote, n: Option<usize>, work: &str) -> VoteView {
        let view = vote_view(vote, self.grading.panel.repeats > 1);
        let (Some(n), VoteOutcome::Answered(opinion)) = (n, &vote.outcome) else { return view };
        let by = format!("&judge={}&repeat={}", url_part(vote.key.judge.as_str()), vote.key.repeat);
        VoteView { quotes: quotes(work, n, &by, &opinion.evidence), ..view }
    }

    /// Where the deliverable is shown.
    fn work(&self) -> String {
        format!("/gradings/{}/work", self.grading.id)
    }

    /// What happened to a criterion, step by step: votes, the panel, reviewers, who decided.
    fn timeline(&self, criterion: &Criterion) -> Vec<Happened> {
        let mut steps: Vec<(Timestamp, Happened)> = Vec::new();
        let step = |who: String, what: Mark, said: String, at: Timestamp| {
            (at, Happened { who, what, said, at: words::time(at) })
        };
        let own = self
            .votes
            .iter()
            .filter(|vote| matches!(&vote.key.question, Question::Criterion(id) if *id == criterion.id));
        let votes: Vec<&Vote> = own.collect();
        if let Some(last) = votes.iter().map(|vote| vote.created_at).max() {
            let failed = votes.iter().filter(|vote| matches!(vote.outcome, VoteOutcome::Failed { .. })).count();
            let told = match failed {
                0 => words::several(&votes.len().to_string(), "vote"),
                failed => format!("{}, {failed} failed", words::several(&votes.len().to_string(), "vote")),
            };
            steps.push(step("judges".to_owned(), words::no_vote("asked"), told, last));
        }
        if let (GradingState::Judged { at, .. }, Some(verdict)) = (&self.grading.state, self.verdict(&criterion.id)) {
            let tally = &verdict.tally;
            if verdict.source != Source::Check {
                let told = format!(
                    "{} met, {} unmet, {} could not assess, {} failed",
                    tally.met, tally.unmet, tally.cannot_assess, tally.failed
                );
                let said = if verdict.source == Source::Panel {
                    words::decision(&verdict.decision)
                } else {
                    words::no_vote("votes counted")
                };
                steps.push(step("panel".to_owned(), said, told, *at));
            } else {
                steps.push(step(
                    "check".to_owned(),
                    words::decision(&verdict.decision),
                    verdict.note.clone().unwrap_or_default(),
                    *at,
                ));
            }
        }
        for review in self.reviews.iter().filter(|review| review.is_about(&criterion.id)) {
            let why = words::review_reason(&review.reason);
            steps.push(step("question for a human".to_owned(), words::no_vote("opened"), why, review.created_at));
            for answer in &review.answers {
                let who = format!("reviewer {}", answer.reviewer);
                steps.push(step(who, words::said(&answer.value), answer.reason.clone(), answer.created_at));
            }
            for back in &review.taken_back {
                let who = format!("reviewer {}", back.answer.reviewer);
                let told = "took the answer back".to_owned();
                steps.push(step(who, words::said(&back.answer.value), told, back.at));
            }
            if let Some(end) = review.resolution.as_ref().filter(|end| !review.has_answered(&end.by)) {
                steps.push(step(
                    format!("adjudicator {}", end.by),
                    words::said(&end.value),
                    end.reason.clone(),
                    end.at,
                ));
            }
        }
        for one in self.overrides.iter().filter(|one| one.criterion_id == criterion.id && one.review_id.is_none()) {
            let who =
                if one.remembered.is_some() { format!("remembered of {}", one.author) } else { one.author.to_string() };
            steps.push(step(who, words::value(&one.value), one.reason.clone(), one.created_at));
        }
        steps.sort_by_key(|(at, _)| *at);
        steps.into_iter().map(|(_, step)| step).collect()
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
        self.reviews.iter().take(LISTED).map(link).collect()
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

/// Quotes with the way to where they stand.
fn quotes(work: &str, n: usize, by: &str, evidence: &[Evidence]) -> Vec<Quote> {
    let quote = |(k, one): (usize, &Evidence)| {
        let shown = one.found != crate::domain::Match::NotFound;
        Quote { href: shown.then(|| format!("{work}?criterion={n}{by}&quote={k}")), ..words::quote(one) }
    };
    evidence.iter().enumerate().map(quote).collect()
}

/// Criteria under one tag or in one section, by their index.
struct Group {
    value: String,
    label: String,
    has: BTreeSet<usize>,
}

/// So many tags and sections can be chosen from.
const GROUPS: usize = 300;

fn groups(rubric: &Rubric) -> Vec<Group> {
    let index: HashMap<&CriterionId, usize> =
        rubric.criteria().iter().enumerate().map(|(index, criterion)| (&criterion.id, index)).collect();
    let mut groups = Vec::new();
    let mut open: Vec<(&Section, usize)> = rubric.sections().iter().rev().map(|section| (section, 0)).collect();
    while let Some((section, depth)) = open.pop() {
        let indent = "– ".repeat(depth);
        groups.push(Group {
            value: format!("section:{}", groups.len()),
            label: format!("{indent}{}", words::clip(&section.title, 80)),
            has: members(section, &index),
        });
        open.extend(section.sections.iter().rev().map(|inner| (inner, depth + 1)));
    }
    let mut tags: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (index, criterion) in rubric.criteria().iter().enumerate() {
        for tag in &criterion.tags {
            tags.entry(tag).or_default().insert(index);
        }
    }
    groups.extend(tags.into_iter().map(|(tag, has)| Group {
        value: format!("tag:{tag}"),
        label: format!("tag {} ({})", words::clip(tag, 60), has.len()),
        has,
    }));
    groups.truncate(GROUPS);
    groups
}

#[cfg(test)]
pub(super) fn groups_of(rubric: &Rubric) -> Vec<(String, usize)> {
    groups(rubric).into_iter().map(|group| (group.label, group.has.len())).collect()
}

/// Criteria of a section and of all sections in it.
fn members(section: &Section, index: &HashMap<&CriterionId, usize>) -> BTreeSet<usize> {
    let mut has = BTreeSet::new();
    let mut open = vec![section];
    while let Some(one) = open.pop() {
        has.extend(one.criteria.iter().filter_map(|id| index.get(id)));
        open.extend(&one.sections);
    }
    has
}

/// Criteria up to which all votes of a grading are read at once.
const FEW_CRITERIA: usize = 200;

/// What can be filtered by.
#[derive(Debug, Clone, Copy)]
struct Glance {
    unmet: bool,
    inconclusive: bool,
    split: bool,
    failed: bool,
    human: bool,
}

impl Glance {
    fn passes(self, show: &str) -> bool {
        match show {
            "unmet" => self.unmet,
            "inconclusive" => self.inconclusive,
            "split" => self.split,
            "failed" => self.failed,
            "human" => self.human,
            _ => true,
        }
    }
}

fn filters(count: impl Fn(&str) -> usize) -> Vec<RowFilter> {
    let all = [
        ("", "all"),
        ("unmet", "unmet"),
        ("inconclusive", "inconclusive"),
        ("split", "judges differ"),
        ("failed", "failed votes"),
        ("human", "overruled"),
    ];
    let counted = all.map(|(value, label)| RowFilter { value, label, count: count(value) });
    counted.into_iter().filter(|filter| filter.value.is_empty() || filter.count > 0).collect()
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
    let alone = view.manifest.files.len() == 1;
    let picture = |one: &SeenPicture| {
        let what = match one.place {
            Place::Whole => one.file.clone(),
            _ if alone => one.place.to_string(),
            _ => format!("{}, {}", one.file, one.place),
        };
        (what, one.sha256.clone())
    };
    SeenView {
        judges: judges.join(", "),
        files: view.manifest.files.iter().take(100).map(seen_file).collect(),
        pictures: view.pictures.iter().take(PICTURES).map(picture).collect(),
        more_pictures: view.pictures.len().saturating_sub(PICTURES),
    }
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
