//! The last in the list: files that no reader can read. They are named for what they are, and the sender
//! is told what would help.

use super::draft::Draft;
use super::{Reader, Sample};

pub(super) const READER: Reader = Reader { id: "none/1", recognise, read };

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    if let Some(kind) = infer::get(sample.bytes) {
        return Some(match (kind.mime_type(), sample.extension.as_str()) {
            ("application/x-ole-storage", extension) => ole_type(sample.bytes, extension),
            (mime, _) => mime,
        });
    }
    if sample.bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return Some(ole_type(sample.bytes, &sample.extension));
    }
    Some("application/octet-stream")
}

/// The old office formats share one container; its directory names the streams in UTF-16.
fn ole_type(bytes: &[u8], extension: &str) -> &'static str {
    let holds = |name: &str| {
        let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        bytes.windows(wide.len()).any(|w| w == wide)
    };
    match extension {
        _ if holds("EncryptedPackage") => "application/x-encrypted-office",
        _ if holds("WordDocument") => "application/msword",
        _ if holds("PowerPoint Document") => "application/vnd.ms-powerpoint",
        "doc" => "application/msword",
        "ppt" => "application/vnd.ms-powerpoint",
        _ => "application/x-ole-storage",
    }
}

fn read(sample: &Sample<'_>, _: &mut Draft<'_>) -> Result<(), String> {
    let media_type = recognise(sample).unwrap_or("application/octet-stream");
    Err(match media_type {
        "application/msword" => "an old Word file (.doc); save as .docx or .pdf".to_owned(),
        "application/vnd.ms-powerpoint" => "an old PowerPoint file (.ppt); save as .pptx or .pdf".to_owned(),
        "application/x-encrypted-office" => {
            "the office file is protected by a password; save it without one".to_owned()
        }
        "application/octet-stream" => match sample.extension.as_str() {
            "" => "an unknown kind of binary file; send text, pdf, docx, xlsx, pptx or an image".to_owned(),
            extension => format!(
                "the content is no valid .{} file and of no other known kind; it may be damaged or cut off, send it again",
                extension.chars().take(16).collect::<String>()
            ),
        },
        other if other.starts_with("audio/") => format!("a sound file ({other}); sound is not read, send a transcript"),
        other if other.starts_with("video/") => {
            format!("a video file ({other}); video is not read, send a transcript or stills as images")
        }
        other if other.starts_with("image/") => {
            format!("an image of a kind that is not read ({other}); send png or jpeg")
        }
        other => format!("a file of the kind {other}, which is not read; send text, pdf, docx, xlsx, pptx or an image"),
    })
}
