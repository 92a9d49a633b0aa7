use crate::document::testing::{Msg, damaged, read_files, read_one, reason, text_of};
use crate::domain::Outcome;

fn message() -> Msg {
    Msg::new()
        .text("", "0037", "Budget 2026 – Größe")
        .text("", "0C1A", "Ann Lee")
        .text("", "5D01", "ann@example.org")
        .text("", "0E04", "Bob")
        .time("", "0039", 1_772_355_600)
}

#[test]
fn a_message_shows_what_its_reader_sees() {
    let bytes = message()
        .text("", "1000", "Dear Bob,\r\n\r\n  1. yes\r\n")
        .text("/__recip_version1.0_#00000000", "3001", "Bob B")
        .text("/__recip_version1.0_#00000000", "39FE", "bob@example.org")
        .build();
    let file = read_one("a.msg", &bytes);
    assert_eq!(file.media_type, "application/vnd.ms-outlook");
    assert_eq!(
        text_of(&file),
        "Subject: Budget 2026 – Größe\nDate: 2026-03-01T09:00:00Z\nFrom: Ann Lee <ann@example.org>\nTo: Bob B <bob@example.org>\nDear Bob,\n  1. yes"
    );
}

#[test]
fn a_page_goes_before_text_and_packed_rich_text_is_unpacked() {
    let bytes = message().text("", "1000", "plain").bytes("", "10130102", b"<html><p>the page</p></html>").build();
    assert!(text_of(&read_one("a.msg", &bytes)).ends_with("the page"));
    let packed = "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0";
    let bytes = message().bytes("", "10090102", &hex::decode(packed).unwrap()).build();
    assert!(text_of(&read_one("a.msg", &bytes)).ends_with("hello world"));
    let bytes = message().bytes("", "10090102", b"junk").build();
    assert_eq!(read_one("a.msg", &bytes).outcome, Outcome::Partial);
}

#[test]
fn attachments_are_members_and_messages_in_messages_too() {
    let (first, second, third) =
        ("/__attach_version1.0_#00000000", "/__attach_version1.0_#00000001", "/__attach_version1.0_#00000002");
    let inner = format!("{second}/__substg1.0_3701000D");
    let bytes = message()
        .text(first, "3707", "..\\..\\numbers.csv")
        .bytes(first, "37010102", b"a,b\n1,2\n")
        .text(second, "3001", "Re: inner")
        .message(&inner)
        .text(&inner, "0037", "inner subject")
        .text(&inner, "1000", "inner words")
        .text(third, "3707", "linked.docx")
        .build();
    let files = read_files("a.msg", &bytes);
    let names: Vec<&str> = files.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["a.msg", "a.msg/..-..-numbers.csv", "a.msg/Re: inner.msg", "a.msg/linked.docx"]);
    assert_eq!(text_of(&files[1]), "| a | b |\n| 1 | 2 |");
    assert_eq!(text_of(&files[2]), "Subject: inner subject\ninner words");
    assert!(reason(&files[3]).contains("does not hold it"));
}

#[test]
fn no_damage_breaks_reading() {
    let bytes = message().text("", "1000", "words").bytes("/__attach_version1.0_#00000000", "37010102", b"x").build();
    for seed in 0..150 {
        for file in read_files("a.msg", &damaged(&bytes, seed)) {
            assert!(!file.is_readable() || !file.segments.is_empty() || !file.findings.is_empty(), "{seed}: {file:?}");
        }
    }
}
