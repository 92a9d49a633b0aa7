//! Everything that comes in is checked whole before anything is kept, and kept in one batch: a request leaves
//! all of its records or none. (The bytes of files are kept first, under their hash: they are found again or
//! are harmless.)

use bytes::Bytes;

use crate::audit::{self, Act};
use crate::document;
use crate::domain::{
    CachePolicy, Comparison, DraftDecision, Drafting, FileName, Fingerprint, Grading, GradingState, JudgeName, Panel,
    PanelName, Rubric, RubricId, RubricVersion, StoredFile, Submission, SystemName, Task, TaskId,
};
use crate::refusal::{Problem, Refusal};
use crate::services::Services;
use crate::services::replicas::Alone;
use crate::store::{Batch, ProjectStore, Query, Record, Revision, StoreError, part};
use crate::telemetry;

/// A file as it came.
#[derive(Debug, Clone)]
pub struct Upload {
    pub name: FileName,
    pub bytes: Bytes,
}

#[derive(Debug, Clone, Default)]
pub struct NewTask {
    pub task_id: Option<TaskId>,
    pub prompt: String,
    pub sector: Option<String>,
    pub occupation: Option<String>,
    pub rubric_id: Option<RubricId>,
    pub references: Vec<Upload>,
}

#[derive(Debug, Clone)]
pub struct NewSubmission {
    pub task_id: Option<TaskId>,
    pub system: SystemName,
    pub text: Option<String>,
    pub files: Vec<Upload>,
    pub cost_usd: Option<f64>,
    pub duration_s: Option<f64>,
    pub tokens: Option<u64>,
    pub trace: Option<serde_json::Value>,
    pub metadata: Option<serde_json::Value>,
}

/// How a grading is to be made.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    pub panel: Option<PanelName>,
    pub repeats: Option<u32>,
    pub prompt: Option<String>,
    /// Without it the panel's.
    pub cache: Option<CachePolicy>,
    /// What the calls may cost together.
    pub budget_usd: Option<f64>,
    /// Grade also with criteria that a model proposed and no human has accepted.
    pub allow_drafts: bool,
}

/// The longest text of a task's prompt or of a final message, in characters.
pub const MAX_TEXT_CHARS: usize = 2_000_000;

/// How often files are put again because unused ones were swept meanwhile: that happens about once a day.
const PUT_AGAIN: usize = 8;

/// One request's records, gathered and then kept together.
pub struct Intake<'a> {
    services: &'a Services,
    project: &'a ProjectStore,
    batch: Batch,
    /// Held while it is decided whether a rubric is new, so that the same content posted twice at once is one rubric.
    identity: Option<Alone>,
    /// Files that are put and that the batch names.
    files: Vec<Bytes>,
    upload: Option<crate::store::Upload>,
}

impl<'a> Intake<'a> {
    #[must_use]
    pub fn new(services: &'a Services, project: &'a ProjectStore) -> Self {
        Self { services, project, batch: project.batch(), identity: None, files: vec![], upload: None }
    }

    /// How many gradings, comparisons and drafts are asked for.
    #[must_use]
    pub fn pieces_of_work(&self) -> usize {
        let batch = &self.batch;
        batch.new_ones::<Grading>() + batch.new_ones::<Comparison>() + batch.new_ones::<Drafting>()
    }

    /// Adds a record of the caller's to the batch; the request fails if it exists already.
    pub fn insert<R: Record>(&mut self, record: &R) {
        self.batch = std::mem::replace(&mut self.batch, self.project.batch()).insert(record);
    }

    /// Changes a record in the batch; the request fails if somebody changed it since `revision`.
    pub fn update<R: Record>(&mut self, record: &R, revision: Revision) {
        self.batch = std::mem::replace(&mut self.batch, self.project.batch()).update(record, revision);
    }

    /// Adds lines to the log of decisions; the request starts over if somebody else logs at the same time.
    ///
    /// # Errors
    /// If the store cannot.
    pub async fn log(&mut self, acts: impl IntoIterator<Item = Act>) -> Result<(), Refusal> {
        let batch = std::mem::replace(&mut self.batch, self.project.batch());
        self.batch = audit::append(self.project, batch, self.services.now(), acts).await?;
        Ok(())
    }

    /// A rubric of its own, whatever others are called.
    pub fn new_rubric(&mut self, rubric: Rubric) -> RubricVersion {
        let fingerprint = rubric.fingerprint();
        let (id, created_at) = (self.services.ids.next(), self.services.now());
        let kept = RubricVersion { id, version: 1, fingerprint, rubric, created_at, decided: vec![] };
        self.insert(&kept);
        kept
    }

    /// The version after `latest`, by what a human decided about its drafts. Of two who decide at once the second fails.
    pub fn decided(&mut self, latest: &RubricVersion, rubric: Rubric, decided: Vec<DraftDecision>) -> RubricVersion {
        let (fingerprint, created_at) = (rubric.fingerprint(), self.services.now());
        let version = latest.version + 1;
        let kept = RubricVersion { id: latest.id, version, fingerprint, rubric, created_at, decided };
        self.insert(&kept);
        kept
    }

    /// The same content is the same rubric; a known id (or a title that is known) gets a new version. The
    /// second value says whether anything new is kept.
    ///
    /// # Errors
    /// If `of` names a rubric that does not exist.
    pub async fn rubric(&mut self, rubric: Rubric, of: Option<RubricId>) -> Result<(RubricVersion, bool), Refusal> {
        let fingerprint = rubric.fingerprint();
        if let Some(known) = self.known_rubric(&fingerprint, of).await? {
            return Ok((known, false));
        }
        if self.identity.is_none() {
            let Services { replicas, rubric_identity, clock, .. } = self.services;
            self.identity =
                Some(replicas.one_at_a_time(rubric_identity, self.project, "rubrics", clock.as_ref()).await?);
            // Somebody may have kept it while this one waited.
            if let Some(known) = self.known_rubric(&fingerprint, of).await? {
                return Ok((known, false));
            }
        }
        let earlier = match (of, rubric.title()) {
            (Some(id), _) => {
                let versions = self.project.all::<RubricVersion>(Query::prefix(format!("{id}/"))).await?;
                if versions.is_empty() {
                    return Err(Refusal::not_found("rubric", id));
                }
                versions
            }
            (None, Some(title)) => self.project.all::<RubricVersion>(Query::link("title", title)).await?,
            (None, None) => vec![],
        };
        let latest = earlier.iter().max_by_key(|known| (known.created_at, known.version));
        let (id, version) = match latest {
            Some(latest) => {
                let versions = earlier.iter().filter(|known| known.id == latest.id).map(|known| known.version);
                (latest.id, versions.max().unwrap_or(0) + 1)
            }
            None => (self.services.ids.next(), 1),
        };
        let kept = RubricVersion { id, version, fingerprint, rubric, created_at: self.services.now(), decided: vec![] };
        self.insert(&kept);
        Ok((kept, true))
    }

    async fn known_rubric(
        &self,
        fingerprint: &Fingerprint,
        of: Option<RubricId>,
    ) -> Result<Option<RubricVersion>, Refusal> {
        let same = self.project.all::<RubricVersion>(Query::link("fingerprint", fingerprint)).await?;
        Ok(same.into_iter().find(|known| of.is_none_or(|id| known.id == id)))
    }

    /// The same task again is the same task; another task under its id is a conflict.
    ///
    /// # Errors
    /// If the prompt is empty, the rubric unknown, or the id taken by another task.
    pub async fn task(&mut self, new: NewTask) -> Result<(Task, bool), Refusal> {
        let mut problems = text_problems("/prompt", Some(&new.prompt));
        if new.prompt.trim().is_empty() {
            problems.push(problem("/prompt", "is empty; say what was asked"));
        }
        refuse(problems)?;
        if let Some(id) = new.rubric_id {
            latest_rubric(self.project, id).await.map_err(|_| unknown_rubric("/rubric_id", id))?;
        }
        let references = self.files(new.references).await?;
        let id = match new.task_id {
            Some(id) => id,
            None => TaskId::parse(self.services.ids.next::<RubricId>().to_string())
                .map_err(|e| Refusal::name("/task_id", &e))?,
        };
        let task = Task {
            id,
            prompt: new.prompt,
            sector: new.sector,
            occupation: new.occupation,
            rubric_id: new.rubric_id,
            references,
            created_at: self.services.now(),
        };
        if let Some(known) = self.project.get::<Task>(&task.key()).await? {
            let same = Task { created_at: known.record.created_at, ..task };
            return if same == known.record {
                Ok((known.record, false))
            } else {
                Err(Refusal::Conflict {
                    code: "task_exists",
                    detail: format!("task `{}` exists with other content; use another task_id", same.id),
                })
            };
        }
        self.insert(&task);
        Ok((task, true))
    }

    /// # Errors
    /// If it is empty, its task unknown, its files too many or too large, or a figure not a figure.
    pub async fn submission(&mut self, new: NewSubmission) -> Result<Submission, Refusal> {
        let mut problems = text_problems("/text", new.text.as_deref());
        let has_text = new.text.as_deref().is_some_and(|text| !text.trim().is_empty());
        if !has_text && new.files.is_empty() {
            problems.push(problem("", "the submission is empty; give `text` or at least one part `file`"));
        }
        for (pointer, value) in [("/cost_usd", new.cost_usd), ("/duration_s", new.duration_s)] {
            if value.is_some_and(|v| !v.is_finite() || v < 0.0) {
                problems.push(problem(pointer, "is not a number of 0 or more; leave it out if it is unknown"));
            }
        }
        refuse(problems)?;
        if let Some(id) = &new.task_id
            && self.project.get::<Task>(&part(id.as_str())).await?.is_none()
        {
            return Err(Refusal::invalid("/task_id", format!("there is no task `{id}`; post it to /v1/tasks first")));
        }
        let files = self.files(new.files).await?;
        let submission = Submission {
            id: self.services.ids.next(),
            task_id: new.task_id,
            system: new.system,
            text: new.text,
            files,
            cost_usd: new.cost_usd,
            duration_s: new.duration_s,
            tokens: new.tokens,
            trace: new.trace,
            metadata: new.metadata,
            created_at: self.services.now(),
        };
        self.insert(&submission);
        Ok(submission)
    }

    /// # Errors
    /// If the panel is unknown or the rubric asks for what this version cannot judge.
    pub fn grading(
        &mut self,
        submission: &Submission,
        rubric: &RubricVersion,
        terms: Terms,
    ) -> Result<Grading, Refusal> {
        if !terms.allow_drafts {
            refuse_drafts(rubric, "grade with `allow_drafts`")?;
        }
        let panel = choose_panel(self.services, terms.panel.as_ref(), terms.repeats)?;
        let panel = Panel { cache: terms.cache.unwrap_or(panel.cache), ..panel };
        let panel = panel.for_systems(&[&submission.system]).map_err(|why| Refusal::invalid("/panel", why))?;
        let budget_usd = budget(terms.budget_usd.or(self.services.grading_usd), &panel)?;
        let asked = rubric.rubric.criteria().iter().filter(|c| c.check.is_none()).count();
        let grading = Grading {
            id: self.services.ids.next(),
            submission_id: submission.id,
            task_id: submission.task_id.clone(),
            system: submission.system.clone(),
            rubric: rubric.reference(),
            calls_planned: calls(asked, &panel)?,
            panel,
            prompt: terms.prompt,
            budget_usd,
            state: GradingState::Queued,
            retried_at: None,
            created_at: self.services.now(),
            traceparent: telemetry::here(),
        };
        self.insert(&grading);
        Ok(grading)
    }

    /// Keeps the bytes; the records that name them are kept with the batch.
    async fn files(&mut self, uploads: Vec<Upload>) -> Result<Vec<StoredFile>, Refusal> {
        let limits = &self.services.intake;
        if uploads.len() > limits.max_files {
            return Err(Refusal::TooLarge {
                detail: format!("{} files are more than {}; send an archive", uploads.len(), limits.max_files),
            });
        }
        let mut names = std::collections::HashSet::new();
        for upload in &uploads {
            if !names.insert(&upload.name) {
                return Err(Refusal::invalid(
                    "/files",
                    format!("two files are named {:?}; names are unique in a submission", upload.name.as_str()),
                ));
            }
            if upload.bytes.len() as u64 > limits.max_file_bytes {
                let detail = format!(
                    "file {:?} has {} bytes, more than {}",
                    upload.name.as_str(),
                    upload.bytes.len(),
                    limits.max_file_bytes
                );
                return Err(Refusal::TooLarge { detail });
            }
        }
        let mut stored = Vec::with_capacity(uploads.len());
        for Upload { name, bytes } in uploads {
            let media_type = document::media_type(name.as_str(), &bytes);
            let length = bytes.len() as u64;
            let upload = match self.upload {
                Some(upload) => upload,
                None => *self.upload.insert(self.services.store.upload().await?),
            };
            let sha256 = self.services.blobs.put(upload.turn(), bytes.clone()).await?;
            self.files.push(bytes);
            stored.push(StoredFile { name, media_type, bytes: length, sha256 });
        }
        Ok(stored)
    }

    /// Keeps everything, or nothing.
    ///
    /// # Errors
    /// If the store cannot, or somebody kept a record with the same key first.
    pub async fn commit(self) -> Result<(), Refusal> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let project = self.identity.as_ref().map_or(self.project, Alone::project);
        let Some(mut upload) = self.upload else { return Ok(project.commit(self.batch).await?) };
        for _ in 0..PUT_AGAIN {
            match project.under(&upload).commit(self.batch.clone()).await {
                Err(StoreError::Swept) => {}
                done => return Ok(done?),
            }
            upload = self.services.store.upload().await?;
            for bytes in &self.files {
                self.services.blobs.put(upload.turn(), bytes.clone()).await?;
            }
        }
        Ok(project.under(&upload).commit(self.batch).await?)
    }
}

fn problem(pointer: &str, detail: impl Into<String>) -> Problem {
    Problem { pointer: pointer.to_owned(), detail: detail.into() }
}

fn refuse(problems: Vec<Problem>) -> Result<(), Refusal> {
    if problems.is_empty() { Ok(()) } else { Err(Refusal::Invalid { problems }) }
}

fn text_problems(pointer: &str, text: Option<&str>) -> Vec<Problem> {
    match text {
        Some(text) if text.chars().count() > MAX_TEXT_CHARS => {
            vec![problem(pointer, format!("is longer than {MAX_TEXT_CHARS} characters; send it as a file"))]
        }
        _ => vec![],
    }
}

fn unknown_rubric(pointer: &str, id: RubricId) -> Refusal {
    Refusal::invalid(pointer, format!("there is no rubric `{id}`; post it to /v1/rubrics first"))
}

/// `or` says what else could be done than to accept them.
///
/// # Errors
/// If the rubric has criteria that no human has accepted.
pub fn refuse_drafts(rubric: &RubricVersion, or: &str) -> Result<(), Refusal> {
    const NAMED: usize = 5;
    let drafts: Vec<String> = rubric.rubric.drafts().map(|criterion| format!("`{}`", criterion.id)).collect();
    if drafts.is_empty() {
        return Ok(());
    }
    let more = if drafts.len() > NAMED { ", ..." } else { "" };
    let named = drafts.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let RubricVersion { id, version, .. } = rubric;
    let detail = format!(
        "{} criteria of rubric {id} version {version} are drafts that no human has accepted ({named}{more}); accept them \
         at /rubrics/{id}, or {or}",
        drafts.len()
    );
    Err(Refusal::Conflict { code: "rubric_is_draft", detail })
}

/// The calls of a comparison or grading with `questions` questions per judge.
///
/// # Errors
/// If they are more than anybody can have meant.
pub fn calls(questions: usize, panel: &Panel) -> Result<u32, Refusal> {
    const MOST: u64 = 1_000_000;
    let calls = questions as u64 * panel.judges.len() as u64 * u64::from(panel.repeats);
    match u32::try_from(calls) {
        Ok(calls) if u64::from(calls) <= MOST => Ok(calls),
        _ => Err(Refusal::invalid(
            "/repeats",
            format!("{calls} calls are more than {MOST}; use fewer repeats or judges"),
        )),
    }
}

/// The panel that was asked for, never silently another one.
///
/// # Errors
/// If it is unknown, or none was named and none is the default.
pub fn choose_panel(services: &Services, name: Option<&PanelName>, repeats: Option<u32>) -> Result<Panel, Refusal> {
    let known = || services.panels.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let name = match (name, &services.default_panel) {
        (Some(name), _) | (None, Some(name)) => name,
        (None, None) => {
            return Err(Refusal::invalid(
                "/panel",
                format!("no panel was named and none is called `default`; there are: {}", known()),
            ));
        }
    };
    let Some(panel) = services.panels.get(name) else {
        return Err(Refusal::invalid("/panel", format!("there is no panel `{name}`; there are: {}", known())));
    };
    let mut panel = panel.clone();
    if let Some(repeats) = repeats {
        if !(1..=20).contains(&repeats) {
            return Err(Refusal::invalid("/repeats", format!("{repeats} is not between 1 and 20")));
        }
        panel.repeats = repeats;
    }
    Ok(panel)
}

/// A budget that can be kept: of judges whose calls have a price.
///
/// # Errors
/// If it is no amount, or nobody could say what is spent.
pub fn budget(budget_usd: Option<f64>, panel: &Panel) -> Result<Option<f64>, Refusal> {
    let Some(budget) = budget_usd else { return Ok(None) };
    let wrong = |detail: String| Err(Refusal::invalid("/budget_usd", detail));
    if !(budget.is_finite() && budget > 0.0) {
        return wrong(format!("{budget} is not an amount above 0"));
    }
    match panel.judges.iter().find(|judge| judge.price.is_none()) {
        None => Ok(Some(budget)),
        Some(judge) => wrong(format!(
            "cannot be kept: judge `{}` has no price; configure `price` of it, or leave the budget out",
            judge.name
        )),
    }
}

/// The newest version of a rubric.
///
/// # Errors
/// If there is none.
pub async fn latest_rubric(project: &ProjectStore, id: RubricId) -> Result<RubricVersion, Refusal> {
    let query = Query::prefix(format!("{id}/")).newest_first().limit(1);
    let page = project.list::<RubricVersion>(query).await?;
    page.items.into_iter().next().map(|kept| kept.record).ok_or_else(|| Refusal::not_found("rubric", id))
}

/// The rubric by which a submission is graded: the one that was named, or its task's.
///
/// # Errors
/// If neither is there.
pub async fn rubric_for(
    project: &ProjectStore,
    submission: &Submission,
    named: Option<RubricId>,
) -> Result<RubricVersion, Refusal> {
    if let Some(id) = named {
        return latest_rubric(project, id).await.map_err(|error| match error {
            Refusal::NotFound { .. } => unknown_rubric("/rubric_id", id),
            other => other,
        });
    }
    let task = match &submission.task_id {
        Some(id) => project.get::<Task>(&part(id.as_str())).await?.map(|kept| kept.record),
        None => None,
    };
    match task.and_then(|task| task.rubric_id) {
        Some(id) => latest_rubric(project, id).await,
        None => Err(Refusal::invalid(
            "/rubric_id",
            "no rubric was named and the submission's task has none; give `rubric_id`",
        )),
    }
}

/// Judges by name, for messages.
#[must_use]
pub fn judge_names(panel: &Panel) -> Vec<JudgeName> {
    panel.judges.iter().map(|judge| judge.name.clone()).collect()
}
