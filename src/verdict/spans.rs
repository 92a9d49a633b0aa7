//! The words that a judge quotes, inside of what it gave as a quote: spans in quotation marks, each in the
//! parts that its omissions (`...`) and insertions (`[es]`) leave. All texts are normal.

use super::normal::normal;

/// At least one part has this many bytes: a word or two prove nothing.
const MIN_PART: usize = 12;

/// The spans of a quote, each as its parts; empty where there is nothing that proves something. `whole` is the
/// length of the quote's normal text: what stands in quotation marks must be a third of it.
pub fn spans(quote: &str, whole: usize) -> Vec<Vec<String>> {
    let marked = marked(quote);
    let texts = if marked.is_empty() { vec![quote] } else { marked };
    let spans: Vec<Vec<String>> = texts.into_iter().map(parts).filter(|parts| !parts.is_empty()).collect();
    let bytes: usize = spans.iter().flatten().map(String::len).sum();
    let solid = spans.iter().flatten().any(|part| part.len() >= MIN_PART);
    if solid && bytes * 3 >= whole { spans } else { vec![] }
}

/// What stands between quotation marks: `“...”` with its own nesting, or straight ones in pairs.
fn marked(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut open: Option<(usize, bool)> = None;
    for (at, c) in text.char_indices() {
        match (c, open) {
            ('\u{201c}', None) => open = Some((at + c.len_utf8(), true)),
            ('"', None) => open = Some((at + 1, false)),
            ('\u{201d}', Some((start, true))) | ('"', Some((start, false))) => {
                found.extend(text.get(start..at));
                open = None;
            }
            _ => {}
        }
    }
    found
}

fn parts(span: &str) -> Vec<String> {
    let mut text = String::with_capacity(span.len());
    let mut rest = span;
    while let Some((before, after)) = rest.split_once('[') {
        text.push_str(before);
        text.push_str("...");
        rest = after.split_once(']').map_or(after, |(_, after)| after);
    }
    text.push_str(rest);
    let ends = |c: char| matches!(c, '.' | ',' | ';' | ':') || c.is_whitespace();
    text.replace('\u{2026}', "...")
        .split("...")
        .map(|part| normal(part).trim_matches(ends).to_owned())
        .filter(|part| part.contains(char::is_alphanumeric))
        .collect()
}
