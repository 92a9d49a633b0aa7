//! `empanel grade`: one submission, here and now, without a service. Nothing is left behind.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::input::{read, text_or_file, upload};
use super::{Failure, load, log, rubric, show};
use crate::app::{Choices, build};
use crate::domain::{
    Decision, Grading, GradingResult, Inconclusive, JudgeName, PanelName, ProjectId, RubricVersion, Source, Status,
    Subject, SystemName, Verdict, Vote,
};
use crate::grading::accept::{Intake, NewSubmission, Terms};
use crate::grading::call::subject_prefix;
use crate::grading::quote::{Quote, quote, total};
use crate::grading::work::run_now;
use crate::http::wire::grading::{GradingBody, Told};
use crate::http::wire::harmless;
use crate::http::wire::quote::QuoteBody;
use crate::services::Services;
use crate::store::{ProjectStore, Query};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The deliverable: pdf, xlsx, docx, pptx, images, text, zip
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The rubric's file
    #[arg(long, value_name = "FILE")]
    rubric: PathBuf,
    /// native, gdpval or weighted
    #[arg(long, default_value = "native", value_name = "FORMAT")]
    rubric_format: String,
    /// The panel; without any configured one, `offline`
    #[arg(long)]
    panel: Option<PanelName>,
    /// What was asked for: text, or @FILE
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// The log of the steps that led to it, for criteria with `target: trace`: JSON, or one JSON object a line
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// What produced the work
    #[arg(long, default_value = "unnamed")]
    system: SystemName,
    /// Ask every judge this often
    #[arg(long)]
    repeats: Option<u32>,
    /// What the calls may cost together, in US dollars
    #[arg(long, value_name = "USD")]
    budget: Option<f64>,
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[arg(long, default_value = "pretty", value_parser = ["pretty", "json", "jsonl", "csv", "junit"])]
    format: String,
    /// Grade also with criteria that a model proposed and no human has accepted
    #[arg(long)]
    allow_drafts: bool,
    /// Say what it would cost, and ask nobody
    #[arg(long)]
    quote: bool,
    /// Exit with 1 if the score is below this (0 to 1)
    #[arg(long, value_name = "SCORE")]
    min_score: Option<f64>,
}

/// A log of steps as it is in a file.
fn steps(path: &Path) -> Result<serde_json::Value, Failure> {
    let text = String::from_utf8_lossy(&read(path)?).into_owned();
    Ok(serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)))
}

pub(super) async fn grade(args: Args) -> Result<(), Failure> {
    log("error");
    if let Some(score) = args.min_score.filter(|score| !(0.0..=1.0).contains(score)) {
        return Err(Failure::Mistake(format!("--min-score {score} is not between 0 and 1")));
    }
    let prompt = args.prompt.clone().map(text_or_file).transpose()?;
    let rubric = rubric::read(&args.rubric, &args.rubric_format)?;
    let files = args.files.iter().map(|path| upload(path)).collect::<Result<Vec<_>, _>>()?;
    let trace = args.trace.as_deref().map(steps).transpose()?;
    let mut config = load(args.config.as_ref())?;
    config.store.url = "memory:".to_owned();
    config.files.url = "memory:".to_owned();
    // Nobody looks at them when this ends.
    config.files.keep_pictures = false;
    let services = build(&config, Choices::system().map_err(Failure::mistake)?).await.map_err(Failure::mistake)?;
    let project = services.store.project(&ProjectId::parse("default").map_err(Failure::mistake)?);

    let mut intake = Intake::new(&services, &project);
    let (rubric, _) = intake.rubric(rubric, None).await.map_err(Failure::mistake)?;
    let submission = intake
        .submission(NewSubmission {
            task_id: None,
            system: args.system,
            text: None,
            files,
            cost_usd: None,
            duration_s: None,
            tokens: None,
            trace,
            metadata: None,
        })
        .await
        .map_err(Failure::mistake)?;
    let (panel, repeats, allow_drafts) = (args.panel, args.repeats, args.allow_drafts);
    let terms = Terms { panel, repeats, prompt, cache: None, budget_usd: args.budget, allow_drafts };
    let grading = intake.grading(&submission, &rubric, terms).map_err(Failure::mistake)?;
    intake.commit().await.map_err(Failure::mistake)?;
    if args.quote {
        let quotes = quote(&services, &project, &grading).await.map_err(Failure::mistake)?;
        return tell(&args.format, &quotes);
    }
    let done = ask(&services, &project, &grading).await?;
    let votes = project
        .all::<Vote>(Query::prefix(subject_prefix(Subject::Grading(done.id))))
        .await
        .map_err(Failure::mistake)?;
    let Some(result) = done.result() else { return Err(Failure::Mistake("the grading has no result".to_owned())) };
    print(&args.format, &done, &rubric, result, &votes)?;
    if matches!(done.status(), Status::Partial | Status::Failed) {
        eprintln!("{} of {} votes failed: the result is partial", result.calls.failed, result.calls.planned);
        return Err(Failure::Partial);
    }
    match (args.min_score, result.score.value) {
        (Some(least), Some(score)) if score < least => {
            eprintln!("score {score:.3} is below {least}");
            Err(Failure::Below)
        }
        (Some(_), None) => {
            eprintln!("there is no score: {}", result.score.undefined.as_deref().unwrap_or("unknown reason"));
            Err(Failure::Below)
        }
        _ => Ok(()),
    }
}

/// What it would cost, by judge and in all.
fn tell(format: &str, quotes: &[(JudgeName, Quote)]) -> Result<(), Failure> {
    if format != "pretty" {
        println!("{}", serde_json::to_string_pretty(&QuoteBody::new(quotes)).map_err(Failure::mistake)?);
        return Ok(());
    }
    let mut table =
        show::table(&["judge", "calls", "input tokens", "of them cached", "output tokens", "USD"], &[1, 2, 3, 4, 5]);
    let all = total(quotes);
    let rows = quotes.iter().map(|(judge, quote)| (judge.to_string(), quote)).chain([("all".to_owned(), &all)]);
    for (who, quote) in rows {
        table.add_row([
            who,
            quote.calls.to_string(),
            quote.usage.input_tokens.to_string(),
            quote.usage.cached_input_tokens.to_string(),
            quote.usage.output_tokens.to_string(),
            quote.usd.map_or("unknown".to_owned(), |usd| format!("{usd:.4}")),
        ]);
    }
    println!("{table}\n\nBy the length of the prompts; nobody was asked.");
    Ok(())
}

/// Asks the panel, with progress on stderr.
async fn ask(services: &Arc<Services>, project: &ProjectStore, grading: &Grading) -> Result<Grading, Failure> {
    let bar = ProgressBar::new(u64::from(grading.calls_planned));
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{spinner} panel {msg} {wide_bar} {pos}/{len} votes · {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(grading.panel.name.to_string());
    let subject = Subject::Grading(grading.id);
    let running = run_now(services, project, grading.id);
    tokio::pin!(running);
    loop {
        tokio::select! {
            done = &mut running => {
                done.map_err(Failure::mistake)?;
                break;
            }
            () = tokio::time::sleep(Duration::from_millis(100)) => {
                if let Some(progress) = services.running.progress(subject) {
                    bar.set_position(u64::from(progress.done));
                }
            }
        }
    }
    bar.finish_and_clear();
    let kept = project.get::<Grading>(&grading.id.to_string()).await.map_err(Failure::mistake)?;
    kept.map(|kept| kept.record).ok_or_else(|| Failure::Mistake("the grading is gone".to_owned()))
}

fn print(
    format: &str,
    grading: &Grading,
    rubric: &RubricVersion,
    result: &GradingResult,
    votes: &[Vote],
) -> Result<(), Failure> {
    match format {
        "json" | "jsonl" => {
            let body = GradingBody::new(&Told { grading, rubric, votes, progress: None });
            let text =
                if format == "json" { serde_json::to_string_pretty(&body) } else { serde_json::to_string(&body) };
            println!("{}", text.map_err(Failure::mistake)?);
        }
        "csv" => println!("{}", csv(rubric, result).map_err(Failure::mistake)?),
        "junit" => println!("{}", junit(grading, rubric, result)),
        _ => pretty(grading, rubric, result),
    }
    Ok(())
}

fn rows<'a>(
    rubric: &'a RubricVersion,
    result: &'a GradingResult,
) -> impl Iterator<Item = (&'a crate::domain::Criterion, &'a Verdict)> {
    rubric.rubric.criteria().iter().zip(&result.verdicts)
}

/// Why a verdict is what it is, in a line.
fn because(verdict: &Verdict) -> String {
    let quote = verdict.evidence.iter().find(|evidence| !evidence.quote.trim().is_empty()).map(|evidence| {
        let place = evidence.place.as_ref().map_or(evidence.said_where.clone(), ToString::to_string);
        let quote: String = evidence.quote.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(100).collect();
        format!("{} {place}: “{quote}”", evidence.file)
    });
    match &verdict.decision {
        Decision::Inconclusive(why) => {
            let note = verdict.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
            format!("{}{note}", inconclusive(*why))
        }
        _ => quote.or_else(|| verdict.note.clone()).unwrap_or_default(),
    }
}

fn inconclusive(why: Inconclusive) -> &'static str {
    match why {
        Inconclusive::Pending => "not asked yet",
        Inconclusive::BelowQuorum => "too few judges answered",
        Inconclusive::Tied => "the judges are tied",
        Inconclusive::NotUnanimous => "the judges are not unanimous",
        Inconclusive::CannotAssess => "cannot be assessed from what was shown",
        Inconclusive::NothingToCheck => "nothing to check",
    }
}

fn pretty(grading: &Grading, rubric: &RubricVersion, result: &GradingResult) {
    let mut table = show::table(&["criterion", "points", "verdict", "met:not", "evidence"], &[1, 3]);
    for (criterion, verdict) in rows(rubric, result) {
        let decided = match &verdict.decision {
            Decision::Level { name, points } => format!("{name} ({points})"),
            other => other.as_str().to_owned(),
        };
        let votes = match verdict.source {
            Source::Check => "check".to_owned(),
            _ if verdict.tally.levels > 0 => String::new(),
            _ => format!("{}:{}", verdict.tally.met, verdict.tally.unmet),
        };
        let points = format!("{:+}", criterion.points);
        table.add_row([criterion.id.to_string(), points, decided, votes, because(verdict)]);
    }
    println!("{table}");
    let score = &result.score;
    let interval = result.interval.as_ref().map_or(String::new(), |i| format!("  [{:.3} … {:.3}]", i.low, i.high));
    println!(
        "{} {}{interval}   coverage {:.2}   panel {}   {} of {} calls failed   cost {}",
        show::bold("score"),
        show::share(score.value),
        score.coverage,
        grading.panel.name,
        result.calls.failed,
        result.calls.planned,
        show::usd(result.cost_usd)
    );
    if let Some(why) = &score.undefined {
        println!("no score: {why}; it lies between {:.3} and {:.3}", score.if_none_met, score.if_all_met);
    }
    for gate in &score.gates {
        println!(
            "gate `{}` caps the score at {} (ungated {})",
            gate.criterion_id,
            gate.cap,
            show::share(score.ungated)
        );
    }
    for file in result.views.iter().flat_map(|view| &view.manifest.files) {
        if let crate::domain::Outcome::Unreadable { reason } = &file.outcome {
            println!("not read: {} ({reason})", file.name);
        }
        for cut in &file.cuts {
            println!("cut: {} of {} ({})", cut.what, file.name, cut.why);
        }
    }
    if !result.review_reasons.is_empty() {
        println!("a human should look at: {}", result.review_reasons.join(", "));
    }
}

fn csv(rubric: &RubricVersion, result: &GradingResult) -> Result<String, csv::Error> {
    let mut out = csv::Writer::from_writer(vec![]);
    out.write_record([
        "criterion_id",
        "points",
        "verdict",
        "level",
        "source",
        "met",
        "unmet",
        "cannot_assess",
        "failed",
        "requirement",
    ])?;
    for (criterion, verdict) in rows(rubric, result) {
        let level = match &verdict.decision {
            Decision::Level { name, .. } => name.as_str(),
            _ => "",
        };
        let source = format!("{:?}", verdict.source).to_lowercase();
        let tally = verdict.tally;
        out.write_record([
            criterion.id.as_str(),
            &criterion.points.to_string(),
            verdict.decision.as_str(),
            level,
            &source,
            &tally.met.to_string(),
            &tally.unmet.to_string(),
            &tally.cannot_assess.to_string(),
            &tally.failed.to_string(),
            &harmless(&criterion.requirement),
        ])?;
    }
    let bytes = out.into_inner().map_err(|e| csv::Error::from(e.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

/// JUnit: a criterion is a case; not met (a met penalty) is a failure, inconclusive is skipped.
fn junit(grading: &Grading, rubric: &RubricVersion, result: &GradingResult) -> String {
    use std::fmt::Write;
    let escape = |text: &str| {
        let clean: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        clean.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
    };
    let (mut cases, mut failures, mut skipped) = (String::new(), 0, 0);
    for (criterion, verdict) in rows(rubric, result) {
        let bad = match verdict.decision {
            Decision::Met => criterion.is_penalty(),
            Decision::Unmet => !criterion.is_penalty(),
            Decision::Level { points, .. } => points < criterion.points,
            Decision::Inconclusive(_) => false,
        };
        let inner = if !verdict.decision.is_conclusive() {
            skipped += 1;
            format!("<skipped message=\"{}\"/>", escape(&because(verdict)))
        } else if bad {
            failures += 1;
            let message =
                format!("{} ({:+} points): {}", verdict.decision.as_str(), criterion.points, criterion.requirement);
            format!("<failure message=\"{}\">{}</failure>", escape(&message), escape(&because(verdict)))
        } else {
            String::new()
        };
        let (id, system) = (escape(criterion.id.as_str()), escape(grading.system.as_str()));
        let _ = writeln!(cases, "    <testcase classname=\"{system}\" name=\"{id}\">{inner}</testcase>");
    }
    let title = escape(rubric.rubric.title().unwrap_or("rubric"));
    let tests = rubric.rubric.criteria().len();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"{title}\" tests=\"{tests}\" failures=\"{failures}\" skipped=\"{skipped}\">\n{cases}  </testsuite>\n</testsuites>"
    )
}
