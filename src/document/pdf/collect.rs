//! The device that a page is drawn on: it keeps the letters with their places, and enough of the ground to
//! tell which of them cannot be seen.

use std::collections::{HashMap, HashSet};
use std::io::Cursor;

use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::BfString;
use hayro_interpret::kurbo::{Affine, BezPath, PathSeg, Point, Rect, Shape};
use hayro_interpret::{
    BlendMode, CacheKey, ClipPath, Device, DrawMode, DrawProps, Image, ImageData, ImageDrawProps, Paint, SoftMask,
};

use crate::document::limits::Limits;

use super::grid::Rule;

/// Ruling lines that are remembered on one page; a page with more of them is a drawing.
const MAX_RULES: usize = 6_000;
/// Letters of one page that are compared with what is drawn over them.
const MAX_CHECKS: usize = 4_000_000;
/// Height of the strips in which letters are found again, in points.
const STRIP: f64 = 16.0;
/// Painted grounds that are remembered; more only cost time.
const MAX_GROUNDS: usize = 2_000;
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
    /// Letters that one instruction drew have one number.
    pub run: u32,
    /// Why nobody can see it.
    pub hidden: Option<Unseen>,
}

impl PdfGlyph {
    /// Where the letter is, roughly: from the baseline up.
    pub fn area(&self) -> Rect {
        let up = Point::new(self.x + self.angle.sin() * self.size * 0.7, self.y - self.angle.cos() * self.size * 0.7);
        let (along_x, along_y) = (self.angle.cos() * self.width, self.angle.sin() * self.width);
        Rect::from_points(up, Point::new(self.x + along_x, self.y + along_y))
    }
}

/// Why a letter cannot be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Unseen {
    InvisibleMode,
    OutsidePage,
    Tiny,
    Transparent,
    OwnGround,
    Clipped,
    Covered,
    /// Under a picture of the whole page.
    UnderPicture,
    LayerOff,
}

impl std::fmt::Display for Unseen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::InvisibleMode => "drawn in invisible mode",
            Self::OutsidePage => "outside the page",
            Self::Tiny => "smaller than 1.5 points",
            Self::Transparent => "transparent",
            Self::OwnGround => "the colour of its ground",
            Self::Clipped => "clipped away",
            Self::Covered => "painted over",
            Self::UnderPicture => "covered by a picture of the whole page",
            Self::LayerOff => "on a layer that is switched off",
        })
    }
}

/// Why the paint of a letter leaves nothing to be seen.
type Unpainted = Option<Unseen>;

/// Thrown through the interpreter when a page draws without end.
pub(super) struct OverWork;

/// A painted area; `None` if its colour is not one colour.
struct Ground {
    area: Rect,
    colour: Option<[f32; 3]>,
}

pub(super) struct Collector {
    page: Rect,
    pub work_left: u64,
    pub glyphs: Vec<PdfGlyph>,
    pub rules: Vec<Rule>,
    pub images: Vec<Vec<u8>>,
    pub lost_images: Vec<String>,
    pub images_seen: HashSet<u128>,
    /// Things drawn that are no letters.
    pub paintings: u64,
    /// Letters that the font gives no characters for.
    pub unmapped: u64,
    /// The largest share of the page that one picture takes, 0 to 1.
    pub picture_share: f64,
    grounds: Vec<Ground>,
    /// Letters by the strip of the page that they stand in.
    strips: HashMap<i64, Vec<usize>>,
    /// What stands where, to know again what is drawn twice.
    places: HashMap<(u64, i64, i64), usize>,
    /// What may be painted on, innermost last.
    clips: Vec<Rect>,
    /// Whether the open groups let anything through.
    groups: Vec<bool>,
    runs: u32,
    /// Letters that may still be compared with what is drawn over them.
    checks_left: usize,
    max_images: usize,
    max_pixels: u64,
}

impl Collector {
    pub fn new(page: (f32, f32), work_left: u64, limits: &Limits, images_seen: HashSet<u128>) -> Self {
        Self {
            page: Rect::new(0.0, 0.0, f64::from(page.0), f64::from(page.1)),
            work_left,
            glyphs: Vec::new(),
            rules: Vec::new(),
            images: Vec::new(),
            lost_images: Vec::new(),
            images_seen,
            paintings: 0,
            unmapped: 0,
            picture_share: 0.0,
            grounds: Vec::new(),
            strips: HashMap::new(),
            places: HashMap::new(),
            clips: Vec::new(),
            groups: Vec::new(),
            runs: 0,
            checks_left: MAX_CHECKS,
            max_images: limits.max_images,
            max_pixels: limits.max_image_pixels,
        }
    }

    fn work(&mut self, amount: u64) {
        if self.work_left < amount {
            self.work_left = 0;
            std::panic::resume_unwind(Box::new(OverWork));
        }
        self.work_left -= amount;
    }

    fn ground(&mut self, area: Rect, props: &DrawProps<'_>, exact: bool) {
        self.paintings += 1;
        let plain =
            props.blend_mode == BlendMode::Normal && props.soft_mask.is_none() && !self.is_let_through_nowhere();
        let colour = match &props.paint {
            Paint::Color(colour) if exact && plain => match colour.to_rgba().components() {
                [r, g, b, alpha] if alpha > 0.95 => Some([r, g, b]),
                [_, _, _, alpha] if alpha < 0.05 => return,
                _ => None,
            },
            _ => None,
        };
        let area = self.clip().map_or(area, |clip| clip.intersect(area));
        if colour.is_some() && area.width() > 2.0 && area.height() > 2.0 {
            self.cover(area, Unseen::Covered);
        }
        if self.grounds.len() < MAX_GROUNDS {
            self.grounds.push(Ground { area, colour });
        }
    }

    /// What may be painted on now.
    fn clip(&self) -> Option<Rect> {
        self.clips.last().copied()
    }

    fn is_let_through_nowhere(&self) -> bool {
        self.groups.last() == Some(&false)
    }

    /// Letters that stand wholly in the area are not seen any more.
    fn cover(&mut self, area: Rect, why: Unseen) {
        let area = area.inflate(0.5, 0.5);
        let strips = (area.y0 / STRIP).floor() as i64..=(area.y1 / STRIP).floor() as i64;
        let found: Vec<usize> = if strips.end() - strips.start() > 200 {
            (0..self.glyphs.len()).collect()
        } else {
            strips.filter_map(|strip| self.strips.get(&strip)).flatten().copied().collect()
        };
        // Out of them, what is drawn later covers nothing: a drawing of thousands of areas is no sheet over a text.
        let Some(left) = self.checks_left.checked_sub(found.len()) else { return };
        self.checks_left = left;
        self.work(found.len() as u64 / 64);
        for index in found {
            if let Some(glyph) = self.glyphs.get_mut(index)
                && (glyph.hidden.is_none() || glyph.hidden == Some(Unseen::OwnGround))
            {
                let at = glyph.area();
                if area.contains(Point::new(at.x0, at.y0)) && area.contains(Point::new(at.x1, at.y1)) {
                    glyph.hidden = Some(why);
                }
            }
        }
    }

    /// Whether a letter cannot be seen for a reason of its own.
    fn why_unseen(&self, glyph: &PdfGlyph, paint: Unpainted, mode: &DrawMode) -> Option<Unseen> {
        if matches!(mode, DrawMode::Invisible) {
            return Some(Unseen::InvisibleMode);
        }
        let area = glyph.area();
        let apart = |from: Rect, by: f64| {
            area.x1 < from.x0 - by || area.x0 > from.x1 + by || area.y1 < from.y0 - by || area.y0 > from.y1 + by
        };
        if apart(self.page, 0.0) {
            return Some(Unseen::OutsidePage);
        }
        if self.clip().is_some_and(|clip| apart(clip, 0.5)) {
            return Some(Unseen::Clipped);
        }
        if glyph.size < 1.5 {
            return Some(Unseen::Tiny);
        }
        paint
    }

    /// Whether what is painted at a letter cannot be seen.
    fn unpainted(&self, glyph: &PdfGlyph, paint: &Paint<'_>) -> Unpainted {
        if self.is_let_through_nowhere() {
            return Some(Unseen::Transparent);
        }
        let Paint::Color(colour) = paint else { return None };
        let [r, g, b, alpha] = colour.to_rgba().components();
        if alpha < 0.05 {
            return Some(Unseen::Transparent);
        }
        // A little above the baseline: there the letter is.
        let inside = Point::new(glyph.x + glyph.size * 0.2, glyph.y - glyph.size * 0.2);
        let ground = self.grounds.iter().rev().find(|g| g.area.contains(inside));
        let [gr, gg, gb] = ground.map_or(Some([1.0; 3]), |g| g.colour)?;
        let apart = (r - gr).abs().max((g - gg).abs()).max((b - gb).abs());
        (apart < 0.04).then_some(Unseen::OwnGround)
    }

    /// Takes the letters of a run in, once: bold is faked by drawing a text twice, a hair apart.
    fn keep_run(&mut self, letters: Vec<PdfGlyph>) {
        let is_blank = |glyph: &PdfGlyph| glyph.text.chars().all(char::is_whitespace);
        let twins: Option<Vec<(usize, bool)>> = letters
            .iter()
            .filter(|glyph| !is_blank(glyph))
            .map(|glyph| self.twin(glyph).map(|twin| (twin, glyph.hidden.is_none())))
            .collect();
        if let Some(twins) = twins.filter(|twins| !twins.is_empty()) {
            for (twin, shown) in twins {
                if let Some(twin) = self.glyphs.get_mut(twin).filter(|_| shown) {
                    twin.hidden = None;
                }
            }
            return;
        }
        for glyph in uncut(letters) {
            let index = self.glyphs.len();
            self.places.insert(place_of(&glyph), index);
            self.strips.entry((glyph.y / STRIP).floor() as i64).or_default().push(index);
            self.glyphs.push(glyph);
        }
    }

    /// The same letter in the same place.
    fn twin(&self, glyph: &PdfGlyph) -> Option<usize> {
        let (name, column, row) = place_of(glyph);
        let near = (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (dx, dy)));
        let mut found = near.filter_map(|(dx, dy)| self.places.get(&(name, column + dx, row + dy)));
        found.next().copied().filter(|at| {
            let twin = self.glyphs.get(*at);
            twin.is_some_and(|twin| twin.text == glyph.text && (twin.size - glyph.size).abs() < glyph.size * 0.2)
        })
    }

    fn rule(&mut self, from: Point, to: Point) {
        if self.rules.len() < MAX_RULES
            && let Some(rule) = Rule::between(from, to)
        {
            self.rules.push(rule);
        }
    }

    /// The edges of an area; a thin one is a line itself.
    fn edges(&mut self, area: Rect) {
        if area.width() > self.page.width() * 0.98 && area.height() > self.page.height() * 0.98 {
            return;
        }
        let middle = area.center();
        if area.height() <= 2.5 {
            return self.rule(Point::new(area.x0, middle.y), Point::new(area.x1, middle.y));
        }
        if area.width() <= 2.5 {
            return self.rule(Point::new(middle.x, area.y0), Point::new(middle.x, area.y1));
        }
        let corners = [(area.x0, area.y0), (area.x1, area.y0), (area.x1, area.y1), (area.x0, area.y1)];
        for (index, from) in corners.iter().enumerate() {
            let to = corners.get(index + 1).unwrap_or(&corners[0]);
            self.rule((*from).into(), (*to).into());
        }
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

/// Letters at the edge of a cell that cuts them: a word that is cut by few of them is read whole.
const MAX_CUT: usize = 3;

fn uncut(mut letters: Vec<PdfGlyph>) -> Vec<PdfGlyph> {
    let clipped = |glyph: &PdfGlyph| glyph.hidden == Some(Unseen::Clipped);
    if letters.iter().any(|glyph| glyph.hidden.is_none()) {
        for stretch in letters.chunk_by_mut(|a, b| clipped(a) == clipped(b)) {
            if stretch.len() <= MAX_CUT && stretch.iter().all(clipped) {
                stretch.iter_mut().for_each(|glyph| glyph.hidden = None);
            }
        }
    }
    letters
}

/// A letter and where it stands, to a tenth of its size.
pub(super) fn place_of(glyph: &PdfGlyph) -> (u64, i64, i64) {
    let step = (glyph.size * 0.1).max(0.05);
    // FNV-1a: short, and the same in every run of the program.
    let name = glyph
        .text
        .bytes()
        .fold(14_695_981_039_346_656_037_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211));
    (name, (glyph.x / step).round() as i64, (glyph.y / step).round() as i64)
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
        let area = props.transform.transform_rect_bbox(path.bounding_box());
        if matches!(mode, DrawMode::Fill(_) | DrawMode::FillAndStroke(..)) {
            self.ground(area, &props, false);
            if area.height() <= 2.5 || area.width() <= 2.5 {
                self.edges(area);
            }
        } else {
            self.paintings += 1;
        }
        if matches!(mode, DrawMode::Stroke(_) | DrawMode::FillAndStroke(..)) {
            self.work(path.elements().len() as u64 / 16);
            for segment in path.segments() {
                if let PathSeg::Line(line) = segment {
                    self.rule(props.transform * line.p0, props.transform * line.p1);
                }
            }
        }
    }

    fn draw_rect(&mut self, rect: &Rect, props: DrawProps<'a>, mode: &DrawMode) {
        self.work(1);
        let area = props.transform.transform_rect_bbox(*rect);
        self.edges(area);
        if matches!(mode, DrawMode::Fill(_) | DrawMode::FillAndStroke(..)) {
            self.ground(area, &props, true);
        } else {
            self.paintings += 1;
        }
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        self.work(run.glyphs().len() as u64);
        self.runs = self.runs.wrapping_add(1);
        let mut paint: Option<Unpainted> = None;
        let mut letters = Vec::with_capacity(run.glyphs().len());
        for glyph in run.glyphs() {
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
            let (x, y, angle, run) = (origin.x, origin.y, b.atan2(a), self.runs);
            let mut letter = PdfGlyph { text, x, y, width, size, angle, run, hidden: None };
            // Once for all letters of a run: looking up their ground is what costs.
            let paint = *paint.get_or_insert_with(|| self.unpainted(&letter, &props.paint));
            letter.hidden = self.why_unseen(&letter, paint, mode);
            letters.push(letter);
        }
        self.keep_run(letters);
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
        let shown = self.clip().map_or(area, |clip| clip.intersect(area)).intersect(self.page);
        let share = shown.area() / self.page.area().max(1.0);
        self.picture_share = self.picture_share.max(share);
        let opaque = matches!(image, Image::Raster(_)) && props.blend_mode == BlendMode::Normal;
        if opaque && share > 0.6 && !self.is_let_through_nowhere() {
            self.cover(shown, Unseen::UnderPicture);
        }
        if self.grounds.len() < MAX_GROUNDS {
            self.grounds.push(Ground { area, colour: None });
        }
        if let Err(why) = self.keep_picture(&image) {
            self.lost_images.push(why);
        }
    }

    fn push_clip_path(&mut self, path: &ClipPath) {
        // Every form begins with one, and is unpacked anew each time that it is drawn.
        self.work(10);
        let area = path.path.bounding_box();
        self.clips.push(self.clip().map_or(area, |outer| outer.intersect(area)));
    }
    fn push_transparency_group(&mut self, opacity: f32, _: Option<SoftMask<'a>>, _: BlendMode) {
        self.work(1);
        self.groups.push(opacity >= 0.05 && !self.is_let_through_nowhere());
    }
    fn pop_clip(&mut self) {
        self.clips.pop();
    }
    fn pop_transparency_group(&mut self) {
        self.groups.pop();
    }
}
