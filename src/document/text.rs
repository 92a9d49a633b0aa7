//! Plain text and Markdown: one segment per line, as written. UTF-8 and UTF-16 are told by their bytes;
//! anything else that looks like text is read as windows-1252, and a finding says so.

use crate::domain::Place;

use super::draft::Draft;
use super::{Reader, Sample};

pub(super) const READER: Reader = Reader { id: "text/2", recognise, read };

/// Text of a file and how it was told.
pub(super) struct Decoded {
    pub text: String,
    /// The encoding's own name: `UTF-8`, `windows-1252`.
    pub encoding: &'static str,
    /// What a person should know of the decoding, if anything.
    pub doubt: Option<(&'static str, String)>,
}

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    sample.decoded()?;
    Some(match sample.extension.as_str() {
        "md" | "markdown" => "text/markdown",
        _ => match sample.declared {
            Some("text/markdown") => "text/markdown",
            _ => "text/plain",
        },
    })
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    let decoded = sample.decoded().ok_or("the file is not text")?;
    report_doubt(decoded, draft);
    push_lines(&decoded.text, draft);
    if draft.is_empty() {
        return Err("the file holds only blank space; send it again".to_owned());
    }
    Ok(())
}

pub(super) fn report_doubt(decoded: &Decoded, draft: &mut Draft<'_>) {
    if let Some((code, detail)) = &decoded.doubt {
        draft.finding(code, Place::Whole, detail.clone());
    }
}

/// A line longer than this is shown in pieces, each at the line's number: minified code, data in one line.
const PIECE_CHARS: usize = 4_000;

/// One segment per line, numbered as an editor would; very long lines in pieces.
pub(super) fn push_lines(text: &str, draft: &mut Draft<'_>) {
    let mut long: Option<(u32, u64)> = None;
    for (index, line) in text.lines().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        if line.len() <= PIECE_CHARS {
            draft.push(Place::Line(number), line);
            continue;
        }
        let pieces = pieces(line);
        if pieces.len() > 1 {
            long = Some(long.map_or((number, 1), |(first, count)| (first, count + 1)));
        }
        for piece in pieces {
            draft.push(Place::Line(number), piece);
        }
    }
    if let Some((first, count)) = long {
        let detail = format!(
            "lines of more than {PIECE_CHARS} characters ({count}), as in minified files; shown in pieces that end where the line does not"
        );
        draft.finding("long_lines", Place::Line(first), detail);
    }
}

/// The line in pieces of bounded length that end after a sign that parts words or statements, if there is one.
fn pieces(line: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some((end, _)) = rest.char_indices().nth(PIECE_CHARS) {
        let head = &rest[..end];
        let at = head.rfind([' ', ';', '}', ',', '\t']).map(|at| at + 1).filter(|at| *at > end / 2).unwrap_or(end);
        let (piece, after) = rest.split_at(at);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// The text of bytes that are text; `None` for anything else.
pub(super) fn decode(bytes: &[u8]) -> Option<Decoded> {
    let plain = |text: &str| Decoded { text: text.to_owned(), encoding: "UTF-8", doubt: None };
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return Some(lossy(encoding_rs::UTF_8, rest));
    }
    if bytes.starts_with(b"\xff\xfe") {
        return Some(lossy(encoding_rs::UTF_16LE, bytes.get(2..)?));
    }
    if bytes.starts_with(b"\xfe\xff") {
        return Some(lossy(encoding_rs::UTF_16BE, bytes.get(2..)?));
    }
    if let Some(encoding) = utf16_without_mark(bytes) {
        let mut decoded = lossy(encoding, bytes);
        if decoded.doubt.is_none() {
            decoded.doubt =
                Some(("encoding_guessed", format!("read as {} without a byte order mark", encoding.name())));
        }
        return Some(decoded);
    }
    if !looks_like_text(bytes) {
        return None;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(plain(text));
    }
    // Mostly valid UTF-8 with a few broken bytes is damaged UTF-8, not another encoding.
    let (text, _, _) = encoding_rs::UTF_8.decode(bytes);
    let broken = text.chars().filter(|c| *c == '\u{fffd}').count();
    let whole = text.chars().filter(|c| !c.is_ascii() && *c != '\u{fffd}').count();
    if whole > broken {
        let detail = format!("{broken} places are not valid UTF-8 and are shown as \u{fffd}");
        return Some(Decoded { text: text.into_owned(), encoding: "UTF-8", doubt: Some(("encoding_lossy", detail)) });
    }
    let (text, _, _) = encoding_rs::WINDOWS_1252.decode(bytes);
    let detail = "not UTF-8; read as windows-1252, so letters outside ASCII may be wrong".to_owned();
    Some(Decoded { text: text.into_owned(), encoding: "windows-1252", doubt: Some(("encoding_guessed", detail)) })
}

fn lossy(encoding: &'static encoding_rs::Encoding, bytes: &[u8]) -> Decoded {
    let (text, bad) = encoding.decode_without_bom_handling(bytes);
    let doubt =
        bad.then(|| ("encoding_lossy", format!("bytes that are not valid {} are shown as \u{fffd}", encoding.name())));
    Decoded { text: text.into_owned(), encoding: encoding.name(), doubt }
}

/// Western text in UTF-16 has a zero in every second byte.
fn utf16_without_mark(bytes: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let head = bytes.get(..bytes.len().min(4096) & !1)?;
    if head.len() < 8 {
        return None;
    }
    let zeros = |offset: usize| head.iter().skip(offset).step_by(2).filter(|b| **b == 0).count();
    let (even, odd, half) = (zeros(0), zeros(1), head.len() / 2);
    if odd * 10 > half * 8 && even * 20 < half {
        Some(encoding_rs::UTF_16LE)
    } else if even * 10 > half * 8 && odd * 20 < half {
        Some(encoding_rs::UTF_16BE)
    } else {
        None
    }
}

fn looks_like_text(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(1 << 16)).unwrap_or(bytes);
    if head.contains(&0) {
        return false;
    }
    let control =
        head.iter().filter(|b| **b < 0x20 && !matches!(**b, b'\n' | b'\r' | b'\t' | 0x0c | 0x1b | 0x08)).count();
    control * 100 <= head.len()
}

#[cfg(test)]
mod tests {
    use crate::document::testing::{read_one, text_of};
    use crate::domain::Place;

    #[test]
    fn indentation_is_kept_and_lines_are_numbered_as_in_an_editor() {
        let file = read_one("a.txt", b"one\n\n\ttwo\n    three  \n");
        assert_eq!(text_of(&file), "one\n\ttwo\n    three");
        assert_eq!(file.segments[1].place, Place::Line(3));
    }

    #[test]
    fn a_minified_line_is_shown_whole_in_pieces() {
        let line = "var a=1;function f(){return 2};".repeat(1_000);
        let file = read_one("a.js", line.as_bytes());
        let joined: String = file.segments.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(joined, line);
        assert!(file.segments.len() > 7 && file.segments.iter().all(|s| s.place == Place::Line(1)));
        assert_eq!(file.findings[0].code, "long_lines");
    }
}
