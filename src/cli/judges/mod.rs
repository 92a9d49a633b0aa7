//! `empanel judges check`: asks every judge one small question whose answer is known, and one about a picture if it sees:
//! whether it is reached, takes the key, knows the model, keeps to the form of the reply, how long it takes, what it costs.
//! `empanel judges probe` ([`probe`]): what scores hang on.

mod probe;

use std::path::PathBuf;
use std::sync::Arc;

use super::{Failure, load, log, show};
use crate::app::{Choices, bench, templates};
use crate::document::{self, Input, Limits};
use crate::domain::{
    Answer, CallKey, Criterion, CriterionId, Extract, FileExtract, GradingId, Id, JudgeName, Question, Subject, Target,
};
use crate::judge::{Asked, CancellationToken, Judge, Unkept, models};
use crate::prompt::{Templates, Work};
use crate::verdict;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Ask every configured judge one small question whose answer is known
    Check {
        /// Only these
        #[arg(value_name = "JUDGE")]
        only: Vec<JudgeName>,
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        #[arg(long, default_value = "pretty", value_parser = ["pretty", "json"])]
        format: String,
    },
    /// Grade the same content in other forms, and say by how much the score differs
    Probe(probe::Args),
}

const TEXT: &str = "Memo. Revenue of the third quarter was 4,217 dollars, 311 more than in the second.";
const ABOUT_TEXT: &str = "The memo states that revenue of the third quarter was 4,217 dollars.";
const PICTURE: &[u8] = include_bytes!("probe.png");
const ABOUT_PICTURE: &str = "The left half of the picture is red.";

/// What one judge did.
#[derive(Debug, serde::Serialize)]
struct Checked {
    judge: String,
    provider: String,
    /// As configured.
    model: String,
    /// As the provider returned it.
    answered_as: Option<String>,
    /// How its reply is held to its form.
    reply_form: Option<&'static str>,
    text: Probe,
    /// `None`: it is not configured to see.
    picture: Option<Probe>,
    /// Where its price is from: `configured`, `table`; `None` = it has none.
    price: Option<&'static str>,
    /// The day on which the provider switches the model off, where that is announced.
    expires: Option<String>,
    usd: Option<f64>,
}

/// One question.
#[derive(Debug, serde::Serialize)]
struct Probe {
    /// The answer was the known one.
    passed: bool,
    /// The answer, or what happened.
    said: String,
    latency_ms: u64,
    input_tokens: u64,
    output_tokens: u64,
}

pub(super) async fn judges(verb: Verb) -> Result<(), Failure> {
    log("error");
    let (only, path, format) = match verb {
        Verb::Check { only, config, format } => (only, config, format),
        Verb::Probe(args) => return probe::probe(args).await,
    };
    let mut config = load(path.as_ref())?;
    // A check says what is; it does not wait until it is better.
    for section in &mut config.judges {
        section.max_attempts = 1;
    }
    let (known, _) = bench(&config, &Choices::system().map_err(Failure::mistake)?).map_err(Failure::mistake)?;
    if let Some(unknown) = only.iter().find(|name| !known.contains_key(name)) {
        let names = known.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        return Err(Failure::Mistake(format!("there is no judge `{unknown}`; there are: {names}")));
    }
    let configured = |name: &JudgeName| config.judges.iter().any(|section| section.name == *name);
    let chosen: Vec<&Arc<Judge>> = known
        .values()
        .filter(|judge| {
            let name = &judge.spec().name;
            if only.is_empty() { configured(name) || config.judges.is_empty() } else { only.contains(name) }
        })
        .collect();
    let templates = templates(&config).map_err(Failure::mistake)?;
    let checked = futures_util::future::join_all(chosen.iter().map(|judge| check(judge, &templates))).await;
    if format == "json" {
        println!("{}", serde_json::to_string_pretty(&checked).map_err(Failure::mistake)?);
    } else {
        print(&checked);
    }
    let failed = |one: &Checked| !one.text.passed || one.picture.as_ref().is_some_and(|picture| !picture.passed);
    if checked.iter().any(failed) { Err(Failure::Partial) } else { Ok(()) }
}

async fn check(judge: &Judge, templates: &Templates) -> Checked {
    let spec = judge.spec();
    let read = |name: &str, bytes: &[u8]| -> FileExtract {
        document::read(&Input { name, media_type: None, bytes }, &Limits::default()).swap_remove(0)
    };
    let text = ask(judge, templates, read("memo.txt", TEXT.as_bytes()), ABOUT_TEXT).await;
    let picture = match spec.vision {
        true => Some(ask(judge, templates, read("picture.png", PICTURE), ABOUT_PICTURE).await),
        false => None,
    };
    let usd = |asked: &Result<Asked<Answer>, String>| asked.as_ref().map_or(Some(0.0), |asked| asked.cost_usd);
    let usd = usd(&text).zip(picture.as_ref().map_or(Some(0.0), usd)).map(|(text, picture)| text + picture);
    Checked {
        judge: spec.name.to_string(),
        provider: spec.provider.clone(),
        model: spec.model.clone(),
        answered_as: text.as_ref().ok().and_then(|asked| asked.model.clone()),
        reply_form: judge.provider().form(),
        text: answered(text),
        picture: picture.map(answered),
        price: spec.price.map(|_| if judge.is_price_from_table() { "table" } else { "configured" }),
        expires: judge.expires().map(str::to_owned),
        usd,
    }
}

/// One question about one file, whose answer is MET.
async fn ask(
    judge: &Judge,
    templates: &Templates,
    file: FileExtract,
    requirement: &str,
) -> Result<Asked<Answer>, String> {
    let criterion = Criterion {
        id: CriterionId::parse("probe").map_err(|e| e.to_string())?,
        requirement: requirement.to_owned(),
        points: 1.0,
        tags: vec![],
        gate: None,
        levels: vec![],
        target: Target::Deliverable,
        check: None,
        extra: Default::default(),
        draft: None,
    };
    let deliverable = Arc::new(Extract { files: vec![file] });
    let criteria = std::slice::from_ref(&criterion);
    let work = Work { task: None, references: None, deliverable: &deliverable, criteria, steps: false };
    let shown = templates.prefix(&work, judge.spec().max_input_chars, judge.spec().vision);
    let prompt = templates.criterion(&shown.prefix, &criterion).map_err(|e| e.to_string())?;
    let key = CallKey {
        subject: Subject::Grading(GradingId::from_uuid(uuid::Uuid::nil())),
        judge: judge.spec().name.clone(),
        repeat: 0,
        question: Question::Criterion(criterion.id),
    };
    let parse =
        |text: &str| verdict::read_reply(text, &prompt.ask).map(|said| said.answer).map_err(|e| (e.cause, e.detail));
    let asked = judge.ask(&key, &prompt, vec![], &parse, &Unkept, &CancellationToken::new()).await;
    asked.map_err(|error| error.to_string())
}

fn answered(asked: Result<Asked<Answer>, String>) -> Probe {
    let failed =
        |said: String, latency_ms| Probe { passed: false, said, latency_ms, input_tokens: 0, output_tokens: 0 };
    match asked {
        Err(error) => failed(error, 0),
        Ok(Asked { outcome: Err((cause, detail)), latency_ms, .. }) => {
            failed(format!("{}: {detail}", cause.as_str()), latency_ms)
        }
        Ok(Asked { outcome: Ok(answer), usage, latency_ms, .. }) => Probe {
            passed: answer == Answer::Met,
            said: answer.to_string(),
            latency_ms,
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
        },
    }
}

fn print(checked: &[Checked]) {
    let mut table = show::table(
        &["judge", "model as answered", "text", "picture", "reply form", "ms", "tokens in/out", "USD"],
        &[5, 6, 7],
    );
    let mark = |probe: &Probe| if probe.passed { "✓".to_owned() } else { "✕".to_owned() };
    for one in checked {
        table.add_row([
            one.judge.clone(),
            one.answered_as.clone().unwrap_or_else(|| format!("({})", one.model)),
            mark(&one.text),
            one.picture.as_ref().map_or("–".to_owned(), mark),
            one.reply_form.unwrap_or("–").to_owned(),
            one.text.latency_ms.to_string(),
            format!("{} / {}", one.text.input_tokens, one.text.output_tokens),
            one.usd.filter(|_| one.price.is_some()).map_or("unknown".to_owned(), |usd| format!("{usd:.6}")),
        ]);
    }
    println!("{table}");
    if checked.iter().any(|one| one.price == Some("table")) {
        println!("\nPrices that are not configured: {}", models::source());
    }
    for one in checked {
        if let Some(expires) = &one.expires {
            println!("\n{}: {} is switched off by its provider on {expires}", one.judge, one.model);
        }
        for (what, probe) in [("text", Some(&one.text)), ("picture", one.picture.as_ref())] {
            if let Some(probe) = probe.filter(|probe| !probe.passed) {
                println!("\n{}, {what}: {}", one.judge, probe.said);
            }
        }
    }
}
