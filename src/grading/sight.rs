//! What the judges of a panel are shown, by what they can take: a judge that sees gets pages and pictures, one that
//! hears gets recordings, and one for which nothing is left is not asked. Its vote is CANNOT_ASSESS with the reason,
//! never UNMET: what a judge cannot be shown is not absent.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::{Extract, FileExtract, JudgeSpec, Outcome, Senses, StoredFile};
use crate::judge;
use crate::reading::{Sheaf, first_pages, has_pages};
use crate::refusal::Refusal;
use crate::services::Services;

/// A submission as judges with the same senses are shown it, before it is fitted to their limits on text.
#[derive(Debug, Clone)]
pub struct Look {
    pub senses: Senses,
    pub deliverable: Arc<Extract>,
    pub references: Option<Arc<Extract>>,
    /// Why these judges are not asked, where there is nothing they could be shown.
    pub nothing: Option<String>,
}

/// The looks of a panel.
#[derive(Debug, Default)]
pub struct Looks(BTreeMap<Senses, Look>);

impl Looks {
    /// What this judge is shown; there is one for every judge that the looks were made for.
    #[must_use]
    pub fn of(&self, spec: &JudgeSpec) -> Option<&Look> {
        self.0.get(&judge::senses(spec))
    }
}

/// One look for all judges that take the same. `shared` deliverables stand in one request and share its room.
///
/// # Errors
/// If the files' bytes are not there.
pub async fn looks(
    services: &Services,
    judges: &[JudgeSpec],
    files: &[StoredFile],
    deliverable: &Arc<Extract>,
    references: Option<&Arc<Extract>>,
    shared: u32,
) -> Result<Looks, Refusal> {
    let mut looks = Looks::default();
    let mut sheaves: Option<Vec<Sheaf>> = None;
    for spec in judges {
        let senses = judge::senses(spec);
        if looks.0.contains_key(&senses) {
            continue;
        }
        let drawn = senses.pictures.is_some_and(|pictures| pictures.pages > 0);
        let sheaves = match &mut sheaves {
            Some(sheaves) => sheaves,
            none if drawn => none.insert(load(services, files, deliverable).await?),
            _ => &mut Vec::new(),
        };
        let (mine, theirs) = divide(&senses, shared, references.is_some_and(|all| all.files.iter().any(is_pictured)));
        let shown = services.reading.seen_by(&mine, deliverable, sheaves, &first_pages).await;
        let references = match references {
            Some(references) => Some(services.reading.seen_by(&theirs, references, &[], &first_pages).await),
            None => None,
        };
        let nothing = nothing(&shown, &senses);
        looks.0.insert(senses.clone(), Look { senses, deliverable: shown, references, nothing });
    }
    Ok(looks)
}

/// What there is to draw pages from, once per file.
async fn load(services: &Services, files: &[StoredFile], deliverable: &Extract) -> Result<Vec<Sheaf>, Refusal> {
    let mut sheaves: Vec<Sheaf> = Vec::new();
    for file in files {
        let read = deliverable.files.iter().find(|read| read.sha256 == file.sha256);
        let Some(read) = read.filter(|read| has_pages(&read.media_type)) else { continue };
        if sheaves.iter().all(|sheaf| sheaf.sha256 != file.sha256) {
            let bytes = services.blobs.get(&file.sha256).await?;
            sheaves.push(Sheaf { media_type: read.media_type.clone(), sha256: file.sha256.clone(), bytes });
        }
    }
    Ok(sheaves)
}

fn is_pictured(file: &FileExtract) -> bool {
    !file.images.is_empty()
}

/// One request holds the deliverable's pictures and the references': a quarter of the room is for references with
/// pictures, and of those no pages are drawn.
fn divide(senses: &Senses, shared: u32, referred: bool) -> (Senses, Senses) {
    let (mut mine, mut theirs) = (senses.clone(), senses.clone());
    if let (true, Some(mine), Some(theirs)) = (referred, &mut mine.pictures, &mut theirs.pictures) {
        theirs.max_request_bytes /= 4;
        theirs.max_images /= 4;
        mine.max_request_bytes -= theirs.max_request_bytes;
        mine.max_images -= theirs.max_images;
    }
    if let Some(theirs) = &mut theirs.pictures {
        theirs.pages = 0;
    }
    let shared = shared.max(1);
    if let Some(mine) = &mut mine.pictures {
        mine.pages /= shared;
        mine.max_images /= shared;
        mine.max_request_bytes /= u64::from(shared);
    }
    mine.max_media_bytes /= u64::from(shared);
    (mine, theirs)
}

/// Why a judge with these senses cannot be shown anything, if that is so.
fn nothing(shown: &Extract, senses: &Senses) -> Option<String> {
    let sees = senses.pictures.is_some();
    let is_shown = |file: &FileExtract| {
        let read = !file.segments.is_empty() || file.media.is_some() || (sees && !file.images.is_empty());
        (file.is_readable() && read) || (sees && file.page_pictures().next().is_some())
    };
    if shown.files.iter().any(is_shown) {
        return None;
    }
    let read = shown.files.iter().any(FileExtract::is_readable);
    let reasons: Vec<String> = shown
        .files
        .iter()
        .map(|file| {
            let name = &file.name;
            match (&file.outcome, file.cuts.last()) {
                (Outcome::Unreadable { reason }, _) => format!("{name}: {reason}"),
                _ if !file.images.is_empty() => format!("{name}: a picture; this judge does not take pictures"),
                (_, Some(cut)) => format!("{name}: {}", cut.why),
                _ => format!("{name}: nothing in it to show"),
            }
        })
        .collect();
    let what = if read { "can be shown to this judge" } else { "could be read" };
    Some(format!("not asked: nothing of the submission {what} ({})", reasons.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Cut, Image, PictureLimits, Place};

    fn empty(name: &str) -> FileExtract {
        let mut file = crate::document::read_message("x");
        file.segments.clear();
        file.name = name.to_owned();
        file
    }

    fn picture(name: &str) -> FileExtract {
        let image = Image {
            place: Place::Whole,
            media_type: "image/png".to_owned(),
            width: 1,
            height: 1,
            bytes: vec![1].into(),
        };
        FileExtract { images: vec![image], ..empty(name) }
    }

    fn eyes() -> Senses {
        let limits = PictureLimits { pages: 4, max_px: 100, max_bytes: 1_000, max_request_bytes: 8_000, max_images: 8 };
        Senses { pictures: Some(limits), ..Senses::default() }
    }

    fn why(files: Vec<FileExtract>, senses: &Senses) -> Option<String> {
        nothing(&Extract { files }, senses)
    }

    #[test]
    fn a_judge_is_asked_only_if_it_can_be_shown_something() {
        assert_eq!(why(vec![picture("a.png")], &eyes()), None);
        let blind = why(vec![picture("a.png")], &Senses::default()).unwrap();
        assert_eq!(
            blind,
            "not asked: nothing of the submission can be shown to this judge (a.png: a picture; this judge does not take pictures)"
        );
        let mixed = vec![picture("a.png"), crate::document::read_message("words")];
        assert_eq!(why(mixed, &Senses::default()), None);
    }

    #[test]
    fn the_reason_names_each_file_and_why() {
        let mut recording = empty("call.mp3");
        let what = "the recording".to_owned();
        let why_cut = "it is audio; this judge does not take audio".to_owned();
        recording.cuts.push(Cut { what, why: why_cut, characters: Some(0) });
        let locked = FileExtract {
            outcome: Outcome::Unreadable { reason: "the file is encrypted".to_owned() },
            ..empty("locked.xlsx")
        };
        let reason = why(vec![recording, locked.clone(), empty("blank.txt")], &eyes()).unwrap();
        assert!(reason.contains("call.mp3: it is audio; this judge does not take audio; locked.xlsx: the file is encrypted; blank.txt: nothing in it to show"), "{reason}");
        assert!(
            why(vec![locked], &eyes()).unwrap().starts_with("not asked: nothing of the submission could be read (")
        );
    }

    #[test]
    fn references_with_pictures_get_a_quarter_of_the_room_and_no_pages() {
        let (mine, theirs) = divide(&eyes(), 1, true);
        let (mine, theirs) = (mine.pictures.unwrap(), theirs.pictures.unwrap());
        assert_eq!((mine.max_images, mine.max_request_bytes, mine.pages), (6, 6_000, 4));
        assert_eq!((theirs.max_images, theirs.max_request_bytes, theirs.pages), (2, 2_000, 0));
        assert_eq!(divide(&eyes(), 1, false).0, eyes());
        let half = divide(&eyes(), 2, false).0.pictures.unwrap();
        assert_eq!((half.max_images, half.max_request_bytes, half.pages), (4, 4_000, 2));
    }
}
