//! JSON and JSON Lines: one segment per value that is no container, at its JSON pointer (RFC 6901), or per
//! small container as a whole. Numbers keep their digits as written. Names that stand twice in one object are both
//! shown, and reported: programs disagree on which of them counts.

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::domain::Place;

use super::draft::Draft;
use super::{Reader, Sample, text};

pub(super) const READER: Reader = Reader { id: "json/2", recognise, read };

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
            let filled = || (1u32..).zip(decoded.text.lines()).filter(|(_, l)| !l.trim().is_empty());
            let bad = |line: &str| serde_json::from_str::<IgnoredAny>(line).err();
            let wrong: Vec<(u32, serde_json::Error)> =
                filled().filter_map(|(n, l)| bad(l).map(|e| (n, e))).take(100).collect();
            let lines = filled().count();
            // JSON Lines: the place is the line, as its readers count.
            let by_line = sample.has_extension(&["jsonl", "ndjson"]) || (lines > 1 && wrong.is_empty());
            if by_line && wrong.len() < lines {
                for (number, error) in wrong.iter().take(20) {
                    let detail = format!("this line is not valid JSON ({error}); shown as text");
                    draft.finding("invalid_json", Place::Line(*number), detail);
                }
            } else {
                let detail = format!("not valid JSON ({error}); shown as text");
                draft.finding("invalid_json", Place::Whole, detail);
            }
            text::push_lines(&decoded.text, draft);
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
            let mut names = std::collections::HashSet::new();
            if let Some((twice, _)) = members.0.iter().find(|(name, _)| !names.insert(name.as_str())) {
                report_twice(twice, pointer, draft);
            }
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
        _ => {
            report_small_twice(raw, pointer, draft);
            one_line(raw)
        }
    };
    let shown = if raw.starts_with('"') && !shown.contains('\n') { raw.to_owned() } else { shown };
    draft.push(Place::Pointer(pointer.to_owned()), format!("{label}{shown}"));
}

fn report_twice(name: &str, pointer: &str, draft: &mut Draft<'_>) {
    let name: String = name.chars().take(100).collect();
    let detail = format!("the name {name:?} stands twice in one object; both are shown");
    draft.finding("json_duplicate_name", Place::Pointer(pointer.to_owned()), detail);
}

/// The same for a container that is shown as a whole.
fn report_small_twice(raw: &str, pointer: &str, draft: &mut Draft<'_>) {
    if let Ok(members) = serde_json::from_str::<Members<'_>>(raw) {
        let mut names = std::collections::HashSet::new();
        if let Some((twice, _)) = members.0.iter().find(|(name, _)| !names.insert(name.as_str())) {
            report_twice(twice, pointer, draft);
        }
    }
}

/// JSON with its line breaks and indents as single blanks; strings stay as they are.
fn one_line(raw: &str) -> String {
    let mut line = String::with_capacity(raw.len());
    let (mut quoted, mut escaped) = (false, false);
    for c in raw.chars() {
        if quoted {
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
            line.push(c);
        } else if c.is_ascii_whitespace() {
            if !line.ends_with(' ') {
                line.push(' ');
            }
        } else {
            quoted = c == '"';
            line.push(c);
        }
    }
    line
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
    fn names_that_stand_twice_are_both_shown_and_reported() {
        let file = read_one("a.json", br#"{"total": 1, "total": 2, "note": "a   b"}"#);
        assert_eq!(text_of(&file), r#"{"total": 1, "total": 2, "note": "a   b"}"#);
        assert_eq!(file.findings[0].code, "json_duplicate_name");
    }

    #[test]
    fn what_is_no_json_is_shown_as_text_and_a_bad_line_named() {
        let file = read_one("a.json", br#"{"x": NaN}"#);
        assert_eq!((text_of(&file).as_str(), file.findings[0].code.as_str()), (r#"{"x": NaN}"#, "invalid_json"));
        let file = read_one("a.jsonl", b"{\"a\": 1}\n{\"a\": }\n{\"a\": 3}\n");
        assert_eq!((file.findings.len(), &file.findings[0].place), (1, &Place::Line(2)));
        assert_eq!(file.segments.len(), 3);
    }

    #[test]
    fn deep_nesting_is_shown_as_text_and_breaks_nothing() {
        let file = read_one("a.json", "[".repeat(200_000).as_bytes());
        assert_eq!((file.findings[0].code.as_str(), file.is_readable()), ("invalid_json", true));
    }
}
