//! One compressed file: gzip, bzip2, xz, zstd. A tar inside is opened at once (`a.tgz/m.txt`, not
//! `a.tgz/a.tar/m.txt`); anything else is one member, named as the file without its last ending.
//!
//! Unpacked under the limits of bytes and ratio: unpacking stops at the first byte over either.
//! RFC 1952 (gzip), RFC 8878 (zstd), the .xz file format 1.2.

use std::io::Read;

use crate::domain::Place;

use super::draft::Draft;
use super::{Reader, Sample, tar};

pub(super) const READER: Reader = Reader { id: "compressed/1", recognise, read };

/// Less than this may have any ratio: small texts of one letter are no bomb.
const RATIO_FREE_BYTES: u64 = 1 << 20;
/// Memory that a decoder may take for its window.
const WINDOW_BYTES: u32 = 64 << 20;

#[derive(Clone, Copy)]
enum Packing {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

fn packing(bytes: &[u8]) -> Option<Packing> {
    if bytes.starts_with(b"\x1f\x8b\x08") {
        Some(Packing::Gzip)
    } else if bytes.starts_with(b"BZh") && bytes.get(4..10) == Some(b"\x31\x41\x59\x26\x53\x59") {
        Some(Packing::Bzip2)
    } else if bytes.starts_with(b"\xfd7zXZ\0") {
        Some(Packing::Xz)
    } else if bytes.starts_with(b"\x28\xb5\x2f\xfd") {
        Some(Packing::Zstd)
    } else {
        None
    }
}

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    Some(match packing(sample.bytes)? {
        Packing::Gzip => "application/gzip",
        Packing::Bzip2 => "application/x-bzip2",
        Packing::Xz => "application/x-xz",
        Packing::Zstd => "application/zstd",
    })
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    draft.may_open()?;
    let (unpacked, damage) = unpack(sample.bytes, draft)?;
    if tar::is_tar(&unpacked) {
        // What is unpacked is held while its members are read.
        tar::read_bytes(sample.name, &unpacked, draft)?;
    } else if unpacked.is_empty() {
        return Err(damage.map_or_else(
            || "it unpacks to nothing; pack it again".to_owned(),
            |why| format!("damaged ({why}); pack it again"),
        ));
    } else {
        let inner = inner_name(sample);
        draft.push(Place::Whole, format!("- {} ({} bytes)", super::members::clean_name(&inner), unpacked.len()));
        draft.member_within(sample.name, &inner, &unpacked);
    }
    if let Some(why) = damage {
        draft.cut(Place::Whole, "the end of what is packed", format!("damaged or cut off ({why})"), None);
    }
    Ok(())
}

/// The bytes, and what is wrong with their end if they could be unpacked only up to a point.
fn unpack(bytes: &[u8], draft: &Draft<'_>) -> Result<(Vec<u8>, Option<String>), String> {
    let decoder: Box<dyn Read + '_> = match packing(bytes).ok_or("of an unknown packing")? {
        Packing::Gzip => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
        Packing::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(bytes)),
        Packing::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(bytes, true, WINDOW_BYTES / 1024)),
        Packing::Zstd => Box::new(
            ruzstd::decoding::StreamingDecoder::new_with_max_window_size(bytes, u64::from(WINDOW_BYTES))
                .map_err(|e| format!("damaged ({e}); pack it again"))?,
        ),
    };
    let limits = &draft.limits.archive;
    let most = limits.max_entry_bytes.min(draft.budget.bytes);
    let by_ratio = (bytes.len() as u64).saturating_mul(limits.max_ratio).max(RATIO_FREE_BYTES);
    let mut unpacked = Vec::new();
    let damage =
        decoder.take(most.min(by_ratio).saturating_add(1)).read_to_end(&mut unpacked).err().map(|e| e.to_string());
    let size = unpacked.len() as u64;
    if size > by_ratio {
        return Err(format!(
            "it unpacks to more than {} times its size, over the limit, as in a bomb",
            limits.max_ratio
        ));
    }
    if size > most {
        return Err(format!("it unpacks to more than the limit of {most} bytes"));
    }
    Ok((unpacked, damage))
}

/// `a.csv.gz` holds `a.csv`; a name that says nothing leaves the one in the gzip header, or `content`.
fn inner_name(sample: &Sample<'_>) -> String {
    let file = sample.name.rsplit(['/', '\\']).next().unwrap_or(sample.name);
    if sample.has_extension(&["gz", "bz2", "xz", "zst", "z"])
        && let Some((stem, _)) = file.rsplit_once('.')
        && !stem.is_empty()
    {
        return stem.to_owned();
    }
    let decoder = flate2::read::GzDecoder::new(sample.bytes);
    let named = decoder.header().and_then(|h| h.filename()).map(|n| String::from_utf8_lossy(n).into_owned());
    named
        .and_then(|n| n.rsplit(['/', '\\']).next().map(str::to_owned))
        .filter(|n| !n.is_empty())
        .unwrap_or_else(|| "content".to_owned())
}

#[cfg(test)]
mod tests {
    use crate::document::testing::{gzip, read_files, read_one, reason, tar, text_of, zip};
    use crate::domain::Outcome;

    #[test]
    fn a_packed_tar_gives_its_members_and_a_packed_file_itself() {
        let names = |name: &str, bytes: &[u8]| read_files(name, bytes).into_iter().map(|f| f.name).collect::<Vec<_>>();
        let tgz = gzip(&tar(&[("d/a.txt", b"hello"), ("b.csv", b"x,y\n1,2\n")]));
        assert_eq!(names("w.tgz", &tgz), ["w.tgz", "w.tgz/d/a.txt", "w.tgz/b.csv"]);
        let files = read_files("notes.txt.gz", &gzip(b"hello"));
        assert_eq!((files[1].name.as_str(), text_of(&files[1]).as_str()), ("notes.txt.gz/notes.txt", "hello"));
    }

    #[test]
    fn the_other_packings_are_opened_too() {
        // "hello\n" packed by bzip2 1.0.8, xz 5.4 and zstd 1.5.
        let bz2 = "425a6839314159265359c1c080e2000001410000100244a00030cd00c3462997177245385090c1c080e2";
        let xz = "fd377a585a000004e6d6b4460200210116000000742fe5a301000568656c6c6f0a000000a56097f194f6fde000011e06c12fa41d1fb6f37d010000000004595a";
        let zst = "28b52ffd045831000068656c6c6f0a5388bd91";
        for (name, hexed) in [("a.txt.bz2", bz2), ("a.txt.xz", xz), ("a.txt.zst", zst)] {
            let files = read_files(name, &hex::decode(hexed).unwrap());
            assert_eq!(text_of(&files[1]), "hello", "{name}: {files:?}");
        }
    }

    #[test]
    fn a_bomb_is_stopped_by_its_ratio() {
        let bomb = gzip(&vec![0; 64 << 20]);
        assert!(reason(&read_one("bomb.gz", &bomb)).contains("400 times"));
        let inside = read_files("a.zip", &zip(&[("bomb.gz", &gzip(&bomb))]));
        assert!(inside.iter().any(|f| !f.is_readable()), "{inside:?}");
    }

    #[test]
    fn what_is_cut_off_is_shown_as_far_as_it_goes_and_said() {
        let text: String = (0..2_000).map(|n| format!("line {} of {n}\n", n * 7919)).collect();
        let whole = gzip(text.as_bytes());
        let files = read_files("a.txt.gz", &whole[..whole.len() / 2]);
        assert_eq!(files[0].outcome, Outcome::Partial);
        assert!(text_of(&files[1]).starts_with("line 0 of 0"));
        assert!(reason(&read_one("a.gz", &whole[..12])).contains("damaged"));
    }
}
