//! How a key and its value lie in a row. The program needs `key`, `revision` and `value`; what else is in the row
//! is for people and is made here, so that a value comes back byte for byte whatever JSONB would have made of it
//! (it forgets the order of names, the sign of a zero, and cannot hold a zero character).

use std::borrow::Cow;

use memchr::memmem;

/// The longest value that is kept as JSONB too.
const MAX_JSON_BYTES: usize = 1 << 20;

/// The columns that tell a person what a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    pub scope: String,
    pub section: String,
    pub kind: String,
    pub id: String,
    pub link_name: Option<String>,
    pub link_value: Option<String>,
}

impl Columns {
    pub fn of(key: &str) -> Self {
        let mut parts = key.splitn(4, '/');
        let mut next = || parts.next().unwrap_or_default();
        let (scope, section, kind, rest) = (next().to_owned(), next().to_owned(), next().to_owned(), next());
        let linked = if section == "l" { link(rest) } else { None };
        match linked {
            Some((name, value, id)) => {
                Self { scope, section, kind, id: id.to_owned(), link_name: Some(name), link_value: Some(value) }
            }
            None => Self { scope, section, kind, id: rest.to_owned(), link_name: None, link_value: None },
        }
    }
}

/// `{index}/{value}/{key}`
fn link(rest: &str) -> Option<(String, String, &str)> {
    let mut parts = rest.splitn(3, '/');
    let (name, value, id) = (parts.next()?, parts.next()?, parts.next()?);
    Some((name.to_owned(), value.replace("%2F", "/").replace("%25", "%"), id))
}

/// The envelope as text that JSONB takes; `None` if it is none, or is too long to be kept twice.
pub(super) fn json(value: &[u8]) -> Option<Cow<'_, str>> {
    if value.first() != Some(&b'{') || value.len() > MAX_JSON_BYTES {
        return None;
    }
    let text = std::str::from_utf8(value).ok()?;
    if memmem::find(value, br"\u0000").is_some() {
        // JSONB has no zero character; U+FFFD stands for it. `value` keeps what was said.
        return Some(text.replace(r"\u0000", r"\ufffd").into());
    }
    Some(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::keys;

    #[test]
    fn a_key_is_told_apart_into_what_a_person_asks_for() {
        let record = Columns::of(&keys::record("p", "vote", "g/j/0001/c-x"));
        assert_eq!((record.scope.as_str(), record.section.as_str(), record.kind.as_str()), ("p", "r", "vote"));
        assert_eq!((record.id.as_str(), record.link_name, record.link_value), ("g/j/0001/c-x", None, None));
        let link = Columns::of(&(keys::links("", "grading", "system", "a/b %2F 5%") + "g/1"));
        assert_eq!((link.scope.as_str(), link.section.as_str(), link.id.as_str()), ("", "l", "g/1"));
        assert_eq!(link.link_name.as_deref(), Some("system"));
        assert_eq!(link.link_value.as_deref(), Some("a/b %2F 5%"));
        for odd in ["", "/", "x", "p/l/kind", "p/l/kind/only"] {
            assert_eq!(Columns::of(odd).link_name, None, "{odd:?}");
        }
    }

    #[test]
    fn what_is_no_json_or_too_long_is_kept_as_bytes_alone() {
        assert_eq!(json(b""), None);
        assert_eq!(json(b"value"), None);
        assert_eq!(json(b"{\xff}"), None);
        assert_eq!(json(format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_JSON_BYTES)).as_bytes()), None);
        assert_eq!(json(br#"{"a":"x\u0000y"}"#).as_deref(), Some(r#"{"a":"x\ufffdy"}"#));
    }
}
