//! The queue: what waits for a human, what is at stake first.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::around::After;
use super::error::{paged, viewer};
use super::render::{Page, respond};
use super::seen;
use super::words::{self, Mark, Time};
use crate::domain::{Grading, GradingId, Review, ReviewState, RubricVersion};
use crate::http::auth::Reviewer;
use crate::http::problem::Problem;
use crate::ranking::reviewing::{Separation, separation};
use crate::review::blind::is_blind;
use crate::review::next;
use crate::review::order::{self, QUEUE, SETTLED};
use crate::services::Services;
use crate::services::views::Seen;
use crate::store::{ProjectStore, rubric_key};

const PAGE: usize = 30;

#[derive(Debug, Serialize)]
pub(super) struct ReviewsPage {
    /// `pending`, `settled` or `all`.
    pub show: &'static str,
    pub rows: Vec<ReviewRow>,
    pub total: usize,
    /// Questions that this person can answer, and whether they hold one of them.
    pub for_you: usize,
    pub held: bool,
    /// How far the systems are told apart by what humans said, in words.
    pub separation: Option<String>,
    /// What was answered just before.
    pub after: Option<After>,
    pub earlier: Option<usize>,
    pub later: Option<usize>,
}

#[derive(Debug, Serialize)]
pub(super) struct ReviewRow {
    pub id: String,
    pub reason: String,
    pub criterion: String,
    pub requirement: String,
    pub task: Option<String>,
    pub priority: String,
    pub state: Mark,
    pub answers: usize,
    pub reviewers: u32,
    pub probability: String,
    pub created: Time,
}

impl Page for ReviewsPage {
    const TEMPLATE: &'static str = "reviews.html";
    const SECTION: &'static str = "reviews";
    fn title(&self) -> String {
        "Reviews".to_owned()
    }
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    show: String,
    #[serde(default)]
    from: usize,
    after: Option<String>,
    /// 1: tell how far systems are told apart, which reads every grading.
    #[serde(default)]
    separation: u8,
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/reviews").route(web::get().to(list)).wrap(from_fn(paged)));
}

async fn list(
    request: HttpRequest,
    services: web::Data<Services>,
    caller: Reviewer,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let (show, indexes): (_, &[&str]) = match asked.show.as_str() {
        "settled" => ("settled", &[SETTLED]),
        "all" => ("all", &[QUEUE, SETTLED]),
        _ => ("pending", &[QUEUE]),
    };
    let mut total = 0;
    for index in indexes {
        total += order::count(&caller.project, index).await?;
    }
    let from = if asked.from < total { asked.from } else { 0 };
    let now = services.now();
    let mut requirements = Requirements::default();
    let mut rows = Vec::new();
    for review in order::some(&caller.project, indexes, from, PAGE).await? {
        let requirement = requirements.of(&caller.project, &review).await?;
        let blind = is_blind(&review, &caller.author, now);
        rows.push(row(&review, requirement, review.state(now), blind));
    }
    let left = next::left(&services, &caller.project, &caller.author, None).await?;
    let apart = if asked.separation == 1 {
        let find = |project: ProjectStore| async move { separation(&project).await };
        match services.views.see(&services, &caller.project, "separation", find).await? {
            Seen::Found(found, _) => told(&found),
            Seen::NotYet => return Ok(seen::waiting(&request, &caller)),
        }
    } else {
        None
    };
    let page = ReviewsPage {
        show,
        for_you: left.all,
        held: left.holding > 0,
        separation: apart,
        after: match &asked.after {
            Some(id) => After::of(&caller, id).await?,
            None => None,
        },
        rows,
        total,
        earlier: (from > 0).then(|| from.saturating_sub(PAGE)),
        later: (from + PAGE < total).then_some(from + PAGE),
    };
    Ok(respond(StatusCode::OK, Some(&viewer(&request, &caller)), &page))
}

/// How far it is until systems are told apart, without a system's name.
fn told(separation: &Separation) -> Option<String> {
    let Separation { pairs, apart, more } = separation;
    let so_far = format!("{apart} of {pairs} pairs of neighbouring systems are told apart by what humans said");
    match (pairs, more) {
        (0, _) => None,
        (_, Ok(0)) => Some(format!("{so_far}.")),
        (_, Ok(more)) => {
            Some(format!("{so_far}; about {more} more reviews of each of two would tell the next pair apart."))
        }
        (_, Err(why)) => Some(format!("{so_far}. How many more reviews that takes cannot be said yet: {why}.")),
    }
}

/// Why a question was opened, and with which probability, would tell a blind reviewer how the judges voted.
fn row(review: &Review, requirement: String, state: ReviewState, blind: bool) -> ReviewRow {
    let hidden = || "after your answer".to_owned();
    ReviewRow {
        id: review.id.to_string(),
        reason: if blind { hidden() } else { words::review_reason(&review.reason) },
        criterion: review.criterion().map_or_else(String::new, |(_, id)| id.to_string()),
        requirement: words::clip(&requirement, 180),
        task: review.task_id.as_ref().map(ToString::to_string),
        priority: words::points(review.stake()),
        state: words::review_state(state),
        answers: review.answers.len(),
        reviewers: review.reviewers,
        probability: if blind { "–".to_owned() } else { words::probability(review.selection_probability) },
        created: words::time(review.created_at),
    }
}

/// Requirements of a page's reviews; many of them belong to a few gradings.
#[derive(Default)]
struct Requirements(HashMap<GradingId, Option<String>>, HashMap<String, RubricVersion>);

impl Requirements {
    async fn of(&mut self, project: &ProjectStore, review: &Review) -> Result<String, Problem> {
        let Some((grading_id, criterion_id)) = review.criterion() else { return Ok(words::asked(&review.about)) };
        let key = match self.0.get(&grading_id) {
            Some(key) => key.clone(),
            None => {
                let grading = project.get::<Grading>(&grading_id.to_string()).await?;
                let key = grading.map(|kept| rubric_key(kept.record.rubric.id, kept.record.rubric.version));
                self.0.insert(grading_id, key.clone());
                key
            }
        };
        let Some(key) = key else { return Ok(String::new()) };
        if !self.1.contains_key(&key)
            && let Some(kept) = project.get::<RubricVersion>(&key).await?
        {
            self.1.insert(key.clone(), kept.record);
        }
        let criterion = self.1.get(&key).and_then(|rubric| rubric.rubric.criterion(criterion_id));
        Ok(criterion.map(|criterion| criterion.requirement.clone()).unwrap_or_default())
    }
}
