//! How much of a file may be read. What a limit drops is a `Cut` in the extract, never a silence.

use serde::{Deserialize, Serialize};

use crate::domain::Fingerprint;

/// Bounds of reading one file (an archive and its members count as one for [`ArchiveLimits`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of one file. A larger one is unreadable.
    pub max_file_bytes: u64,
    /// Characters (Unicode scalar values) of the text view of one file.
    pub max_text_chars: u64,
    /// Filled cells of one workbook or csv file.
    pub max_cells: u64,
    /// Sheets of one workbook.
    pub max_sheets: usize,
    /// Pieces of text of one file.
    pub max_segments: usize,
    pub archive: ArchiveLimits,
    /// Images taken from one file.
    pub max_images: usize,
    /// Bytes of one image, as stored in the file (not decoded).
    pub max_image_bytes: u64,
    /// Width times height of one image.
    pub max_image_pixels: u64,
    /// Pages of a pdf and slides of a presentation.
    pub max_pages: u32,
    /// Levels of nesting (elements in elements, tables in tables, groups in groups) in XML and HTML.
    pub max_nesting: usize,
    /// Characters drawn on the pages of one pdf, painted or not: a bound on the work.
    pub max_glyphs: u64,
}

/// Bounds of unpacking: of zip archives and of the packages that office files are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArchiveLimits {
    /// Entries in one archive, and members in all nested archives together.
    pub max_entries: usize,
    /// Unpacked bytes of all entries, nested archives included.
    pub max_total_bytes: u64,
    /// Unpacked bytes of one entry.
    pub max_entry_bytes: u64,
    /// Unpacked bytes per packed byte, for entries of more than a mebibyte.
    pub max_ratio: u64,
    /// How deep archives in archives are opened; 1 opens the archive itself only.
    pub max_depth: u32,
}

impl Limits {
    /// With a reader's version, what an extract is made by: also by what looks for instructions to judges.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&(self, super::instructions::DETECTOR))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_file_bytes: 100 << 20,
            max_text_chars: 2_000_000,
            max_cells: 500_000,
            max_sheets: 256,
            max_segments: 200_000,
            archive: ArchiveLimits::default(),
            max_images: 64,
            max_image_bytes: 10 << 20,
            max_image_pixels: 60_000_000,
            max_pages: 2_000,
            max_nesting: 128,
            max_glyphs: 5_000_000,
        }
    }
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self {
            max_entries: 2_000,
            max_total_bytes: 512 << 20,
            max_entry_bytes: 128 << 20,
            max_ratio: 400,
            max_depth: 3,
        }
    }
}
