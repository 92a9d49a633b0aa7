//! `empanel judges probe`: the same content in other forms (`grading::reformat`), graded by the same panel. What a form
//! changes is not what the work is worth. The deliverable itself is graded a second time, too: what that changes is the
//! judges' own inconstancy, and no form need be blamed for less.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::app::{Choices, build};
use crate::cli::input::{text_or_file, upload};
use crate::cli::{Failure, load, rubric, show};
use crate::domain::{
    CachePolicy, Criterion, CriterionId, Decision, FileName, Grading, PanelName, ProjectId, Rubric, RubricVersion,
    SystemName, Verdict,
};
use crate::grading::accept::{Intake, NewSubmission, Terms, Upload};
use crate::grading::plan::read_files;
use crate::grading::reformat::forms;
use crate::grading::work::run_now;
use crate::services::Services;
use crate::stats::interval::paired_difference;
use crate::store::ProjectStore;

/// Of the intervals.
const LEVEL: f64 = 0.95;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The deliverable; what of it is text is probed
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
    /// Ask every judge this often
    #[arg(long)]
    repeats: Option<u32>,
    /// What the calls of each form may cost together, in US dollars
    #[arg(long, value_name = "USD")]
    budget: Option<f64>,
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[arg(long, default_value = "pretty", value_parser = ["pretty", "json"])]
    format: String,
}

#[derive(Debug, serde::Serialize)]
struct Probed {
    panel: String,
    /// Of the deliverable as it is.
    score: Option<f64>,
    forms: Vec<FormProbed>,
    usd: Option<f64>,
}

#[derive(Debug, serde::Serialize)]
struct FormProbed {
    form: &'static str,
    what: &'static str,
    score: Option<f64>,
    /// The score of this form less that of the deliverable as it is, over the criteria that have a verdict in both.
    difference: Option<f64>,
    /// Of the difference, by criterion; null with the reason in `undefined`.
    interval: Option<IntervalProbed>,
    undefined: Option<String>,
    criteria_compared: usize,
    /// Criteria whose verdict is another one.
    changed: Vec<String>,
}

#[derive(Debug, serde::Serialize)]
struct IntervalProbed {
    low: f64,
    high: f64,
    level: f64,
    method: &'static str,
    caution: Option<String>,
}

/// What each grading is made with.
struct Bench {
    services: Arc<Services>,
    project: ProjectStore,
    rubric: Rubric,
    panel: Option<PanelName>,
    prompt: Option<String>,
    repeats: Option<u32>,
    budget: Option<f64>,
}

pub(super) async fn probe(args: Args) -> Result<(), Failure> {
    let prompt = args.prompt.clone().map(text_or_file).transpose()?;
    let rubric = rubric::read(&args.rubric, &args.rubric_format)?;
    let files = args.files.iter().map(|path| upload(path)).collect::<Result<Vec<_>, _>>()?;
    let mut config = load(args.config.as_ref())?;
    config.store.url = "memory:".to_owned();
    config.files.url = "memory:".to_owned();
    let services = build(&config, Choices::system().map_err(Failure::mistake)?).await.map_err(Failure::mistake)?;
    let project = services.store.project(&ProjectId::parse("default").map_err(Failure::mistake)?);
    let bench =
        Bench { services, project, rubric, panel: args.panel, prompt, repeats: args.repeats, budget: args.budget };

    let (base, version) = bench.grade(files.clone()).await?;
    let submission = bench.project.get::<crate::domain::Submission>(&base.submission_id.to_string()).await;
    let Some(submission) = submission.map_err(Failure::mistake)? else {
        return Err(Failure::Mistake("the submission is gone".to_owned()));
    };
    let extract = read_files(&bench.services, &submission.record.files, None).await.map_err(Failure::mistake)?;
    let forms = forms(&extract);
    if forms.is_empty() {
        return Err(Failure::Mistake("nothing of the deliverable is text: it has no other form".to_owned()));
    }
    let again = bench.grade(files).await?.0;
    let mut gradings = vec![("again", "the deliverable as it is, a second time", again)];
    for form in forms {
        let upload = |(name, text): (String, String)| {
            FileName::parse(name).map(|name| Upload { name, bytes: text.into() }).map_err(Failure::mistake)
        };
        let files = form.files.into_iter().map(upload).collect::<Result<Vec<_>, _>>()?;
        gradings.push((form.name, form.what, bench.grade(files).await?.0));
    }
    let probed = Probed {
        panel: base.panel.name.to_string(),
        score: score(&base),
        usd: gradings.iter().map(|(.., one)| one).chain([&base]).map(|one| one.result()?.cost_usd).sum(),
        forms: gradings.iter().map(|(form, what, one)| compared(form, what, &version.rubric, &base, one)).collect(),
    };
    match args.format.as_str() {
        "json" => println!("{}", serde_json::to_string_pretty(&probed).map_err(Failure::mistake)?),
        _ => print(&probed),
    }
    let failed = |one: &Grading| one.result().is_none_or(|result| result.calls.failed > 0);
    if failed(&base) || gradings.iter().any(|(.., one)| failed(one)) {
        eprintln!("some votes failed: differences rest on fewer criteria");
        return Err(Failure::Partial);
    }
    Ok(())
}

impl Bench {
    async fn grade(&self, files: Vec<Upload>) -> Result<(Grading, RubricVersion), Failure> {
        let mut intake = Intake::new(&self.services, &self.project);
        let (rubric, _) = intake.rubric(self.rubric.clone(), None).await.map_err(Failure::mistake)?;
        let new = NewSubmission {
            task_id: None,
            system: SystemName::parse("probed").map_err(Failure::mistake)?,
            text: None,
            files,
            cost_usd: None,
            duration_s: None,
            tokens: None,
            trace: None,
            metadata: None,
        };
        let submission = intake.submission(new).await.map_err(Failure::mistake)?;
        let terms = Terms {
            panel: self.panel.clone(),
            repeats: self.repeats,
            prompt: self.prompt.clone(),
            // An answer that is known says nothing of what judges would say now.
            cache: Some(CachePolicy::Off),
            budget_usd: self.budget,
            allow_drafts: true,
        };
        let grading = intake.grading(&submission, &rubric, terms).map_err(Failure::mistake)?;
        intake.commit().await.map_err(Failure::mistake)?;
        run_now(&self.services, &self.project, grading.id).await.map_err(Failure::mistake)?;
        let kept = self.project.get::<Grading>(&grading.id.to_string()).await.map_err(Failure::mistake)?;
        let kept = kept.ok_or_else(|| Failure::Mistake("the grading is gone".to_owned()))?;
        Ok((kept.record, rubric))
    }
}

fn score(grading: &Grading) -> Option<f64> {
    grading.result()?.score.value
}

/// By criterion: the points that were awarded; `None` without a verdict.
fn awarded(rubric: &Rubric, grading: &Grading) -> BTreeMap<CriterionId, Option<f64>> {
    let verdicts = grading.result().map(|result| result.verdicts.as_slice()).unwrap_or_default();
    let of = |criterion: &Criterion, verdict: &Verdict| match &verdict.decision {
        Decision::Met => Some(criterion.points),
        Decision::Unmet => Some(0.0),
        Decision::Level { points, .. } => Some(*points),
        Decision::Inconclusive(_) => None,
    };
    let both = rubric.criteria().iter().zip(verdicts);
    both.map(|(criterion, verdict)| (criterion.id.clone(), of(criterion, verdict))).collect()
}

fn compared(form: &'static str, what: &'static str, rubric: &Rubric, base: &Grading, other: &Grading) -> FormProbed {
    let (before, after) = (awarded(rubric, base), awarded(rubric, other));
    let both: Vec<(&Criterion, f64, f64)> = rubric
        .criteria()
        .iter()
        .filter_map(|criterion| {
            let points = |of: &BTreeMap<CriterionId, Option<f64>>| of.get(&criterion.id).copied().flatten();
            Some((criterion, points(&before)?, points(&after)?))
        })
        .collect();
    let positive: f64 = both.iter().map(|(criterion, ..)| criterion.points.max(0.0)).sum();
    let all: f64 = both.iter().map(|(criterion, ..)| criterion.points.abs()).sum();
    let scale = both.len() as f64 / if positive > 0.0 { positive } else { all };
    let shares = |of: fn(&(&Criterion, f64, f64)) -> f64| -> Vec<Option<f64>> {
        both.iter().map(|one| Some(of(one) * scale)).collect()
    };
    let clusters: Vec<usize> = (0..both.len()).collect();
    let estimate = paired_difference(&shares(|one| one.2), &shares(|one| one.1), &clusters, LEVEL);
    let changed = both.iter().filter(|(_, before, after)| before != after).map(|(c, ..)| c.id.to_string()).collect();
    let (difference, interval, undefined) = match estimate {
        Err(why) => (None, None, Some(why.to_string())),
        // No spread says nothing of what other criteria would show.
        Ok(found) if both.iter().all(|(_, before, after)| before == after) => (
            Some(found.value),
            None,
            Some(format!("none of {} verdicts changed: there is no spread to tell", both.len())),
        ),
        Ok(found) => match found.interval {
            Err(why) => (Some(found.value), None, Some(why.to_string())),
            Ok(interval) => {
                let caution = interval.caution.map(|caution| caution.to_string());
                let (low, high, level, method) = (interval.low, interval.high, interval.level, interval.method);
                (Some(found.value), Some(IntervalProbed { low, high, level, method, caution }), None)
            }
        },
    };
    FormProbed {
        form,
        what,
        score: score(other),
        difference,
        interval,
        undefined,
        criteria_compared: both.len(),
        changed,
    }
}

fn print(probed: &Probed) {
    println!("{} {}   panel {}\n", show::bold("score"), show::share(probed.score), probed.panel);
    let mut table = show::table(&["form", "score", "difference", "95 % interval", "changed verdicts"], &[1, 2, 3]);
    for one in &probed.forms {
        let interval = match (&one.interval, &one.undefined) {
            (Some(interval), _) => show::interval(Some(interval.low), Some(interval.high), 3),
            (None, why) => why.clone().unwrap_or_default(),
        };
        table.add_row([
            format!("{}: {}", one.form, one.what),
            show::share(one.score),
            one.difference.map_or("–".to_owned(), |difference| format!("{difference:+.3}")),
            interval,
            format!("{} of {}: {}", one.changed.len(), one.criteria_compared, one.changed.join(", ")),
        ]);
    }
    println!(
        "{table}\n\nThe difference is the form's score less the deliverable's, over criteria with a verdict in both. cost {}",
        show::usd(probed.usd)
    );
}
