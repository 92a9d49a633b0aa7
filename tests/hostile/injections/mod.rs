//! A corpus of deliverables that speak to their judges: every carrier (a kind of file and a place in it) with every payload
//! (what is said, and how it is disguised). A line in [`carriers::CARRIERS`] or in [`payloads::PAYLOADS`] makes cases.

pub mod carriers;
pub mod payloads;

use carriers::{CARRIERS, Made};
use payloads::{PAYLOADS, WHOLE};

/// A deliverable, and what was put into it.
pub struct Case {
    /// `docx comment × override`
    pub name: String,
    pub carrier: &'static str,
    pub made: Made,
}

/// All of them.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for carrier in CARRIERS {
        for payload in PAYLOADS {
            let text = payload.text();
            if (carrier.takes)(&text) {
                let made = (carrier.make)(Some(&text));
                cases.push(Case { name: format!("{} × {}", carrier.name, payload.name), carrier: carrier.name, made });
            }
        }
    }
    for (name, text) in WHOLE {
        for (kind, file) in [("message", None), ("txt", Some("answer.txt")), ("md", Some("answer.md"))] {
            let text = text();
            let made = match file {
                None => Made::Message(text),
                Some(file) => Made::File(file.to_owned(), text.into_bytes()),
            };
            cases.push(Case { name: format!("{kind} × {name}"), carrier: "whole", made });
        }
    }
    cases
}

/// The letters and digits of a text, without the marks that readers put in the place of what nobody sees.
pub fn letters(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mark = rest.strip_prefix("[U+").and_then(|inner| inner.find(']'));
        let more = rest.strip_prefix("[and ").and_then(|inner| inner.find(" more invisible characters]"));
        rest = match (mark, more) {
            (Some(end), _) if end <= 6 => &rest[end + 4..],
            (_, Some(end)) if end <= 8 => &rest[end + "[and  more invisible characters]".len()..],
            _ => {
                out.extend(c.to_lowercase().filter(|c| c.is_alphanumeric()));
                &rest[c.len_utf8()..]
            }
        };
    }
    out
}
