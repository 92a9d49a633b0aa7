//! promptfoo assertions: a list of `{type, value, weight, metric}`, `{assert: [...]}`, or a test with `assert`.
//!
//! | type | becomes |
//! |---|---|
//! | `equals`, `contains`, `icontains`, `contains-all`, `contains-any` (and `i...`), `regex`, `starts-with` | a check |
//! | `word-count` | a check |
//! | `rouge-n` | a check that earns its similarity: the threshold decides whether the assertion passes, the score is the share |
//! | `llm-rubric`, `g-eval`, `factuality`, `model-graded-closedqa` | a criterion for judges |
//! | `assert-set` | a section of its weight |
//! | `not-...` | the same, the other way round |
//!
//! `weight` is the points (1 without one), `metric` a tag. Refused, with the reason: code (`javascript`,
//! `python`, `ruby`, `webhook`), what is not in the deliverable (`cost`, `latency`, `perplexity`, `trajectory`),
//! what needs a model of its own (`similar`, `classifier`, `moderation`), and a `threshold` on an `assert-set`,
//! for which there are gates in a native rubric.
//!
//! Published formula: `Σ weight·score / Σ weight`, an `assert-set` with the score of its own assertions. Each
//! assertion is kept and written again; a criterion that came from elsewhere cannot be written.

use serde_json::Value;

use super::super::check::validate;
use super::super::draft::{Draft, Drafts, Names, derived_id, plain};
use super::super::fields::{Notes, json, list, map, merged, needed, number, only_known, rest, text};
use super::super::source::{Input, Kind, Node, join, shorten};
use super::{Format, ImportError, through};
use crate::domain::{Check, Child, Criterion, CriterionId, Extra, Rubric, Section, Similarity};

const NAMES: Names = Names { id: "value", requirement: "value", points: "weight" };
const KNOWN: [&str; 10] = [
    "type",
    "value",
    "threshold",
    "weight",
    "metric",
    "provider",
    "rubricPrompt",
    "config",
    "transform",
    "contextTransform",
];
const TYPES: &str = "equals, contains, icontains, contains-all, contains-any, icontains-all, icontains-any, regex, starts-with, rouge-n, word-count, llm-rubric, g-eval, factuality, model-graded-closedqa, assert-set, and not-... of these";

pub fn read(input: Input<'_>) -> Result<Rubric, ImportError> {
    through(Format::Promptfoo, input, drafts)
}

fn drafts(root: &Node, notes: &mut Notes) -> Drafts {
    let mut drafts = Drafts::default();
    let (items, at) = match &root.kind {
        Kind::Map(_) if root.get("tests").is_some() => {
            notes.add("/tests", "this is a whole configuration; send the `assert` list of one test");
            return drafts;
        }
        Kind::Map(_) => {
            drafts.extra = rest(root, &["assert"], "", notes);
            match needed(root, "assert", "", "the test", notes) {
                Some(items) => (items, "/assert"),
                None => return drafts,
            }
        }
        _ => (root, ""),
    };
    let items = list(items, at, "`assert`", notes).unwrap_or_default();
    at.clone_into(&mut drafts.list_at);
    let whole = section(items, at, Extra::new(), 1.0, "assert".to_owned(), &mut drafts, notes);
    if !whole.sections.is_empty() {
        drafts.sections = vec![whole];
    }
    drafts
}

fn section(
    items: &[Node],
    at: &str,
    extra: Extra,
    weight: f64,
    title: String,
    drafts: &mut Drafts,
    notes: &mut Notes,
) -> Section {
    let mut whole = Section { title, weight, criteria: vec![], sections: vec![], order: vec![], extra };
    for (index, item) in items.iter().enumerate() {
        let at = format!("{at}/{index}");
        let is_set = item.get("type").is_some_and(|n| n.kind == Kind::Text("assert-set".to_owned()));
        if is_set {
            whole.sections.extend(set(item, &at, drafts, notes));
        } else if let Some(draft) = assertion(item, drafts.criteria.len(), &at, notes) {
            whole.criteria.push(draft.criterion.id.clone());
            whole.order.push(index);
            drafts.criteria.push(draft);
        }
    }
    if whole.order.iter().enumerate().all(|(index, place)| index == *place) {
        whole.order.clear();
    }
    whole
}

fn set(item: &Node, at: &str, drafts: &mut Drafts, notes: &mut Notes) -> Option<Section> {
    only_known(item, at, "the assert-set", &["type", "assert", "weight", "metric", "threshold"], notes);
    if item.get("threshold").is_some() {
        notes.add(
            join(at, "threshold"),
            "the threshold of an `assert-set` makes it pass as a whole; use `gate` in a native rubric instead",
        );
    }
    let weight = weight(item, at, notes)?;
    let title = match item.get("metric") {
        Some(n) => text(n, &join(at, "metric"), "`metric`", notes)?,
        None => "assert-set".to_owned(),
    };
    let inner = needed(item, "assert", at, "the assert-set", notes)?;
    let inner_at = join(at, "assert");
    let items = list(inner, &inner_at, "`assert`", notes)?;
    if items.is_empty() {
        notes.add(&inner_at, "the assert-set is empty");
        return None;
    }
    let extra = rest(item, &["assert"], at, notes);
    Some(section(items, &inner_at, extra, weight, title, drafts, notes))
}

fn weight(item: &Node, at: &str, notes: &mut Notes) -> Option<f64> {
    let Some(node) = item.get("weight") else { return Some(1.0) };
    let at = join(at, "weight");
    let weight = number(node, &at, "`weight`", notes)?;
    if weight <= 0.0 {
        notes.add(at, format!("the weight {weight} cannot count; weights are above zero, take the assertion out"));
        return None;
    }
    Some(weight)
}

fn assertion(item: &Node, index: usize, at: &str, notes: &mut Notes) -> Option<Draft> {
    map(item, at, "an assertion", notes)?;
    let before = notes.0.len();
    only_known(item, at, "the assertion", &KNOWN, notes);
    let kind = needed(item, "type", at, "the assertion", notes)?;
    let kind = text(kind, &join(at, "type"), "`type`", notes)?;
    let points = weight(item, at, notes)?;
    let tags = match item.get("metric") {
        Some(n) => vec![text(n, &join(at, "metric"), "`metric`", notes)?],
        None => vec![],
    };
    let id = derived_id(index);
    let (bare, negated) = match kind.strip_prefix("not-") {
        Some(bare) => (bare, true),
        None => (kind.as_str(), false),
    };
    let criterion = match judged(bare, item, at, notes) {
        Some(words) => {
            let words = if negated { format!("This is NOT the case: {}", words?) } else { words? };
            plain(id, words, points)
        }
        None => checked(id, bare, negated, item, at, points, notes)?,
    };
    let kept = item.to_json();
    if kept.is_none() {
        notes.add(at, "the assertion holds a number that is not finite");
    }
    if notes.0.len() > before {
        return None;
    }
    let extra = Extra::from([("assertion".to_owned(), kept?)]);
    Some(Draft { criterion: Criterion { tags, extra, ..criterion }, at: at.to_owned(), names: NAMES })
}

/// The requirement of an assertion that judges decide; the outer `None` where a check decides it.
fn judged(kind: &str, item: &Node, at: &str, notes: &mut Notes) -> Option<Option<String>> {
    let before = match kind {
        "llm-rubric" | "g-eval" | "model-graded-closedqa" => "",
        "factuality" => "The answer agrees in its facts with: ",
        _ => return None,
    };
    let value = needed(item, "value", at, "the assertion", notes);
    let words = value.map(|n| match &n.kind {
        // g-eval takes a list of criteria.
        Kind::List(_) => super::super::fields::texts(n, &join(at, "value"), "`value`", notes).join("\n"),
        _ => text(n, &join(at, "value"), "`value`", notes).unwrap_or_default(),
    });
    let words = words.filter(|words| {
        if words.is_empty() {
            notes.add(join(at, "value"), "`value` is empty; say what is to be judged");
        } else if words.contains("{{") {
            notes.add(join(at, "value"), "`{{` names a variable of the test; write its value here");
        }
        !words.is_empty() && !words.contains("{{")
    });
    Some(words.map(|words| format!("{before}{words}")))
}

fn checked(
    id: CriterionId,
    kind: &str,
    negated: bool,
    item: &Node,
    at: &str,
    points: f64,
    notes: &mut Notes,
) -> Option<Criterion> {
    let (check, words) = check(kind, item, at, notes)?;
    if let Err((field, message)) = validate(&check) {
        let field = if field == "threshold" { "threshold" } else { "value" };
        notes.add(join(at, field), message);
        return None;
    }
    let (check, words) = if negated { (Check::Not(Box::new(check)), format!("Not: {words}")) } else { (check, words) };
    Some(Criterion { check: Some(check), ..plain(id, words, points) })
}

fn check(kind: &str, item: &Node, at: &str, notes: &mut Notes) -> Option<(Check, String)> {
    let value_at = join(at, "value");
    let value = item.get("value");
    let wanted = |notes: &mut Notes| {
        let node = needed(item, "value", at, "the assertion", notes)?;
        let text = text(node, &value_at, "`value`", notes)?;
        if text.contains("{{") {
            notes.add(&value_at, "`{{` names a variable of the test; write its value here");
            return None;
        }
        Some(text)
    };
    let contains =
        |text: &str, sensitive| Check::Contains { text: text.to_owned(), case_sensitive: sensitive, file: None };
    Some(match kind {
        "equals" => {
            let text = wanted(notes)?;
            (Check::Exact { text: text.clone(), file: None }, format!("The text is exactly: {text}"))
        }
        "contains" => {
            let text = wanted(notes)?;
            (contains(&text, true), format!("The text contains: {text}"))
        }
        "icontains" => {
            let text = wanted(notes)?;
            (contains(&text, false), format!("The text contains, in any case: {text}"))
        }
        "contains-all" | "contains-any" | "icontains-all" | "icontains-any" => {
            let texts = match value.map(|n| &n.kind) {
                // promptfoo splits a text at commas.
                Some(Kind::Text(text)) => {
                    text.split(',').map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect()
                }
                Some(_) => super::super::fields::texts(value?, &value_at, "`value`", notes),
                None => vec![],
            };
            if texts.is_empty() {
                notes.add(&value_at, "no text is looked for; give `value` a list of texts");
                return None;
            }
            let checks = texts.iter().map(|text| contains(text, !kind.starts_with('i'))).collect();
            let (join, how) = if kind.ends_with("all") {
                (Check::AllOf as fn(_) -> _, "all")
            } else {
                (Check::AnyOf as fn(_) -> _, "one")
            };
            (join(checks), format!("The text contains {how} of: {}", texts.join(", ")))
        }
        "regex" => {
            let pattern = wanted(notes)?;
            (Check::Regex { pattern: pattern.clone(), file: None }, format!("The text matches: {pattern}"))
        }
        "starts-with" => {
            let text = wanted(notes)?;
            let pattern = format!(r"\A\s*{}", regex::escape(&text));
            (Check::Regex { pattern, file: None }, format!("The text starts with: {text}"))
        }
        "rouge-n" => {
            let text = wanted(notes)?;
            if let Some(n) = item.get("threshold") {
                number(n, &join(at, "threshold"), "`threshold`", notes)?;
            }
            let words = format!("The text resembles the reference (rouge_1): {text}");
            (Check::TextSimilarity { metric: Similarity::Rouge1, text, threshold: None, file: None }, words)
        }
        "word-count" => word_count(value, &value_at, notes)?,
        other => {
            let why = match other {
                "javascript" | "python" | "ruby" | "webhook" => {
                    "runs foreign code, which a rubric may not; say it as a check or in words for judges"
                }
                "cost" | "latency" | "perplexity" | "perplexity-score" | "finish-reason" => {
                    "is not about the deliverable; cost and duration stand beside every score"
                }
                "similar" | "classifier" | "moderation" => "needs a model of its own; say it in words for judges",
                _ => {
                    notes.add(join(at, "type"), format!("`{}` is not known; there are: {TYPES}", shorten(other)));
                    return None;
                }
            };
            notes.add(join(at, "type"), format!("`{other}` {why}"));
            return None;
        }
    })
}

/// A number, or `{min, max}`.
fn word_count(value: Option<&Node>, at: &str, notes: &mut Notes) -> Option<(Check, String)> {
    let whole = |node: &Node, at: &str, notes: &mut Notes| match &node.kind {
        Kind::Number(number) if number.as_u64().is_some() => number.as_u64(),
        _ => {
            notes.add(at, format!("a number of words is whole, not {}", node.describe()));
            None
        }
    };
    let (min, max) = match value {
        Some(node @ Node { kind: Kind::Map(_), .. }) => {
            only_known(node, at, "`value`", &["min", "max"], notes);
            let mut end = |field: &str| match node.get(field) {
                Some(n) => whole(n, &join(at, field), notes).map(Some),
                None => Some(None),
            };
            (end("min")?, end("max")?)
        }
        Some(node) => {
            let count = whole(node, at, notes)?;
            (Some(count), Some(count))
        }
        None => (None, None),
    };
    let words = match (min, max) {
        (Some(min), Some(max)) => format!("The text has {min} to {max} words."),
        (Some(min), None) => format!("The text has at least {min} words."),
        (None, Some(max)) => format!("The text has at most {max} words."),
        (None, None) => "The text has words.".to_owned(),
    };
    Some((Check::WordCount { min, max, file: None }, words))
}

pub fn write(rubric: &Rubric) -> Option<String> {
    let items: Vec<Value> = match rubric.sections() {
        [] => rubric.criteria().iter().map(kept).collect::<Option<_>>()?,
        [whole] => children(rubric, whole)?,
        _ => return None,
    };
    if rubric.extra().is_empty() {
        return Some(json(&items.into()));
    }
    Some(json(&merged(rubric.extra(), [("assert", items.into())]).into()))
}

fn kept(criterion: &Criterion) -> Option<Value> {
    criterion.extra.get("assertion").cloned()
}

fn children(rubric: &Rubric, section: &Section) -> Option<Vec<Value>> {
    let child = |child: Child<'_>| match child {
        Child::Criterion(id) => rubric.criterion(id).and_then(kept),
        Child::Section(inner) => {
            let items = children(rubric, inner)?;
            Some(merged(&inner.extra, [("assert", items.into())]).into())
        }
    };
    section.children().map(child).collect()
}
