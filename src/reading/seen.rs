//! What a judge with certain senses is shown beside text. Pages of files that have them are drawn; pictures are
//! scaled to the size that its provider makes use of; sound and moving pictures stay only where it takes them. What
//! is left out stands among the file's cuts, so that the text and the manifest tell it.
//!
//! Room is given in this order: files that are pictures, then pages, then pictures inside documents (those are on the
//! pages too). Pages are shared among the files so that a long report does not push out the deck, and of each file the
//! first pages are shown unless a [`Begin`] says otherwise.

use std::ops::Range;
use std::sync::Arc;

use super::Reading;
use super::pages::{Sheaf, is_paged};
use super::pictures;
use crate::domain::{Cut, Extract, FileExtract, Image, Outcome, PageView, PictureLimits, Place, Senses};

/// At which page, from 1, the pages of a file that are shown begin. Asked only where not all fit: the file, its pages,
/// and how many of them are shown.
pub type Begin<'a> = &'a (dyn Fn(&FileExtract, u32, u32) -> u32 + Sync);

/// The usual choice.
#[must_use]
pub fn first_pages(_: &FileExtract, _: u32, _: u32) -> u32 {
    1
}

/// The extract as a judge with these senses is shown it; the same `Arc` if nothing changes. `bytes` are the files
/// whose pages can be drawn, by their hash.
pub(super) async fn seen(
    reading: &Reading,
    senses: &Senses,
    extract: &Arc<Extract>,
    bytes: &[Sheaf],
    begin: Begin<'_>,
) -> Arc<Extract> {
    let mut files = extract.files.clone();
    for file in &mut files {
        media(file, senses);
    }
    // Without eyes, pictures are named where the text is fitted.
    if let Some(limits) = senses.pictures {
        let mut room = Room { bytes: limits.max_request_bytes, images: limits.max_images };
        for file in files.iter_mut().filter(|file| is_picture(file)) {
            images(reading, file, &limits, &mut room).await;
        }
        if limits.pages > 0 {
            page_views(reading, &mut files, bytes, (&limits, begin), &mut room).await;
        }
        for file in files.iter_mut().filter(|file| !is_picture(file)) {
            images(reading, file, &limits, &mut room).await;
        }
    }
    if files == extract.files { Arc::clone(extract) } else { Arc::new(Extract { files }) }
}

/// What is left of a request for pictures.
struct Room {
    bytes: u64,
    images: u32,
}

impl Room {
    fn take(&mut self, image: &Image) -> bool {
        let bytes = image.bytes.len() as u64;
        let fits = self.images > 0 && bytes <= self.bytes;
        if fits {
            self.bytes -= bytes;
            self.images -= 1;
        }
        fits
    }
}

fn is_picture(file: &FileExtract) -> bool {
    matches!(file.images.as_slice(), [Image { place: Place::Whole, .. }])
}

fn cut(file: &mut FileExtract, what: String, why: String) {
    file.cuts.push(Cut { what, why, characters: Some(0) });
    if file.outcome == Outcome::Read {
        file.outcome = Outcome::Partial;
    }
}

/// What a judge is told of a recording that it is not given.
fn media(file: &mut FileExtract, senses: &Senses) {
    let Some(media) = &file.media else { return };
    let (bytes, kind) = (media.bytes.len() as u64, media.media_type.as_str());
    let moving = kind.starts_with("video/");
    let (what, sense) = if moving { ("the moving picture", "video") } else { ("the recording", "audio") };
    let prefix = format!("{sense}/");
    let why = if senses.media.contains(&kind) {
        if bytes <= senses.max_media_bytes {
            return;
        }
        format!("it has {bytes} bytes; this judge takes at most {}", senses.max_media_bytes)
    } else if senses.media.iter().any(|taken| taken.starts_with(&prefix)) {
        format!("it is {kind}; this judge takes {sense}, but not of this kind")
    } else {
        format!("it is {sense}; this judge does not take {sense}")
    };
    file.media = None;
    cut(file, what.to_owned(), why);
}

async fn images(reading: &Reading, file: &mut FileExtract, limits: &PictureLimits, room: &mut Room) {
    let (max_px, max_bytes) = (limits.max_px, limits.max_bytes);
    let mut left_out: Vec<Place> = Vec::new();
    for image in std::mem::take(&mut file.images) {
        let place = image.place.clone();
        let scaled = reading.pages.blocking(move || pictures::fit(&image, max_px, max_bytes)).await;
        match scaled {
            Ok(image) if room.take(&image) => file.images.push(image),
            Ok(_) => left_out.push(place),
            Err(why) => cut(file, format!("the image at {place}"), why),
        }
    }
    let why = "the limit on pictures of one request".to_owned();
    match left_out.as_slice() {
        [] => {}
        [one] => cut(file, format!("the image at {one}"), why),
        many => cut(file, format!("{} images, the first at {}", many.len(), many[0]), why),
    }
}

async fn page_views(
    reading: &Reading,
    files: &mut [FileExtract],
    bytes: &[Sheaf],
    (limits, begin): (&PictureLimits, Begin<'_>),
    room: &mut Room,
) {
    // How many pages each has comes first, because they share what is shown.
    let mut counts = Vec::with_capacity(files.len());
    for file in files.iter_mut() {
        let mut count = 0;
        if is_paged(&file.media_type) {
            match bytes.iter().find(|source| source.sha256 == file.sha256) {
                None => {
                    let reason = "the file is inside another one; its pages are not drawn".to_owned();
                    file.page_view = Some(PageView::Missing { reason });
                }
                Some(source) => match reading.pages.draw(source, 1..1, limits.max_px).await {
                    Ok(drawn) => count = drawn.of,
                    Err(reason) => file.page_view = Some(PageView::Missing { reason }),
                },
            }
        }
        counts.push(count);
    }
    let shares = shares(&counts, limits.pages.min(room.images));
    for ((file, share), of) in files.iter_mut().zip(shares).zip(counts) {
        let Some(source) = bytes.iter().find(|source| source.sha256 == file.sha256).filter(|_| of > 0) else {
            continue;
        };
        let from = if share < of { begin(file, of, share).clamp(1, of + 1 - share) } else { 1 };
        match reading.pages.draw(source, from..from + share, limits.max_px).await {
            Err(reason) => file.page_view = Some(PageView::Missing { reason }),
            Ok(drawn) => {
                let pages = fitting(reading, drawn.pages, limits, room).await;
                let shown = u32::try_from(pages.len()).unwrap_or(u32::MAX);
                if let Some(what) = others(from..from + shown, of) {
                    let why = if shown < share {
                        "the limit on pictures of one request".to_owned()
                    } else {
                        format!("this judge is shown {} pages of a submission as pictures", limits.pages)
                    };
                    cut(file, what, why);
                }
                file.page_view = Some(PageView::Rendered { renderer: drawn.renderer, pages, of });
            }
        }
    }
}

/// Those from the first on that can be sent, without gaps.
async fn fitting(reading: &Reading, drawn: Vec<Image>, limits: &PictureLimits, room: &mut Room) -> Vec<Image> {
    let (max_px, max_bytes) = (limits.max_px, limits.max_bytes);
    let mut pages = Vec::with_capacity(drawn.len());
    for page in drawn {
        match reading.pages.blocking(move || pictures::fit(&page, max_px, max_bytes)).await {
            Ok(page) if room.take(&page) => pages.push(page),
            _ => break,
        }
    }
    pages
}

/// The pages that are not among those shown: `pages 1-4 and 25-58 as pictures`.
fn others(shown: Range<u32>, of: u32) -> Option<String> {
    let gaps = [1..shown.start, shown.end..of + 1].into_iter().filter(|gap| !gap.is_empty());
    let named: Vec<String> = gaps
        .map(|gap| match gap.end - gap.start {
            1 => gap.start.to_string(),
            _ => format!("{}-{}", gap.start, gap.end - 1),
        })
        .collect();
    match named.as_slice() {
        [] => None,
        [one] if !one.contains('-') => Some(format!("page {one} as a picture")),
        many => Some(format!("pages {} as pictures", many.join(" and "))),
    }
}

/// Equal shares, of which nobody gets more than they need; what cannot be divided goes to the first.
fn shares(sizes: &[u32], max: u32) -> Vec<u32> {
    let mut shares = vec![0; sizes.len()];
    let mut left = max;
    loop {
        let wanting: Vec<usize> = (0..sizes.len()).filter(|&i| shares[i] < sizes[i]).collect();
        if wanting.is_empty() || left == 0 {
            return shares;
        }
        let each = (left / u32::try_from(wanting.len()).unwrap_or(u32::MAX)).max(1);
        for i in wanting {
            let more = each.min(sizes[i] - shares[i]).min(left);
            shares[i] += more;
            left -= more;
        }
    }
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, ImageFormat};

    use super::*;
    use crate::document;
    use crate::domain::{Media, Representation, SeenPages};
    use crate::reading::pages::tests::{fake_render, pages, pdf};
    use crate::reading::pictures::tests::{noise, of as picture};

    fn reading() -> Reading {
        Reading { pages: pages(fake_render), ..Reading::in_process(document::Limits::default()) }
    }

    fn eyes(pages: u32) -> Senses {
        let limits =
            PictureLimits { pages, max_px: 100, max_bytes: 100_000, max_request_bytes: 1_000_000, max_images: 50 };
        Senses { pictures: Some(limits), ..Senses::default() }
    }

    /// The extract of a fake pdf, with a line of text.
    fn extract(source: &Sheaf, name: &str) -> FileExtract {
        let mut file = document::read_message("Some text.");
        (file.name, file.media_type, file.sha256) = (name.to_owned(), source.media_type.clone(), source.sha256.clone());
        file
    }

    async fn look(senses: &Senses, files: Vec<FileExtract>, bytes: &[Sheaf]) -> Vec<FileExtract> {
        seen(&reading(), senses, &Arc::new(Extract { files }), bytes, &first_pages).await.files.clone()
    }

    fn cuts(file: &FileExtract) -> Vec<String> {
        file.cuts.iter().map(|cut| format!("{}: {}", cut.what, cut.why)).collect()
    }

    #[tokio::test]
    async fn a_judge_that_sees_is_shown_pages_and_told_which_it_is_not_shown() {
        let source = pdf("report", 58);
        let file = look(&eyes(20), vec![extract(&source, "report.pdf")], &[source]).await.remove(0);
        assert_eq!(file.page_pictures().count(), 20);
        assert_eq!(cuts(&file), ["pages 21-58 as pictures: this judge is shown 20 pages of a submission as pictures"]);
        let seen = file.seen();
        let shown = SeenPages::Rendered { renderer: "fake/1".to_owned(), pages: 20, of: 58 };
        assert_eq!((seen.page_view, seen.representation), (Some(shown), Representation::TextAndImages));
        assert_eq!(seen.coverage, Some(1.0), "all of the text is shown");
    }

    #[tokio::test]
    async fn a_judge_without_eyes_is_shown_what_was_read_not_even_copied() {
        let source = pdf("report", 3);
        let all = Arc::new(Extract { files: vec![extract(&source, "report.pdf")] });
        let sees = seen(&reading(), &Senses::default(), &all, &[source], &first_pages).await;
        assert!(Arc::ptr_eq(&sees, &all));
    }

    #[tokio::test]
    async fn pages_are_shared_among_the_files_so_that_the_short_one_is_whole() {
        assert_eq!(shares(&[58, 3, 0, 40], 20), [9, 3, 0, 8]);
        assert_eq!(shares(&[5, 5], 3), [2, 1]);
        assert_eq!(shares(&[2, 1], 20), [2, 1]);
        let (long, short) = (pdf("long", 58), pdf("short", 3));
        let files = vec![extract(&long, "long.pdf"), extract(&short, "short.pdf")];
        let files = look(&eyes(10), files, &[long, short]).await;
        assert_eq!((files[0].page_pictures().count(), files[1].page_pictures().count()), (7, 3));
        assert!(files[1].cuts.is_empty());
    }

    #[tokio::test]
    async fn which_pages_are_shown_can_be_chosen() {
        let source = pdf("report", 30);
        let all = Arc::new(Extract { files: vec![extract(&source, "report.pdf")] });
        let sees = seen(&reading(), &eyes(5), &all, &[source], &|_, _, _| 11).await;
        let places: Vec<String> = sees.files[0].page_pictures().map(|page| page.place.to_string()).collect();
        assert_eq!(places, ["page 11", "page 12", "page 13", "page 14", "page 15"]);
        assert!(cuts(&sees.files[0])[0].starts_with("pages 1-10 and 16-30 as pictures"));
    }

    #[tokio::test]
    async fn where_pages_cannot_be_drawn_the_manifest_has_the_reason_and_the_text_stays() {
        let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document".to_owned();
        let source = Sheaf { media_type: docx, ..pdf("memo", 3) };
        let inner = Sheaf { sha256: "of a member".to_owned(), ..source.clone() };
        let files = vec![extract(&source, "memo.docx"), extract(&inner, "all.zip/memo.docx")];
        let files = look(&eyes(10), files, &[source]).await;
        let reason = |file: &FileExtract| match &file.page_view {
            Some(PageView::Missing { reason }) => reason.clone(),
            other => panic!("{other:?}"),
        };
        assert!(reason(&files[0]).contains("shown as text only"));
        assert!(reason(&files[1]).contains("inside another"));
        assert_eq!(files[0].seen().representation, Representation::Text);
    }

    #[tokio::test]
    async fn pictures_are_scaled_and_those_beyond_the_request_s_limit_are_named() {
        let source = pdf("deck", 0);
        let mut file = extract(&source, "deck.pdf");
        file.images = (0..8).map(|_| noise(300, 300, ImageFormat::Png)).collect();
        let mut lone = extract(&pdf("photo", 1), "photo.png");
        lone.media_type = "image/png".to_owned();
        lone.images =
            vec![Image { place: Place::Whole, ..picture(&DynamicImage::new_rgb8(400, 200), ImageFormat::Png) }];
        let mut senses = eyes(0);
        senses.pictures.as_mut().unwrap().max_images = 4;
        let files = look(&senses, vec![file, lone], &[source]).await;
        assert_eq!(files[0].images.len(), 3, "the picture that is a file comes first");
        assert!(files[0].images.iter().all(|image| image.width == 100));
        assert_eq!(cuts(&files[0]), ["5 images, the first at page 3: the limit on pictures of one request"]);
        assert_eq!((files[1].images[0].width, files[1].images[0].height, files[1].cuts.len()), (100, 50, 0));
    }

    #[tokio::test]
    async fn a_recording_goes_only_to_judges_that_take_its_kind() {
        let recording = |kind: &str| {
            let mut file = extract(&pdf("r", 0), "recording");
            file.segments.clear();
            file.media_type = kind.to_owned();
            file.media = Some(Media { media_type: kind.to_owned(), bytes: vec![0; 100].into() });
            file
        };
        let deaf = look(&Senses::default(), vec![recording("audio/mpeg")], &[]).await.remove(0);
        assert!(deaf.media.is_none() && !deaf.has_content());
        assert_eq!(cuts(&deaf), ["the recording: it is audio; this judge does not take audio"]);
        let ears = Senses { media: vec!["audio/mpeg"], max_media_bytes: 100, ..Senses::default() };
        let heard = look(&ears, vec![recording("audio/mpeg")], &[]).await.remove(0);
        assert!(heard.media.is_some() && heard.cuts.is_empty());
        assert_eq!(heard.seen().representation, Representation::Media);
        let other = look(&ears, vec![recording("audio/ogg")], &[]).await.remove(0);
        assert!(cuts(&other)[0].contains("audio/ogg; this judge takes audio, but not of this kind"));
        let film = look(&ears, vec![recording("video/mp4")], &[]).await.remove(0);
        assert!(cuts(&film)[0].contains("does not take video"));
        let short = Senses { max_media_bytes: 99, ..ears };
        let long = look(&short, vec![recording("audio/mpeg")], &[]).await.remove(0);
        assert!(cuts(&long)[0].contains("100 bytes"));
    }
}
