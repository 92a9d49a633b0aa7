//! What stands around every question to a human: the deliverable beside it, the way to the other questions, what was
//! answered just before and can still be taken back.

use serde::Serialize;

use super::review::review_id;
use super::viewer::Desk;
use super::words::{self, Mark};
use crate::domain::{About, ReviewState};
use crate::http::auth::Caller;
use crate::http::matter::Matter;
use crate::http::problem::Problem;
use crate::review::{next, queue};
use crate::services::Services;

#[derive(Debug, Serialize)]
pub(super) struct Around {
    pub id: String,
    /// Where the deliverable is shown, with two panes for two of them; none where there is nothing.
    pub work: Option<String>,
    pub previous: Option<String>,
    pub next: Option<String>,
    /// Questions that this person can answer.
    pub left: usize,
    /// Of these, about the same deliverable.
    pub left_here: usize,
    pub after: Option<After>,
    pub may_decline: bool,
    /// This person's own answer can be taken back.
    pub may_undo: bool,
}

/// The question that was answered just before.
#[derive(Debug, Serialize)]
pub(super) struct After {
    pub id: String,
    pub asked: String,
    pub said: Mark,
    pub may_undo: bool,
}

impl Around {
    /// # Errors
    /// If the store cannot, or what was answered before is no question.
    pub async fn of(
        services: &Services,
        caller: &Caller,
        matter: &Matter,
        after: Option<&str>,
    ) -> Result<Self, Problem> {
        let review = &matter.review;
        let (project, person) = (&caller.project, &caller.author);
        let (before, next) = next::around(services, project, person, review).await?;
        let left = next::left(services, project, person, Some(review)).await?;
        let now = services.now();
        let pending = review.state(now).is_pending() && review.state(now) != ReviewState::Conflict;
        Ok(Self {
            id: review.id.to_string(),
            work: work(matter),
            previous: before.map(|id| id.to_string()),
            next: next.map(|id| id.to_string()),
            left: left.all,
            left_here: left.here,
            after: match after {
                Some(id) => After::of(caller, id).await?,
                None => None,
            },
            may_decline: pending && !review.is_done_by(person),
            may_undo: review.clone().take_back(person, now).is_ok(),
        })
    }
}

impl After {
    /// `None` if this person did not answer it.
    ///
    /// # Errors
    /// If there is no such question.
    pub async fn of(caller: &Caller, id: &str) -> Result<Option<Self>, Problem> {
        let review = queue::get(&caller.project, review_id(id)?).await?.record;
        let own = review.answers.iter().find(|answer| answer.reviewer == caller.author);
        let Some(own) = own else { return Ok(None) };
        Ok(Some(Self {
            id: review.id.to_string(),
            asked: match &review.about {
                About::Criterion { criterion_id, .. } => criterion_id.to_string(),
                other => words::asked(other),
            },
            said: match &review.about {
                // A and B are not yet told.
                About::Preference { .. } => words::no_vote("answered"),
                _ => words::said(&own.value),
            },
            may_undo: review.clone().take_back(&caller.author, own.created_at).is_ok(),
        }))
    }
}

/// The deliverable; both, side by side, where two are compared.
fn work(matter: &Matter) -> Option<String> {
    let desk = Desk::of_matter(format!("/reviews/{}/work", matter.review.id), matter);
    if desk.files.is_empty() {
        return None;
    }
    let mut groups: Vec<&str> = desk.files.iter().map(|file| file.group.as_str()).collect();
    groups.dedup();
    let first = desk.first();
    let second = match matter.submissions.len() {
        0 | 1 => None,
        _ => groups.get(1).and_then(|group| desk.first_of(group)),
    };
    Some(match second {
        Some(second) => format!("{}?file={first}&file2={second}", desk.base),
        None => format!("{}?file={first}", desk.base),
    })
}
