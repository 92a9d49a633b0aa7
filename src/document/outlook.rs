//! Outlook messages (.msg): a compound file whose streams are MAPI properties. Subject, date, sender and
//! receivers as Outlook shows them, the body (page, else text, else rich text), attachments as members;
//! messages attached to a message are members that are read out of the same file.
//! MS-OXMSG (streams), MS-OXPROPS (property numbers), MS-CFB (the container).

use std::io::{Cursor, Read};

use crate::domain::Place;

use super::draft::Draft;
use super::email::{header, is_dot, show_page};
use super::{Reader, Sample, outlook_rtf, rtf, text};

pub(super) const READER: Reader = Reader { id: "msg/1", recognise, read };

const MEDIA_TYPE: &str = "application/vnd.ms-outlook";
/// Attachments and receivers are numbered; more than this are not looked at.
const MAX_NUMBERED: usize = 5_000;

const SUBJECT: u16 = 0x0037;
const SUBMITTED: u16 = 0x0039;
const RECIPIENT_TYPE: u16 = 0x0c15;
const SENDER_NAME: u16 = 0x0c1a;
const SENDER_ADDRESS: u16 = 0x0c1f;
const DISPLAY_BCC: u16 = 0x0e02;
const DISPLAY_CC: u16 = 0x0e03;
const DISPLAY_TO: u16 = 0x0e04;
const DELIVERED: u16 = 0x0e06;
const BODY: u16 = 0x1000;
const BODY_RTF: u16 = 0x1009;
const BODY_HTML: u16 = 0x1013;
const DISPLAY_NAME: u16 = 0x3001;
const EMAIL: u16 = 0x3003;
const ATTACH_DATA: u16 = 0x3701;
const ATTACH_NAME: u16 = 0x3704;
const ATTACH_METHOD: u16 = 0x3705;
const ATTACH_LONG_NAME: u16 = 0x3707;
const ATTACH_CONTENT_ID: u16 = 0x3712;
const SMTP: u16 = 0x39fe;
const INTERNET_CODEPAGE: u16 = 0x3fde;
const LOCALE: u16 = 0x3ff1;
const MESSAGE_CODEPAGE: u16 = 0x3ffd;
const SENDER_SMTP: u16 = 0x5d01;

/// Kinds of values, the lower half of a property's tag.
const STRING8: u16 = 0x001e;
const UNICODE: u16 = 0x001f;
const BINARY: u16 = 0x0102;
const OBJECT: u16 = 0x000d;
const TIME: u16 = 0x0040;
const LONG: u16 = 0x0003;

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    if !sample.bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return None;
    }
    match cfb::CompoundFile::open(Cursor::new(sample.bytes)) {
        Ok(file) => file.is_stream("/__properties_version1.0").then_some(MEDIA_TYPE),
        Err(_) => sample.has_extension(&["msg"]).then_some(MEDIA_TYPE),
    }
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    let file = cfb::CompoundFile::open(Cursor::new(sample.bytes))
        .map_err(|e| format!("the message is damaged ({e}); save it again or as .eml"))?;
    Mail { file, most: draft.limits.archive.max_entry_bytes }.show(sample.name, "", draft)
}

struct Mail<'a> {
    file: cfb::CompoundFile<Cursor<&'a [u8]>>,
    /// Bytes of one property that are read.
    most: u64,
}

impl Mail<'_> {
    /// Shows the message in the storage `at` (the root is the empty string).
    fn show(&mut self, name: &str, at: &str, draft: &mut Draft<'_>) -> Result<(), String> {
        let head = if at.is_empty() { 32 } else { 24 };
        let fixed = self.fixed(at, head);
        // Old writers name only the page's encoding, or only the writer's country.
        let internet = fixed.long(INTERNET_CODEPAGE).filter(|page| !matches!(page, 20127 | 65001));
        let by_country = || fixed.long(LOCALE).map(codepage_of_locale);
        let codepage = fixed.long(MESSAGE_CODEPAGE).or(internet).or_else(by_country).unwrap_or(1252);
        let encoding = encoding(codepage);
        let sender = with_address(
            self.text(at, SENDER_NAME, encoding),
            self.text(at, SENDER_SMTP, encoding).or_else(|| self.text(at, SENDER_ADDRESS, encoding)),
        );
        let receivers = self.receivers(at, encoding);
        let listed = |kind: i64| -> Option<String> {
            let names: Vec<&str> = receivers.iter().filter(|(k, _)| *k == kind).map(|(_, n)| n.as_str()).collect();
            (!names.is_empty()).then(|| names.join(", "))
        };
        let date = fixed.time(SUBMITTED).or_else(|| fixed.time(DELIVERED));
        let lines = [
            ("Subject", self.text(at, SUBJECT, encoding)),
            ("Date", date),
            ("From", sender),
            ("To", listed(1).or_else(|| self.text(at, DISPLAY_TO, encoding))),
            ("Cc", listed(2).or_else(|| self.text(at, DISPLAY_CC, encoding))),
            ("Bcc", listed(3).or_else(|| self.text(at, DISPLAY_BCC, encoding))),
        ];
        for (label, value) in lines {
            if let Some(value) = value.filter(|v| !v.trim().is_empty()) {
                header(label, &value, draft);
            }
        }
        let page = self.body(at, &fixed, encoding, draft);
        let bare = draft.is_silent();
        self.attachments(name, at, encoding, &page, draft);
        if bare && draft.members.is_empty() {
            return Err("the message holds neither headers nor text; save it again or as .eml".to_owned());
        }
        if bare {
            draft.finding("no_content", Place::Whole, "the message has no headers and no text that could be read");
        }
        Ok(())
    }

    /// Shows the body; what it returns is the page's source, to tell which pictures stand in it.
    fn body(
        &mut self,
        at: &str,
        fixed: &Fixed,
        encoding: &'static encoding_rs::Encoding,
        draft: &mut Draft<'_>,
    ) -> String {
        let page = self.stream(at, BODY_HTML, BINARY).map(|bytes| {
            let declared = fixed.long(INTERNET_CODEPAGE).map_or(encoding, self::encoding);
            match std::str::from_utf8(&bytes) {
                Ok(page) => page.to_owned(),
                Err(_) => declared.decode(&bytes).0.into_owned(),
            }
        });
        if let Some(page) = page.or_else(|| self.text(at, BODY_HTML, encoding)).filter(|p| !p.trim().is_empty()) {
            show_page(&page, draft);
            return page;
        }
        if let Some(body) = self.text(at, BODY, encoding).filter(|b| !b.trim().is_empty()) {
            text::push_lines(&body, draft);
        } else if let Some(packed) = self.stream(at, BODY_RTF, BINARY) {
            let most = usize::try_from(self.most).unwrap_or(usize::MAX);
            let shown = outlook_rtf::unpack(&packed, most).and_then(|rich| {
                let input = super::Input { name: "body.rtf", media_type: None, bytes: &rich };
                (rtf::READER.read)(&Sample::new(&input), draft)
            });
            if let Err(why) = shown {
                draft.cut(Place::Whole, "the body of the message", why, None);
            }
        }
        String::new()
    }

    fn receivers(&mut self, at: &str, encoding: &'static encoding_rs::Encoding) -> Vec<(i64, String)> {
        let mut found = Vec::new();
        for storage in self.numbered(at, "__recip_version1.0_") {
            let kind = self.fixed(&storage, 8).long(RECIPIENT_TYPE).unwrap_or(1);
            let address = self.text(&storage, SMTP, encoding).or_else(|| self.text(&storage, EMAIL, encoding));
            if let Some(name) = with_address(self.text(&storage, DISPLAY_NAME, encoding), address) {
                found.push((kind, name));
            }
        }
        found
    }

    fn attachments(
        &mut self,
        name: &str,
        at: &str,
        encoding: &'static encoding_rs::Encoding,
        page: &str,
        draft: &mut Draft<'_>,
    ) {
        let mut lost = 0u64;
        for storage in self.numbered(at, "__attach_version1.0_") {
            let title = [ATTACH_LONG_NAME, ATTACH_NAME, DISPLAY_NAME]
                .iter()
                .find_map(|tag| self.text(&storage, *tag, encoding));
            let title = title.map(|t| t.replace(['/', '\\'], "-")).filter(|t| !t.trim().is_empty());
            let inner = format!("{storage}/{}", stream_name(ATTACH_DATA, OBJECT));
            if draft.budget.entries == 0 {
                lost += 1;
                continue;
            }
            if self.file.is_storage(&inner) {
                let message = self.fixed(&storage, 8).long(ATTACH_METHOD) == Some(5)
                    || self.file.is_stream(format!("{inner}/__properties_version1.0"));
                let title = title.unwrap_or_else(|| "message".to_owned());
                if !message {
                    draft.unreadable_member(
                        name,
                        &title,
                        0,
                        "an embedded object that only its own program can show; send it as a file".to_owned(),
                    );
                } else if let Err(why) = draft.may_open() {
                    draft.unreadable_member(name, &title, 0, why);
                } else {
                    let title =
                        if title.to_ascii_lowercase().ends_with(".msg") { title } else { format!("{title}.msg") };
                    draft.push(Place::Whole, format!("Attachment: {} (a message)", super::members::clean_name(&title)));
                    draft.member_read(name, &title, (MEDIA_TYPE, READER.id), |name, draft| {
                        self.show(name, &inner, draft)
                    });
                }
                continue;
            }
            let title = title.unwrap_or_else(|| "attachment".to_owned());
            let size = self.size(&storage, ATTACH_DATA, BINARY);
            if size > self.most || size > draft.budget.bytes {
                let why = format!("{size} bytes, over the limit of {}", self.most.min(draft.budget.bytes));
                draft.unreadable_member(name, &title, size, why);
                continue;
            }
            let Some(bytes) = self.stream(&storage, ATTACH_DATA, BINARY) else {
                // By reference: the message names a file on somebody's disk.
                draft.unreadable_member(
                    name,
                    &title,
                    0,
                    "the message refers to it and does not hold it; attach the file".to_owned(),
                );
                continue;
            };
            let id = self.text(&storage, ATTACH_CONTENT_ID, encoding);
            if id.is_some_and(|id| page.contains(&format!("cid:{id}"))) && super::images::probe(&bytes).is_ok() {
                if !is_dot(&bytes) {
                    draft.image(Place::Whole, &bytes);
                }
                continue;
            }
            draft.push(
                Place::Whole,
                format!("Attachment: {} ({} bytes)", super::members::clean_name(&title), bytes.len()),
            );
            draft.member_within(name, &title, &bytes);
        }
        if lost > 0 {
            let why = format!("over the limit of {} files in one", draft.limits.archive.max_entries);
            draft.cut(Place::Whole, format!("{lost} attachments"), why, None);
        }
    }

    /// The storages of this kind, in their order.
    fn numbered(&self, at: &str, prefix: &str) -> Vec<String> {
        let folder = if at.is_empty() { "/" } else { at };
        let Ok(entries) = self.file.read_storage(folder) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .filter(|e| e.is_storage() && e.name().starts_with(prefix))
            .map(|e| e.name().to_owned())
            .take(MAX_NUMBERED)
            .collect();
        names.sort();
        names.into_iter().map(|name| format!("{at}/{name}")).collect()
    }

    /// Bytes of a stream by the directory, before any is read.
    fn size(&self, at: &str, tag: u16, kind: u16) -> u64 {
        self.file.entry(format!("{at}/{}", stream_name(tag, kind))).map_or(0, |e| e.len())
    }

    fn stream(&mut self, at: &str, tag: u16, kind: u16) -> Option<Vec<u8>> {
        self.stream_at(&format!("{at}/{}", stream_name(tag, kind)))
    }

    fn stream_at(&mut self, path: &str) -> Option<Vec<u8>> {
        if !self.file.is_stream(path) {
            return None;
        }
        let mut bytes = Vec::new();
        self.file.open_stream(path).ok()?.take(self.most).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// A property that is a text, in Unicode or in the message's own encoding.
    fn text(&mut self, at: &str, tag: u16, encoding: &'static encoding_rs::Encoding) -> Option<String> {
        let text = match self.stream(at, tag, UNICODE) {
            Some(bytes) => encoding_rs::UTF_16LE.decode_without_bom_handling(&bytes).0.into_owned(),
            None => encoding.decode_without_bom_handling(&self.stream(at, tag, STRING8)?).0.into_owned(),
        };
        Some(text.trim_end_matches('\0').to_owned())
    }

    fn fixed(&mut self, at: &str, head: usize) -> Fixed {
        let bytes = self.stream_at(&format!("{at}/__properties_version1.0")).unwrap_or_default();
        Fixed(bytes.get(head..).unwrap_or_default().to_vec())
    }
}

fn stream_name(tag: u16, kind: u16) -> String {
    format!("__substg1.0_{tag:04X}{kind:04X}")
}

/// Properties of fixed length: 16 bytes each, with kind, number, flags and value.
struct Fixed(Vec<u8>);

impl Fixed {
    fn value(&self, tag: u16, kind: u16) -> Option<[u8; 8]> {
        let wanted = [kind.to_le_bytes(), tag.to_le_bytes()].concat();
        let entry = self.0.as_chunks::<16>().0.iter().find(|entry| entry.starts_with(&wanted))?;
        entry[8..].try_into().ok()
    }

    fn long(&self, tag: u16) -> Option<i64> {
        self.value(tag, LONG).map(|v| i64::from(i32::from_le_bytes([v[0], v[1], v[2], v[3]])))
    }

    /// ISO 8601 in UTC. Outlook counts tenths of microseconds since 1601.
    fn time(&self, tag: u16) -> Option<String> {
        let ticks = i64::from_le_bytes(self.value(tag, TIME)?);
        let seconds = (ticks / 10_000_000).checked_sub(11_644_473_600)?;
        (ticks > 0).then(|| jiff::Timestamp::from_second(seconds).ok()).flatten().map(|t| t.to_string())
    }
}

/// The encoding of a Windows code page.
fn encoding(codepage: i64) -> &'static encoding_rs::Encoding {
    let label = match codepage {
        65001 => "utf-8".to_owned(),
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        20866 => "koi8-r".to_owned(),
        28591..=28606 => format!("iso-8859-{}", codepage - 28590),
        other => format!("windows-{other}"),
    };
    encoding_rs::Encoding::for_label(label.as_bytes()).unwrap_or(encoding_rs::WINDOWS_1252)
}

/// The Windows code page of a locale (MS-LCID), by its language.
fn codepage_of_locale(locale: i64) -> i64 {
    match (locale, locale & 0x3ff) {
        (0x0804 | 0x1004, _) => 936,
        (_, 0x04) => 950,
        (_, 0x11) => 932,
        (_, 0x12) => 949,
        (_, 0x1e) => 874,
        (_, 0x05 | 0x0e | 0x15 | 0x18 | 0x1a | 0x1b | 0x1c | 0x24) => 1250,
        (_, 0x02 | 0x19 | 0x22 | 0x23 | 0x2f) => 1251,
        (_, 0x08) => 1253,
        (_, 0x1f) => 1254,
        (_, 0x0d) => 1255,
        (_, 0x01 | 0x20 | 0x29) => 1256,
        (_, 0x25..=0x27) => 1257,
        (_, 0x2a) => 1258,
        _ => 1252,
    }
}

/// Addresses inside an organisation (`/O=...`) say nothing to a person.
fn with_address(name: Option<String>, address: Option<String>) -> Option<String> {
    let address = address.filter(|a| a.contains('@'));
    let name = name.map(|n| n.trim_matches('\'').to_owned()).filter(|n| !n.trim().is_empty());
    match (name, address) {
        (Some(name), Some(address)) if name != address => Some(format!("{name} <{address}>")),
        (name, address) => name.or(address),
    }
}

#[cfg(test)]
mod tests;
