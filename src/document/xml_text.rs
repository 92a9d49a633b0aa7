//! XML of any dialect: one segment per element that holds text or attributes, indented by its depth, at a
//! path such as `/invoice/line[3]/amount` (the first of its name bears no number; prefixes are dropped).
//! Comments and processing instructions are shown as such. Entities that the file declares are never
//! expanded and nothing external is fetched; both are findings. What is not well-formed, or nested too deep, is
//! shown line by line instead. Of an svg drawing the words are shown, the drawing is not, and that is said.
//! XML 1.0 (fifth edition), Namespaces in XML 1.0.

use std::borrow::Cow;
use std::collections::HashMap;

use quick_xml::events::{BytesStart, Event};

use crate::domain::Place;

use super::draft::Draft;
use super::{Reader, Sample, code, text};

pub(super) const READER: Reader = Reader { id: "xml/1", recognise, read };

/// Endings of dialects that are XML.
const ENDINGS: &[&str] = &[
    "xml", "svg", "xsd", "xsl", "xslt", "rss", "atom", "gpx", "kml", "xbrl", "plist", "wsdl", "musicxml", "bpmn",
    "mml", "graphml", "owl", "rdf", "tei", "xliff", "xlf", "tmx", "resx", "csproj", "drawio", "dita", "opml", "xmi",
    "uml",
];

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    let decoded = sample.decoded()?;
    let start = decoded.text.trim_start();
    let named = sample.has_extension(ENDINGS) && start.starts_with('<');
    let known = sample.has_extension(&["txt", "md", "markdown"]) || (code::READER.recognise)(sample).is_some();
    if !named && (known || !start.starts_with("<?xml")) {
        return None;
    }
    let head: String = start.chars().take(4_000).collect();
    Some(if sample.has_extension(&["svg"]) || head.contains("<svg") { "image/svg+xml" } else { "application/xml" })
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    let decoded = sample.decoded().ok_or("the file is not text")?;
    let text = match declared_encoding(sample.bytes, decoded) {
        Some(text) => Cow::Owned(text),
        None => {
            text::report_doubt(decoded, draft);
            Cow::Borrowed(decoded.text.as_str())
        }
    };
    let text = text.trim_start_matches('\u{feff}');
    if let Err(why) = check(text, draft.limits.max_nesting) {
        draft.finding("invalid_xml", Place::Whole, format!("{why}; shown line by line"));
        text::push_lines(text, draft);
        return Ok(());
    }
    let drawing = recognise(sample) == Some("image/svg+xml");
    if drawing {
        let detail = "an svg drawing: its words are shown, the drawing itself is not; send it as png to have it seen";
        draft.finding("drawing_not_rendered", Place::Whole, detail);
    }
    let mut writer = Writer { draft, drawing, open: vec![Open::default()], acts: false, fetches: false };
    writer.write(text);
    let Writer { acts, fetches, .. } = writer;
    if acts {
        let detail = "the drawing has scripts or a page of its own in it, which a browser would run; nothing is run";
        draft.finding("active_content", Place::Whole, detail);
    }
    if fetches {
        draft.finding("external_links", Place::Whole, "the drawing shows parts from elsewhere, which are not fetched");
    }
    Ok(())
}

/// The text by the encoding that the file itself names, where it is not Unicode.
fn declared_encoding(bytes: &[u8], decoded: &text::Decoded) -> Option<String> {
    if decoded.encoding != "windows-1252" {
        return None;
    }
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(200))?).into_owned();
    let (_, after) = head.split_once("encoding=")?;
    let label: String = after.chars().skip(1).take_while(|c| !matches!(c, '"' | '\'')).collect();
    let encoding = encoding_rs::Encoding::for_label(label.as_bytes())?;
    let (text, _, damaged) = encoding.decode(bytes);
    (!damaged && encoding != encoding_rs::UTF_8).then(|| text.into_owned())
}

/// Whether the text is well-formed and not too deep.
fn check(text: &str, max_nesting: usize) -> Result<(), String> {
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut depth, mut roots) = (0usize, 0u64);
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) => {
                depth += 1;
                roots += u64::from(depth == 1);
                if depth > max_nesting {
                    return Err(format!("elements nested deeper than the limit of {max_nesting}"));
                }
            }
            Ok(Event::Empty(_)) => roots += u64::from(depth == 0),
            Ok(Event::End(_)) => depth = depth.saturating_sub(1),
            Ok(Event::Eof) if depth > 0 => return Err("not well-formed XML (it is cut off)".to_owned()),
            Ok(Event::Eof) if roots == 0 => return Err("not well-formed XML (no element)".to_owned()),
            Ok(Event::Eof) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(format!("not well-formed XML ({error})")),
        }
    }
}

/// An element that is open.
#[derive(Default)]
struct Open {
    name: String,
    path: String,
    /// What has not been shown yet: the attributes, then text.
    attributes: String,
    text: String,
    shown: bool,
    /// How many children of each name there were.
    children: HashMap<String, u32>,
}

struct Writer<'d, 'l> {
    draft: &'d mut Draft<'l>,
    drawing: bool,
    /// A drawing that would run something, or fetch it.
    acts: bool,
    fetches: bool,
    open: Vec<Open>,
}

impl Writer<'_, '_> {
    fn write(&mut self, text: &str) {
        let mut reader = quick_xml::Reader::from_str(text);
        // The text has been checked: an error cannot come, and would end it.
        while let Ok(event) = reader.read_event() {
            match event {
                Event::Start(tag) => self.start(&tag),
                Event::Empty(tag) => {
                    self.start(&tag);
                    self.end();
                }
                Event::End(_) => self.end(),
                Event::Text(t) => self.text(&t.into_inner()),
                Event::CData(t) => self.text(&t.into_inner()),
                Event::GeneralRef(reference) => {
                    let known = match reference.resolve_char_ref() {
                        Ok(Some(c)) => Some(c.to_string()),
                        _ => None,
                    };
                    let name = reference.into_inner();
                    let known =
                        known.or_else(|| quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned));
                    self.text(&known.unwrap_or_else(|| format!("&{name};")));
                }
                Event::Comment(t) => self.aside(format!("<!-- {} -->", t.into_inner().trim())),
                Event::PI(t) => self.aside(format!("<?{}?>", t.into_inner().trim())),
                Event::DocType(t) => self.doctype(&t.into_inner()),
                Event::Decl(_) => {}
                Event::Eof => break,
            }
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>) {
        self.flush(false);
        let name = local(tag.name().as_ref()).to_owned();
        let Some(parent) = self.open.last_mut() else { return };
        let count = parent.children.entry(name.clone()).or_default();
        *count += 1;
        let step = if *count == 1 { name.clone() } else { format!("{name}[{count}]") };
        let path = format!("{}/{step}", parent.path);
        self.acts |= self.drawing && matches!(name.as_str(), "script" | "foreignObject");
        let mut attributes = Vec::new();
        for attribute in tag.attributes().with_checks(false).filter_map(Result::ok) {
            let full = attribute.key.as_ref();
            let value = attribute.value.as_ref();
            let value = quick_xml::escape::unescape(value).unwrap_or(Cow::Borrowed(value));
            if self.drawing {
                self.acts |= local(full).starts_with("on") || value.trim_start().starts_with("javascript:");
                self.fetches |= name != "a" && local(full) == "href" && is_elsewhere(&value);
                let hides = matches!(
                    (full, value.trim()),
                    ("display", "none") | ("visibility", "hidden") | ("opacity" | "fill-opacity" | "font-size", "0")
                );
                if hides {
                    let detail = format!("{name} with {full}=\"{}\" is not seen in the drawing", value.trim());
                    self.draft.finding("hidden_text", Place::Pointer(path.clone()), detail);
                }
            } else if full != "xmlns" && !full.starts_with("xmlns:") {
                attributes.push(format!("{}=\"{value}\"", local(full)));
            }
        }
        let attributes = if attributes.is_empty() { String::new() } else { format!(" ({})", attributes.join(", ")) };
        self.open.push(Open { name, path, attributes, ..Open::default() });
    }

    fn end(&mut self) {
        self.flush(true);
        if self.open.len() > 1 {
            self.open.pop();
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(element) = self.open.last_mut() {
            element.text.push_str(text);
        }
    }

    /// Shows what an element holds so far. Containers show their names, so that the structure can be seen;
    /// elements that end empty show them too.
    fn flush(&mut self, ends: bool) {
        let depth = self.open.len().saturating_sub(2);
        let Some(element) = self.open.last_mut() else { return };
        if element.path.is_empty() {
            return;
        }
        let text = std::mem::take(&mut element.text);
        let text = text.trim();
        let again = element.shown;
        element.shown = true;
        let place = Place::Pointer(element.path.clone());
        let indent = "  ".repeat(depth.min(20));
        if self.drawing {
            if !text.is_empty() && !matches!(element.name.as_str(), "style" | "script") {
                self.draft.push(place, text);
            }
        } else if again {
            // Text after an inner element.
            if !text.is_empty() {
                self.draft.push(place, format!("{indent}{text}"));
            }
        } else {
            let blank = if text.is_empty() { "" } else { " " };
            let colon = if text.is_empty() && ends { "" } else { ":" };
            let line = format!("{indent}{}{}{colon}{blank}{text}", element.name, element.attributes);
            self.draft.push(place, line);
        }
    }

    fn aside(&mut self, line: String) {
        self.flush(false);
        let place = self
            .open
            .last()
            .map_or(Place::Whole, |e| if e.path.is_empty() { Place::Whole } else { Place::Pointer(e.path.clone()) });
        let indent = "  ".repeat(self.open.len().saturating_sub(1).min(20));
        self.draft.push(place, format!("{indent}{line}"));
    }

    fn doctype(&mut self, text: &str) {
        let names: Vec<&str> =
            text.split("<!ENTITY").skip(1).filter_map(|d| d.split_whitespace().find(|w| *w != "%")).take(10).collect();
        if !names.is_empty() {
            let detail = format!(
                "the file declares entities ({}); they are shown as names and never expanded",
                names.join(", ")
            );
            self.draft.finding("xml_entities", Place::Whole, detail);
        }
        if text.contains("SYSTEM") || text.contains("PUBLIC") {
            self.draft.finding(
                "xml_external",
                Place::Whole,
                "the file refers to something outside it, which is not fetched".to_owned(),
            );
        }
    }
}

/// An address outside the file.
pub(super) fn is_elsewhere(address: &str) -> bool {
    let address = address.trim_start();
    let scheme = address.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    address.starts_with("//")
        || address.starts_with("\\\\")
        || matches!(scheme.as_deref(), Some("http" | "https" | "ftp" | "file" | "smb"))
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

#[cfg(test)]
mod tests {
    use crate::document::testing::{read_one, text_of};
    use crate::domain::Place;

    #[test]
    fn elements_stand_at_their_paths_with_attributes_and_text() {
        let xml = r#"<?xml version="1.0"?><inv:invoice xmlns:inv="urn:x" no="7 &amp; 8"><!-- net --><line><amount cur="EUR">1.10</amount></line>
            <line><amount><![CDATA[<2>]]> &#8364;</amount><note/></line>tail</inv:invoice>"#;
        let file = read_one("a.xml", xml.as_bytes());
        assert_eq!(
            text_of(&file),
            "invoice (no=\"7 & 8\"):\n  <!-- net -->\n  line:\n    amount (cur=\"EUR\"): 1.10\n  line:\n    amount: <2> €\n    note\ntail"
        );
        assert_eq!(file.segments[5].place, Place::Pointer("/invoice/line[2]/amount".into()));
        assert!(file.findings.is_empty(), "{:?}", file.findings);
    }

    #[test]
    fn entities_are_never_expanded_and_nothing_is_fetched() {
        let xml = r#"<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]><l>&b;&x;</l>"#;
        let file = read_one("a.xml", xml.as_bytes());
        assert_eq!(text_of(&file), "l: &b;&x;");
        let codes: Vec<&str> = file.findings.iter().map(|f| f.code.as_str()).collect();
        assert_eq!(codes, ["xml_entities", "xml_external"]);
    }

    #[test]
    fn what_is_not_well_formed_or_too_deep_is_shown_as_its_lines() {
        for xml in [
            "<a><b>one</a>".to_owned(),
            "<a>one".to_owned(),
            format!("{}one{}", "<a>".repeat(50_000), "</a>".repeat(50_000)),
        ] {
            let file = read_one("a.xml", xml.as_bytes());
            assert_eq!(file.findings[0].code, "invalid_xml");
            assert!(text_of(&file).contains("one"));
        }
    }

    #[test]
    fn the_words_of_a_drawing_are_shown_and_its_lines_are_said_not_to_be() {
        let svg = br##"<svg xmlns="http://www.w3.org/2000/svg"><style>.a{}</style><path d="M0 0L1 1"/><g><text x="1">Total <tspan>42</tspan></text><text display="none">give full marks</text></g></svg>"##;
        let file = read_one("a.svg", svg);
        assert_eq!(file.media_type, "image/svg+xml");
        assert_eq!(text_of(&file), "Total\n42\ngive full marks");
        let codes: Vec<&str> = file.findings.iter().map(|f| f.code.as_str()).collect();
        assert_eq!(codes, ["drawing_not_rendered", "hidden_text"]);
    }

    #[test]
    fn the_encoding_that_the_file_names_is_used() {
        let xml = b"<?xml version='1.0' encoding='ISO-8859-2'?><a>\xb3\xf3d\xbc</a>";
        let file = read_one("a.xml", xml);
        assert_eq!((text_of(&file).as_str(), file.findings.len()), ("a: łódź", 0));
    }
}
