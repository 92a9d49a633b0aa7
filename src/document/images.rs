//! Images: png, jpeg, gif and webp as they are; bmp and tiff as png, because judges are not shown those. A photo
//! that its camera marked as turned is turned; of an animation and of a tiff with several pages the first is shown,
//! and that is said. No text is made of images. Sizes are read from the header before a pixel is decoded.

use std::borrow::Cow;
use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use crate::domain::Place;

use super::draft::Draft;
use super::limits::Limits;
use super::{Reader, Sample};

pub(super) const READER: Reader = Reader { id: "image/2", recognise, read };

/// Bytes in which a decoded pixel may be held.
const PIXEL_BYTES: u64 = 8;
/// Of a jpeg that had to be turned.
const JPEG_QUALITY: u8 = 92;

/// The kinds that judges can be shown.
fn kind(bytes: &[u8]) -> Option<(&'static str, ImageFormat)> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(("image/png", ImageFormat::Png))
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Some(("image/jpeg", ImageFormat::Jpeg))
    } else if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        Some(("image/gif", ImageFormat::Gif))
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some(("image/webp", ImageFormat::WebP))
    } else {
        None
    }
}

/// The kinds that are shown as png.
fn foreign_kind(bytes: &[u8]) -> Option<(&'static str, ImageFormat)> {
    if bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*") {
        Some(("image/tiff", ImageFormat::Tiff))
    } else if bytes.starts_with(b"BM")
        && matches!(bytes.get(14..18), Some([12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0]))
    {
        Some(("image/bmp", ImageFormat::Bmp))
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
    let (width, height) = dimensions(bytes, media_type, format)?;
    Ok((media_type, width, height))
}

fn dimensions(bytes: &[u8], media_type: &str, format: ImageFormat) -> Result<(u32, u32), String> {
    match ImageReader::with_format(Cursor::new(bytes), format).into_dimensions() {
        Ok((width, height)) if width > 0 && height > 0 => Ok((width, height)),
        Ok(_) => Err("an image without pixels".to_owned()),
        Err(_) => Err(format!("a damaged image ({media_type})")),
    }
}

/// An image as judges can be shown it.
pub(super) struct Ready<'b> {
    pub media_type: &'static str,
    pub width: u32,
    pub height: u32,
    pub bytes: Cow<'b, [u8]>,
    /// What a person should know of how it is shown.
    pub note: Option<(&'static str, String)>,
}

/// The image under the limits, decoded only where it must be shown otherwise than it is stored.
///
/// # Errors
/// Why it cannot be shown.
pub(super) fn ready<'b>(bytes: &'b [u8], limits: &Limits) -> Result<Ready<'b>, String> {
    if let Some((media_type, format)) = foreign_kind(bytes) {
        let (width, height) = dimensions(bytes, media_type, format)?;
        check(bytes, width, height, limits)?;
        let pages = if format == ImageFormat::Tiff { tiff_pages(bytes) } else { 1 };
        let note = (pages > 1).then(|| {
            (
                "image_pages",
                format!("a tiff of {pages} pages, of which the first is shown; send the others as images or as pdf"),
            )
        });
        return as_png(bytes, format, limits, note);
    }
    let (media_type, width, height) = probe(bytes)?;
    check(bytes, width, height, limits)?;
    let moving = match media_type {
        "image/gif" => gif_moves(bytes),
        // The extended header's flag of animation.
        "image/webp" => bytes.get(12..16) == Some(b"VP8X") && bytes.get(20).is_some_and(|flags| flags & 2 != 0),
        _ => false,
    };
    if moving {
        let note = (
            "animated_image",
            "an animation, of which the first picture is shown; send others as images of their own".to_owned(),
        );
        let (_, format) = kind(bytes).ok_or("an image of an unknown kind")?;
        return as_png(bytes, format, limits, Some(note));
    }
    Ok(Ready { media_type, width, height, bytes: Cow::Borrowed(bytes), note: None })
}

fn check(bytes: &[u8], width: u32, height: u32, limits: &Limits) -> Result<(), String> {
    if bytes.len() as u64 > limits.max_image_bytes {
        return Err(format!("over the limit of {} bytes for an image", limits.max_image_bytes));
    }
    if u64::from(width) * u64::from(height) > limits.max_image_pixels {
        return Err(format!("over the limit of {} pixels for an image", limits.max_image_pixels));
    }
    Ok(())
}

/// The pixels and how they are to be turned.
fn decode(bytes: &[u8], format: ImageFormat, limits: &Limits) -> Result<(DynamicImage, Orientation), String> {
    let damaged = |e: image::ImageError| format!("an image that cannot be decoded ({e}); save it again as png");
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut most = image::Limits::default();
    most.max_alloc = Some(limits.max_image_pixels.saturating_mul(PIXEL_BYTES));
    reader.limits(most);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let turned = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((DynamicImage::from_decoder(decoder).map_err(damaged)?, turned))
}

fn as_png(
    bytes: &[u8],
    format: ImageFormat,
    limits: &Limits,
    note: Option<(&'static str, String)>,
) -> Result<Ready<'static>, String> {
    let (mut picture, turned) = decode(bytes, format, limits)?;
    picture.apply_orientation(turned);
    encode(&picture, ImageFormat::Png, note)
}

fn encode(
    picture: &DynamicImage,
    format: ImageFormat,
    note: Option<(&'static str, String)>,
) -> Result<Ready<'static>, String> {
    // Eight bits are what judges see; floats and sixteen bits have no place in png or jpeg of that kind.
    let color = picture.color();
    let plain: DynamicImage = match (color.has_color(), color.has_alpha() && format == ImageFormat::Png) {
        (false, false) => picture.to_luma8().into(),
        (_, true) => picture.to_rgba8().into(),
        (true, false) => picture.to_rgb8().into(),
    };
    let mut bytes = Vec::new();
    let written = if format == ImageFormat::Jpeg {
        plain.write_with_encoder(image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY))
    } else {
        plain.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)
    };
    written.map_err(|e| format!("an image that cannot be shown as png ({e}); save it again as png"))?;
    let media_type = if format == ImageFormat::Jpeg { "image/jpeg" } else { "image/png" };
    Ok(Ready { media_type, width: plain.width(), height: plain.height(), bytes: Cow::Owned(bytes), note })
}

/// Whether a gif has a second picture: walks its blocks (GIF89a, 18-26) without decoding.
fn gif_moves(bytes: &[u8]) -> bool {
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let Some(flags) = bytes.get(10) else { return false };
    let mut at = 13 + table(*flags);
    let mut pictures = 0;
    loop {
        match bytes.get(at) {
            Some(0x21) => at += 2,
            Some(0x2c) => {
                pictures += 1;
                if pictures > 1 {
                    return true;
                }
                let Some(flags) = bytes.get(at + 9) else { return false };
                at += 11 + table(*flags);
            }
            _ => return false,
        }
        while let Some(length) = bytes.get(at) {
            at += 1 + usize::from(*length);
            if *length == 0 {
                break;
            }
        }
    }
}

/// Pages of a tiff: the length of its chain of directories (TIFF 6.0, section 2).
fn tiff_pages(bytes: &[u8]) -> u32 {
    let little = bytes.starts_with(b"II");
    let number = |at: usize, length: usize| -> Option<usize> {
        let field = bytes.get(at..at.checked_add(length)?)?;
        let digits: Vec<u8> = if little { field.iter().rev().copied().collect() } else { field.to_vec() };
        Some(digits.iter().fold(0usize, |sum, b| sum << 8 | usize::from(*b)))
    };
    let (mut pages, mut at) = (0, number(4, 4).unwrap_or(0));
    // A chain may run in a circle.
    while at != 0 && pages < 10_000 {
        let Some(entries) = number(at, 2) else { break };
        pages += 1;
        at = number(at + 2 + entries * 12, 4).unwrap_or(0);
    }
    pages
}

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    kind(sample.bytes).or_else(|| foreign_kind(sample.bytes)).map(|(media_type, _)| media_type)
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    if foreign_kind(sample.bytes).is_none() {
        let (media_type, width, height) = probe(sample.bytes).map_err(|why| format!("{why}; save it again as png"))?;
        if let Some(turned) = turned_photo(sample.bytes, media_type, (width, height), draft.limits) {
            draft.finding("image_turned", Place::Whole, "the camera marked the photo as turned; it is shown upright");
            draft.image(Place::Whole, &turned);
            return Ok(());
        }
    } else {
        // Nothing else would be left of the file.
        ready(sample.bytes, draft.limits)?;
    }
    draft.image(Place::Whole, sample.bytes);
    Ok(())
}

/// A photo that is stored lying and meant upright. Models mostly ignore the mark that says so.
fn turned_photo(bytes: &[u8], media_type: &str, (width, height): (u32, u32), limits: &Limits) -> Option<Vec<u8>> {
    if media_type != "image/jpeg" || check(bytes, width, height, limits).is_err() {
        return None;
    }
    let mut decoder = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Jpeg).into_decoder().ok()?;
    if decoder.orientation().ok()? == Orientation::NoTransforms {
        return None;
    }
    let (mut picture, turned) = decode(bytes, ImageFormat::Jpeg, limits).ok()?;
    picture.apply_orientation(turned);
    Some(encode(&picture, ImageFormat::Jpeg, None).ok()?.bytes.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::testing::{read_one, reason};
    use crate::domain::Outcome;

    fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        let picture =
            DynamicImage::ImageRgb8(image::RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 7])));
        picture.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
        bytes
    }

    #[test]
    fn what_judges_cannot_be_shown_as_it_is_becomes_png() {
        for (name, format) in [("a.bmp", ImageFormat::Bmp), ("a.tiff", ImageFormat::Tiff)] {
            let file = read_one(name, &picture(6, 4, format));
            let image = &file.images[0];
            assert_eq!((image.media_type.as_str(), image.width, image.height), ("image/png", 6, 4));
            let shown = image::load_from_memory(&image.bytes).unwrap().to_rgb8();
            assert_eq!(shown.get_pixel(5, 3), &image::Rgb([5, 3, 7]));
        }
        let png = picture(6, 4, ImageFormat::Png);
        assert_eq!(read_one("a.png", &png).images[0].bytes.as_ref(), png);
    }

    #[test]
    fn a_photo_marked_as_turned_is_shown_upright() {
        let jpeg = picture(16, 8, ImageFormat::Jpeg);
        // An Exif segment whose one entry, orientation, is 6: turn by 90 degrees.
        let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let marked = [&jpeg[..2], exif, &jpeg[2..]].concat();
        let file = read_one("a.jpg", &marked);
        assert_eq!((file.images[0].width, file.images[0].height), (8, 16));
        assert_eq!(file.findings[0].code, "image_turned");
        assert_eq!(read_one("a.jpg", &jpeg).images[0].bytes.as_ref(), jpeg);
    }

    #[test]
    fn of_an_animation_the_first_picture_is_shown_and_that_is_said() {
        let frame = |shade: u8| image::Frame::new(image::RgbaImage::from_pixel(4, 4, image::Rgba([shade, 0, 0, 255])));
        let gif = |frames: Vec<image::Frame>| {
            let mut bytes = Vec::new();
            image::codecs::gif::GifEncoder::new(&mut bytes).encode_frames(frames).unwrap();
            bytes
        };
        let file = read_one("a.gif", &gif(vec![frame(200), frame(10)]));
        assert_eq!(
            (file.images[0].media_type.as_str(), file.findings[0].code.as_str()),
            ("image/png", "animated_image")
        );
        assert_eq!(image::load_from_memory(&file.images[0].bytes).unwrap().to_rgb8().get_pixel(0, 0)[0], 200);
        assert_eq!(read_one("a.gif", &gif(vec![frame(200)])).images[0].media_type, "image/gif");
    }

    #[test]
    fn pixels_beyond_the_limit_are_refused_by_the_header() {
        let mut bmp = picture(2, 2, ImageFormat::Bmp);
        bmp[18..22].copy_from_slice(&60_000i32.to_le_bytes());
        bmp[22..26].copy_from_slice(&60_000i32.to_le_bytes());
        assert!(reason(&read_one("a.bmp", &bmp)).contains("pixels"));
        let mut png = picture(2, 2, ImageFormat::Png);
        png[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        let crc = crc32(&png[12..29]);
        png[29..33].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(read_one("a.png", &png).outcome, Outcome::Partial);
        assert!(reason(&read_one("a.tif", b"II*\0\x08\0\0\0\x01\0\0\0")).contains("damaged"));
        assert!(reason(&read_one("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")).contains("send png or jpeg"));
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum()
    }

    #[test]
    fn the_pages_of_a_tiff_are_counted_and_a_circle_of_them_ends() {
        let one = picture(2, 2, ImageFormat::Tiff);
        assert_eq!(tiff_pages(&one), 1);
        let at = u32::from_le_bytes(one[4..8].try_into().unwrap()) as usize;
        let entries = usize::from(u16::from_le_bytes(one[at..at + 2].try_into().unwrap()));
        let next = at + 2 + entries * 12;
        let mut two = one.clone();
        two[next..next + 4].copy_from_slice(&(one.len() as u32).to_le_bytes());
        two.extend_from_slice(&one[at..next + 4]);
        let file = read_one("a.tiff", &two);
        assert_eq!((file.images.len(), file.findings[0].code.as_str()), (1, "image_pages"));
        assert!(file.findings[0].detail.contains("2 pages"));
        let mut circle = one.clone();
        circle[next..next + 4].copy_from_slice(&one[4..8]);
        assert_eq!(tiff_pages(&circle), 10_000);
        let _ = read_one("a.tiff", &circle);
    }
}
