//! Battles that were fought elsewhere: JSONL or CSV with `model_a, model_b, winner[, task_id, judge]`, the form
//! of public arenas. A file is taken whole or not at all; every bad row is named by its number.

use serde::Deserialize;

use crate::domain::{Battle, Preference, SystemName, TaskId};
use crate::refusal::{Problem, Refusal};

/// One row, not yet checked.
#[derive(Debug, Deserialize)]
struct Row {
    model_a: String,
    model_b: String,
    winner: String,
    #[serde(default)]
    task_id: Option<String>,
    #[serde(default)]
    judge: Option<String>,
}

/// A checked row; ids and times are given when it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Fought {
    pub model_a: SystemName,
    pub model_b: SystemName,
    pub winner: Preference,
    pub task_id: Option<TaskId>,
    pub judge: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Jsonl,
    Csv,
}

/// Problems that are listed before the rest is only counted.
const LISTED: usize = 20;

/// Reads a whole file of battles.
///
/// # Errors
/// Names the rows that cannot be read; none is kept then.
pub fn read(text: &str, form: Form, most: usize) -> Result<Vec<Fought>, Refusal> {
    let mut fought = Vec::new();
    let mut problems = Vec::new();
    let mut wrong = 0usize;
    let mut take = |number: usize, row: Result<Row, String>| {
        match row.and_then(|row| check(&row)) {
            Ok(battle) => fought.push(battle),
            Err(detail) => {
                wrong += 1;
                if problems.len() < LISTED {
                    problems.push(Problem { pointer: format!("/{number}"), detail: format!("row {number}: {detail}") });
                }
            }
        }
        number < most
    };
    let complete = match form {
        Form::Jsonl => text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .enumerate()
            .all(|(i, line)| take(i + 1, serde_json::from_str(line).map_err(|e| e.to_string()))),
        Form::Csv => {
            let mut reader =
                csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(false).from_reader(text.as_bytes());
            reader.deserialize().enumerate().all(|(i, row)| take(i + 1, row.map_err(|e| e.to_string())))
        }
    };
    if !complete {
        let detail = format!("there are {most} rows or more; split the file");
        return Err(Refusal::TooLarge { detail });
    }
    if wrong > problems.len() {
        problems.push(Problem { pointer: String::new(), detail: format!("and {} more rows", wrong - problems.len()) });
    }
    if !problems.is_empty() {
        return Err(Refusal::Invalid { problems });
    }
    if fought.is_empty() {
        return Err(Refusal::invalid("", "there is no battle in it; send rows of model_a, model_b, winner"));
    }
    Ok(fought)
}

fn check(row: &Row) -> Result<Fought, String> {
    let system = |field: &str, text: &str| SystemName::parse(text.trim()).map_err(|e| format!("{field}: {e}"));
    let (model_a, model_b) = (system("model_a", &row.model_a)?, system("model_b", &row.model_b)?);
    if model_a == model_b {
        return Err(format!("`{model_a}` fights itself"));
    }
    let winner = match row.winner.trim() {
        "model_a" | "a" => Preference::A,
        "model_b" | "b" => Preference::B,
        "tie" => Preference::Tie,
        // Arena's own name for it.
        "both_bad" | "tie (bothbad)" => Preference::BothBad,
        other => return Err(format!("winner {other:?} is none of model_a, model_b, tie, both_bad")),
    };
    let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let task_id = given(&row.task_id).map(TaskId::parse).transpose().map_err(|e| e.to_string())?;
    Ok(Fought { model_a, model_b, winner, task_id, judge: given(&row.judge) })
}

impl Fought {
    /// The record of it.
    #[must_use]
    pub fn kept(self, id: crate::domain::BattleId, created_at: crate::domain::Timestamp) -> Battle {
        let Self { model_a, model_b, winner, task_id, judge } = self;
        Battle { id, model_a, model_b, winner, task_id, judge, created_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arena_rows_are_read_in_both_forms() {
        let jsonl = "{\"model_a\":\"x\",\"model_b\":\"y\",\"winner\":\"model_a\"}\n\n{\"model_a\":\"x\",\"model_b\":\"y\",\"winner\":\"tie (bothbad)\",\"task_id\":\"t\",\"extra\":1}\n";
        let read_jsonl = read(jsonl, Form::Jsonl, 10).unwrap();
        assert_eq!(read_jsonl.iter().map(|b| b.winner).collect::<Vec<_>>(), [Preference::A, Preference::BothBad]);
        let csv = "model_a,model_b,winner,task_id\nx, y ,tie,\n";
        let battle = &read(csv, Form::Csv, 10).unwrap()[0];
        assert_eq!((battle.model_b.as_str(), battle.winner, &battle.task_id), ("y", Preference::Tie, &None));
    }

    #[test]
    fn an_unknown_winner_is_an_error_with_its_row_and_never_a_tie() {
        let csv = "model_a,model_b,winner\nx,y,tie\nx,y,draw\nx,x,tie\n";
        let Err(Refusal::Invalid { problems }) = read(csv, Form::Csv, 10) else { panic!("accepted") };
        assert_eq!(problems.len(), 2);
        assert!(problems[0].detail.contains("row 2") && problems[0].detail.contains("draw"), "{problems:?}");
        assert!(problems[1].detail.contains("fights itself"));
    }

    #[test]
    fn a_file_without_battles_or_with_too_many_is_refused() {
        assert!(read("model_a,model_b,winner\n", Form::Csv, 10).is_err());
        let many = format!("model_a,model_b,winner\n{}", "x,y,tie\n".repeat(11));
        assert!(matches!(read(&many, Form::Csv, 10), Err(Refusal::TooLarge { .. })));
    }
}
