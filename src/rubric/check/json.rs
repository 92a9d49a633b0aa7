//! `json_path`: a value in a JSON file, by RFC 6901 pointer (`/a/0/b`) or dotted path (`$.a[0].b`).

use serde_json::{Map, Value};

use super::scope::{Scope, gap, is_json};
use super::{CheckOutcome, Looked};
use crate::domain::{FileExtract, Outcome, Place};

/// The deepest value that is put together.
const MAX_STEPS: usize = 120;

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

/// The document of a JSON file, put together from its text view: values at their pointers (`/a/0: 1.5`), or
/// lines, which are one document or, in JSON Lines, a list of documents.
fn document(file: &FileExtract) -> Option<Value> {
    let places = || file.segments.iter().filter(|s| matches!(s.place, Place::Pointer(_)));
    if places().next().is_some() {
        let mut root = Value::Object(Map::new());
        for segment in places() {
            let Place::Pointer(pointer) = &segment.place else { continue };
            insert(&mut root, pointer, value_of(&segment.text, pointer));
        }
        return Some(lists(root));
    }
    let lines: Vec<&str> = file.segments.iter().map(|s| s.text.as_str()).filter(|t| !t.trim().is_empty()).collect();
    let each = || lines.iter().map(|line| serde_json::from_str(line).ok()).collect::<Option<Vec<Value>>>();
    let several = || each().filter(|documents| documents.len() > 1).map(Value::Array);
    serde_json::from_str(&lines.join("\n")).ok().or_else(several)
}

/// A value as the reader shows it: JSON behind its pointer; a text of several lines without its quotes.
fn value_of(text: &str, pointer: &str) -> Value {
    let text = text.strip_prefix(pointer).and_then(|t| t.strip_prefix(": ")).unwrap_or(text);
    let json = if text.contains('\n') { None } else { serde_json::from_str(text).ok() };
    json.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Puts a value at a pointer; every container on the way is an object until [`lists`] has seen all of it.
fn insert(root: &mut Value, pointer: &str, value: Value) {
    let mut at = root;
    for token in pointer.split('/').skip(1).take(MAX_STEPS) {
        let key = token.replace("~1", "/").replace("~0", "~");
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let Value::Object(members) = at else { return };
        at = members.entry(key).or_insert(Value::Null);
    }
    *at = value;
}

/// Objects whose names are 0, 1, 2, ... are lists.
fn lists(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let listed = !members.is_empty() && (0..members.len()).all(|i| members.contains_key(&i.to_string()));
            if listed {
                let mut members = members;
                let count = members.len();
                let items = (0..count).filter_map(|i| members.remove(&i.to_string())).map(lists);
                return Value::Array(items.collect::<Vec<_>>());
            }
            Value::Object(members.into_iter().map(|(key, value)| (key, lists(value))).collect())
        }
        other => other,
    }
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
                if file.outcome == Outcome::Read {
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
                if file.outcome != Outcome::Read && (found.is_object() || found.is_array()) {
                    undecided.get_or_insert(format!("`{}` {}", file.name, gap(file).unwrap_or_default()));
                }
                miss.get_or_insert(looked(quote, detail));
            }
            (None, _) if file.outcome != Outcome::Read => {
                undecided.get_or_insert(format!("`{}` {}", file.name, gap(file).unwrap_or_default()));
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

/// JSON equality where 1 and 1.0 are the same number, and runs of whitespace in texts one space, because the
/// reader lays small containers out anew.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::String(a), Value::String(b)) => a.split_whitespace().eq(b.split_whitespace()),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        _ => a == b,
    }
}
