//! Tasks.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::FileInfo;
use crate::domain::{Id, RubricId, Task, TaskId, Timestamp};
use crate::grading::accept::{NewTask, Upload};

/// What was asked.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskRequest {
    /// Your own id; without it the task gets one.
    #[schema(value_type = Option<String>)]
    pub task_id: Option<TaskId>,
    pub prompt: String,
    pub sector: Option<String>,
    pub occupation: Option<String>,
    /// By which its submissions are graded unless another is named.
    pub rubric_id: Option<Uuid>,
}

impl TaskRequest {
    #[must_use]
    pub fn with(self, references: Vec<Upload>) -> NewTask {
        let Self { task_id, prompt, sector, occupation, rubric_id } = self;
        NewTask { task_id, prompt, sector, occupation, rubric_id: rubric_id.map(RubricId::from_uuid), references }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct TaskBody {
    pub id: String,
    pub prompt: String,
    pub sector: Option<String>,
    pub occupation: Option<String>,
    pub rubric_id: Option<Uuid>,
    /// What the work was to be made from.
    pub references: Vec<FileInfo>,
    pub created_at: Timestamp,
}

impl From<&Task> for TaskBody {
    fn from(task: &Task) -> Self {
        let Task { id, prompt, sector, occupation, rubric_id, references, created_at } = task;
        Self {
            id: id.to_string(),
            prompt: prompt.clone(),
            sector: sector.clone(),
            occupation: occupation.clone(),
            rubric_id: rubric_id.map(|id| id.uuid()),
            references: references.iter().map(FileInfo::from).collect(),
            created_at: *created_at,
        }
    }
}
