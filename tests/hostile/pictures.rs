//! Pictures that say they are larger than any, hold more than they show, or are something else besides.

use std::io::Cursor;

use super::build::{crc, zip, zlib, zlib_of};
use super::pdfs::jpeg;
use super::{Case, cut, found, harmless, refused};

pub const CASES: &[Case] = &[
    cut("sixty-thousand-wide.png", "pixels", || png(60_000, 60_000, &[], &zlib(b"x"))),
    refused("four-billion-wide.png", "damaged", || png(0x7fff_ffff, 0x7fff_ffff, &[], &zlib(b"x"))),
    harmless("pixels-of-zeros.png", || png(7_000, 7_000, &[], &zlib_of(0, 60))),
    harmless("text-of-zeros.png", || {
        png(9, 9, &[(b"zTXt", [b"a\0\0".as_slice(), &zlib_of(b'a', 200)].concat())], &zlib(&[0; 90]))
    }),
    harmless("colours-of-zeros.png", || {
        png(9, 9, &[(b"iCCP", [b"a\0\0".as_slice(), &zlib_of(0, 200)].concat())], &zlib(&[0; 90]))
    }),
    harmless("chunk-of-four-gigabytes.png", || {
        let mut bytes = png(9, 9, &[(b"tEXt", b"a\0b".to_vec())], &zlib(&[0; 90]));
        bytes[33..37].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
        bytes
    }),
    harmless("a-hundred-thousand-chunks.png", || {
        png(9, 9, &vec![(b"tEXt", b"a\0b".to_vec()); 100_000], &zlib(&[0; 90]))
    }),
    refused("cut-off.png", "damaged", || b"\x89PNG\r\n\x1a\n\0\0\0\rIHD".to_vec()),
    found("page-in-a-picture.png", &["second_kind"], || {
        png(9, 9, &[(b"tEXt", b"Comment\0<html><script>alert(1)</script>".to_vec())], &zlib(&[0; 90]))
    }),
    found("archive-behind.png", &["second_kind"], || {
        [png(9, 9, &[], &zlib(&[0; 90])), zip(&[("a.txt", b"text")])].concat()
    }),
    cut("as-wide-as-can-be.jpg", "pixels", || jpeg(65_500, 65_500)),
    cut("properties-of-megabytes.jpg", "bytes for an image", || {
        let segment = [&[0xff, 0xe1, 0xff, 0xff][..], b"Exif\0\0", &[0x41; 65_527]].concat();
        let picture = jpeg(8, 8);
        [&picture[..2], &segment.repeat(200), &picture[2..]].concat()
    }),
    harmless("properties-in-a-circle.jpg", || {
        let picture = jpeg(8, 8);
        // Directory at 8, one entry, the next directory at 8.
        let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\xff\xff\xff\xff\0\x06\0\0\0\0\0\x08";
        [&picture[..2], exif, &picture[2..]].concat()
    }),
    harmless("colours-of-many-parts.jpg", || {
        let picture = jpeg(8, 8);
        let part = |n: u8| [&[0xff, 0xe2, 0xff, 0xff][..], b"ICC_PROFILE\0", &[n, 255], &[0; 65_519]].concat();
        [&picture[..2], &(1..=120).flat_map(part).collect::<Vec<_>>(), &picture[2..]].concat()
    }),
    cut("canvas-of-everything.gif", "pixels", || gif(65_535, 65_535, 1, b"")),
    found("ten-thousand-pictures.gif", &["animated_image"], || gif(9, 9, 10_000, b"")),
    harmless("picture-beyond-its-canvas.gif", || {
        let mut bytes = gif(9, 9, 2, b"");
        let at = bytes.iter().position(|byte| *byte == 0x2c).unwrap();
        bytes[at + 1..at + 9].copy_from_slice(&[0xff; 8]);
        bytes
    }),
    found("script-in-a-picture.gif", &["second_kind"], || {
        let mut bytes = gif(9, 9, 1, b"");
        bytes[6..8].copy_from_slice(b"/*");
        [bytes, b"*/=1;alert(1)//".to_vec()].concat()
    }),
    harmless("comment-without-end.gif", || gif(9, 9, 1, &[&[0x21, 0xfe][..], &[0xff; 256].repeat(20_000)].concat())),
    refused("canvas-of-everything.webp", "damaged", || webp(16_384, 16_384, 0)),
    harmless("moving-nothing.webp", || webp(9, 9, 2)),
    refused("as-wide-as-can-be.tiff", "pixels", || tiff(0x7fff_ffff, 0x7fff_ffff, 0, b"x")),
    harmless("strips-of-zeros.tiff", || tiff(7_000, 7_000, 8, &zlib_of(0, 60))).within(768),
    harmless("packed-more-than-it-holds.tiff", || tiff(9, 9, 8, &zlib_of(0, 300))),
    harmless("directories-in-a-circle.tiff", || {
        let mut bytes = tiff(2, 2, 1, &[0; 4]);
        let end = bytes.len() - 4;
        let first: [u8; 4] = bytes[4..8].try_into().unwrap();
        bytes[end..].copy_from_slice(&first);
        bytes
    }),
    refused("as-wide-as-can-be.bmp", "", || bmp(0x7fff_ffff, -0x7fff_ffff, 0, &[])),
    harmless("runs-beyond-the-end.bmp", || bmp(5_000, 5_000, 1, &[255, 1].repeat(400_000))),
    harmless("random.png", || {
        [
            b"\x89PNG\r\n\x1a\n".as_slice(),
            &(0..9_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect::<Vec<_>>(),
        ]
        .concat()
    }),
];

/// Grey, eight bits, with more chunks before its pixels.
fn png(width: u32, height: u32, chunks: &[(&[u8; 4], Vec<u8>)], pixels: &[u8]) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], data: &[u8]| {
        out.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        let body = [kind.as_slice(), data].concat();
        out.extend(&body);
        out.extend(crc(&body).to_be_bytes());
    };
    chunk(b"IHDR", &[&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat());
    chunks.iter().for_each(|(kind, data)| chunk(kind, data));
    chunk(b"IDAT", pixels);
    chunk(b"IEND", &[]);
    out
}

/// So many pictures of one point, after `first`.
fn gif(width: u16, height: u16, pictures: usize, first: &[u8]) -> Vec<u8> {
    let mut out = b"GIF89a".to_vec();
    out.extend(width.to_le_bytes());
    out.extend(height.to_le_bytes());
    out.extend([0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
    out.extend(first);
    let picture = [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0];
    out.extend(picture.repeat(pictures));
    out.push(0x3b);
    out
}

fn webp(width: u32, height: u32, flags: u8) -> Vec<u8> {
    let mut body = b"WEBPVP8X\x0a\0\0\0".to_vec();
    body.extend([flags, 0, 0, 0]);
    body.extend(&(width - 1).to_le_bytes()[..3]);
    body.extend(&(height - 1).to_le_bytes()[..3]);
    if flags & 2 != 0 {
        body.extend(b"ANIM\x06\0\0\0\0\0\0\0\0\0");
        for _ in 0..10_000 {
            body.extend(b"ANMF\x10\0\0\0");
            body.extend([0; 16]);
        }
    }
    [b"RIFF".as_slice(), &u32::try_from(body.len()).unwrap().to_le_bytes(), &body].concat()
}

/// Grey, eight bits, one strip.
fn tiff(width: u32, height: u32, packing: u16, pixels: &[u8]) -> Vec<u8> {
    let at = 8 + u32::try_from(pixels.len()).unwrap();
    let mut out = [b"II*\0".as_slice(), &at.to_le_bytes(), pixels].concat();
    let fields: [(u16, u16, u32); 9] = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8),
        (259, 3, u32::from(packing)),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, u32::try_from(pixels.len()).unwrap()),
    ];
    out.extend(u16::try_from(fields.len()).unwrap().to_le_bytes());
    for (tag, kind, value) in fields {
        out.extend(tag.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(1u32.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    out.extend([0; 4]);
    out
}

fn bmp(width: i32, height: i32, packing: u32, pixels: &[u8]) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let mut put = |bytes: &[u8]| std::io::Write::write_all(&mut out, bytes).unwrap();
    put(b"BM\0\0\0\0\0\0\0\0");
    put(&1_078u32.to_le_bytes());
    put(&40u32.to_le_bytes());
    put(&width.to_le_bytes());
    put(&height.to_le_bytes());
    put(&[1, 0, 8, 0]);
    put(&packing.to_le_bytes());
    put(&[0; 20]);
    put(&[0; 1_024]);
    put(pixels);
    out.into_inner()
}
