//! A judge's reply, read totally and strictly.
//!
//! - The whole text as JSON, else its *last* complete JSON object: a judge that quotes objects while it
//!   reasons says what it means at the end. An object that the end of the text cuts off is the answer that was
//!   meant, so the reply is unparseable, whatever stands before it. So is one whose last object breaks JSON's
//!   grammar.
//! - The answer is the text of the field `answer`, once. `false`, `1`, a list, an unknown label are outside the
//!   scale. A missing or repeated field is unparseable.
//! - Evidence is read leniently, because nothing is decided by its form: a bare string is a quote without a
//!   place, an entry that is neither string nor object with a quote is dropped. A `confidence` that is not a
//!   number from 0 to 1 is absent.

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;

use super::by_criterion;
use super::labels;
use super::object::{Last, last_object};
use crate::domain::{Answer, Ask, ByCriterion, Cause};

/// The most quotes that are kept of one reply; what is beyond does not make a vote surer.
const MAX_QUOTES: usize = 100;
/// The longest quote or reason that is kept, in characters.
const MAX_CHARS: usize = 20_000;

/// What a judge said.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub answer: Answer,
    /// Empty where the judge gave none.
    pub reason: String,
    /// 0 to 1.
    pub confidence: Option<f64>,
    pub quotes: Vec<Quote>,
    /// Of a comparison by criteria.
    pub by_criterion: Option<ByCriterion>,
}

/// A quotation as the judge gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The file that the judge named; may be empty.
    pub file: String,
    /// The judge's words for the place (`page 2`); may be empty.
    pub place: String,
    pub quote: String,
}

/// Why a reply is not an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", .cause.as_str())]
pub struct Unreadable {
    /// `Unparseable` or `OutsideScale`.
    pub cause: Cause,
    /// Goes into the re-ask: what was wrong and what to send.
    pub detail: String,
}

pub(super) fn unparseable(detail: impl Into<String>) -> Unreadable {
    Unreadable { cause: Cause::Unparseable, detail: detail.into() }
}

/// Reads a reply. Linear in its length; never panics.
///
/// # Errors
/// `Unparseable`: there is no answer to read. `OutsideScale`: there is one, but it is none of the labels.
pub fn read_reply(text: &str, ask: &Ask) -> Result<Said, Unreadable> {
    let text = trimmed(text)?;
    let said = said(&members(text)?, ask)?;
    let by_criterion = match ask {
        Ask::PairwiseBy { criteria, .. } => Some(by_criterion::read(text, criteria, ask)),
        _ => None,
    };
    Ok(Said { by_criterion, ..said })
}

/// Reads a reply to several questions: by question its answer, or why it has none. Every index from 1 must be there
/// exactly once; what is wrong with one answer says nothing about the others.
///
/// # Errors
/// `Unparseable`: there is no list of answers to read.
pub fn read_replies(text: &str, asks: &[Ask]) -> Result<Vec<Result<Said, Unreadable>>, Unreadable> {
    let Answers { lists } = object(trimmed(text)?)?;
    let [entries] = lists.as_slice() else {
        let how_often = if lists.is_empty() { "no field `answers`" } else { "the field `answers` twice" };
        return Err(unparseable(format!("the JSON object has {how_often}; send it once, as a list")));
    };
    let mut found: Vec<Vec<&Members>> = vec![vec![]; asks.len()];
    for entry in entries {
        let index = entry.0.iter().find(|(key, _)| key == "index").and_then(|(_, value)| match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        });
        let place = index.and_then(|index| usize::try_from(index).ok()?.checked_sub(1));
        if let Some(place) = place.and_then(|place| found.get_mut(place)) {
            place.push(entry);
        }
    }
    let read = |(place, (entries, ask)): (usize, (Vec<&Members>, &Ask))| match entries.as_slice() {
        [entry] => said(&entry.0, ask),
        [] => Err(unparseable(format!("the reply has no answer with the index {} of {}", place + 1, asks.len()))),
        more => Err(unparseable(format!("the reply has {} answers with the index {}", more.len(), place + 1))),
    };
    Ok(found.into_iter().zip(asks).enumerate().map(read).collect())
}

pub(super) fn trimmed(text: &str) -> Result<&str, Unreadable> {
    let text = without_thoughts(text.trim_start_matches('\u{feff}').trim())?;
    if text.is_empty() {
        return Err(unparseable("the reply is empty; send one JSON object"));
    }
    Ok(text)
}

/// One answer from an object's members.
fn said(members: &[(String, Value)], ask: &Ask) -> Result<Said, Unreadable> {
    let mut answers = members.iter().filter(|(key, _)| key == "answer").map(|(_, value)| value);
    let answer = answers.next().ok_or_else(|| unparseable("the JSON object has no field `answer`"))?;
    if answers.next().is_some() {
        return Err(unparseable("the JSON object has the field `answer` twice; send it once"));
    }
    // Of a comparison by criteria they decide nothing: what is wrong with them is told there.
    let beside = matches!(ask, Ask::PairwiseBy { .. }).then_some(by_criterion::FIELD);
    if let Some(key) = repeated(members, beside) {
        return Err(unparseable(format!("the JSON object has the field `{}` twice; send it once", clip(key, 80))));
    }
    let field = |name: &str| members.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let answer = read_answer(answer, ask)?;
    Ok(Said {
        answer,
        reason: match field("reason") {
            Some(Value::String(text)) => clip(text.trim(), MAX_CHARS),
            None | Some(Value::Null) => String::new(),
            Some(other) => clip(&other.to_string(), MAX_CHARS),
        },
        confidence: field("confidence").and_then(Value::as_f64).filter(|c| (0.0..=1.0).contains(c)),
        quotes: quotes(field("evidence")),
        by_criterion: None,
    })
}

/// Some models put their reasoning in front, in a tag. What stands in there is not the reply.
fn without_thoughts(text: &str) -> Result<&str, Unreadable> {
    let Some(inside) = text.strip_prefix("<think>") else { return Ok(text) };
    match inside.split_once("</think>") {
        Some((_, reply)) => Ok(reply.trim()),
        None => Err(unparseable("the reply ends within its <think> part; send one JSON object after it")),
    }
}

fn members(text: &str) -> Result<Vec<(String, Value)>, Unreadable> {
    object(text).map(|Members(members)| members)
}

/// The whole text, or else its last complete object.
pub(super) fn object<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Unreadable> {
    let whole = text.starts_with('{').then(|| serde_json::from_str(text));
    if let Some(Ok(whole)) = whole {
        return Ok(whole);
    }
    let invalid = |error: serde_json::Error| {
        unparseable(format!("the last JSON object is not valid: {}", clip(&error.to_string(), 200)))
    };
    match last_object(text) {
        Last::Object(object) => serde_json::from_str(object).map_err(invalid),
        Last::Broken(object) => Err(match serde_json::from_str::<Members>(object) {
            Err(error) => invalid(error),
            Ok(_) => unparseable("the last JSON object is not valid"),
        }),
        Last::CutOff(_) => Err(unparseable("the reply ends within a JSON object; send a complete one, shorter")),
        Last::None => Err(unparseable("the reply holds no JSON object; end it with one")),
    }
}

fn read_answer(value: &Value, ask: &Ask) -> Result<Answer, Unreadable> {
    let outside = |found: String| {
        let labels = ask.labels().iter().take(20).map(|l| format!("\"{l}\"")).collect::<Vec<_>>().join(", ");
        Unreadable { cause: Cause::OutsideScale, detail: format!("the answer {found} is none of {labels}") }
    };
    match value {
        Value::String(label) => labels::answer(label, ask).ok_or_else(|| outside(format!("{:?}", clip(label, 80)))),
        Value::Object(_) | Value::Array(_) => Err(outside("is an object or a list, which".to_owned())),
        other => Err(outside(format!("{other} (not a text)"))),
    }
}

fn quotes(evidence: Option<&Value>) -> Vec<Quote> {
    let entries = match evidence {
        Some(Value::Array(entries)) => entries.as_slice(),
        Some(one @ (Value::String(_) | Value::Object(_))) => std::slice::from_ref(one),
        _ => &[],
    };
    entries
        .iter()
        .take(MAX_QUOTES)
        .filter_map(|entry| {
            let text = |names: &[&str]| {
                let found = names.iter().find_map(|name| entry.get(name).and_then(Value::as_str));
                clip(found.unwrap_or_default().trim(), MAX_CHARS)
            };
            let quote = match entry {
                Value::String(quote) => {
                    Quote { file: String::new(), place: String::new(), quote: clip(quote.trim(), MAX_CHARS) }
                }
                _ => Quote { file: text(&["file"]), place: text(&["where", "place"]), quote: text(&["quote", "text"]) },
            };
            (!quote.quote.is_empty()).then_some(quote)
        })
        .collect()
}

fn repeated<'a>(members: &'a [(String, Value)], but: Option<&str>) -> Option<&'a str> {
    let mut seen = std::collections::HashSet::new();
    members.iter().map(|(key, _)| key.as_str()).find(|key| !seen.insert(*key) && Some(*key) != but)
}

pub(super) fn clip(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned(),
    }
}

/// An object's members in their order, repeated keys included.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// The lists under `answers`, each entry with its repeated keys; other members are of no interest.
struct Answers {
    lists: Vec<Vec<Members>>,
}

impl<'de> Deserialize<'de> for Answers {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Answers;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object with a list `answers`")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Answers, A::Error> {
                let mut lists = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    if key == "answers" {
                        lists.push(map.next_value()?);
                    } else {
                        map.next_value::<serde::de::IgnoredAny>()?;
                    }
                }
                Ok(Answers { lists })
            }
        }
        deserializer.deserialize_map(Collect)
    }
}
