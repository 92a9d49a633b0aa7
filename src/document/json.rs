//! JSON and JSON Lines: one segment per value that is no container, at its JSON pointer (RFC 6901), or per
//! small container as a whole. Numbers keep their digits as written.

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::domain::Place;

use super::draft::Draft;
use super::{Reader, Sample, text};

pub(super) const READER: Reader = Reader { id: "json/1", recognise, read };

/// A container whose text is at most this long is one segment.
const WHOLE_CHARS: usize = 120;
/// serde_json's own bound on nesting; deeper text is shown as lines.
const MAX_DEPTH: usize = 100;

fn recognise(sample: &Sample<'_>) -> Option<&'static str> {
    let jsonl = sample.has_extension(&["jsonl", "ndjson"]);
    let named = jsonl || sample.has_extension(&["json", "geojson"]) || sample.declared == Some("application/json");
    // Other names with JSON in them (a .txt, a .md) stay what they say they are.
    if !named && !sample.extension.is_empty() {
        return None;
    }
    let text = sample.decoded()?.text.trim_start();
    let looks = || text.starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok();
    if !(named || looks()) {
        return None;
    }
    Some(if jsonl { "application/jsonl" } else { "application/json" })
}

fn read(sample: &Sample<'_>, draft: &mut Draft<'_>) -> Result<(), String> {
    let decoded = sample.decoded().ok_or("the file is not text")?;
    text::report_doubt(decoded, draft);
    match serde_json::from_str::<&RawValue>(&decoded.text) {
        Ok(value) => show(value.get(), "", 0, draft),
        Err(error) => {
            let lines: Vec<&str> = decoded.text.lines().collect();
            let full = lines.iter().filter(|l| !l.trim().is_empty());
            if lines.len() > 1 && full.clone().all(|l| serde_json::from_str::<IgnoredAny>(l).is_ok()) {
                // JSON Lines: the place is the line, as its readers count.
                text::push_lines(&decoded.text, draft);
            } else {
                let detail = format!("not valid JSON ({error}); shown as text");
                draft.finding("invalid_json", Place::Whole, detail);
                text::push_lines(&decoded.text, draft);
            }
        }
    }
    Ok(())
}

fn show(raw: &str, pointer: &str, depth: usize, draft: &mut Draft<'_>) {
    let raw = raw.trim();
    let label = if pointer.is_empty() { String::new() } else { format!("{pointer}: ") };
    if raw.chars().count() > WHOLE_CHARS && depth < MAX_DEPTH && !draft.is_full() {
        if raw.starts_with('{')
            && let Ok(members) = serde_json::from_str::<Members<'_>>(raw)
        {
            for (name, value) in members.0 {
                let name = name.replace('~', "~0").replace('/', "~1");
                show(value.get(), &format!("{pointer}/{name}"), depth + 1, draft);
            }
            return;
        }
        if raw.starts_with('[')
            && let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw)
        {
            for (index, value) in items.into_iter().enumerate() {
                show(value.get(), &format!("{pointer}/{index}"), depth + 1, draft);
            }
            return;
        }
    }
    let shown = match serde_json::from_str::<String>(raw) {
        Ok(text) if text.contains('\n') => text,
        _ => raw.split_ascii_whitespace().collect::<Vec<_>>().join(" "),
    };
    let shown = if raw.starts_with('"') && !shown.contains('\n') { raw.to_owned() } else { shown };
    draft.push(Place::Pointer(pointer.to_owned()), format!("{label}{shown}"));
}

/// The members of an object in the order of the file, with repeated names.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use crate::document::testing::{read_one, text_of};
    use crate::domain::Place;

    #[test]
    fn values_stand_at_their_pointers_with_their_digits() {
        let text = format!(r#"{{"a/b": [{{"x": 1.10, "long": "{}"}}], "n": 12345678901234567890}}"#, "y".repeat(150));
        let file = read_one("a.json", text.as_bytes());
        assert_eq!(file.segments[0].place, Place::Pointer("/a~1b/0/x".into()));
        assert_eq!(file.segments[0].text, "/a~1b/0/x: 1.10");
        assert!(text_of(&file).ends_with("/n: 12345678901234567890"));
    }

    #[test]
    fn deep_nesting_is_shown_as_text_and_breaks_nothing() {
        let file = read_one("a.json", "[".repeat(200_000).as_bytes());
        assert_eq!((file.findings[0].code.as_str(), file.is_readable()), ("invalid_json", true));
    }
}
