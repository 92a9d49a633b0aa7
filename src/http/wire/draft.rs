//! Rubrics that a model proposes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::grading::CostBody;
use crate::domain::{CriterionId, Drafting, DraftingState, Id, JudgeName, PanelName, TaskId, Timestamp};
use crate::drafting::decide::Choice;

/// What a rubric is wanted for.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftRequest {
    /// Its prompt and reference files are shown.
    #[schema(value_type = Option<String>)]
    pub task_id: Option<TaskId>,
    /// What is to be done; without it the task's prompt.
    pub prompt: Option<String>,
    pub title: Option<String>,
    /// A deliverable that is known to be right.
    pub gold_submission_id: Option<Uuid>,
    /// Without it the panel `default`.
    #[schema(value_type = Option<String>)]
    pub panel: Option<PanelName>,
    /// Whose model is asked; without it the panel's first that can write.
    #[schema(value_type = Option<String>)]
    pub judge: Option<JudgeName>,
    /// The most criteria to propose, 1 to 100; 15 without it.
    pub criteria: Option<u32>,
}

/// A rubric on its way.
#[derive(Debug, Serialize, ToSchema)]
pub struct DraftBody {
    pub id: Uuid,
    /// `queued`, `running`, `completed` or `failed`.
    pub status: &'static str,
    pub task_id: Option<String>,
    pub panel: String,
    pub judge: String,
    /// What was proposed, every criterion a draft: `GET /v1/rubrics/{id}`. Null until then, and if it failed.
    pub rubric: Option<DraftedRubric>,
    /// Why nothing was proposed, as of a vote.
    pub cause: Option<&'static str>,
    pub detail: Option<String>,
    /// As returned by the provider.
    pub model: Option<String>,
    /// Null until it has ended.
    pub cost: Option<CostBody>,
    pub created_at: Timestamp,
    pub completed_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DraftedRubric {
    pub id: Uuid,
    pub version: u32,
    pub fingerprint: String,
}

impl From<&Drafting> for DraftBody {
    fn from(drafting: &Drafting) -> Self {
        let (at, rubric, failure) = match &drafting.state {
            DraftingState::Queued | DraftingState::Running { .. } => (None, None, None),
            DraftingState::Proposed { at, rubric, .. } => (Some(*at), Some(rubric), None),
            DraftingState::Failed { at, cause, detail, .. } => (Some(*at), None, Some((cause, detail))),
        };
        Self {
            id: drafting.id.uuid(),
            status: drafting.status().as_str(),
            task_id: drafting.task_id.as_ref().map(ToString::to_string),
            panel: drafting.panel.to_string(),
            judge: drafting.judge.name.to_string(),
            rubric: rubric.map(|rubric| DraftedRubric {
                id: rubric.id.uuid(),
                version: rubric.version,
                fingerprint: rubric.fingerprint.to_string(),
            }),
            cause: failure.map(|(cause, _)| cause.as_str()),
            detail: failure.map(|(_, detail)| detail.clone()),
            model: drafting.bill().and_then(|bill| bill.model.clone()),
            cost: drafting.bill().map(|bill| CostBody::new(bill.cost_usd, bill.calls, bill.usage)),
            created_at: drafting.created_at,
            completed_at: at,
        }
    }
}

/// What a human decides about drafts.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionsRequest {
    /// The version that was read; if there is a newer one by now, nothing is decided.
    pub version: Option<u32>,
    /// By criterion.
    #[schema(value_type = std::collections::HashMap<String, DraftChoice>)]
    pub decisions: BTreeMap<CriterionId, DraftChoice>,
}

/// What is to become of a draft.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(tag = "decision", rename_all = "snake_case", deny_unknown_fields)]
pub enum DraftChoice {
    /// With other words or points where they are given.
    Accept { requirement: Option<String>, points: Option<f64> },
    /// The next version is without it.
    Reject,
}

impl From<DraftChoice> for Choice {
    fn from(choice: DraftChoice) -> Self {
        match choice {
            DraftChoice::Accept { requirement, points } => Self::Accept { requirement, points },
            DraftChoice::Reject => Self::Reject,
        }
    }
}
