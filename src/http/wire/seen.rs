//! What the judges of a grading were shown.

use serde::Serialize;
use utoipa::ToSchema;

use super::submission::SeenFileBody;
use crate::domain::{Excerpted, JudgeName, Region, SeenPicture, View};

/// What the judges of a grading were shown; judges that take the same input share a view.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeenBody {
    pub views: Vec<ViewBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ViewBody {
    pub judges: Vec<String>,
    pub files: Vec<SeenFileBody>,
    /// The pictures that were sent, in their order; empty where none were, or where they are not kept
    /// (`[files] keep_pictures`). `GET /v1/gradings/{id}/seen/{sha256}` has the bytes.
    pub pictures: Vec<SeenPictureBody>,
    /// What the question about a criterion showed besides, of parts that are cut for all questions.
    pub excerpts: Vec<ExcerptBody>,
}

/// A picture as it was sent: a page, a picture of a document, or a file that is one.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeenPictureBody {
    pub file: String,
    /// Where it stands in the file.
    #[serde(rename = "where")]
    #[schema(example = "page 3")]
    pub place: String,
    #[schema(example = "image/png")]
    pub media_type: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    pub bytes: u64,
    /// Lower-case hex.
    pub sha256: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ExcerptBody {
    pub criterion_id: String,
    /// Characters that it could have at most.
    pub limit: u64,
    pub shown: Vec<RegionBody>,
    /// What may matter to the criterion and is shown nowhere.
    pub missing: Vec<RegionBody>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RegionBody {
    pub file: String,
    #[schema(example = "rows 41-180 of 'Ledger', 140 rows")]
    pub what: String,
    pub characters: u64,
}

impl From<&[View]> for SeenBody {
    fn from(views: &[View]) -> Self {
        Self { views: views.iter().cloned().map(ViewBody::from).collect() }
    }
}

impl From<View> for ViewBody {
    fn from(View { judges, manifest, excerpts, pictures }: View) -> Self {
        Self {
            judges: judges.iter().map(JudgeName::to_string).collect(),
            files: manifest.files.into_iter().map(SeenFileBody::from).collect(),
            pictures: pictures.into_iter().map(SeenPictureBody::from).collect(),
            excerpts: excerpts.into_iter().map(ExcerptBody::from).collect(),
        }
    }
}

impl From<SeenPicture> for SeenPictureBody {
    fn from(SeenPicture { file, place, media_type, width, height, bytes, sha256 }: SeenPicture) -> Self {
        Self { file, place: place.to_string(), media_type, width, height, bytes, sha256 }
    }
}

impl From<Excerpted> for ExcerptBody {
    fn from(Excerpted { criterion_id, limit, shown, missing }: Excerpted) -> Self {
        let regions = |regions: Vec<Region>| regions.into_iter().map(RegionBody::from).collect();
        Self { criterion_id: criterion_id.to_string(), limit, shown: regions(shown), missing: regions(missing) }
    }
}

impl From<Region> for RegionBody {
    fn from(Region { file, what, characters }: Region) -> Self {
        Self { file, what, characters }
    }
}
