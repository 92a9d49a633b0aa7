//! `empanel rubric lint`: what is wrong with a rubric, before a token is spent.

use std::path::PathBuf;

use super::{Failure, show};
use crate::rubric::{self, Format, Level};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Say what is wrong; exit 2 if it cannot be graded with
    Lint {
        file: PathBuf,
        /// native, gdpval or weighted
        #[arg(long, default_value = "native")]
        format: String,
    },
}

pub(super) fn rubric(verb: &Verb) -> Result<(), Failure> {
    let Verb::Lint { file, format } = verb;
    let rubric = read(file, format)?;
    let found = rubric::lint(&rubric);
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

/// Reads a rubric file in one of the formats.
pub(super) fn read(file: &PathBuf, format: &str) -> Result<crate::domain::Rubric, Failure> {
    let format: Format = format.parse().map_err(Failure::mistake)?;
    let bytes = std::fs::read(file).map_err(|e| Failure::Mistake(format!("cannot read {}: {e}", file.display())))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        Failure::Mistake(format!("{} is not UTF-8 (byte {})", file.display(), e.utf8_error().valid_up_to()))
    })?;
    rubric::import(&text, format).map_err(|e| Failure::Mistake(format!("{}: {e}", file.display())))
}
