//! Whether a file says a name anywhere: in its bytes, in the parts of a package (office files keep author, comments and
//! tracked changes in them), in the properties of a pdf. Letter case does not matter. What is compressed or encrypted in
//! another way is not looked into.

use std::io::Read;

use memchr::memmem;

use super::limits::ArchiveLimits;
use super::package::Package;

/// Bytes of a package's parts that are looked at; more than any real package has as markup.
const MOST: u64 = 64 << 20;

/// Whether `name` stands in the file.
#[must_use]
pub fn mentions(bytes: &[u8], name: &str) -> bool {
    let wanted = Wanted::new(name);
    wanted.is_in(bytes) || in_package(bytes, &wanted) || in_pdf(bytes, &wanted)
}

/// A name in the encodings in which files write text.
struct Wanted([Vec<u8>; 3]);

impl Wanted {
    fn new(name: &str) -> Self {
        let lower = name.to_lowercase();
        let wide = |bytes: fn(u16) -> [u8; 2]| lower.encode_utf16().flat_map(bytes).collect();
        Self([wide(u16::to_le_bytes), wide(u16::to_be_bytes), lower.into_bytes()])
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        let lower = bytes.to_ascii_lowercase();
        self.0.iter().any(|form| !form.is_empty() && memmem::find(&lower, form).is_some())
    }
}

fn in_package(bytes: &[u8], wanted: &Wanted) -> bool {
    let Ok((mut package, entries)) = Package::open(bytes, &ArchiveLimits::default()) else { return false };
    let mut left = MOST;
    for entry in &entries {
        if wanted.is_in(entry.name.as_bytes()) {
            return true;
        }
        // Pictures are not text, and the largest parts.
        let is_text = [".xml", ".rels", ".txt", ".json", ".html", ".vml"].iter().any(|end| entry.name.ends_with(end));
        if !is_text || entry.size > left {
            continue;
        }
        left -= entry.size;
        if package.read(entry).is_ok_and(|text| wanted.is_in(&text)) {
            return true;
        }
    }
    false
}

/// Properties of newer pdf files stand in streams that are deflated.
fn in_pdf(bytes: &[u8], wanted: &Wanted) -> bool {
    if !bytes.starts_with(b"%PDF") {
        return false;
    }
    let mut left = MOST;
    for at in memmem::find_iter(bytes, b"stream") {
        let data = &bytes[at + b"stream".len()..];
        let data = data.strip_prefix(b"\r\n").or_else(|| data.strip_prefix(b"\n")).unwrap_or(data);
        let mut text = Vec::new();
        // What is damaged or no deflated stream at all ends early; what was read of it counts.
        let _ = flate2::read::ZlibDecoder::new(data).take(left).read_to_end(&mut text);
        if wanted.is_in(&text) {
            return true;
        }
        left = left.saturating_sub(text.len() as u64);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::testing::zip;

    #[test]
    fn a_name_is_found_in_bytes_wide_text_and_the_parts_of_a_package() {
        assert!(mentions(b"by Atlas-9 today", "atlas-9") && !mentions(b"by Atlas-8", "atlas-9"));
        let wide: Vec<u8> = "Atlas-9".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(mentions(&wide, "atlas-9"));
        let properties = "<dc:creator>ATLAS-9</dc:creator>".repeat(40);
        let office = zip(&[("word/document.xml", b"<w:t>a memo</w:t>"), ("docProps/core.xml", properties.as_bytes())]);
        assert!(memmem::find(&office, b"ATLAS-9").is_none(), "it is compressed");
        assert!(mentions(&office, "atlas-9") && !mentions(&office, "atlas-8"));
    }

    #[test]
    fn a_name_in_a_deflated_stream_of_a_pdf_is_found() {
        use std::io::Write;
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all("<< /Author (Atlas-9) /Author (Atlas-9) >>".as_bytes()).unwrap();
        let pdf = [b"%PDF-1.7\n1 0 obj\nstream\n", packed.finish().unwrap().as_slice(), b"\nendstream"].concat();
        assert!(mentions(&pdf, "atlas-9") && !mentions(&pdf, "atlas-8"));
    }

    #[test]
    fn damaged_files_mention_nothing() {
        for bytes in [&b"%PDF-1.7 nothing"[..], b"PK\x03\x04 nothing", b""] {
            assert!(!mentions(bytes, "atlas-9"));
        }
    }
}
