//! `empanel replay GRADING`: the kept replies of a grading, read again without a call. With `--sequential` the recorded
//! votes as a sequential panel would have asked for them.

use uuid::Uuid;

use super::place::Place;
use super::{Failure, log, sequential, show};
use crate::app::{Choices, build};
use crate::domain::{GradingId, Id, ProjectId, Question, VoteOutcome};
use crate::grading::replay::{Now, Replayed, replay};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The grading's id; with --sequential any number, and all that are there if none is named
    #[arg(required_unless_present = "sequential", value_name = "GRADING")]
    gradings: Vec<Uuid>,
    /// What a sequential panel would have spared on these votes, and which verdicts it would have changed
    #[arg(long)]
    sequential: bool,
    /// With --sequential: close a criterion when its verdict would stay with this probability (above 0.5 to 1)
    #[arg(long, default_value_t = 1.0, value_name = "P", requires = "sequential")]
    confidence: f64,
    #[arg(long, default_value = "default")]
    project: String,
    #[command(flatten)]
    place: Place,
    #[arg(long, default_value = "pretty", value_parser = ["pretty", "json"])]
    format: String,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    log("error");
    let config = args.place.config()?;
    let services = build(&config, Choices::system().map_err(Failure::mistake)?).await.map_err(Failure::mistake)?;
    let project = services.store.project(&ProjectId::parse(&args.project).map_err(Failure::mistake)?);
    if args.sequential {
        return sequential::run(&project, &args.gradings, args.confidence, &args.format).await;
    }
    let [grading] = args.gradings.as_slice() else {
        return Err(Failure::Mistake("one grading is read again at a time; several go with --sequential".to_owned()));
    };
    let replayed = replay(&services, &project, GradingId::from_uuid(*grading)).await.map_err(Failure::mistake)?;
    let count = |is: fn(&Now) -> bool| replayed.iter().filter(|one| is(&one.now)).count();
    let same = count(|now| matches!(now, Now::Same));
    let other = count(|now| matches!(now, Now::OtherAnswer(_)));
    let evidence = count(|now| matches!(now, Now::OtherEvidence(_)));
    let unknown = count(|now| matches!(now, Now::Unknown(_)));
    if args.format == "json" {
        let votes: Vec<_> = replayed.iter().map(row).collect();
        let told = serde_json::json!({
            "grading_id": grading, "same": same, "other_answer": other, "other_evidence": evidence,
            "unknown": unknown, "votes": votes,
        });
        println!("{}", serde_json::to_string_pretty(&told).map_err(Failure::mistake)?);
    } else {
        let mut table = show::table(&["criterion", "judge", "repeat", "then", "now", "why"], &[2]);
        for one in replayed.iter().filter(|one| one.now != Now::Same) {
            let (now, why) = told(&one.now);
            let key = &one.vote.key;
            table.add_row([
                question(&key.question),
                key.judge.to_string(),
                key.repeat.to_string(),
                said(&one.vote.outcome),
                now,
                why,
            ]);
        }
        if same < replayed.len() {
            println!("{table}\n");
        }
        println!(
            "{} votes read again: {same} the same, {other} with another answer, {evidence} with other evidence, {unknown} unknown",
            replayed.len()
        );
    }
    if other > 0 { Err(Failure::Below) } else { Ok(()) }
}

fn question(question: &Question) -> String {
    match question {
        Question::Criterion(id) => id.to_string(),
        Question::Order(order) => format!("{order:?}"),
        Question::Criteria(ids) => format!("criteria {}", ids.short()),
        Question::Rubric => "rubric".to_owned(),
    }
}

fn said(outcome: &VoteOutcome) -> String {
    match outcome {
        VoteOutcome::Answered(opinion) => opinion.answer.to_string(),
        VoteOutcome::Failed { cause, .. } => cause.as_str().to_owned(),
    }
}

fn told(now: &Now) -> (String, String) {
    match now {
        Now::Same => ("same".to_owned(), String::new()),
        Now::OtherAnswer(outcome) => {
            let why = match outcome {
                VoteOutcome::Answered(opinion) => opinion.reason.clone(),
                VoteOutcome::Failed { detail, .. } => detail.clone(),
            };
            (said(outcome), why)
        }
        Now::OtherEvidence(outcome) => (said(outcome), "its reason or evidence is read otherwise".to_owned()),
        Now::Unknown(why) => ("unknown".to_owned(), why.clone()),
    }
}

fn row(one: &Replayed) -> serde_json::Value {
    let (now, why) = told(&one.now);
    serde_json::json!({
        "criterion_id": question(&one.vote.key.question), "judge": one.vote.key.judge, "repeat": one.vote.key.repeat,
        "then": said(&one.vote.outcome), "now": now, "why": why,
    })
}
