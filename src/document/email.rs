//! Mails (.eml, RFC 5322 with MIME): the headers that a person sees, the body as the mail program shows it (the
//! page if there is one, else the text), pictures in the body, and every attachment as a member. Mails in mails
//! are members too. Headers that nobody sees (`Received`, `X-...`) are left out.
//!
//! A mail may carry its text twice. The page is shown, because people see that; where the plain text says
//! something else it is shown as well and reported. Nothing that a page refers to is fetched.
//! RFC 5322, 2045-2049, 2231; saved pages (.mht, RFC 2557) are of the same form.

use std::borrow::Cow;
use std::collections::HashSet;

use mail_parser::{Address, Encoding, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use crate::domain::Place;

use super::draft::Draft;
use super::{Reader, Sample, html, mail_code, text};

pub(super) const READER: Reader = Reader { id: "eml/1", recognise, read };

/// Headers that only mails have; two of them make a mail of a file without a telling name.
const TELLING: &[&str] = &[
    "from",
    "to",
    "subject",
    "date",
    "received",
    "message-id",
    "mime-version",
    "return-path",
    "delivered-to",
    "content-type",
];
/// Addresses of one header that are listed.
const MAX_ADDRESSES: usize = 200;

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    let named = sample.has_extension(&["eml", "emlx", "mht", "mhtml"]);
    let declared = sample.extension.is_empty() && sample.declared == Some("message/rfc822");
    if !(named || declared || sample.extension.is_empty()) {
        return None;
    }
    let telling = telling_headers(sample.bytes);
    (telling >= if named || declared { 1 } else { 3 }).then_some("message/rfc822")
}

/// How many of the telling headers the file begins with, before anything that is no header.
pub(super) fn telling_headers(bytes: &[u8]) -> usize {
    let head = bytes.get(..bytes.len().min(16 << 10)).unwrap_or(bytes);
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let mut found = HashSet::new();
    for (index, line) in head.split(|b| *b == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.starts_with(b" ") || line.starts_with(b"\t") || (index == 0 && line.iter().all(u8::is_ascii_digit)) {
            continue;
        }
        let Some(colon) = line.iter().position(|b| *b == b':') else { break };
        let name = line.get(..colon).unwrap_or_default();
        if name.is_empty() || !name.iter().all(|b| b.is_ascii_graphic()) {
            break;
        }
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        if TELLING.contains(&name.as_str()) {
            found.insert(name);
        }
    }
    found.len()
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    // Apple Mail puts the length in a line of its own before the mail.
    let bytes = if sample.has_extension(&["emlx"]) {
        sample.bytes.iter().position(|b| *b == b'\n').and_then(|at| sample.bytes.get(at + 1..)).unwrap_or(sample.bytes)
    } else {
        sample.bytes
    };
    let message = MessageParser::default().parse(bytes).ok_or("no mail: it has no headers; save it again")?;
    show(sample.name, &message, draft)
}

fn show(name: &str, message: &Message<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    let headers = [
        ("Subject", message.subject().map(str::to_owned)),
        (
            "Date",
            message.date().map(|d| d.to_rfc3339()).or_else(|| message.header_raw("Date").map(|d| d.trim().to_owned())),
        ),
        ("From", message.from().map(addresses)),
        ("To", message.to().map(addresses)),
        ("Cc", message.cc().map(addresses)),
        ("Bcc", message.bcc().map(addresses)),
        ("Reply-To", message.reply_to().map(addresses)),
    ];
    for (label, value) in headers {
        if let Some(value) = value.filter(|v| !v.trim().is_empty()) {
            header(label, &value, draft);
        }
    }
    let root = message.root_part();
    let (sealed, signed) = security(root);
    if sealed {
        draft.finding(
            "encrypted_mail",
            Place::Whole,
            "the mail is encrypted: its text cannot be read; send it decrypted",
        );
    } else if signed {
        draft.finding("signed_mail", Place::Whole, "the mail bears a signature, which is not checked");
    }
    let found = bodies(message);
    body(&found, draft);
    for part in
        message.parts.iter().filter(|p| p.is_encoding_problem && !matches!(p.body, PartType::Multipart(_))).take(20)
    {
        let what = part.attachment_name().map_or_else(|| "a part of the mail".to_owned(), |n| format!("the part {n}"));
        draft.finding("mail_damage", Place::Whole, format!("{what} is cut off or not encoded as it says"));
    }
    members(name, message, &found, draft);
    if sealed && draft.members.is_empty() {
        return Err("the mail is encrypted; send it decrypted".to_owned());
    }
    Ok(())
}

/// A header as a line that can be told from the body.
pub(super) fn header(label: &str, value: &str, draft: &mut Draft<'_>) {
    let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
    draft.push(Place::Pointer(format!("/{label}")), format!("{label}: {value}"));
}

fn security(root: &MessagePart<'_>) -> (bool, bool) {
    let Some(kind) = root.content_type() else { return (false, false) };
    let subtype = kind.subtype().unwrap_or("");
    let smime = subtype == "pkcs7-mime" || subtype == "x-pkcs7-mime";
    let opaque = smime && kind.attribute("smime-type") == Some("signed-data");
    (subtype == "encrypted" || (smime && !opaque), subtype == "signed" || opaque)
}

fn addresses(list: &Address<'_>) -> String {
    let one = |a: &mail_parser::Addr<'_>| match (a.name.as_deref(), a.address.as_deref()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => String::new(),
    };
    let mut shown: Vec<String> = match list {
        Address::List(list) => list.iter().take(MAX_ADDRESSES).map(one).collect(),
        Address::Group(groups) => groups
            .iter()
            .flat_map(|g| g.addresses.iter().map(|a| (g.name.as_deref(), a)))
            .take(MAX_ADDRESSES)
            .map(|(group, a)| group.map_or_else(|| one(a), |g| format!("{} ({g})", one(a))))
            .collect(),
    };
    let count = list.iter().count();
    if count > MAX_ADDRESSES {
        shown.push(format!("and {} more", count - MAX_ADDRESSES));
    }
    shown.retain(|a| !a.is_empty());
    shown.join(", ")
}

/// The mail's own words: as pages, as plain texts, and which parts they are.
struct Bodies<'m> {
    pages: Vec<Cow<'m, str>>,
    texts: Vec<Cow<'m, str>>,
    parts: HashSet<u32>,
}

fn bodies<'m>(message: &'m Message<'_>) -> Bodies<'m> {
    let mut found = Bodies { pages: Vec::new(), texts: Vec::new(), parts: HashSet::new() };
    for (id, part) in (0u32..).zip(&message.parts) {
        let listed = |list: &[u32]| list.contains(&id);
        let kind = part.content_type().and_then(|t| Some((t.ctype(), t.subtype()?)));
        let attached = part.content_disposition().is_some_and(|d| d.is_attachment());
        let broken = part.is_encoding_problem && !attached;
        match &part.body {
            // What the parser gives up on is no body to it any more.
            PartType::Text(_) if broken && kind == Some(("text", "html")) => {
                found.pages.push(repaired_text(message, part).into());
            }
            PartType::Text(_) if broken && kind == Some(("text", "plain")) => {
                found.texts.push(repaired_text(message, part).into());
            }
            PartType::Html(page) if listed(&message.html_body) => found.pages.push(Cow::Borrowed(page)),
            PartType::Text(text) if listed(&message.text_body) => found.texts.push(Cow::Borrowed(text)),
            // A choice within a choice is in no list; it was sent all the same.
            PartType::Html(page) if !listed(&message.attachments) => found.pages.push(Cow::Borrowed(page)),
            PartType::Text(text) if !listed(&message.attachments) => found.texts.push(Cow::Borrowed(text)),
            _ => continue,
        }
        found.parts.insert(id);
    }
    found
}

/// The bytes of a part as its own header says they are packed, as far as that goes.
fn repaired(message: &Message<'_>, part: &MessagePart<'_>) -> Vec<u8> {
    let range = part.offset_body as usize..part.offset_end as usize;
    let raw = message.raw_message.get(range).unwrap_or_default();
    match part.content_transfer_encoding().map(str::to_ascii_lowercase).as_deref() {
        Some("quoted-printable") => mail_code::quoted_printable(raw),
        Some("base64") => mail_code::base64(raw),
        _ => raw.to_vec(),
    }
}

fn repaired_text(message: &Message<'_>, part: &MessagePart<'_>) -> String {
    let charset = part.content_type().and_then(|t| t.attribute("charset")).unwrap_or("utf-8");
    let encoding = encoding_rs::Encoding::for_label(charset.as_bytes()).unwrap_or(encoding_rs::UTF_8);
    encoding.decode(&repaired(message, part)).0.into_owned()
}

fn body(found: &Bodies<'_>, draft: &mut Draft<'_>) {
    let before = draft.text_len();
    for page in &found.pages {
        show_page(page, draft);
    }
    let seen = words(&draft.text_since(before));
    let also: Vec<&str> =
        found.texts.iter().map(AsRef::as_ref).filter(|t| found.pages.is_empty() || differs(t, &seen)).collect();
    if !found.pages.is_empty() && !also.is_empty() {
        let detail = "the mail also has a plain text that says something else than its page; both are shown";
        draft.finding("other_text", Place::Whole, detail);
        draft.push(Place::Whole, "[the mail's plain text, which mail programs do not show:]");
    }
    let mut first = 0;
    for text in also {
        lines(text, &mut first, draft);
    }
}

/// The lines of a text, numbered on from those before.
fn lines(text: &str, first: &mut u32, draft: &mut Draft<'_>) {
    for line in text.lines() {
        *first = first.saturating_add(1);
        draft.push(Place::Line(*first), line);
    }
}

/// A page by the reader of pages; one that it refuses is shown as its source.
pub(super) fn show_page(page: &str, draft: &mut Draft<'_>) {
    let input = super::Input { name: "body.html", media_type: Some("text/html"), bytes: page.as_bytes() };
    if let Err(why) = (html::READER.read)(&Sample::new(&input), draft) {
        draft.finding("page_as_source", Place::Whole, format!("{why}; the page's source is shown"));
        text::push_lines(page, draft);
    }
}

fn words(text: &str) -> HashSet<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|w| w.chars().count() > 2 || w.starts_with(|c: char| c.is_ascii_digit()))
        .map(str::to_lowercase)
        .collect()
}

/// Whether the text has a number, or much else, that the page does not: links and list signs differ anyway.
fn differs(text: &str, seen: &HashSet<String>) -> bool {
    let plain: String = text.split_whitespace().filter(|w| !w.contains("://")).collect::<Vec<_>>().join(" ");
    let (said, page) = (words(&plain), seen);
    let missing: Vec<&String> = said.iter().filter(|w| !page.contains(*w)).collect();
    let count = missing.len();
    missing.iter().any(|w| w.chars().all(|c| c.is_ascii_digit()))
        || count * 4 > said.len()
        || (count >= 3 && count * 10 > said.len())
}

fn members(name: &str, message: &Message<'_>, found: &Bodies<'_>, draft: &mut Draft<'_>) {
    let mut lost = 0u64;
    for &id in message.attachments.iter().filter(|id| !found.parts.contains(id)) {
        let Some(part) = message.part(id) else { continue };
        let kind = part.content_type().map(|t| format!("{}/{}", t.ctype(), t.subtype().unwrap_or("")));
        let kind = kind.unwrap_or_default();
        let bytes: Cow<'_, [u8]> = match &part.body {
            PartType::Message(inner) if !matches!(part.encoding, Encoding::None) => Cow::Borrowed(&inner.raw_message),
            PartType::Message(_) => {
                let range = part.offset_body as usize..part.offset_end as usize;
                Cow::Borrowed(message.raw_message.get(range).unwrap_or_default())
            }
            _ if part.is_encoding_problem => Cow::Owned(repaired(message, part)),
            _ => Cow::Borrowed(part.contents()),
        };
        // Pictures that stand in the page are part of the mail, not files that were sent with it.
        let shown = |id: &str| found.pages.iter().any(|page| page.contains(&format!("cid:{id}")));
        let inline = match part.content_id() {
            Some(id) => shown(id.trim_matches(['<', '>'])),
            None => part.attachment_name().is_none(),
        };
        if inline && kind.starts_with("image/") {
            if !is_dot(&bytes) {
                draft.image(Place::Whole, &bytes);
            }
            continue;
        }
        let title = attachment_name(part, &kind, id);
        draft.push(Place::Whole, format!("Attachment: {} ({} bytes)", super::members::clean_name(&title), bytes.len()));
        if !draft.member_within(name, &title, &bytes) {
            lost += 1;
        }
    }
    if lost > 0 {
        let why = format!("over the limit of {} files in one", draft.limits.archive.max_entries);
        draft.cut(Place::Whole, format!("{lost} attachments"), why, None);
    }
}

/// A picture of one pixel says only that the mail was opened.
pub(super) fn is_dot(bytes: &[u8]) -> bool {
    super::images::probe(bytes).is_ok_and(|(_, width, height)| width <= 2 && height <= 2)
}

/// Its own name, or one with the ending that its kind has.
fn attachment_name(part: &MessagePart<'_>, kind: &str, id: u32) -> String {
    if let PartType::Message(inner) = &part.body {
        let title = part.attachment_name().or_else(|| inner.subject()).unwrap_or("message");
        let title = title.replace(['/', '\\'], "-");
        return if title.to_ascii_lowercase().ends_with(".eml") { title } else { format!("{title}.eml") };
    }
    if let Some(name) = part.attachment_name() {
        return name.replace(['/', '\\'], "-");
    }
    let ending = match kind {
        "text/plain" => ".txt",
        "text/html" => ".html",
        "text/calendar" => ".ics",
        "text/csv" => ".csv",
        "application/pdf" => ".pdf",
        "application/json" => ".json",
        _ => "",
    };
    format!("attachment {id}{ending}")
}

#[cfg(test)]
mod tests;
