//! `empanel prompts check`: whether the templates can be used, and what a judge would be asked with them.

use std::path::PathBuf;

use super::{Failure, load, show};
use crate::app::templates;
use crate::prompt::samples;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Render every kind of question with samples
    Check {
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Print the questions, too
        #[arg(long)]
        show: bool,
    },
}

pub(super) fn prompts(verb: &Verb) -> Result<(), Failure> {
    let Verb::Check { config, show: shown } = verb;
    let config = load(config.as_ref())?;
    let templates = templates(&config).map_err(Failure::mistake)?;
    let samples = samples(&templates).map_err(Failure::mistake)?;
    let folder = config.prompts.folder.as_ref().map_or("built in".to_owned(), |folder| folder.display().to_string());
    println!("templates: {folder}\nfingerprint: {}\n", templates.fingerprint());
    let mut table = show::table(&["template", "question", "answers", "characters"], &[3]);
    for sample in &samples {
        let answers = sample.prompt.ask.labels().join(", ");
        let characters = (sample.prompt.system.chars().count() + sample.prompt.question.chars().count()).to_string();
        table.add_row([sample.template, sample.what, &answers, &characters]);
    }
    println!("{table}");
    if *shown {
        for sample in &samples {
            let (system, question) = (&sample.prompt.system, &sample.prompt.question);
            println!("\n{}\n{system}\n{question}", show::bold(&format!("{}: {}", sample.template, sample.what)));
        }
    }
    Ok(())
}
