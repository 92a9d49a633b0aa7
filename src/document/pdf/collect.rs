//! The device that a page is drawn on: it keeps the letters with their places, and enough of the ground to
//! tell which of them cannot be seen.

use std::collections::HashSet;
use std::io::Cursor;

use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::BfString;
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect, Shape};
use hayro_interpret::{
    BlendMode, CacheKey, ClipPath, Device, DrawMode, DrawProps, Image, ImageData, ImageDrawProps, Paint, SoftMask,
};

use crate::document::limits::Limits;

/// The mode of drawing that shows nothing.
pub(super) const INVISIBLE: &str = "drawn in invisible mode";
/// Painted grounds that are remembered; more only cost time.
const MAX_GROUNDS: usize = 2_000;
/// Letters that are compared with what was painted over them.
const MAX_CHECKS: usize = 20_000_000;
/// Pictures smaller than this, in pixels of either side, are ornaments.
const MIN_IMAGE_SIDE: u32 = 12;

/// One letter (or ligature) on the page. Units are points, y grows downwards.
#[derive(Debug, Clone)]
pub(super) struct PdfGlyph {
    pub text: String,
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub size: f64,
    /// Direction of writing, in radians.
    pub angle: f64,
    /// It is the first that one operator shows.
    pub begins: bool,
}

/// Thrown through the interpreter when a page draws without end.
pub(super) struct OverWork;

/// A painted area; `None` if its colour is not one colour.
struct Ground {
    area: Rect,
    colour: Option<[f32; 3]>,
}

pub(super) struct Collector {
    width: f64,
    height: f64,
    pub work_left: u64,
    pub glyphs: Vec<PdfGlyph>,
    pub images: Vec<Vec<u8>>,
    pub lost_images: Vec<String>,
    pub images_seen: HashSet<u128>,
    /// Things drawn that are no letters.
    pub paintings: u64,
    /// Letters that the font gives no characters for.
    pub unmapped: u64,
    /// The largest share of the page that one picture covers.
    pub pictured: f64,
    grounds: Vec<Ground>,
    /// Opaque areas, with the number of letters that were there before.
    covers: Vec<(usize, Rect)>,
    /// Groups that are mixed with what is under them, one in the other.
    mixed: u32,
    /// Unseen texts by their reason, in the order of drawing.
    unseen: Vec<(&'static str, String)>,
    max_images: usize,
    max_pixels: u64,
}

impl Collector {
    pub fn new(width: f64, height: f64, work_left: u64, limits: &Limits, images_seen: HashSet<u128>) -> Self {
        Self {
            width,
            height,
            work_left,
            glyphs: Vec::new(),
            images: Vec::new(),
            lost_images: Vec::new(),
            images_seen,
            paintings: 0,
            unmapped: 0,
            pictured: 0.0,
            grounds: Vec::new(),
            covers: Vec::new(),
            mixed: 0,
            unseen: Vec::new(),
            max_images: limits.max_images,
            max_pixels: limits.max_image_pixels,
        }
    }

    /// Texts that the page does not show, with the reason.
    pub fn hidden(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.unseen.iter().map(|(why, text)| (*why, text.trim())).filter(|(_, text)| !text.is_empty())
    }

    /// Letters that something opaque was painted over later.
    pub fn painted_over(&self) -> String {
        let mut text = String::new();
        let mut checks = 0_usize;
        let mut covered = vec![false; self.glyphs.len()];
        for (before, area) in &self.covers {
            checks += before;
            if checks > MAX_CHECKS {
                break;
            }
            for (glyph, covered) in self.glyphs.iter().zip(&mut covered).take(*before) {
                let middle = Point::new(glyph.x + glyph.width * 0.5, glyph.y - glyph.size * 0.3);
                *covered |= area.contains(middle);
            }
        }
        for (index, glyph) in self.glyphs.iter().enumerate().filter(|(index, _)| covered[*index]) {
            if glyph.begins || index == 0 || !covered[index - 1] {
                text.push(' ');
            }
            text.push_str(&glyph.text);
        }
        text.trim().to_owned()
    }

    fn work(&mut self, amount: u64) {
        if self.work_left < amount {
            self.work_left = 0;
            std::panic::resume_unwind(Box::new(OverWork));
        }
        self.work_left -= amount;
    }

    fn ground(&mut self, area: Rect, paint: &Paint<'_>, exact: bool) {
        self.paintings += 1;
        let colour = match paint {
            Paint::Color(colour) if exact => match colour.to_rgba().components() {
                [r, g, b, alpha] if alpha > 0.95 => Some([r, g, b]),
                [_, _, _, alpha] if alpha < 0.05 => return,
                _ => None,
            },
            _ => None,
        };
        if self.grounds.len() < MAX_GROUNDS {
            self.grounds.push(Ground { area, colour });
            // Smaller ones are lines and dots.
            if colour.is_some() && self.mixed == 0 && area.width() > 3.0 && area.height() > 3.0 {
                self.covers.push((self.glyphs.len(), area));
            }
        }
    }

    fn why_unseen(&self, at: Point, size: f64, paint: &Paint<'_>, mode: &DrawMode) -> Option<&'static str> {
        if matches!(mode, DrawMode::Invisible) {
            return Some(INVISIBLE);
        }
        if at.x < -size || at.y < -1.0 || at.x > self.width + 1.0 || at.y > self.height + size {
            return Some("outside the page");
        }
        if size < 1.5 {
            return Some("smaller than 1.5 points");
        }
        let Paint::Color(colour) = paint else { return None };
        let [r, g, b, alpha] = colour.to_rgba().components();
        if alpha < 0.05 {
            return Some("transparent");
        }
        // A little above the baseline: there the letter is.
        let inside = Point::new(at.x + size * 0.2, at.y - size * 0.2);
        let ground = self.grounds.iter().rev().find(|g| g.area.contains(inside));
        let [gr, gg, gb] = ground.map_or(Some([1.0; 3]), |g| g.colour)?;
        let apart = (r - gr).abs().max((g - gg).abs()).max((b - gb).abs());
        (apart < 0.04).then_some("the colour of its ground")
    }

    fn keep_picture(&mut self, image: &Image<'_, '_>) -> Result<(), String> {
        let Image::Raster(raster) = image else { return Ok(()) };
        let (width, height) = (raster.width(), raster.height());
        if width < MIN_IMAGE_SIDE || height < MIN_IMAGE_SIDE || !self.images_seen.insert(raster.cache_key()) {
            return Ok(());
        }
        if self.images_seen.len() > self.max_images {
            return Err(format!("over the limit of {} images", self.max_images));
        }
        if u64::from(width) * u64::from(height) > self.max_pixels {
            return Err(format!("over the limit of {} pixels for an image", self.max_pixels));
        }
        let mut encoded = None;
        raster.with_rgba(|pixels, alpha| encoded = encode(&pixels, alpha.map(|a| a.data)), None);
        self.images.push(encoded.ok_or("an image that cannot be decoded")?);
        Ok(())
    }
}

/// As png.
fn encode(pixels: &ImageData, alpha: Option<Vec<u8>>) -> Option<Vec<u8>> {
    use image::codecs::png::{CompressionType, FilterType, PngEncoder};
    use image::{ExtendedColorType, ImageEncoder};
    let (width, height) = (pixels.width(), pixels.height());
    let mut bytes = Cursor::new(Vec::new());
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive);
    let result = match (pixels, alpha) {
        (ImageData::Rgb(rgb), Some(alpha)) if alpha.len() * 3 == rgb.data.len() => {
            let (rgb, _) = rgb.data.as_chunks::<3>();
            let data: Vec<u8> = rgb.iter().zip(&alpha).flat_map(|([r, g, b], a)| [*r, *g, *b, *a]).collect();
            encoder.write_image(&data, width, height, ExtendedColorType::Rgba8)
        }
        (ImageData::Rgb(rgb), _) => encoder.write_image(&rgb.data, width, height, ExtendedColorType::Rgb8),
        (ImageData::Luma(luma), _) => encoder.write_image(&luma.data, width, height, ExtendedColorType::L8),
    };
    result.ok().map(|()| bytes.into_inner())
}

impl<'a> Device<'a> for Collector {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        self.work(1);
        if matches!(mode, DrawMode::Fill(_) | DrawMode::FillAndStroke(..)) {
            let area = props.transform.transform_rect_bbox(path.bounding_box());
            self.ground(area, &props.paint, false);
        } else {
            self.paintings += 1;
        }
    }

    fn draw_rect(&mut self, rect: &Rect, props: DrawProps<'a>, mode: &DrawMode) {
        self.work(1);
        if matches!(mode, DrawMode::Fill(_) | DrawMode::FillAndStroke(..)) {
            // A marker's yellow is mixed with the words under it.
            let plain = props.blend_mode == BlendMode::Normal && props.soft_mask.is_none();
            self.mixed += u32::from(!plain);
            self.ground(props.transform.transform_rect_bbox(*rect), &props.paint, true);
            self.mixed -= u32::from(!plain);
        } else {
            self.paintings += 1;
        }
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        self.work(run.glyphs().len() as u64);
        let mut unseen: Option<&'static str> = None;
        let mut hidden = String::new();
        let mut begins = true;
        for (index, glyph) in run.glyphs().iter().enumerate() {
            let text = match glyph.as_unicode() {
                Some(BfString::Char(c)) => c.to_string(),
                Some(BfString::String(text)) => text,
                None => {
                    self.unmapped += 1;
                    continue;
                }
            };
            let advance = match &**glyph {
                Glyph::Outline(outline) => outline.advance_width(),
                Glyph::Type3(type3) => type3.advance_width(),
            };
            let transform: Affine = props.transform * glyph.transform();
            let origin = transform * Point::ZERO;
            let [a, b, c, d, ..] = transform.as_coeffs();
            let size = c.hypot(d) * 1000.0;
            let width = a.hypot(b) * advance.map_or(500.0, f64::from);
            if !(origin.x.is_finite() && origin.y.is_finite() && size.is_finite() && width.is_finite()) {
                continue;
            }
            if index == 0 {
                unseen = self.why_unseen(origin, size, &props.paint, mode);
            }
            if unseen.is_some() {
                hidden.push_str(&text);
            }
            let begins = std::mem::take(&mut begins);
            self.glyphs.push(PdfGlyph { text, x: origin.x, y: origin.y, width, size, angle: b.atan2(a), begins });
        }
        if let Some(why) = unseen {
            match self.unseen.last_mut() {
                Some((last, text)) if *last == why => text.push_str(&hidden),
                _ => self.unseen.push((why, hidden)),
            }
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        self.work(1);
        self.paintings += 1;
        let area = props.transform.transform_rect_bbox(Rect::new(
            0.0,
            0.0,
            f64::from(image.width()),
            f64::from(image.height()),
        ));
        let page = Rect::new(0.0, 0.0, self.width, self.height);
        self.pictured = self.pictured.max(area.intersect(page).area() / page.area().max(1.0));
        if self.grounds.len() < MAX_GROUNDS {
            self.grounds.push(Ground { area, colour: None });
        }
        if let Err(why) = self.keep_picture(&image) {
            self.lost_images.push(why);
        }
    }

    fn push_clip_path(&mut self, _: &ClipPath) {
        // Every form begins with one, and is unpacked anew each time that it is drawn.
        self.work(10);
    }
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {
        self.work(1);
        self.mixed += 1;
    }
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {
        self.mixed = self.mixed.saturating_sub(1);
    }
}
