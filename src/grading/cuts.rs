//! What an answer is worth when parts of the deliverable were cut to fit into the judge's input. *A cut is never
//! absence*, and a judge that saw a part must not be believed about the rest.
//!
//! Every question brings the region along that its criterion is about (`prompt::Rest`). When the answer shows that
//! this was not enough, the question is put **once more** with a larger excerpt ([`wants_more`]):
//!
//! - the judge says CANNOT_ASSESS;
//! - it quotes something that was not found, from a place that was cut;
//! - its answer rests on *not having seen* something (no quote of it was found in what it was shown), and a part that
//!   may matter was cut, or its reason names a place that was.
//!
//! After that ([`settle`]) an answer that still rests on not having seen something, while a part that may matter to
//! the criterion could not be shown, is taken as CANNOT_ASSESS: that is the honest one, because UNMET would blame the
//! deliverable for our cut. The judge's own answer is kept beside it, and its reply is in the journal. An answer with
//! a quote that was found stands: it rests on what is there. So does a MET whose quotes were all not found, which is
//! another trouble with a flag of its own (`unverified_evidence`).
//!
//! The second round belongs to the same call: its attempts go on behind the first ones in the journal, so that a
//! restart reads both again without asking, and both are counted and paid for in the one vote that comes of them.

use crate::domain::{Answer, AskedAgain, Criterion, Excerpted, Match, Opinion, UnderCuts};
use crate::prompt::{Excerpt, Shown};

/// A question about a deliverable that could not be shown whole.
pub struct Cuts {
    pub shown: std::sync::Arc<Shown>,
    pub criterion: Criterion,
    /// Of the first round.
    pub excerpt: Excerpt,
}

/// Characters of a judge's words that are searched for what they point at.
const MAX_WORDS: usize = 20_000;
/// Missing regions that a reason names.
const NAMED: usize = 3;

/// Whether nothing that the judge was shown supports the answer.
fn rests_on_absence(opinion: &Opinion) -> bool {
    let found = opinion.evidence.iter().any(|evidence| evidence.found != Match::NotFound);
    match opinion.answer {
        Answer::CannotAssess | Answer::Prefers(_) => false,
        Answer::Met => opinion.evidence.is_empty(),
        Answer::Unmet | Answer::Level(_) => !found,
    }
}

/// The judge's own words on where the matter may stand, if the question is to be put once more.
#[must_use]
pub fn wants_more(opinion: &Opinion, cuts: &Cuts) -> Option<String> {
    let rest = cuts.shown.rest.as_ref()?;
    let lost = opinion.evidence.iter().filter(|evidence| evidence.found == Match::NotFound);
    let places: Vec<String> = lost.map(|evidence| format!("{} {}", evidence.file, evidence.said_where)).collect();
    let is_cut = |text: &str| {
        let end = text.floor_char_boundary(MAX_WORDS.min(text.len()));
        rest.is_cut(text.get(..end).unwrap_or_default(), Some(&cuts.excerpt))
    };
    let again = opinion.answer == Answer::CannotAssess
        || places.iter().any(|place| is_cut(place))
        || (rests_on_absence(opinion) && (!cuts.excerpt.account.missing.is_empty() || is_cut(&opinion.reason)));
    let words = format!("{}\n{}", places.join("\n"), opinion.reason);
    again.then(|| words.chars().take(MAX_WORDS).collect())
}

/// Whether a second excerpt shows anything that the first did not.
#[must_use]
pub fn shows_more(first: &Excerpted, second: &Excerpted) -> bool {
    !second.shown.is_empty() && first.shown != second.shown
}

/// What the last answer to a question comes to; `excerpt` is what it was given with.
#[must_use]
pub fn settle(mut opinion: Opinion, excerpt: &Excerpted, max_chars: u64, again: Option<AskedAgain>) -> Opinion {
    let absent = rests_on_absence(&opinion);
    let note = match (missing(excerpt), &again) {
        (Some(missing), _) if absent || opinion.answer == Answer::CannotAssess => {
            format!("the region {missing} could not be shown within {max_chars} characters")
        }
        (None, _) if absent => {
            "rests on not having seen something: parts of the deliverable were cut, but none that has the words of the criterion".to_owned()
        }
        (_, Some(_)) => "asked again with more of what was cut".to_owned(),
        (_, None) => return opinion,
    };
    let mut said = None;
    if absent && !excerpt.missing.is_empty() {
        opinion.reason = format!("{note}; the judge, without it, answered {}: {}", opinion.answer, opinion.reason);
        said = Some(std::mem::replace(&mut opinion.answer, Answer::CannotAssess));
    }
    opinion.cut = Some(Box::new(UnderCuts { note, said, again }));
    opinion
}

/// `rows 41-180 of 'Ledger', 140 rows (book.xlsx)`.
fn missing(excerpt: &Excerpted) -> Option<String> {
    let named: Vec<String> =
        excerpt.missing.iter().take(NAMED).map(|region| format!("{} ({})", region.what, region.file)).collect();
    let more = excerpt.missing.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!named.is_empty()).then(|| format!("{}{more}", named.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CriterionId, Region, VoteOutcome};
    use crate::grading::testing::{answered, quoting};

    fn opinion(outcome: VoteOutcome) -> Opinion {
        let VoteOutcome::Answered(opinion) = outcome else { unreachable!() };
        opinion
    }

    fn excerpt(missing: &[&str]) -> Excerpted {
        let region = |what: &&str| Region { file: "book.xlsx".into(), what: (*what).to_owned(), characters: 9 };
        Excerpted {
            criterion_id: CriterionId::parse("c").unwrap(),
            limit: 10,
            shown: vec![],
            missing: missing.iter().map(region).collect(),
        }
    }

    #[test]
    fn an_unmet_that_rests_on_absence_does_not_stand_while_what_matters_is_cut() {
        let rows = "rows 41-180 of 'Ledger', 140 rows";
        let settled = settle(opinion(answered("UNMET")), &excerpt(&[rows]), 20_000, None);
        assert_eq!(settled.answer, Answer::CannotAssess);
        assert_eq!(
            settled.reason,
            format!(
                "the region {rows} (book.xlsx) could not be shown within 20000 characters; the judge, without it, answered UNMET: because"
            )
        );
        assert_eq!(settled.cut.unwrap().said, Some(Answer::Unmet));
        let level = settle(opinion(answered("good")), &excerpt(&[rows]), 20_000, None);
        assert_eq!(level.cut.unwrap().said, Some(Answer::Level("good".to_owned())));
    }

    #[test]
    fn an_answer_with_a_quote_that_was_found_stands() {
        for label in ["MET", "UNMET"] {
            let given = opinion(quoting(label, Match::Repaired));
            assert_eq!(settle(given.clone(), &excerpt(&["x"]), 9, None), given);
        }
        let met = opinion(quoting("MET", Match::NotFound));
        assert_eq!(settle(met.clone(), &excerpt(&["x"]), 9, None), met, "flagged elsewhere");
        assert_eq!(settle(opinion(answered("MET")), &excerpt(&["x"]), 9, None).answer, Answer::CannotAssess);
    }

    #[test]
    fn an_absence_in_which_no_cut_can_matter_stands_with_a_note() {
        let settled = settle(opinion(answered("UNMET")), &excerpt(&[]), 9, None);
        assert_eq!((settled.answer, settled.reason.as_str()), (Answer::Unmet, "because"));
        assert!(settled.cut.unwrap().note.starts_with("rests on not having seen something"));
    }

    #[test]
    fn what_cannot_be_assessed_says_which_region_is_missing() {
        let settled = settle(opinion(answered("CANNOT_ASSESS")), &excerpt(&["a", "b", "c", "d", "e"]), 9, None);
        let note = settled.cut.unwrap().note;
        let expected =
            "the region a (book.xlsx); b (book.xlsx); c (book.xlsx) and 2 more could not be shown within 9 characters";
        assert_eq!(note, expected);
        let plain = opinion(answered("CANNOT_ASSESS"));
        assert_eq!(settle(plain.clone(), &excerpt(&[]), 9, None), plain);
    }
}
