//! Text as it is compared: readers, fonts and judges differ in whitespace, dashes, quotation marks, ligatures,
//! case and Markdown, and none of these makes a quotation wrong.
//!
//! A text is brought to its normal form cluster by cluster (a character with its combining marks), so that every
//! place of the normal form can be led back to the text: [`Normal`] keeps a checkpoint every [`STEP`] bytes.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// Bytes of text between checkpoints.
const STEP: usize = 256;

pub fn normal(text: &str) -> String {
    let mut writer = Writer { fresh: true, ..Writer::default() };
    for (_, cluster) in clusters(text) {
        writer.push(cluster);
    }
    writer.out
}

/// The normal forms of a file's segments, joined by spaces.
#[derive(Debug, Default)]
pub struct Normal {
    pub text: String,
    /// Where each segment starts in `text`.
    starts: Vec<usize>,
    /// In the order of the text: place in `text`, segment, byte and character in it. Right behind a character.
    checkpoints: Vec<Checkpoint>,
}

#[derive(Debug, Clone, Copy)]
struct Checkpoint {
    at: usize,
    segment: usize,
    byte: usize,
    char: usize,
}

/// A place in a segment as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw {
    pub segment: usize,
    pub byte: usize,
    pub char: usize,
}

impl Normal {
    pub fn of<'a>(segments: impl Iterator<Item = &'a str>) -> Self {
        let mut all = Self::default();
        let mut writer = Writer::default();
        for (segment, text) in segments.enumerate() {
            writer.open();
            all.starts.push(writer.out.len());
            all.checkpoints.push(Checkpoint { at: writer.out.len(), segment, byte: 0, char: 0 });
            let (mut last, mut char) = (0, 0);
            for (byte, cluster) in clusters(text) {
                if byte - last >= STEP && !writer.space {
                    all.checkpoints.push(Checkpoint { at: writer.out.len(), segment, byte, char });
                    last = byte;
                }
                writer.push(cluster);
                char += cluster.chars().count();
            }
        }
        all.text = writer.out;
        all
    }

    /// Which segment a place of the normal text belongs to.
    pub fn segment(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// The cluster of a segment that became the character at `at`: where it starts and where it ends. `text` gives
    /// the segments as they were read.
    pub fn raw<'a>(&self, at: usize, text: impl Fn(usize) -> Option<&'a str>) -> Option<(Raw, Raw)> {
        let from = self.checkpoints.get(self.checkpoints.partition_point(|point| point.at <= at).checked_sub(1)?)?;
        let rest = text(from.segment)?.get(from.byte..)?;
        // A space that waits at a checkpoint there is not; at a segment's start nothing has been written of it.
        let mut writer = Writer { out: String::new(), space: false, fresh: from.byte == 0 };
        let mut char = from.char;
        for (byte, cluster) in clusters(rest) {
            writer.push(cluster);
            let next = char + cluster.chars().count();
            if from.at + writer.out.len() > at {
                let place = |byte: usize, char| Raw { segment: from.segment, byte: from.byte + byte, char };
                return Some((place(byte, char), place(byte + cluster.len(), next)));
            }
            char = next;
        }
        None
    }
}

#[derive(Default)]
struct Writer {
    out: String,
    /// White space came, and will be written in front of the next character.
    space: bool,
    /// Nothing was written since the segment began.
    fresh: bool,
}

impl Writer {
    /// Begins a segment: a space stands between it and what came before.
    fn open(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with(' ') {
            self.out.push(' ');
        }
        self.space = false;
        self.fresh = true;
    }

    fn push(&mut self, cluster: &str) {
        if let [byte] = cluster.as_bytes() {
            self.char(char::from(byte.to_ascii_lowercase()));
        } else {
            cluster.nfkc().flat_map(char::to_lowercase).for_each(|c| self.char(c));
        }
    }

    fn char(&mut self, c: char) {
        match plain(c) {
            Plain::Space => self.space = true,
            Plain::Nothing => {}
            Plain::Char(c) => {
                if self.space && !self.fresh {
                    self.out.push(' ');
                }
                self.space = false;
                self.fresh = false;
                self.out.push(c);
            }
        }
    }
}

/// A text's characters, each with the marks that combine with it.
fn clusters(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let mut chars = rest.char_indices();
        chars.next();
        let end = chars.find(|(_, c)| !combines(*c)).map_or(rest.len(), |(end, _)| end);
        let start = at;
        at += end;
        Some((start, rest.get(..end)?))
    })
}

/// Combining marks, and the vowels and finals of decomposed Hangul.
fn combines(c: char) -> bool {
    !c.is_ascii() && (canonical_combining_class(c) != 0 || matches!(c, '\u{1160}'..='\u{11ff}'))
}

enum Plain {
    Char(char),
    Space,
    Nothing,
}

fn plain(c: char) -> Plain {
    match c {
        '|' => Plain::Space,
        c if c.is_whitespace() => Plain::Space,
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => Plain::Char('-'),
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '`' | '\u{b4}' | '\u{2039}' | '\u{203a}' => Plain::Char('\''),
        '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{ab}' | '\u{bb}' => Plain::Char('"'),
        '*' | '\\' | '#' => Plain::Nothing,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
            Plain::Nothing
        }
        c => Plain::Char(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_the_normal_text_is_led_back_to_where_it_stands() {
        let segments = [
            "  # The \u{fb01}rst **bold**  cell | x |".to_owned(),
            String::new(),
            "Cafe\u{301} \u{1112}\u{1161}\u{11ab} so\u{ad}ft ".repeat(60),
            "\u{2007}end\u{200b} ".to_owned(),
        ];
        let all = Normal::of(segments.iter().map(String::as_str));
        let text = |segment: usize| segments.get(segment).map(String::as_str);
        for (at, c) in all.text.char_indices().filter(|(_, c)| *c != ' ') {
            let (start, end) = all.raw(at, text).unwrap_or_else(|| panic!("{at} {c:?}"));
            assert_eq!(start.segment, all.segment(at));
            let cluster = &segments[start.segment][start.byte..end.byte];
            assert!(normal(cluster).contains(c), "{c:?} in {cluster:?}");
            assert_eq!(segments[start.segment][..start.byte].chars().count(), start.char);
            assert_eq!(segments[end.segment][..end.byte].chars().count(), end.char);
        }
        assert!(all.text.starts_with("the first bold cell x café 한 soft café"), "{}", all.text);
        assert!(all.text.ends_with("soft end"));
    }
}
