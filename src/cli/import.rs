//! `empanel import gdpval|submissions|rubrics PATH`: data sets into the store, without a service.
//!
//! Everything is read and checked first; the first mistake ends the import before anything is kept. What is there
//! already is not kept twice, so an import that was interrupted is simply done again.
//!
//! **gdpval**: the folder of the data set (`openai/gdpval`) as it was downloaded, or its table alone: parquet,
//! JSON Lines or a JSON list. A row is a task with its rubric
//! (`rubric_json`, else `rubric_pretty`); `reference_files` are the task's files, `deliverable_files` and
//! `deliverable_text` the gold deliverable, a submission of the system `human`. Paths are relative to the folder.
//!
//! **submissions**: JSON Lines, one submission a line as for `POST /v1/submissions`, with `files` as paths relative
//! to the file; or a folder `TASK/SYSTEM/files`. Tasks must be there.
//!
//! **rubrics**: every rubric of a data set in one of the formats; where a row names its task and prompt, the task
//! too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::Failure;
use super::place::Place;
use crate::app::{Choices, build};
use crate::domain::{FileName, ProjectId, RubricId, Submission, SystemName, TaskId};
use crate::grading::accept::{Intake, NewSubmission, NewTask, Upload};
use crate::rubric::{self, Format};
use crate::services::Services;
use crate::store::{ProjectStore, Query};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// GDPval: tasks, reference files, rubrics and gold deliverables
    Gdpval {
        /// The data set's folder, or its table (parquet, JSON Lines, JSON)
        path: PathBuf,
        /// Tasks and rubrics only
        #[arg(long)]
        without_files: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Submissions: JSON Lines, or a folder TASK/SYSTEM/files
    Submissions {
        path: PathBuf,
        #[command(flatten)]
        target: Target,
    },
    /// Every rubric of a data set, and the tasks that its rows name
    Rubrics {
        path: PathBuf,
        #[arg(long)]
        format: String,
        #[command(flatten)]
        target: Target,
    },
}

/// Where the data goes.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    #[arg(long, default_value = "default")]
    project: ProjectId,
    #[command(flatten)]
    place: Place,
}

/// What was kept, and what was there already.
#[derive(Default)]
struct Kept {
    rubrics: usize,
    tasks: usize,
    submissions: usize,
    known: usize,
}

pub(super) async fn import(verb: Verb) -> Result<(), Failure> {
    let (target, work) = match verb {
        Verb::Gdpval { path, without_files, target } => (target, gdpval(&path, without_files)?),
        Verb::Submissions { path, target } => (target, submissions(&path)?),
        Verb::Rubrics { path, format, target } => (target, rubrics(&path, &format)?),
    };
    let Target { project, place } = target;
    let mut config = place.config()?;
    // Nobody is asked anything.
    config.judges.clear();
    config.panels.clear();
    let services = build(&config, Choices::system().map_err(Failure::mistake)?).await.map_err(Failure::mistake)?;
    let kept = keep(&services, &project, work).await;
    let closed = services.store.clone().close().await.map_err(Failure::mistake);
    let Kept { rubrics, tasks, submissions, known } = kept?;
    closed?;
    println!("kept: {rubrics} rubrics, {tasks} tasks, {submissions} submissions; there already: {known}");
    Ok(())
}

/// One row of a data set.
struct Row {
    /// For messages.
    name: String,
    rubric: Option<crate::domain::Rubric>,
    task: Option<RowTask>,
    submission: Option<RowSubmission>,
}

struct RowTask {
    id: TaskId,
    prompt: String,
    sector: Option<String>,
    occupation: Option<String>,
    references: Vec<(FileName, PathBuf)>,
}

struct RowSubmission {
    new: NewSubmission,
    files: Vec<(FileName, PathBuf)>,
}

async fn keep(services: &Arc<Services>, project: &ProjectId, rows: Vec<Row>) -> Result<Kept, Failure> {
    let project = services.store.project(project);
    let mut kept = Kept::default();
    for Row { name, rubric, task, submission } in rows {
        let told = |error: &dyn std::fmt::Display| Failure::Mistake(format!("{name}: {error}"));
        let mut rubric_id: Option<RubricId> = None;
        if let Some(rubric) = rubric {
            let mut intake = Intake::new(services, &project);
            let (version, new) = intake.rubric(rubric, None).await.map_err(|e| told(&e))?;
            intake.commit().await.map_err(|e| told(&e))?;
            rubric_id = Some(version.id);
            *(if new { &mut kept.rubrics } else { &mut kept.known }) += 1;
        }
        if let Some(RowTask { id, prompt, sector, occupation, references }) = task {
            let references = uploads(references)?;
            let new = NewTask { task_id: Some(id), prompt, sector, occupation, rubric_id, references };
            let mut intake = Intake::new(services, &project);
            let (_, new) = intake.task(new).await.map_err(|e| told(&e))?;
            intake.commit().await.map_err(|e| told(&e))?;
            *(if new { &mut kept.tasks } else { &mut kept.known }) += 1;
        }
        if let Some(RowSubmission { new, files }) = submission {
            let new = NewSubmission { files: uploads(files)?, ..new };
            let mut intake = Intake::new(services, &project);
            let made = intake.submission(new).await.map_err(|e| told(&e))?;
            if is_there(&project, &made).await? {
                kept.known += 1;
            } else {
                intake.commit().await.map_err(|e| told(&e))?;
                kept.submissions += 1;
            }
        }
    }
    Ok(kept)
}

/// Whether the same work of the same system for the same task is kept already.
async fn is_there(project: &ProjectStore, made: &Submission) -> Result<bool, Failure> {
    let query = match &made.task_id {
        Some(task) => Query::link("task", task.as_str()),
        None => Query::link("system", made.system.as_str()),
    };
    let known = project.all::<Submission>(query).await.map_err(Failure::mistake)?;
    let same = |one: &Submission| Submission { id: made.id, created_at: made.created_at, ..one.clone() } == *made;
    Ok(known.iter().any(same))
}

fn uploads(files: Vec<(FileName, PathBuf)>) -> Result<Vec<Upload>, Failure> {
    files.into_iter().map(|(name, path)| Ok(Upload { name, bytes: bytes(&path)?.into() })).collect()
}

fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|e| Failure::Mistake(format!("cannot read {}: {e}", path.display())))
}

fn text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(bytes(path)?).map_err(|e| {
        Failure::Mistake(format!("{} is not UTF-8 (byte {})", path.display(), e.utf8_error().valid_up_to()))
    })
}

/// The table of a data set's folder, and the folder that its paths are relative to.
fn table_of(path: &Path) -> Result<(PathBuf, PathBuf), Failure> {
    if path.is_file() {
        let folder = path.parent().unwrap_or(Path::new("."));
        let root = if folder.file_name().is_some_and(|name| name == "data") { folder.parent() } else { None };
        return Ok((path.to_owned(), root.unwrap_or(folder).to_owned()));
    }
    for extension in ["jsonl", "json", "parquet"] {
        for folder in [path.to_owned(), path.join("data")] {
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
            let mut found: Vec<PathBuf> =
                entries.filter(|file| file.extension().is_some_and(|e| e == extension)).collect();
            found.sort();
            match found.as_slice() {
                [] => {}
                [one] => return Ok((one.clone(), path.to_owned())),
                several => {
                    let names: Vec<_> = several.iter().map(|p| p.display().to_string()).collect();
                    return Err(Failure::Mistake(format!("there are several tables; name one: {}", names.join(", "))));
                }
            }
        }
    }
    Err(Failure::Mistake(format!(
        "{} is neither a table nor a folder with one (.jsonl, .json or .parquet, here or in `data`)",
        path.display()
    )))
}

fn rows_of(table: &Path) -> Result<Vec<Value>, Failure> {
    if table.extension().is_some_and(|e| e == "parquet") {
        return parquet_rows(table);
    }
    let text = text(table)?;
    let told = |line: usize, error: serde_json::Error| {
        Failure::Mistake(format!("{}: not valid JSON: {error} (line {line})", table.display()))
    };
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(&text).map_err(|error| told(error.line(), error));
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(number, line)| serde_json::from_str(line).map_err(|error| told(number + 1, error))).collect()
}

fn parquet_rows(table: &Path) -> Result<Vec<Value>, Failure> {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let told = |error: &dyn std::fmt::Display| Failure::Mistake(format!("{}: {error}", table.display()));
    let file = std::fs::File::open(table).map_err(|e| told(&e))?;
    let reader = SerializedFileReader::new(file).map_err(|e| told(&e))?;
    let rows = reader.get_row_iter(None).map_err(|e| told(&e))?;
    rows.map(|row| row.map(|row| row.to_json_value()).map_err(|e| told(&e))).collect()
}

fn gdpval(path: &Path, without_files: bool) -> Result<Vec<Row>, Failure> {
    let (table, root) = table_of(path)?;
    let rows = rows_of(&table)?;
    if rows.is_empty() {
        return Err(Failure::Mistake(format!("{} has no rows", table.display())));
    }
    let mut missing = Vec::new();
    let mut read = Vec::with_capacity(rows.len());
    for (index, row) in rows.into_iter().enumerate() {
        read.push(gdpval_row(row, index, &root, without_files, &mut missing)?);
    }
    if let [first, ..] = missing.as_slice() {
        return Err(Failure::Mistake(format!(
            "{} files that the table names are not there, the first: {}; download them, or import `--without-files`",
            missing.len(),
            first.display()
        )));
    }
    Ok(read)
}

fn gdpval_row(
    row: Value,
    index: usize,
    root: &Path,
    without_files: bool,
    missing: &mut Vec<PathBuf>,
) -> Result<Row, Failure> {
    let field = |name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned).filter(|t| !t.trim().is_empty());
    let name = match field("task_id") {
        Some(id) => format!("row {} (task {id})", index + 1),
        None => format!("row {}", index + 1),
    };
    let told = |what: &dyn std::fmt::Display| Failure::Mistake(format!("{name}: {what}"));
    let id = field("task_id").ok_or_else(|| told(&"has no `task_id`; is this GDPval's table?"))?;
    let id = TaskId::parse(id).map_err(|e| told(&e))?;
    let prompt = field("prompt").ok_or_else(|| told(&"has no `prompt`"))?;
    let mut files = |name: &str| -> Result<Vec<(FileName, PathBuf)>, Failure> {
        let paths = row.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let paths = if without_files { vec![] } else { paths };
        let mut found = Vec::with_capacity(paths.len());
        for path in paths.iter().filter_map(Value::as_str) {
            found.push(inside(root, path, missing).map_err(|e| told(&e))?);
        }
        Ok(found)
    };
    let (references, gold) = (files("reference_files")?, files("deliverable_files")?);
    // A table writes what a row does not have as null.
    let has_rubric = ["rubric_json", "rubric_pretty"].iter().any(|field| row.get(field).is_some_and(|v| !v.is_null()));
    let rubric = match has_rubric {
        true => Some(rubric::import_value(row.clone(), Format::Gdpval).map_err(|e| told(&e))?),
        false => None,
    };
    let gold_text = field("deliverable_text");
    let submission = (!gold.is_empty() || gold_text.is_some()).then(|| RowSubmission {
        new: NewSubmission {
            task_id: Some(id.clone()),
            system: SystemName::parse("human").expect("it is a name"),
            text: gold_text,
            files: vec![],
            cost_usd: None,
            duration_s: None,
            tokens: None,
            trace: None,
            metadata: Some(serde_json::json!({ "gold": true })),
        },
        files: gold,
    });
    let task = RowTask { id, prompt, sector: field("sector"), occupation: field("occupation"), references };
    Ok(Row { name, rubric, task: Some(task), submission })
}

/// A file that a table names, which must lie in the data set's folder.
fn inside(root: &Path, path: &str, missing: &mut Vec<PathBuf>) -> Result<(FileName, PathBuf), String> {
    let relative = Path::new(path);
    let plain = relative.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if !plain {
        return Err(format!("the path {path:?} leads out of the data set's folder"));
    }
    let name = relative.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = FileName::parse(name).map_err(|e| e.to_string())?;
    let file = root.join(relative);
    if !file.is_file() {
        missing.push(file.clone());
    }
    Ok((name, file))
}

/// A line of a manifest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    task_id: Option<TaskId>,
    system: SystemName,
    text: Option<String>,
    #[serde(default)]
    files: Vec<String>,
    cost_usd: Option<f64>,
    duration_s: Option<f64>,
    tokens: Option<u64>,
    trace: Option<Value>,
    metadata: Option<Value>,
}

fn submissions(path: &Path) -> Result<Vec<Row>, Failure> {
    if path.is_dir() {
        return folder(path);
    }
    let root = path.parent().unwrap_or(Path::new("."));
    let mut missing = Vec::new();
    let mut rows = Vec::new();
    for (number, line) in text(path)?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let name = format!("{} line {}", path.display(), number + 1);
        let told = |what: &dyn std::fmt::Display| Failure::Mistake(format!("{name}: {what}"));
        let line: Line = serde_json::from_str(line).map_err(|e| told(&e))?;
        let files = line.files.iter().map(|file| inside(root, file, &mut missing)).collect::<Result<Vec<_>, _>>();
        let files = files.map_err(|e| told(&e))?;
        let Line { task_id, system, text, cost_usd, duration_s, tokens, trace, metadata, .. } = line;
        let new = NewSubmission { task_id, system, text, files: vec![], cost_usd, duration_s, tokens, trace, metadata };
        rows.push(Row { name, rubric: None, task: None, submission: Some(RowSubmission { new, files }) });
    }
    if let [first, ..] = missing.as_slice() {
        return Err(Failure::Mistake(format!("{} files are not there, the first: {}", missing.len(), first.display())));
    }
    Ok(rows)
}

/// `TASK/SYSTEM/files`.
fn folder(root: &Path) -> Result<Vec<Row>, Failure> {
    let inner = |folder: &Path| -> Result<BTreeSet<PathBuf>, Failure> {
        let cannot = |e: std::io::Error| Failure::Mistake(format!("cannot read {}: {e}", folder.display()));
        std::fs::read_dir(folder).map_err(cannot)?.map(|entry| entry.map(|e| e.path()).map_err(cannot)).collect()
    };
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut rows = Vec::new();
    for task in inner(root)?.into_iter().filter(|path| path.is_dir()) {
        for system in inner(&task)?.into_iter().filter(|path| path.is_dir()) {
            let told = |what: &dyn std::fmt::Display| Failure::Mistake(format!("{}: {what}", system.display()));
            let files = inner(&system)?.into_iter().filter(|path| path.is_file());
            let files = files.map(|path| Ok((FileName::parse(name(&path))?, path))).collect::<Result<Vec<_>, _>>();
            let files = files.map_err(|e: crate::domain::InvalidName| told(&e))?;
            let new = NewSubmission {
                task_id: Some(TaskId::parse(name(&task)).map_err(|e| told(&e))?),
                system: SystemName::parse(name(&system)).map_err(|e| told(&e))?,
                text: None,
                files: vec![],
                cost_usd: None,
                duration_s: None,
                tokens: None,
                trace: None,
                metadata: None,
            };
            let name = system.display().to_string();
            rows.push(Row { name, rubric: None, task: None, submission: Some(RowSubmission { new, files }) });
        }
    }
    if rows.is_empty() {
        return Err(Failure::Mistake(format!("{} holds no folders TASK/SYSTEM with files", root.display())));
    }
    Ok(rows)
}

fn rubrics(path: &Path, format: &str) -> Result<Vec<Row>, Failure> {
    let format: Format = format.parse().map_err(Failure::mistake)?;
    let all =
        rubric::import_all(&text(path)?, format).map_err(|e| Failure::Mistake(format!("{}: {e}", path.display())))?;
    let row = |(index, rubric::Imported { rubric, task }): (usize, rubric::Imported)| {
        let name = match &task.id {
            Some(id) => format!("rubric {} (task {id})", index + 1),
            None => format!("rubric {}", index + 1),
        };
        let task = match (task.id, task.prompt) {
            (Some(id), Some(prompt)) => Some(RowTask {
                id: TaskId::parse(id).map_err(|e| Failure::Mistake(format!("{name}: {e}")))?,
                prompt,
                sector: task.sector,
                occupation: task.occupation,
                references: vec![],
            }),
            _ => None,
        };
        Ok(Row { name, rubric: Some(rubric), task, submission: None })
    };
    all.into_iter().enumerate().map(row).collect()
}
