//! Plain text, Markdown and source code: one segment per line. UTF-8 and UTF-16 are told by their bytes;
//! anything else that looks like text is read as windows-1252, and a finding says so.

use crate::domain::Place;

use super::draft::Draft;
use super::{Reader, Sample};

pub(super) const READER: Reader = Reader { id: "text/1", recognise, read };

/// Text of a file and how it was told.
pub(super) struct Decoded {
    pub text: String,
    /// What a person should know of the decoding, if anything.
    pub doubt: Option<(&'static str, String)>,
}

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    sample.decoded()?;
    Some(match sample.extension.as_str() {
        "md" | "markdown" => "text/markdown",
        "py" => "text/x-python",
        "js" | "mjs" => "text/javascript",
        "css" => "text/css",
        "yaml" | "yml" => "application/yaml",
        "toml" => "application/toml",
        "svg" => "image/svg+xml",
        "tex" => "application/x-tex",
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

/// One segment per line, numbered as an editor would.
pub(super) fn push_lines(text: &str, draft: &mut Draft<'_>) {
    for (index, line) in text.lines().enumerate() {
        draft.push(Place::Line(u32::try_from(index + 1).unwrap_or(u32::MAX)), line);
    }
}

/// The text of bytes that are text; `None` for anything else.
pub(super) fn decode(bytes: &[u8]) -> Option<Decoded> {
    let plain = |text: &str| Decoded { text: text.to_owned(), doubt: None };
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
        return Some(Decoded { text: text.into_owned(), doubt: Some(("encoding_lossy", detail)) });
    }
    let (text, _, _) = encoding_rs::WINDOWS_1252.decode(bytes);
    let detail = "not UTF-8; read as windows-1252, so letters outside ASCII may be wrong".to_owned();
    Some(Decoded { text: text.into_owned(), doubt: Some(("encoding_guessed", detail)) })
}

fn lossy(encoding: &'static encoding_rs::Encoding, bytes: &[u8]) -> Decoded {
    let (text, bad) = encoding.decode_without_bom_handling(bytes);
    let doubt =
        bad.then(|| ("encoding_lossy", format!("bytes that are not valid {} are shown as \u{fffd}", encoding.name())));
    Decoded { text: text.into_owned(), doubt }
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
