//! Hostile and ordinary files in one line, for this room's tests.

use std::io::{Cursor, Write};

use crate::domain::FileExtract;

use super::{Input, Limits, read};

/// A zip with these members.
pub(super) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// What readers make of a file. What it says to judges is left out: `instructions` has tests of its own.
pub(super) fn read_files(name: &str, bytes: &[u8]) -> Vec<FileExtract> {
    let mut files = read(&Input { name, media_type: None, bytes }, &Limits::default());
    files.iter_mut().for_each(|file| file.findings.retain(|finding| !finding.is_for_judges()));
    files
}

pub(super) fn read_one(name: &str, bytes: &[u8]) -> FileExtract {
    read_files(name, bytes).swap_remove(0)
}

pub(super) fn text_of(file: &FileExtract) -> String {
    file.segments.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join("\n")
}

pub(super) fn reason(file: &FileExtract) -> &str {
    match &file.outcome {
        crate::domain::Outcome::Unreadable { reason } => reason,
        other => panic!("readable: {other:?}: {}", text_of(file)),
    }
}

/// A Word document with this body, as little as Word needs.
pub(super) fn docx(body: &str, more: &[(&str, &str)], relations: &str) -> Vec<u8> {
    let document =
        format!(r#"<?xml version="1.0"?><w:document xmlns:w="w" xmlns:r="r"><w:body>{body}</w:body></w:document>"#);
    let relations = format!("<Relationships>{relations}</Relationships>");
    let mut members = vec![
        ("[Content_Types].xml", &b"<Types/>"[..]),
        ("word/document.xml", document.as_bytes()),
        ("word/_rels/document.xml.rels", relations.as_bytes()),
    ];
    members.extend(more.iter().map(|(name, text)| (*name, text.as_bytes())));
    zip(&members)
}

/// A workbook of these sheets: name, further attributes of the entry, rows.
pub(super) fn xlsx(sheets: &[(&str, &str, &str)]) -> Vec<u8> {
    let mut list = String::new();
    let mut relations = String::new();
    let mut members = Vec::new();
    for (index, (name, attributes, rows)) in sheets.iter().enumerate() {
        list.push_str(&format!(r#"<sheet name="{name}" {attributes} r:id="r{index}"/>"#));
        relations
            .push_str(&format!(r#"<Relationship Id="r{index}" Type="x/worksheet" Target="worksheets/s{index}.xml"/>"#));
        let text = format!("<worksheet><sheetData>{rows}</sheetData></worksheet>");
        members.push((format!("xl/worksheets/s{index}.xml"), text));
    }
    members.push(("xl/workbook.xml".to_owned(), format!("<workbook><sheets>{list}</sheets></workbook>")));
    members.push(("xl/_rels/workbook.xml.rels".to_owned(), format!("<Relationships>{relations}</Relationships>")));
    let members: Vec<_> = members.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    zip(&members)
}

/// A pdf with one page per content stream, set in Helvetica as `/F1`.
pub(super) fn pdf(pages: &[&str]) -> Vec<u8> {
    let kids: Vec<String> = (0..pages.len()).map(|i| format!("{} 0 R", 4 + i * 2)).collect();
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        format!("<</Type/Pages/Kids[{}]/Count {}>>", kids.join(" "), pages.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_owned(),
    ];
    for (index, content) in pages.iter().enumerate() {
        let stream = 5 + index * 2;
        objects.push(format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>/Contents {stream} 0 R>>"
        ));
        objects.push(format!("<</Length {}>>stream\n{content}\nendstream", content.len()));
    }
    pdf_of(&objects)
}

/// A pdf of these objects, numbered from 1; the first is the catalog.
pub(super) fn pdf_of(objects: &[String]) -> Vec<u8> {
    let mut bytes = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(bytes.len());
        bytes.extend_from_slice(format!("{} 0 obj\n{object}\nendobj\n", index + 1).as_bytes());
    }
    let start = bytes.len();
    bytes.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).as_bytes());
    for offset in offsets {
        bytes.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
    }
    bytes.extend_from_slice(
        format!("trailer<</Size {}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF", objects.len() + 1).as_bytes(),
    );
    bytes
}

/// The file with some bytes changed and sometimes cut off. The generator is its own, so that every run tries
/// the same damage.
pub(super) fn damaged(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + next() % 8 {
        let at = next() % bytes.len();
        bytes[at] = next() as u8;
    }
    if next() % 4 == 0 {
        bytes.truncate(next() % bytes.len() + 1);
    }
    bytes
}

/// A tar with these files.
pub(super) fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An Outlook message, property by property; a property of a storage stands under its path.
pub(super) struct Msg {
    streams: Vec<(String, Vec<u8>)>,
    fixed: Vec<u8>,
}

impl Msg {
    pub fn new() -> Self {
        Self { streams: Vec::new(), fixed: vec![0; 32] }
    }

    pub fn text(self, at: &str, tag: &str, text: &str) -> Self {
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.bytes(at, &format!("{tag}001F"), &wide)
    }

    pub fn bytes(mut self, at: &str, tag: &str, bytes: &[u8]) -> Self {
        self.streams.push((format!("{at}/__substg1.0_{tag}"), bytes.to_vec()));
        self
    }

    /// A message inside another: a storage with properties of its own.
    pub fn message(mut self, at: &str) -> Self {
        self.streams.push((format!("{at}/__properties_version1.0"), vec![0; 24]));
        self
    }

    /// A time of the message itself, in seconds since 1970.
    pub fn time(mut self, at: &str, tag: &str, seconds: i64) -> Self {
        assert!(at.is_empty());
        let tag = u16::from_str_radix(tag, 16).unwrap();
        self.fixed.extend([0x40, 0]);
        self.fixed.extend(tag.to_le_bytes());
        self.fixed.extend([6, 0, 0, 0]);
        self.fixed.extend(((seconds + 11_644_473_600) * 10_000_000).to_le_bytes());
        self
    }

    pub fn build(self) -> Vec<u8> {
        let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
        let fixed = [("/__properties_version1.0".to_owned(), self.fixed)];
        for (path, bytes) in fixed.iter().chain(&self.streams) {
            let folder = path.rsplit_once('/').unwrap().0;
            if !folder.is_empty() {
                file.create_storage_all(folder).unwrap();
            }
            file.create_stream(path).unwrap().write_all(bytes).unwrap();
        }
        file.into_inner().into_inner()
    }
}
