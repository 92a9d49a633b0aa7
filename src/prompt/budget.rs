//! What fits. A judge is shown at most `max_chars` characters of files; what does not fit is cut at segment
//! boundaries, fairly: small files stay whole, large ones share what is left in equal parts. Whatever is cut is
//! named in the extract's own `cuts`, so that the text, the manifest and the offline judge all tell the same.
//! The beginning of a file is kept, never a choice of parts: what was left out can then be said in one line.

use std::sync::Arc;

use super::layout::marker;
use crate::domain::{Cut, Extract, FileExtract, Outcome, Place, Segment};

pub(super) const WHY: &str = "the judge's input limit";

/// The extract as a judge with this budget sees it; the same `Arc` if nothing has to go.
pub(super) fn fit(extract: &Arc<Extract>, max_chars: u64, vision: bool) -> Arc<Extract> {
    let sizes: Vec<u64> = extract.files.iter().map(size).collect();
    let shares = shares(&sizes, max_chars);
    let blind = |f: &FileExtract| !vision && !f.images.is_empty();
    if !extract.files.iter().any(blind) && sizes.iter().zip(&shares).all(|(size, share)| size <= share) {
        return Arc::clone(extract);
    }
    let files = extract.files.iter().zip(sizes.iter().zip(&shares)).map(|(file, (size, share))| {
        let file = if size > share { truncate(file, *share) } else { file.clone() };
        if blind(&file) { without_images(file) } else { file }
    });
    Arc::new(Extract { files: files.collect() })
}

/// Characters of a file's text as it is laid out, with the markers of its places.
pub(super) fn size(file: &FileExtract) -> u64 {
    let mut previous = None;
    file.segments
        .iter()
        .map(|segment| {
            let cost = cost(segment, previous);
            previous = Some(segment);
            cost
        })
        .sum()
}

/// Of all files together.
pub(super) fn total(extract: &Extract) -> u64 {
    extract.files.iter().map(size).sum()
}

fn cost(segment: &Segment, previous: Option<&Segment>) -> u64 {
    let marker = marker(segment, previous).map_or(0, |m| m.chars().count());
    // The line's end counts.
    (segment.text.chars().count() + marker + 1) as u64
}

/// Equal shares, of which nobody gets more than they need.
fn shares(sizes: &[u64], max: u64) -> Vec<u64> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&i| sizes[i]);
    let mut shares = vec![0; sizes.len()];
    let (mut left, mut waiting) = (max, sizes.len() as u64);
    for i in order {
        shares[i] = sizes[i].min(left / waiting);
        left -= shares[i];
        waiting -= 1;
    }
    shares
}

fn truncate(file: &FileExtract, share: u64) -> FileExtract {
    let mut out = FileExtract { segments: Vec::new(), ..file.clone() };
    let mut left = share;
    for (index, segment) in file.segments.iter().enumerate() {
        let previous = index.checked_sub(1).map(|i| &file.segments[i]);
        let cost = cost(segment, previous);
        if cost <= left {
            left -= cost;
            out.segments.push(segment.clone());
            continue;
        }
        // A first segment that does not fit is the whole file as one piece: show its beginning.
        let overhead = cost - segment.text.chars().count() as u64;
        let head: String = if index == 0 && left > overhead {
            segment.text.chars().take(usize::try_from(left - overhead).unwrap_or(usize::MAX)).collect()
        } else {
            String::new()
        };
        let characters: u64 = file.segments[index..].iter().map(|s| s.text.chars().count() as u64).sum();
        let characters = characters - head.chars().count() as u64;
        let begun = !head.is_empty() || previous.is_some_and(|p| p.place == segment.place);
        if !head.is_empty() {
            out.segments.push(Segment { place: segment.place.clone(), text: head });
        }
        let last = &file.segments[file.segments.len() - 1].place;
        let from = match &segment.place {
            Place::Whole => "the rest of the text".to_owned(),
            place if begun => format!("the rest of {place}"),
            place => place.to_string(),
        };
        let what = if *last == segment.place { from } else { format!("{from} to {last}") };
        out.cuts.push(Cut { what, why: WHY.to_owned(), characters: Some(characters) });
        out.outcome = Outcome::Partial;
        break;
    }
    out
}

fn without_images(mut file: FileExtract) -> FileExtract {
    let what = match file.images.as_slice() {
        [one] => format!("the image at {}", one.place),
        many => format!("{} images", many.len()),
    };
    file.images.clear();
    file.cuts.push(Cut { what, why: "this judge takes no images".to_owned(), characters: Some(0) });
    if file.is_readable() {
        file.outcome = Outcome::Partial;
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::layout::sample;

    fn text(name: &str, paragraphs: u32, each: usize) -> FileExtract {
        let segments = (1..=paragraphs).map(|n| Segment { place: Place::Paragraph(n), text: "x".repeat(each) });
        FileExtract { name: name.to_owned(), segments: segments.collect(), ..sample::file("a.txt") }
    }

    fn extract(files: Vec<FileExtract>) -> Arc<Extract> {
        Arc::new(Extract { files })
    }

    #[test]
    fn what_fits_is_not_even_copied() {
        let all = extract(vec![text("a", 3, 10), text("b", 3, 10)]);
        assert!(Arc::ptr_eq(&fit(&all, 10_000, true), &all));
    }

    #[test]
    fn small_files_stay_whole_and_large_ones_share_the_rest() {
        assert_eq!(shares(&[10, 1_000, 400], 700), [10, 345, 345]);
        assert_eq!(shares(&[10, 1_000, 100], 700), [10, 590, 100]);
        assert_eq!(shares(&[], 5), [0u64; 0]);
        let all = extract(vec![text("small", 1, 10), text("large", 100, 50)]);
        let shown = fit(&all, 1_000, true);
        assert_eq!(shown.files[0], all.files[0]);
        assert!(total(&shown) <= 1_000);
        let kept = shown.files[1].segments.len();
        assert!((10..=20).contains(&kept), "{kept}");
        let cut = &shown.files[1].cuts[0];
        assert_eq!(cut.what, format!("paragraph {} to paragraph 100", kept + 1));
        assert_eq!(cut.characters, Some((100 - kept as u64) * 50));
        assert_eq!(shown.files[1].outcome, Outcome::Partial);
        let coverage = shown.manifest().files[1].coverage.unwrap();
        assert!((coverage - kept as f64 / 100.0).abs() < 1e-9, "{coverage}");
    }

    #[test]
    fn a_file_in_one_piece_is_cut_inside_it_and_says_so() {
        let mut file = text("one", 1, 5_000);
        file.segments[0].place = Place::Whole;
        let shown = fit(&extract(vec![file]), 100, true);
        let cut = &shown.files[0].cuts[0];
        assert_eq!(cut.what, "the rest of the text");
        let shown_chars = shown.files[0].segments[0].text.len() as u64;
        assert_eq!(cut.characters, Some(5_000 - shown_chars));
        assert!(shown_chars > 50 && total(&shown) <= 100);
    }

    #[test]
    fn a_budget_of_nothing_shows_nothing_and_says_what_is_missing() {
        let shown = fit(&extract(vec![text("a", 3, 10)]), 0, true);
        assert!(shown.files[0].segments.is_empty());
        assert_eq!(shown.files[0].cuts[0].what, "paragraph 1 to paragraph 3");
        assert_eq!(shown.manifest().files[0].coverage, Some(0.0));
    }

    #[test]
    fn a_judge_without_eyes_is_told_what_it_does_not_see() {
        let all = Arc::new(sample::extract());
        assert!(all.files.iter().any(|f| !f.images.is_empty()));
        let shown = fit(&all, 100_000, false);
        assert!(shown.files.iter().all(|f| f.images.is_empty()));
        let cuts: Vec<&Cut> = shown.files.iter().flat_map(|f| &f.cuts).collect();
        assert!(cuts.iter().any(|c| c.why == "this judge takes no images"), "{cuts:?}");
    }

    proptest::proptest! {
        #[test]
        fn no_budget_is_overrun_and_no_character_is_lost_silently(
            files in proptest::collection::vec(proptest::collection::vec(0usize..400, 0..20), 0..6),
            max in 0u64..5_000,
        ) {
            let file = |sizes: Vec<usize>| {
                let segment = |(i, size): (usize, usize)| Segment {
                    place: Place::Page(i as u32 / 3),
                    text: "é".repeat(size),
                };
                FileExtract { segments: sizes.into_iter().enumerate().map(segment).collect(), ..sample::file("f") }
            };
            let all = extract(files.into_iter().map(file).collect());
            let shown = fit(&all, max, true);
            proptest::prop_assert!(total(&shown) <= max);
            for (before, after) in all.files.iter().zip(&shown.files) {
                let cut: u64 = after.cuts.iter().filter_map(|c| c.characters).sum();
                proptest::prop_assert_eq!(before.characters(), after.characters() + cut);
                proptest::prop_assert_eq!(after.cuts.is_empty(), before == after);
            }
        }
    }
}
