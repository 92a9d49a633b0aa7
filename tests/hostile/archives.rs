//! Archives that unpack to more than they are, to what is not theirs, or to nothing.

use super::build::{DEFLATED, Entry, gzip, gzip_of, raw_zip, zip};
use super::{Case, cut, found, harmless, inside, refused};

/// A MiB of zeros packed by xz 5.4, 284 bytes.
const XZ_MIB: &str = "fd377a585a000004e6d6b446020021011c00000010cf58ccefffff00d95d00006ffdffffa3b7ff473e481572396151b89228e6a38607f9eee41e82d32fc53a3c014bb17ec98a8a4d2fa30dd97fa6e38c231153e05918c5758ae277f8b6947f0c6ac0de744964e2e95c53b204d8f7440cab5f0d6d46e9e5c37688b79657acb64de1691d6ffb4b88106c42cb883f5c008fd04eaf262894711f3d8f24e1709ea7235fec28cb85d195988a7e2a91f22775f719c006984d98fdd8afd5900fc42553f8f591363105a5b0ee6fc1704d470cd19111aaad601dbaceb127185c5986e9665258bee976ac59e4e55b0508f9c7daadfcfb522af7e495250000000000c2f6ba3ea2706b600001f5018080400079977f47b1c467fb020000000004595a";
/// Some text packed by xz 5.4, the size of its dictionary changed to 4 GiB.
const XZ_DICTIONARY: &str = "fd377a585a0000016922de360200210128000000e6a011b3e00257000f5d00341949ee8ddd5df1f0f7163d0cc0000000ddd24c96000127d8040000009c421bef3e300d8b020000000001595a";

pub const CASES: &[Case] = &[
    refused("overlapping.zip", "overlap", || overlapping(100)),
    refused("over-its-own-directory.zip", "overlap", over_its_directory),
    refused("ratio.zip", "as in a zip bomb", || zip(&[("zeros.bin", &vec![0; 64 << 20])])),
    refused("claims-four-gigabytes.zip", "unpacks to more than the limit", || {
        raw_zip(&[Entry { size: u32::MAX - 1, packed: 10, ..Entry::stored("a.bin", b"0123456789") }])
    }),
    inside("claims-less-than-it-is.zip", "larger than its declared", || {
        raw_zip(&[Entry { size: 10, ..Entry::deflated("a.txt", &vec![b'a'; 900_000]) }])
    }),
    refused("five-thousand-entries.zip", "over the limit of 2000", || many_entries(5_000)),
    refused("directory-of-entries.zip", "lists more than 100000", || many_entries(120_000)),
    inside("archive-in-archive.zip", "nested deeper", || matryoshka(20)),
    inside("bombs-in-archives.zip", "as in a zip bomb", || {
        let bomb = zip(&[("zeros.bin", &vec![0; 8 << 20])]);
        zip(&[("a.zip", &bomb), ("b.zip", &bomb), ("c.zip", &bomb)])
    }),
    inside("wide-archives-in-archives.zip", "over the limit", || {
        let inner: Vec<(String, Vec<u8>)> = (0..60).map(|n| (format!("{n}.txt"), vec![b'a'; 10])).collect();
        let inner = zip(&inner.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect::<Vec<_>>());
        let outer: Vec<String> = (0..60).map(|n| format!("{n}.zip")).collect();
        zip(&outer.iter().map(|n| (n.as_str(), inner.as_slice())).collect::<Vec<_>>())
    }),
    found("paths-that-climb.zip", &["archive_path"], || {
        let names = ["../../etc/passwd", "/etc/shadow", "C:\\autoexec.bat", "a/../../b", "\\\\host\\share\\c"];
        raw_zip(&names.map(|name| Entry::stored(name, b"text")))
    }),
    found("links.zip", &["archive_link"], || {
        raw_zip(&[
            Entry { mode: 0o120_777, ..Entry::stored("passwd", b"/etc/passwd") },
            Entry::stored("a.txt", b"text"),
        ])
    }),
    inside("password.zip", "protected by a password", || {
        raw_zip(&[Entry { flags: 1, ..Entry::stored("a.txt", b"0123456789abtext") }])
    }),
    inside("unknown-packing.zip", "not supported", || {
        raw_zip(&[Entry { method: 99, ..Entry::stored("a.txt", b"text") }])
    }),
    inside("wrong-checksum.zip", "damaged", || raw_zip(&[Entry { crc: 1, ..Entry::stored("a.txt", b"text") }])),
    inside("packed-garbage.zip", "damaged", || {
        raw_zip(&[Entry { method: DEFLATED, size: 900, ..Entry::stored("a.txt", &[0xaa; 500]) }])
    }),
    harmless("one-name-twice.zip", || raw_zip(&[Entry::stored("a.txt", b"one"), Entry::stored("a.txt", b"two")])),
    harmless("deceiving-names.zip", || {
        raw_zip(&["memo\u{202e}txt.exe", "a\0.txt", "\u{1b}[2J.txt", "con", " "].map(|n| Entry::stored(n, b"text")))
    }),
    harmless("long-names.zip", || {
        raw_zip(&(0..500).map(|n| Entry::stored(&format!("{n}{}", "x/".repeat(30_000)), b"t")).collect::<Vec<_>>())
    }),
    refused("cut-off.zip", "damaged or cut off", || {
        let whole = zip(&[("a.txt", &vec![b'a'; 9_000]), ("b.txt", b"b")]);
        whole[..whole.len() / 2].to_vec()
    }),
    refused("nothing.zip", "holds no files", || raw_zip(&[])),
    refused("empty.zip", "0 bytes", Vec::new),
    found("paths-that-climb.tar", &["archive_path"], || tar(&["../../etc/passwd", "/etc/shadow"], b'0', "")),
    found("links.tar", &["archive_link"], || tar(&["passwd"], b'2', "/etc/passwd")),
    found("hard-links.tar", &["archive_link"], || tar(&["passwd"], b'1', "../../etc/passwd")),
    found("devices.tar", &["archive_link"], || tar(&["sda", "tty"], b'3', "")),
    inside("claims-eight-gigabytes.tar", "ends before", || {
        let mut bytes = tar(&["a.txt"], b'0', "");
        bytes[124..136].copy_from_slice(b"77777777777\0");
        sealed(bytes)
    }),
    harmless("claims-a-negative-size.tar", || {
        let mut bytes = tar(&["a.txt"], b'0', "");
        bytes[124..136].copy_from_slice(&[0xff; 12]);
        sealed(bytes)
    }),
    harmless("endless-long-name.tar", || {
        let mut bytes = tar(&["././@LongLink"], b'L', "");
        bytes[124..136].copy_from_slice(b"00400000000\0");
        let mut bytes = sealed(bytes);
        bytes.truncate(512);
        bytes.extend(vec![b'x'; 64 << 20]);
        bytes
    })
    .within(512),
    cut("many-files.tar", "over the limit of 2000 entries", || {
        let names: Vec<String> = (0..20_000).map(|n| format!("{n}.txt")).collect();
        tar(&names.iter().map(String::as_str).collect::<Vec<_>>(), b'0', "")
    }),
    harmless("cut-off.tar", || tar(&["a.txt", "b.txt"], b'0', "")[..1_100].to_vec()),
    refused("zeros.gz", "as in a bomb", || gzip_of(0, 256)),
    inside("zeros-three-times.gz", "as in a bomb", || gzip(&gzip(&gzip_of(0, 64)))),
    inside("deep.gz", "nested deeper", || (0..10).fold(b"text".to_vec(), |inner, _| gzip(&inner))),
    refused("joined.gz", "more than the limit", || gzip_of(0, 2).repeat(200)),
    harmless("cut-off.gz", || gzip_of(b'a', 1)[..700].to_vec()),
    harmless("text-up-to-the-limit.gz", || {
        let line: String = (0..4_000).map(|n| format!("{} ", n * 7_919 % 10_007)).collect();
        gzip(format!("{line}\n").repeat(6_000).as_bytes())
    })
    .within(1_024),
    refused("zeros.bz2", "as in a bomb", || {
        let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
        std::io::Write::write_all(&mut out, &vec![0; 16 << 20]).unwrap();
        out.finish().unwrap()
    }),
    refused("zeros.xz", "needed memory too big", || hex::decode(XZ_MIB).unwrap().repeat(200)),
    refused("dictionary-of-four-gigabytes.xz", "damaged", || hex::decode(XZ_DICTIONARY).unwrap()),
    refused("zeros.zst", "as in a bomb", || zstd(0x50, 2_000)),
    refused("window-of-two-gigabytes.zst", "damaged", || zstd(0xa8, 2)),
    harmless("garbage.zst", || [b"\x28\xb5\x2f\xfd".as_slice(), &[0xa5; 3_000]].concat()),
    refused("tar-of-zeros.tgz", "as in a bomb", || {
        let mut bytes = tar(&["zeros.bin"], b'0', "");
        bytes[124..136].copy_from_slice(b"00400000000\0");
        let mut bytes = sealed(bytes);
        bytes.truncate(512);
        bytes.extend(vec![0; 64 << 20]);
        gzip(&bytes)
    }),
];

/// One packed MiB that so many entries of the directory claim to be theirs.
fn overlapping(times: usize) -> Vec<u8> {
    let kernel = Entry::deflated("0.bin", &vec![0; 1 << 20]);
    let again = |n: usize| Entry { name: format!("{n}.bin"), at: Some(0), ..kernel.clone() };
    let others: Vec<Entry> = (1..times).map(again).collect();
    raw_zip(&[vec![kernel.clone()], others].concat())
}

/// An archive in an archive that is the archive itself, as far as that goes: its content reaches over its directory.
fn over_its_directory() -> Vec<u8> {
    let whole = raw_zip(&[Entry::stored("r.zip", b"PK")]);
    let size = u32::try_from(whole.len()).unwrap();
    raw_zip(&[Entry { size, packed: size, ..Entry::stored("r.zip", b"PK") }])
}

fn many_entries(count: usize) -> Vec<u8> {
    let entries: Vec<Entry> = (0..count).map(|n| Entry::stored(&format!("{n}"), b"")).collect();
    raw_zip(&entries)
}

fn matryoshka(depth: usize) -> Vec<u8> {
    (0..depth).fold(zip(&[("a.txt", b"text")]), |inner, n| zip(&[(&format!("{n}.zip"), &inner)]))
}

/// Members of this kind, each of four bytes if it is a file.
fn tar(names: &[&str], kind: u8, target: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for name in names {
        let mut header = vec![0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        header[124..136].copy_from_slice(if kind == b'0' { b"00000000004\0" } else { b"00000000000\0" });
        header[156] = kind;
        header[157..157 + target.len()].copy_from_slice(target.as_bytes());
        header[257..265].copy_from_slice(b"ustar\x0000");
        out.extend(sealed(header));
        if kind == b'0' {
            out.extend(b"text");
            out.extend([0; 508]);
        }
    }
    out.extend([0; 1_024]);
    out
}

/// With the right checksum of its first header.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[148..156].fill(b' ');
    let sum: u32 = bytes[..512].iter().map(|byte| u32::from(*byte)).sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    bytes
}

/// So many blocks of 128 KiB of one byte, in a frame with this window.
fn zstd(window: u8, blocks: usize) -> Vec<u8> {
    let mut out = b"\x28\xb5\x2f\xfd\x00".to_vec();
    out.push(window);
    for number in 1..=blocks {
        let head = u32::from(number == blocks) | 1 << 1 | 131_072 << 3;
        out.extend(&head.to_le_bytes()[..3]);
        out.push(0);
    }
    out
}
