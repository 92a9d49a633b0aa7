//! Bytes to text: every file of a submission becomes a `FileExtract` with its words, cells, images and an
//! account of what could not be read. Pure: no paths, no network, no clock; everything is under limits.
//!
//! A reader that fails makes an unreadable file with a reason, never an error and never an empty text.
//!
//! # How to add a reader
//! 1. One file with a `pub(super) const READER: Reader`: its id with a version (raise the version when the
//!    text it makes changes), `recognise` (by content first, then by name) and `read` (into the draft).
//! 2. One `mod` line and one line in [`READERS`], before the readers whose files it would be mistaken for.

use std::cell::OnceCell;

use sha2::Digest;

use crate::domain::{Extract, FileExtract, Outcome};

mod calc;
mod chart;
mod code;
mod compressed;
mod csv;
mod docx;
mod draft;
mod email;
mod grid;
mod html;
mod images;
mod instructions;
mod invisible;
mod json;
mod limits;
mod mail_code;
mod mbox;
mod media;
mod members;
mod mentions;
mod notebook;
mod numfmt;
mod odf;
mod ods;
mod opc;
mod outlook;
mod outlook_rtf;
mod package;
mod pdf;
mod pptx;
mod rtf;
mod steps;
mod tar;
mod text;
mod unknown;
mod watch;
mod xls;
mod xlsx;
mod xml;
mod xml_text;
mod zip;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod real_files;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use draft::Draft;
pub use limits::{ArchiveLimits, Limits};
use members::Budget;
pub use mentions::mentions;
pub use pdf::{RenderedPages, render_pdf};
pub use steps::read_steps;

/// The readers, in the order in which they are asked whether a file is theirs.
const READERS: &[&Reader] = &[
    &images::READER,
    &pdf::READER,
    &docx::READER,
    &xlsx::READER,
    &pptx::READER,
    &odf::READER,
    &outlook::READER,
    &xls::READER,
    &zip::READER,
    &tar::READER,
    &compressed::READER,
    &media::READER,
    &rtf::READER,
    &email::READER,
    &mbox::READER,
    &html::READER,
    &notebook::READER,
    &json::READER,
    &csv::READER,
    &xml_text::READER,
    &code::READER,
    &text::READER,
    &unknown::READER,
];

/// A stack for parsers that recurse. Only what is used becomes memory.
const STACK_BYTES: usize = 32 << 20;

/// A file to be read.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The bare name or, inside an archive, the path.
    pub name: &'a str,
    /// What the sender said it is; used only where neither content nor name tell.
    pub media_type: Option<&'a str>,
    pub bytes: &'a [u8],
}

/// One kind of file.
struct Reader {
    /// `xlsx/1`: stored with each extract.
    id: &'static str,
    /// The media type, if the file is of this kind.
    recognise: fn(&Sample<'_>) -> Option<&'static str>,
    /// Why nothing could be read, in words that tell what to do.
    read: fn(&Sample<'_>, &mut Draft<'_>) -> Result<(), String>,
}

/// A file as the readers see it, with what several of them want to know of it.
struct Sample<'a> {
    name: &'a str,
    /// Lower case, without the dot; empty if there is none.
    extension: String,
    declared: Option<&'a str>,
    bytes: &'a [u8],
    entries: OnceCell<Option<Vec<String>>>,
    decoded: OnceCell<Option<text::Decoded>>,
}

impl<'a> Sample<'a> {
    fn new(input: &Input<'a>) -> Self {
        let file = input.name.rsplit(['/', '\\']).next().unwrap_or(input.name);
        let extension = file.rsplit_once('.').map_or_else(String::new, |(_, e)| e.to_ascii_lowercase());
        Self {
            name: input.name,
            extension,
            declared: input.media_type.and_then(|m| m.split(';').next()).map(str::trim),
            bytes: input.bytes,
            entries: OnceCell::new(),
            decoded: OnceCell::new(),
        }
    }

    fn has_extension(&self, any_of: &[&str]) -> bool {
        any_of.contains(&self.extension.as_str())
    }

    /// The names in a zip archive, or `None` if this is no zip.
    fn entries(&self) -> Option<&[String]> {
        self.entries.get_or_init(|| package::entry_names(self.bytes)).as_deref()
    }

    fn has_entry(&self, name: &str) -> bool {
        self.entries().is_some_and(|names| names.iter().any(|n| n == name))
    }

    /// The text, or `None` if this is not text.
    fn decoded(&self) -> Option<&text::Decoded> {
        self.decoded.get_or_init(|| text::decode(self.bytes)).as_ref()
    }
}

/// Which file an extract is of.
struct Identity {
    name: String,
    media_type: String,
    bytes: u64,
    sha256: String,
}

/// Reads a file. Total: never fails and never panics; what cannot be read is an unreadable `FileExtract`.
/// An archive gives itself and then its members, each named `archive.zip/member.docx`.
#[must_use]
pub fn read(input: &Input<'_>, limits: &Limits) -> Vec<FileExtract> {
    read_within(input, limits, Budget::of(limits)).0
}

/// All readers with their versions, and what looks for instructions to judges: together with the limits, what an extract
/// is made by.
#[must_use]
pub fn readers() -> Vec<&'static str> {
    READERS.iter().map(|reader| reader.id).chain([watch::ID, instructions::DETECTOR]).collect()
}

/// Reads all files of a submission, in their order.
#[must_use]
pub fn read_all<'a>(inputs: impl IntoIterator<Item = Input<'a>>, limits: &Limits) -> Extract {
    Extract { files: inputs.into_iter().flat_map(|input| read(&input, limits)).collect() }
}

/// The submission's own final message, as a file named `message`.
#[must_use]
pub fn read_message(text: &str) -> FileExtract {
    let identity = Identity {
        name: "message".to_owned(),
        media_type: "text/markdown".to_owned(),
        bytes: text.len() as u64,
        sha256: sha256(text.as_bytes()),
    };
    let limits = Limits::default();
    let mut draft = Draft::new(&limits, Budget::of(&limits));
    text::push_lines(text, &mut draft);
    draft.finish(identity, text::READER.id).swap_remove(0)
}

/// What kind of file this is, by content first, then by name; `application/octet-stream` if neither tells.
#[must_use]
pub fn media_type(name: &str, bytes: &[u8]) -> String {
    guarded(|| recognise(&Sample::new(&Input { name, media_type: None, bytes })).1.to_owned())
        .unwrap_or_else(|_| "application/octet-stream".to_owned())
}

fn recognise(sample: &Sample<'_>) -> (&'static Reader, &'static str) {
    for reader in READERS {
        if let Some(media_type) = (reader.recognise)(sample) {
            return (reader, media_type);
        }
    }
    (&unknown::READER, "application/octet-stream")
}

/// Reads on what is left of an outer file's budget, and says what is left after it.
fn read_within(input: &Input<'_>, limits: &Limits, budget: Budget) -> (Vec<FileExtract>, Budget) {
    let bytes = input.bytes.len() as u64;
    let mut identity = Identity {
        name: input.name.to_owned(),
        media_type: "application/octet-stream".to_owned(),
        bytes,
        sha256: sha256(input.bytes),
    };
    if bytes > limits.max_file_bytes {
        let reason = format!("{bytes} bytes, over the limit of {}; send a smaller file", limits.max_file_bytes);
        return (vec![unreadable(identity, unknown::READER.id, Some(limits), reason)], budget);
    }
    if bytes == 0 {
        let reason = "the file is empty (0 bytes); send it again".to_owned();
        return (vec![unreadable(identity, unknown::READER.id, Some(limits), reason)], budget);
    }
    let recognised = guarded(|| {
        let sample = Sample::new(input);
        let (reader, media_type) = recognise(&sample);
        (reader, media_type, guarded_read((reader, media_type), &sample, limits, budget))
    });
    match recognised {
        Err(()) => {
            let reason = "the file's kind could not be told: its structure breaks the parser; save it again".to_owned();
            (vec![unreadable(identity, unknown::READER.id, Some(limits), reason)], budget)
        }
        Ok((reader, media_type, result)) => {
            identity.media_type = media_type.to_owned();
            match result {
                Ok(draft) => {
                    let left = draft.budget;
                    (draft.finish(identity, reader.id), left)
                }
                Err(reason) => (vec![unreadable(identity, reader.id, Some(limits), reason)], budget),
            }
        }
    }
}

fn guarded_read<'l>(
    (reader, media_type): (&Reader, &str),
    sample: &Sample<'_>,
    limits: &'l Limits,
    budget: Budget,
) -> Result<Draft<'l>, String> {
    // Not `guarded` again: the panic of a reader has its own words.
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut draft = Draft::new(limits, budget);
        (reader.read)(sample, &mut draft)?;
        watch::look(sample, media_type, &mut draft);
        instructions::gather(sample, media_type, &mut draft);
        Ok(draft)
    }));
    caught.unwrap_or_else(|_| {
        Err(format!("the file is damaged in a way that breaks the reader {}; save it again or as pdf", reader.id))
    })
}

/// Runs a parser on a thread with a deep stack; a panic is `Err`.
fn guarded<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, ()> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("document".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work)
            .map_err(|_| ())?
            .join()
            .map_err(|_| ())
    })
}

/// A file that no reader could be asked about.
#[must_use]
pub fn unread(name: &str, media_type: &str, bytes: u64, sha256: &str, reason: String) -> FileExtract {
    let (name, media_type, sha256) = (name.to_owned(), media_type.to_owned(), sha256.to_owned());
    unreadable(Identity { name, media_type, bytes, sha256 }, unknown::READER.id, None, reason)
}

fn unreadable(identity: Identity, reader: &str, limits: Option<&Limits>, reason: String) -> FileExtract {
    let mut file = FileExtract {
        name: identity.name,
        media_type: identity.media_type,
        bytes: identity.bytes,
        sha256: identity.sha256,
        reader: reader.to_owned(),
        settings: limits.map(Limits::fingerprint),
        outcome: Outcome::Unreadable { reason },
        segments: Vec::new(),
        sheets: Vec::new(),
        images: Vec::new(),
        media: None,
        page_view: None,
        pages: None,
        cuts: Vec::new(),
        findings: Vec::new(),
    };
    instructions::look_at_name(&mut file);
    file
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(sha2::Sha256::digest(bytes))
}
