//! Rich Text Format (.rtf): paragraphs and table rows as text; fonts, styles, document information and
//! pictures are left out (a picture is a cut). Hidden text (`\v`) is shown and reported.
//! Rich Text Format Specification 1.9.1.

use crate::domain::Place;

use super::draft::Draft;
use super::{Reader, Sample};

pub(super) const READER: Reader = Reader { id: "rtf/1", recognise, read };

/// Groups whose content is no text of the document.
const SKIPPED: [&str; 18] = [
    "fonttbl",
    "colortbl",
    "stylesheet",
    "info",
    "pict",
    "object",
    "themedata",
    "datastore",
    "latentstyles",
    "listtable",
    "listoverridetable",
    "rsidtbl",
    "generator",
    "xmlnstbl",
    "fldinst",
    "filetbl",
    "revtbl",
    "nonshppict",
];

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    sample.bytes.starts_with(b"{\\rtf").then_some("application/rtf")
}

/// What a group inherits from the one around it.
#[derive(Clone, Copy, Default)]
struct Group {
    skipped: bool,
    hidden: bool,
    /// Bytes that stand in for a Unicode character, for older readers.
    stand_ins: usize,
}

struct Writer<'d, 'l> {
    draft: &'d mut Draft<'l>,
    line: String,
    hidden: String,
    paragraphs: u32,
}

impl Writer<'_, '_> {
    fn flush(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.trim().is_empty() {
            self.paragraphs += 1;
            self.draft.push(Place::Paragraph(self.paragraphs), line.trim());
        }
        let hidden = std::mem::take(&mut self.hidden);
        if !hidden.trim().is_empty() {
            let shown: String = hidden.chars().take(200).collect();
            self.draft.finding("hidden_text", Place::Paragraph(self.paragraphs), format!("marked as hidden: {shown}"));
        }
    }

    fn put(&mut self, text: &str, group: Group) {
        if group.skipped {
            return;
        }
        self.line.push_str(text);
        if group.hidden {
            self.hidden.push_str(text);
        }
    }
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    let bytes = sample.bytes;
    let mut encoding = encoding_rs::WINDOWS_1252;
    let mut group = Group { stand_ins: 1, ..Group::default() };
    let mut outer: Vec<Group> = Vec::new();
    let mut writer = Writer { draft, line: String::new(), hidden: String::new(), paragraphs: 0 };
    let (mut at, mut skip) = (0usize, 0usize);
    // The first half of a surrogate pair.
    let mut high: Option<u16> = None;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'{' => outer.push(group),
            b'}' => group = outer.pop().unwrap_or(group),
            b'\r' | b'\n' => {}
            b'\\' => {
                let (word, number, length) = control(bytes.get(at..).unwrap_or_default());
                at += length;
                match word {
                    "'" => {
                        let hex = bytes.get(at..at + 2).and_then(|h| std::str::from_utf8(h).ok());
                        at += 2;
                        if skip > 0 {
                            skip -= 1;
                        } else if let Some(byte) = hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
                            writer.put(&encoding.decode_without_bom_handling(&[byte]).0, group);
                        }
                    }
                    "\\" | "{" | "}" => writer.put(word, group),
                    "~" => writer.put(" ", group),
                    "_" => writer.put("-", group),
                    "*" => group.skipped = true,
                    "par" | "sect" | "page" | "row" if !group.skipped => writer.flush(),
                    "line" => writer.put("\n", group),
                    "tab" => writer.put("\t", group),
                    "cell" => writer.put(" | ", group),
                    "emdash" => writer.put("—", group),
                    "endash" => writer.put("–", group),
                    "bullet" => writer.put("•", group),
                    "lquote" | "rquote" => writer.put("'", group),
                    "ldblquote" | "rdblquote" => writer.put("\"", group),
                    "v" => group.hidden = number != Some(0),
                    "plain" => group.hidden = false,
                    "uc" => group.stand_ins = usize::try_from(number.unwrap_or(1)).unwrap_or(1).min(16),
                    "ansicpg" => {
                        let label = format!("windows-{}", number.unwrap_or(1252));
                        encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap_or(encoding);
                    }
                    "bin" => at = at.saturating_add(usize::try_from(number.unwrap_or(0)).unwrap_or(0)),
                    "u" => {
                        let unit = (number.unwrap_or(0) & 0xffff) as u16;
                        let units: Vec<u16> = high.take().into_iter().chain([unit]).collect();
                        if (0xd800..0xdc00).contains(&unit) {
                            high = Some(unit);
                        } else {
                            writer.put(&String::from_utf16_lossy(&units), group);
                        }
                        skip = group.stand_ins;
                    }
                    word if SKIPPED.contains(&word) => {
                        if word == "pict" && !group.skipped {
                            let place = Place::Paragraph(writer.paragraphs.max(1));
                            writer.draft.lose_image(place, "pictures in rtf are not shown; save as .docx".to_owned());
                        }
                        group.skipped = true;
                    }
                    _ => {}
                }
            }
            _ if skip > 0 => skip -= 1,
            byte if byte.is_ascii() => writer.put(char::from(*byte).encode_utf8(&mut [0; 4]), group),
            byte => writer.put(&encoding.decode_without_bom_handling(&[*byte]).0, group),
        }
    }
    writer.flush();
    if !outer.is_empty() {
        draft.cut(Place::Whole, "the end of the document", "the file is cut off", None);
    }
    Ok(())
}

/// A control word or sign after the backslash: its name, its number, and its length with the closing blank.
fn control(rest: &[u8]) -> (&str, Option<i64>, usize) {
    let letters = rest.iter().take(32).take_while(|b| b.is_ascii_alphabetic()).count();
    let name = |end: usize| rest.get(..end).and_then(|n| std::str::from_utf8(n).ok()).unwrap_or("");
    if letters == 0 {
        return (name(1), None, 1);
    }
    let tail = rest.get(letters..).unwrap_or_default();
    let sign = usize::from(tail.first() == Some(&b'-'));
    let digits = tail.iter().skip(sign).take(10).take_while(|b| b.is_ascii_digit()).count();
    let used = if digits == 0 { 0 } else { sign + digits };
    let number = tail.get(..used).and_then(|n| std::str::from_utf8(n).ok()).and_then(|n| n.parse().ok());
    let blank = usize::from(tail.get(used) == Some(&b' '));
    (name(letters), number, letters + used + blank)
}

#[cfg(test)]
mod tests {
    use crate::document::testing::{read_one, text_of};
    use crate::domain::Outcome;

    #[test]
    fn paragraphs_rows_and_signs_are_read_and_the_author_is_not() {
        let rtf = br"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\info{\author Ann}}\f0 Gr\'f6\'dfe \u8364?5\par {\v secret} seen\par a\cell b\cell\row}";
        let file = read_one("a.rtf", rtf);
        assert_eq!(text_of(&file), "Größe €5\nsecret seen\na | b |");
        assert_eq!(file.findings[0].detail, "marked as hidden: secret");
    }

    #[test]
    fn an_rtf_cut_off_says_so() {
        assert_eq!(read_one("a.rtf", br"{\rtf1 text {\b bold").outcome, Outcome::Partial);
    }
}
