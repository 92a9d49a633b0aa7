//! A few bytes that make a parser do endless work or take endless memory, looked for before it meets them: a fax of billions of
//! signs, functions in functions, fonts with a letter for each of four billion codes. ISO 32000-2, 7.4.6, 7.10.5, 9.10.3.

use hayro_interpret::hayro_syntax::Filter;
use hayro_interpret::hayro_syntax::object::{Array, Dict, Name, Object, Stream};
use memchr::memmem;

use super::survey::bomb;
use super::unpacked;

/// Bytes of a fax, whose rows are made as wide as it says before anything of them is read: many times the largest sheet.
const MOST_OF_A_FAX: u64 = 1 << 30;
/// Blocks in blocks of a function, which the parser follows by recursion.
const MOST_BLOCKS: usize = 64;
/// Codes of one font that have letters: a font has 65,536 at most.
const MOST_CODES: u64 = 1 << 20;

/// # Errors
/// Why the file is not read.
pub(super) fn of_stream(stream: &Stream<'_>) -> Result<(), String> {
    if fax(stream) > MOST_OF_A_FAX {
        return Err(bomb());
    }
    if blocks(stream) > MOST_BLOCKS {
        return Err(format!("a function of the pdf is nested deeper than {MOST_BLOCKS} levels; save it again"));
    }
    Ok(())
}

/// Of a table that says which letters a font's codes are (`ToUnicode`).
///
/// # Errors
/// Why the file is not read.
pub(super) fn of_letters(table: &Stream<'_>) -> Result<(), String> {
    if unpacked::size(&table.raw_data(), &table.filters()).is_err() {
        return Err(bomb());
    }
    let text = table.decoded_data().unwrap_or_default();
    if codes(&text) > MOST_CODES {
        return Err(too_many_codes());
    }
    Ok(())
}

pub(super) fn too_many_codes() -> String {
    format!("a font of the pdf is for more than {MOST_CODES} codes; save it again")
}

/// Bytes that a picture packed as a fax becomes; 0 for any other.
fn fax(stream: &Stream<'_>) -> u64 {
    if !stream.filters().contains(&Filter::CcittFaxDecode) {
        return 0;
    }
    let dict = stream.dict();
    let one = dict.get::<Dict<'_>>(b"DecodeParms".as_slice());
    let several = dict.get::<Array<'_>>(b"DecodeParms".as_slice());
    let several = several.iter().flat_map(|all| all.iter::<Object<'_>>()).filter_map(|one| match one {
        Object::Dict(dict) => Some(dict),
        _ => None,
    });
    let rows = |dict: &Dict<'_>, key: &[u8]| u64::from(dict.get::<u32>(key).unwrap_or(0));
    let height = rows(dict, b"Height");
    let sizes = one.into_iter().chain(several).map(|parms| {
        let columns = parms.get::<u32>(b"Columns".as_slice()).map_or(1_728, u64::from);
        columns.saturating_mul(if height > 0 { height } else { rows(&parms, b"Rows") })
    });
    sizes.max().unwrap_or(0)
}

/// How deep the blocks of a PostScript function nest; 0 for any other stream.
fn blocks(stream: &Stream<'_>) -> usize {
    if stream.dict().get::<u32>(b"FunctionType".as_slice()) != Some(4) {
        return 0;
    }
    let text = stream.decoded_data().unwrap_or_default();
    let mut deepest = 0;
    let mut depth = 0usize;
    for byte in text.iter() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Whether a font's widths are given for more codes than a font has: a range is made as long as it says.
pub(super) fn has_endless_widths(font: &Dict<'_>) -> bool {
    let is_font = font.get::<Name<'_>>(b"Subtype".as_slice()).is_some_and(|kind| kind.as_str().starts_with("CIDFont"));
    let ranges = |key: &[u8], numbers| font.get::<Array<'_>>(key).map_or(0, |all| widths(&all, numbers));
    is_font && ranges(b"W", 1).saturating_add(ranges(b"W2", 3)) > MOST_CODES
}

/// Codes of all ranges: `first last` and so many numbers. A code with a list has a width for each of its own.
fn widths(all: &Array<'_>, numbers: usize) -> u64 {
    let (mut sum, mut items) = (0u64, all.iter::<Object<'_>>());
    while let (Some(first), Some(last)) = (items.next(), items.next()) {
        if let (Object::Number(first), Object::Number(last)) = (first, last) {
            let codes = (last.as_f64() - first.as_f64() + 1.0).max(0.0);
            // What is no whole number is cut, and what is more than can be counted is the most.
            sum = sum.saturating_add(codes as u64);
            (0..numbers).for_each(|_| drop(items.next()));
        }
    }
    sum
}

/// Codes that the ranges of a table name together.
fn codes(text: &[u8]) -> u64 {
    let mut sum = 0u64;
    for start in memmem::find_iter(text, b"beginbfrange") {
        let rest = &text[start..];
        let rest = &rest[..memmem::find(rest, b"endbfrange").unwrap_or(rest.len())];
        let (mut at, mut first, mut list) = (0, None, false);
        // Of each three, the first two; the third may be a list.
        let mut place = 0;
        while let Some(byte) = rest.get(at) {
            match byte {
                b'[' => list = true,
                b']' => (list, place) = (false, 0),
                b'<' if !list => {
                    let end = rest[at..].iter().position(|b| *b == b'>').map_or(rest.len(), |end| at + end);
                    let code = hex(&rest[at + 1..end]);
                    match (place, first) {
                        (0, _) => first = Some(code),
                        (1, Some(from)) => sum = sum.saturating_add((code + 1).saturating_sub(from)),
                        _ => {}
                    }
                    place = (place + 1) % 3;
                    at = end;
                }
                _ => {}
            }
            at += 1;
        }
    }
    sum
}

/// The number that hexadecimal digits are, as far as it can be a code.
fn hex(digits: &[u8]) -> u64 {
    let digits = digits.iter().filter_map(|digit| char::from(*digit).to_digit(16));
    digits.fold(0, |code, digit| code.saturating_mul(16).saturating_add(u64::from(digit)).min(u64::from(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_a_font_are_counted_by_their_ranges() {
        for (text, count) in [
            (&b"1 beginbfrange <00> <ff> <0041> endbfrange"[..], 256),
            (b"2 beginbfrange <0000> <0001> [<0041> <0042>] <0010> <001f> <0061> endbfrange", 18),
            (b"beginbfrange <00000000> <ffffffff> <0041> <0000> <ffff> [<0041>] endbfrange", (1 << 32) + (1 << 16)),
            (b"beginbfrange <05> <01> <0041> endbfrange beginbfrange <01> <02> <0041>", 2),
            (b"1 beginbfchar <01> <0041> endbfchar", 0),
            (b"beginbfrange <", 0),
            (b"", 0),
        ] {
            assert_eq!(codes(text), count, "{}", String::from_utf8_lossy(text));
        }
    }
}
