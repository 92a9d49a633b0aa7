//! What a battle may carry beside its outcome: which judge said it in which order, and how much longer the one work is.
//! Read on request alone, because it lies with votes and submissions and not with the results of comparisons.
//!
//! - **Answers.** Each answer of a judge in each order is a battle of its own, with the work that was shown first as its
//!   first side: that is what tells a leaning to the first place. Battles of one pair on one task share one weight, so
//!   that more answers make no pair weigh more.
//! - **Length.** The characters of the final message where a submission is text alone; where it has files, their bytes,
//!   because their text is not kept. Characters and bytes are never set against each other. As in Arena's style control
//!   the covariate is the difference over the sum: 0 for equals, towards ±1 where one is far longer.

use std::collections::HashMap;

use crate::domain::{
    Answer, Comparison, ComparisonId, JudgeName, Order, Preference, Question, Subject, Submission, SubmissionId, Vote,
    VoteOutcome,
};
use crate::grading::call::subject_prefix;
use crate::refusal::Refusal;
use crate::store::{ProjectStore, Query};

/// One answer of one judge.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub judge: JudgeName,
    pub order: Order,
    /// Of the comparison's `a` and `b`, whichever was shown first.
    pub preference: Preference,
}

/// How long a submission is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Of the final message of a submission without files.
    Characters(u64),
    /// Of its files.
    Bytes(u64),
}

impl Length {
    /// `None`: there is nothing in it.
    #[must_use]
    pub fn of(submission: &Submission) -> Option<Self> {
        if submission.files.is_empty() {
            let characters = submission.text.as_ref()?.chars().count() as u64;
            return (characters > 0).then_some(Self::Characters(characters));
        }
        let bytes = submission.files.iter().map(|file| file.bytes).sum();
        (bytes > 0).then_some(Self::Bytes(bytes))
    }

    /// How much longer than another, from -1 to 1; `None` if the two cannot be set against each other.
    #[must_use]
    pub fn beyond(self, other: Self) -> Option<f32> {
        let (own, other) = match (self, other) {
            (Self::Characters(own), Self::Characters(other)) | (Self::Bytes(own), Self::Bytes(other)) => (own, other),
            (Self::Characters(_), Self::Bytes(_)) | (Self::Bytes(_), Self::Characters(_)) => return None,
        };
        let (own, other) = (own as f64, other as f64);
        Some(((own - other) / (own + other)) as f32)
    }
}

/// The answers of the judges of these comparisons.
///
/// # Errors
/// If the store cannot.
pub async fn answers(
    project: &ProjectStore,
    comparisons: &[Comparison],
) -> Result<HashMap<ComparisonId, Vec<Said>>, Refusal> {
    let mut found = HashMap::with_capacity(comparisons.len());
    for comparison in comparisons {
        let prefix = subject_prefix(Subject::Comparison(comparison.id));
        let votes = project.all::<Vote>(Query::prefix(prefix)).await?;
        found.insert(comparison.id, votes.iter().filter_map(said).collect());
    }
    Ok(found)
}

fn said(vote: &Vote) -> Option<Said> {
    match (&vote.key.question, &vote.outcome) {
        (Question::Order(order), VoteOutcome::Answered(opinion)) => match &opinion.answer {
            Answer::Prefers(preference) => {
                Some(Said { judge: vote.key.judge.clone(), order: *order, preference: *preference })
            }
            _ => None,
        },
        _ => None,
    }
}

/// How long the submissions of a project are.
///
/// # Errors
/// If the store cannot.
pub async fn lengths(project: &ProjectStore) -> Result<HashMap<SubmissionId, Length>, Refusal> {
    let all = project.all::<Submission>(Query::default()).await?;
    Ok(all.iter().filter_map(|one| Some((one.id, Length::of(one)?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_set_against_each_other_in_one_unit_only() {
        let close = |found: Option<f32>, wanted: f32| (found.unwrap() - wanted).abs() < 1e-6;
        assert!(close(Length::Characters(300).beyond(Length::Characters(100)), 0.5));
        assert!(close(Length::Characters(100).beyond(Length::Characters(300)), -0.5));
        assert!(close(Length::Bytes(7).beyond(Length::Bytes(7)), 0.0));
        assert_eq!(Length::Bytes(100).beyond(Length::Characters(100)), None);
    }
}
