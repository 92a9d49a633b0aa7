//! Pages of a pdf as pictures, drawn by hayro: pure Rust, no path, no network. What it does not draw yet (some blend
//! modes, knockout groups) is missing in the picture; the text view does not depend on it.

use std::ops::Range;

use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings};
use hayro_interpret::InterpreterSettings;
use hayro_interpret::hayro_syntax::page::Page;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};

use crate::document::{Limits, guarded};
use crate::domain::{Image, Place};

/// What draws, with its version.
const RENDERER: &str = "hayro/0.9";
/// Pixels per point at most: a small page needs no letters as large as a hand. 72 points are an inch.
const LARGEST_SCALE: f32 = 3.0;

/// Pages of a pdf as pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderedPages {
    /// `hayro/0.9`.
    pub renderer: String,
    /// Png, in order; fewer than asked for where the file has no more.
    pub pages: Vec<Image>,
    /// Pages that the file has.
    pub of: u32,
}

/// Draws pages, from 1, the end not included; an empty range only counts. `max_px` bounds the longer side of a page.
///
/// # Errors
/// Why nothing can be drawn, in words. A panic of the renderer is one.
pub fn render_pdf(bytes: &[u8], pages: Range<u32>, max_px: u32, limits: &Limits) -> Result<RenderedPages, String> {
    if bytes.len() as u64 > 2 * limits.max_file_bytes {
        return Err(format!("the pdf has {} bytes, too many to be drawn", bytes.len()));
    }
    guarded(|| draw(bytes, pages, max_px))
        .unwrap_or_else(|()| Err("the pdf is damaged in a way that breaks drawing it; save it again".to_owned()))
}

fn draw(bytes: &[u8], wanted: Range<u32>, max_px: u32) -> Result<RenderedPages, String> {
    let (pdf, _) = super::open(bytes)?;
    let of = u32::try_from(pdf.pages().len()).unwrap_or(u32::MAX);
    let cache = RenderCache::new();
    let numbered = (1..).zip(pdf.pages().iter()).filter(|(number, _)| wanted.contains(number));
    let pages = numbered.map(|(number, page)| draw_page(page, number, max_px, &cache)).collect::<Result<_, _>>()?;
    Ok(RenderedPages { renderer: RENDERER.to_owned(), pages, of })
}

fn draw_page<'a>(page: &'a Page<'a>, number: u32, max_px: u32, cache: &RenderCache<'a>) -> Result<Image, String> {
    let (width, height) = page.render_dimensions();
    let longer = width.max(height);
    let scale = (f32::from(u16::try_from(max_px).unwrap_or(u16::MAX)) / longer).min(LARGEST_SCALE);
    // Not a comparison that a size which is no number would pass.
    let has_size = longer.is_finite() && width * scale >= 1.0 && height * scale >= 1.0;
    if !has_size {
        return Err(format!("page {number} is {width} x {height} points, which cannot be drawn"));
    }
    let pixmap = PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE };
    let drawn = hayro::render(page, cache, &InterpreterSettings::default(), &RenderSettings::default(), &pixmap);
    let (width, height) = (u32::from(drawn.width()), u32::from(drawn.height()));
    // On white nothing is transparent, and most pages are black and white: a third of the bytes.
    let pixels = drawn.data_as_u8_slice().chunks_exact(4);
    let grey = pixels.clone().all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]);
    let (colours, kept) = if grey { (ExtendedColorType::L8, 1) } else { (ExtendedColorType::Rgb8, 3) };
    let data: Vec<u8> = pixels.flat_map(|pixel| pixel.iter().copied().take(kept)).collect();
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Adaptive)
        .write_image(&data, width, height, colours)
        .map_err(|e| format!("page {number} cannot be written as png ({e})"))?;
    let media_type = "image/png".to_owned();
    Ok(Image { place: Place::Page(number), media_type, width, height, bytes: png.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pages of 200 x 100 points, the second with a black square in its lower left corner.
    fn two_pages() -> Vec<u8> {
        let content = "0 0 0 rg 0 0 50 50 re f";
        let objects = [
            "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
            "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 /MediaBox [0 0 200 100] >>".to_owned(),
            "<< /Type /Page /Parent 2 0 R >>".to_owned(),
            "<< /Type /Page /Parent 2 0 R /Contents 5 0 R >>".to_owned(),
            format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        ];
        let mut out = String::from("%PDF-1.4\n");
        let mut at = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            at.push(out.len());
            out.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
        }
        let table = out.len();
        out.push_str("xref\n0 6\n0000000000 65535 f \n");
        for offset in at {
            out.push_str(&format!("{offset:010} 00000 n \n"));
        }
        out.push_str(&format!("trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n"));
        out.into_bytes()
    }

    #[test]
    fn pages_are_drawn_in_the_size_asked_for_and_in_their_order() {
        let all = render_pdf(&two_pages(), 1..9, 400, &Limits::default()).unwrap();
        assert_eq!((all.of, all.pages.len(), all.renderer.as_str()), (2, 2, "hayro/0.9"));
        let pixels = |page: &Image| {
            assert_eq!((page.width, page.height), (400, 200));
            image::load_from_memory(&page.bytes).unwrap().to_rgb8()
        };
        assert!(pixels(&all.pages[0]).pixels().all(|p| p.0 == [255, 255, 255]), "an empty page is white");
        let second = pixels(&all.pages[1]);
        assert_eq!((second.get_pixel(20, 180).0, second.get_pixel(20, 20).0), ([0, 0, 0], [255, 255, 255]));
        let one = render_pdf(&two_pages(), 2..3, 400, &Limits::default()).unwrap();
        assert_eq!(one.pages, [all.pages[1].clone()]);
    }

    #[test]
    fn an_empty_range_counts_and_a_small_page_is_not_blown_up() {
        let none = render_pdf(&two_pages(), 1..1, 400, &Limits::default()).unwrap();
        assert_eq!((none.of, none.pages.len()), (2, 0));
        let large = render_pdf(&two_pages(), 1..2, 8_000, &Limits::default()).unwrap();
        assert_eq!((large.pages[0].width, large.pages[0].height), (600, 300));
    }

    #[test]
    fn what_is_no_pdf_or_half_of_one_has_a_reason() {
        let whole = two_pages();
        for cut in [0, 9, 200, 300, whole.len() - 60] {
            if let Err(reason) = render_pdf(&whole[..cut], 1..3, 100, &Limits::default()) {
                assert!(reason.contains("pdf"), "{reason}");
            }
        }
        assert!(render_pdf(b"hello", 1..2, 100, &Limits::default()).unwrap_err().contains("damaged"));
        let flat = String::from_utf8(whole).unwrap().replace("[0 0 200 100]", "[0 0 9e9 0.1]");
        let _no_panic = render_pdf(flat.as_bytes(), 1..2, 100, &Limits::default());
    }
}
