//! A rubric that a model was asked to propose for a task: its life, as states. What it proposes is kept as a rubric whose
//! criteria are drafts ([`Criterion::draft`](super::Criterion)); a human accepts them one by one.

use serde::{Deserialize, Serialize};

use super::{
    Cause, DraftingId, InvalidTransition, JudgeSpec, PanelName, RubricRef, Status, SubmissionId, TaskId, Timestamp,
    Usage,
};

/// The most criteria that are asked for at once.
pub const MAX_PROPOSED: u32 = 100;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drafting {
    pub id: DraftingId,
    /// Whose reference files are shown.
    pub task_id: Option<TaskId>,
    /// What is to be done.
    pub prompt: String,
    pub title: Option<String>,
    /// A deliverable that is known to be right: what it gets right is worth asking for.
    pub gold: Option<SubmissionId>,
    pub panel: PanelName,
    /// Whose model is asked, as it was when this was accepted.
    pub judge: JudgeSpec,
    /// The most criteria that are asked for.
    pub at_most: u32,
    pub state: DraftingState,
    pub created_at: Timestamp,
}

/// The life of a drafting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DraftingState {
    Queued,
    Running {
        started_at: Timestamp,
    },
    Proposed {
        at: Timestamp,
        rubric: RubricRef,
        bill: DraftingBill,
    },
    /// Nothing was proposed, and nothing is made up instead.
    Failed {
        at: Timestamp,
        cause: Cause,
        detail: String,
        bill: DraftingBill,
    },
}

/// What the calls used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DraftingBill {
    /// The model id as the provider returned it.
    pub model: Option<String>,
    pub usage: Usage,
    /// `None` = the judge has no known price.
    pub cost_usd: Option<f64>,
    pub calls: u32,
}

impl Drafting {
    #[must_use]
    pub fn status(&self) -> Status {
        match self.state {
            DraftingState::Queued => Status::Queued,
            DraftingState::Running { .. } => Status::Running,
            DraftingState::Proposed { .. } => Status::Completed,
            DraftingState::Failed { .. } => Status::Failed,
        }
    }

    #[must_use]
    pub fn bill(&self) -> Option<&DraftingBill> {
        match &self.state {
            DraftingState::Queued | DraftingState::Running { .. } => None,
            DraftingState::Proposed { bill, .. } | DraftingState::Failed { bill, .. } => Some(bill),
        }
    }

    /// Ends it.
    ///
    /// # Errors
    /// If it has ended already.
    pub fn end(&mut self, state: DraftingState) -> Result<(), InvalidTransition> {
        if self.status().is_settled() {
            return Err(InvalidTransition { what: "drafting", from: self.status().as_str().to_owned(), to: "end" });
        }
        self.state = state;
        Ok(())
    }
}

/// A criterion as a model proposes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposed {
    pub requirement: String,
    /// Finite and not zero; negative for something that is wrong to do.
    pub points: f64,
    pub must_pass: bool,
    pub why: String,
    /// Verbatim, with the file and place that the model names.
    pub quotes: Vec<(String, String, String)>,
}
