//! OpenAI graders (Evals API `testing_criteria`, reinforcement fine-tuning `grader`): one grader, a list of them,
//! `{testing_criteria: [...]}`, or a `multi` of `graders` with `calculate_output`.
//!
//! | grader | becomes |
//! |---|---|
//! | `string_check` `eq`, `ne`, `like`, `ilike` | a check: the text is, is not, contains, contains in any case |
//! | `text_similarity` | a check; metrics `fuzzy_match`, `gleu`, `rouge_1`..`rouge_5`, `rouge_l`. In a list it passes from its `pass_threshold` on; in a `multi`, or alone without one, its score is the similarity itself |
//! | `label_model` | a criterion whose levels are the labels, the passing ones worth 1 |
//! | `score_model` | a criterion with levels over its `range` (default 0 to 1) |
//! | `multi` | all of them, scored by the formula |
//!
//! A check looks at the text of what was handed in, so `input` is `{{ sample.output_text }}`. Other templates
//! (`{{ item.x }}`) stand for a row of a data set: fill them in before the import. Refused, with the reason:
//! `python` (foreign code is not run here), `cosine`, `meteor` and `bleu` (they need a model, a dictionary, or a
//! smoothing that OpenAI does not publish), `endpoint`.
//!
//! Published formula: `calculate_output` for a `multi`; else the share of graders that pass. The whole grader is
//! kept and written again; a criterion that came from elsewhere cannot be written.

use serde_json::Value;

use super::super::check::validate;
use super::super::draft::{Draft, Drafts, Names, derived_id, plain};
use super::super::fields::{Notes, json, list, map, merged, needed, number, rest, text};
use super::super::source::{Input, Kind, Node, join, shorten};
use super::{Format, ImportError, through};
use crate::domain::{Check, Criterion, CriterionId, Formula, Level, Rubric, Scoring, Similarity};

const NAMES: Names = Names { id: "name", requirement: "name", points: "type" };
const TYPES: [&str; 6] = ["string_check", "text_similarity", "label_model", "score_model", "multi", "python"];

pub fn read(input: Input<'_>) -> Result<Rubric, ImportError> {
    through(Format::OpenaiGraders, input, drafts)
}

fn drafts(root: &Node, notes: &mut Notes) -> Drafts {
    let mut drafts = Drafts::default();
    let kind = match root.get("type").map(|n| &n.kind) {
        Some(Kind::Text(kind)) => Some(kind.as_str()),
        _ => None,
    };
    match (&root.kind, kind) {
        (Kind::List(items), _) => graders(items, "", &mut drafts, notes),
        (Kind::Map(_), Some("multi")) => multi(root, &mut drafts, notes),
        (Kind::Map(_), None) if root.get("testing_criteria").is_some() => {
            drafts.extra = rest(root, &["testing_criteria"], "", notes);
            drafts.extra.insert("testing_criteria".to_owned(), Value::Null);
            if let Some(items) = root.get("testing_criteria") {
                let items = list(items, "/testing_criteria", "`testing_criteria`", notes).unwrap_or_default();
                graders(items, "/testing_criteria", &mut drafts, notes);
            }
        }
        (Kind::Map(_), _) => {
            drafts.criteria.extend(grader(root, Name::Alone, 0, "", notes));
            drafts.extra.insert("single".to_owned(), true.into());
        }
        _ => notes.add("", format!("a grader is a map with a `type`, not {}", root.describe())),
    }
    drafts
}

fn graders(items: &[Node], at: &str, drafts: &mut Drafts, notes: &mut Notes) {
    at.clone_into(&mut drafts.list_at);
    for (index, item) in items.iter().enumerate() {
        drafts.criteria.extend(grader(item, Name::InList, index, &format!("{at}/{index}"), notes));
    }
}

fn multi(root: &Node, drafts: &mut Drafts, notes: &mut Notes) {
    drafts.extra = rest(root, &["graders", "calculate_output"], "", notes);
    drafts.list_at = "/graders".to_owned();
    drafts.scoring_at = "/calculate_output".to_owned();
    match root.get("graders").map(|n| &n.kind) {
        Some(Kind::Map(entries)) => {
            for (index, entry) in entries.iter().enumerate() {
                let at = join("/graders", &entry.key);
                drafts.criteria.extend(grader(&entry.value, Name::Key(&entry.key), index, &at, notes));
            }
        }
        Some(_) => notes.add("/graders", "`graders` is a map of names to graders"),
        None => notes.add("", "the multi grader has no `graders`"),
    }
    let formula = needed(root, "calculate_output", "", "the multi grader", notes)
        .and_then(|n| text(n, "/calculate_output", "`calculate_output`", notes));
    match formula.map(|text| Formula::parse(&text)) {
        Some(Ok(formula)) => drafts.scoring = Scoring::Formula(formula),
        Some(Err(error)) => notes.add("/calculate_output", error.to_string()),
        None => {}
    }
}

/// Where a grader stands.
#[derive(Clone, Copy)]
enum Name<'a> {
    Alone,
    InList,
    /// By its name in a `multi`.
    Key(&'a str),
}

fn grader(item: &Node, stands: Name<'_>, index: usize, at: &str, notes: &mut Notes) -> Option<Draft> {
    map(item, at, "a grader", notes)?;
    let kind = needed(item, "type", at, "the grader", notes)?;
    let kind = text(kind, &join(at, "type"), "`type`", notes)?;
    let id = match stands {
        Name::Key(key) => CriterionId::parse(key).map_err(|error| notes.add(at, error.to_string())).ok()?,
        Name::Alone | Name::InList => derived_id(index),
    };
    let name = match item.get("name") {
        Some(n) => text(n, &join(at, "name"), "`name`", notes)?,
        None => id.to_string(),
    };
    let mut criterion = match kind.as_str() {
        "string_check" => checked(id, string_check(item, at, notes)?),
        "text_similarity" => checked(id, text_similarity(item, stands, at, notes)?),
        "label_model" => label_model(id, item, at, notes)?,
        "score_model" => score_model(id, item, at, notes)?,
        "multi" => {
            notes.add(join(at, "type"), "a `multi` inside another is not read; write its formula into the outer one");
            return None;
        }
        "python" => {
            let message = "a `python` grader is not run: code from a rubric would have the service's rights; say it as a check, a criterion for judges, or in `calculate_output`";
            notes.add(join(at, "type"), message);
            return None;
        }
        other => {
            let message = format!("the grader type `{}` is not known; there are: {}", shorten(other), TYPES.join(", "));
            notes.add(join(at, "type"), message);
            return None;
        }
    };
    if let Some(check) = &criterion.check
        && let Err((field, message)) = validate(check)
    {
        let field = if field == "threshold" { "pass_threshold" } else { "reference" };
        notes.add(join(at, field), message);
        return None;
    }
    criterion.tags = vec![name];
    match item.to_json() {
        Some(kept) => {
            criterion.extra.insert("grader".to_owned(), kept);
        }
        None => notes.add(at, "the grader holds a number that is not finite"),
    }
    Some(Draft { criterion, at: at.to_owned(), names: NAMES })
}

/// A criterion that a check decides, in words that say what it checks.
fn checked(id: CriterionId, (check, words): (Check, String)) -> Criterion {
    Criterion { check: Some(check), ..plain(id, words, 1.0) }
}

/// What the grader compares must be the text of the answer.
fn reference(item: &Node, at: &str, notes: &mut Notes) -> Option<String> {
    let input =
        needed(item, "input", at, "the grader", notes).and_then(|n| text(n, &join(at, "input"), "`input`", notes))?;
    let bare: String = input.chars().filter(|c| !c.is_whitespace()).collect();
    if bare != "{{sample.output_text}}" {
        let message = format!(
            "`input` is `{}`; a check looks at the text of what was handed in: write `{{{{ sample.output_text }}}}`",
            shorten(&input)
        );
        notes.add(join(at, "input"), message);
        return None;
    }
    let at = join(at, "reference");
    let reference = match item.get("reference") {
        Some(n) => text(n, &at, "`reference`", notes)?,
        None => {
            notes.add(&at, "the grader has no `reference`");
            return None;
        }
    };
    if reference.contains("{{") {
        let message =
            format!("`{}` names a field of a data set; write its value here, one rubric per row", shorten(&reference));
        notes.add(at, message);
        return None;
    }
    Some(reference)
}

fn string_check(item: &Node, at: &str, notes: &mut Notes) -> Option<(Check, String)> {
    let wanted = reference(item, at, notes)?;
    let operation = needed(item, "operation", at, "the grader", notes)
        .and_then(|n| text(n, &join(at, "operation"), "`operation`", notes))?;
    let contains = |case_sensitive| Check::Contains { text: wanted.clone(), case_sensitive, file: None };
    let exact = || Check::Exact { text: wanted.clone(), file: None };
    Some(match operation.as_str() {
        "eq" => (exact(), format!("The text is exactly: {wanted}")),
        "ne" | "neq" => (Check::Not(Box::new(exact())), format!("The text is not: {wanted}")),
        "like" => (contains(true), format!("The text contains: {wanted}")),
        "ilike" => (contains(false), format!("The text contains, in any case: {wanted}")),
        other => {
            let message = format!("the operation `{}` is not known; there are: eq, ne, like, ilike", shorten(other));
            notes.add(join(at, "operation"), message);
            return None;
        }
    })
}

fn text_similarity(item: &Node, stands: Name<'_>, at: &str, notes: &mut Notes) -> Option<(Check, String)> {
    let wanted = reference(item, at, notes)?;
    let name = needed(item, "evaluation_metric", at, "the grader", notes)
        .and_then(|n| text(n, &join(at, "evaluation_metric"), "`evaluation_metric`", notes))?;
    let Ok(metric) = serde_json::from_value::<Similarity>(Value::from(name.as_str())) else {
        let message = format!(
            "the metric `{}` is not computed here; use fuzzy_match, gleu, rouge_1 to rouge_5 or rouge_l",
            shorten(&name)
        );
        notes.add(join(at, "evaluation_metric"), message);
        return None;
    };
    let given = match item.get("pass_threshold") {
        None => None,
        Some(n) => Some(number(n, &join(at, "pass_threshold"), "`pass_threshold`", notes)?),
    };
    let threshold = match (stands, given) {
        (Name::InList, None) => {
            notes.add(at, "the grader has no `pass_threshold`; in a list it passes or fails, so say from which share");
            return None;
        }
        // The formula is over scores, and the score is the similarity.
        (Name::Key(_), _) => None,
        (Name::InList | Name::Alone, given) => given,
    };
    let words = match threshold {
        Some(least) => format!("The text resembles the reference ({name}) by {least} or more: {wanted}"),
        None => format!("The text resembles the reference ({name}): {wanted}"),
    };
    Some((Check::TextSimilarity { metric, text: wanted, threshold, file: None }, words))
}

/// What the model would be told, as the requirement of a criterion.
fn instructions(item: &Node, at: &str, notes: &mut Notes) -> Option<String> {
    let at = join(at, "input");
    let Some(input) = item.get("input") else {
        notes.add(&at, "the grader has no `input`");
        return None;
    };
    let mut words: Vec<String> = Vec::new();
    let mut open: Vec<(&Node, String)> = vec![(input, at.clone())];
    while let Some((node, place)) = open.pop() {
        match &node.kind {
            Kind::Text(text) => words.push(text.trim().to_owned()),
            Kind::List(items) => {
                open.extend(items.iter().enumerate().rev().map(|(i, n)| (n, format!("{place}/{i}"))));
            }
            Kind::Map(_) => match (node.get("content"), node.get("text")) {
                (Some(inner), _) => open.push((inner, join(&place, "content"))),
                (None, Some(inner)) => open.push((inner, join(&place, "text"))),
                (None, None) => notes.add(place, "the message has neither `content` nor `text`"),
            },
            _ => notes.add(place, format!("a message is text, not {}", node.describe())),
        }
    }
    // Judges see the deliverable anyway.
    let mut all = words.join("\n\n");
    for hole in ["{{ sample.output_text }}", "{{sample.output_text}}"] {
        all = all.replace(hole, "[what was handed in]");
    }
    if let Some(start) = all.find("{{") {
        let hole: String = all.get(start..).unwrap_or_default().chars().take(40).collect();
        notes.add(at, format!("`{hole}` names a field of a data set; write its value here, one rubric per row"));
        return None;
    }
    Some(all)
}

fn label_model(id: CriterionId, item: &Node, at: &str, notes: &mut Notes) -> Option<Criterion> {
    let requirement = instructions(item, at, notes);
    let mut names = |field: &str| {
        let node = needed(item, field, at, "the grader", notes)?;
        let items = list(node, &join(at, field), &format!("`{field}`"), notes)?;
        let names = items.iter().enumerate().map(|(i, n)| text(n, &format!("{at}/{field}/{i}"), "a label", notes));
        names.collect::<Option<Vec<_>>>()
    };
    let (labels, passing) = (names("labels")?, names("passing_labels")?);
    let before = notes.0.len();
    if let Some(stranger) = passing.iter().find(|label| !labels.contains(label)) {
        notes.add(join(at, "passing_labels"), format!("the passing label `{}` is no label", shorten(stranger)));
    }
    if passing.is_empty() {
        notes.add(join(at, "passing_labels"), "no label passes; name at least one");
    }
    if notes.0.len() > before {
        return None;
    }
    let level = |name: String| Level { points: f64::from(u8::from(passing.contains(&name))), name, description: None };
    let levels: Vec<Level> = labels.into_iter().map(level).collect();
    Some(Criterion { levels, ..plain(id, requirement?, 1.0) })
}

fn score_model(id: CriterionId, item: &Node, at: &str, notes: &mut Notes) -> Option<Criterion> {
    let requirement = instructions(item, at, notes);
    let (mut low, mut high) = (0.0, 1.0);
    if let Some(range) = item.get("range") {
        let at = join(at, "range");
        let ends = list(range, &at, "`range`", notes)?;
        let [first, last] = ends else {
            notes.add(at, format!("a range has two numbers, not {}", ends.len()));
            return None;
        };
        low = number(first, &format!("{at}/0"), "the low end", notes)?;
        high = number(last, &format!("{at}/1"), "the high end", notes)?;
        if low >= high || high <= 0.0 {
            notes.add(at, format!("{low} to {high} is not a range that rises above 0"));
            return None;
        }
    }
    // Whole steps where the range is whole and short; else ten.
    let whole = low.fract() == 0.0 && high.fract() == 0.0 && high - low <= 20.0 && high - low > 1.0;
    let steps = if whole { high - low } else { 10.0 };
    let levels: Vec<Level> = (0..=steps as u32)
        .map(|step| {
            let share = f64::from(step) / steps;
            let points = if share == 1.0 { high } else { low + (high - low) * share };
            // Ten steps of a range are not exact in binary; the name is what a judge answers.
            let points = (points * 1e9).round() / 1e9;
            Level { name: points.to_string(), points, description: None }
        })
        .collect();
    Some(Criterion { levels, ..plain(id, requirement?, high) })
}

pub fn write(rubric: &Rubric) -> Option<String> {
    let kept = |c: &Criterion| c.extra.get("grader").cloned();
    let items = rubric.criteria().iter().map(kept).collect::<Option<Vec<_>>>()?;
    let mut extra = rubric.extra().clone();
    if let Scoring::Formula(formula) = rubric.scoring() {
        // By hand: the order of the graders is the order of the criteria.
        let ids = rubric.criteria().iter().map(|c| Value::from(c.id.as_str()));
        let graders: Vec<String> = ids.zip(items).map(|(id, item)| format!("{id}: {item}")).collect();
        let mut fields: Vec<String> = extra.iter().map(|(k, v)| format!("{}: {v}", Value::from(k.as_str()))).collect();
        fields.push(format!("\"calculate_output\": {}", Value::from(formula.as_str())));
        fields.push(format!("\"graders\": {{{}}}", graders.join(", ")));
        return Some(format!("{{{}}}", fields.join(",\n")));
    }
    if extra.remove("single").is_some() {
        return items.first().map(json);
    }
    if extra.remove("testing_criteria").is_some() {
        return Some(json(&merged(&extra, [("testing_criteria", items.into())]).into()));
    }
    Some(json(&items.into()))
}
