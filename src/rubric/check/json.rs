//! `json_path`: a value in a JSON file, by RFC 6901 pointer (`/a/0/b`) or dotted path (`$.a[0].b`).

use serde_json::Value;

use super::scope::{Scope, gap, is_json};
use super::{CheckOutcome, Looked};
use crate::domain::{FileExtract, Place};

/// Either notation as a JSON pointer. Dotted paths know names, `[0]` and `['name']`; no wildcards or filters.
pub fn pointer(path: &str) -> Result<String, String> {
    let path = path.trim();
    if path.is_empty() || path.starts_with('/') {
        return Ok(path.to_owned());
    }
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    let mut pointer = String::new();
    let mut push = |token: &str| {
        pointer.push('/');
        pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
    };
    let mut first = true;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (token, after) = inner.split_once(']').ok_or("a `[` is not closed")?;
            let bare = token.trim().trim_matches(['\'', '"']);
            if bare.is_empty() || bare == "*" || bare.starts_with('?') || bare.contains(':') {
                return Err(format!("`[{token}]` is not an index or a name; wildcards and filters are not known"));
            }
            push(bare);
            rest = after;
        } else {
            let inner = match rest.strip_prefix('.') {
                Some(inner) => inner,
                None if first => rest,
                None => return Err(format!("`{rest}` should begin with `.` or `[`")),
            };
            let end = inner.find(['.', '[']).unwrap_or(inner.len());
            let (token, after) = inner.split_at(end);
            if token.is_empty() || token == "*" {
                return Err("an empty step or a wildcard; write a name or an index for each step".to_owned());
            }
            push(token);
            rest = after;
        }
        first = false;
    }
    Ok(pointer)
}

/// The document of a JSON file, from its text view.
fn document(file: &FileExtract) -> Option<Value> {
    let mut text = String::new();
    for segment in &file.segments {
        text.push_str(&segment.text);
        text.push('\n');
    }
    serde_json::from_str(&text).ok()
}

pub fn path(scope: &Scope<'_>, path: &str, wanted: Option<&Value>) -> CheckOutcome {
    let pointer = match pointer(path) {
        Ok(pointer) => pointer,
        Err(why) => return CheckOutcome::nothing(format!("the path `{path}`: {why}")),
    };
    let mut miss = None;
    let mut undecided = None;
    for file in scope.files.iter().copied() {
        let Some(document) = document(file) else {
            if is_json(file) {
                let why = gap(file).unwrap_or_else(|| "is not valid JSON".to_owned());
                if file.outcome == crate::domain::Outcome::Read {
                    let detail = format!("`{}` {why}", file.name);
                    miss.get_or_insert(Looked {
                        file: file.name.clone(),
                        place: Place::Whole,
                        quote: String::new(),
                        detail,
                    });
                } else {
                    undecided.get_or_insert(format!("`{}` {why}", file.name));
                }
            }
            continue;
        };
        let looked = |quote: String, detail: String| Looked {
            file: file.name.clone(),
            place: Place::Pointer(pointer.clone()),
            quote,
            detail,
        };
        match (document.pointer(&pointer), wanted) {
            (Some(found), wanted) => {
                let quote: String = found.to_string().chars().take(300).collect();
                let detail = wanted.map_or_else(|| "the value is there".to_owned(), |w| format!("{quote}, wanted {w}"));
                if wanted.is_none_or(|wanted| same(found, wanted)) {
                    return CheckOutcome::holds(looked(quote, detail));
                }
                miss.get_or_insert(looked(quote, detail));
            }
            (None, _) => {
                miss.get_or_insert(looked(String::new(), format!("nothing stands at `{path}`")));
            }
        }
    }
    match (undecided, miss) {
        (Some(why), _) => CheckOutcome::nothing(why),
        (None, Some(looked)) => scope.without_hit(|_| false, looked),
        (None, None) => scope.without_hit(is_json, scope.looked("no file is JSON")),
    }
}

/// JSON equality where 1 and 1.0 are the same number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        _ => a == b,
    }
}
