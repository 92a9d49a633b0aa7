//! The native format: YAML or JSON, a map of `title`, `criteria` and `sections`.
//!
//! ```yaml
//! title: Quarterly variance memo
//! criteria:
//!   - id: totals-tie            # without one: c1, c2, ... by position
//!     requirement: The table's totals tie to the ledger extract (within $1).
//!     points: 5                 # negative: a penalty when it is met
//!     tags: [accuracy]
//!     gate: must_pass           # or {cap: 0.5}
//!     levels: [{name: full, points: 5}, {name: none, points: 0}]
//!     target: deliverable       # or trace
//!     check: {file_exists: "*.xlsx"}
//!     draft: true               # or {by, why, quotes}: proposed by a model, not yet accepted by a human
//! sections:
//!   - {title: Numbers, weight: 2, criteria: [totals-tie]}
//! scoring: {formula: "min(a, b) / 5"}   # instead of sections; without it: points
//! ```
//! What came from another format and has no meaning here stands under `extra` of the rubric, a criterion or a
//! section, and the places of a section's criteria among its sections under `order`.
//!
//! A field that is null is absent. An unknown field is an error, because a misspelt `gate` must not vanish.
//! Requirement and other texts are trimmed. Booleans are only `true` and `false`: `no` is a text.

use super::super::draft::{Draft, Drafts, Names, derived_id, finish, plain};
use super::super::fields::{Notes, criterion_id, list, map, number, only_known, rest, text, texts};
use super::super::source::{Input, Kind, Node, join};
use super::{Format, ImportError, check, node};
use crate::domain::{Criterion, CriterionId, Extra, Formula, Gate, Level, Proposal, Rubric, Scoring, Section, Target};

const NAMES: Names = Names { id: "id", requirement: "requirement", points: "points" };
const RUBRIC: [&str; 5] = ["title", "criteria", "sections", "scoring", "extra"];
const CRITERION: [&str; 10] =
    ["id", "requirement", "points", "tags", "gate", "levels", "target", "check", "extra", "draft"];
const LEVEL: [&str; 3] = ["name", "points", "description"];
const SECTION: [&str; 6] = ["title", "weight", "criteria", "sections", "order", "extra"];

pub fn read(input: Input<'_>) -> Result<Rubric, ImportError> {
    let root = node(input, Format::Native)?;
    let mut notes = Notes::default();
    let drafts = rubric(&root, &mut notes);
    finish(Format::Native, &root, drafts, notes)
}

fn rubric(root: &Node, notes: &mut Notes) -> Drafts {
    let mut drafts = Drafts { list_at: "/criteria".to_owned(), ..Drafts::default() };
    if matches!(root.kind, Kind::List(_)) {
        notes.add("", "a native rubric is a map with `criteria`, not a list; put the list under `criteria:`, or use the `weighted` or `gdpval` format");
        return drafts;
    }
    if map(root, "", "a native rubric", notes).is_none() {
        return drafts;
    }
    only_known(root, "", "the rubric", &RUBRIC, notes);
    drafts.title = root.get("title").and_then(|n| text(n, "/title", "the title", notes)).filter(|t| !t.is_empty());
    match root.get("criteria") {
        None => notes.add("", "the rubric has no `criteria`; add a list of at least one"),
        Some(items) => {
            for (index, item) in list(items, "/criteria", "`criteria`", notes).unwrap_or_default().iter().enumerate() {
                drafts.criteria.extend(criterion(item, index, notes));
            }
        }
    }
    if let Some(items) = root.get("sections") {
        drafts.sections = sections(items, "/sections", notes);
    }
    drafts.extra = extra(root, "", notes);
    drafts.scoring_at = "/scoring/formula".to_owned();
    if let Some(node) = root.get("scoring") {
        drafts.scoring = scoring(node, notes).unwrap_or_default();
    }
    drafts
}

fn scoring(node: &Node, notes: &mut Notes) -> Option<Scoring> {
    if node.kind == Kind::Text("points".to_owned()) {
        return Some(Scoring::Points);
    }
    let Some(formula) = node.get("formula") else {
        notes.add("/scoring", format!("scoring is `points` or `{{formula: \"a + b\"}}`, not {}", node.describe()));
        return None;
    };
    only_known(node, "/scoring", "scoring", &["formula"], notes);
    let formula = text(formula, "/scoring/formula", "the formula", notes)?;
    Formula::parse(&formula)
        .map_err(|error| notes.add("/scoring/formula", error.to_string()))
        .ok()
        .map(Scoring::Formula)
}

/// What another format carried.
fn extra(node: &Node, at: &str, notes: &mut Notes) -> Extra {
    let Some(kept) = node.get("extra") else { return Extra::new() };
    let at = join(at, "extra");
    map(kept, &at, "`extra`", notes).map(|kept| rest(kept, &[], &at, notes)).unwrap_or_default()
}

fn criterion(item: &Node, index: usize, notes: &mut Notes) -> Option<Draft> {
    let at = format!("/criteria/{index}");
    map(item, &at, "a criterion", notes)?;
    let before = notes.0.len();
    let id = match item.get("id") {
        Some(n) => criterion_id(n, &join(&at, "id"), notes),
        None => Some(derived_id(index)),
    };
    let name = id.as_ref().map_or_else(|| format!("criterion {}", index + 1), |id| format!("criterion `{id}`"));
    only_known(item, &at, &name, &CRITERION, notes);
    let requirement = match item.get("requirement") {
        Some(n) => text(n, &join(&at, "requirement"), &format!("the requirement of {name}"), notes),
        None => {
            notes.add(&at, format!("{name} has no `requirement`; say what is to be met"));
            None
        }
    };
    let points = match item.get("points") {
        Some(n) => number(n, &join(&at, "points"), &format!("`points` of {name}"), notes),
        None => {
            notes.add(&at, format!("{name} has no `points`; write what it is worth, for instance `points: 1`"));
            None
        }
    };
    let tags = item.get("tags").map(|n| texts(n, &join(&at, "tags"), "a tag", notes)).unwrap_or_default();
    let gate = item.get("gate").and_then(|n| gate(n, &join(&at, "gate"), notes));
    let levels = item.get("levels").map(|n| levels(n, &join(&at, "levels"), notes)).unwrap_or_default();
    let target = item.get("target").and_then(|n| target(n, &join(&at, "target"), notes)).unwrap_or_default();
    let check = item.get("check").and_then(|n| check::read(n, &join(&at, "check"), notes));
    let extra = extra(item, &at, notes);
    let draft = item.get("draft").and_then(|n| draft(n, &join(&at, "draft"), notes));
    if notes.0.len() > before {
        return None;
    }
    let criterion = Criterion { tags, gate, levels, target, check, extra, draft, ..plain(id?, requirement?, points?) };
    Some(Draft { criterion, at, names: NAMES })
}

fn draft(node: &Node, at: &str, notes: &mut Notes) -> Option<Proposal> {
    let proposal = match &node.kind {
        Kind::Bool(is_draft) => return is_draft.then(Proposal::default),
        Kind::Map(_) => {
            let fields = rest(node, &[], at, notes).into_iter().collect();
            serde_json::from_value(serde_json::Value::Object(fields)).map_err(|error| error.to_string())
        }
        _ => Err(node.describe()),
    };
    let words = "`draft` is true, or a map of `by`, `why` and `quotes` (each with `quote`, `file`, `where`, `found`)";
    proposal.map_err(|why: String| notes.add(at, format!("{words}: {why}"))).ok()
}

fn gate(node: &Node, at: &str, notes: &mut Notes) -> Option<Gate> {
    match &node.kind {
        Kind::Text(word) if word.trim() == "must_pass" => Some(Gate::MustPass),
        Kind::Map(_) if node.get("cap").is_some() => {
            only_known(node, at, "the gate", &["cap"], notes);
            let cap = node.get("cap")?;
            number(cap, &join(at, "cap"), "the gate's `cap`", notes).map(Gate::Cap)
        }
        _ => {
            notes.add(at, format!("a gate is `must_pass` or `{{cap: 0.5}}`, not {}", node.describe()));
            None
        }
    }
}

fn levels(node: &Node, at: &str, notes: &mut Notes) -> Vec<Level> {
    let mut levels = Vec::new();
    for (index, item) in list(node, at, "`levels`", notes).unwrap_or_default().iter().enumerate() {
        let at = format!("{at}/{index}");
        if map(item, &at, "a level", notes).is_none() {
            continue;
        }
        only_known(item, &at, "the level", &LEVEL, notes);
        for needed in ["name", "points"] {
            if item.get(needed).is_none() {
                notes.add(&at, format!("the level has no `{needed}`; write `{{name: full, points: 5}}`"));
            }
        }
        let name = item.get("name").and_then(|n| text(n, &join(&at, "name"), "a level's name", notes));
        let points = item.get("points").and_then(|n| number(n, &join(&at, "points"), "a level's `points`", notes));
        let description =
            item.get("description").and_then(|n| text(n, &join(&at, "description"), "a level's description", notes));
        if let (Some(name), Some(points)) = (name, points) {
            levels.push(Level { name, points, description });
        }
    }
    levels
}

fn target(node: &Node, at: &str, notes: &mut Notes) -> Option<Target> {
    match &node.kind {
        Kind::Text(word) if word.trim() == "deliverable" => Some(Target::Deliverable),
        Kind::Text(word) if word.trim() == "trace" => Some(Target::Trace),
        _ => {
            notes.add(at, format!("a target is `deliverable` or `trace`, not {}", node.describe()));
            None
        }
    }
}

fn sections(node: &Node, at: &str, notes: &mut Notes) -> Vec<Section> {
    let mut sections = Vec::new();
    for (index, item) in list(node, at, "`sections`", notes).unwrap_or_default().iter().enumerate() {
        let at = format!("{at}/{index}");
        if map(item, &at, "a section", notes).is_none() {
            continue;
        }
        only_known(item, &at, "the section", &SECTION, notes);
        let title = match item.get("title") {
            Some(n) => text(n, &join(&at, "title"), "a section's title", notes),
            None => {
                notes.add(&at, "the section has no `title`; name it");
                None
            }
        };
        let weight = match item.get("weight") {
            Some(n) => number(n, &join(&at, "weight"), "a section's `weight`", notes),
            None => Some(1.0),
        };
        let criteria = item.get("criteria").map(|n| ids(n, &join(&at, "criteria"), notes)).unwrap_or_default();
        let inner = item.get("sections").map(|n| self::sections(n, &join(&at, "sections"), notes)).unwrap_or_default();
        if let (Some(title), Some(weight)) = (title, weight) {
            let order = order(item, &at, notes);
            let extra = extra(item, &at, notes);
            sections.push(Section { title, weight, criteria, sections: inner, order, extra });
        }
    }
    sections
}

fn order(item: &Node, at: &str, notes: &mut Notes) -> Vec<usize> {
    let Some(node) = item.get("order") else { return vec![] };
    let at = join(at, "order");
    let places = list(node, &at, "`order`", notes).unwrap_or_default();
    let place = |(i, n): (usize, &Node)| {
        match &n.kind {
            Kind::Number(number) => number.as_u64().and_then(|n| usize::try_from(n).ok()),
            _ => None,
        }
        .or_else(|| {
            notes.add(format!("{at}/{i}"), format!("a place is a whole number from 0, not {}", n.describe()));
            None
        })
    };
    places.iter().enumerate().filter_map(place).collect()
}

fn ids(node: &Node, at: &str, notes: &mut Notes) -> Vec<CriterionId> {
    let items = list(node, at, "a section's `criteria`", notes).unwrap_or_default();
    items.iter().enumerate().filter_map(|(i, item)| criterion_id(item, &format!("{at}/{i}"), notes)).collect()
}

pub fn write(rubric: &Rubric) -> Option<String> {
    Some(super::super::export::export_native(rubric))
}
