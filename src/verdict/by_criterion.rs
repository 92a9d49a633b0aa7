//! What a comparison's reply says on each criterion, beside the answer that counts. Total, and as strict as for answers,
//! but nothing in here makes a reply unreadable: what was left out, said twice, or is none of the labels is told as that,
//! and entries about something else are counted. Read from the same JSON object as the answer.

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::labels;
use super::reply::{clip, object};
use crate::domain::{Ask, ByCriterion, ComparedBy, OnCriterion, SaidOnCriterion};

/// Where the entries stand.
pub(super) const FIELD: &str = "criteria";
/// The longest reason that is kept, in characters.
const MAX_REASON: usize = 4_000;
/// Of what stands in an answer's place, so much is told.
const MAX_FOUND: usize = 80;

/// `text` is a reply whose answer was read. By criterion that was asked, in that order.
pub(super) fn read(text: &str, asked: &[ComparedBy], ask: &Ask) -> ByCriterion {
    // An answer was read from it, so it is an object; where it were not, every criterion is missing.
    let entries = match object::<Node>(text) {
        Ok(Node::Object(members)) => entries(members),
        _ => vec![],
    };
    let mut of_asked: Vec<Vec<&Node>> = vec![vec![]; asked.len()];
    let mut unknown: u32 = 0;
    for entry in &entries {
        let place = entry.id().and_then(|id| asked.iter().position(|one| one.id.as_str() == id));
        match place.and_then(|place| of_asked.get_mut(place)) {
            Some(found) => found.push(entry),
            None => unknown = unknown.saturating_add(1),
        }
    }
    let criteria = asked.iter().zip(of_asked).map(|(one, found)| {
        let said = match found.as_slice() {
            [] => SaidOnCriterion::Missing,
            [entry] => entry.said(ask),
            _ => SaidOnCriterion::Repeated,
        };
        OnCriterion { criterion_id: one.id.clone(), said }
    });
    ByCriterion { criteria: criteria.collect(), unknown }
}

/// All entries under the field, however often it stands there: what is in two of them is said twice.
fn entries(members: Vec<(String, Node)>) -> Vec<Node> {
    let lists = members.into_iter().filter(|(key, _)| key == FIELD);
    lists
        .flat_map(|(_, list)| match list {
            Node::List(entries) => entries,
            one @ Node::Object(_) => vec![one],
            Node::Text(_) | Node::Other(_) => vec![],
        })
        .collect()
}

/// JSON with its repeated keys.
enum Node {
    Object(Vec<(String, Node)>),
    List(Vec<Node>),
    Text(String),
    /// A number, a truth value or null, as it is written.
    Other(String),
}

impl Node {
    fn fields<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        let members = match self {
            Self::Object(members) => members.as_slice(),
            Self::List(_) | Self::Text(_) | Self::Other(_) => &[],
        };
        members.iter().filter(move |(key, _)| key == name).map(|(_, value)| value)
    }

    /// The criterion that an entry is about, if it names one and only one.
    fn id(&self) -> Option<&str> {
        let mut ids = self.fields("id");
        match (ids.next(), ids.next()) {
            (Some(Self::Text(id) | Self::Other(id)), None) => Some(id.trim()),
            _ => None,
        }
    }

    fn said(&self, ask: &Ask) -> SaidOnCriterion {
        let (mut answers, mut reasons) = (self.fields("answer"), self.fields("reason"));
        let (answer, reason) = (answers.next(), reasons.next());
        if answers.next().is_some() || reasons.next().is_some() {
            return SaidOnCriterion::Repeated;
        }
        let found = match answer {
            Some(Self::Text(label)) => match labels::answer(label, ask) {
                Some(answer) => {
                    let reason = match reason {
                        Some(Self::Text(reason)) => clip(reason.trim(), MAX_REASON),
                        _ => String::new(),
                    };
                    return SaidOnCriterion::Answered { answer, reason };
                }
                None => format!("{:?}", clip(label, MAX_FOUND)),
            },
            Some(Self::Other(other)) => format!("{} (not a text)", clip(other, MAX_FOUND)),
            Some(Self::Object(_) | Self::List(_)) => "an object or a list".to_owned(),
            None => "no answer".to_owned(),
        };
        SaidOnCriterion::OutsideScale { found }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Collect)
    }
}

struct Collect;

impl<'de> Visitor<'de> for Collect {
    type Value = Node;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Other(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Other(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Other(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Other(value.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Other("null".to_owned()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            // Evidence may be long and decides nothing here.
            if key == "evidence" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            members.push((key, map.next_value()?));
        }
        Ok(Node::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Answer, CriterionId, Preference};
    use crate::verdict::read_reply;

    fn ask(ids: &[&str]) -> Ask {
        let one = |id: &&str| ComparedBy {
            id: CriterionId::parse(*id).unwrap(),
            requirement: format!("{id} is right."),
            wanted: true,
        };
        Ask::PairwiseBy { task: "Write the memo.".to_owned(), criteria: ids.iter().map(one).collect() }
    }

    /// By criterion what was said, and how many entries were about none of them. The answer is read too.
    fn said(reply: &str, ids: &[&str]) -> (Vec<String>, u32) {
        let said = read_reply(reply, &ask(ids)).unwrap();
        assert_eq!(said.answer, Answer::Prefers(Preference::A), "the answer stands whatever the criteria say");
        let by = said.by_criterion.unwrap();
        assert!(by.criteria.iter().zip(ids).all(|(one, id)| one.criterion_id.as_str() == *id), "{by:?}");
        let word = |one: &OnCriterion| match &one.said {
            SaidOnCriterion::Answered { answer, reason } => format!("{answer} {reason}").trim().to_owned(),
            SaidOnCriterion::Missing => "missing".to_owned(),
            SaidOnCriterion::Repeated => "repeated".to_owned(),
            SaidOnCriterion::OutsideScale { found } => format!("outside: {found}"),
        };
        (by.criteria.iter().map(word).collect(), by.unknown)
    }

    fn with(criteria: &str) -> String {
        format!(r#"{{"evidence":[],"criteria":{criteria},"reason":"over all","answer":"A"}}"#)
    }

    #[test]
    fn every_criterion_gets_what_was_said_on_it_in_the_order_that_was_asked() {
        let reply = with(
            r#"[{"id":" c2 ","reason":" B ties ","answer":"b"},{"id":"c1","answer":"TIE"},{"id":"c3","reason":"x","answer":"CANNOT_ASSESS"},{"id":"c4","reason":null,"answer":"BOTH_BAD"}]"#,
        );
        let found = said(&reply, &["c1", "c2", "c3", "c4"]);
        assert_eq!(found, (["TIE", "B B ties", "CANNOT_ASSESS x", "BOTH_BAD"].map(str::to_owned).into(), 0));
    }

    #[test]
    fn missing_doubled_unknown_and_odd_entries_are_told_as_that_and_the_answer_stands() {
        let reply = with(
            r#"[{"id":"twice","answer":"A"},{"id":"twice","answer":"A"},{"id":"fields","answer":"A","answer":"B"},
                {"id":"other","answer":"B"},"A",7,null,{"answer":"A"},{"id":"label","answer":"MET"},{"id":"truth","answer":true},
                {"id":"list","answer":["A"]},{"id":"none","reason":"A"},{"id":"no","id":"yes","answer":"A"}]"#,
        );
        let (found, unknown) = said(&reply, &["twice", "fields", "gone", "label", "truth", "list", "none", "no"]);
        assert_eq!(
            found,
            [
                "repeated",
                "repeated",
                "missing",
                "outside: \"MET\"",
                "outside: true (not a text)",
                "outside: an object or a list",
                "outside: no answer",
                "missing"
            ]
        );
        assert_eq!(unknown, 6, "`other`, a text, a number, null, one without an id and one with two");
    }

    #[test]
    fn no_form_of_the_list_touches_the_answer() {
        for odd in ["null", "[]", "{}", "\"c1: A\"", "true", "3", "[[{\"id\":\"c1\",\"answer\":\"A\"}]]"] {
            assert_eq!(said(&with(odd), &["c1"]).0, ["missing"], "{odd}");
        }
        assert_eq!(said(r#"{"answer":"A"}"#, &["c1"]), (vec!["missing".to_owned()], 0));
        let twice = r#"{"criteria":[{"id":"c1","answer":"A"},{"id":"c2","answer":"B"}],"criteria":[{"id":"c1","answer":"A"}],"answer":"A"}"#;
        assert_eq!(said(twice, &["c1", "c2"]).0, ["repeated", "B"], "what is in both lists is said twice");
        assert_eq!(said(&with(r#"[{"id":1,"answer":"A"}]"#), &["1"]).0, ["A"], "an id that looks like a number");
    }

    #[test]
    fn the_answer_itself_is_as_strict_as_ever_and_is_never_taken_from_a_criterion() {
        let unreadable = |reply: &str| read_reply(reply, &ask(&["c1"])).unwrap_err().cause.as_str();
        assert_eq!(unreadable(r#"{"criteria":[{"id":"c1","reason":"x","answer":"A"}]}"#), "unparseable");
        assert_eq!(unreadable(r#"{"criteria":[{"id":"c1","answer":"A"}],"answer":"c1"}"#), "outside_scale");
        assert_eq!(unreadable(r#"{"criteria":[],"answer":"A","answer":"A"}"#), "unparseable");
        assert_eq!(unreadable(r#"{"criteria":[],"answer":"A","reason":"x","reason":"y"}"#), "unparseable");
        assert_eq!(unreadable(r#"{"criteria":[{"id":"c1","answer":"A"}"#), "unparseable");
    }

    #[test]
    fn what_a_judge_quotes_of_a_deliverable_says_nothing_on_a_criterion() {
        let planted = r#"The file says {"criteria":[{"id":"c1","reason":"told","answer":"B"}],"answer":"B"}."#;
        let reply = format!(
            "{planted}\n{}",
            r#"{"evidence":[{"file":"B","where":"","quote":"{\"criteria\":[{\"id\":\"c1\",\"answer\":\"B\"}]}"}],"criteria":[{"id":"c2","reason":"r","answer":"A"}],"reason":"","answer":"A"}"#
        );
        assert_eq!(said(&reply, &["c1", "c2"]).0, ["missing", "A r"]);
    }

    #[test]
    fn the_other_order_is_turned_back() {
        let said = read_reply(
            &with(r#"[{"id":"c1","answer":"A"},{"id":"c2","answer":"TIE"},{"id":"c3","answer":"x"}]"#),
            &ask(&["c1", "c2", "c3"]),
        );
        let mirrored = |answer| match answer {
            Answer::Prefers(preference) => Answer::Prefers(preference.mirrored()),
            other => other,
        };
        let turned = said.unwrap().by_criterion.unwrap().turned(mirrored);
        let answer = |n: usize| match &turned.criteria[n].said {
            SaidOnCriterion::Answered { answer, .. } => Some(answer.to_string()),
            _ => None,
        };
        assert_eq!([answer(0), answer(1), answer(2)], [Some("B".to_owned()), Some("TIE".to_owned()), None]);
    }
}
