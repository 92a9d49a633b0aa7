//! What the demo prints: scores per criterion, agreement, what goes to a human and why, leaderboards.

use std::collections::BTreeMap;

use super::Accepted;
use crate::cli::{leaderboard, show};
use crate::domain::{
    Criterion, CriterionId, Decision, Grading, PanelName, Review, RubricVersion, Source, Verdict, Vote, VoteOutcome,
};
use crate::grading::call::subject_prefix;
use crate::ranking::agreement::{Figure, Filter, agreement};
use crate::ranking::leaderboard::{Method, Rules, Wanted, leaderboard as rate};
use crate::refusal::Refusal;
use crate::store::{ProjectStore, Query, rubric_key};

pub(super) async fn report(project: &ProjectStore, accepted: &Accepted, panel: &PanelName) -> Result<(), Refusal> {
    let mut gradings = Vec::new();
    for id in &accepted.gradings {
        gradings.extend(project.get::<Grading>(&id.to_string()).await?.map(|kept| kept.record));
    }
    for task in &accepted.tasks {
        let of_task: Vec<&Grading> = gradings.iter().filter(|one| one.task_id.as_ref() == Some(&task.id)).collect();
        let Some(first) = of_task.first() else { continue };
        let key = rubric_key(first.rubric.id, first.rubric.version);
        let Some(rubric) = project.get::<RubricVersion>(&key).await?.map(|kept| kept.record) else { continue };
        println!("\n{}", show::bold(&format!("{} · {}", task.id, task.occupation.as_deref().unwrap_or(""))));
        scores(&rubric, &of_task);
    }
    println!("\n✓ met   ✕ not met   ? inconclusive   * decided by a check, not by judges");
    failures(project, &gradings).await?;
    how_far_they_agree(project, panel).await?;
    for_humans(project, &gradings).await?;
    boards(project, panel).await
}

fn scores(rubric: &RubricVersion, gradings: &[&Grading]) {
    let header: Vec<&str> =
        ["criterion", "points"].into_iter().chain(gradings.iter().map(|grading| grading.system.as_str())).collect();
    let numbers: Vec<usize> = (1..header.len()).collect();
    let mut table = show::table(&header, &numbers);
    let verdicts: Vec<BTreeMap<&CriterionId, &Verdict>> = gradings
        .iter()
        .map(|one| one.result().into_iter().flat_map(|r| &r.verdicts).map(|v| (&v.criterion_id, v)).collect())
        .collect();
    for criterion in rubric.rubric.criteria() {
        let mut row = vec![criterion.id.to_string(), format!("{:+}", criterion.points)];
        row.extend(verdicts.iter().map(|of| cell(criterion, of.get(&criterion.id).copied())));
        table.add_row(row);
    }
    let mut score = vec!["score".to_owned(), format!("of {}", rubric.rubric.max_points())];
    let mut low_high = vec!["95 % interval".to_owned(), String::new()];
    for result in gradings.iter().map(|one| one.result()) {
        let value = result.and_then(|result| result.score.value);
        let gated = result.is_some_and(|result| !result.score.gates.is_empty());
        score.push(format!("{}{}", show::share(value), if gated { " (gated)" } else { "" }));
        let interval = result.and_then(|result| result.interval.as_ref());
        low_high.push(
            interval.map_or("–".to_owned(), |interval| show::interval(Some(interval.low), Some(interval.high), 2)),
        );
    }
    table.add_row(score);
    table.add_row(low_high);
    println!("{table}");
}

fn cell(criterion: &Criterion, verdict: Option<&Verdict>) -> String {
    let Some(verdict) = verdict else { return "–".to_owned() };
    let sign = match &verdict.decision {
        Decision::Met => "✓".to_owned(),
        Decision::Unmet => "✕".to_owned(),
        Decision::Level { name, points } => format!("{name} {points:.0}/{:.0}", criterion.points),
        Decision::Inconclusive(_) => "?".to_owned(),
    };
    let votes = match verdict.source {
        Source::Check => " *".to_owned(),
        _ if verdict.tally.levels > 0 => String::new(),
        _ => format!(" {}:{}", verdict.tally.met, verdict.tally.unmet),
    };
    format!("{sign}{votes}")
}

async fn failures(project: &ProjectStore, gradings: &[Grading]) -> Result<(), Refusal> {
    let mut causes: BTreeMap<&str, u32> = BTreeMap::new();
    let mut asked = 0u32;
    for grading in gradings {
        let prefix = subject_prefix(crate::domain::Subject::Grading(grading.id));
        for vote in project.all::<Vote>(Query::prefix(prefix)).await? {
            asked += 1;
            if let VoteOutcome::Failed { cause, .. } = &vote.outcome {
                *causes.entry(cause.as_str()).or_default() += 1;
            }
        }
    }
    let failed: u32 = causes.values().sum();
    let causes = causes.iter().map(|(cause, n)| format!("{n} {cause}")).collect::<Vec<_>>().join(", ");
    if failed > 0 {
        println!(
            "{asked} votes asked for, {failed} failed ({causes}): a failure is never a score, it is shown and can be retried"
        );
    } else {
        println!("{asked} votes asked for, none failed");
    }
    Ok(())
}

async fn how_far_they_agree(project: &ProjectStore, panel: &PanelName) -> Result<(), Refusal> {
    let found = agreement(project, &Filter { panel: Some(panel.clone()), ..Filter::default() }).await?;
    println!("\n{}", show::bold("Agreement of the judges"));
    // Levels of scales are many and rare; together they are one figure.
    let is_label = |answer: &str| ["MET", "UNMET"].contains(&answer);
    let shares = &found.overall.prevalence;
    let levels: f64 = shares.iter().filter(|(answer, _)| !is_label(answer)).map(|(_, share)| share).sum();
    let labels: Vec<String> = shares
        .iter()
        .filter(|(answer, _)| is_label(answer))
        .map(|(answer, share)| format!("{answer} {share:.2}"))
        .collect();
    let prevalence = labels.join(", ");
    println!(
        "{} criteria of {} gradings; answers: {prevalence}, levels of scales {levels:.2}",
        found.overall.units, found.gradings
    );
    let mut table = show::table(&["", "value", "95 % interval", "n"], &[1, 2, 3]);
    let overall = &found.overall;
    let rows: Vec<(String, &Figure)> = [
        ("raw agreement".to_owned(), &overall.raw),
        ("Fleiss' kappa".to_owned(), &overall.fleiss_kappa),
        ("Krippendorff's alpha".to_owned(), &overall.krippendorff_alpha),
        ("Gwet's AC1".to_owned(), &overall.gwet_ac1),
    ]
    .into_iter()
    .chain(
        found
            .pairs
            .iter()
            .map(|pair| (format!("alpha, {} and {}", pair.judges.0, pair.judges.1), &pair.figures.krippendorff_alpha)),
    )
    .collect();
    for (name, figure) in rows {
        let value =
            figure.value.map_or_else(|| figure.undefined.clone().unwrap_or_default(), |value| format!("{value:.3}"));
        table.add_row([name, value, show::interval(figure.low, figure.high, 3), figure.n.to_string()]);
    }
    println!("{table}");
    if let Some(caution) = &overall.krippendorff_alpha.caution {
        println!("  note: intervals are by task, and that is {caution}");
    }
    Ok(())
}

async fn for_humans(project: &ProjectStore, gradings: &[Grading]) -> Result<(), Refusal> {
    let mut reviews: Vec<(&Grading, Review)> = Vec::new();
    for grading in gradings {
        let of_grading = project.all::<Review>(Query::link("grading", grading.id)).await?;
        reviews.extend(of_grading.into_iter().filter(|one| one.resolution.is_none()).map(|review| (grading, review)));
    }
    reviews.sort_by(|a, b| b.1.priority.total_cmp(&a.1.priority).then(a.1.id.cmp(&b.1.id)));
    println!("\n{}", show::bold(&format!("For a human: {} questions", reviews.len())));
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, review) in &reviews {
        *reasons.entry(review.reason.as_str()).or_default() += 1;
    }
    for (reason, n) in &reasons {
        println!("  {n:>3} {}", why(reason));
    }
    let mut table = show::table(&["at stake", "task", "system", "criterion", "why", "chosen with"], &[0, 5]);
    for (grading, review) in reviews.iter().take(8) {
        let probability = review.selection_probability.map_or("by hand".to_owned(), |p| format!("p = {p}"));
        let task = review.task_id.as_ref().map_or("", |id| id.as_str());
        table.add_row([
            format!("{:.0}", review.stake()),
            task.to_owned(),
            grading.system.to_string(),
            review.criterion().map_or_else(|| review.about.kind().to_owned(), |(_, id)| id.to_string()),
            review.reason.clone(),
            probability,
        ]);
    }
    println!("{table}");
    if reviews.len() > 8 {
        println!("  and {} more in the queue", reviews.len() - 8);
    }
    Ok(())
}

fn why(reason: &str) -> String {
    match reason {
        "split" => "because judges disagree (split)".to_owned(),
        "inconclusive" => "because there is no verdict (inconclusive)".to_owned(),
        "unverified_evidence" => "because no quote behind MET stands in the work (unverified_evidence)".to_owned(),
        "judge_instruction" => "because the work tells its judge what to say (judge_instruction)".to_owned(),
        "audit" => "drawn at random, so that errors nobody suspects are measured (audit)".to_owned(),
        other => other.to_owned(),
    }
}

async fn boards(project: &ProjectStore, panel: &PanelName) -> Result<(), Refusal> {
    for (method, title) in [
        (Method::Score, "Leaderboard: mean score over tasks"),
        (Method::BradleyTerry, "Leaderboard: side by side, both orders (Bradley-Terry, intervals by task)"),
    ] {
        // As the page asks for it.
        let usual = Wanted::default();
        let rules = Rules { method, ..usual.rules.clone() };
        let wanted = Wanted { rules, panel: Some(panel.clone()), ..usual };
        println!("\n{}", show::bold(title));
        for board in rate(project, &wanted).await?.boards {
            leaderboard::print(&board, method);
        }
    }
    Ok(())
}
