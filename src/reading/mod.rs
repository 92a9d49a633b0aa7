//! A submission's files to its extract: off the asynchronous threads, under limits. What the room `document` does
//! with bytes, this room does for the stories: it decides where a reader runs.

use bytes::Bytes;

use crate::document::{self, Limits};
use crate::domain::{FileExtract, StoredFile};

/// Reads files for the stories.
#[derive(Debug)]
pub struct Reading {
    limits: Limits,
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
        Self { limits }
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
}
