//! `empanel leaderboard --battles FILE`: ratings from a file, without a service.

use std::path::PathBuf;

use super::{Failure, show};
use crate::domain::{Preference, SystemName};
use crate::ranking::board::{Board, Fought, Method, Rules, battle_board};
use crate::ranking::import::{self, Form};
use crate::stats::rating::Outcome;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// CSV or JSONL with model_a, model_b, winner (model_a, model_b, tie, both_bad)[, task_id, judge]
    #[arg(long, value_name = "FILE")]
    battles: PathBuf,
    /// bradley_terry or win_rate
    #[arg(long, default_value = "bradley_terry")]
    method: String,
    /// The system that stands at the anchor's rating
    #[arg(long)]
    anchor: Option<SystemName>,
    #[arg(long, default_value_t = 1000.0)]
    anchor_rating: f64,
    /// Rounds of the bootstrap
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    rounds: u32,
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// pretty or json
    #[arg(long, default_value = "pretty", value_parser = ["pretty", "json"])]
    format: String,
}

pub(super) fn leaderboard(args: &Args) -> Result<(), Failure> {
    let method = Method::parse(&args.method).map_err(Failure::mistake)?;
    if method == Method::Score {
        return Err(Failure::Mistake("a file of battles has no scores; use bradley_terry or win_rate".to_owned()));
    }
    let text = std::fs::read_to_string(&args.battles)
        .map_err(|e| Failure::Mistake(format!("cannot read {}: {e}", args.battles.display())))?;
    let form = if text.trim_start().starts_with('{') { Form::Jsonl } else { Form::Csv };
    let fought: Vec<Fought> = import::read(&text, form, 100_000_000)
        .map_err(|e| Failure::Mistake(format!("{}: {e}", args.battles.display())))?
        .into_iter()
        .map(|battle| Fought {
            a: battle.model_a,
            b: battle.model_b,
            outcome: match battle.winner {
                Preference::A => Outcome::A,
                Preference::B => Outcome::B,
                Preference::Tie => Outcome::Tie,
                Preference::BothBad => Outcome::BothBad,
            },
            task: battle.task_id,
            imported: true,
            judge: battle.judge,
        })
        .collect();
    let rules = Rules {
        method,
        anchor: args.anchor.clone(),
        anchor_rating: args.anchor_rating,
        bootstrap: Some(args.rounds as usize),
        seed: args.seed,
        ..Rules::default()
    };
    let board = battle_board(None, &fought, 0, &rules).map_err(Failure::mistake)?;
    if args.format == "json" {
        println!("{}", serde_json::to_string_pretty(&board).map_err(Failure::mistake)?);
    } else {
        print(&board, method);
    }
    Ok(())
}

/// A board as a table with its notes below.
pub(super) fn print(board: &Board, method: Method) {
    let digits = if method == Method::BradleyTerry { 0 } else { 3 };
    let what = if method == Method::Score { "tasks" } else { "battles" };
    let mut header = vec!["rank", "system", "rating", "95 % interval", what];
    if method != Method::Score {
        header.push("won / tied / lost");
    }
    let mut table = show::table(&header, &[2, 3, 4, 5]);
    for row in &board.rows {
        let rank = match row.rank {
            Some((low, high)) if low == high => low.to_string(),
            Some((low, high)) => format!("{low}–{high}"),
            None => String::new(),
        };
        let interval = row.interval.as_ref();
        let interval = match (&row.undefined, interval) {
            (_, Some(interval)) => show::interval(interval.low, interval.high, digits),
            (Some(why), None) => why.clone(),
            (None, None) => "–".to_owned(),
        };
        let fought = match (row.wins, row.ties, row.losses) {
            (Some(wins), Some(ties), Some(losses)) => format!("{wins} / {ties} / {losses}"),
            _ => String::new(),
        };
        let rating = row.rating.map_or("–".to_owned(), |rating| format!("{rating:.digits$}"));
        let mut cells = vec![rank, row.system.clone(), rating, interval, row.n.to_string(), fought];
        cells.truncate(header.len());
        table.add_row(cells);
    }
    println!("{table}");
    for note in &board.notes {
        println!("  note: {note}");
    }
}
