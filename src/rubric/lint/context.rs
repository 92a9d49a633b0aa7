//! Rules that need more than the rubric: the task's prompt, and a deliverable that is known to be right.

use std::collections::{BTreeSet, HashMap};

use super::{Context, Level, Lint};
use crate::domain::{Check, Criterion, Extract, Rubric};
use crate::rubric::check::{self, CheckDecision, figures};

/// Share of a requirement's words from which it says again what the prompt says.
const NEAR: f64 = 0.9;
const MIN_WORDS: usize = 6;

/// Words that tell nothing about what is asked for.
const EMPTY: [&str; 24] = [
    "the",
    "a",
    "an",
    "of",
    "to",
    "and",
    "or",
    "in",
    "on",
    "for",
    "with",
    "is",
    "are",
    "be",
    "that",
    "this",
    "it",
    "by",
    "as",
    "at",
    "from",
    "response",
    "deliverable",
    "submission",
];

fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .filter(|w| !w.is_empty() && !EMPTY.contains(&w.as_str()))
        .collect()
}

fn finding(criterion: &Criterion, level: Level, code: &'static str, message: String) -> Lint {
    Lint { level, code, criterion_id: Some(criterion.id.clone()), message }
}

/// `restates_prompt`: a criterion in the prompt's own words asks whether the task was done, and every attempt at
/// it is met. What the right answer would show is missing.
pub fn restates_prompt(rubric: &Rubric, context: &Context<'_>) -> Vec<Lint> {
    let Some(prompt) = context.prompt else { return vec![] };
    let sentences: Vec<BTreeSet<String>> =
        prompt.split(['.', '\n', '!', '?', ';']).map(words).filter(|set| set.len() >= MIN_WORDS).collect();
    let mut holders: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, sentence) in sentences.iter().enumerate() {
        for word in sentence {
            holders.entry(word).or_default().push(index);
        }
    }
    let judged = rubric.criteria().iter().filter(|c| c.check.is_none() && c.points > 0.0);
    judged
        .filter(|c| {
            let own = words(&c.requirement);
            let mut shared: HashMap<usize, usize> = HashMap::new();
            for sentence in own.iter().filter_map(|word| holders.get(word.as_str())).flatten() {
                *shared.entry(*sentence).or_default() += 1;
            }
            own.len() >= MIN_WORDS && shared.values().any(|n| *n as f64 >= NEAR * own.len() as f64)
        })
        .map(|c| {
            let message = format!(
                "`{}` says what the prompt says; say what the right answer shows (a figure, a name, a decision), or every attempt is met",
                c.id
            );
            finding(c, Level::Warning, "restates_prompt", message)
        })
        .collect()
}

/// `contradicts_gold`: the deliverable that is known to be right fails a check, or earns a penalty.
/// `gold_lacks_figure`: a criterion asks for a figure that stands nowhere in it.
pub fn against_gold(rubric: &Rubric, context: &Context<'_>) -> Vec<Lint> {
    let Some(gold) = context.gold else { return vec![] };
    let mut found = Vec::new();
    for criterion in rubric.criteria() {
        match &criterion.check {
            Some(check) => found.extend(check_against(criterion, check, gold)),
            None if criterion.points > 0.0 => {
                let lacking = figures(&criterion.requirement).into_iter().find(|(value, text)| {
                    // One digit is a count of things more often than a figure that is written down.
                    let digits = text.chars().filter(char::is_ascii_digit).count();
                    let check = Check::Numeric { value: *value, tolerance: 0.0, file: None };
                    digits >= 2 && check::run(&check, gold).decision == CheckDecision::Fails
                });
                if let Some((_, text)) = lacking {
                    let message = format!(
                        "`{}` asks for {text}, which stands nowhere in the gold deliverable; correct the figure or the gold",
                        criterion.id
                    );
                    found.push(finding(criterion, Level::Warning, "gold_lacks_figure", message));
                }
            }
            None => {}
        }
    }
    found
}

fn check_against(criterion: &Criterion, check: &Check, gold: &Extract) -> Option<Lint> {
    let outcome = check::run(check, gold);
    let contradicts = match outcome.decision {
        CheckDecision::Holds => criterion.is_penalty(),
        CheckDecision::Fails => !criterion.is_penalty(),
        // A reference answer that is not reached to the letter contradicts nothing.
        CheckDecision::Partly { .. } | CheckDecision::NothingToCheck { .. } => false,
    };
    contradicts.then(|| {
        let detail = outcome.place.map_or(String::new(), |looked| format!(" ({})", looked.detail));
        let message = format!(
            "the gold deliverable {} `{}`{detail}; one of the two is wrong",
            if criterion.is_penalty() { "earns the penalty" } else { "fails the check" },
            criterion.id
        );
        finding(criterion, Level::Error, "contradicts_gold", message)
    })
}
