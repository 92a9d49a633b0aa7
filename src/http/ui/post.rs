//! A work is posted from the browser: files, a rubric, what was asked and who judges. The rubric is looked at while it is
//! written, what grading it costs is told before it runs, and a form that is sent twice starts one grading: it carries an
//! `Idempotency-Key` of its own.
//!
//! The script (`assets/post.js`) sends the same form and puts the parts of the answering page in place; without it the
//! browser shows that page whole. A browser gives files to nobody twice, so a page that comes back asks for them again.

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::error::{paged, see_other, viewer};
use super::render::{Page, respond};
use super::rubrics::{FindingView, findings, newest};
use super::words;
use crate::domain::{JudgeName, Panel, PanelName, Rubric, RubricId, RubricVersion, SystemName, Task, TaskId};
use crate::grading::accept::Upload;
use crate::grading::quote::{Quote, total};
use crate::http::auth::{Caller, Submitter};
use crate::http::body::{Incoming, Received, utf8};
use crate::http::idempotency::Identity;
use crate::http::problem::{Code, FieldProblem, Problem};
use crate::http::routes::{gradings, quotes};
use crate::http::upload::{Fields, fields};
use crate::http::wire::grading::OneShotRequest;
use crate::rubric::Format;
use crate::services::Services;
use crate::store::Query;

/// Rubrics and tasks that are offered; any other is known by its id.
const OFFERED: usize = 100;
/// Findings about a rubric that are shown.
const FINDINGS: usize = 60;

#[derive(Debug, Serialize)]
pub(super) struct PostPage {
    /// Of this form, once: the same form again is the same grading.
    pub key: String,
    pub entered: Entered,
    pub rubrics: Vec<Offer>,
    pub tasks: Vec<String>,
    pub panels: Vec<Offer>,
    pub formats: Vec<Offer>,
    pub limits: Limits,
    pub refused: Option<RefusedView>,
    /// Files that came with the form and must be chosen again.
    pub lost: Vec<String>,
    pub look: Option<LookView>,
    pub quote: Option<QuoteView>,
}

/// What can be chosen.
#[derive(Debug, Serialize)]
pub(super) struct Offer {
    pub value: String,
    pub label: String,
    pub chosen: bool,
}

/// What one form may bring; the numbers are for the script, which says it before anything is sent.
#[derive(Debug, Serialize)]
pub(super) struct Limits {
    pub files: usize,
    pub file_bytes: u64,
    pub upload_bytes: u64,
    pub text_bytes: usize,
    pub file: String,
    pub upload: String,
}

/// The fields as they were typed.
#[derive(Debug, Default, Serialize)]
pub(super) struct Entered {
    pub system: String,
    pub text: String,
    pub task_id: String,
    pub prompt: String,
    pub rubric_id: String,
    pub rubric: String,
    pub rubric_format: String,
    pub panel: String,
    pub repeats: String,
    pub budget_usd: String,
}

/// Why nothing was started.
#[derive(Debug, Serialize)]
pub(super) struct RefusedView {
    /// What holds of the whole form; empty if every reason has a field.
    pub detail: String,
    pub wrong: Vec<WrongView>,
}

#[derive(Debug, Serialize)]
pub(super) struct WrongView {
    /// The id of the input.
    pub field: String,
    pub label: String,
    /// Where in what was entered; empty for all of it.
    pub place: String,
    pub detail: String,
}

/// The rubric that would be used.
#[derive(Debug, Serialize)]
pub(super) struct LookView {
    pub title: String,
    /// How many criteria and points.
    pub size: String,
    pub findings: Vec<FindingView>,
    /// Findings that are not shown.
    pub more: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct QuoteView {
    pub calls: String,
    pub known: Option<String>,
    pub input: String,
    /// Share of the input that providers take from their caches, in percent.
    pub cached: Option<String>,
    pub output: String,
    pub usd: Option<String>,
    /// Judges without a price.
    pub unpriced: String,
    pub time: Option<String>,
    pub measured: bool,
    pub judges: Vec<JudgeQuote>,
}

#[derive(Debug, Serialize)]
pub(super) struct JudgeQuote {
    pub judge: String,
    pub calls: String,
    pub usd: String,
}

impl Page for PostPage {
    const TEMPLATE: &'static str = "post.html";
    const SECTION: &'static str = "post";
    fn title(&self) -> String {
        "Post a work".to_owned()
    }
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    let form = web::resource("/post").route(web::get().to(show)).route(web::post().to(start));
    let quoted = web::resource("/post/quote").route(web::get().to(back)).route(web::post().to(quote));
    cfg.service(form.wrap(from_fn(paged))).service(quoted.wrap(from_fn(paged)));
}

/// What a link to the form may fill in.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    rubric_id: String,
    #[serde(default)]
    task_id: String,
    #[serde(default)]
    system: String,
    #[serde(default)]
    panel: String,
}

async fn show(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Submitter,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let Asked { rubric_id, task_id, system, panel } = asked.into_inner();
    let entered = Entered { rubric_id, task_id, system, panel, ..Entered::default() };
    let page = form(&services, &caller, entered).await?;
    Ok(respond(StatusCode::OK, Some(&viewer(&request, &caller)), &page))
}

/// Who asks for the address of a quote again is shown a fresh form.
async fn back(_: Submitter) -> HttpResponse {
    see_other("/post")
}

async fn start(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Submitter,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let Received { content, identity } = fields(incoming, &["key", "form_secret"]).await?;
    let posted = Posted::of(content);
    let identity = Identity { key: Some(format!("post:{}", posted.key)), ..identity };
    let started = async {
        let asked = posted.asked()?;
        gradings::one_shot(&services, &caller, asked, posted.files.clone(), &identity).await
    };
    match started.await {
        Ok(answer) => {
            services.bell.notify_one();
            let at = answer.location.as_deref().and_then(|at| at.strip_prefix("/v1"));
            Ok(see_other(at.unwrap_or("/gradings")))
        }
        Err(problem) => {
            // Nothing was kept under the key, unless another form used it: then the next one needs its own.
            let key = (problem.code != Code::IdempotencyMismatch).then(|| posted.key.clone());
            let fresh = key.is_none();
            let status = problem.code.status();
            let mut page = posted.back(&services, &caller, key).await?;
            page.refused = Some(if fresh { used() } else { refused(&problem) });
            Ok(respond(status, Some(&viewer(&request, &caller)), &page))
        }
    }
}

async fn quote(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Submitter,
    incoming: Incoming,
) -> Result<HttpResponse, Problem> {
    let posted = Posted::of(fields(incoming, &["key", "form_secret"]).await?.content);
    let quoted = async {
        let asked = gradings::OneShot::of(posted.asked()?, posted.files.clone()).await?;
        quotes::one_shot(&services, &caller, asked).await
    };
    let (status, quoted) = match quoted.await {
        Ok(quoted) => (StatusCode::OK, Ok(quoted)),
        Err(problem) => (problem.code.status(), Err(problem)),
    };
    let key = Some(posted.key.clone());
    let mut page = posted.back(&services, &caller, key).await?;
    match quoted {
        Ok((rubric, quotes)) => {
            page.quote = Some(quote_view(&quotes));
            page.look = Some(look(rubric).await?);
        }
        Err(problem) => page.refused = Some(refused(&problem)),
    }
    Ok(respond(status, Some(&viewer(&request, &caller)), &page))
}

/// A form as it came.
struct Posted {
    key: String,
    entered: Entered,
    files: Vec<Upload>,
    /// A rubric came as a file, and one in the text field, too.
    two_rubrics: bool,
    problem: Option<Problem>,
}

impl Posted {
    fn of(fields: Fields) -> Self {
        let Fields { mut text, files, mut problem } = fields;
        let mut take = |name: &str| text.remove(name).unwrap_or_default();
        let one = |text: String| text.trim().to_owned();
        let key: String = one(take("key")).chars().filter(char::is_ascii_graphic).take(64).collect();
        let mut entered = Entered {
            system: one(take("system")),
            text: take("text"),
            task_id: one(take("task_id")),
            prompt: take("prompt"),
            rubric_id: one(take("rubric_id")),
            rubric: take("rubric"),
            rubric_format: one(take("rubric_format")),
            panel: one(take("panel")),
            repeats: one(take("repeats")),
            budget_usd: one(take("budget_usd")),
        };
        let (rubrics, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|(field, _)| field == "rubric_file");
        let mut two_rubrics = false;
        for (_, Upload { name, bytes }) in rubrics {
            match utf8(&bytes, &format!("the rubric's file {:?}", name.as_str())) {
                Ok(_) if !entered.rubric.trim().is_empty() => two_rubrics = true,
                // In the text field it is kept if the form comes back.
                Ok(text) => entered.rubric = text.to_owned(),
                Err(error) => {
                    problem.get_or_insert(Problem::invalid("/rubric", error.detail));
                }
            }
        }
        Self { key, entered, files: files.into_iter().map(|(_, file)| file).collect(), two_rubrics, problem }
    }

    /// What is asked for.
    ///
    /// # Errors
    /// Every field that is wrong.
    fn asked(&self) -> Result<OneShotRequest, Problem> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        let entered = &self.entered;
        let mut wrong = Wrong::default();
        wrong.unless(!self.key.is_empty(), "", "the form has no key; load this page again");
        let has_work = !self.files.is_empty() || !entered.text.trim().is_empty();
        wrong.unless(has_work, "/file", "is empty; choose at least one file, or give a final message");
        let (inline, stored) = (!entered.rubric.trim().is_empty(), !entered.rubric_id.is_empty());
        wrong.unless(!self.two_rubrics, "/rubric", "came as a file and as text; give one of them");
        wrong.unless(!(inline && stored), "/rubric_id", "is chosen beside a rubric of your own; keep one of them");
        let has_rubric = inline || stored || !entered.task_id.is_empty();
        wrong.unless(has_rubric, "/rubric", "is missing; choose a stored one, or bring one");
        let system = wrong.field("/system", &entered.system, |text| {
            if text.is_empty() {
                return Err("is empty; name what made the work, or `human`".to_owned());
            }
            SystemName::parse(text).map_err(|e| e.to_string())
        });
        let task_id = wrong.given("/task_id", &entered.task_id, |t| TaskId::parse(t).map_err(|e| e.to_string()));
        let panel = wrong.given("/panel", &entered.panel, |t| PanelName::parse(t).map_err(|e| e.to_string()));
        let rubric_id = wrong.given("/rubric_id", &entered.rubric_id, |text| {
            text.parse::<RubricId>().map_err(|_| format!("{:?} is no rubric's id", words::clip(text, 40)))
        });
        let repeats = wrong.given("/repeats", &entered.repeats, |text| {
            text.parse::<u32>().map_err(|_| format!("{:?} is no whole number of 1 to 20", words::clip(text, 40)))
        });
        let budget_usd = wrong.given("/budget_usd", &entered.budget_usd, |text| {
            let amount = text.trim_start_matches('$').trim();
            amount.parse::<f64>().map_err(|_| format!("{:?} is no amount of US dollars", words::clip(text, 40)))
        });
        let (Some(system), true) = (system, wrong.0.is_empty()) else { return Err(wrong.problem()) };
        let text = |text: &String| Some(text.clone()).filter(|text| !text.trim().is_empty());
        Ok(OneShotRequest {
            rubric: text(&entered.rubric).map(serde_json::Value::String),
            rubric_id: rubric_id.map(|id| crate::domain::Id::uuid(&id)),
            rubric_format: text(&entered.rubric_format).filter(|_| inline),
            prompt: text(&entered.prompt),
            task_id,
            system,
            panel,
            repeats,
            cache: None,
            text: text(&entered.text),
            cost_usd: None,
            duration_s: None,
            tokens: None,
            metadata: None,
            budget_usd,
            allow_drafts: false,
        })
    }

    /// The page with what was entered; with this key, or one that nothing was started with.
    async fn back(self, services: &Services, caller: &Caller, key: Option<String>) -> Result<PostPage, Problem> {
        let lost = self.files.iter().map(|file| file.name.to_string()).collect();
        let page = form(services, caller, self.entered).await?;
        let key = key.filter(|key| !key.is_empty()).unwrap_or_else(|| page.key.clone());
        Ok(PostPage { lost, key, ..page })
    }
}

/// Fields that are wrong.
#[derive(Default)]
struct Wrong(Vec<FieldProblem>);

impl Wrong {
    fn unless(&mut self, fine: bool, pointer: &str, detail: impl Into<String>) {
        if !fine {
            self.0.push(FieldProblem { pointer: pointer.to_owned(), detail: detail.into() });
        }
    }

    fn field<T>(&mut self, pointer: &str, text: &str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        read(text).map_err(|detail| self.unless(false, pointer, detail)).ok()
    }

    /// Of a field that may be empty.
    fn given<T>(&mut self, pointer: &str, text: &str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        if text.is_empty() { None } else { self.field(pointer, text, read) }
    }

    fn problem(self) -> Problem {
        Problem { errors: self.0, ..Problem::new(Code::Invalid, "the form cannot be posted as it is") }
    }
}

/// By the pointer's first part: the input, and how it is called.
const LABELS: [(&str, &str, &str); 12] = [
    ("file", "file", "Files"),
    ("files", "file", "Files"),
    ("text", "text", "Final message"),
    ("system", "system", "Made by"),
    ("task_id", "task_id", "Task"),
    ("prompt", "prompt", "What was asked"),
    ("rubric", "rubric", "Rubric"),
    ("rubric_id", "rubric_id", "Stored rubric"),
    ("rubric_format", "rubric_format", "Format"),
    ("panel", "panel", "Panel"),
    ("repeats", "repeats", "Repeats"),
    ("budget_usd", "budget_usd", "Budget"),
];

fn refused(problem: &Problem) -> RefusedView {
    let mut wrong = Vec::new();
    for error in &problem.errors {
        let path = error.pointer.trim_start_matches('/');
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let Some((_, field, label)) = LABELS.iter().find(|(name, ..)| *name == first) else { continue };
        wrong.push(WrongView {
            field: (*field).to_owned(),
            label: (*label).to_owned(),
            place: if rest.is_empty() { String::new() } else { format!("/{rest}") },
            detail: error.detail.clone(),
        });
    }
    let all = wrong.len() == problem.errors.len() && !wrong.is_empty();
    RefusedView { detail: if all { String::new() } else { problem.detail.clone() }, wrong }
}

fn used() -> RefusedView {
    let detail = "This form has already started a grading, and was changed since. Start once more to grade what stands \
                  here as well; what was started before is among the gradings.";
    RefusedView { detail: detail.to_owned(), wrong: vec![] }
}

async fn form(services: &Services, caller: &Caller, entered: Entered) -> Result<PostPage, Problem> {
    let (mut rubrics, _) = newest(&caller.project).await?;
    rubrics.retain(|one| one.rubric.drafts().next().is_none() || one.id.to_string() == entered.rubric_id);
    rubrics.sort_by_key(|one| std::cmp::Reverse((one.created_at, one.id)));
    let chosen = |one: &RubricVersion| one.id.to_string() == entered.rubric_id;
    let offered = rubrics.iter().enumerate().filter(|(at, one)| *at < OFFERED || chosen(one));
    let mut offered: Vec<Offer> = offered.map(|(_, one)| rubric_offer(one, chosen(one))).collect();
    // One that is older than the list, or was mistyped, stays chosen: the story says what it is.
    if !entered.rubric_id.is_empty() && !offered.iter().any(|one| one.chosen) {
        let value = entered.rubric_id.clone();
        offered.push(Offer { label: format!("rubric {}", words::clip(&value, 40)), value, chosen: true });
    }
    let tasks = caller.project.list::<Task>(Query::default().newest_first().limit(OFFERED)).await?;
    let default = services.default_panel.as_ref().map(PanelName::as_str);
    let panel = if entered.panel.is_empty() { default.unwrap_or_default() } else { &entered.panel };
    let limits = &services.intake;
    Ok(PostPage {
        key: services.ids.next::<RubricId>().to_string(),
        rubrics: offered,
        tasks: tasks.items.into_iter().map(|kept| kept.record.id.to_string()).collect(),
        panels: services.panels.values().map(|one| panel_offer(one, one.name.as_str() == panel)).collect(),
        formats: Format::ALL.iter().map(|format| format_offer(*format, &entered.rubric_format)).collect(),
        limits: Limits {
            files: limits.max_files,
            file_bytes: limits.max_file_bytes,
            upload_bytes: limits.max_upload_bytes,
            text_bytes: limits.max_json_bytes,
            file: words::bytes(limits.max_file_bytes),
            upload: words::bytes(limits.max_upload_bytes),
        },
        entered,
        refused: None,
        lost: vec![],
        look: None,
        quote: None,
    })
}

fn rubric_offer(one: &RubricVersion, chosen: bool) -> Offer {
    let title = one.rubric.title().map_or_else(|| format!("rubric {}", one.fingerprint.short()), ToOwned::to_owned);
    let label = format!("{} (v{}, {})", words::clip(&title, 70), one.version, criteria(&one.rubric));
    Offer { value: one.id.to_string(), label, chosen }
}

/// How many.
fn criteria(rubric: &Rubric) -> String {
    match rubric.criteria().len() {
        1 => "1 criterion".to_owned(),
        n => format!("{} criteria", words::count(n as u64)),
    }
}

fn panel_offer(panel: &Panel, chosen: bool) -> Offer {
    let judges = panel.judges.len();
    let s = if judges == 1 { "" } else { "s" };
    let repeats = if panel.repeats > 1 { format!(", each {} times", panel.repeats) } else { String::new() };
    let label = format!("{}: {judges} judge{s}{repeats}", panel.name);
    Offer { value: panel.name.to_string(), label, chosen }
}

fn format_offer(format: Format, chosen: &str) -> Offer {
    let name = format.as_str();
    let label = if format == Format::Native { "native (YAML or JSON)".to_owned() } else { name.replace('_', " ") };
    let chosen = if chosen.is_empty() { format == Format::Native } else { name == chosen };
    Offer { value: name.to_owned(), label, chosen }
}

/// A rubric can have thousands of criteria: it is linted on no thread that serves others.
async fn look(rubric: RubricVersion) -> Result<LookView, Problem> {
    let looked = move || {
        let rubric = &rubric.rubric;
        let mut findings = findings(rubric);
        let more = findings.len().saturating_sub(FINDINGS);
        findings.truncate(FINDINGS);
        let points = words::points(rubric.max_points());
        LookView {
            title: rubric.title().unwrap_or("Rubric without a title").to_owned(),
            size: format!("{}, {points} point{}", criteria(rubric), if points == "1" { "" } else { "s" }),
            findings,
            more,
        }
    };
    web::block(looked).await.map_err(|e| Problem::internal(e.to_string()))
}

fn quote_view(quotes: &[(JudgeName, Quote)]) -> QuoteView {
    let all = total(quotes);
    let usage = all.usage;
    let share = usage.cached_input_tokens as f64 / usage.input_tokens as f64;
    let unpriced = quotes.iter().filter(|(_, quote)| quote.usd.is_none()).map(|(judge, _)| judge.to_string());
    QuoteView {
        calls: words::count(u64::from(all.calls)),
        known: (all.known > 0).then(|| words::count(u64::from(all.known))),
        input: words::count(usage.input_tokens),
        cached: share.is_finite().then(|| format!("{:.0}", share * 100.0)),
        output: words::count(usage.output_tokens),
        usd: all.usd.map(|usd| words::usd(Some(usd))),
        unpriced: unpriced.collect::<Vec<_>>().join(", "),
        time: all.seconds.map(time),
        measured: all.measured,
        judges: quotes
            .iter()
            .map(|(judge, quote)| JudgeQuote {
                judge: judge.to_string(),
                calls: words::count(u64::from(quote.calls)),
                usd: words::usd(quote.usd),
            })
            .collect(),
    }
}

/// A stretch of time as people say it.
fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "under a second".to_owned(),
        s if s < 90.0 => format!("about {s:.0} s"),
        s if s < 5_400.0 => format!("about {:.0} min", s / 60.0),
        s => format!("about {:.1} h", s / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn posted(text: &[(&str, &str)]) -> Posted {
        let text: BTreeMap<String, String> = text.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Posted::of(Fields { text, ..Fields::default() })
    }

    #[test]
    fn every_field_that_is_wrong_is_told_at_once_beside_its_input() {
        let problem = posted(&[("key", "k"), ("repeats", "many"), ("budget_usd", "a lot"), ("rubric_id", "x")]);
        let told = refused(&problem.asked().unwrap_err());
        let fields: Vec<&str> = told.wrong.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, ["file", "system", "rubric_id", "repeats", "budget_usd"]);
        assert_eq!(told.detail, "");
    }

    #[test]
    fn a_place_within_the_rubric_is_told_and_what_has_no_input_is_told_for_the_whole() {
        let inside = Problem::invalid("/rubric/criteria/2/points", "is no number (line 7)");
        let told = refused(&inside);
        assert_eq!((told.wrong[0].field.as_str(), told.wrong[0].place.as_str()), ("rubric", "/criteria/2/points"));
        let whole = refused(&Problem::new(Code::Unavailable, "the store is full"));
        assert!(whole.wrong.is_empty() && whole.detail == "the store is full");
    }

    #[test]
    fn a_rubric_may_come_once_and_a_task_may_bring_its_own() {
        let base = [("key", "k"), ("system", "s"), ("text", "the work")];
        let with = |more: &[(&'static str, &'static str)]| posted(&[&base, more].concat()).asked();
        assert!(with(&[("rubric", "criteria: []")]).is_ok());
        assert!(with(&[("task_id", "t")]).is_ok());
        assert!(with(&[]).is_err());
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert!(with(&[("rubric_id", id)]).is_ok());
        assert!(with(&[("rubric_id", id), ("rubric", "criteria: []")]).is_err());
    }

    #[test]
    fn what_a_quote_does_not_know_it_does_not_call_nothing() {
        let priced = |usd| Quote { calls: 3, usd, seconds: None, ..Quote::default() };
        let name = |name: &str| JudgeName::parse(name).unwrap();
        let view = quote_view(&[(name("a"), priced(Some(0.5))), (name("b"), priced(None))]);
        assert_eq!((view.usd, view.unpriced.as_str(), view.time), (None, "b", None));
        assert_eq!((view.cached, view.judges[1].usd.as_str()), (None, "unknown"));
    }
}
