//! `empanel replay --sequential`: what a sequential panel would have spared on recorded votes of its full panel, and which
//! verdicts it would have changed.

use uuid::Uuid;

use super::{Failure, show};
use crate::domain::{Grading, GradingId, Id, RubricVersion, Sequential, Subject, Vote};
use crate::grading::aggregate::ballots;
use crate::grading::call::subject_prefix;
use crate::grading::sequential::Trial;
use crate::store::{ProjectStore, Query, rubric_key};

pub(super) async fn run(
    project: &ProjectStore,
    gradings: &[Uuid],
    confidence: f64,
    format: &str,
) -> Result<(), Failure> {
    if !(confidence > 0.5 && confidence <= 1.0) {
        return Err(Failure::Mistake(format!("--confidence {confidence} is not a probability above 0.5 and up to 1")));
    }
    let gradings = match gradings {
        [] => project.all::<Grading>(Query::default()).await.map_err(Failure::mistake)?,
        named => {
            let mut found = Vec::new();
            for id in named {
                let id = GradingId::from_uuid(*id);
                let kept = project.get::<Grading>(&id.to_string()).await.map_err(Failure::mistake)?;
                let kept = kept.ok_or_else(|| Failure::Mistake(format!("there is no grading {id} in this project")))?;
                found.push(kept.record);
            }
            found
        }
    };
    let mut trial = Trial::new();
    let mut judged = 0;
    for grading in gradings.iter().filter(|grading| grading.result().is_some()) {
        let key = rubric_key(grading.rubric.id, grading.rubric.version);
        let rubric = project.get::<RubricVersion>(&key).await.map_err(Failure::mistake)?;
        let rubric =
            rubric.ok_or_else(|| Failure::Mistake(format!("the rubric of grading {} is not kept", grading.id)))?;
        let prefix = subject_prefix(Subject::Grading(grading.id));
        let votes = project.all::<Vote>(Query::prefix(prefix)).await.map_err(Failure::mistake)?;
        trial.add(&rubric.record.rubric, &grading.panel, Sequential { confidence }, &ballots(&votes));
        judged += 1;
    }
    if trial.criteria == 0 {
        let detail = format!(
            "none of {judged} gradings has a criterion with the votes of its whole panel: there is nothing to try this on"
        );
        return Err(Failure::Mistake(detail));
    }
    if format == "json" {
        let changed: Vec<_> = trial
            .changed
            .iter()
            .map(|one| {
                serde_json::json!({"criterion_id": one.criterion, "of_all": one.of_all, "in_turn": one.in_turn, "judges_asked": one.asked})
            })
            .collect();
        let told = serde_json::json!({
            "confidence": confidence, "gradings": judged, "criteria": trial.criteria, "incomplete": trial.incomplete,
            "asked_of_all": trial.asked_of_all, "asked_in_turn": trial.asked_in_turn,
            "usd_of_all": trial.usd_of_all, "usd_in_turn": trial.usd_in_turn, "changed": changed,
        });
        println!("{}", serde_json::to_string_pretty(&told).map_err(Failure::mistake)?);
        return Ok(());
    }
    if !trial.changed.is_empty() {
        let mut table = show::table(&["criterion", "by all", "in turn", "judges asked"], &[3]);
        for one in &trial.changed {
            table.add_row([one.criterion.to_string(), one.of_all.clone(), one.in_turn.clone(), one.asked.to_string()]);
        }
        println!("{table}\n");
    }
    let share = |less: f64, all: f64| {
        if all > 0.0 { format!(" ({:.0} % less)", 100.0 * (1.0 - less / all)) } else { String::new() }
    };
    println!("{} criteria of {judged} gradings, judges in the panel's order, confidence {confidence}:", trial.criteria);
    let (all, turn) = (trial.asked_of_all, trial.asked_in_turn);
    println!("  questions  {turn} instead of {all}{}", share(f64::from(turn), f64::from(all)));
    match (trial.usd_of_all, trial.usd_in_turn) {
        (Some(all), Some(turn)) => println!("  cost       {turn:.4} instead of {all:.4} USD{}", share(turn, all)),
        _ => println!("  cost       not known: a judge has no price"),
    }
    println!("  verdicts   {} of {} would be others", trial.changed.len(), trial.criteria);
    if trial.incomplete > 0 {
        println!("  left out   {} criteria without a vote of every judge", trial.incomplete);
    }
    Ok(())
}
