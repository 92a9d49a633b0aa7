//! Battles that were fought elsewhere: JSONL or CSV with `model_a, model_b, winner[, task_id, judge]`, the form
//! of public arenas. A file is taken whole or not at all; every bad row is named by its number.
//!
//! [`read`] makes records for the store; [`gather`] streams a file of any length straight into compact columns.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{BufRead, Read};

use serde::Deserialize;

use super::board::Gathered;
use crate::domain::{Battle, Preference, SystemName, TaskId};
use crate::refusal::{Problem, Refusal};
use crate::stats::rating::{Battles, Outcome};

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

/// Rows that could not be read: the first are named, the rest counted.
#[derive(Default)]
struct Wrong {
    problems: Vec<Problem>,
    count: usize,
}

impl Wrong {
    fn add(&mut self, number: usize, detail: &str) {
        self.count += 1;
        if self.problems.len() < LISTED {
            self.problems.push(Problem { pointer: format!("/{number}"), detail: format!("row {number}: {detail}") });
        }
    }

    fn settle(mut self, rows: usize) -> Result<(), Refusal> {
        if self.count > self.problems.len() {
            let detail = format!("and {} more rows", self.count - self.problems.len());
            self.problems.push(Problem { pointer: String::new(), detail });
        }
        if !self.problems.is_empty() {
            return Err(Refusal::Invalid { problems: self.problems });
        }
        if rows == 0 {
            return Err(Refusal::invalid("", "there is no battle in it; send rows of model_a, model_b, winner"));
        }
        Ok(())
    }
}

/// Names seen so far, by their bytes.
#[derive(Default)]
struct Names {
    known: HashMap<Box<[u8]>, u32, foldhash::fast::RandomState>,
}

impl Names {
    /// The number of a name; a new one is checked by `check` first.
    fn of(&mut self, name: &[u8], check: impl FnOnce(&str) -> Result<(), String>) -> Result<u32, String> {
        if let Some(known) = self.known.get(name) {
            return Ok(*known);
        }
        let text = std::str::from_utf8(name).map_err(|_| "a name is not UTF-8 text".to_owned())?;
        check(text)?;
        let next = u32::try_from(self.known.len()).map_err(|_| "there are too many names".to_owned())?;
        self.known.insert(name.into(), next);
        Ok(next)
    }
}

/// One row as it stands in the file.
struct Raw<'a> {
    a: &'a [u8],
    b: &'a [u8],
    winner: &'a [u8],
    task: &'a [u8],
    judge: &'a [u8],
}

/// Takes rows into columns.
#[derive(Default)]
struct Taker {
    gathered: Gathered,
    systems: Names,
    tasks: Names,
    judges: Names,
}

impl Taker {
    fn take(&mut self, row: &Raw<'_>, controls: &[f32]) -> Result<(), String> {
        let systems = &mut self.gathered.systems;
        let mut system = |field: &str, name: &[u8]| {
            let known = self.systems.of(name.trim_ascii(), |text| {
                let name = SystemName::parse(text).map_err(|e| format!("{field}: {e}"))?;
                systems.push(name);
                Ok(())
            })?;
            if known as usize >= Battles::MOST_SYSTEMS {
                return Err(format!("there are more than {} systems", Battles::MOST_SYSTEMS));
            }
            Ok(known as u16)
        };
        let (a, b) = (system("model_a", row.a)?, system("model_b", row.b)?);
        if a == b {
            return Err(format!("`{}` fights itself", String::from_utf8_lossy(row.a.trim_ascii())));
        }
        let outcome = match row.winner.trim_ascii() {
            b"model_a" | b"a" => Outcome::A,
            b"model_b" | b"b" => Outcome::B,
            b"tie" => Outcome::Tie,
            b"both_bad" | b"tie (bothbad)" => Outcome::BothBad,
            other => {
                let other = String::from_utf8_lossy(other).into_owned();
                return Err(format!("winner {other:?} is none of model_a, model_b, tie, both_bad"));
            }
        };
        let task = match row.task.trim_ascii() {
            b"" => None,
            task => Some(
                self.tasks.of(task, |text| TaskId::parse(text.to_owned()).map(|_| ()).map_err(|e| e.to_string()))?,
            ),
        };
        let judge = match row.judge.trim_ascii() {
            b"" => None,
            judge => {
                let judges = &mut self.gathered.judges;
                let known = self.judges.of(judge, |text| {
                    judges.push(text.to_owned());
                    Ok(())
                })?;
                Some(u16::try_from(known).map_err(|_| "there are more than 65,535 judges".to_owned())?)
            }
        };
        self.gathered.battles.push(a, b, outcome, task, judge);
        if !controls.is_empty() {
            self.gathered.battles.push_controls(controls).map_err(|e| e.to_string())?;
        }
        Ok(())
    }
}

/// What the first has more of than the second, as a share of both: -1 to 1.
fn control(a: f64, b: f64) -> f32 {
    let all = a.abs() + b.abs();
    if all == 0.0 { 0.0 } else { ((a - b) / all) as f32 }
}

/// Streams a file into columns of a few bytes a battle. `controls` names numbers that rows carry for both sides
/// (`length`: `length_a`, `length_b`).
///
/// # Errors
/// Names the rows that cannot be read; or the file cannot.
pub fn gather(input: impl Read, form: Form, controls: &[String]) -> Result<Gathered, Refusal> {
    let mut taker = Taker::default();
    let mut wrong = Wrong::default();
    let mut values = vec![0.0; controls.len()];
    match form {
        Form::Csv => gather_csv(input, controls, &mut values, &mut taker, &mut wrong)?,
        Form::Jsonl => gather_jsonl(input, controls, &mut values, &mut taker, &mut wrong)?,
    }
    wrong.settle(taker.gathered.battles.len())?;
    taker.gathered.imported = taker.gathered.battles.len();
    taker.gathered.controls = controls.to_vec();
    Ok(taker.gathered)
}

fn gather_csv(
    input: impl Read,
    controls: &[String],
    values: &mut [f32],
    taker: &mut Taker,
    wrong: &mut Wrong,
) -> Result<(), Refusal> {
    let mut reader = csv::ReaderBuilder::new().buffer_capacity(1 << 18).flexible(false).from_reader(input);
    let head = reader.headers().map_err(|e| Refusal::invalid("/0", e.to_string()))?.clone();
    let column = |name: &str| head.iter().position(|own| own.trim().trim_start_matches('\u{feff}') == name);
    let needed = |name: &str| {
        column(name).ok_or_else(|| Refusal::invalid("/0", format!("there is no column `{name}` in the first line")))
    };
    let (a, b, winner) = (needed("model_a")?, needed("model_b")?, needed("winner")?);
    let (task, judge) = (column("task_id"), column("judge"));
    let sides: Vec<(usize, usize)> = controls
        .iter()
        .map(|name| Ok((needed(&format!("{name}_a"))?, needed(&format!("{name}_b"))?)))
        .collect::<Result<_, Refusal>>()?;
    let mut record = csv::ByteRecord::new();
    let mut number = 0;
    loop {
        number += 1;
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(e) if e.is_io_error() => return Err(Refusal::invalid("", format!("cannot be read: {e}"))),
            Err(e) => {
                wrong.add(number, &e.to_string());
                continue;
            }
        }
        let at = |column: Option<usize>| column.and_then(|column| record.get(column)).unwrap_or_default();
        let row = Raw { a: at(Some(a)), b: at(Some(b)), winner: at(Some(winner)), task: at(task), judge: at(judge) };
        let numbers = sides.iter().zip(values.iter_mut()).try_for_each(|((one, other), value)| {
            let parse = |column: usize| {
                let text = String::from_utf8_lossy(at(Some(column)));
                let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
                number.ok_or_else(|| format!("{:?} in column `{}` is not a number", text, &head[column]))
            };
            *value = control(parse(*one)?, parse(*other)?);
            Ok::<(), String>(())
        });
        if let Err(detail) = numbers.and_then(|()| taker.take(&row, values)) {
            wrong.add(number, &detail);
        }
    }
}

fn gather_jsonl(
    input: impl Read,
    controls: &[String],
    values: &mut [f32],
    taker: &mut Taker,
    wrong: &mut Wrong,
) -> Result<(), Refusal> {
    #[derive(Deserialize)]
    struct Line<'a> {
        #[serde(borrow)]
        model_a: Cow<'a, str>,
        #[serde(borrow)]
        model_b: Cow<'a, str>,
        #[serde(borrow)]
        winner: Cow<'a, str>,
        #[serde(borrow, default)]
        task_id: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        judge: Option<Cow<'a, str>>,
    }
    let mut input = std::io::BufReader::with_capacity(1 << 18, input);
    let mut line = String::new();
    let mut number = 0;
    loop {
        line.clear();
        let read = input.read_line(&mut line).map_err(|e| Refusal::invalid("", format!("cannot be read: {e}")))?;
        if read == 0 {
            return Ok(());
        }
        if line.trim().is_empty() {
            continue;
        }
        number += 1;
        let taken = serde_json::from_str::<Line<'_>>(&line).map_err(|e| e.to_string()).and_then(|own| {
            if !controls.is_empty() {
                let whole: serde_json::Value = serde_json::from_str(&line).map_err(|e| e.to_string())?;
                for (name, value) in controls.iter().zip(values.iter_mut()) {
                    let side = |side: &str| {
                        let key = format!("{name}_{side}");
                        whole[&key].as_f64().ok_or_else(|| format!("`{key}` is not a number"))
                    };
                    *value = control(side("a")?, side("b")?);
                }
            }
            let row = Raw {
                a: own.model_a.as_bytes(),
                b: own.model_b.as_bytes(),
                winner: own.winner.as_bytes(),
                task: own.task_id.as_deref().unwrap_or_default().as_bytes(),
                judge: own.judge.as_deref().unwrap_or_default().as_bytes(),
            };
            taker.take(&row, values)
        });
        if let Err(detail) = taken {
            wrong.add(number, &detail);
        }
    }
}

impl Fought {
    /// The record of it.
    #[must_use]
    pub fn kept(self, id: crate::domain::BattleId, created_at: crate::domain::Timestamp) -> Battle {
        let Self { model_a, model_b, winner, task_id, judge } = self;
        Battle { id, model_a, model_b, winner, task_id, judge, review_id: None, created_at }
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
    fn a_streamed_file_holds_the_same_battles_in_both_forms() {
        let csv = "model_a,model_b,winner,task_id,judge,length_a,length_b\nx, y ,tie,t,j,30,10\ny,x,model_b,,,0,0\n";
        let jsonl = "{\"model_a\":\"x\",\"model_b\":\"y\",\"winner\":\"tie\",\"task_id\":\"t\",\"judge\":\"j\",\"length_a\":30,\"length_b\":10}\n\n{\"model_a\":\"y\",\"model_b\":\"x\",\"winner\":\"b\",\"length_a\":0,\"length_b\":0}";
        let length = ["length".to_owned()];
        let one = gather(csv.as_bytes(), Form::Csv, &length).unwrap();
        let other = gather(jsonl.as_bytes(), Form::Jsonl, &length).unwrap();
        assert_eq!(one.battles, other.battles);
        assert_eq!(one.battles.get(0), (0, 1, Outcome::Tie, Some(0), Some(0)));
        assert_eq!(one.battles.get(1), (1, 0, Outcome::B, None, None));
        assert_eq!((one.battles.controls(), one.systems.len(), one.judges.len()), (1, 2, 1));
    }

    #[test]
    fn a_streamed_file_names_every_kind_of_bad_row() {
        let csv = "model_a,model_b,winner\nx,y,draw\nx,x,tie\nx,y\n,y,tie\nx,y,tie\n";
        let Err(Refusal::Invalid { problems }) = gather(csv.as_bytes(), Form::Csv, &[]) else { panic!("accepted") };
        assert_eq!(problems.iter().map(|p| p.pointer.as_str()).collect::<Vec<_>>(), ["/1", "/2", "/3", "/4"]);
        let none = gather("model_a,winner\nx,tie\n".as_bytes(), Form::Csv, &[]).unwrap_err();
        assert!(none.to_string().contains("model_b") || format!("{none:?}").contains("model_b"), "{none:?}");
        assert!(gather("model_a,model_b,winner\n".as_bytes(), Form::Csv, &[]).is_err());
    }

    #[test]
    fn a_file_without_battles_or_with_too_many_is_refused() {
        assert!(read("model_a,model_b,winner\n", Form::Csv, 10).is_err());
        let many = format!("model_a,model_b,winner\n{}", "x,y,tie\n".repeat(11));
        assert!(matches!(read(&many, Form::Csv, 10), Err(Refusal::TooLarge { .. })));
    }
}
