//! How records are laid out under ordered keys:
//!
//! ```text
//! {project}/r/{kind}/{key}                       the record
//! {project}/l/{kind}/{index}/{value}/{key}       a link: an empty value
//! ```
//!
//! A project id holds no `/`, kinds and indexes are words of ours, values are escaped, and the primary key
//! comes last: no two different things share a key, and a prefix never reaches into a neighbour.

use super::StoreError;

/// The longest key and link value that is kept as it is, in bytes. PostgreSQL's index entries end at 2,704.
pub(super) const MAX_KEY_BYTES: usize = 2_000;
const MAX_LINK_BYTES: usize = 200;

/// One part of a key: `/` and `%` escaped, so that parts can be joined with `/`.
#[must_use]
pub fn part(text: &str) -> String {
    text.replace('%', "%25").replace('/', "%2F")
}

pub(super) fn records(scope: &str, kind: &str) -> String {
    format!("{scope}/r/{kind}/")
}

pub(super) fn record(scope: &str, kind: &str, key: &str) -> String {
    format!("{scope}/r/{kind}/{key}")
}

pub(super) fn links(scope: &str, kind: &str, index: &str, value: &str) -> String {
    // A long value (a rubric's title) is looked up by its hash: equal is all that a link can ask.
    let value = if value.len() > MAX_LINK_BYTES {
        format!("%#{}", blake3::hash(value.as_bytes()).to_hex())
    } else {
        part(value)
    };
    format!("{scope}/l/{kind}/{index}/{value}/")
}

/// Every link of an index.
pub(super) fn index(scope: &str, kind: &str, index: &str) -> String {
    format!("{scope}/l/{kind}/{index}/")
}

/// The first text after everything that starts with `prefix`; `None` if nothing comes after it.
pub(super) fn after_prefix(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        if last == char::MAX {
            continue;
        }
        // UTF-8 orders as code points do; the surrogates between D800 and DFFF are no characters.
        let next = if last == '\u{d7ff}' { '\u{e000}' } else { char::from_u32(last as u32 + 1)? };
        chars.push(next);
        return Some(chars.into_iter().collect());
    }
    None
}

/// Names the record behind a raw key.
pub(super) fn conflict(raw: &str) -> StoreError {
    let mut parts = raw.splitn(4, '/').skip(2);
    let kind = parts.next().unwrap_or("key").to_owned();
    StoreError::Conflict { kind, key: parts.next().unwrap_or(raw).to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_with_slashes_and_percents_cannot_be_taken_for_one_another() {
        let names = ["a/b", "a%2Fb", "a", "a%b", "a%25b", "%", "/", "%2F"];
        let mut seen = std::collections::HashSet::new();
        for name in names {
            let escaped = part(name);
            assert!(!escaped.contains('/'));
            assert!(seen.insert(escaped), "{name} collides");
        }
    }

    #[test]
    fn the_end_of_a_prefix_is_past_everything_that_starts_with_it() {
        for prefix in ["a", "a/", "p\u{d7ff}", "x\u{10ffff}"] {
            let end = after_prefix(prefix).unwrap();
            assert!(format!("{prefix}\u{10ffff}\u{10ffff}") < end, "{prefix:?}");
        }
        assert_eq!(after_prefix("\u{10ffff}"), None);
        assert_eq!(after_prefix(""), None);
    }

    #[test]
    fn long_link_values_have_short_keys_that_no_other_value_has() {
        let long = "t".repeat(5_000);
        let key = links("p", "rubric", "title", &long);
        assert!(key.len() < 120);
        let hashed = key.split('/').nth(4).unwrap().to_owned();
        assert_ne!(links("p", "rubric", "title", &hashed), key);
    }
}
