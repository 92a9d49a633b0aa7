//! Pictures in the size that is of use: scaled down, never up, in a format that every provider takes (png, jpeg,
//! webp), under a limit of bytes. A picture that fits already stays as it is, byte for byte.
//!
//! Photographs (what came as jpeg) go as jpeg, everything else as png: letters and lines stay sharp. A png that is
//! large and would be less than half as a jpeg goes as jpeg. Of a moving gif it is the first picture.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType as Filter, PngEncoder};
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView as _, ImageDecoder as _, ImageFormat, ImageReader};

use crate::domain::Image;

/// From this size on, a png is tried as jpeg too.
const LARGE_PNG: usize = 1 << 20;
const JPEG_QUALITY: u8 = 85;
/// What decoding one picture may take.
const MEMORY: u64 = 512 << 20;

/// The picture within `max_px` pixels on its longer side and `max_bytes` bytes.
///
/// # Errors
/// If it cannot be decoded, in words that follow "not shown: ".
pub fn fit(image: &Image, max_px: u32, max_bytes: u64) -> Result<Image, String> {
    let taken = matches!(image.media_type.as_str(), "image/png" | "image/jpeg" | "image/webp");
    if taken && image.width.max(image.height) <= max_px && image.bytes.len() as u64 <= max_bytes {
        return Ok(image.clone());
    }
    let photo = image.media_type == "image/jpeg";
    let whole = decode(image)?;
    let mut px = max_px.min(whole.width().max(whole.height()));
    loop {
        let scaled = scale(&whole, px);
        let (media_type, bytes) = encode(&scaled, photo, max_bytes)?;
        if bytes.len() as u64 <= max_bytes {
            let (width, height) = scaled.dimensions();
            let media_type = media_type.to_owned();
            return Ok(Image { place: image.place.clone(), media_type, width, height, bytes: bytes.into() });
        }
        if px < 64 {
            return Err(format!("it does not get below {max_bytes} bytes"));
        }
        px = px * 3 / 4;
    }
}

/// The picture as png, within `max_px` pixels on its longer side.
///
/// # Errors
/// If it cannot be decoded.
pub fn png(image: &Image, max_px: u32) -> Result<Image, String> {
    if image.media_type == "image/png" && image.width.max(image.height) <= max_px {
        return Ok(image.clone());
    }
    let scaled = scale(&decode(image)?, max_px);
    let (width, height) = scaled.dimensions();
    let bytes = encode_png(&scaled)?.into();
    Ok(Image { place: image.place.clone(), media_type: "image/png".to_owned(), width, height, bytes })
}

fn decode(image: &Image) -> Result<DynamicImage, String> {
    let damaged = |e: image::ImageError| format!("it cannot be decoded ({e})");
    let format = ImageFormat::from_mime_type(&image.media_type).ok_or("it is of a kind that is not shown")?;
    let mut reader = ImageReader::with_format(Cursor::new(&image.bytes), format);
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut decoded = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    decoded.apply_orientation(orientation);
    Ok(decoded)
}

fn scale(image: &DynamicImage, max_px: u32) -> DynamicImage {
    if image.width().max(image.height()) <= max_px {
        return image.clone();
    }
    image.resize(max_px, max_px, FilterType::Lanczos3)
}

fn encode(image: &DynamicImage, photo: bool, max_bytes: u64) -> Result<(&'static str, Vec<u8>), String> {
    if photo {
        return Ok(("image/jpeg", encode_jpeg(image)?));
    }
    let png = encode_png(image)?;
    if png.len() <= LARGE_PNG && png.len() as u64 <= max_bytes {
        return Ok(("image/png", png));
    }
    let jpeg = encode_jpeg(image)?;
    if jpeg.len() < png.len() / 2 || png.len() as u64 > max_bytes {
        return Ok(("image/jpeg", jpeg));
    }
    Ok(("image/png", png))
}

fn encode_png(image: &DynamicImage) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    // Providers and browsers agree on eight bits.
    let image = if image.color().has_alpha() {
        DynamicImage::from(image.to_rgba8())
    } else if image.color().has_color() {
        DynamicImage::from(image.to_rgb8())
    } else {
        DynamicImage::from(image.to_luma8())
    };
    let encoder = PngEncoder::new_with_quality(&mut out, CompressionType::Default, Filter::Adaptive);
    image.write_with_encoder(encoder).map_err(|e| format!("it cannot be encoded ({e})"))?;
    Ok(out)
}

/// On white, where it is transparent.
fn encode_jpeg(image: &DynamicImage) -> Result<Vec<u8>, String> {
    let rgb = if image.color().has_alpha() {
        let rgba = image.to_rgba8();
        let mut rgb = image::RgbImage::new(rgba.width(), rgba.height());
        for (from, to) in rgba.pixels().zip(rgb.pixels_mut()) {
            let [r, g, b, alpha] = from.0.map(u16::from);
            let on_white = |c: u16| u8::try_from((c * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX);
            to.0 = [on_white(r), on_white(g), on_white(b)];
        }
        rgb
    } else {
        image.to_rgb8()
    };
    let mut out = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut out, JPEG_QUALITY);
    rgb.write_with_encoder(encoder).map_err(|e| format!("it cannot be encoded ({e})"))?;
    Ok(out)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::Place;

    /// A picture that does not compress: noise from a counter.
    pub fn noise(width: u32, height: u32, format: ImageFormat) -> Image {
        let mut state = 1_u32;
        let image = image::RgbImage::from_fn(width, height, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            image::Rgb([(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8])
        });
        of(&DynamicImage::from(image), format)
    }

    pub fn of(image: &DynamicImage, format: ImageFormat) -> Image {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        Image {
            place: Place::Page(3),
            media_type: format.to_mime_type().to_owned(),
            width: image.width(),
            height: image.height(),
            bytes: bytes.into_inner().into(),
        }
    }

    fn plain(width: u32, height: u32) -> Image {
        of(&DynamicImage::new_rgb8(width, height), ImageFormat::Png)
    }

    #[test]
    fn what_fits_is_not_touched_and_nothing_is_made_larger() {
        for image in [plain(10, 20), noise(30, 30, ImageFormat::Jpeg)] {
            assert_eq!(fit(&image, 30, 1_000_000).unwrap(), image);
            assert_eq!(fit(&image, 5_000, 1_000_000).unwrap(), image);
        }
    }

    #[test]
    fn a_large_picture_keeps_its_shape_and_its_place() {
        let small = fit(&plain(400, 100), 100, 1_000_000).unwrap();
        assert_eq!((small.width, small.height, small.media_type.as_str()), (100, 25, "image/png"));
        assert_eq!(small.place, Place::Page(3));
        let read = image::load_from_memory(&small.bytes).unwrap();
        assert_eq!(read.dimensions(), (100, 25));
    }

    #[test]
    fn a_photograph_stays_a_photograph_and_a_gif_becomes_png() {
        let photo = fit(&noise(200, 200, ImageFormat::Jpeg), 100, 1_000_000).unwrap();
        assert_eq!(photo.media_type, "image/jpeg");
        let gif = fit(&of(&DynamicImage::new_rgba8(9, 9), ImageFormat::Gif), 100, 1_000_000).unwrap();
        assert_eq!((gif.media_type.as_str(), gif.width), ("image/png", 9));
    }

    #[test]
    fn the_limit_of_bytes_holds_first_by_jpeg_and_then_by_size() {
        let large = noise(600, 600, ImageFormat::Png);
        assert!(large.bytes.len() > 1_000_000);
        let as_jpeg = fit(&large, 600, large.bytes.len() as u64 - 1).unwrap();
        assert_eq!((as_jpeg.media_type.as_str(), as_jpeg.width), ("image/jpeg", 600));
        let small = fit(&large, 600, 20_000).unwrap();
        assert!(small.bytes.len() <= 20_000 && small.width < 600, "{small:?}");
    }

    #[test]
    fn what_cannot_be_decoded_says_so() {
        let mut broken = plain(4_000, 10);
        broken.bytes = broken.bytes[..40].to_vec().into();
        assert!(fit(&broken, 100, 1_000).unwrap_err().contains("cannot be decoded"));
        let mut bomb = plain(10, 10);
        bomb.media_type = "image/tiff".to_owned();
        assert!(fit(&bomb, 5, 1_000).is_err());
    }

    #[test]
    fn transparency_becomes_white_in_a_jpeg() {
        let clear = DynamicImage::new_rgba8(8, 8);
        let jpeg = encode_jpeg(&clear).unwrap();
        assert!(image::load_from_memory(&jpeg).unwrap().to_rgb8().pixels().all(|p| p.0.iter().all(|c| *c > 250)));
    }

    #[test]
    fn for_a_browser_everything_is_png() {
        let png = png(&noise(50, 20, ImageFormat::Jpeg), 25).unwrap();
        assert_eq!((png.media_type.as_str(), png.width, png.height), ("image/png", 25, 10));
    }
}
