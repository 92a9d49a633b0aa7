//! The last complete JSON object of a text, in one pass and without recursion.
//!
//! The scanner knows JSON's grammar as far as it needs to tell an object from braces in prose:
//! - `{` that is not followed by a key and a colon (or `}`) is prose, and the search goes on behind it;
//! - an object that breaks the grammar further in is *broken*: nothing inside of it counts as an object of its
//!   own, and the search goes on behind the break;
//! - an object that is still open when the text ends was *cut off*: whatever came before it is not the answer.
//!
//! Every step moves forward, so 50 MB of `{` take as long as 50 MB of prose.

/// What stands last in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last<'a> {
    /// The text of a complete object.
    Object(&'a str),
    /// An object that breaks JSON's grammar, and no complete one after it; from where it starts.
    Broken(&'a str),
    /// An object that the text's end cuts off; from where it starts.
    CutOff(&'a str),
    None,
}

/// How a try to read an object ended; offsets are into the text.
enum Try {
    Complete(usize),
    /// Not an object at all.
    Prose,
    Broken(usize),
    CutOff,
}

pub fn last_object(text: &str) -> Last<'_> {
    let bytes = text.as_bytes();
    let mut last = Last::None;
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr(b'{', rest)) {
        let start = at + found;
        let rest = text.get(start..).unwrap_or_default();
        match object(bytes, start) {
            Try::Complete(end) => {
                last = Last::Object(text.get(start..end).unwrap_or_default());
                at = end;
            }
            Try::Prose => at = start + 1,
            Try::Broken(end) => {
                last = Last::Broken(rest);
                at = end.max(start + 1);
            }
            Try::CutOff => return Last::CutOff(rest),
        }
    }
    last
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// After `{`: a key or `}`.
    FirstKey,
    /// After `,` in an object.
    Key,
    Colon,
    Value,
    /// After `[`: a value or `]`.
    FirstItem,
    /// After a value: `,` or the closing bracket.
    Next,
}

fn object(bytes: &[u8], start: usize) -> Try {
    // One entry per open bracket: true for an object.
    let mut open = vec![true];
    let mut expect = Expect::FirstKey;
    let mut keyed = false;
    let mut at = start + 1;
    loop {
        let Some(&byte) = bytes.get(at) else { return Try::CutOff };
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            at += 1;
            continue;
        }
        let broken = |keyed: bool| if keyed { Try::Broken(at) } else { Try::Prose };
        match (expect, byte) {
            (Expect::FirstKey | Expect::Key, b'"') => match string(bytes, at) {
                Some(end) => {
                    at = end;
                    expect = Expect::Colon;
                }
                None => return Try::CutOff,
            },
            (Expect::Colon, b':') => {
                keyed = true;
                at += 1;
                expect = Expect::Value;
            }
            (Expect::Value | Expect::FirstItem, b'"') => match string(bytes, at) {
                Some(end) => {
                    at = end;
                    expect = Expect::Next;
                }
                None => return Try::CutOff,
            },
            (Expect::Value | Expect::FirstItem, b'{') => {
                open.push(true);
                at += 1;
                expect = Expect::FirstKey;
            }
            (Expect::Value | Expect::FirstItem, b'[') => {
                open.push(false);
                at += 1;
                expect = Expect::FirstItem;
            }
            (Expect::Value | Expect::FirstItem, b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z') => {
                let token = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
                at += bytes.get(at..).unwrap_or_default().iter().take_while(|b| token(b)).count();
                expect = Expect::Next;
            }
            (Expect::Next, b',') => {
                at += 1;
                expect = if open.last() == Some(&true) { Expect::Key } else { Expect::Value };
            }
            (Expect::Next | Expect::FirstKey, b'}') if open.last() == Some(&true) => {
                open.pop();
                at += 1;
                expect = Expect::Next;
            }
            (Expect::Next | Expect::FirstItem, b']') if open.last() == Some(&false) => {
                open.pop();
                at += 1;
                expect = Expect::Next;
            }
            _ => return broken(keyed),
        }
        if open.is_empty() {
            return Try::Complete(at);
        }
    }
}

/// The offset behind the string that starts at `at`; `None` if it never closes.
fn string(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        let found = at + memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(found) == Some(&b'"') {
            return Some(found + 1);
        }
        at = found + 2;
    }
}
