//! The command line: one file per verb and one line in [`Verb`].
//!
//! Exit codes: 0 done, 1 below what was asked for (`--min-score`, other votes at a replay), 2 a mistake in the call or its
//! input, 3 done in part (some votes failed, some files could not be read). Results go to stdout, progress and messages to
//! stderr.

#![allow(clippy::print_stdout, reason = "results of commands go to stdout")]

/// Results go to stdout. Whoever closed it (`empanel grade ... | head`) has seen enough: that fails no command and ends
/// no service.
macro_rules! println {
    ($($argument:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout().lock(), $($argument)*);
    }};
}

mod agreement;
mod audit;
mod config;
pub mod demo;
mod descriptors;
mod draft;
mod export;
mod grade;
mod health;
mod import;
mod input;
mod judges;
mod keys;
mod leaderboard;
mod log;
mod place;
mod prompts;
mod read;
mod reader;
mod replay;
mod rubric;
mod sequential;
mod serve;
mod show;
mod store;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;
use log::{log, log_and_trace};

/// Grades real work products by a panel of judge models.
#[derive(Debug, Parser)]
#[command(name = "empanel", version, about, max_term_width = 110, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the service: API, pages and the workers that grade
    Serve(serve::Args),
    /// Ask a service on this machine whether it lives: 0 yes, 1 no, 2 it does not answer
    Health(health::Args),
    /// Grade the bundled tasks with a scripted panel, print what came out, and serve the pages
    Demo(demo::Args),
    /// Grade one submission here and now, without a service
    Grade(grade::Args),
    /// See what a judge is shown of files: no server, no key, no model
    Read(read::Args),
    /// Look at a rubric before a token is spent
    #[command(subcommand)]
    Rubric(rubric::Verb),
    /// Bring data sets in: GDPval, submissions, rubrics
    #[command(subcommand)]
    Import(import::Verb),
    /// Take data out: votes, gradings, battles, overrides or submissions as JSON Lines, CSV or Parquet
    Export(export::Args),
    /// Rate systems from a file of battles: model_a,model_b,winner[,task_id,judge]
    Leaderboard(leaderboard::Args),
    /// Agreement of raters from a file of ratings: unit,rater,value
    Agreement(agreement::Args),
    /// Read the kept replies of a grading again, without a call: which votes would be others today?
    Replay(replay::Args),
    /// Look at the judges before they are paid for
    #[command(subcommand)]
    Judges(judges::Verb),
    /// Look at the wording of questions before a token is spent
    #[command(subcommand)]
    Prompts(prompts::Verb),
    /// The log of what was decided by whom
    #[command(subcommand)]
    Audit(audit::Verb),
    /// Move the records to another kind of store
    #[command(subcommand)]
    Store(store::Verb),
    /// API keys of the service: make, list, rotate, revoke
    #[command(subcommand)]
    Keys(keys::Verb),
    /// Look at the configuration
    #[command(subcommand)]
    Config(config::Verb),
    /// Read files for a service that started this
    #[command(hide = true)]
    Reader(reader::Args),
}

/// How a command ended other than well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A mistake in the call or in its input: exit 2.
    Mistake(String),
    /// The score is below `--min-score`: exit 1.
    Below,
    /// Some votes failed, or some files could not be read: exit 3.
    Partial,
}

impl Failure {
    fn mistake(error: impl std::fmt::Display) -> Self {
        Self::Mistake(error.to_string())
    }
}

/// Runs the command and answers with its exit code.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // clap answers `--help` and `--version` through its error; those are no mistakes.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let done = match cli.verb {
        Verb::Serve(args) => runtime().and_then(|rt| to_its_end(rt, serve::serve(args))),
        Verb::Health(args) => runtime().and_then(|rt| rt.block_on(health::health(args))),
        Verb::Demo(args) => runtime().and_then(|rt| to_its_end(rt, demo::demo(args))),
        Verb::Grade(args) => runtime().and_then(|rt| rt.block_on(grade::grade(args))),
        Verb::Read(args) => runtime().and_then(|rt| rt.block_on(read::read(args))),
        Verb::Rubric(verb) => runtime().and_then(|rt| rt.block_on(rubric::rubric(verb))),
        Verb::Import(verb) => runtime().and_then(|rt| rt.block_on(import::import(verb))),
        Verb::Export(args) => runtime().and_then(|rt| rt.block_on(export::export(args))),
        Verb::Leaderboard(args) => leaderboard::leaderboard(&args),
        Verb::Agreement(args) => agreement::agreement(&args),
        Verb::Replay(args) => runtime().and_then(|rt| rt.block_on(replay::run(args))),
        Verb::Prompts(verb) => prompts::prompts(&verb),
        Verb::Judges(verb) => runtime().and_then(|rt| rt.block_on(judges::judges(verb))),
        Verb::Audit(verb) => runtime().and_then(|rt| rt.block_on(audit::audit(verb))),
        Verb::Store(verb) => runtime().and_then(|rt| rt.block_on(store::store(verb))),
        Verb::Keys(verb) => runtime().and_then(|rt| rt.block_on(keys::keys(verb))),
        Verb::Config(verb) => config::config(&verb),
        Verb::Reader(args) => reader::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Below) => ExitCode::from(1),
        Err(Failure::Mistake(message)) => {
            eprintln!("{} {message}", show::red("error:"));
            ExitCode::from(2)
        }
        Err(Failure::Partial) => ExitCode::from(3),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::mistake)
}

/// Runs what ends by a signal. Whatever still computes then is not waited for.
fn to_its_end<T>(runtime: tokio::runtime::Runtime, served: impl Future<Output = T>) -> T {
    let done = runtime.block_on(served);
    runtime.shutdown_timeout(serve::THREADS_WITHIN);
    done
}

/// Reads the configuration and the environment.
fn load(path: Option<&PathBuf>) -> Result<Config, Failure> {
    Config::load(path.map(PathBuf::as_path), std::env::vars()).map_err(Failure::mistake)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
