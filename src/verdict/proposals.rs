//! A reply that proposes criteria: a list under `criteria`, each with a requirement and points. Read as strictly as an
//! answer: one criterion that cannot be one makes the reply unreadable, and the model is told which and asked again;
//! nothing is put right or left out.

use serde::Deserialize;
use serde_json::Value;

use super::reply::{Unreadable, clip, object, trimmed, unparseable};
use crate::domain::{MAX_POINTS, MAX_REQUIREMENT_CHARS, Proposed};

/// The longest reason or quote that is kept, in characters.
const MAX_CHARS: usize = 2_000;
/// Quotes that are kept of one criterion.
const MAX_QUOTES: usize = 10;

#[derive(Deserialize)]
struct Reply {
    criteria: Option<Vec<Value>>,
}

/// # Errors
/// `Unparseable`: there is no list of criteria, none or more than `at_most` in it, or one that is no criterion.
pub fn read_proposals(text: &str, at_most: u32) -> Result<Vec<Proposed>, Unreadable> {
    let Reply { criteria } = object(trimmed(text)?)?;
    let criteria = criteria.ok_or_else(|| unparseable("the JSON object has no list `criteria`; send it once"))?;
    match criteria.len() {
        0 => return Err(unparseable("`criteria` is empty; propose at least one")),
        n if n > at_most as usize => {
            return Err(unparseable(format!("`criteria` has {n} entries; send at most {at_most}")));
        }
        _ => {}
    }
    criteria.iter().enumerate().map(|(index, entry)| proposed(index, entry)).collect()
}

fn proposed(index: usize, entry: &Value) -> Result<Proposed, Unreadable> {
    let wrong = |what: String| unparseable(format!("`criteria` {}: {what}", index + 1));
    let text = |name: &str| entry.get(name).and_then(Value::as_str).map(str::trim).unwrap_or_default();
    let requirement = text("requirement");
    if requirement.is_empty() {
        return Err(wrong("it has no text `requirement`".to_owned()));
    }
    if requirement.chars().count() > MAX_REQUIREMENT_CHARS {
        return Err(wrong(format!("its requirement is longer than {MAX_REQUIREMENT_CHARS} characters")));
    }
    let points = match entry.get("points").and_then(Value::as_f64) {
        Some(points) if points != 0.0 && points.abs() <= MAX_POINTS => points,
        _ => {
            let found = entry.get("points").map_or("nothing".to_owned(), |points| clip(&points.to_string(), 40));
            return Err(wrong(format!("`points` is {found}, not a number other than 0")));
        }
    };
    let must_pass = match entry.get("must_pass") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(must_pass)) => *must_pass,
        Some(other) => {
            return Err(wrong(format!("`must_pass` is {}, not true or false", clip(&other.to_string(), 40))));
        }
    };
    let quotes = entry.get("quotes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let quote = |quote: &Value| {
        let field = |name: &str| clip(quote.get(name).and_then(Value::as_str).unwrap_or_default().trim(), MAX_CHARS);
        let words = field("quote");
        (!words.is_empty()).then(|| (field("file"), field("where"), words))
    };
    Ok(Proposed {
        requirement: requirement.to_owned(),
        points,
        must_pass,
        why: clip(text("why"), MAX_CHARS),
        quotes: quotes.iter().filter_map(quote).take(MAX_QUOTES).collect(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn why(reply: &Value, at_most: u32) -> String {
        read_proposals(&reply.to_string(), at_most).unwrap_err().detail
    }

    #[test]
    fn a_list_of_criteria_is_read_with_what_each_rests_on() {
        let reply = json!({"criteria": [
            {"quotes": [{"file": "task", "where": "line 1", "quote": "totals tie"}, {"quote": " "}], "why": "it is asked for",
             "requirement": " The totals tie. ", "points": 3, "must_pass": true},
            {"requirement": "A figure is made up.", "points": -2.5}]});
        let text = format!("Here it is:\n```json\n{reply}\n```");
        let found = read_proposals(&text, 5).unwrap();
        assert_eq!(found[0].requirement, "The totals tie.");
        assert_eq!(found[0].quotes, [("task".to_owned(), "line 1".to_owned(), "totals tie".to_owned())]);
        assert!(found[0].must_pass && !found[1].must_pass);
        assert_eq!((found[0].points, found[1].points), (3.0, -2.5));
    }

    #[test]
    fn what_is_no_criterion_makes_the_reply_unreadable_and_is_named() {
        let one = json!({"requirement": "R", "points": 1});
        assert!(why(&json!({"criteria": []}), 5).contains("is empty"));
        assert!(why(&json!({"answer": "MET"}), 5).contains("no list `criteria`"));
        assert!(why(&json!({"criteria": [one, one, one]}), 2).contains("3 entries; send at most 2"));
        assert!(why(&json!({"criteria": [one, {"points": 1}]}), 5).starts_with("`criteria` 2: it has no text"));
        for points in [json!(0), json!("5"), json!(null), json!(1e300)] {
            let reply = json!({"criteria": [{"requirement": "R", "points": points}]});
            assert!(why(&reply, 5).contains("not a number other than 0"), "{points}");
        }
        assert!(
            why(&json!({"criteria": [{"requirement": "R", "points": 1, "must_pass": "no"}]}), 5).contains("must_pass")
        );
        assert!(read_proposals("{\"criteria\": [{\"requirement\": \"cut o", 5).is_err());
    }
}
