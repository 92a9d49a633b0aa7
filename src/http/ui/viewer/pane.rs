//! One file in one view, with the way to everything else on the desk.

use serde::Serialize;

use super::super::words::{self, Mark};
use super::desk::{Desk, OnDesk, part_name};
use super::grid::{Grid, grid};
use super::prose::{Prose, prose};
use super::sought::{self, Marks, Sought};
use super::{Asked, Places, Spot, View};
use crate::domain::{Extract, FileExtract, Outcome};
use crate::http::problem::Problem;
use crate::reading::{Sheaf, has_pages};
use crate::services::Services;

/// Pictures of one page of the viewer.
const PICTURES: usize = 200;
/// Pixels of a page's longer side.
pub const PAGE_PX: u32 = 1_400;

#[derive(Debug, Serialize)]
pub struct Pane {
    /// 1 or 2: part of every anchor in it.
    pub id: u8,
    /// The files to choose from, by what they belong to.
    pub groups: Vec<Group>,
    /// Of an archive, its members.
    pub parts: Vec<Link>,
    pub views: Vec<Link>,
    pub name: String,
    pub state: Mark,
    pub remarks: Vec<String>,
    /// A quote that was looked for, and whether it stands here.
    pub quote: Option<Found>,
    pub content: Content,
    pub original: Option<String>,
    /// The address of this pane alone.
    pub alone: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct Group {
    pub title: String,
    pub files: Vec<Link>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Link {
    pub label: String,
    pub href: String,
    pub current: bool,
    /// A sheet that nobody sees who opens the file.
    pub hidden: bool,
    /// The same beside what is shown now.
    pub beside: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct Found {
    pub text: String,
    pub told: Mark,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    Text { prose: Prose, earlier: Option<String>, later: Option<String> },
    Grid { grid: Grid, formulas: String, earlier: Option<String>, later: Option<String> },
    Pages { pages: Vec<Picture>, of: u32, earlier: Option<String>, later: Option<String> },
    Images { images: Vec<Picture> },
    Nothing { why: String },
}

/// A picture that is fetched when it comes into sight.
#[derive(Debug, Serialize)]
pub struct Picture {
    /// From 1; an anchor.
    pub n: usize,
    pub src: String,
    pub place: String,
    pub width: u32,
    pub height: u32,
}

/// The panes that are asked for: one, or two side by side.
///
/// # Errors
/// If a file is not there.
pub async fn panes(
    services: &Services,
    desk: &Desk,
    asked: &Asked,
    sought: Option<&Sought>,
) -> Result<Vec<Pane>, Problem> {
    let mut places = Places::of(desk, asked);
    let mut marks = Marks::default();
    if let Some(sought) = sought {
        let (spot, found) = sought::find(services, desk, sought).await?;
        marks = found;
        if let Some(spot) = spot {
            places.first = spot;
        }
    }
    let mut panes = vec![pane(services, desk, &places, false, &marks, sought).await?];
    if places.second.is_some() {
        panes.push(pane(services, desk, &places, true, &Marks::default(), None).await?);
    }
    Ok(panes)
}

async fn pane(
    services: &Services,
    desk: &Desk,
    places: &Places,
    second: bool,
    marks: &Marks,
    sought: Option<&Sought>,
) -> Result<Pane, Problem> {
    let asked = places.at(second).clone();
    let to = |spot: &Spot| places.with(second, spot);
    if desk.files.is_empty() {
        return Ok(empty(second, "There is nothing in it."));
    }
    let on_desk = desk.find(&asked.file)?;
    let extract = on_desk.extract(services).await?;
    let part = asked.part.min(extract.files.len().saturating_sub(1));
    let Some(file) = extract.files.get(part) else { return Ok(empty(second, "Nothing was read of it.")) };
    let drawable = part == 0 && on_desk.stored().is_some_and(|stored| has_pages(&stored.media_type));
    let view = fitting(asked.view, file, drawable);
    let spot = Spot { part, view, ..asked.clone() };
    let content = content(services, desk, on_desk, &extract, &spot, marks, &to).await?;
    Ok(Pane {
        id: if second { 2 } else { 1 },
        groups: groups(desk, places, second, &asked.file),
        parts: parts(on_desk, &extract, &spot, &to),
        views: views(file, drawable, &spot, &to),
        name: part_name(on_desk, &file.name, part),
        state: state(file),
        remarks: remarks(file),
        quote: sought.map(|sought| Found {
            text: words::clip(&sought.quote, 400),
            told: match &marks.place {
                Some(place) => words::stands(&place.to_string()),
                None => words::stands_nowhere(),
            },
        }),
        content,
        original: on_desk.stored().map(|_| format!("{}/{}/original", desk.base, super::url_part(&on_desk.key))),
        alone: places.second.is_some().then(|| places.alone(&spot)),
    })
}

fn empty(second: bool, why: &str) -> Pane {
    Pane {
        id: if second { 2 } else { 1 },
        groups: vec![],
        parts: vec![],
        views: vec![],
        name: String::new(),
        state: words::no_vote("nothing"),
        remarks: vec![],
        quote: None,
        content: Content::Nothing { why: why.to_owned() },
        original: None,
        alone: None,
    }
}

/// The view that was asked for, if the file has it; else what suits it.
fn fitting(asked: View, file: &FileExtract, drawable: bool) -> View {
    let has = |view: View| match view {
        View::Best => false,
        View::Text => !file.segments.is_empty(),
        View::Pages => drawable,
        View::Images => !file.images.is_empty(),
        View::Sheet(number) => number < file.sheets.len(),
    };
    let seen = file.sheets.iter().position(|sheet| !sheet.hidden).unwrap_or(0);
    // Office files are drawn by another program, which takes seconds: on demand.
    let quick = file.pages.is_some() || file.media_type.starts_with("image/") || file.segments.is_empty();
    let first = if quick { View::Pages } else { View::Text };
    [asked, View::Sheet(seen), first, View::Text, View::Images]
        .into_iter()
        .find(|view| has(*view))
        .unwrap_or(View::Text)
}

fn groups(desk: &Desk, places: &Places, second: bool, current: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let single = desk.files.len() < 2;
    for file in &desk.files {
        let spot = Spot::of(&file.key);
        let beside = Places { second: Some(spot.clone()), ..places.clone() };
        let link = Link {
            label: file.name.clone(),
            href: places.with(second, &spot),
            current: file.key == current,
            hidden: false,
            // What is beside the first pane is chosen in the first.
            beside: (!second && !single && file.key != current).then(|| beside.with(true, &spot)),
        };
        match groups.last_mut() {
            Some(group) if group.title == file.group => group.files.push(link),
            _ => groups.push(Group { title: file.group.clone(), files: vec![link] }),
        }
    }
    groups
}

fn parts(on_desk: &OnDesk, extract: &Extract, spot: &Spot, to: &impl Fn(&Spot) -> String) -> Vec<Link> {
    if extract.files.len() < 2 {
        return vec![];
    }
    let link = |(part, file): (usize, &FileExtract)| Link {
        label: part_name(on_desk, &file.name, part),
        href: to(&Spot { part, ..Spot::of(&spot.file) }),
        current: part == spot.part,
        hidden: false,
        beside: None,
    };
    extract.files.iter().enumerate().take(400).map(link).collect()
}

fn views(file: &FileExtract, drawable: bool, spot: &Spot, to: &impl Fn(&Spot) -> String) -> Vec<Link> {
    let mut views = Vec::new();
    let mut add = |view: View, label: &str, hidden: bool| {
        views.push(Link {
            label: label.to_owned(),
            href: to(&Spot { view, part: spot.part, ..Spot::of(&spot.file) }),
            current: spot.view == view,
            hidden,
            beside: None,
        });
    };
    for (number, sheet) in file.sheets.iter().enumerate() {
        add(View::Sheet(number), &sheet.name, sheet.hidden);
    }
    if drawable {
        add(View::Pages, if file.media_type.starts_with("image/") { "Picture" } else { "Pages" }, false);
    }
    if !file.segments.is_empty() {
        add(View::Text, "Text", false);
    }
    if !file.images.is_empty() && !file.media_type.starts_with("image/") {
        add(View::Images, &format!("Images ({})", file.images.len()), false);
    }
    views
}

async fn content(
    services: &Services,
    desk: &Desk,
    on_desk: &OnDesk,
    extract: &Extract,
    spot: &Spot,
    marks: &Marks,
    to: &impl Fn(&Spot) -> String,
) -> Result<Content, Problem> {
    let Some(file) = extract.files.get(spot.part) else {
        return Ok(Content::Nothing { why: "Nothing was read of it.".to_owned() });
    };
    let at = |from: usize| to(&Spot { from, ..spot.clone() });
    Ok(match spot.view {
        View::Sheet(number) => {
            let Some(sheet) = file.sheets.get(number) else {
                return Ok(Content::Nothing { why: "There is no such sheet.".to_owned() });
            };
            let row = u32::try_from(spot.from).unwrap_or(u32::MAX);
            let grid = grid(sheet, row, &marks.areas, spot.formulas);
            let formulas = to(&Spot { formulas: !spot.formulas, ..spot.clone() });
            let way = |row: Option<u32>| row.map(|row| at(row as usize));
            Content::Grid { formulas, earlier: way(grid.earlier), later: way(grid.later), grid }
        }
        View::Pages => pages(services, desk, on_desk, file, spot, to).await?,
        View::Images => {
            let before: usize = extract.files.iter().take(spot.part).map(|file| file.images.len()).sum();
            let picture = |(k, image): (usize, &crate::domain::Image)| Picture {
                n: k + 1,
                src: format!("{}/{}/image/{}", desk.base, super::url_part(&on_desk.key), before + k),
                place: image.place.to_string(),
                width: image.width,
                height: image.height,
            };
            Content::Images { images: file.images.iter().enumerate().take(PICTURES).map(picture).collect() }
        }
        View::Text | View::Best if file.segments.is_empty() => Content::Nothing { why: nothing(file) },
        View::Text | View::Best => {
            let prose = prose(file, spot.from, &marks.spans);
            Content::Text { earlier: prose.earlier.map(at), later: prose.later.map(at), prose }
        }
    })
}

/// Why there is no text.
fn nothing(file: &FileExtract) -> String {
    match &file.outcome {
        Outcome::Unreadable { reason } => format!("It could not be read: {reason}."),
        _ if file.media.is_some() => "Sound or a moving picture: take the original to hear or see it.".to_owned(),
        _ => "There is no text in it.".to_owned(),
    }
}

async fn pages(
    services: &Services,
    desk: &Desk,
    on_desk: &OnDesk,
    file: &FileExtract,
    spot: &Spot,
    to: &impl Fn(&Spot) -> String,
) -> Result<Content, Problem> {
    let Some(stored) = on_desk.stored() else {
        return Ok(Content::Nothing { why: "A message has no pages.".to_owned() });
    };
    let bytes = services.blobs.get(&stored.sha256).await?;
    let sheaf = Sheaf { media_type: stored.media_type.clone(), sha256: stored.sha256.clone(), bytes };
    // The first page tells the shape of the others: the places of pictures that are not there yet do not move.
    let drawn = match services.reading.draw(&sheaf, 1..2, PAGE_PX).await {
        Ok(drawn) => drawn,
        Err(why) => return Ok(Content::Nothing { why: format!("Its pages cannot be drawn: {why}.") }),
    };
    let (width, height) = drawn.pages.first().map_or((1_000, 1_414), |page| (page.width, page.height));
    let of = drawn.of as usize;
    let from = spot.from.min(of.saturating_sub(1)) / PICTURES * PICTURES;
    let kind = if file.media_type.contains("presentation") { "slide" } else { "page" };
    let picture = |n: usize| Picture {
        n,
        src: format!("{}/{}/page/{n}.png", desk.base, super::url_part(&on_desk.key)),
        place: format!("{kind} {n}"),
        width,
        height,
    };
    let at = |from: usize| to(&Spot { from, ..spot.clone() });
    Ok(Content::Pages {
        pages: (from + 1..=(from + PICTURES).min(of)).map(picture).collect(),
        of: drawn.of,
        earlier: from.checked_sub(PICTURES).map(at),
        later: (from + PICTURES < of).then(|| at(from + PICTURES)),
    })
}

fn state(file: &FileExtract) -> Mark {
    let (kind, glyph, label) = match &file.outcome {
        Outcome::Read => ("met", "✓", "read"),
        Outcome::Partial => ("cannot", "◐", "read in part"),
        Outcome::Unreadable { .. } => ("unmet", "✕", "unreadable"),
    };
    Mark { kind, glyph, label: label.to_owned(), title: String::new() }
}

fn remarks(file: &FileExtract) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Outcome::Unreadable { reason } = &file.outcome {
        remarks.push(reason.clone());
    }
    remarks.extend(file.cuts.iter().take(20).map(|cut| format!("not shown: {} ({})", cut.what, cut.why)));
    remarks.extend(file.findings.iter().take(20).map(|found| format!("{} ({})", found.detail, found.place)));
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Place, Sheet};
    use crate::http::ui::viewer::testing::file;

    #[test]
    fn a_file_opens_in_the_view_that_suits_it_and_a_view_it_lacks_is_no_error() {
        let text = file("a.txt", &[(Place::Line(1), "x")]);
        assert_eq!(fitting(View::Best, &text, false), View::Text);
        assert_eq!(fitting(View::Sheet(3), &text, false), View::Text);
        assert_eq!(fitting(View::Pages, &text, false), View::Text);
        let mut book = text.clone();
        let sheet = |hidden| Sheet { name: "S".to_owned(), hidden, cells: vec![], rows: 0, columns: 0 };
        book.sheets = vec![sheet(true), sheet(false)];
        assert_eq!(fitting(View::Best, &book, true), View::Sheet(1));
        assert_eq!(fitting(View::Text, &book, true), View::Text);
        let mut pdf = text.clone();
        pdf.pages = Some(3);
        assert_eq!(fitting(View::Best, &pdf, true), View::Pages);
        let docx = text;
        assert_eq!(fitting(View::Best, &docx, true), View::Text);
        let mut unread = docx;
        unread.segments.clear();
        assert_eq!(fitting(View::Best, &unread, true), View::Pages);
    }
}
