//! How much a stream of a pdf unpacks to, found out without holding it. The parser unpacks a stream whole wherever it meets
//! one, also one that says of itself that it is packed several times; a few kilobytes can be gigabytes so. ISO 32000-2, 7.4.

use std::borrow::Cow;
use std::io::Read;

use hayro_interpret::hayro_syntax::Filter;

/// Bytes that one stream may unpack to: more than the largest picture that is shown.
pub(super) const MOST: u64 = 256 << 20;
/// Bytes between two packings of one stream.
const MOST_BETWEEN: u64 = 64 << 20;
/// What one byte becomes at most, by the way it is packed.
const FLATE: u64 = 1_032;
const LZW: u64 = 2_800;
const RUNS: u64 = 64;
const SIGNS: u64 = 4;

/// A stream that unpacks to more than [`MOST`], or to more than can be looked at in between.
#[derive(Debug, PartialEq)]
pub(super) struct TooMuch;

/// Bytes that a stream may become, from its size alone.
pub(super) fn bound(size: u64, filters: &[Filter]) -> u64 {
    filters.iter().take_while(|filter| !is_picture(filter)).fold(size, |size, filter| {
        size.saturating_mul(match filter {
            Filter::FlateDecode => FLATE,
            Filter::LzwDecode => LZW,
            Filter::RunLengthDecode => RUNS,
            Filter::Ascii85Decode => SIGNS,
            _ => 1,
        })
    })
}

/// Bytes that a stream becomes, as far as they are no picture's.
pub(super) fn size(raw: &[u8], filters: &[Filter]) -> Result<u64, TooMuch> {
    let filters: Vec<&Filter> =
        filters.iter().take_while(|f| !is_picture(f)).filter(|f| **f != Filter::Crypt).collect();
    let mut data = Cow::Borrowed(raw);
    for (number, filter) in filters.iter().enumerate() {
        if number + 1 == filters.len() {
            let size = match filter {
                Filter::FlateDecode => count(inflated(&data), MOST)?,
                Filter::LzwDecode => lzw_size(&data)?,
                Filter::RunLengthDecode => runs(&data, MOST, &mut |_| {})?,
                // They become shorter, but for signs that stand for four.
                _ => data.len() as u64 * SIGNS,
            };
            return if size > MOST { Err(TooMuch) } else { Ok(size) };
        }
        data = Cow::Owned(match filter {
            Filter::FlateDecode => {
                let mut bytes = Vec::new();
                // What is damaged ends there.
                let _ = inflated(&data).take(MOST_BETWEEN + 1).read_to_end(&mut bytes);
                bytes
            }
            Filter::RunLengthDecode => {
                let mut bytes = Vec::new();
                runs(&data, MOST_BETWEEN, &mut |run| bytes.extend_from_slice(run))?;
                bytes
            }
            Filter::Ascii85Decode => ascii_85(&data),
            Filter::AsciiHexDecode => ascii_hex(&data),
            // Nobody packs what this has packed; what is small cannot become much.
            _ if bound(data.len() as u64, &[**filter, Filter::FlateDecode]) > MOST => return Err(TooMuch),
            _ => return Ok(0),
        });
        if data.len() as u64 > MOST_BETWEEN {
            return Err(TooMuch);
        }
    }
    Ok(data.len() as u64)
}

/// Bytes that something packed by deflate becomes (0 if it is not), and what is packed in it again, if it looks so: for streams whose
/// filters are not known yet.
pub(super) fn sniffed(raw: &[u8]) -> Result<u64, TooMuch> {
    let mut data = Cow::Borrowed(raw);
    for _ in 0..8 {
        if !is_zlib(&data) {
            return Ok(0);
        }
        let mut start = [0; 2];
        if inflated(&data).read_exact(&mut start).is_err() || !is_zlib(&start) {
            return count(inflated(&data), MOST);
        }
        let mut bytes = Vec::new();
        let _ = inflated(&data).take(MOST_BETWEEN + 1).read_to_end(&mut bytes);
        if bytes.len() as u64 > MOST_BETWEEN {
            return Err(TooMuch);
        }
        data = Cow::Owned(bytes);
    }
    Err(TooMuch)
}

const fn is_picture(filter: &Filter) -> bool {
    matches!(filter, Filter::DctDecode | Filter::JpxDecode | Filter::Jbig2Decode | Filter::CcittFaxDecode)
}

fn is_zlib(data: &[u8]) -> bool {
    matches!(data, [method, flags, ..] if method & 15 == 8 && (u16::from(*method) << 8 | u16::from(*flags)).is_multiple_of(31))
}

/// Without the checks of the packing's frame: parsers forgive what is wrong there.
fn inflated(data: &[u8]) -> impl Read + '_ {
    flate2::read::DeflateDecoder::new(if is_zlib(data) { &data[2..] } else { data })
}

fn count(mut packed: impl Read, most: u64) -> Result<u64, TooMuch> {
    let mut buffer = vec![0; 64 << 10];
    let mut size = 0;
    loop {
        match packed.read(&mut buffer) {
            Ok(0) | Err(_) => return Ok(size),
            Ok(bytes) => size += bytes as u64,
        }
        if size > most {
            return Err(TooMuch);
        }
    }
}

/// The lengths of what the codes stand for are enough to know the length of the whole.
fn lzw_size(data: &[u8]) -> Result<u64, TooMuch> {
    const CLEAR: usize = 256;
    const END: usize = 257;
    let mut lengths: Vec<u64> = vec![1; 258];
    let (mut bits, mut held, mut width) = (0u32, 0u32, 9u32);
    let mut before: Option<u64> = None;
    let mut size = 0u64;
    for byte in data {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        if bits < width {
            continue;
        }
        bits -= width;
        let code = (held >> bits) as usize & ((1 << width) - 1);
        held &= (1 << bits) - 1;
        match code {
            CLEAR => {
                lengths.truncate(258);
                (width, before) = (9, None);
                continue;
            }
            END => return Ok(size),
            _ => {}
        }
        let length = match (lengths.get(code), before) {
            (Some(length), _) => *length,
            (None, Some(before)) => before + 1,
            (None, None) => return Ok(size),
        };
        size += length;
        if size > MOST {
            return Err(TooMuch);
        }
        if let Some(before) = before.filter(|_| lengths.len() < 4_096) {
            lengths.push(before + 1);
        }
        before = Some(length);
        // One earlier, as almost all writers do; the difference is a code.
        width = match lengths.len() + 1 {
            0..512 => 9,
            512..1_024 => 10,
            1_024..2_048 => 11,
            _ => 12,
        };
    }
    Ok(size)
}

fn runs(data: &[u8], most: u64, keep: &mut dyn FnMut(&[u8])) -> Result<u64, TooMuch> {
    let (mut at, mut size) = (0usize, 0u64);
    while let Some(length) = data.get(at).map(|b| usize::from(*b)).filter(|length| *length != 128) {
        at += 1;
        if length < 128 {
            let end = (at + length + 1).min(data.len());
            keep(&data[at..end]);
            size += (end - at) as u64;
            at = end;
        } else {
            let Some(byte) = data.get(at) else { break };
            keep(&[*byte; 128][..257 - length]);
            size += (257 - length) as u64;
            at += 1;
        }
        if size > most {
            return Err(TooMuch);
        }
    }
    Ok(size)
}

fn ascii_85(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() / 5 * 4);
    let mut digits: Vec<u8> = Vec::with_capacity(5);
    for byte in data {
        match byte {
            b'~' => break,
            b'z' if digits.is_empty() => out.extend([0; 4]),
            b'!'..=b'u' => digits.push(byte - b'!'),
            _ => continue,
        }
        if digits.len() == 5 {
            out.extend(word(&digits).to_be_bytes());
            digits.clear();
        }
    }
    if digits.len() > 1 {
        let kept = digits.len() - 1;
        digits.resize(5, 84);
        out.extend(&word(&digits).to_be_bytes()[..kept]);
    }
    out
}

fn word(digits: &[u8]) -> u32 {
    digits.iter().fold(0u32, |sum, digit| sum.wrapping_mul(85).wrapping_add(u32::from(*digit)))
}

fn ascii_hex(data: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = data
        .iter()
        .take_while(|byte| **byte != b'>')
        .filter_map(|byte| char::from(*byte).to_digit(16))
        .filter_map(|digit| u8::try_from(digit).ok())
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).unwrap_or(&0)).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn streams_are_measured_through_their_packings() {
        let text = b"the totals tie ".repeat(1_000);
        let packed = deflated(&text);
        assert_eq!(size(&packed, &[Filter::FlateDecode]), Ok(15_000));
        let hexed: Vec<u8> = packed.iter().flat_map(|b| format!("{b:02x} ").into_bytes()).chain(*b">").collect();
        assert_eq!(size(&hexed, &[Filter::AsciiHexDecode, Filter::FlateDecode]), Ok(15_000));
        assert_eq!(size(&deflated(&packed), &[Filter::FlateDecode, Filter::FlateDecode]), Ok(15_000));
        assert_eq!(ascii_85(b"9jqo^BlbD~>"), b"Man is ");
        assert_eq!(size(&[254, b'a', 1, b'b', b'c', 128], &[Filter::RunLengthDecode]), Ok(5));
        // The specification's own example of LZW: 45 45 45 45 45 65 45 45 45 66.
        assert_eq!(size(b"\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01", &[Filter::LzwDecode]), Ok(10));
        // What follows a picture's packing is a picture.
        assert_eq!(size(&packed, &[Filter::FlateDecode, Filter::DctDecode]), Ok(15_000));
    }

    #[test]
    fn a_bomb_is_known_before_it_is_held_also_with_a_broken_frame() {
        let once = deflated(&vec![0; 300 << 20]);
        assert_eq!(size(&once, &[Filter::FlateDecode]), Err(TooMuch));
        assert_eq!(sniffed(&once), Err(TooMuch));
        let mut frameless = once.clone();
        frameless.truncate(once.len() - 4);
        assert_eq!(size(&frameless[2..], &[Filter::FlateDecode]), Err(TooMuch));
        let twice = deflated(&once);
        assert!(twice.len() < 5_000 && bound(twice.len() as u64, &[Filter::FlateDecode, Filter::FlateDecode]) > MOST);
        assert_eq!(size(&twice, &[Filter::FlateDecode, Filter::FlateDecode]), Err(TooMuch));
        assert_eq!(sniffed(&twice), Err(TooMuch));
        assert_eq!((sniffed(&deflated(b"fine")), sniffed(b"fine")), (Ok(4), Ok(0)));
        assert_eq!(size(&[129, 0].repeat(3 << 20), &[Filter::RunLengthDecode]), Err(TooMuch));
    }
}
