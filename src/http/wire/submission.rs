//! Submissions, their files, and what judges are shown of them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::FileInfo;
use crate::domain::{
    Id, Manifest, Outcome, Representation, SeenFile, SeenPages, Submission, SystemName, TaskId, Timestamp,
};
use crate::grading::accept::{NewSubmission, Upload};

/// One system's deliverable: text, files, or both.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmissionRequest {
    #[schema(value_type = Option<String>)]
    pub task_id: Option<TaskId>,
    /// Model + harness + settings, or `human`.
    #[schema(value_type = String)]
    pub system: SystemName,
    /// The system's final message.
    pub text: Option<String>,
    /// What producing it cost; leave it out if it is unknown.
    pub cost_usd: Option<f64>,
    pub duration_s: Option<f64>,
    pub tokens: Option<u64>,
    /// The steps the system took, in any form.
    pub trace: Option<serde_json::Value>,
    pub metadata: Option<serde_json::Value>,
}

impl SubmissionRequest {
    #[must_use]
    pub fn with(self, files: Vec<Upload>) -> NewSubmission {
        let Self { task_id, system, text, cost_usd, duration_s, tokens, trace, metadata } = self;
        NewSubmission { task_id, system, text, files, cost_usd, duration_s, tokens, trace, metadata }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SubmissionBody {
    pub id: Uuid,
    pub task_id: Option<String>,
    pub system: String,
    pub text: Option<String>,
    pub files: Vec<FileInfo>,
    pub cost_usd: Option<f64>,
    pub duration_s: Option<f64>,
    pub tokens: Option<u64>,
    pub trace: Option<serde_json::Value>,
    pub metadata: Option<serde_json::Value>,
    pub created_at: Timestamp,
}

impl From<&Submission> for SubmissionBody {
    fn from(submission: &Submission) -> Self {
        let Submission { id, task_id, system, text, files, cost_usd, duration_s, tokens, trace, metadata, created_at } =
            submission;
        Self {
            id: id.uuid(),
            task_id: task_id.as_ref().map(ToString::to_string),
            system: system.to_string(),
            text: text.clone(),
            files: files.iter().map(FileInfo::from).collect(),
            cost_usd: *cost_usd,
            duration_s: *duration_s,
            tokens: *tokens,
            trace: trace.clone(),
            metadata: metadata.clone(),
            created_at: *created_at,
        }
    }
}

/// What judges are shown of a submission.
#[derive(Debug, Serialize, ToSchema)]
pub struct ManifestBody {
    pub files: Vec<SeenFileBody>,
}

/// What judges are shown of one file; an archive's members are files of their own.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeenFileBody {
    pub name: String,
    pub media_type: String,
    pub bytes: u64,
    pub sha256: String,
    /// The reader and its version.
    #[schema(example = "xlsx/1")]
    pub reader: String,
    /// Fingerprint of the limits that it was read under; null where no reader was asked.
    pub settings: Option<String>,
    /// `read`, `partial` or `unreadable`.
    pub outcome: &'static str,
    /// Why nothing could be read.
    pub reason: Option<String>,
    /// `text`, `images`, `text_and_images`, `media` or `none`.
    pub representation: &'static str,
    pub characters: u64,
    pub sheets: u32,
    pub images: u32,
    pub pages: Option<u32>,
    /// The pages as pictures; null where nobody was to be shown them.
    pub page_view: Option<PageViewBody>,
    /// Share of the text that is shown, 0 to 1; null where the size of a cut is not known.
    pub coverage: Option<f64>,
    /// What is not shown.
    pub cuts: Vec<CutBody>,
    /// What a person should know: hidden text, macros, and first what the file says to its judges
    /// (`judge_instruction`, `fake_system_message`, `fake_fence`, `fake_answer`, `answer_opener`, `padding`).
    pub findings: Vec<FindingBody>,
}

/// What is shown of a file's pages as pictures.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageViewBody {
    /// What drew them, with its version; null where they could not be drawn.
    #[schema(example = "libreoffice/25.2 + hayro/0.9")]
    pub renderer: Option<String>,
    /// Pages shown as pictures.
    pub shown: u32,
    /// Pages that the file has.
    pub of: Option<u32>,
    /// Why there are none.
    pub reason: Option<String>,
}

impl From<SeenPages> for PageViewBody {
    fn from(pages: SeenPages) -> Self {
        match pages {
            SeenPages::Rendered { renderer, pages, of } => {
                Self { renderer: Some(renderer), shown: pages, of: Some(of), reason: None }
            }
            SeenPages::Missing { reason } => Self { renderer: None, shown: 0, of: None, reason: Some(reason) },
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CutBody {
    pub what: String,
    pub why: String,
    pub characters: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FindingBody {
    pub code: String,
    #[serde(rename = "where")]
    pub place: String,
    pub detail: String,
}

impl From<Manifest> for ManifestBody {
    fn from(manifest: Manifest) -> Self {
        Self { files: manifest.files.into_iter().map(SeenFileBody::from).collect() }
    }
}

impl From<SeenFile> for SeenFileBody {
    fn from(file: SeenFile) -> Self {
        let (outcome, reason) = match file.outcome {
            Outcome::Read => ("read", None),
            Outcome::Partial => ("partial", None),
            Outcome::Unreadable { reason } => ("unreadable", Some(reason)),
        };
        Self {
            name: file.name,
            media_type: file.media_type,
            bytes: file.bytes,
            sha256: file.sha256,
            reader: file.reader,
            settings: file.settings.map(|settings| settings.as_str().to_owned()),
            outcome,
            reason,
            representation: match file.representation {
                Representation::Text => "text",
                Representation::Images => "images",
                Representation::TextAndImages => "text_and_images",
                Representation::Media => "media",
                Representation::None => "none",
            },
            characters: file.characters,
            sheets: file.sheets,
            images: file.images,
            pages: file.pages,
            page_view: file.page_view.map(PageViewBody::from),
            coverage: file.coverage,
            cuts: file
                .cuts
                .into_iter()
                .map(|c| CutBody { what: c.what, why: c.why, characters: c.characters })
                .collect(),
            findings: file
                .findings
                .into_iter()
                .map(|f| FindingBody { code: f.code, place: f.place.to_string(), detail: f.detail })
                .collect(),
        }
    }
}
