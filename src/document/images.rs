//! png, jpeg, gif and webp: the bytes as they are, with their size in pixels. No text is made of them.

use std::io::Cursor;

use crate::domain::Place;

use super::draft::Draft;
use super::{Reader, Sample};

pub(super) const READER: Reader = Reader { id: "image/1", recognise, read };

/// The kinds that judges can be shown.
fn kind(bytes: &[u8]) -> Option<(&'static str, image::ImageFormat)> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(("image/png", image::ImageFormat::Png))
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Some(("image/jpeg", image::ImageFormat::Jpeg))
    } else if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        Some(("image/gif", image::ImageFormat::Gif))
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some(("image/webp", image::ImageFormat::WebP))
    } else {
        None
    }
}

/// Media type, width and height from the header; the pixels are not decoded.
pub(super) fn probe(bytes: &[u8]) -> Result<(&'static str, u32, u32), String> {
    let Some((media_type, format)) = kind(bytes) else {
        let what = infer::get(bytes).map_or("unknown", |k| k.mime_type());
        return Err(format!("an image of a kind that is not shown ({what})"));
    };
    match image::ImageReader::with_format(Cursor::new(bytes), format).into_dimensions() {
        Ok((width, height)) if width > 0 && height > 0 => Ok((media_type, width, height)),
        Ok(_) => Err("an image without pixels".to_owned()),
        Err(_) => Err(format!("a damaged image ({media_type})")),
    }
}

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    kind(sample.bytes).map(|(media_type, _)| media_type)
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    probe(sample.bytes).map_err(|why| format!("{why}; save it again as png"))?;
    draft.image(Place::Whole, sample.bytes);
    Ok(())
}
