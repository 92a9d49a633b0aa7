//! `empanel leaderboard --battles FILE`: ratings from a file, without a service.

use std::io::Read;
use std::path::PathBuf;

use super::{Failure, show};
use crate::domain::SystemName;
use crate::http::wire::harmless;
use crate::ranking::board::{Board, JudgeAware, Method, Row, Rules, VersusVerdict, board_of};
use crate::ranking::import::{self, Form};
use crate::stats::rating::{Meetings, split_half};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// CSV or JSONL with model_a, model_b, winner (model_a, model_b, tie, both_bad)[, task_id, judge]
    #[arg(long, value_name = "FILE")]
    battles: PathBuf,
    /// bradley_terry, davidson, rao_kupper, newman, elo, glicko2, win_rate or wins_or_ties
    #[arg(long, default_value = "bradley_terry")]
    method: String,
    /// The system that stands at the anchor's rating
    #[arg(long)]
    anchor: Option<SystemName>,
    #[arg(long, default_value_t = 1000.0, allow_negative_numbers = true)]
    anchor_rating: f64,
    /// Confidence of intervals and verdicts
    #[arg(long, default_value_t = 0.95, value_parser = level)]
    level: f64,
    /// Show the bootstrap by task beside the interval clustered by task
    #[arg(long, value_name = "ROUNDS", alias = "rounds", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    bootstrap: Option<u32>,
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Whom wins_or_ties is against
    #[arg(long, default_value = "human")]
    against: SystemName,
    /// Model how judges differ in discrimination and leaning to the first place
    #[arg(long, default_value = "auto", value_parser = ["auto", "on", "off"])]
    judge_aware: String,
    /// A number that rows carry for both sides and that is to be held constant: `length` reads length_a and length_b
    #[arg(long, value_name = "NAME")]
    control: Vec<String>,
    /// Precision of the prior on the controls' effects; 0 holds nothing back
    #[arg(long, default_value_t = 1.0)]
    control_ridge: f64,
    /// A judge whose battles are human answers, drawn at random: the ratings are corrected by them
    #[arg(long, value_name = "JUDGE")]
    human: Vec<String>,
    /// Also say whether two random halves of the tasks give the same ratings
    #[arg(long)]
    split_half: bool,
    /// pretty, json or csv
    #[arg(long, default_value = "pretty", value_parser = ["pretty", "json", "csv"])]
    format: String,
}

fn level(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|level| *level > 0.0 && *level < 1.0)
        .ok_or_else(|| "a level is between 0 and 1, such as 0.95".to_owned())
}

pub(super) fn leaderboard(args: &Args) -> Result<(), Failure> {
    let method = Method::parse(&args.method).map_err(Failure::mistake)?;
    if method == Method::Score {
        return Err(Failure::Mistake("a file of battles has no scores; use bradley_terry or win_rate".to_owned()));
    }
    let unreadable = |e: std::io::Error| Failure::Mistake(format!("cannot read {}: {e}", args.battles.display()));
    let mut file = std::fs::File::open(&args.battles).map_err(unreadable)?;
    // The first byte that is no space tells the form.
    let mut start = Vec::new();
    let mut byte = [0];
    while file.read(&mut byte).map_err(unreadable)? > 0 {
        start.push(byte[0]);
        if !byte[0].is_ascii_whitespace() || start.len() > 4_096 {
            break;
        }
    }
    let form = if start.last() == Some(&b'{') { Form::Jsonl } else { Form::Csv };
    let gathered = import::gather(start.as_slice().chain(file), form, &args.control)
        .map_err(|e| Failure::Mistake(format!("{}: {e}", args.battles.display())))?;
    let rules = Rules {
        method,
        anchor: args.anchor.clone(),
        anchor_rating: args.anchor_rating,
        level: args.level,
        bootstrap: args.bootstrap.map(|rounds| rounds as usize),
        seed: args.seed,
        against: Some(args.against.clone()),
        judge_aware: match args.judge_aware.as_str() {
            "on" => JudgeAware::On,
            "off" => JudgeAware::Off,
            _ => JudgeAware::Auto,
        },
        control_ridge: args.control_ridge,
        humans: args.human.clone(),
    };
    let mut board = board_of(None, &gathered, &rules).map_err(Failure::mistake)?;
    if args.split_half {
        let meetings = Meetings::group(gathered.systems.len(), &gathered.battles);
        board.notes.push(match split_half(&meetings, args.level, SPLITS, args.seed) {
            Ok(found) => format!(
                "two random halves of the tasks agree within their intervals for {:.0} % of systems ({SPLITS} splits, {:.0} points apart on average)",
                100.0 * found.share(),
                found.apart
            ),
            Err(why) => format!("two halves of the tasks cannot be compared: {why}"),
        });
    }
    match args.format.as_str() {
        "json" => println!("{}", serde_json::to_string_pretty(&board).map_err(Failure::mistake)?),
        "csv" => print!("{}", csv(&board).map_err(Failure::mistake)?),
        _ => print(&board, method),
    }
    Ok(())
}

/// Random halvings of the tasks.
const SPLITS: usize = 100;

/// A board as a table with its notes below.
pub(super) fn print(board: &Board, method: Method) {
    let digits = if method.is_on_elo_scale() { 0 } else { 3 };
    let (counted, fought) = if method == Method::Score { ("tasks", false) } else { ("battles", true) };
    let level = board.rows.iter().find_map(|row| row.interval.as_ref()).map_or(0.95, |interval| interval.level);
    let interval_head = format!("{} % interval", 100.0 * level);
    let mut header = vec!["rank", "system", "rating", interval_head.as_str(), counted];
    let (bootstrap, verdicts) =
        (board.rows.iter().any(|row| row.bootstrap.is_some()), board.rows.iter().any(|row| row.versus_next.is_some()));
    if bootstrap {
        header.insert(4, "bootstrap");
    }
    let right: Vec<usize> = (2..header.len()).collect();
    if fought {
        header.push("won / tied / lost");
    }
    if verdicts {
        header.push("than the next");
    }
    let groups = board.rows.iter().any(|row| row.group != board.rows[0].group);
    let mut table = show::table(&header, &right);
    // A reason that all share is told once, below.
    let reason = board.rows.first().and_then(|row| row.undefined.as_ref());
    let shared = reason.filter(|_| board.rows.iter().all(|row| row.undefined.as_ref() == reason));
    let mut before = None;
    for row in &board.rows {
        if groups && before.is_some_and(|group| group != row.group) {
            table.add_row(vec!["", "(never compared)"]);
        }
        before = Some(row.group);
        let rank = match row.rank {
            Some((low, high)) if low == high => low.to_string(),
            Some((low, high)) => format!("{low}–{high}"),
            None => String::new(),
        };
        let interval = match (&row.undefined, row.interval.as_ref()) {
            (_, Some(interval)) => show::interval(interval.low, interval.high, digits),
            (Some(why), None) if shared.is_none() => why.clone(),
            (_, None) => "–".to_owned(),
        };
        let rating = row.rating.map_or("–".to_owned(), |rating| format!("{rating:.digits$}"));
        let mut cells = vec![rank, row.system.clone(), rating, interval];
        if bootstrap {
            let own = row.bootstrap.as_ref();
            cells.push(own.map_or("–".to_owned(), |own| show::interval(own.low, own.high, digits)));
        }
        cells.push(row.n.to_string());
        if fought {
            cells.push(match (row.wins, row.ties, row.losses) {
                (Some(wins), Some(ties), Some(losses)) => {
                    format!("{} / {} / {}", share(wins), share(ties), share(losses))
                }
                _ => String::new(),
            });
        }
        if verdicts {
            cells.push(verdict(row));
        }
        table.add_row(cells);
    }
    println!("{table}");
    extras(board);
    if !board.detail.method.is_empty() {
        println!("  {}, {} tasks", board.detail.method, board.tasks);
    }
    if let Some(why) = shared {
        println!("  note: there are no intervals: {why}");
    }
    for note in &board.notes {
        println!("  note: {note}");
    }
}

/// Judges that are listed on a terminal; JSON has all.
const MOST_JUDGES: usize = 20;

/// A sum of weights: whole where it is.
fn share(sum: f64) -> String {
    if (sum - sum.round()).abs() < 1e-6 { format!("{sum:.0}") } else { format!("{sum:.1}") }
}

fn verdict(row: &Row) -> String {
    let Some(versus) = &row.versus_next else { return String::new() };
    match (versus.verdict, versus.difference) {
        (VersusVerdict::Better, Some(by)) => format!("better by {by:.0}"),
        (VersusVerdict::Better, None) => "better".to_owned(),
        (VersusVerdict::Worse, _) => "worse".to_owned(),
        (VersusVerdict::Tied, _) => "tied".to_owned(),
        (VersusVerdict::NotComparable, _) => "not comparable".to_owned(),
        (VersusVerdict::NoSignal, _) => "no signal".to_owned(),
    }
}

/// Judges, controls and orders, where the method has them.
fn extras(board: &Board) {
    let detail = &board.detail;
    let text = |value: f64, own: &Option<crate::ranking::board::RowInterval>| match own {
        Some(own) => format!("{value:.2} ({})", show::interval(own.low, own.high, 2)),
        None => format!("{value:.2}"),
    };
    if !detail.judges.is_empty() {
        let mut table =
            show::table(&["judge", "battles", "discrimination", "log odds for the first place"], &[1, 2, 3]);
        for row in detail.judges.iter().take(MOST_JUDGES) {
            table.add_row(vec![
                row.judge.clone(),
                row.battles.to_string(),
                text(row.discrimination, &row.discrimination_interval),
                text(row.first_place, &row.first_place_interval),
            ]);
        }
        println!("\n{table}");
        if detail.judges.len() > MOST_JUDGES {
            println!(" and {} more judges (--format json has them)", detail.judges.len() - MOST_JUDGES);
        }
    }
    if !detail.controls.is_empty() {
        let mut table = show::table(&["held constant", "log odds", "ridge"], &[1, 2]);
        for row in &detail.controls {
            table.add_row(vec![row.control.clone(), text(row.effect, &row.interval), row.ridge.to_string()]);
        }
        println!("\n{table}");
    }
}

/// One line per system; unknown is empty.
fn csv(board: &Board) -> Result<String, csv::Error> {
    let mut out = csv::Writer::from_writer(vec![]);
    out.write_record([
        "system",
        "rating",
        "low",
        "high",
        "level",
        "interval_method",
        "bootstrap_low",
        "bootstrap_high",
        "rank_best",
        "rank_worst",
        "n",
        "wins",
        "ties",
        "losses",
        "group",
        "regularised",
        "versus_next",
        "difference",
        "difference_low",
        "difference_high",
        "undefined",
    ])?;
    for row in &board.rows {
        let number = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
        let (interval, drawn, next) = (row.interval.as_ref(), row.bootstrap.as_ref(), row.versus_next.as_ref());
        let apart = next.and_then(|next| next.interval.as_ref());
        out.write_record([
            harmless(&row.system),
            number(row.rating),
            number(interval.and_then(|i| i.low)),
            number(interval.and_then(|i| i.high)),
            number(interval.map(|i| i.level)),
            interval.map(|i| i.method.clone()).unwrap_or_default(),
            number(drawn.and_then(|i| i.low)),
            number(drawn.and_then(|i| i.high)),
            row.rank.map(|r| r.0.to_string()).unwrap_or_default(),
            row.rank.map(|r| r.1.to_string()).unwrap_or_default(),
            row.n.to_string(),
            number(row.wins),
            number(row.ties),
            number(row.losses),
            row.group.to_string(),
            row.regularised.to_string(),
            next.map(|_| verdict_code(row)).unwrap_or_default(),
            number(next.and_then(|next| next.difference)),
            number(apart.and_then(|i| i.low)),
            number(apart.and_then(|i| i.high)),
            row.undefined.clone().unwrap_or_default(),
        ])?;
    }
    let bytes = out.into_inner().map_err(|e| csv::Error::from(e.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn verdict_code(row: &Row) -> String {
    let code = row.versus_next.as_ref().and_then(|versus| serde_json::to_value(versus.verdict).ok());
    code.and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default()
}
