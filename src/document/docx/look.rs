//! What letters look like, as far as it decides whether a person can see them: vanished, too small, or of the
//! colour of their ground.

use crate::document::xml::Element;

/// Letters of this size or less cannot be read.
const UNREADABLE_HALF_POINTS: f64 = 6.0;

/// A colour as far as the file tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Rgb([u8; 3]),
    /// A picture, a gradient, a theme's colour, or whatever contrasts with the ground.
    Unknown,
}

impl Paint {
    pub const WHITE: Self = Self::Rgb([255; 3]);

    pub fn parse(hex: &str) -> Self {
        let hex = hex.trim_start_matches('#');
        match (hex.len(), u32::from_str_radix(hex, 16)) {
            (6, Ok(rgb)) => Self::Rgb([(rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8]),
            _ => Self::Unknown,
        }
    }

    /// Whether letters of this colour disappear on that ground.
    pub fn vanishes_on(self, ground: Self) -> bool {
        match (self, ground) {
            (Self::Rgb(a), Self::Rgb(b)) => a.iter().zip(b).all(|(x, y)| x.abs_diff(y) <= 12),
            _ => false,
        }
    }
}

/// What run properties say; `None` where they say nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Look {
    vanish: Option<bool>,
    color: Option<Paint>,
    half_points: Option<f64>,
    ground: Option<Paint>,
    pub raised: Option<i8>,
    pub struck: Option<bool>,
}

impl Look {
    /// What a `w:rPr` says.
    pub fn of(properties: &Element<'_>) -> Self {
        let vanish = properties.child("vanish").is_some() || properties.child("specVanish").is_some();
        let struck = properties.child("strike").is_some() || properties.child("dstrike").is_some();
        let width: Option<f64> = properties.val("w").and_then(|w| w.trim_end_matches('%').parse().ok());
        let half_points = properties.val("sz").and_then(|s| s.parse().ok());
        Self {
            vanish: vanish.then(|| properties.switch("vanish") || properties.switch("specVanish")),
            color: properties.val("color").map(|c| Paint::parse(&c)),
            // Letters squeezed to a twentieth are as unreadable as small ones.
            half_points: if width.is_some_and(|w| w <= 5.0) { Some(0.0) } else { half_points },
            ground: ground(properties).or_else(|| match properties.val("highlight")?.as_ref() {
                "none" => None,
                "white" => Some(Paint::WHITE),
                "black" => Some(Paint::Rgb([0; 3])),
                _ => Some(Paint::Unknown),
            }),
            raised: properties.val("vertAlign").map(|v| match v.as_ref() {
                "superscript" => 1,
                "subscript" => -1,
                _ => 0,
            }),
            struck: struck.then(|| properties.switch("strike") || properties.switch("dstrike")),
        }
    }

    /// This, and what the other says where this says nothing.
    pub fn over(self, base: Self) -> Self {
        Self {
            vanish: self.vanish.or(base.vanish),
            color: self.color.or(base.color),
            half_points: self.half_points.or(base.half_points),
            ground: self.ground.or(base.ground),
            raised: self.raised.or(base.raised),
            struck: self.struck.or(base.struck),
        }
    }

    /// Why a person does not see letters that look so on this ground.
    pub fn unseen(self, around: Paint) -> Option<&'static str> {
        if self.vanish == Some(true) {
            return Some("marked as hidden");
        }
        if self.half_points.is_some_and(|s| s <= UNREADABLE_HALF_POINTS) {
            return Some("3 points or smaller");
        }
        let ground = self.ground.unwrap_or(around);
        let color = self.color.filter(|c| c.vanishes_on(ground))?;
        Some(if color.vanishes_on(Paint::WHITE) { "white on white" } else { "of the colour of its ground" })
    }
}

/// The ground that these properties (of a run, paragraph, cell or table) paint.
pub(super) fn ground(properties: &Element<'_>) -> Option<Paint> {
    let shade = properties.child("shd")?;
    let of = |name: &str| shade.attribute(name).filter(|c| !c.eq_ignore_ascii_case("auto"));
    match shade.attribute("val").as_deref() {
        Some("nil") => None,
        Some("solid") => Some(of("color").map_or(Paint::Rgb([0; 3]), |c| Paint::parse(&c))),
        Some("clear") | None => of("fill").map(|c| Paint::parse(&c)),
        Some(_) => Some(Paint::Unknown),
    }
}
