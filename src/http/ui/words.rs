//! How values look to people: numbers, money, times, marks. A value that is not known is said in words here,
//! once, so that no page turns it into a zero.

use serde::Serialize;

use crate::domain::{
    About, Answer, Decision, Evidence, Gate, Inconclusive, Match, OverrideValue, Preference, ReviewState, Said,
    Severity, Status, Timestamp, VoteOutcome,
};
use crate::grading::aggregate::JudgeVote;

/// A time as a machine and as a person reads it.
#[derive(Debug, Clone, Serialize)]
pub struct Time {
    pub iso: String,
    pub text: String,
}

#[must_use]
pub fn time(at: Timestamp) -> Time {
    Time { iso: at.to_string(), text: at.strftime("%Y-%m-%d %H:%M UTC").to_string() }
}

/// Where minutes are too coarse.
#[must_use]
pub fn to_the_second(at: Timestamp) -> Time {
    Time { iso: at.to_string(), text: at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string() }
}

/// A colour, a shape and a word: never the colour alone. `kind` names a class of the style sheet.
#[derive(Debug, Clone, Serialize)]
pub struct Mark {
    pub kind: &'static str,
    pub glyph: &'static str,
    pub label: String,
    /// What more there is to say; empty when there is nothing.
    pub title: String,
}

fn mark(kind: &'static str, glyph: &'static str, label: impl Into<String>) -> Mark {
    Mark { kind, glyph, label: label.into(), title: String::new() }
}

#[must_use]
pub fn status(status: Status) -> Mark {
    match status {
        Status::Queued => mark("idle", "○", "queued"),
        Status::Running => mark("busy", "▸", "running"),
        Status::Completed => mark("met", "✓", "completed"),
        Status::Partial => mark("failed", "!", "partial"),
        Status::Failed => mark("unmet", "✕", "failed"),
        Status::Cancelled => mark("idle", "–", "cancelled"),
        Status::AwaitingReview => mark("cannot", "?", "awaiting review"),
    }
}

#[must_use]
pub fn outcome(outcome: &VoteOutcome) -> Mark {
    match outcome {
        VoteOutcome::Answered(opinion) => answer(&opinion.answer),
        VoteOutcome::Failed { cause, detail } => {
            Mark { title: format!("{}: {detail}", cause.as_str()), ..mark("failed", "!", "failed") }
        }
    }
}

fn answer(answer: &Answer) -> Mark {
    match answer {
        Answer::Met => mark("met", "✓", "MET"),
        Answer::Unmet => mark("unmet", "✕", "UNMET"),
        Answer::CannotAssess => mark("cannot", "?", "CANNOT_ASSESS"),
        Answer::Level(name) => mark("level", "≡", name.as_str()),
        Answer::Prefers(_) => mark("level", "≡", answer.to_string()),
    }
}

/// What one judge says once its repeats are reduced; `title` is why it says nothing, if so.
#[must_use]
pub fn judge_vote(vote: &JudgeVote, title: String) -> Mark {
    let plain = match vote {
        JudgeVote::Met => mark("met", "✓", "MET"),
        JudgeVote::Unmet => mark("unmet", "✕", "UNMET"),
        JudgeVote::Level { name, .. } => mark("level", "≡", name.as_str()),
        JudgeVote::CannotAssess => mark("cannot", "?", "CANNOT_ASSESS"),
        JudgeVote::Failed => mark("failed", "!", "failed"),
    };
    Mark { title, ..plain }
}

/// What a judge says of a criterion that is met or not.
#[must_use]
pub fn said_met(met: bool) -> Mark {
    answer(if met { &Answer::Met } else { &Answer::Unmet })
}

/// The level that a judge says.
#[must_use]
pub fn said_level(name: &str) -> Mark {
    mark("level", "≡", name)
}

/// A cell in which nothing stands (yet).
#[must_use]
pub fn no_vote(why: &str) -> Mark {
    mark("idle", "·", why)
}

#[must_use]
pub fn decision(decision: &Decision) -> Mark {
    match decision {
        Decision::Met => mark("met", "✓", "met"),
        Decision::Unmet => mark("unmet", "✕", "unmet"),
        Decision::Level { name, points: earned } => {
            Mark { title: format!("{} points", points(*earned)), ..mark("level", "≡", name.as_str()) }
        }
        Decision::Inconclusive(why) => {
            Mark { title: inconclusive(*why).to_owned(), ..mark("cannot", "?", "inconclusive") }
        }
    }
}

fn inconclusive(why: Inconclusive) -> &'static str {
    match why {
        Inconclusive::Pending => "not judged yet",
        Inconclusive::BelowQuorum => "fewer real votes than the quorum",
        Inconclusive::Tied => "the votes are tied",
        Inconclusive::NotUnanimous => "the judges are not unanimous",
        Inconclusive::CannotAssess => "the judges could not assess it",
        Inconclusive::NothingToCheck => "the check had nothing to look at",
    }
}

#[must_use]
pub fn value(value: &OverrideValue) -> Mark {
    match value {
        OverrideValue::Met => mark("met", "✓", "met"),
        OverrideValue::Unmet => mark("unmet", "✕", "unmet"),
        OverrideValue::Level(name) => mark("level", "≡", name.as_str()),
        OverrideValue::Inconclusive => mark("cannot", "?", "inconclusive"),
        OverrideValue::Withdrawn => mark("idle", "↶", "withdrawn"),
    }
}

/// A quotation with whether it stands in the deliverable.
#[derive(Debug, Clone, Serialize)]
pub struct Quote {
    pub file: String,
    pub place: String,
    pub quote: String,
    pub found: Mark,
    /// Where it is shown in the deliverable.
    pub href: Option<String>,
}

#[must_use]
pub fn quote(evidence: &Evidence) -> Quote {
    let found = match evidence.found {
        Match::Found => mark("met", "✓", "found"),
        Match::Repaired => mark("level", "≈", "found, nearly"),
        Match::NotFound => mark("unmet", "✕", "not found"),
    };
    Quote {
        file: evidence.file.clone(),
        place: evidence.place.as_ref().map_or_else(|| evidence.said_where.clone(), ToString::to_string),
        quote: evidence.quote.clone(),
        found,
        href: None,
    }
}

/// Where a quote stands that was looked for.
#[must_use]
pub fn stands(place: &str) -> Mark {
    mark("met", "✓", format!("stands at {place}"))
}

/// A quote that was looked for in vain.
#[must_use]
pub fn stands_nowhere() -> Mark {
    mark("unmet", "✕", "does not stand in what is read of the files")
}

/// Why a review was opened.
#[must_use]
pub fn review_reason(code: &str) -> String {
    match code {
        "split" => "judges disagree".to_owned(),
        "inconclusive" => "no verdict".to_owned(),
        "unverified_evidence" => "quotes not found".to_owned(),
        "low_agreement" => "few votes for the verdict".to_owned(),
        "hidden_evidence" => "evidence in hidden text only".to_owned(),
        "judge_instruction" => "speaks to its judges".to_owned(),
        "hidden_text" => "hidden text".to_owned(),
        "unreadable_input" => "a file could not be read".to_owned(),
        "must_pass" => "a gate".to_owned(),
        "stake" => "many points at stake".to_owned(),
        "audit" => "random audit".to_owned(),
        "by_hand" => "picked by hand".to_owned(),
        other => other.replace('_', " "),
    }
}

/// How bad a failure is.
#[must_use]
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::AcceptableButSubpar => "acceptable but subpar",
        Severity::Bad => "bad",
        Severity::Catastrophic => "catastrophic",
    }
}

/// What a question other than about a criterion asks.
#[must_use]
pub fn asked(about: &About) -> String {
    match about {
        About::Criterion { .. } => "Is this met?",
        About::Preference { .. } => "Which of two is better?",
        About::Discovery { .. } => "What is wrong with this?",
        About::Draft { .. } => "Which criteria of a drafted rubric are to hold?",
    }
    .to_owned()
}

/// What somebody answered, where it is one word.
#[must_use]
pub fn said(said: &Said) -> Mark {
    match said {
        Said::Verdict(verdict) => value(verdict),
        Said::Preference(Preference::A) => mark("met", "A", "A is better"),
        Said::Preference(Preference::B) => mark("met", "B", "B is better"),
        Said::Preference(Preference::Tie) => mark("cannot", "=", "equally good"),
        Said::Preference(Preference::BothBad) => mark("unmet", "✕", "both bad"),
        Said::Errors(found) if found.is_empty() => mark("met", "✓", "no error found"),
        Said::Errors(found) => Mark { label: format!("{} errors found", found.len()), ..mark("unmet", "✕", "") },
        Said::Decided => mark("met", "✓", "decided"),
    }
}

#[must_use]
pub fn review_state(state: ReviewState) -> Mark {
    match state {
        ReviewState::Open => mark("cannot", "?", "open"),
        ReviewState::Claimed => mark("busy", "▸", "taken"),
        ReviewState::Submitted => mark("busy", "◐", "more answers needed"),
        ReviewState::Conflict => mark("failed", "!", "reviewers differ"),
        ReviewState::Agreed => mark("met", "✓", "settled"),
        ReviewState::Resolved => mark("met", "✓", "adjudicated"),
        ReviewState::Withdrawn => mark("pending", "–", "withdrawn"),
    }
}

/// What a gate does.
#[must_use]
pub fn gate(gate: Gate) -> String {
    match gate {
        Gate::MustPass => "must pass".to_owned(),
        Gate::Cap(cap) => format!("caps at {} %", percent(cap)),
    }
}

/// How grave a finding about a rubric is.
#[must_use]
pub fn lint_level(level: &str, code: &str) -> Mark {
    let (kind, glyph) = match level {
        "error" => ("failed", "!"),
        "warning" => ("cannot", "?"),
        _ => ("busy", "·"),
    };
    Mark { title: code.to_owned(), ..mark(kind, glyph, level) }
}

/// What a human did with a draft.
#[must_use]
pub fn draft_decision(accepted: bool, edited: bool) -> Mark {
    match (accepted, edited) {
        (true, false) => mark("met", "✓", "accepted"),
        (true, true) => mark("met", "✓", "accepted with changes"),
        (false, _) => mark("unmet", "✗", "rejected"),
    }
}

/// Whether a draft's quotation stands in what the model was shown.
#[must_use]
pub fn quote_found(found: bool) -> Mark {
    if found { mark("met", "✓", "found") } else { mark("failed", "!", "not found") }
}

/// With which probability a policy selects such an item.
#[must_use]
pub fn probability(selected: Option<f64>) -> String {
    match selected {
        None => "by hand".to_owned(),
        Some(share) if share >= 1.0 => "always".to_owned(),
        Some(share) => format!("{} %", points(share * 100.0)),
    }
}

/// `0.8125` as `81.2`.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}

/// Points without superfluous digits: `5`, `−2.5`.
#[must_use]
pub fn points(points: f64) -> String {
    let rounded = (points * 100.0).round() / 100.0;
    let text = format!("{}", rounded.abs());
    if rounded < 0.0 { format!("−{text}") } else { text }
}

/// USD; small sums keep two significant digits, and what is not known is not 0.
#[must_use]
pub fn usd(amount: Option<f64>) -> String {
    match amount {
        None => "unknown".to_owned(),
        Some(0.0) => "$0".to_owned(),
        Some(sum) if sum < 0.000_1 => "< $0.0001".to_owned(),
        Some(sum) if sum < 0.1 => format!("${sum:.4}"),
        Some(sum) => format!("${sum:.2}"),
    }
}

/// `12345` as `12,345`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[must_use]
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// A number, as it is written, with what it counts: `1 point`, `2.5 points`.
#[must_use]
pub fn several(count: &str, one: &str) -> String {
    format!("{count} {one}{}", if matches!(count, "1" | "−1") { "" } else { "s" })
}

/// At most `chars` characters, with an ellipsis where something was left out.
#[must_use]
pub fn clip(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_not_zero() {
        assert_eq!(usd(None), "unknown");
        assert_eq!(usd(Some(0.0)), "$0");
        assert_eq!(usd(Some(0.000_01)), "< $0.0001");
        assert_eq!(usd(Some(0.0123)), "$0.0123");
        assert_eq!(usd(Some(12.345)), "$12.35");
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!((points(5.0), points(-2.5), points(0.333_333)), ("5".into(), "−2.5".into(), "0.33".into()));
        assert_eq!((count(7), count(1_234), count(1_234_567)), ("7".into(), "1,234".into(), "1,234,567".into()));
        assert_eq!(percent(0.8125), "81.2");
        assert_eq!(
            (several("1", "point"), several("0", "call"), several("−1", "point")),
            ("1 point".into(), "0 calls".into(), "−1 point".into())
        );
        assert_eq!((bytes(999), bytes(1_500), bytes(2_500_000)), ("999 B".into(), "1.5 kB".into(), "2.5 MB".into()));
    }

    #[test]
    fn a_clipped_text_never_cuts_a_character_in_two() {
        assert_eq!(clip("äöü", 2), "äö…");
        assert_eq!(clip("äöü", 3), "äöü");
    }

    #[test]
    fn no_two_answers_share_a_glyph_or_a_word() {
        let votes = [
            judge_vote(&JudgeVote::Met, String::new()),
            judge_vote(&JudgeVote::Unmet, String::new()),
            judge_vote(&JudgeVote::CannotAssess, String::new()),
            judge_vote(&JudgeVote::Failed, String::new()),
            judge_vote(&JudgeVote::Level { name: "good".to_owned(), points: 1.0 }, String::new()),
        ];
        for (i, one) in votes.iter().enumerate() {
            for other in &votes[i + 1..] {
                assert!(one.glyph != other.glyph && one.label != other.label && one.kind != other.kind);
            }
        }
    }
}
