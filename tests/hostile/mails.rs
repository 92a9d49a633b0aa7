//! Mails: parts in parts, headers without end, mails in mails, and attachments that are bombs.

use std::io::{Cursor, Write};

use super::build::{gzip_of, nested, zip};
use super::tables::circular;
use super::{Case, cut, found, harmless, inside};

const HEAD: &str = "From: a@x.example\r\nTo: b@x.example\r\nSubject: s\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nMIME-Version: 1.0\r\n";

pub const CASES: &[Case] = &[
    harmless("parts-in-parts.eml", || {
        let mut mail = HEAD.to_owned();
        for n in 0..20_000 {
            mail.push_str(&format!("Content-Type: multipart/mixed; boundary=\"b{n}\"\r\n\r\n--b{n}\r\n"));
        }
        (mail + "Content-Type: text/plain\r\n\r\ntext\r\n").into_bytes()
    }),
    harmless("mails-in-mails.eml", || {
        (format!("{HEAD}Content-Type: message/rfc822\r\n\r\n").repeat(3_000) + HEAD + "\r\ntext").into_bytes()
    }),
    harmless("a-million-headers.eml", || format!("{HEAD}{}\r\ntext", "X-A: b\r\n".repeat(500_000)).into_bytes()).within(512),
    harmless("a-header-of-megabytes.eml", || format!("{HEAD}X-A: {}\r\n\r\ntext", "word ".repeat(2_000_000)).into_bytes()).within(512),
    harmless("folded-without-end.eml", || format!("{HEAD}X-A: a{}\r\n\r\ntext", "\r\n b".repeat(500_000)).into_bytes()).within(512),
    harmless("a-million-addresses.eml", || {
        format!("From: a@x.example\r\nTo: {}\r\nSubject: s\r\n\r\ntext", "a <a@x.example>, ".repeat(200_000)).into_bytes()
    })
    .within(512),
    harmless("groups-in-groups.eml", || format!("From: {}\r\nSubject: s\r\n\r\ntext", nested("a:(", "", ");", 50_000)).into_bytes()),
    harmless("encoded-words.eml", || format!("Subject: {}\r\nFrom: a@x.example\r\n\r\ntext", "=?utf-8?q?=41?= ".repeat(200_000)).into_bytes()).within(512),
    harmless("numbered-parameters.eml", || {
        let all: String = (0..50_000).map(|n| format!(";\r\n name*{n}*=a")).collect();
        format!("{HEAD}Content-Type: application/octet-stream{all}\r\n\r\ntext").into_bytes()
    }),
    harmless("boundaries-that-lie.eml", || {
        let mail = format!("{HEAD}Content-Type: multipart/mixed; boundary=\"-\"\r\n\r\n{}", "---\r\n".repeat(200_000));
        mail.into_bytes()
    })
    .within(512),
    cut("ten-thousand-attachments.eml", "over the limit", || {
        let parts: String = (0..10_000)
            .map(|n| format!("--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=\"{n}.txt\"\r\n\r\ntext\r\n"))
            .collect();
        format!("{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n").into_bytes()
    })
    .within(512),
    harmless("attachment-of-letters.eml", || attachment("a.bin", &"QUFB".repeat(5_000_000))).within(512),
    inside("bomb-attached.eml", "as in a zip bomb", || attachment("a.zip", &letters(&zip(&[("z.bin", &vec![0; 16 << 20])])))),
    inside("packed-bomb-attached.eml", "as in a bomb", || attachment("a.gz", &letters(&gzip_of(0, 64)))),
    found("path-of-an-attachment.eml", &[], || attachment("../../etc/passwd", &letters(b"text"))),
    found("encrypted.eml", &["encrypted_mail"], || {
        format!("{HEAD}Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n--b--\r\n").into_bytes()
    }),
    found("page-with-a-script.eml", &[], || format!("{HEAD}Content-Type: text/html\r\n\r\n<p>words<script>alert(1)</script>").into_bytes()),
    harmless("deep-page.eml", || format!("{HEAD}Content-Type: text/html\r\n\r\n{}", "<div>".repeat(100_000)).into_bytes()),
    harmless("nothing-but-a-head.eml", || HEAD.as_bytes().to_vec()),
    cut("a-hundred-thousand-mails.mbox", "over the limit", || {
        "From a@x Thu Jan  1 00:00:00 2026\nFrom: a@x\nSubject: s\n\ntext\n\n".repeat(20_000).into_bytes()
    })
    .within(768),
    harmless("messages-in-messages.msg", || msg(40)),
    harmless("streams-in-a-circle.msg", || circular(msg(1))),
    harmless("cut-off.msg", || {
        let whole = msg(1);
        whole[..whole.len() / 2].to_vec()
    }),
    harmless("packed-text-that-lies.msg", || {
        // MS-OXRTFCP: the sizes say four gigabytes.
        let packed = [&[0xff; 8][..], b"LZFu", &[0; 4], &[0xff; 5_000]].concat();
        message(&[("__substg1.0_0037001F", b"s\0"), ("__substg1.0_10090102", &packed)])
    }),
];

fn letters(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn attachment(name: &str, letters: &str) -> Vec<u8> {
    format!("{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\ntext\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\r\n{letters}\r\n--b--\r\n").into_bytes()
}

fn message(streams: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    file.create_stream("/__properties_version1.0").unwrap().write_all(&[0; 32]).unwrap();
    for (name, bytes) in streams {
        file.create_stream(format!("/{name}")).unwrap().write_all(bytes).unwrap();
    }
    file.into_inner().into_inner()
}

/// An Outlook message with messages attached in each other.
fn msg(depth: usize) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    let subject: Vec<u8> = "subject".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut at = String::new();
    for level in 0..depth {
        let properties = vec![0; if level == 0 { 32 } else { 24 }];
        file.create_stream(format!("{at}/__properties_version1.0")).unwrap().write_all(&properties).unwrap();
        file.create_stream(format!("{at}/__substg1.0_0037001F")).unwrap().write_all(&subject).unwrap();
        at.push_str("/__attach_version1.0_#00000000");
        file.create_storage(&at).unwrap();
        at.push_str("/__substg1.0_3701000D");
        file.create_storage(&at).unwrap();
    }
    file.into_inner().into_inner()
}
