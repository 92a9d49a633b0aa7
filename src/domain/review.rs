//! A question for a human: blind first pass by N reviewers, then adjudication if they differ.
//!
//! ```text
//! open ─▶ claimed ─▶ submitted ─▶ … ─▶ agreed
//!   ▲        │                      └▶ conflict ─▶ resolved
//!   └─ released, expired, declined                  (an adjudicator may resolve any pending one)
//!  any pending one ─▶ withdrawn
//! ```
//!
//! The state is not kept: it follows from what has been appended and from the time.

mod about;

use serde::{Deserialize, Serialize};

pub use about::{About, FoundError, Said};

use super::{Author, CriterionId, GradingId, InvalidTransition, LeaseToken, ReviewId, TaskId, Timestamp};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Review {
    pub id: ReviewId,
    pub about: About,
    pub task_id: Option<TaskId>,
    /// Why it was opened: a rule of the panel's policy (`split`, `inconclusive`, …), `audit`, or `by_hand`.
    pub reason: String,
    /// The probability with which the policy selected this item: 1 for a rule that always selects such items,
    /// its own for a random audit, `None` for a hand-picked one, which never enters a corrected estimate.
    pub selection_probability: Option<f64>,
    /// What decides the order of the queue: the points at stake times the probability that a human changes them.
    pub priority: f64,
    /// Points at stake; where none are kept, the priority is them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stake: Option<f64>,
    /// Different reviewers that must answer, 1 to 5.
    pub reviewers: u32,
    pub lease: Option<Lease>,
    pub answers: Vec<ReviewAnswer>,
    pub resolution: Option<Resolution>,
    pub created_at: Timestamp,
    /// Reviewers who will not answer it, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declined: Vec<Decline>,
    /// Who asked, where it was opened by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_by: Option<Author>,
    /// Nobody needs to answer it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Withdrawal>,
    /// Answers that their authors took back, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_back: Vec<TakenBack>,
}

/// An answer that is none any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TakenBack {
    pub answer: ReviewAnswer,
    pub at: Timestamp,
    /// It had settled the question: its author may have seen by then what the judges said.
    pub had_settled: bool,
}

/// Why a question needs no answer any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Withdrawal {
    pub by: Author,
    pub reason: String,
    pub at: Timestamp,
}

/// A reviewer who will not answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decline {
    pub reviewer: Author,
    pub reason: String,
    /// They have a stake in the outcome: they do not adjudicate it either.
    pub conflict_of_interest: bool,
    pub at: Timestamp,
}

/// Who holds a review, until when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    pub token: LeaseToken,
    pub reviewer: Author,
    /// When it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    pub expires_at: Timestamp,
}

/// One reviewer's answer of the first pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviewAnswer {
    pub reviewer: Author,
    pub value: Said,
    pub reason: String,
    pub created_at: Timestamp,
    /// The lease under which it was given: the same answer sent again is the same answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<LeaseToken>,
    /// When the reviewer took the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Timestamp>,
    /// The reviewer had seen what the judges said: the answer counts, and in no figure that sets humans beside judges.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sighted: bool,
}

/// How a review ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resolution {
    pub value: Said,
    pub reason: String,
    /// The adjudicator, or the last of the reviewers who agreed.
    pub by: Author,
    pub at: Timestamp,
}

/// A reviewer's answer before it is appended.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenAnswer {
    pub token: LeaseToken,
    pub value: Said,
    pub reason: String,
    pub sighted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    Open,
    Claimed,
    /// Some reviewers have answered, more are needed.
    Submitted,
    Agreed,
    Conflict,
    Resolved,
    /// Closed without an answer.
    Withdrawn,
}

impl ReviewState {
    pub const ALL: [Self; 7] =
        [Self::Open, Self::Claimed, Self::Submitted, Self::Agreed, Self::Conflict, Self::Resolved, Self::Withdrawn];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Claimed => "claimed",
            Self::Submitted => "submitted",
            Self::Agreed => "agreed",
            Self::Conflict => "conflict",
            Self::Resolved => "resolved",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Whether a human is still needed.
    #[must_use]
    pub fn is_pending(self) -> bool {
        !matches!(self, Self::Agreed | Self::Resolved | Self::Withdrawn)
    }
}

impl Review {
    /// A question that nobody has looked at, with nothing at stake and no probability with which it was selected.
    #[must_use]
    pub fn new(id: ReviewId, about: About, reason: impl Into<String>, at: Timestamp) -> Self {
        Self {
            id,
            about,
            task_id: None,
            reason: reason.into(),
            selection_probability: None,
            priority: 0.0,
            stake: None,
            reviewers: 1,
            lease: None,
            answers: vec![],
            resolution: None,
            created_at: at,
            declined: vec![],
            opened_by: None,
            withdrawn: None,
            taken_back: vec![],
        }
    }

    /// Its state, which follows from what has been appended to it and from the time: a lease that has
    /// expired holds nothing.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> ReviewState {
        if self.withdrawn.is_some() {
            return ReviewState::Withdrawn;
        }
        if self.resolution.is_some() {
            return if self.is_unanimous() && self.answers.len() as u32 >= self.reviewers {
                ReviewState::Agreed
            } else {
                ReviewState::Resolved
            };
        }
        if self.answers.len() as u32 >= self.reviewers {
            return ReviewState::Conflict;
        }
        if self.live_lease(now).is_some() {
            ReviewState::Claimed
        } else if self.answers.is_empty() {
            ReviewState::Open
        } else {
            ReviewState::Submitted
        }
    }

    #[must_use]
    pub fn live_lease(&self, now: Timestamp) -> Option<&Lease> {
        self.lease.as_ref().filter(|lease| lease.expires_at > now)
    }

    /// Whether a human is still needed, at any time.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.resolution.is_none() && self.withdrawn.is_none()
    }

    /// Why nobody can answer it in its turn although it waits: drafts are decided together, and where reviewers differ
    /// somebody decides between them. `None`: they can, whoever holds it now.
    #[must_use]
    pub fn aside(&self) -> Option<&'static str> {
        match self.about {
            About::Draft { .. } => Some("draft"),
            _ if self.answers.len() as u32 >= self.reviewers => Some("conflict"),
            _ => None,
        }
    }

    /// The criterion of a grading that it is about, if it is about one.
    #[must_use]
    pub fn criterion(&self) -> Option<(GradingId, &CriterionId)> {
        match &self.about {
            About::Criterion { grading_id, criterion_id } => Some((*grading_id, criterion_id)),
            About::Preference { .. } | About::Discovery { .. } | About::Draft { .. } => None,
        }
    }

    /// Whether it is about this criterion of whatever grading.
    #[must_use]
    pub fn is_about(&self, criterion: &CriterionId) -> bool {
        self.criterion().is_some_and(|(_, own)| own == criterion)
    }

    /// Whether the first pass was made, and made without a look at what the judges said.
    #[must_use]
    pub fn was_blind(&self) -> bool {
        !self.answers.is_empty() && !self.answers.iter().any(|answer| answer.sighted)
    }

    /// Why it was opened, and of what: `split:c4`.
    #[must_use]
    pub fn why(&self) -> String {
        match self.criterion() {
            Some((_, criterion)) => format!("{}:{criterion}", self.reason),
            None => format!("{}:{}", self.reason, self.about.kind()),
        }
    }

    /// The points at stake.
    #[must_use]
    pub fn stake(&self) -> f64 {
        self.stake.unwrap_or(self.priority)
    }

    /// Whether this person has answered, or will not.
    #[must_use]
    pub fn is_done_by(&self, person: &Author) -> bool {
        self.has_answered(person) || self.declined.iter().any(|one| one.reviewer == *person)
    }

    #[must_use]
    pub fn has_answered(&self, person: &Author) -> bool {
        self.answers.iter().any(|answer| answer.reviewer == *person)
    }

    /// Lists of errors are put together by an adjudicator, unless nobody found one.
    fn is_unanimous(&self) -> bool {
        let apart = |said: &Said| matches!(said, Said::Errors(found) if !found.is_empty());
        !self.answers.iter().any(|answer| apart(&answer.value))
            && self.answers.windows(2).all(|pair| pair[0].value == pair[1].value)
    }

    fn refuse(&self, now: Timestamp, to: &'static str) -> InvalidTransition {
        InvalidTransition { what: "review", from: self.state(now).as_str().to_owned(), to }
    }

    /// # Errors
    /// If somebody else holds it, if it needs no more answers, or if this reviewer has answered already.
    pub fn claim(
        mut self,
        reviewer: &Author,
        token: LeaseToken,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Self, InvalidTransition> {
        match self.state(now) {
            ReviewState::Open | ReviewState::Submitted => {}
            _ => return Err(self.refuse(now, "be claimed")),
        }
        if self.has_answered(reviewer) {
            return Err(InvalidTransition {
                what: "review",
                from: format!("answered by {reviewer}"),
                to: "be claimed by the same reviewer again",
            });
        }
        if self.declined.iter().any(|d| &d.reviewer == reviewer) {
            return Err(InvalidTransition {
                what: "review",
                from: format!("declined by {reviewer}"),
                to: "be claimed by the same reviewer",
            });
        }
        self.lease = Some(Lease { token, reviewer: reviewer.clone(), since: Some(now), expires_at: until });
        Ok(self)
    }

    /// # Errors
    /// If the token does not hold it.
    pub fn release(mut self, token: LeaseToken, now: Timestamp) -> Result<Self, InvalidTransition> {
        match self.live_lease(now) {
            Some(lease) if lease.token == token => self.lease = None,
            _ => return Err(self.refuse(now, "be released with this lease token")),
        }
        Ok(self)
    }

    /// A reviewer will not answer it; what they hold of it is free again.
    ///
    /// # Errors
    /// If it is settled, or if this reviewer has answered or declined it already.
    pub fn decline(
        mut self,
        reviewer: &Author,
        reason: String,
        conflict_of_interest: bool,
        now: Timestamp,
    ) -> Result<Self, InvalidTransition> {
        if !self.state(now).is_pending() {
            return Err(self.refuse(now, "be declined"));
        }
        let already = |said: &str| InvalidTransition {
            what: "review",
            from: format!("{said} by {reviewer}"),
            to: "be declined by the same reviewer",
        };
        if self.has_answered(reviewer) {
            return Err(already("answered"));
        }
        if self.declined.iter().any(|d| &d.reviewer == reviewer) {
            return Err(already("declined"));
        }
        self.lease = self.lease.filter(|lease| &lease.reviewer != reviewer);
        self.declined.push(Decline { reviewer: reviewer.clone(), reason, conflict_of_interest, at: now });
        Ok(self)
    }

    /// Appends one reviewer's answer. When the last needed answer agrees with the others, the review is settled.
    /// An answer that is there already, under the same token and with the same value, changes nothing: whoever did
    /// not hear that it arrived sends it again.
    ///
    /// # Errors
    /// If the token does not hold it (any more), or the value answers another kind of question.
    pub fn submit(mut self, given: GivenAnswer, now: Timestamp) -> Result<Self, InvalidTransition> {
        let GivenAnswer { token, value, reason, sighted } = given;
        self.fits(&value, "be answered with such a value")?;
        if self.answers.iter().any(|answer| answer.token == Some(token) && answer.value == value) {
            return Ok(self);
        }
        let Lease { reviewer, since, .. } = match self.live_lease(now) {
            Some(lease) if lease.token == token && self.is_pending() => lease.clone(),
            _ => return Err(self.refuse(now, "be submitted with this lease token")),
        };
        self.lease = None;
        self.answers.push(ReviewAnswer {
            reviewer: reviewer.clone(),
            value: value.clone(),
            reason: reason.clone(),
            created_at: now,
            token: Some(token),
            claimed_at: since,
            sighted,
        });
        if self.answers.len() as u32 >= self.reviewers && self.is_unanimous() {
            self.resolution = Some(Resolution { value, reason, by: reviewer, at: now });
        }
        Ok(self)
    }

    /// A reviewer takes their own answer back; the question waits again, for them too. What it settled is undone by
    /// whoever keeps that.
    ///
    /// # Errors
    /// If they have not answered, somebody else had a part in settling it, or it is about what cannot be undone: drafts
    /// that became criteria.
    pub fn take_back(mut self, person: &Author, now: Timestamp) -> Result<Self, InvalidTransition> {
        let refused = |from: String, to: &'static str| Err(InvalidTransition { what: "review", from, to });
        let Some(at) = self.answers.iter().position(|answer| answer.reviewer == *person) else {
            return refused(format!("not answered by {person}"), "be taken back by them");
        };
        if self.withdrawn.is_some() {
            return Err(self.refuse(now, "have an answer taken back"));
        }
        let had_settled = self.resolution.is_some();
        if had_settled && matches!(self.about, About::Draft { .. }) {
            return refused(format!("a settled question of kind `{}`", self.about.kind()), "be taken back");
        }
        if had_settled && self.answers.len() > 1 || self.resolution.as_ref().is_some_and(|end| end.by != *person) {
            return refused(
                "settled by several people".to_owned(),
                "be taken back by one of them; overrule the verdict",
            );
        }
        let answer = self.answers.remove(at);
        self.taken_back.push(TakenBack { answer, at: now, had_settled });
        self.resolution = None;
        Ok(self)
    }

    /// Whether this person may have seen what the judges said because their own answer had settled it once.
    #[must_use]
    pub fn had_settled(&self, person: &Author) -> bool {
        self.taken_back.iter().any(|one| one.had_settled && one.answer.reviewer == *person)
    }

    fn fits(&self, value: &Said, to: &'static str) -> Result<(), InvalidTransition> {
        if self.about.takes(value) {
            return Ok(());
        }
        Err(InvalidTransition { what: "review", from: format!("a question of kind `{}`", self.about.kind()), to })
    }

    /// An adjudicator decides a conflict (or closes an open review).
    ///
    /// # Errors
    /// If it is settled already, or if the adjudicator is one of its reviewers.
    pub fn resolve(
        mut self,
        by: &Author,
        value: Said,
        reason: String,
        now: Timestamp,
    ) -> Result<Self, InvalidTransition> {
        self.fits(&value, "be resolved with such a value")?;
        if !self.state(now).is_pending() {
            return Err(self.refuse(now, "be resolved again"));
        }
        if self.has_answered(by) {
            return Err(InvalidTransition {
                what: "review",
                from: format!("answered by {by}"),
                to: "be resolved by one of its own reviewers",
            });
        }
        if self.declined.iter().any(|d| d.conflict_of_interest && &d.reviewer == by) {
            return Err(InvalidTransition {
                what: "review",
                from: format!("declined by {by} for a conflict of interest"),
                to: "be resolved by them",
            });
        }
        self.lease = None;
        self.resolution = Some(Resolution { value, reason, by: by.clone(), at: now });
        Ok(self)
    }

    /// Closes it without an answer; answers that were given stay where they are.
    ///
    /// # Errors
    /// If it is settled or withdrawn already.
    pub fn withdraw(mut self, by: &Author, reason: String, now: Timestamp) -> Result<Self, InvalidTransition> {
        if !self.is_pending() {
            return Err(self.refuse(now, "be withdrawn"));
        }
        self.lease = None;
        self.withdrawn = Some(Withdrawal { by: by.clone(), reason, at: now });
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FixedClock, Id, IdSource, OverrideValue};
    use std::sync::Arc;
    use std::time::Duration;

    struct Bench {
        clock: Arc<FixedClock>,
        ids: IdSource,
    }

    fn given(token: LeaseToken, value: OverrideValue) -> GivenAnswer {
        GivenAnswer { token, value: Said::Verdict(value), reason: "seen".to_owned(), sighted: false }
    }

    impl Bench {
        fn new() -> Self {
            let clock = Arc::new(FixedClock::at("2026-01-01T00:00:00Z"));
            Self { ids: IdSource::new(clock.clone(), [1; 32]), clock }
        }
        fn now(&self) -> Timestamp {
            use crate::domain::Clock;
            self.clock.now()
        }
        fn review(&self, reviewers: u32) -> Review {
            let about = About::Criterion {
                grading_id: GradingId::from_uuid(uuid::Uuid::nil()),
                criterion_id: CriterionId::parse("c1").unwrap(),
            };
            Review { reviewers, ..Review::new(self.ids.next(), about, "split", self.now()) }
        }
        fn answer(&self, review: Review, who: &str, value: OverrideValue) -> Result<Review, InvalidTransition> {
            let token = self.ids.next();
            let until = self.now().checked_add(Duration::from_secs(60)).unwrap();
            review
                .claim(&Author::parse(who).unwrap(), token, self.now(), until)?
                .submit(given(token, value), self.now())
        }
    }

    #[test]
    fn two_reviewers_who_agree_settle_it_and_two_who_differ_need_a_third_person() {
        let bench = Bench::new();
        let agreed = bench.answer(bench.review(2), "ann", OverrideValue::Met).unwrap();
        assert_eq!(agreed.state(bench.now()), ReviewState::Submitted);
        let agreed = bench.answer(agreed, "bob", OverrideValue::Met).unwrap();
        assert_eq!(agreed.state(bench.now()), ReviewState::Agreed);

        let first = bench.answer(bench.review(2), "ann", OverrideValue::Met).unwrap();
        let conflict = bench.answer(first, "bob", OverrideValue::Unmet).unwrap();
        assert_eq!(conflict.state(bench.now()), ReviewState::Conflict);
        let bob = Author::parse("bob").unwrap();
        assert!(
            conflict
                .clone()
                .resolve(&bob, Said::Verdict(OverrideValue::Unmet), "mine".to_owned(), bench.now())
                .is_err()
        );
        let cat = Author::parse("cat").unwrap();
        let resolved =
            conflict.resolve(&cat, Said::Verdict(OverrideValue::Met), "page 2".to_owned(), bench.now()).unwrap();
        assert_eq!(resolved.state(bench.now()), ReviewState::Resolved);
    }

    #[test]
    fn a_lease_holds_until_it_expires_and_nobody_answers_twice() {
        let bench = Bench::new();
        let ann = Author::parse("ann").unwrap();
        let bob = Author::parse("bob").unwrap();
        let (mine, theirs): (LeaseToken, LeaseToken) = (bench.ids.next(), bench.ids.next());
        let until = bench.now().checked_add(Duration::from_secs(60)).unwrap();
        let held = bench.review(1).claim(&ann, mine, bench.now(), until).unwrap();
        assert!(held.clone().claim(&bob, theirs, bench.now(), until).is_err());
        bench.clock.advance(Duration::from_secs(61));
        assert!(held.clone().submit(given(mine, OverrideValue::Met), bench.now()).is_err());
        let later = bench.now().checked_add(Duration::from_secs(60)).unwrap();
        assert!(held.claim(&bob, theirs, bench.now(), later).is_ok());

        let once = bench.answer(bench.review(2), "ann", OverrideValue::Met).unwrap();
        assert!(bench.answer(once, "ann", OverrideValue::Met).is_err());
    }
    #[test]
    fn who_declines_is_not_asked_again_and_who_has_a_stake_does_not_adjudicate() {
        let bench = Bench::new();
        let [ann, bob] = ["ann", "bob"].map(|who| Author::parse(who).unwrap());
        let until = bench.now().checked_add(Duration::from_secs(60)).unwrap();
        let held = bench.review(1).claim(&ann, bench.ids.next(), bench.now(), until).unwrap();
        let declined = held.clone().decline(&ann, "my own work".to_owned(), true, bench.now()).unwrap();
        assert_eq!(declined.state(bench.now()), ReviewState::Open, "what ann held is free");
        assert!(declined.clone().claim(&ann, bench.ids.next(), bench.now(), until).is_err());
        assert!(declined.clone().decline(&ann, "again".to_owned(), false, bench.now()).is_err());
        assert!(
            declined.clone().resolve(&ann, Said::Verdict(OverrideValue::Met), "mine".to_owned(), bench.now()).is_err()
        );
        let settled = bench.answer(declined, "bob", OverrideValue::Met).unwrap();
        assert!(settled.decline(&bob, "late".to_owned(), false, bench.now()).is_err());

        let other = held.decline(&bob, "no time".to_owned(), false, bench.now()).unwrap();
        assert_eq!(other.state(bench.now()), ReviewState::Claimed, "ann still holds it");
        assert!(other.resolve(&bob, Said::Verdict(OverrideValue::Met), "page 2".to_owned(), bench.now()).is_ok());
    }
}
