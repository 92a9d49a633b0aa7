//! `empanel rubric draft`: a model of a panel proposes the criteria of a task, here and now, without a service. What it
//! proposes is written as a native rubric whose criteria are drafts; nothing else is left behind.

use std::path::PathBuf;

use super::{Failure, input, load, log};
use crate::app::{Choices, build};
use crate::domain::{Drafting, DraftingState, JudgeName, PanelName, ProjectId, RubricVersion, SystemName, TaskId};
use crate::drafting::{self, Wish};
use crate::grading::accept::{Intake, NewSubmission, NewTask};
use crate::rubric::export_native;
use crate::store::rubric_key;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What is to be done: text, or @FILE
    #[arg(long, value_name = "TEXT")]
    prompt: String,
    /// A file that the task refers to. May be repeated
    #[arg(long, value_name = "FILE")]
    reference: Vec<PathBuf>,
    /// A file of a deliverable that is known to be right. May be repeated
    #[arg(long, value_name = "FILE")]
    gold: Vec<PathBuf>,
    /// The panel; without it the one called `default`
    #[arg(long)]
    panel: Option<PanelName>,
    /// Whose model is asked; without it the panel's first that can write
    #[arg(long)]
    judge: Option<JudgeName>,
    /// The most criteria to propose
    #[arg(long, default_value_t = drafting::USUAL)]
    criteria: u32,
    #[arg(long)]
    title: Option<String>,
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) async fn draft(args: Args) -> Result<(), Failure> {
    log("error");
    let prompt = input::text_or_file(args.prompt)?;
    let upload = |paths: &[PathBuf]| paths.iter().map(|path| input::upload(path)).collect::<Result<Vec<_>, _>>();
    let (references, gold) = (upload(&args.reference)?, upload(&args.gold)?);
    let mut config = load(args.config.as_ref())?;
    config.store.url = "memory:".to_owned();
    config.files.url = "memory:".to_owned();
    let services = build(&config, Choices::system().map_err(Failure::mistake)?).await.map_err(Failure::mistake)?;
    let project = services.store.project(&ProjectId::parse("default").map_err(Failure::mistake)?);

    let task_id = TaskId::parse("task").map_err(Failure::mistake)?;
    let mut intake = Intake::new(&services, &project);
    let task = NewTask { task_id: Some(task_id.clone()), prompt, references, ..NewTask::default() };
    intake.task(task).await.map_err(Failure::mistake)?;
    intake.commit().await.map_err(Failure::mistake)?;
    let mut intake = Intake::new(&services, &project);
    let gold = match gold.is_empty() {
        true => None,
        false => {
            let new = NewSubmission {
                task_id: Some(task_id.clone()),
                system: SystemName::parse("gold").map_err(Failure::mistake)?,
                text: None,
                files: gold,
                cost_usd: None,
                duration_s: None,
                tokens: None,
                trace: None,
                metadata: None,
            };
            Some(intake.submission(new).await.map_err(Failure::mistake)?.id)
        }
    };
    intake.commit().await.map_err(Failure::mistake)?;
    let title = Some(args.title.unwrap_or_else(|| "Draft".to_owned()));
    let (panel, judge, at_most) = (args.panel, args.judge, Some(args.criteria));
    let wish = Wish { task_id: Some(task_id), prompt: None, title, gold, panel, judge, at_most };
    let drafting = drafting::accept(&services, &project, wish).await.map_err(Failure::mistake)?;
    let key = drafting.id.to_string();
    eprintln!("asking `{}` for at most {} criteria", drafting.judge.name, drafting.at_most);
    project.commit(project.batch().insert(&drafting)).await.map_err(Failure::mistake)?;
    drafting::run::run(&services, &project, drafting.id).await.map_err(Failure::mistake)?;
    let kept = project.get::<Drafting>(&key).await.map_err(Failure::mistake)?;
    let Some(kept) = kept else { return Err(Failure::Mistake("the draft is not kept".to_owned())) };
    if let Some(bill) = kept.record.bill() {
        let cost = bill.cost_usd.map_or_else(|| "at an unknown price".to_owned(), |usd| format!("${usd:.4}"));
        eprintln!("{} calls, {cost}", bill.calls);
    }
    match kept.record.state {
        DraftingState::Proposed { rubric, .. } => {
            let key = rubric_key(rubric.id, rubric.version);
            let kept = project.get::<RubricVersion>(&key).await.map_err(Failure::mistake)?;
            let Some(kept) = kept else { return Err(Failure::Mistake("the rubric is not kept".to_owned())) };
            println!("{}", export_native(&kept.record.rubric).trim_end());
            Ok(())
        }
        DraftingState::Failed { cause, detail, .. } => {
            eprintln!("nothing was proposed ({}): {detail}", cause.as_str());
            Err(Failure::Partial)
        }
        DraftingState::Queued | DraftingState::Running { .. } => {
            Err(Failure::Mistake("the draft was stopped before it ended".to_owned()))
        }
    }
}
