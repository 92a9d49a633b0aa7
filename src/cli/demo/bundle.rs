//! The bundled tasks, as they stand in `fixtures/tasks` and `rubrics`: read from the binary itself, so that the
//! demo runs anywhere. What a bundled file may say is checked like everybody else's.

use include_dir::{Dir, include_dir};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::domain::{Cause, CriterionId, FileName, JudgeName, Rubric, SystemName, TaskId};
use crate::grading::accept::{NewSubmission, NewTask, Upload};
use crate::rubric::{self, Format};

static TASKS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/tasks");
static RUBRICS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/rubrics");
static RECORDED: &str = include_str!("../../../fixtures/recorded.jsonl");

/// One task with everything that belongs to it.
pub struct Bundled {
    pub slug: String,
    pub task: NewTask,
    pub rubric: Rubric,
    pub submissions: Vec<NewSubmission>,
}

/// The scripted judges' replies, by the fingerprint of the prompt that they answer.
#[must_use]
pub fn recorded() -> &'static str {
    RECORDED
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskFile {
    task_id: TaskId,
    sector: String,
    occupation: String,
    prompt: String,
    references: Vec<String>,
    /// From the repository's root.
    rubric: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubmissionFile {
    system: SystemName,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    cost_usd: Option<f64>,
    #[serde(default)]
    duration_s: Option<f64>,
    #[serde(default)]
    tokens: Option<u64>,
    files: Vec<FileName>,
}

/// The right verdict on a criterion, as it was planted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planted {
    pub system: SystemName,
    pub criterion: CriterionId,
    pub verdict: String,
    #[serde(rename = "where", default)]
    pub place: Option<String>,
    pub why: String,
    #[serde(default)]
    pub quote: Option<String>,
}

/// What the scripted judges say; see `fixtures/README.md`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    pub criteria: Vec<ScriptedVote>,
    pub pairs: Vec<ScriptedPair>,
}

#[derive(Debug, Deserialize)]
pub struct ScriptedVote {
    pub system: SystemName,
    pub criterion: CriterionId,
    pub judge: JudgeName,
    #[serde(flatten)]
    pub reply: ScriptedReply,
}

#[derive(Debug, Deserialize)]
pub struct ScriptedPair {
    pub a: SystemName,
    pub b: SystemName,
    pub judge: JudgeName,
    /// `a_first` or `b_first`.
    pub order: String,
    #[serde(flatten)]
    pub reply: ScriptedReply,
}

/// A reply in the form that is asked for, or, to see what becomes of them, some other text.
#[derive(Debug, Deserialize)]
pub struct ScriptedReply {
    #[serde(default)]
    pub answer: Option<String>,
    #[serde(default)]
    pub quotes: Vec<ScriptedQuote>,
    #[serde(default)]
    pub reason: Option<String>,
    #[serde(default)]
    pub raw: Option<String>,
    /// What is to become of a raw reply.
    #[serde(default)]
    pub expect: Option<Expected>,
}

/// An answer that is read in spite of its form, or the cause of a failed vote.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    #[serde(default)]
    pub answer: Option<String>,
    #[serde(default)]
    pub cause: Option<Cause>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedQuote {
    pub file: String,
    #[serde(rename = "where")]
    pub place: String,
    pub quote: String,
}

impl ScriptedReply {
    /// What the provider itself says of how the reply ended.
    #[must_use]
    pub fn ended(&self) -> Option<Cause> {
        let cause = self.expect.as_ref()?.cause?;
        matches!(cause, Cause::Truncated | Cause::Refused | Cause::ContentFilter).then_some(cause)
    }

    /// The text that the judge is recorded to have sent.
    #[must_use]
    pub fn text(&self) -> String {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let evidence: Vec<serde_json::Value> = self
            .quotes
            .iter()
            .map(|quote| serde_json::json!({"file": quote.file, "where": quote.place, "quote": quote.quote}))
            .collect();
        serde_json::json!({"evidence": evidence, "reason": self.reason, "answer": self.answer}).to_string()
    }
}

/// All bundled tasks, by their names.
///
/// # Errors
/// If a bundled file is not what it should be: a test keeps this from shipping.
pub fn tasks() -> Result<Vec<Bundled>, String> {
    let mut slugs: Vec<String> = TASKS.dirs().map(|dir| dir.path().display().to_string()).collect();
    slugs.sort();
    slugs.into_iter().map(task).collect()
}

fn task(slug: String) -> Result<Bundled, String> {
    let file: TaskFile = yaml(&format!("{slug}/task.yaml"))?;
    let name = file.rubric.strip_prefix("rubrics/").unwrap_or(&file.rubric);
    let text =
        RUBRICS.get_file(name).and_then(|file| file.contents_utf8()).ok_or_else(|| format!("no rubric {name}"))?;
    let rubric = rubric::import(text, Format::Native).map_err(|e| format!("{name}: {e}"))?;
    let references = file
        .references
        .iter()
        .map(|path| {
            let name = path.rsplit('/').next().unwrap_or(path);
            upload(&format!("{slug}/{path}"), FileName::parse(name).map_err(|e| e.to_string())?)
        })
        .collect::<Result<_, _>>()?;
    let folder = format!("{slug}/submissions");
    let mut systems: Vec<String> =
        TASKS.get_dir(&folder).into_iter().flat_map(Dir::dirs).map(|dir| dir.path().display().to_string()).collect();
    systems.sort();
    let task = NewTask {
        task_id: Some(file.task_id),
        prompt: file.prompt,
        sector: Some(file.sector),
        occupation: Some(file.occupation),
        rubric_id: None,
        references,
    };
    let submissions =
        systems.iter().map(|path| submission(path, task.task_id.clone())).collect::<Result<Vec<_>, String>>()?;
    Ok(Bundled { slug, task, rubric, submissions })
}

fn submission(path: &str, task_id: Option<TaskId>) -> Result<NewSubmission, String> {
    let file: SubmissionFile = yaml(&format!("{path}/submission.yaml"))?;
    let files =
        file.files.into_iter().map(|name| upload(&format!("{path}/{name}"), name)).collect::<Result<_, String>>()?;
    Ok(NewSubmission {
        task_id,
        system: file.system,
        text: file.text,
        files,
        cost_usd: file.cost_usd,
        duration_s: file.duration_s,
        tokens: file.tokens,
        trace: None,
        metadata: None,
    })
}

/// The right verdicts of a task.
///
/// # Errors
/// If the file is not what it should be.
pub fn planted(slug: &str) -> Result<Vec<Planted>, String> {
    yaml(&format!("{slug}/planted.yaml"))
}

/// What the scripted judges say about a task.
///
/// # Errors
/// If the file is not what it should be.
pub fn script(slug: &str) -> Result<Script, String> {
    yaml(&format!("{slug}/scripted.yaml"))
}

fn upload(path: &str, name: FileName) -> Result<Upload, String> {
    let file = TASKS.get_file(path).ok_or_else(|| format!("no bundled file {path}"))?;
    Ok(Upload { name, bytes: bytes::Bytes::from_static(file.contents()) })
}

fn yaml<T: DeserializeOwned>(path: &str) -> Result<T, String> {
    let file = TASKS.get_file(path).ok_or_else(|| format!("no bundled file {path}"))?;
    let text = file.contents_utf8().ok_or_else(|| format!("{path} is not UTF-8"))?;
    serde_saphyr::from_str(text).map_err(|e| format!("{path}: {e}"))
}
