//! `empanel rubric lint|diff|export`: what is wrong with a rubric, before a token is spent; what differs between two;
//! and the same rubric in another format.

use std::path::PathBuf;

use sha2::Digest;

use super::{Failure, input, load, show};
use crate::domain::{Extract, StoredFile};
use crate::grading::accept::Upload;
use crate::reading::Source;
use crate::rubric::{self, Format, Level};

/// As which a rubric's file may come.
const FORMATS: &str = "native, gdpval, weighted, healthbench, paperbench, archipelago, finance_agent, apex, ace, \
profbench, prometheus, openai_graders or promptfoo";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Say what is wrong; exit 2 if it cannot be graded with
    Lint {
        file: PathBuf,
        #[arg(long, default_value = "native", help = FORMATS)]
        format: String,
        /// What the task asks for, or @FILE: criteria that only repeat it are found
        #[arg(long, value_name = "TEXT")]
        prompt: Option<String>,
        /// A deliverable that is known to be right: criteria that it contradicts are found. May be repeated
        #[arg(long, value_name = "FILE")]
        gold: Vec<PathBuf>,
    },
    /// Have a model of a panel propose the criteria of a task: a native rubric of drafts on stdout; exit 3 if it failed
    Draft(super::draft::Args),
    /// What differs between two versions, and which criteria are judged again
    Diff {
        old: PathBuf,
        new: PathBuf,
        #[arg(long, default_value = "native", help = FORMATS)]
        format: String,
        /// Of the second file, where it is another
        #[arg(long, value_name = "FORMAT")]
        new_format: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Write it in another format, without a loss or not at all
    Export {
        file: PathBuf,
        #[arg(long, default_value = "native", help = FORMATS)]
        format: String,
        /// The format to write
        #[arg(long, default_value = "native")]
        to: String,
    },
}

pub(super) async fn rubric(verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Lint { file, format, prompt, gold } => lint(&file, &format, prompt, &gold).await,
        Verb::Draft(args) => super::draft::draft(args).await,
        Verb::Diff { old, new, format, new_format, json } => {
            let (from, to) = (read(&old, &format)?, read(&new, new_format.as_deref().unwrap_or(&format))?);
            diff(&rubric::diff(&from, &to), json)
        }
        Verb::Export { file, format, to } => {
            let to: Format = to.parse().map_err(Failure::mistake)?;
            let text = rubric::export(&read(&file, &format)?, to).map_err(Failure::mistake)?;
            println!("{}", text.trim_end());
            Ok(())
        }
    }
}

async fn lint(file: &PathBuf, format: &str, prompt: Option<String>, gold: &[PathBuf]) -> Result<(), Failure> {
    let rubric = read(file, format)?;
    let prompt = prompt.map(input::text_or_file).transpose()?;
    let gold = match gold {
        [] => None,
        files => Some(extract(files).await?),
    };
    let found = rubric::lint_in(&rubric, &rubric::Context { prompt: prompt.as_deref(), gold: gold.as_ref() });
    println!(
        "{}: {} criteria, {} points, fingerprint {}",
        rubric.title().unwrap_or("untitled rubric"),
        rubric.criteria().len(),
        rubric.max_points(),
        rubric.fingerprint().short()
    );
    if found.is_empty() {
        println!("nothing to remark");
        return Ok(());
    }
    let mut table = show::table(&["level", "criterion", "what", "code"], &[]);
    for lint in &found {
        let level = format!("{:?}", lint.level).to_lowercase();
        let criterion = lint.criterion_id.as_ref().map_or("", |id| id.as_str());
        table.add_row([level.as_str(), criterion, &lint.message, lint.code]);
    }
    println!("{table}");
    if found.iter().any(|lint| lint.level == Level::Error) {
        return Err(Failure::Mistake(format!("{} cannot be graded with as it is", file.display())));
    }
    Ok(())
}

/// What a judge would be shown of files.
async fn extract(files: &[PathBuf]) -> Result<Extract, Failure> {
    let reading = crate::app::reading(&load(None)?).map_err(Failure::mistake)?;
    let mut all = Vec::new();
    for path in files {
        let Upload { name, bytes } = input::upload(path)?;
        let media_type = crate::document::media_type(name.as_str(), &bytes);
        let sha256 = hex::encode(sha2::Sha256::digest(&bytes));
        let file = StoredFile { name, media_type, bytes: bytes.len() as u64, sha256 };
        all.extend(reading.read(Source { file, bytes }).await);
    }
    Ok(Extract { files: all })
}

fn diff(found: &rubric::Diff, json: bool) -> Result<(), Failure> {
    if json {
        println!("{}", serde_json::to_string_pretty(found).map_err(Failure::mistake)?);
        return Ok(());
    }
    if found.is_empty() {
        println!("no difference");
        return Ok(());
    }
    let mut table = show::table(&["criterion", "field", "from", "to"], &[]);
    for change in &found.rubric {
        table.add_row(["(the rubric)", &change.field, &short(&change.from), &short(&change.to)]);
    }
    for id in &found.added {
        table.add_row([id.as_str(), "added", "", ""]);
    }
    for id in &found.removed {
        table.add_row([id.as_str(), "removed", "", ""]);
    }
    for changed in &found.changed {
        for change in &changed.fields {
            table.add_row([changed.id.as_str(), &change.field, &short(&change.from), &short(&change.to)]);
        }
    }
    println!("{table}");
    let again: Vec<&str> = found.judged_again.iter().map(|id| id.as_str()).collect();
    match again.as_slice() {
        [] => println!("no criterion is judged again"),
        some => println!("judged again: {}", some.join(", ")),
    }
    Ok(())
}

/// A value in a table's cell.
fn short(value: &serde_json::Value) -> String {
    let text = match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(160) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Reads a rubric file in one of the formats.
pub(super) fn read(file: &PathBuf, format: &str) -> Result<crate::domain::Rubric, Failure> {
    let format: Format = format.parse().map_err(Failure::mistake)?;
    let bytes = std::fs::read(file).map_err(|e| Failure::Mistake(format!("cannot read {}: {e}", file.display())))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        Failure::Mistake(format!("{} is not UTF-8 (byte {})", file.display(), e.utf8_error().valid_up_to()))
    })?;
    rubric::import(&text, format).map_err(|e| Failure::Mistake(format!("{}: {e}", file.display())))
}
