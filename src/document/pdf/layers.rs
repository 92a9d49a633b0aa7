//! Layers that are switched off (optional content, ISO 32000-2, 8.11): nobody sees them before switching them on, and
//! the interpreter leaves them out. To know what stands on them the file is read a second time, with its list of layers
//! taken away, so that everything is drawn; what was not drawn the first time is on such a layer.

use std::collections::HashSet;

use hayro_interpret::hayro_syntax::Pdf;
use hayro_interpret::hayro_syntax::object::{Array, Dict, Name, ObjRef, ObjectIdentifier};

use super::beside::{catalog, string_at};
use super::collect::{PdfGlyph, Unseen, place_of};

const KEY: &[u8] = b"/OCProperties";
/// Of the same length, known to nobody.
const NO_KEY: &[u8] = b"/XCProperties";
/// Layers that are named.
const MAX_NAMES: usize = 50;

/// The layers of a file that are off.
pub(super) struct Layers {
    pub names: Vec<String>,
    /// The file with everything drawn; `None` where that cannot be had.
    pub whole: Option<Pdf>,
}

/// `None` if no layer is off.
pub(super) fn off(pdf: &Pdf, bytes: &[u8]) -> Option<Layers> {
    let catalog = catalog(pdf)?;
    let properties = catalog.get::<Dict<'_>>(b"OCProperties".as_slice())?;
    let config = properties.get::<Dict<'_>>(b"D".as_slice())?;
    let listed = |dict: &Dict<'_>, key: &[u8]| -> HashSet<ObjectIdentifier> {
        let list = dict.get::<Array<'_>>(key);
        list.iter().flat_map(|list| list.raw_iter()).filter_map(|item| item.as_obj_ref()).map(ObjRef::into).collect()
    };
    let mut off = match config.get::<Name<'_>>(b"BaseState".as_slice()) {
        Some(state) if state.as_str() == "OFF" => listed(&properties, b"OCGs"),
        _ => HashSet::new(),
    };
    off.retain(|id| !listed(&config, b"ON").contains(id));
    off.extend(listed(&config, b"OFF"));
    if off.is_empty() {
        return None;
    }
    let mut ids: Vec<ObjectIdentifier> = off.into_iter().collect();
    ids.sort();
    let named = ids.iter().filter_map(|id| string_at(&pdf.xref().get::<Dict<'_>>(*id)?, "Name"));
    let names = named.take(MAX_NAMES).map(|name| name.chars().take(100).collect()).collect();
    let readable = |bytes: Vec<u8>| {
        let whole = Pdf::new(bytes).ok()?;
        let bare = self::catalog(&whole).is_some_and(|catalog| !catalog.contains_key(b"OCProperties".as_slice()));
        (bare && whole.pages().len() == pdf.pages().len()).then_some(whole)
    };
    let whole = readable(without_key(bytes)).or_else(|| readable(with_other_catalog(pdf, bytes)?));
    Some(Layers { names, whole })
}

fn without_key(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let found: Vec<usize> =
        bytes.windows(KEY.len()).enumerate().filter(|(_, at)| *at == KEY).map(|(at, _)| at).collect();
    for at in found {
        if let Some(key) = bytes.get_mut(at..at + KEY.len()) {
            key.copy_from_slice(NO_KEY);
        }
    }
    bytes
}

/// The file with a changed catalog appended, as programs do that save changes: for catalogs that are packed.
fn with_other_catalog(pdf: &Pdf, bytes: &[u8]) -> Option<Vec<u8>> {
    let before = bytes.windows(9).rposition(|at| at == b"startxref")?;
    let table = bytes.get(before + 9..)?.trim_ascii_start();
    let digits = table.iter().take_while(|b| b.is_ascii_digit()).count();
    let table: u64 = std::str::from_utf8(table.get(..digits)?).ok()?.parse().ok()?;
    let root = pdf.xref().root_id();
    let catalog = catalog(pdf)?;
    let mut out = bytes.to_vec();
    out.push(b'\n');
    let at = out.len();
    out.extend_from_slice(format!("{} {} obj\n", root.obj_number, root.gen_number).as_bytes());
    let body = without_key(catalog.data());
    let framed = body.starts_with(b"<<");
    out.extend_from_slice(if framed { b"" } else { b"<<" });
    out.extend_from_slice(&body);
    out.extend_from_slice(if framed { b"" } else { b">>" });
    let start = out.len() + 8;
    let size = u64::try_from(pdf.len()).unwrap_or(u64::MAX).max(u64::from(root.obj_number) + 1);
    out.extend_from_slice(
        format!(
            "\nendobj\nxref\n{} 1\n{at:010} {:05} n \ntrailer\n<</Size {size}/Root {} {} R/Prev {table}>>\nstartxref\n{start}\n%%EOF\n",
            root.obj_number, root.gen_number, root.obj_number, root.gen_number
        )
        .as_bytes(),
    );
    Some(out)
}

/// What is drawn only when all layers are on.
pub(super) fn only_in(whole: Vec<PdfGlyph>, shown: &[PdfGlyph]) -> Vec<PdfGlyph> {
    let known: HashSet<_> = shown.iter().map(place_of).collect();
    whole
        .into_iter()
        .filter(|glyph| !known.contains(&place_of(glyph)))
        .map(|glyph| PdfGlyph { hidden: Some(Unseen::LayerOff), ..glyph })
        .collect()
}
