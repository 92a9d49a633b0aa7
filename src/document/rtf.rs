//! Rich Text Format (.rtf): paragraphs, table rows, notes, comments, headers, pictures. Fonts, styles and who wrote
//! are left out. Hidden text (`\v`), white and tiny letters are shown and reported, revisions are shown as such.
//! Links show their words only; pictures other than png and jpeg are cuts.
//! Rich Text Format Specification 1.9.1.

use std::collections::HashMap;

use encoding_rs::Encoding;

use crate::domain::Place;

use super::draft::{Draft, markdown_row};
use super::{Reader, Sample};

pub(super) const READER: Reader = Reader { id: "rtf/2", recognise, read };

/// Groups whose content is no text of the document.
const SKIPPED: [&str; 17] = [
    "stylesheet",
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
    "shprslt",
    "info",
    "author",
];

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    sample.bytes.starts_with(b"{\\rtf").then_some("application/rtf")
}

/// What a group inherits from the one around it.
#[derive(Clone, Copy, Default)]
struct Group {
    skipped: bool,
    hidden: bool,
    white: bool,
    tiny: bool,
    painted: bool,
    inserted: bool,
    deleted: bool,
    /// A table of fonts or of colours, a picture, or a property of the file.
    inside: Inside,
    font: i64,
    /// Bytes that stand in for a Unicode character, for older readers.
    stand_ins: usize,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Inside {
    #[default]
    Text,
    Fonts,
    Colors,
    Picture,
    Property,
}

/// Text beside the body, until its group ends.
struct Aside {
    place: Place,
    mark: String,
    /// Groups open around it.
    depth: usize,
    outer: String,
}

struct Writer<'d, 'l> {
    draft: &'d mut Draft<'l>,
    line: String,
    hidden: Vec<(String, &'static str)>,
    /// Where the last of them ended in the line.
    hidden_to: usize,
    /// The finished cells of the open row.
    cells: Vec<String>,
    asides: Vec<Aside>,
    paragraphs: u32,
    tables: u32,
    rows: u32,
    notes: u32,
    comments: u32,
    revisions: u32,
    heading: Option<usize>,
    in_table: bool,
    /// The mark that is open: `inserted` or `deleted`.
    revised: Option<&'static str>,
    colors: Vec<[u8; 3]>,
    color: [u8; 3],
    fonts: HashMap<i64, &'static Encoding>,
    usual: &'static Encoding,
    /// Bytes that are not decoded yet, and whether the last one begins a character of two.
    raw: Vec<u8>,
    lead: bool,
    picture: Vec<u8>,
    properties: String,
}

impl Writer<'_, '_> {
    fn place(&self) -> Place {
        match self.asides.last() {
            Some(aside) => aside.place.clone(),
            None if self.in_table => Place::TableRow { table: self.tables.max(1), row: self.rows + 1 },
            None => Place::Paragraph(self.paragraphs.max(1)),
        }
    }

    /// Ends a paragraph; in a cell or a note only a line of it.
    fn flush(&mut self) {
        self.close_revision();
        if self.in_table || !self.asides.is_empty() {
            if !self.line.trim().is_empty() {
                self.line.push('\n');
            }
            return;
        }
        // Cells of a row whose end is missing.
        if !self.cells.is_empty() {
            self.end_row();
        }
        let line = std::mem::take(&mut self.line);
        if !line.trim().is_empty() {
            self.paragraphs += 1;
            let mark = self.heading.map(|level| format!("{} ", "#".repeat(level))).unwrap_or_default();
            self.draft.push(Place::Paragraph(self.paragraphs), format!("{mark}{}", line.trim()));
        }
        self.report(&Place::Paragraph(self.paragraphs.max(1)));
    }

    fn report(&mut self, place: &Place) {
        for (text, why) in std::mem::take(&mut self.hidden) {
            if !text.trim().is_empty() {
                let shown: String = text.trim().chars().take(200).collect();
                self.draft.finding("hidden_text", place.clone(), format!("{why}: {shown}"));
            }
        }
    }

    fn end_row(&mut self) {
        self.close_revision();
        if !self.line.trim().is_empty() {
            self.cells.push(std::mem::take(&mut self.line));
        }
        self.line.clear();
        if self.rows == 0 {
            self.tables += 1;
        }
        let place = Place::TableRow { table: self.tables, row: self.rows + 1 };
        self.rows += 1;
        let cells = std::mem::take(&mut self.cells);
        self.draft.push(place.clone(), markdown_row(cells));
        self.hidden.iter_mut().for_each(|(text, _)| *text = text.replace('|', "\\|"));
        self.report(&place);
    }

    fn begin_aside(&mut self, place: Place, mark: String, depth: usize) {
        self.close_revision();
        let outer = std::mem::take(&mut self.line);
        self.asides.push(Aside { place, mark, depth, outer });
    }

    fn end_asides(&mut self, depth: usize) {
        while self.asides.last().is_some_and(|a| a.depth > depth) {
            self.close_revision();
            let Some(aside) = self.asides.pop() else { return };
            let text = std::mem::replace(&mut self.line, aside.outer);
            if !text.trim().is_empty() {
                self.draft.push(aside.place.clone(), format!("{} {}", aside.mark, text.trim()));
            }
        }
    }

    fn close_revision(&mut self) {
        if self.revised.take().is_some() {
            self.line.push(']');
        }
    }

    fn put(&mut self, text: &str, group: Group) {
        if group.inside == Inside::Property {
            return self.properties.push_str(text);
        }
        if group.skipped || group.inside != Inside::Text {
            return;
        }
        let revised = match group {
            Group { deleted: true, .. } => Some("deleted"),
            Group { inserted: true, .. } => Some("inserted"),
            _ => None,
        };
        if revised != self.revised {
            self.close_revision();
            if let Some(word) = revised {
                self.line.push_str(&format!("[{word}: "));
                self.revisions += 1;
            }
            self.revised = revised;
        }
        let before = self.line.len();
        self.line.push_str(text);
        let why = match group {
            Group { hidden: true, .. } => "marked as hidden",
            Group { tiny: true, .. } => "3 points or smaller",
            Group { white: true, painted: false, .. } if !self.in_table => "white on white",
            _ => return,
        };
        match self.hidden.last_mut() {
            Some((so_far, because)) if *because == why && self.hidden_to == before => so_far.push_str(text),
            _ => self.hidden.push((text.to_owned(), why)),
        }
        self.hidden_to = self.line.len();
    }

    /// A byte of the text in the encoding of its font.
    fn byte(&mut self, byte: u8, group: Group) {
        let encoding = self.fonts.get(&group.font).copied().unwrap_or(self.usual);
        let double = !encoding.is_single_byte();
        self.raw.push(byte);
        // UTF-8 has no fixed length: what is not ASCII is decoded together.
        let begins = byte >= 0x80 && (encoding == encoding_rs::UTF_8 || !self.lead && byte >= 0x81);
        self.lead = double && begins;
        if !self.lead {
            self.decode(group);
        }
    }

    fn decode(&mut self, group: Group) {
        if self.raw.is_empty() {
            return;
        }
        let raw = std::mem::take(&mut self.raw);
        self.lead = false;
        let encoding = self.fonts.get(&group.font).copied().unwrap_or(self.usual);
        let text = encoding.decode_without_bom_handling(&raw).0;
        self.put(&text, group);
    }

    fn end_picture(&mut self) {
        let digits = std::mem::take(&mut self.picture);
        let place = self.place();
        let bytes = hex::decode(digits.get(..digits.len() & !1).unwrap_or_default()).unwrap_or_default();
        if bytes.starts_with(b"\x89PNG") || bytes.starts_with(b"\xff\xd8") {
            self.draft.image(place, &bytes);
        } else {
            self.draft.lose_image(place, "a picture in rtf that is neither png nor jpeg; save as .docx".to_owned());
        }
    }
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    let bytes = sample.bytes;
    let most_hex = usize::try_from(draft.limits.max_image_bytes).unwrap_or(usize::MAX).saturating_mul(2);
    let mut group = Group { stand_ins: 1, ..Group::default() };
    let mut outer: Vec<Group> = Vec::new();
    let mut writer = Writer {
        draft,
        line: String::new(),
        hidden: Vec::new(),
        hidden_to: 0,
        cells: Vec::new(),
        asides: Vec::new(),
        paragraphs: 0,
        tables: 0,
        rows: 0,
        notes: 0,
        comments: 0,
        revisions: 0,
        heading: None,
        in_table: false,
        revised: None,
        colors: Vec::new(),
        color: [0; 3],
        fonts: HashMap::new(),
        usual: encoding_rs::WINDOWS_1252,
        raw: Vec::new(),
        lead: false,
        picture: Vec::new(),
        properties: String::new(),
    };
    let (mut at, mut skip) = (0usize, 0usize);
    // The first half of a surrogate pair.
    let mut high: Option<u16> = None;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        let text = !matches!(byte, b'{' | b'}' | b'\r' | b'\n' | b'\\');
        let escaped = *byte == b'\\' && bytes.get(at) == Some(&b'\'');
        if !text && !escaped && !matches!(byte, b'\r' | b'\n') {
            writer.decode(group);
        }
        match byte {
            b'{' => outer.push(group),
            b'}' => {
                let inside = group.inside;
                group = outer.pop().unwrap_or(group);
                writer.end_asides(outer.len());
                if inside == Inside::Picture && group.inside != Inside::Picture {
                    writer.end_picture();
                }
                if inside == Inside::Property && group.inside != Inside::Property {
                    writer.properties.push_str("; ");
                }
            }
            b'\r' | b'\n' => {}
            b'\\' => {
                let (word, number, length) = control(bytes.get(at..).unwrap_or_default());
                at += length;
                let on = number != Some(0);
                match word {
                    "'" => {
                        let hex = bytes.get(at..at + 2).and_then(|h| std::str::from_utf8(h).ok());
                        at += 2;
                        if skip > 0 {
                            skip -= 1;
                        } else if let Some(byte) = hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
                            writer.byte(byte, group);
                        }
                    }
                    "\\" | "{" | "}" => writer.put(word, group),
                    "~" => writer.put(" ", group),
                    "_" => writer.put("-", group),
                    "*" => group.skipped = true,
                    // Groups that older readers are to skip, and we are not.
                    "shppict" | "shptxt" | "cs" | "ds" | "ts"
                        if group.inside == Inside::Text
                            && (word == "shptxt" || outer.last().is_none_or(|around| !around.skipped)) =>
                    {
                        if word == "shptxt" {
                            writer.flush();
                        }
                        group.skipped = false;
                    }
                    "annotation" => {
                        let plain = Group { font: group.font, stand_ins: group.stand_ins, ..Group::default() };
                        group = plain;
                        writer.comments += 1;
                        let number = writer.comments;
                        writer.line.push_str(&format!("[comment {number}]"));
                        writer.begin_aside(Place::Comment(number), format!("[comment {number}]"), outer.len());
                    }
                    "footnote" if !group.skipped => {
                        writer.notes += 1;
                        let number = writer.notes;
                        writer.line.push_str(&format!("[^{number}]"));
                        writer.begin_aside(Place::Footnote(number), format!("[^{number}]:"), outer.len());
                    }
                    "header" | "headerl" | "headerr" | "headerf" if !group.skipped => {
                        writer.begin_aside(Place::Whole, "[header]".to_owned(), outer.len());
                    }
                    "footer" | "footerl" | "footerr" | "footerf" if !group.skipped => {
                        writer.begin_aside(Place::Whole, "[footer]".to_owned(), outer.len());
                    }
                    "fonttbl" => group.inside = Inside::Fonts,
                    "colortbl" => group.inside = Inside::Colors,
                    "title" | "subject" | "keywords" | "doccomm" if group.skipped => {
                        group.inside = Inside::Property;
                        writer.properties.push_str(&format!("{word}: "));
                    }
                    "f" => group.font = number.unwrap_or(0),
                    "fcharset" if group.inside == Inside::Fonts => {
                        if let Some(encoding) = charset(number.unwrap_or(0)) {
                            writer.fonts.insert(group.font, encoding);
                        }
                    }
                    "red" | "green" | "blue" if group.inside == Inside::Colors => {
                        let part = ["red", "green", "blue"].iter().position(|w| *w == word).unwrap_or(0);
                        writer.color[part] = number.unwrap_or(0).clamp(0, 255) as u8;
                    }
                    "pict" if !group.skipped => group.inside = Inside::Picture,
                    "par" | "sect" | "page" if !group.skipped => writer.flush(),
                    "cell" | "nestcell" if !group.skipped => {
                        writer.close_revision();
                        let cell = std::mem::take(&mut writer.line);
                        writer.cells.push(cell);
                    }
                    "row" | "nestrow" if !group.skipped => writer.end_row(),
                    "intbl" => writer.in_table = true,
                    "pard" if !group.skipped => (writer.in_table, writer.heading) = (false, None),
                    "outlinelevel" if !group.skipped => {
                        let level = number.and_then(|n| usize::try_from(n).ok()).filter(|n| *n < 9);
                        writer.heading = level.map(|n| (n + 1).min(6));
                    }
                    "line" => writer.put("\n", group),
                    "tab" => writer.put("\t", group),
                    "emdash" => writer.put("—", group),
                    "endash" => writer.put("–", group),
                    "bullet" => writer.put("•", group),
                    "lquote" | "rquote" => writer.put("'", group),
                    "ldblquote" | "rdblquote" => writer.put("\"", group),
                    "chpgn" => writer.put("[page number]", group),
                    "v" => group.hidden = on,
                    "revised" => group.inserted = on,
                    "deleted" => group.deleted = on,
                    "fs" => group.tiny = number.is_some_and(|n| (0..=6).contains(&n)),
                    "cf" => {
                        let color = number.and_then(|n| writer.colors.get(usize::try_from(n).ok()?));
                        group.white = color.is_some_and(|c| c.iter().all(|part| *part >= 0xf3));
                    }
                    "highlight" | "cb" | "chcbpat" | "cbpat" => group.painted = on,
                    "plain" => {
                        let kept = Group { inside: group.inside, skipped: group.skipped, ..Group::default() };
                        group = Group { stand_ins: group.stand_ins, font: group.font, ..kept };
                    }
                    "uc" => group.stand_ins = usize::try_from(number.unwrap_or(1)).unwrap_or(1).min(16),
                    "ansicpg" => writer.usual = code_page(number.unwrap_or(1252)).unwrap_or(writer.usual),
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
                        if word == "object" && !group.skipped {
                            let place = writer.place();
                            writer.draft.cut(place, "an embedded object", "objects in rtf are not opened", None);
                        }
                        group.skipped = true;
                    }
                    _ => {}
                }
            }
            _ if skip > 0 => skip -= 1,
            b';' if group.inside == Inside::Colors => {
                let color = std::mem::take(&mut writer.color);
                if writer.colors.len() < 4_096 {
                    writer.colors.push(color);
                }
            }
            byte if group.inside == Inside::Picture => {
                if byte.is_ascii_hexdigit() && writer.picture.len() < most_hex {
                    writer.picture.push(*byte);
                }
            }
            byte => writer.byte(*byte, group),
        }
        // A paragraph outside of all tables ends the count of rows.
        if !writer.in_table && writer.cells.is_empty() && !writer.line.is_empty() && writer.asides.is_empty() {
            writer.rows = 0;
        }
    }
    writer.decode(group);
    writer.end_asides(0);
    writer.asides.clear();
    writer.in_table = false;
    writer.flush();
    let (properties, comments, revisions) = (writer.properties, writer.comments, writer.revisions);
    let properties = properties.trim_end_matches("; ").trim();
    if !properties.is_empty() {
        draft.finding("metadata", Place::Whole, properties.chars().take(2_000).collect::<String>());
    }
    if comments > 0 {
        draft.finding("comments", Place::Comment(1), format!("{comments} comments in the margin"));
    }
    if revisions > 0 {
        let detail = format!("{revisions} stretches of tracked changes are not yet accepted");
        draft.finding("tracked_changes", Place::Whole, detail);
    }
    if !outer.is_empty() {
        draft.cut(Place::Whole, "the end of the document", "the file is cut off", None);
    }
    Ok(())
}

fn code_page(number: i64) -> Option<&'static Encoding> {
    let label = match number {
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        10000 => "macintosh".to_owned(),
        65001 => "utf-8".to_owned(),
        866 => "ibm866".to_owned(),
        other => format!("windows-{other}"),
    };
    Encoding::for_label(label.as_bytes())
}

/// The code page of a font by its `\fcharset`; those that say nothing are of the document's.
fn charset(number: i64) -> Option<&'static Encoding> {
    code_page(match number {
        77 => 10000,
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => return None,
    })
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
        assert_eq!(text_of(&file), "Größe €5\nsecret seen\n| a | b |");
        assert_eq!(file.findings[0].detail, "marked as hidden: secret");
    }

    #[test]
    fn an_rtf_cut_off_says_so() {
        assert_eq!(read_one("a.rtf", br"{\rtf1 text {\b bold").outcome, Outcome::Partial);
    }

    #[test]
    fn notes_revisions_margins_and_foreign_letters_are_read() {
        let rtf = br"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial;}{\f2\fcharset128 Mincho;}}{\colortbl;\red255\green255\blue255;}
{\info{\title Plan}{\author Ann}}{\header Report\par}\pard\outlinelevel0 Head\par\pard {\f1 \'cf\'eb\'e0\'ed} {\f2 \'93\'fa\'96\'7b}{\footnote\pard see p. 4}{\*\atnauthor Ann}{\*\annotation check}
 {\deleted old}{\revised new} {\cf1 white}\par\trowd\pard\intbl a\par b\cell c\cell\row\pard after {\*\shpinst{\sp}{\shptxt boxed\par}}{\shprslt boxed}\par}";
        let file = read_one("a.rtf", rtf);
        let text = text_of(&file);
        assert_eq!(
            text,
            "[header] Report\n# Head\n[^1]: see p. 4\n[comment 1] check\n\
             План 日本[^1][comment 1] [deleted: old][inserted: new] white\n| a / b | c |\nafter\nboxed"
        );
        let hidden: Vec<&str> = file.hidden().iter().map(|h| &file.segments[h.segment].text[h.bytes.clone()]).collect();
        assert_eq!(hidden, ["white"]);
        let codes: Vec<&str> = file.findings.iter().map(|f| f.code.as_str()).collect();
        assert_eq!(codes, ["hidden_text", "metadata", "comments", "tracked_changes"]);
        assert!(!format!("{file:?}").contains("Ann"));
    }
}
