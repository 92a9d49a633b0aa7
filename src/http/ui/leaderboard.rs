//! Which system is better, by how much, how sure: the plot, the table with intervals and rank ranges, and
//! what a reader must know, in words.

use actix_web::http::StatusCode;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::error::{paged, viewer};
use super::plot::leaderboard_svg;
use super::render::{Page, respond};
use super::words;
use crate::http::auth::Submitter;
use crate::http::problem::Problem;
use crate::ranking::leaderboard::{Board, Leaderboard, Method, Row, Rules, Slice, Wanted, leaderboard};
use crate::store::ProjectStore;

#[derive(Debug, Serialize)]
pub(super) struct LeaderboardPage {
    pub method: &'static str,
    pub overrides: &'static str,
    pub by: &'static str,
    pub boards: Vec<BoardView>,
    /// Made and escaped by `plot`.
    pub svg: String,
}

#[derive(Debug, Serialize)]
pub(super) struct BoardView {
    pub heading: String,
    /// What it rests on, in words.
    pub material: String,
    pub several_groups: bool,
    pub rows: Vec<RowView>,
    pub notes: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct RowView {
    pub system: String,
    pub rating: Option<String>,
    pub interval: Option<String>,
    /// Why there is no rating or no interval.
    pub why: Option<String>,
    pub rank: Option<String>,
    pub n: String,
    pub record: Option<String>,
    pub group: usize,
    pub regularised: bool,
}

impl Page for LeaderboardPage {
    const TEMPLATE: &'static str = "leaderboard.html";
    const SECTION: &'static str = "leaderboard";
    fn title(&self) -> String {
        "Leaderboard".to_owned()
    }
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    method: String,
    #[serde(default)]
    overrides: String,
    #[serde(default)]
    by: String,
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/leaderboard").route(web::get().to(show)).wrap(from_fn(paged)));
}

async fn show(request: HttpRequest, caller: Submitter, asked: web::Query<Asked>) -> Result<HttpResponse, Problem> {
    let by = match asked.by.as_str() {
        "" => None,
        "sector" => Some(Slice::Sector),
        "occupation" => Some(Slice::Occupation),
        other => {
            let detail = format!("{:?} is no slice; use sector or occupation", words::clip(other, 40));
            return Err(Problem::invalid("/by", detail));
        }
    };
    let with_overrides = match asked.overrides.as_str() {
        "" | "with" => true,
        "without" => false,
        other => {
            let detail = format!("overrides {:?} is not known; use with or without", words::clip(other, 40));
            return Err(Problem::invalid("/overrides", detail));
        }
    };
    let wanted = Wanted { by, with_overrides, ..Wanted::default() };
    let board = match asked.method.as_str() {
        "" => best_founded(&caller.project, wanted).await?,
        method => leaderboard(&caller.project, &rated(wanted, Method::parse(method)?)).await?,
    };
    Ok(respond(StatusCode::OK, Some(&viewer(&request, &caller)), &page(&board, by)))
}

fn rated(wanted: Wanted, method: Method) -> Wanted {
    Wanted { rules: Rules { method, ..wanted.rules }, ..wanted }
}

/// Ratings from comparisons; mean scores while nothing has been compared.
async fn best_founded(project: &ProjectStore, wanted: Wanted) -> Result<Leaderboard, Problem> {
    let compared = leaderboard(project, &wanted).await?;
    if compared.boards.iter().any(|board| !board.rows.is_empty()) {
        return Ok(compared);
    }
    Ok(leaderboard(project, &rated(wanted, Method::Score)).await?)
}

pub(super) fn page(board: &Leaderboard, by: Option<Slice>) -> LeaderboardPage {
    let shares = !Method::parse(board.method).is_ok_and(Method::is_on_elo_scale);
    LeaderboardPage {
        method: board.method,
        overrides: board.overrides,
        by: match by {
            None => "",
            Some(Slice::Sector) => "sector",
            Some(Slice::Occupation) => "occupation",
        },
        boards: board.boards.iter().map(|one| view(one, by, shares)).collect(),
        svg: leaderboard_svg(board),
    }
}

fn view(board: &Board, by: Option<Slice>, shares: bool) -> BoardView {
    let heading = match (&board.slice, by) {
        (Some(slice), _) => slice.clone(),
        (None, None) => "All tasks".to_owned(),
        (None, Some(Slice::Sector)) => "No sector".to_owned(),
        (None, Some(Slice::Occupation)) => "No occupation".to_owned(),
    };
    let count = |n: usize, one: &str| format!("{} {one}{}", words::count(n as u64), if n == 1 { "" } else { "s" });
    let mut material = vec![count(board.tasks, "task")];
    if board.battles > 0 {
        material.push(count(board.battles, "comparison"));
    }
    if board.both_bad > 0 {
        material.push(format!("{} both bad, left out", words::count(board.both_bad as u64)));
    }
    BoardView {
        heading,
        material: material.join(", "),
        several_groups: board.rows.iter().any(|row| row.group > 0),
        rows: board.rows.iter().map(|row| row_view(row, shares)).collect(),
        notes: board.notes.clone(),
    }
}

fn row_view(row: &Row, shares: bool) -> RowView {
    let number = |value: f64| if shares { format!("{} %", words::percent(value)) } else { format!("{value:.0}") };
    RowView {
        system: row.system.clone(),
        rating: row.rating.map(number),
        interval: row.interval.as_ref().map(|interval| match (interval.low, interval.high) {
            (Some(low), Some(high)) => format!("{} to {}", number(low), number(high)),
            (Some(low), None) => format!("from {}, no upper bound", number(low)),
            (None, Some(high)) => format!("up to {}, no lower bound", number(high)),
            (None, None) => "no bound".to_owned(),
        }),
        why: row.undefined.clone(),
        rank: row.rank.map(|(best, worst)| if best == worst { best.to_string() } else { format!("{best}–{worst}") }),
        n: words::count(row.n as u64),
        record: match (row.wins, row.ties, row.losses) {
            (Some(wins), Some(ties), Some(losses)) => {
                Some(format!("{} / {} / {}", words::points(wins), words::points(ties), words::points(losses)))
            }
            _ => None,
        },
        group: row.group + 1,
        regularised: row.regularised,
    }
}
