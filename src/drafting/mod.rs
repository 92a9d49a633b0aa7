//! The story of a rubric that a model proposes and a human accepts: [`accept`] takes the wish, [`run`](run::run) asks one
//! model of a panel and keeps what it proposes as drafts, [`decide`](decide::decide) makes a version of what a human accepts.
//!
//! What holds throughout: a failure proposes nothing; a call that was paid for is journaled like any other and not made
//! twice; nothing is graded with a draft unless somebody says so ([`Terms`](crate::grading::accept::Terms)); a proposed
//! rubric is always a rubric of its own, so that no draft becomes the newest version of one that is in use.

pub mod decide;
pub mod run;

use crate::domain::{
    Drafting, DraftingState, JudgeName, JudgeSpec, MAX_PROPOSED, Panel, PanelName, Submission, SubmissionId, Task,
    TaskId,
};
use crate::grading::accept::{MAX_TEXT_CHARS, choose_panel};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::store::{ProjectStore, part};

/// Criteria that are asked for where nothing is said.
pub const USUAL: u32 = 15;

/// A wish for a rubric.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    pub task_id: Option<TaskId>,
    /// What is to be done; without it the task's prompt.
    pub prompt: Option<String>,
    pub title: Option<String>,
    pub gold: Option<SubmissionId>,
    pub panel: Option<PanelName>,
    /// Of the panel; without it the first whose model can write.
    pub judge: Option<JudgeName>,
    pub at_most: Option<u32>,
}

/// Checks a wish and makes its record; the caller keeps it.
///
/// # Errors
/// If task, submission, panel or judge are unknown, there is no prompt, or no judge of the panel can write.
pub async fn accept(services: &Services, project: &ProjectStore, wish: Wish) -> Result<Drafting, Refusal> {
    let task = match &wish.task_id {
        None => None,
        Some(id) => {
            let kept = project.get::<Task>(&part(id.as_str())).await?;
            Some(kept.ok_or_else(|| Refusal::invalid("/task_id", format!("there is no task `{id}`")))?.record)
        }
    };
    let given = wish.prompt.filter(|prompt| !prompt.trim().is_empty());
    let Some(prompt) = given.or_else(|| task.as_ref().map(|task| task.prompt.clone())) else {
        return Err(Refusal::invalid("/prompt", "is empty and no task is named; say what is to be done"));
    };
    if prompt.chars().count() > MAX_TEXT_CHARS {
        return Err(Refusal::invalid("/prompt", format!("is longer than {MAX_TEXT_CHARS} characters")));
    }
    let at_most = wish.at_most.unwrap_or(USUAL);
    if !(1..=MAX_PROPOSED).contains(&at_most) {
        return Err(Refusal::invalid("/criteria", format!("{at_most} is not between 1 and {MAX_PROPOSED}")));
    }
    if let Some(id) = wish.gold {
        let Some(kept) = project.get::<Submission>(&id.to_string()).await? else {
            return Err(Refusal::invalid("/gold_submission_id", format!("there is no submission `{id}`")));
        };
        if let (Some(task), Some(of)) = (&wish.task_id, &kept.record.task_id)
            && task != of
        {
            let detail = format!("submission `{id}` is of task `{of}`, not of `{task}`");
            return Err(Refusal::invalid("/gold_submission_id", detail));
        }
    }
    let panel = choose_panel(services, wish.panel.as_ref(), None)?;
    let judge = writer(&panel, wish.judge.as_ref())?.clone();
    Ok(Drafting {
        id: services.ids.next(),
        task_id: wish.task_id,
        prompt,
        title: wish.title.map(|title| title.trim().to_owned()).filter(|title| !title.is_empty()),
        gold: wish.gold,
        panel: panel.name,
        judge,
        at_most,
        state: DraftingState::Queued,
        created_at: services.now(),
    })
}

/// The judge whose model is asked. The lexical baseline looks for words and writes none.
fn writer<'a>(panel: &'a Panel, named: Option<&JudgeName>) -> Result<&'a JudgeSpec, Refusal> {
    let writes = |spec: &&JudgeSpec| spec.provider != "lexical";
    let cannot = |name: &dyn std::fmt::Display| {
        format!("{name} is a lexical baseline that looks for words and proposes none; name a panel with a model")
    };
    match named {
        None => panel
            .judges
            .iter()
            .find(writes)
            .ok_or_else(|| Refusal::invalid("/panel", cannot(&format!("every judge of panel `{}`", panel.name)))),
        Some(name) => {
            let Some(spec) = panel.judges.iter().find(|spec| spec.name == *name) else {
                let detail = format!("panel `{}` has no judge `{name}`", panel.name);
                return Err(Refusal::invalid("/judge", detail));
            };
            if writes(&spec) { Ok(spec) } else { Err(Refusal::invalid("/judge", cannot(&format!("judge `{name}`")))) }
        }
    }
}
