//! What fits. A judge is shown at most `max_chars` characters of files. What does not fit is cut in whole pieces
//! (segments; long ones in parts), and every cut is named twice in the same words: where it stands in the text, and
//! in the extract's own `cuts`, so that the text, the manifest and the offline judge all tell the same.
//!
//! Small files stay whole; large ones share what is left in equal parts, so that a long log does not push out the
//! memo. Of a file that is cut, what is kept is chosen in this order, each with a share of its own:
//!
//! 1. its outline: headings, sheets with their used ranges and header rows, slide titles, the first lines of pages;
//! 2. its beginning and its end;
//! 3. what the rubric as a whole is about (`relevance`), so that one choice serves all criteria;
//! 4. what is left goes to the beginning.
//!
//! What one criterion needs beyond that is put in front of its question (`excerpt`).

use std::ops::Range;
use std::sync::Arc;

use super::layout::marker;
use super::marks::marks;
use super::pieces::Pieces;
use super::relevance::{Index, Scored};
use crate::domain::{Cut, Extract, FileExtract, Origin, Outcome, Segment};

pub(super) const WHY: &str = "the judge's input limit";
/// What a mark of a cut is reckoned with, in characters, and the place that is named again behind it.
pub(super) const MARK: u64 = 80;
/// Of every criterion so many of its best pieces speak for what the rubric is about.
const BEST: usize = 20;

/// An extract that does not fit, taken apart and indexed once.
#[derive(Debug)]
pub(super) struct Source {
    pub extract: Arc<Extract>,
    pub pieces: Pieces,
    pub index: Index,
    /// By piece: what it is to the rubric as a whole, 0 or more.
    focus: Vec<f32>,
}

impl Source {
    /// `focus`: the criteria, or whatever else the extract will be asked about.
    pub fn new(extract: &Arc<Extract>, focus: &[String]) -> Self {
        let pieces = Pieces::of(extract);
        let index = Index::new(extract, &pieces);
        let mut sum = vec![0.0; pieces.all.len()];
        for text in focus {
            let ranked = index.rank(text);
            let best = ranked.first().map_or(1.0, |top| top.score);
            for Scored { piece, score, .. } in ranked.into_iter().take(BEST) {
                if let Some(sum) = sum.get_mut(piece) {
                    *sum += score / best;
                }
            }
        }
        Self { extract: Arc::clone(extract), pieces, index, focus: sum }
    }
}

/// An extract as a judge sees it.
#[derive(Debug, Clone)]
pub(super) struct Fitted {
    pub extract: Arc<Extract>,
    pub files: Vec<Gaps>,
}

/// Where a file's cuts stand, and where its segments come from.
#[derive(Debug, Clone, Default)]
pub(super) struct Gaps {
    /// Segment of what is shown in front of which the mark stands (one past the last: at the end), and its words.
    pub marks: Vec<(usize, String)>,
    pub origins: Vec<Origin>,
}

impl Fitted {
    /// Nothing is cut. Without `vision` images are named instead of shown.
    pub fn whole(extract: &Arc<Extract>, vision: bool) -> Self {
        let files = extract.files.iter().map(|file| Gaps {
            marks: vec![],
            origins: (0..file.segments.len()).map(|i| Origin { segment: small(i), before: 0 }).collect(),
        });
        let files = files.collect();
        Self { extract: sighted(Arc::clone(extract), vision), files }
    }
}

fn sighted(extract: Arc<Extract>, vision: bool) -> Arc<Extract> {
    if vision || extract.files.iter().all(|file| file.images.is_empty()) {
        return extract;
    }
    let see = |file: &FileExtract| if file.images.is_empty() { file.clone() } else { without_images(file.clone()) };
    Arc::new(Extract { files: extract.files.iter().map(see).collect() })
}

pub(super) fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The extract within `max_chars`, and which pieces of it are shown.
pub(super) fn fit(source: &Source, max_chars: u64, vision: bool) -> (Fitted, Vec<bool>) {
    let extract = &source.extract;
    let sizes: Vec<u64> = extract.files.iter().map(size).collect();
    let shares = shares(&sizes, max_chars);
    let mut keep = vec![true; source.pieces.all.len()];
    let mut files = Vec::with_capacity(extract.files.len());
    let mut gaps = Vec::with_capacity(extract.files.len());
    for (number, file) in extract.files.iter().enumerate() {
        let range = source.pieces.files.get(number).cloned().unwrap_or_default();
        let (size, share) = (sizes.get(number).copied().unwrap_or(0), shares.get(number).copied().unwrap_or(0));
        if size > share {
            choose(source, range.clone(), share, &mut keep);
        }
        let shown = assemble(source, file, range, |piece| keep.get(piece).copied().unwrap_or(false));
        let mut out = FileExtract { segments: shown.segments, ..file.clone() };
        if !shown.cuts.is_empty() {
            out.cuts.extend(shown.cuts);
            out.outcome = Outcome::Partial;
        }
        files.push(out);
        gaps.push(shown.gaps);
    }
    (Fitted { extract: sighted(Arc::new(Extract { files }), vision), files: gaps }, keep)
}

/// What is shown of a range of pieces of one file.
pub(super) struct Assembled {
    pub segments: Vec<Segment>,
    pub gaps: Gaps,
    pub cuts: Vec<Cut>,
}

/// Puts the pieces that are shown together again, and names what is missing between them.
pub(super) fn assemble(
    source: &Source,
    file: &FileExtract,
    range: Range<usize>,
    shown: impl Fn(usize) -> bool,
) -> Assembled {
    let mut out = Assembled { segments: vec![], gaps: Gaps::default(), cuts: vec![] };
    let mut at = range.start;
    while at < range.end {
        let is_shown = shown(at);
        let end = (at + 1..range.end).find(|next| shown(*next) != is_shown).unwrap_or(range.end);
        let run = source.pieces.all.get(at..end).unwrap_or_default();
        if is_shown {
            for part in run.chunk_by(|a, b| a.segment == b.segment) {
                let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
                let Some(segment) = file.segments.get(first.segment) else { continue };
                let text = segment.text.get(first.bytes.start..last.bytes.end).unwrap_or_default().to_owned();
                out.segments.push(Segment { place: segment.place.clone(), text });
                let before = u32::try_from(first.before).unwrap_or(u32::MAX);
                out.gaps.origins.push(Origin { segment: small(first.segment), before });
            }
        } else {
            for mark in marks(file, run) {
                out.gaps.marks.push((out.segments.len(), mark.what.clone()));
                out.cuts.push(Cut { what: mark.what, why: WHY.to_owned(), characters: Some(mark.characters) });
            }
        }
        at = end;
    }
    out
}

/// Characters of a file's text as it is laid out, with the markers of its places.
pub(super) fn size(file: &FileExtract) -> u64 {
    let mut previous = None;
    file.segments
        .iter()
        .map(|segment| {
            let marker = marker(segment, previous).map_or(0, |m| m.chars().count());
            previous = Some(segment);
            // The line's end counts.
            (segment.text.chars().count() + marker + 1) as u64
        })
        .sum()
}

/// Of all files together.
pub(super) fn total(extract: &Extract) -> u64 {
    extract.files.iter().map(size).sum()
}

/// Equal shares, of which nobody gets more than they need.
fn shares(sizes: &[u64], max: u64) -> Vec<u64> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&i| sizes.get(i).copied().unwrap_or(0));
    let mut shares = vec![0; sizes.len()];
    let (mut left, mut waiting) = (max, sizes.len() as u64);
    for i in order {
        let (Some(share), Some(size)) = (shares.get_mut(i), sizes.get(i)) else { continue };
        *share = (*size).min(left / waiting.max(1));
        left -= *share;
        waiting -= 1;
    }
    shares
}

/// Pieces of a range being chosen: what they cost, with a mark for every gap that they leave.
pub(super) struct Choice<'a> {
    source: &'a Source,
    range: Range<usize>,
    chosen: Vec<bool>,
    used: u64,
}

impl<'a> Choice<'a> {
    fn new(source: &'a Source, range: Range<usize>) -> Self {
        Self { source, chosen: vec![false; range.len()], range, used: MARK }
    }

    fn has(&self, piece: usize) -> bool {
        piece.checked_sub(self.range.start).and_then(|i| self.chosen.get(i)).copied().unwrap_or(false)
    }

    /// Takes a piece if it fits below the limit; true if it is chosen now or was.
    fn take(&mut self, piece: usize, limit: u64) -> bool {
        if self.has(piece) {
            return true;
        }
        if !self.range.contains(&piece) {
            return false;
        }
        let cost = self.source.pieces.all.get(piece).map_or(0, |p| p.cost);
        let open = |next: Option<usize>| next.is_some_and(|i| self.range.contains(&i) && !self.has(i));
        // It stands in a gap: that closes, stays or becomes two.
        let gaps = u64::from(open(piece.checked_sub(1))) + u64::from(open(Some(piece + 1)));
        let used = (self.used + cost + gaps * MARK).saturating_sub(MARK);
        if used > limit {
            return false;
        }
        self.used = used;
        if let Some(chosen) = self.chosen.get_mut(piece - self.range.start) {
            *chosen = true;
        }
        true
    }
}

/// Chooses what is kept of a file whose pieces are `range`.
fn choose(source: &Source, range: Range<usize>, share: u64, keep: &mut [bool]) {
    let pieces = &source.pieces.all;
    let mut choice = Choice::new(source, range.clone());
    let part = |percent: u64| share * percent / 100;

    // The outline, titles before small headings; a level that does not fit whole is thinned out evenly.
    for rank in 1..=6 {
        let level: Vec<usize> = range.clone().filter(|i| pieces.get(*i).is_some_and(|p| p.rank == rank)).collect();
        let cost: u64 = level.iter().filter_map(|i| pieces.get(*i)).map(|p| p.cost + MARK).sum();
        let room = part(40).saturating_sub(choice.used);
        let step =
            if cost > room { usize::try_from(cost / room.max(1)).unwrap_or(usize::MAX).saturating_add(1) } else { 1 };
        for piece in level.into_iter().step_by(step) {
            choice.take(piece, part(40));
        }
    }
    let beginning = (choice.used + part(20)).min(share);
    for piece in range.clone() {
        if !choice.take(piece, beginning) {
            break;
        }
    }
    let end = (choice.used + part(12)).min(share);
    for piece in range.clone().rev() {
        if !choice.take(piece, end) {
            break;
        }
    }
    let mut ranked: Vec<(usize, f32)> = range
        .clone()
        .filter_map(|i| source.focus.get(i).map(|focus| (i, *focus)))
        .filter(|(_, focus)| *focus > 0.0)
        .collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    for (piece, _) in ranked {
        if choice.take(piece, part(95)) {
            let above = pieces.get(piece).map(|p| [p.heading, p.header]);
            above.into_iter().flatten().flatten().for_each(|above| {
                choice.take(above, part(95));
            });
            choice.take(piece + 1, part(95));
            if let Some(before) = piece.checked_sub(1) {
                choice.take(before, part(95));
            }
        }
    }
    for piece in range.clone() {
        if !choice.take(piece, share) {
            break;
        }
    }
    for (piece, chosen) in range.zip(&choice.chosen) {
        if let Some(keep) = keep.get_mut(piece) {
            *keep = *chosen;
        }
    }
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
    use crate::domain::Place;
    use crate::prompt::layout::sample;

    fn text(name: &str, paragraphs: u32, each: usize) -> FileExtract {
        let segments = (1..=paragraphs).map(|n| Segment { place: Place::Paragraph(n), text: "x".repeat(each) });
        FileExtract { name: name.to_owned(), segments: segments.collect(), ..sample::file("a.txt") }
    }

    fn fitted(files: Vec<FileExtract>, max: u64) -> Arc<Extract> {
        fit(&Source::new(&Arc::new(Extract { files }), &[]), max, true).0.extract
    }

    #[test]
    fn small_files_stay_whole_and_large_ones_share_the_rest() {
        assert_eq!(shares(&[10, 1_000, 400], 700), [10, 345, 345]);
        assert_eq!(shares(&[10, 1_000, 100], 700), [10, 590, 100]);
        assert_eq!(shares(&[], 5), [0u64; 0]);
        let files = vec![text("small", 1, 10), text("large", 100, 50)];
        let shown = fitted(files.clone(), 1_500);
        assert_eq!(shown.files[0], files[0]);
        let kept = shown.files[1].segments.len();
        assert!((15..=23).contains(&kept), "{kept}");
        assert_eq!(shown.files[1].outcome, Outcome::Partial);
        assert_eq!(shown.files[1].segments[0].place, Place::Paragraph(1));
        assert_eq!(shown.files[1].segments[kept - 1].place, Place::Paragraph(100), "the end is shown too");
        let coverage = shown.manifest().files[1].coverage.unwrap();
        assert!((coverage - kept as f64 / 100.0).abs() < 1e-9, "{coverage}");
    }

    #[test]
    fn a_file_in_one_piece_is_cut_inside_it_and_says_so() {
        let mut file = text("one", 1, 50_000);
        file.segments[0].place = Place::Whole;
        let shown = fitted(vec![file], 5_000);
        let file = &shown.files[0];
        let cut: u64 = file.cuts.iter().filter_map(|c| c.characters).sum();
        assert_eq!(cut + file.characters(), 50_000);
        assert!(file.characters() > 2_000, "{}", file.characters());
        assert!(file.cuts[0].what.starts_with("part of the text, "), "{}", file.cuts[0].what);
    }

    #[test]
    fn a_budget_of_nothing_shows_nothing_and_says_what_is_missing() {
        for max in [0, 1, 50] {
            let shown = fitted(vec![text("a", 3, 10)], max);
            assert!(shown.files[0].segments.is_empty());
            assert_eq!(shown.files[0].cuts[0].what, "paragraphs 1-3, 3 paragraphs");
            assert_eq!(shown.manifest().files[0].coverage, Some(0.0));
        }
    }

    #[test]
    fn a_judge_without_eyes_is_told_what_it_does_not_see() {
        let all = Arc::new(sample::extract());
        assert!(all.files.iter().any(|f| !f.images.is_empty()));
        let shown = Fitted::whole(&all, false).extract;
        assert!(shown.files.iter().all(|f| f.images.is_empty()));
        let cuts: Vec<&Cut> = shown.files.iter().flat_map(|f| &f.cuts).collect();
        assert!(cuts.iter().any(|c| c.why == "this judge takes no images"), "{cuts:?}");
        assert!(Arc::ptr_eq(&Fitted::whole(&all, true).extract, &all), "what is whole is not even copied");
    }

    #[test]
    fn the_outline_is_kept_and_what_the_rubric_is_about() {
        let line = |n: u32, text: &str| Segment { place: Place::Paragraph(n), text: text.to_owned() };
        let mut segments = Vec::new();
        for chapter in 0..10_u32 {
            segments.push(line(chapter * 100 + 1, &format!("# Chapter {chapter}")));
            segments.extend((2..=100).map(|n| line(chapter * 100 + n, "Some words that say little of anything.")));
        }
        segments[567].text = "The auditor refused to sign.".to_owned();
        let extract = Arc::new(Extract { files: vec![FileExtract { segments, ..sample::file("report.md") }] });
        let focus = ["The report says that the auditor refused.".to_owned()];
        let (fitted, _) = fit(&Source::new(&extract, &focus), 6_000, true);
        let shown: Vec<&str> = fitted.extract.files[0].segments.iter().map(|s| s.text.as_str()).collect();
        for chapter in 0..10 {
            assert!(shown.contains(&format!("# Chapter {chapter}").as_str()), "{shown:?}");
        }
        assert!(shown.contains(&"The auditor refused to sign."), "{shown:?}");
    }

    proptest::proptest! {
        #[test]
        fn no_budget_is_overrun_and_every_piece_is_shown_or_in_exactly_one_cut(
            files in proptest::collection::vec(proptest::collection::vec(0usize..400, 0..40), 0..6),
            max in 0u64..5_000,
        ) {
            let file = |sizes: Vec<usize>| {
                let segment = |(i, size): (usize, usize)| Segment {
                    place: Place::Line(i as u32 + 1),
                    text: "é".repeat(size),
                };
                FileExtract { segments: sizes.into_iter().enumerate().map(segment).collect(), ..sample::file("f") }
            };
            let all = Arc::new(Extract { files: files.into_iter().map(file).collect() });
            let (fitted, _) = fit(&Source::new(&all, &["line 7 and line 20".to_owned()]), max, true);
            let shown = &fitted.extract;
            proptest::prop_assert!(total(shown) <= max);
            for ((before, after), gaps) in all.files.iter().zip(&shown.files).zip(&fitted.files) {
                let cut: u64 = after.cuts.iter().filter_map(|c| c.characters).sum();
                proptest::prop_assert_eq!(before.characters(), after.characters() + cut);
                proptest::prop_assert_eq!(after.cuts.is_empty(), before == after);
                let mut times = vec![0; before.segments.len()];
                for (segment, origin) in after.segments.iter().zip(&gaps.origins) {
                    proptest::prop_assert_eq!(segment, &before.segments[origin.segment as usize]);
                    times[origin.segment as usize] += 1;
                }
                for (_, what) in &gaps.marks {
                    let numbers: Vec<usize> = what.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
                    let (from, to) = if what.starts_with("lines") { (numbers[0], numbers[1]) } else { (numbers[0], numbers[0]) };
                    proptest::prop_assert_eq!(*numbers.last().unwrap(), to - from + 1, "{}", what);
                    (from..=to).for_each(|line| times[line - 1] += 1);
                }
                proptest::prop_assert!(times.iter().all(|n| *n == 1), "{:?} {:?}", times, gaps.marks);
            }
        }
    }
}
