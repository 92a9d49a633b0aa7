//! From the label in a reply to an answer. A label matches trimmed and without regard to case, otherwise
//! exactly: `met` is MET, `MET.` and `fully met` are nothing.

use crate::domain::{Answer, Ask, Preference};

/// The answer that a label stands for, if it is one of the labels that were asked for.
pub fn answer(label: &str, ask: &Ask) -> Option<Answer> {
    let label = label.trim();
    let is = |known: &str| label.eq_ignore_ascii_case(known);
    if is("CANNOT_ASSESS") {
        return Some(Answer::CannotAssess);
    }
    match ask {
        Ask::Criterion { .. } => [("MET", Answer::Met), ("UNMET", Answer::Unmet)]
            .into_iter()
            .find(|(known, _)| is(known))
            .map(|(_, answer)| answer),
        Ask::Levels { levels, .. } => {
            // Level names are unique after trimming and lower-casing; the domain sees to it.
            let label = label.to_lowercase();
            let level = levels.iter().find(|level| level.name.trim().to_lowercase() == label)?;
            Some(Answer::Level(level.name.clone()))
        }
        Ask::Pairwise { .. } | Ask::PairwiseBy { .. } => {
            [("A", Preference::A), ("B", Preference::B), ("TIE", Preference::Tie), ("BOTH_BAD", Preference::BothBad)]
                .into_iter()
                .find(|(known, _)| is(known))
                .map(|(_, preference)| Answer::Prefers(preference))
        }
        // Each of its items has labels of its own; a rubric is no label.
        Ask::Several { .. } | Ask::Rubric { .. } => None,
    }
}
