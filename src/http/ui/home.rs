//! What runs, what waits for a human, what was spent, and whether the service can work. A key that only reviews is shown
//! what waits: who made which work, and how it scored, would end its blindness.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::error::{paged, viewer};
use super::gradings::{GradingRow, row, title};
use super::render::{Page, respond};
use super::words::{self, Mark, Time};
use crate::domain::{Grading, Status, Timestamp};
use crate::http::Door;
use crate::http::auth::{Caller, Role, Submitter};
use crate::http::problem::Problem;
use crate::refusal::Refusal;
use crate::review::{next, order};
use crate::services::Services;
use crate::services::views::Seen;
use crate::store::{ProjectStore, Query};

/// Gradings that are shown of each kind.
const SHOWN: usize = 8;
/// Gradings of the month that are added up; the page is there at once, and says when there are more.
const LOOKED_AT: usize = 200;

#[derive(Debug, Serialize)]
pub(super) struct HomePage {
    /// Running ones first, then those that wait for their turn.
    pub running: Vec<GradingRow>,
    pub recent: Vec<GradingRow>,
    /// Whether there is any work to tell of; a reviewer is told of questions only.
    pub tells_work: bool,
    /// `None` for who may not answer.
    pub waiting: Option<Waiting>,
    /// `None` for who is told of questions only, and while it is being added up.
    pub spend: Option<Spend>,
    pub health: Vec<Health>,
    /// Something runs.
    pub live: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Waiting {
    pub pending: usize,
    pub for_you: usize,
    /// Reviewers differ.
    pub conflicts: usize,
    pub next: Option<String>,
}

/// What the gradings of this month cost.
#[derive(Debug, Serialize)]
pub(super) struct Spend {
    pub month: String,
    pub usd: String,
    pub gradings: usize,
    /// Of these, those with a call of unknown price: not in the sum.
    pub unknown: usize,
    /// There are more than were looked at.
    pub more: bool,
    /// Of a project that has a budget: what is left of it.
    pub left: Option<String>,
    /// When it was added up, if newer work is not in it.
    pub as_of: Option<Time>,
}

#[derive(Debug, Serialize)]
pub(super) struct Health {
    pub what: String,
    pub state: Mark,
}

impl Page for HomePage {
    const TEMPLATE: &'static str = "home.html";
    const SECTION: &'static str = "home";
    fn title(&self) -> String {
        "Home".to_owned()
    }
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/").route(web::get().to(home)).wrap(from_fn(paged)));
}

async fn home(
    request: HttpRequest,
    services: web::Data<Services>,
    door: web::Data<Door>,
    caller: Submitter,
) -> Result<HttpResponse, Problem> {
    let project = &caller.project;
    let tells_work = caller.role != Role::Reviewer;
    let (mut running, mut recent, mut spend) = (vec![], vec![], None);
    if tells_work {
        let mut titles = HashMap::new();
        for status in [Status::Running, Status::Queued] {
            let query = Query::link("status", status.as_str()).limit(SHOWN - running.len().min(SHOWN - 1));
            for kept in project.list::<Grading>(query).await?.items {
                let title = title(project, &mut titles, &kept.record.rubric).await?;
                running.push(row(&services, &kept.record, title));
            }
        }
        let newest = project.list::<Grading>(Query::default().newest_first().limit(SHOWN * 4)).await?;
        let ended = newest.items.into_iter().map(|kept| kept.record).filter(|one| one.status().is_settled());
        for grading in ended.take(SHOWN) {
            let title = title(project, &mut titles, &grading.rubric).await?;
            recent.push(row(&services, &grading, title));
        }
        spend = spent(&services, project).await?;
    }
    let waiting = match caller.role >= Role::Reviewer {
        true => Some(waiting(&services, &caller).await?),
        false => None,
    };
    let page = HomePage {
        live: !running.is_empty(),
        running,
        recent,
        tells_work,
        waiting,
        spend,
        health: health(&services, &door).await,
    };
    Ok(respond(StatusCode::OK, Some(&viewer(&request, &caller)), &page))
}

async fn waiting(services: &Services, caller: &Caller) -> Result<Waiting, Problem> {
    let project = &caller.project;
    let mut line = next::Line::of(services, project, &caller.author, None).await.map_err(Refusal::from)?;
    Ok(Waiting {
        pending: order::count(project, order::QUEUE).await.map_err(Refusal::from)?,
        for_you: next::left(services, project, &caller.author, None).await?.all,
        conflicts: order::conflicts(project).await.map_err(Refusal::from)?,
        next: line.next().await.map_err(Refusal::from)?.map(|review| review.id.to_string()),
    })
}

/// What the newest gradings of this month cost, as many as one look gets; `None`: it is being added up.
async fn spent(services: &Services, project: &ProjectStore) -> Result<Option<Spend>, Problem> {
    let this = month(services.now());
    let (of, name) = (this.clone(), format!("spent in {this}"));
    let find = move |project: ProjectStore| async move { Sums::of(&project, &of).await };
    let Seen::Found(sums, as_of) = services.views.see(services, project, &name, find).await? else { return Ok(None) };
    let purse = services.purses.of(project, services.now(), &services.replicas).await?;
    let left = purse.limit().map(|limit| words::usd(Some((limit - purse.spent()).max(0.0))));
    let Sums { usd, gradings, unknown, more } = *sums;
    let as_of = as_of.map(words::to_the_second);
    Ok(Some(Spend { usd: words::usd(Some(usd)), gradings, unknown, more, left, month: this, as_of }))
}

fn month(time: Timestamp) -> String {
    time.to_string().chars().take(7).collect()
}

struct Sums {
    usd: f64,
    gradings: usize,
    unknown: usize,
    more: bool,
}

impl Sums {
    async fn of(project: &ProjectStore, this: &str) -> Result<Self, Refusal> {
        let page = project.list::<Grading>(Query::default().newest_first().limit(LOOKED_AT)).await?;
        let all = page.items.len();
        let of_month = page.items.iter().map(|kept| &kept.record).take_while(|one| month(one.created_at) == this);
        let mut sums = Self { usd: 0.0, gradings: 0, unknown: 0, more: false };
        for result in of_month.filter_map(Grading::result) {
            sums.gradings += 1;
            match result.cost_usd {
                Some(cost) => sums.usd += cost,
                None => sums.unknown += 1,
            }
        }
        sums.more = sums.gradings == all && page.next.is_some();
        Ok(sums)
    }
}

async fn health(services: &Services, door: &Door) -> Vec<Health> {
    let state = |fine: bool, label: &str| {
        let (kind, glyph) = if fine { ("met", "✓") } else { ("failed", "!") };
        Mark { kind, glyph, label: label.to_owned(), title: String::new() }
    };
    let store = match services.store.ready().await {
        Ok(()) => state(true, "answers"),
        Err(error) => state(false, &error.to_string()),
    };
    let work = match (door.stopping.is_cancelled(), services.running.is_worked()) {
        (true, _) => state(false, "stopping"),
        (false, true) => state(true, "taken up"),
        (false, false) => state(false, "not taken up"),
    };
    let judges = services.judges.len();
    vec![
        Health { what: "Store".to_owned(), state: store },
        Health { what: "Queued work".to_owned(), state: work },
        Health { what: "Judges".to_owned(), state: state(judges > 0, &format!("{judges} configured")) },
    ]
}
