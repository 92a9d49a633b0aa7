//! The text view of files, piece by piece, as evidence names it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{FileExtract, Outcome};

/// What was read of a submission's files. Judges with a small window are shown less; that stands with their grading.
#[derive(Debug, Serialize, ToSchema)]
pub struct TextBody {
    pub files: Vec<FileTextBody>,
}

/// One file; an archive's members are files of their own.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileTextBody {
    pub name: String,
    /// The reader and its version.
    pub reader: String,
    /// `read`, `partial` or `unreadable`.
    pub outcome: &'static str,
    /// In reading order. The `span` of a vote's evidence counts them from 0.
    pub segments: Vec<SegmentBody>,
}

/// A piece of text at one place.
#[derive(Debug, Serialize, ToSchema)]
pub struct SegmentBody {
    #[serde(rename = "where")]
    pub place: String,
    pub text: String,
    /// Stretches that a person who opens the file does not see, in characters of the text, the end not included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<[usize; 2]>,
}

impl From<FileExtract> for FileTextBody {
    fn from(file: FileExtract) -> Self {
        let mut segments: Vec<SegmentBody> = file
            .segments
            .iter()
            .map(|segment| SegmentBody { place: segment.place.to_string(), text: segment.text.clone(), hidden: vec![] })
            .collect();
        for hidden in file.hidden() {
            let Some(segment) = segments.get_mut(hidden.segment) else { continue };
            let characters = |bytes: usize| segment.text.get(..bytes).map_or(0, |text| text.chars().count());
            let stretch = [characters(hidden.bytes.start), characters(hidden.bytes.end)];
            segment.hidden.push(stretch);
        }
        let outcome = match file.outcome {
            Outcome::Read => "read",
            Outcome::Partial => "partial",
            Outcome::Unreadable { .. } => "unreadable",
        };
        Self { name: file.name, reader: file.reader, outcome, segments }
    }
}
