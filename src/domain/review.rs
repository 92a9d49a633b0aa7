//! A question for a human: blind first pass by N reviewers, then adjudication if they differ.

use serde::{Deserialize, Serialize};

use super::{
    Author, CriterionId, GradingId, InvalidTransition, LeaseToken, OverrideValue, ReviewId, TaskId, Timestamp,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Review {
    pub id: ReviewId,
    pub grading_id: GradingId,
    pub task_id: Option<TaskId>,
    pub criterion_id: CriterionId,
    /// Why it was opened: `split`, `inconclusive`, `unverified_evidence`, `audit`, `by_hand`.
    pub reason: String,
    /// The probability with which the policy selected this item: 1 for a rule that always selects such items,
    /// the share for a random audit, `None` for a hand-picked one, which never enters a corrected estimate.
    pub selection_probability: Option<f64>,
    /// Points at stake: what decides the order of the queue.
    pub priority: f64,
    /// Different reviewers that must answer, 1 to 5.
    pub reviewers: u32,
    pub lease: Option<Lease>,
    pub answers: Vec<ReviewAnswer>,
    pub resolution: Option<Resolution>,
    pub created_at: Timestamp,
    /// Reviewers who will not answer it, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declined: Vec<Decline>,
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
    pub expires_at: Timestamp,
}

/// One reviewer's blind answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviewAnswer {
    pub reviewer: Author,
    pub value: OverrideValue,
    pub reason: String,
    pub created_at: Timestamp,
}

/// How a review ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resolution {
    pub value: OverrideValue,
    pub reason: String,
    /// The adjudicator, or the reviewers who agreed.
    pub by: Author,
    pub at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    Open,
    Claimed,
    /// Some reviewers have answered, more are needed.
    Submitted,
    Agreed,
    Conflict,
    Resolved,
}

impl ReviewState {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Claimed => "claimed",
            Self::Submitted => "submitted",
            Self::Agreed => "agreed",
            Self::Conflict => "conflict",
            Self::Resolved => "resolved",
        }
    }

    /// Whether a human is still needed.
    #[must_use]
    pub fn is_pending(self) -> bool {
        !matches!(self, Self::Agreed | Self::Resolved)
    }
}

impl Review {
    /// Its state, which follows from what has been appended to it and from the time: a lease that has
    /// expired holds nothing.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> ReviewState {
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

    fn is_unanimous(&self) -> bool {
        self.answers.windows(2).all(|pair| pair[0].value == pair[1].value)
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
        if self.answers.iter().any(|a| &a.reviewer == reviewer) {
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
        self.lease = Some(Lease { token, reviewer: reviewer.clone(), expires_at: until });
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
        if self.answers.iter().any(|a| &a.reviewer == reviewer) {
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
    ///
    /// # Errors
    /// If the token does not hold it (any more).
    pub fn submit(
        mut self,
        token: LeaseToken,
        value: OverrideValue,
        reason: String,
        now: Timestamp,
    ) -> Result<Self, InvalidTransition> {
        let reviewer = match self.live_lease(now) {
            Some(lease) if lease.token == token => lease.reviewer.clone(),
            _ => return Err(self.refuse(now, "be submitted with this lease token")),
        };
        self.lease = None;
        self.answers.push(ReviewAnswer {
            reviewer: reviewer.clone(),
            value: value.clone(),
            reason: reason.clone(),
            created_at: now,
        });
        if self.answers.len() as u32 >= self.reviewers && self.is_unanimous() {
            self.resolution = Some(Resolution { value, reason, by: reviewer, at: now });
        }
        Ok(self)
    }

    /// An adjudicator decides a conflict (or closes an open review).
    ///
    /// # Errors
    /// If it is settled already, or if the adjudicator is one of its reviewers.
    pub fn resolve(
        mut self,
        by: &Author,
        value: OverrideValue,
        reason: String,
        now: Timestamp,
    ) -> Result<Self, InvalidTransition> {
        if !self.state(now).is_pending() {
            return Err(self.refuse(now, "be resolved again"));
        }
        if self.answers.iter().any(|a| &a.reviewer == by) {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FixedClock, Id, IdSource};
    use std::sync::Arc;
    use std::time::Duration;

    struct Bench {
        clock: Arc<FixedClock>,
        ids: IdSource,
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
            Review {
                id: self.ids.next(),
                grading_id: GradingId::from_uuid(uuid::Uuid::nil()),
                task_id: None,
                criterion_id: CriterionId::parse("c1").unwrap(),
                reason: "split".to_owned(),
                selection_probability: Some(1.0),
                priority: 5.0,
                reviewers,
                lease: None,
                answers: vec![],
                resolution: None,
                created_at: self.now(),
                declined: vec![],
            }
        }
        fn answer(&self, review: Review, who: &str, value: OverrideValue) -> Result<Review, InvalidTransition> {
            let token = self.ids.next();
            let until = self.now().checked_add(Duration::from_secs(60)).unwrap();
            review.claim(&Author::parse(who).unwrap(), token, self.now(), until)?.submit(
                token,
                value,
                "seen".to_owned(),
                self.now(),
            )
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
        assert!(conflict.clone().resolve(&bob, OverrideValue::Unmet, "mine".to_owned(), bench.now()).is_err());
        let cat = Author::parse("cat").unwrap();
        let resolved = conflict.resolve(&cat, OverrideValue::Met, "page 2".to_owned(), bench.now()).unwrap();
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
        assert!(held.clone().submit(mine, OverrideValue::Met, "late".to_owned(), bench.now()).is_err());
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
        assert!(declined.clone().resolve(&ann, OverrideValue::Met, "mine".to_owned(), bench.now()).is_err());
        let settled = bench.answer(declined, "bob", OverrideValue::Met).unwrap();
        assert!(settled.decline(&bob, "late".to_owned(), false, bench.now()).is_err());

        let other = held.decline(&bob, "no time".to_owned(), false, bench.now()).unwrap();
        assert_eq!(other.state(bench.now()), ReviewState::Claimed, "ann still holds it");
        assert!(other.resolve(&bob, OverrideValue::Met, "page 2".to_owned(), bench.now()).is_ok());
    }
}
