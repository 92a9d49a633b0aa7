//! Real files, damaged on purpose: the same seed makes the same damage. Files that are packages of packed parts (Office
//! files, zip, pdf streams) are damaged inside their parts too and packed again, because damage of packed bytes hardly ever
//! gets past the unpacking.

use std::collections::BTreeSet;
use std::io::{Cursor, Read as _, Write as _};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// A file to be damaged.
#[derive(Clone)]
pub struct Original {
    pub name: String,
    pub bytes: Vec<u8>,
}

impl Original {
    pub fn kind(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or("")
    }
}

/// A damaged copy.
pub struct Mutant {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// No mutant is larger: what a small change may blow up to inside is the readers' affair, not the disk's.
const MOST: usize = 8 << 20;

/// The mutant with this number, of these files: all kinds of files take turns, and the files of a kind by chance.
pub fn mutant(originals: &[Original], number: u64) -> Mutant {
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(number));
    let kinds: BTreeSet<_> = originals.iter().map(Original::kind).collect();
    let count = kinds.len();
    let kind = kinds.into_iter().nth(usize::try_from(number).unwrap() % count).unwrap();
    let alike: Vec<_> = originals.iter().filter(|original| original.kind() == kind).collect();
    let (original, other) = (alike[dice.below(alike.len())], alike[dice.below(alike.len())]);
    let bytes = &original.bytes;
    let inside = if dice.below(4) == 0 {
        None
    } else if bytes.starts_with(b"PK\x03\x04") {
        in_a_member(bytes, &mut dice)
    } else if bytes.starts_with(b"%PDF") {
        in_a_stream(bytes, &mut dice)
    } else if bytes.starts_with(&[0x1f, 0x8b]) {
        in_gzip(bytes, &mut dice)
    } else {
        None
    };
    let mut bytes = inside.unwrap_or_else(|| damage(bytes, &other.bytes, &mut dice));
    bytes.truncate(MOST);
    Mutant { name: original.name.clone(), bytes }
}

struct Dice(ChaCha8Rng);

impl Dice {
    /// From 0 to below `n`; 0 if `n` is.
    fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { usize::try_from(self.0.next_u64() % n as u64).unwrap() }
    }

    fn byte(&mut self) -> u8 {
        self.0.next_u64().to_le_bytes()[0]
    }

    /// A piece of the bytes: where it begins and ends.
    fn piece(&mut self, bytes: &[u8], most: usize) -> (usize, usize) {
        let from = self.below(bytes.len());
        (from, (from + 1 + self.below(most)).min(bytes.len()))
    }
}

/// Words that parsers trust: sizes, counts, references, switches.
const WORDS: [&[u8]; 18] = [
    b"-1",
    b"0",
    b"4294967295",
    b"18446744073709551616",
    b"1e999",
    b"NaN",
    b"<![CDATA[",
    b"<!DOCTYPE a [<!ENTITY b \"c\">]>&b;",
    b"&#x110000;",
    b"\xff\xfe",
    b"\0",
    b"</",
    b"<<",
    b"[[[[",
    b"1 0 R",
    b"A1:XFD1048576",
    b"{\\rtf",
    b"\xe2\x80\xae",
];

fn damage(bytes: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=dice.below(4) {
        if bytes.is_empty() {
            bytes.push(dice.byte());
        }
        match dice.below(12) {
            0 => bytes.truncate(dice.below(bytes.len())),
            1 => {
                for _ in 0..=dice.below(16) {
                    let at = dice.below(bytes.len());
                    bytes[at] ^= 1 << dice.below(8);
                }
            }
            2 => {
                let (from, to) = dice.piece(&bytes, 8);
                let with = [0, 0xff, 0x7f, 0x80, 1][dice.below(5)];
                bytes[from..to].fill(with);
            }
            3 => drop(bytes.drain({
                let (from, to) = dice.piece(&bytes, 400);
                from..to
            })),
            4 => {
                let (from, to) = dice.piece(&bytes, 400);
                let piece = bytes[from..to].to_vec();
                let at = dice.below(bytes.len());
                bytes.splice(at..at, piece);
            }
            5 => {
                let (from, to) = dice.piece(&bytes, 64);
                let piece = bytes[from..to].repeat(1 + dice.below(20_000));
                let at = dice.below(bytes.len());
                bytes.splice(at..at, piece);
            }
            6 => {
                let at = dice.below(bytes.len());
                let from = dice.below(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            7 => {
                let at = dice.below(bytes.len());
                bytes.splice(at..at, WORDS[dice.below(WORDS.len())].iter().copied());
            }
            8 => number(&mut bytes, dice),
            9 => {
                let (from, to) = dice.piece(&bytes, 200);
                for byte in &mut bytes[from..to] {
                    *byte = dice.byte();
                }
            }
            10 => tag(&mut bytes, dice),
            _ => {
                let (from, to) = dice.piece(&bytes, 200);
                let at = dice.below(bytes.len());
                let piece: Vec<u8> = bytes.drain(from..to).collect();
                let at = at.min(bytes.len());
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

/// A number that stands somewhere becomes another.
fn number(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let from = dice.below(bytes.len());
    let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) else { return };
    let end = bytes[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |at| start + at);
    let with = WORDS[dice.below(6)];
    bytes.splice(start..end, with.iter().copied());
}

/// A tag is opened many times, one in the other.
fn tag(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let from = dice.below(bytes.len());
    let Some(start) = bytes[from..].iter().position(|byte| *byte == b'<').map(|at| from + at) else { return };
    let Some(end) = bytes[start..].iter().position(|byte| *byte == b'>').map(|at| start + at + 1) else { return };
    let tags = bytes[start..end].repeat(1 + dice.below(5_000));
    bytes.splice(start..start, tags);
}

/// A member of a zip archive is damaged, or lost, or there twice.
fn in_a_member(bytes: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).ok()?;
    let chosen = dice.below(archive.len());
    let fate = dice.below(20);
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).ok()?;
        let name = member.name().ok()?.into_owned();
        let mut content = Vec::new();
        member.read_to_end(&mut content).ok()?;
        if index == chosen {
            match fate {
                0 => continue,
                1 => content.clear(),
                2 => {
                    writer.start_file(format!("twin/{name}"), zip::write::SimpleFileOptions::default()).ok()?;
                    writer.write_all(&content).ok()?;
                }
                _ => content = damage(&content, bytes, dice),
            }
        }
        writer.start_file(name, zip::write::SimpleFileOptions::default()).ok()?;
        writer.write_all(&content).ok()?;
    }
    Some(writer.finish().ok()?.into_inner())
}

/// A stream of a pdf is damaged; its stated length and the table of objects are wrong then, which happens in life too.
fn in_a_stream(bytes: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let find = |needle: &[u8], from: usize| {
        bytes.get(from..)?.windows(needle.len()).position(|window| window == needle).map(|at| from + at)
    };
    let begin = find(b"stream\n", dice.below(bytes.len())).or_else(|| find(b"stream\r\n", 0))?;
    let begin = begin + bytes[begin..].iter().position(|byte| *byte == b'\n')? + 1;
    let end = find(b"endstream", begin)?;
    let mut content = Vec::new();
    flate2::read::ZlibDecoder::new(&bytes[begin..end]).take(MOST as u64).read_to_end(&mut content).ok()?;
    let content = damage(&content, bytes, dice);
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&content).ok()?;
    Some([&bytes[..begin], &packed.finish().ok()?, &bytes[end..]].concat())
}

fn in_gzip(bytes: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    flate2::read::GzDecoder::new(bytes).take(MOST as u64).read_to_end(&mut content).ok()?;
    let content = damage(&content, bytes, dice);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&content).ok()?;
    packed.finish().ok()
}
