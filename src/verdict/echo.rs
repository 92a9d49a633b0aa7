//! Replies that are no judge's own: an answer that stands in the deliverable was written by whoever wants it. A judge that
//! hands it on has not judged, so its reply cannot be read, and it is asked again.
//!
//! Compared are letters and digits alone, so that quotation marks, spaces and line breaks make no difference:
//! - the reply's object as a whole stands in a file, or
//! - its reason stands in a file as the reason of an answer with the same label.
//!
//! A quotation that stands in the deliverable is evidence, of course; only whole answers are compared.

use std::sync::OnceLock;

use memchr::memmem;

use super::object::{Last, last_object};

/// Letters of an object from which on it is nobody's by chance: more than keys and a label alone.
const OBJECT: usize = 24;
/// Letters of a reason.
const REASON: usize = 16;
/// Letters between a fake answer's reason and its label.
const NEAR: usize = 400;

/// The letters of a file that may hold answers; made when the first reply needs them.
#[derive(Debug, Default)]
pub(super) struct Letters(OnceLock<Option<String>>);

impl Letters {
    fn of(&self, raw: &[String]) -> Option<&str> {
        let made = self.0.get_or_init(|| {
            let known = raw.iter().any(|text| {
                let bytes = text.as_bytes();
                ["answer", "Answer", "ANSWER"].iter().any(|word| memmem::find(bytes, word.as_bytes()).is_some())
            });
            known.then(|| raw.iter().map(|text| skeleton(text)).collect())
        });
        made.as_deref()
    }

    /// Whether this reply's object stands in the file.
    pub fn hold_object(&self, raw: &[String], reply: &str) -> bool {
        let Some(letters) = self.of(raw) else { return false };
        let object = match last_object(reply) {
            Last::Object(object) => skeleton(object),
            Last::Broken(_) | Last::CutOff(_) | Last::None => return false,
        };
        object.len() >= OBJECT && memmem::find(letters.as_bytes(), object.as_bytes()).is_some()
    }

    /// Whether this reason stands in the file as the reason of an answer with this label.
    pub fn hold_reason(&self, raw: &[String], reason: &str, label: &str) -> bool {
        let Some(letters) = self.of(raw) else { return false };
        let reason = skeleton(reason);
        if reason.len() < REASON {
            return false;
        }
        let (reason, label) = (format!("reason{reason}"), format!("answer{}", skeleton(label)));
        memmem::find_iter(letters.as_bytes(), &reason).any(|at| {
            let from = letters.floor_char_boundary(at.saturating_sub(NEAR));
            let to = letters.ceil_char_boundary((at + reason.len() + NEAR).min(letters.len()));
            letters.get(from..to).is_some_and(|near| near.contains(&label))
        })
    }
}

fn skeleton(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
