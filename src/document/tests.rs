//! Promises of the whole room; each reader's own are in its file.

use super::testing::{damaged, read_files, read_one, reason, text_of, zip};
use super::*;

#[test]
fn the_message_is_a_file_of_lines() {
    let file = read_message("one\n\ntwo");
    assert_eq!((file.name.as_str(), text_of(&file).as_str()), ("message", "one\ntwo"));
}

#[test]
fn a_zip_gives_itself_and_its_members() {
    let bytes = zip(&[("notes/a.txt", b"hello"), ("b.bin", b"\0\x01\x02\x03")]);
    let names: Vec<_> = read_files("a.zip", &bytes).into_iter().map(|f| f.name).collect();
    assert_eq!(names, ["a.zip", "a.zip/notes/a.txt", "a.zip/b.bin"]);
}

#[test]
fn a_zip_bomb_is_unreadable_and_says_which_limit() {
    let bytes = zip(&[("zeros.txt", &vec![b'0'; 20 << 20])]);
    let file = read_one("bomb.zip", &bytes);
    assert!(reason(&file).contains("limit of 400"), "{}", reason(&file));
}

#[test]
fn no_damage_to_any_kind_of_file_breaks_reading() {
    let files = [
        ("a.docx", testing::docx("<w:p><w:r><w:t>text</w:t></w:r></w:p>", &[], "")),
        ("a.xlsx", testing::xlsx(&[("S", "", r#"<row r="1"><c r="A1"><f>B1</f><v>1</v></c></row>"#)])),
        ("a.pdf", testing::pdf(&["BT /F1 12 Tf 72 700 Td (Hello) Tj ET 1 0 0 1 5 5 cm 3 w 10 10 m 20 20 l S"])),
        ("a.zip", zip(&[("b.txt", b"hello"), ("c.csv", b"a,b\n1,2")])),
        ("a.html", b"<html><body><table><tr><td>x</td></tr></table></body></html>".to_vec()),
        ("a.json", br#"{"a": [1, 2, {"b": "c"}]}"#.to_vec()),
        ("a.tar", testing::tar(&[("b.txt", b"hello"), ("c.csv", b"a,b\n1,2")])),
        ("a.tgz", testing::gzip(&testing::tar(&[("b.txt", b"hello")]))),
        ("a.xml", b"<?xml version='1.0'?><a x='1'><b>text</b><!-- c --></a>".to_vec()),
        ("a.eml", b"From: a@x\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nwords\n--b\nContent-Type: text/csv; name=t.csv\nContent-Transfer-Encoding: base64\n\nYSxiCjEsMgo=\n--b--\n".to_vec()),
        ("a.mp4", b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x10mdatxxxxxxxx\0\0\0\x10moov\0\0\0\x08mvhd".to_vec()),
    ];
    for (name, bytes) in &files {
        for seed in 0..150 {
            let hurt = damaged(bytes, seed);
            for file in read_files(name, &hurt) {
                // Whatever came out, it is an account: text, or a reason.
                let said = !file.segments.is_empty()
                    || !file.images.is_empty()
                    || !file.is_readable()
                    || !file.findings.is_empty()
                    || !file.sheets.is_empty()
                    || file.media.is_some()
                    || file.pages.is_some();
                assert!(said, "{name} with seed {seed}: {file:?}");
            }
        }
    }
}

#[test]
fn a_member_behind_a_password_says_so_and_twins_keep_apart() {
    use std::io::Write;
    // The flag of encryption, set in both headers of a member.
    let mut bytes = zip(&[("open.txt", b"seen"), ("shut.txt", b"not seen")]);
    for (sign, flags) in [(b"PK\x03\x04".as_slice(), 6), (b"PK\x01\x02", 8)] {
        let at = bytes.windows(4).enumerate().filter(|(_, w)| *w == sign).nth(1).unwrap().0;
        bytes[at + flags] |= 1;
    }
    let files = read_files("a.zip", &bytes);
    assert_eq!((files[1].is_readable(), text_of(&files[1]).as_str()), (true, "seen"));
    assert!(reason(&files[2]).contains("password"), "{files:?}");

    // zip's writer refuses twins: the second is renamed in the bytes.
    let mut writer = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in [("a.txt", "one"), ("b.txt", "two")] {
        writer.start_file(name, ::zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    let mut bytes = writer.finish().unwrap().into_inner();
    for at in 0..bytes.len() - 5 {
        if &bytes[at..at + 5] == b"b.txt" {
            bytes[at] = b'a';
        }
    }
    // Directories that name a file twice are read as programs do: the last one counts, or both are told apart.
    let files = read_files("t.zip", &bytes);
    let mut names: Vec<&str> = files.iter().map(|f| f.name.as_str()).collect();
    names.dedup();
    assert_eq!(names.len(), files.len());
    assert!(files.iter().any(|f| text_of(f) == "two"), "{files:?}");
}

#[test]
fn archives_in_archives_end_at_the_limit_of_depth() {
    let mut bytes = zip(&[("a.txt", b"core")]);
    for _ in 0..6 {
        bytes = zip(&[("inner.zip", &bytes)]);
    }
    let files = read_files("outer.zip", &bytes);
    assert_eq!(files.len(), 4);
    assert!(reason(&files[3]).contains("nested deeper than the limit of 3"));
}

#[test]
fn many_small_archives_share_one_budget() {
    let limits =
        Limits { archive: ArchiveLimits { max_total_bytes: 3_000, ..ArchiveLimits::default() }, ..Limits::default() };
    let inner = zip(&[("a.txt", &[b'x'; 1_000])]);
    let bytes = zip(&[("1.zip", &inner), ("2.zip", &inner), ("3.zip", &inner), ("4.zip", &inner), ("5.zip", &inner)]);
    let files = read(&Input { name: "o.zip", media_type: None, bytes: &bytes }, &limits);
    assert!(files.iter().any(|f| !f.is_readable() && reason(f).contains("limit of")), "{files:?}");
}

#[test]
fn a_media_type_is_told_by_content_before_the_name() {
    assert_eq!(media_type("a.txt", &testing::pdf(&[""])), "application/pdf");
    assert_eq!(media_type("report.pdf", b"just text"), "text/plain");
    assert_eq!(media_type("a.md", b"# hi"), "text/markdown");
    assert_eq!(media_type("a.bin", b"\0\x01\x02"), "application/octet-stream");
}

#[test]
fn what_cannot_be_read_says_what_it_is_and_what_to_do() {
    assert!(reason(&read_one("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1junk")).contains("save as .docx"));
    assert!(reason(&read_one("a.xlsb", &zip(&[("xl/workbook.bin", b"x")]))).contains("save as .xlsx"));
    assert!(reason(&read_one("a.docx", b"\0\0not a zip")).contains(".docx"));
    assert!(reason(&read_one("empty.txt", b"")).contains("empty"));
}

#[test]
fn text_in_other_encodings_is_read_and_said() {
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain("Größe".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let file = read_one("a.txt", &utf16);
    assert_eq!((text_of(&file).as_str(), file.findings.len()), ("Größe", 0));
    let file = read_one("a.txt", b"Gr\xf6\xdfe");
    assert_eq!((text_of(&file).as_str(), file.findings[0].code.as_str()), ("Größe", "encoding_guessed"));
    let file =
        read_one("a.txt", "ä ö ü \u{df}".as_bytes().iter().copied().chain([0xff]).collect::<Vec<_>>().as_slice());
    assert_eq!(file.findings[0].code, "encoding_lossy");
}

#[test]
fn a_cut_names_the_lines_it_drops() {
    let limits = Limits { max_text_chars: 10, ..Limits::default() };
    let file =
        read(&Input { name: "a.txt", media_type: None, bytes: b"12345\n67890\nabc\ndef\n" }, &limits).swap_remove(0);
    assert_eq!(text_of(&file), "12345\n67890\n[cut: lines 3-4, 2 lines]");
    assert_eq!((file.cuts[0].characters, &file.outcome), (Some(6), &Outcome::Partial));
}
