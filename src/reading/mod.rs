//! A submission's files to its extract: off the asynchronous threads, under limits. What the room `document` does
//! with bytes, this room does for the stories: it decides where a reader runs.
//!
//! - `pages`: pages as pictures. `office`: LibreOffice, where it is there. `pictures`: pictures in a useful size.
//! - `seen`: what of all that a judge with certain senses is shown.

mod office;
mod pages;
mod pictures;
mod seen;

use std::sync::Arc;

use bytes::Bytes;

use crate::document::{self, Limits};
use crate::domain::{Extract, FileExtract, Senses, StoredFile};

pub use office::{Office, OfficeLimits, OfficeProgram};
pub use pages::{Drawn, Pages, Sheaf, has_pages};
pub use seen::{Begin, first_pages};

/// Reads files for the stories.
#[derive(Debug)]
pub struct Reading {
    limits: Limits,
    pages: Pages,
}

/// A stored file with its bytes.
#[derive(Debug, Clone)]
pub struct Source {
    pub file: StoredFile,
    pub bytes: Bytes,
}

impl Reading {
    /// Readers run in this process, on threads that may block.
    #[must_use]
    pub fn in_process(limits: Limits) -> Self {
        let office = Office::new(OfficeProgram::Auto, OfficeLimits::default());
        Self { pages: Pages::new(office, document::render_pdf, limits.clone()), limits }
    }

    /// Office files are drawn by this LibreOffice, or by none.
    #[must_use]
    pub fn with_office(self, office: Office) -> Self {
        Self { pages: Pages::new(office, document::render_pdf, self.limits.clone()), ..self }
    }

    /// A file and, if it is an archive, its members. Total: what cannot be read says why.
    pub async fn read(&self, source: Source) -> Vec<FileExtract> {
        let limits = self.limits.clone();
        let name = source.file.clone();
        let read = move || {
            let file = &source.file;
            let input =
                document::Input { name: file.name.as_str(), media_type: Some(&file.media_type), bytes: &source.bytes };
            document::read(&input, &limits)
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(extracts) => extracts,
            Err(error) => vec![document::unread(
                name.name.as_str(),
                &name.media_type,
                name.bytes,
                &name.sha256,
                format!("the thread of its reader ended early: {error}; grade it again"),
            )],
        }
    }

    /// Pages of a file as pictures, from 1, the end not included; an empty range only counts them. Kept, so that
    /// nothing is drawn twice.
    ///
    /// # Errors
    /// Why there are none, in words.
    pub async fn draw(&self, file: &Sheaf, wanted: std::ops::Range<u32>, max_px: u32) -> Result<Drawn, String> {
        self.pages.draw(file, wanted, max_px).await
    }

    /// The extract as a judge with these senses is shown it; the same `Arc` if it is shown all that was read.
    /// `sheaves` are the files whose pages can be drawn; `begin` says which pages are shown where not all are.
    pub async fn seen_by(
        &self,
        senses: &Senses,
        extract: &Arc<Extract>,
        sheaves: &[Sheaf],
        begin: Begin<'_>,
    ) -> Arc<Extract> {
        seen::seen(self, senses, extract, sheaves, begin).await
    }
}
