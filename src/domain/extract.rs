//! What the readers got out of a submission's files: the text with its places, the cells, the images, and
//! an honest account of what could not be read. Readers (`document/`) make extracts; prompts, checks and
//! the look-up of evidence use them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Fingerprint;

/// Everything that was read of one submission (or of a task's references).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Extract {
    pub files: Vec<FileExtract>,
}

/// What was read of one file. An archive's members are files of their own, named `archive.zip/member.docx`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileExtract {
    /// As the judge sees it: the file's name, or its path inside an archive.
    pub name: String,
    pub media_type: String,
    pub bytes: u64,
    /// Lower-case hex of the file's bytes.
    pub sha256: String,
    /// The reader and its version, for instance `xlsx/1`.
    pub reader: String,
    /// Of the limits that it was read under: the same bytes, reader and settings give the same extract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Fingerprint>,
    pub outcome: Outcome,
    /// The text view in reading order.
    pub segments: Vec<Segment>,
    /// The cells of spreadsheets and of csv files, for checks.
    pub sheets: Vec<Sheet>,
    pub images: Vec<Image>,
    /// The file itself, where it is sound or a moving picture: for judges that take such, as it is.
    #[serde(default)]
    pub media: Option<Media>,
    /// Pages or slides, where the kind has them.
    pub pages: Option<u32>,
    /// The file as a person sees it, page by page; `None` until somebody asks for it.
    #[serde(default)]
    pub page_view: Option<PageView>,
    pub cuts: Vec<Cut>,
    pub findings: Vec<Finding>,
}

/// How reading went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    Read,
    /// Something is missing; `cuts` says what.
    Partial,
    /// Nothing could be read. Absence of content must not be inferred.
    Unreadable {
        reason: String,
    },
}

/// A piece of the text view, as small as evidence should be precise: a paragraph, a table row, a line.
/// `text` is Markdown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    pub place: Place,
    pub text: String,
}

/// Where something stands in a file. Its `Display` is what people and judges see.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    Whole,
    Page(u32),
    Slide(u32),
    /// The notes below a slide.
    Notes(u32),
    /// A shape on a slide, by its name.
    Shape {
        slide: u32,
        shape: String,
    },
    Paragraph(u32),
    Footnote(u32),
    /// A remark in the margin.
    Comment(u32),
    /// A field of a form.
    Field {
        page: u32,
        name: String,
    },
    /// The n-th table, its row.
    TableRow {
        table: u32,
        row: u32,
    },
    /// `range` in A1 notation: `B7` or `A7:F7`.
    Cells {
        sheet: String,
        range: String,
    },
    Line(u32),
    Row(u32),
    /// A JSON pointer.
    Pointer(String),
    /// Of a log of steps.
    Step(u32),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole => f.write_str("whole file"),
            Self::Page(n) => write!(f, "page {n}"),
            Self::Slide(n) => write!(f, "slide {n}"),
            Self::Notes(n) => write!(f, "notes of slide {n}"),
            Self::Shape { slide, shape } => write!(f, "slide {slide}, {shape}"),
            Self::Footnote(n) => write!(f, "footnote {n}"),
            Self::Comment(n) => write!(f, "comment {n}"),
            Self::Field { page, name } => write!(f, "page {page}, field {name}"),
            Self::Paragraph(n) => write!(f, "paragraph {n}"),
            Self::TableRow { table, row } => write!(f, "table {table} row {row}"),
            Self::Cells { sheet, range } => write!(f, "{sheet}!{range}"),
            Self::Line(n) => write!(f, "line {n}"),
            Self::Row(n) => write!(f, "row {n}"),
            Self::Pointer(p) => f.write_str(p),
            Self::Step(n) => write!(f, "step {n}"),
        }
    }
}

/// A sheet's cells, row by row; only cells that hold something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sheet {
    pub name: String,
    pub hidden: bool,
    pub cells: Vec<Cell>,
    /// Rows and columns of the used range.
    pub rows: u32,
    pub columns: u32,
}

/// One cell. A formula without a cached value is `CellContent::NotCalculated`, never blank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// 1-based.
    pub row: u32,
    /// 1-based.
    pub column: u32,
    pub content: CellContent,
    /// Without the leading `=`.
    pub formula: Option<String>,
    /// As its number format shows it, where that is not what `content` says: `$1,234.50`, `12 %`.
    #[serde(default)]
    pub shown: Option<String>,
    /// The file holds the formula and no value: `content` was computed by the reader.
    #[serde(default)]
    pub calculated: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum CellContent {
    Text(String),
    Number(f64),
    Bool(bool),
    /// ISO 8601.
    DateTime(String),
    /// `#REF!` and the like.
    Error(String),
    /// A formula whose value the file does not hold.
    NotCalculated,
}

impl std::fmt::Display for CellContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) | Self::DateTime(text) | Self::Error(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Bool(value) => f.write_str(if *value { "TRUE" } else { "FALSE" }),
            Self::NotCalculated => f.write_str("not calculated"),
        }
    }
}

/// An image for judges that see: the file itself, or one embedded in a document.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Image {
    pub place: Place,
    /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
    pub media_type: String,
    pub width: u32,
    pub height: u32,
    #[serde(with = "raw")]
    pub bytes: Arc<[u8]>,
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image({} {}x{}, {} bytes)", self.media_type, self.width, self.height, self.bytes.len())
    }
}

/// Sound or a moving picture. It has no text view.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Media {
    /// `audio/...` or `video/...`.
    pub media_type: String,
    #[serde(with = "raw")]
    pub bytes: Arc<[u8]>,
}

impl std::fmt::Debug for Media {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Media({}, {} bytes)", self.media_type, self.bytes.len())
    }
}

/// Pictures of pages, slides or sheets, or why there are none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageView {
    Rendered {
        /// What drew them, with its version: `hayro/0.7`, `libreoffice/25.2`.
        renderer: String,
        /// In order, the first page first; fewer than `of` where a limit cut them.
        pages: Vec<Image>,
        /// Pages that the file has.
        of: u32,
    },
    Missing {
        reason: String,
    },
}

/// Bytes as bytes, in formats that have them.
mod raw {
    use std::sync::Arc;

    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &Arc<[u8]>, to: S) -> Result<S::Ok, S::Error> {
        serde_bytes::serialize(bytes.as_ref(), to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<[u8]>, D::Error> {
        serde_bytes::deserialize::<Vec<u8>, D>(from).map(Arc::from)
    }
}

/// Something that the judge is not shown, said in words that can stand in the text: `rows 41-180 of 'Ledger'`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    pub what: String,
    pub why: String,
    /// Characters that are missing, where they could be counted.
    pub characters: Option<u64>,
}

/// Something about the file that a person should know: hidden text, a sheet that is veryHidden, a macro.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub code: String,
    pub place: Place,
    pub detail: String,
}

/// Findings of what a file says to its judge (`document::instructions`).
pub const FOR_JUDGES: [&str; 6] =
    ["judge_instruction", "fake_system_message", "fake_fence", "fake_answer", "answer_opener", "padding"];

impl Finding {
    /// Whether it is of something that is there for judges.
    #[must_use]
    pub fn is_for_judges(&self) -> bool {
        FOR_JUDGES.contains(&self.code.as_str())
    }
}

impl FileExtract {
    /// Characters of the text view.
    #[must_use]
    pub fn characters(&self) -> u64 {
        self.segments.iter().map(|s| s.text.chars().count() as u64).sum()
    }

    #[must_use]
    pub fn is_readable(&self) -> bool {
        !matches!(self.outcome, Outcome::Unreadable { .. })
    }

    /// The pictures of its pages, where they are drawn.
    pub fn page_pictures(&self) -> impl Iterator<Item = &Image> {
        match &self.page_view {
            Some(PageView::Rendered { pages, .. }) => pages.as_slice(),
            Some(PageView::Missing { .. }) | None => &[],
        }
        .iter()
    }

    /// Whether there is anything of it that a judge could be shown.
    #[must_use]
    pub fn has_content(&self) -> bool {
        let read = !(self.segments.is_empty() && self.images.is_empty() && self.media.is_none());
        (self.is_readable() && read) || self.page_pictures().next().is_some()
    }

    /// What a judge is shown of this file.
    #[must_use]
    pub fn seen(&self) -> SeenFile {
        let characters = self.characters();
        let cut: u64 = self.cuts.iter().filter_map(|c| c.characters).sum();
        let coverage = match &self.outcome {
            Outcome::Unreadable { .. } => Some(0.0),
            Outcome::Read => Some(1.0),
            // A cut of unknown size leaves the coverage unknown.
            Outcome::Partial if self.cuts.iter().any(|c| c.characters.is_none()) || characters + cut == 0 => None,
            Outcome::Partial => Some(characters as f64 / (characters + cut) as f64),
        };
        let pictures = !self.images.is_empty() || self.page_pictures().next().is_some();
        let representation = match (self.is_readable(), !self.segments.is_empty(), pictures, self.media.is_some()) {
            // A reader may fail where the pages can be drawn all the same.
            (false, _, true, _) => Representation::Images,
            (false, ..) | (true, false, false, false) => Representation::None,
            (true, _, _, true) => Representation::Media,
            (true, true, false, false) => Representation::Text,
            (true, false, true, false) => Representation::Images,
            (true, true, true, false) => Representation::TextAndImages,
        };
        SeenFile {
            name: self.name.clone(),
            media_type: self.media_type.clone(),
            bytes: self.bytes,
            sha256: self.sha256.clone(),
            reader: self.reader.clone(),
            settings: self.settings.clone(),
            outcome: self.outcome.clone(),
            representation,
            characters,
            sheets: u32::try_from(self.sheets.len()).unwrap_or(u32::MAX),
            images: u32::try_from(self.images.len()).unwrap_or(u32::MAX),
            pages: self.pages,
            page_view: self.page_view.as_ref().map(PageView::seen),
            coverage,
            cuts: self.cuts.clone(),
            findings: self.findings.clone(),
        }
    }
}

impl Extract {
    /// The seen-manifest: what of each file the judges were shown.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        Manifest { files: self.files.iter().map(FileExtract::seen).collect() }
    }

    /// Whether there is anything at all that a judge could be shown.
    #[must_use]
    pub fn has_content(&self) -> bool {
        self.files.iter().any(FileExtract::has_content)
    }

    /// The readers (with their versions) that made it.
    #[must_use]
    pub fn readers_fingerprint(&self) -> Fingerprint {
        Fingerprint::of_parts(self.files.iter().map(|f| f.reader.as_bytes()))
    }

    /// The bytes it was made from.
    #[must_use]
    pub fn files_fingerprint(&self) -> Fingerprint {
        Fingerprint::of_parts(self.files.iter().flat_map(|f| [f.name.as_bytes(), f.sha256.as_bytes()]))
    }
}

/// What the judges were shown of a submission.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub files: Vec<SeenFile>,
}

/// What the judges were shown of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeenFile {
    pub name: String,
    pub media_type: String,
    pub bytes: u64,
    pub sha256: String,
    pub reader: String,
    /// Of the limits that it was read under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Fingerprint>,
    #[serde(flatten)]
    pub outcome: Outcome,
    pub representation: Representation,
    pub characters: u64,
    pub sheets: u32,
    pub images: u32,
    pub pages: Option<u32>,
    /// The pages as pictures, where judges were to be shown them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_view: Option<SeenPages>,
    /// Share of the file's text that is shown, 0 to 1; `None` where the size of a cut is not known.
    pub coverage: Option<f64>,
    pub cuts: Vec<Cut>,
    pub findings: Vec<Finding>,
}

/// What the judges were shown of a file's pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SeenPages {
    Rendered { renderer: String, pages: u32, of: u32 },
    Missing { reason: String },
}

impl PageView {
    /// What is kept of it in a manifest.
    #[must_use]
    pub fn seen(&self) -> SeenPages {
        match self {
            Self::Rendered { renderer, pages, of } => SeenPages::Rendered {
                renderer: renderer.clone(),
                pages: u32::try_from(pages.len()).unwrap_or(u32::MAX),
                of: *of,
            },
            Self::Missing { reason } => SeenPages::Missing { reason: reason.clone() },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Representation {
    Text,
    Images,
    TextAndImages,
    /// The sound or moving picture itself; judges without that sense are shown nothing of it.
    Media,
    None,
}
