//! Which formulas have no value, in an order in which each comes after what it reads; which of them cannot be
//! known, because they read something unknown or themselves; and how much work the rest is.

use std::collections::{BTreeMap, HashMap};

use crate::domain::CellContent;

use super::formula::{self, Formula, Spot, World};
use super::{Area, Book, Outcome, Value, functions};

/// Formulas that are computed for one file.
const MAX_FORMULAS: usize = 200_000;

/// Cells that all formulas of a file may walk: about a microsecond each in arrays, without optimisation, and much
/// less in sums.
const MAX_WORK: u64 = 20_000_000;

/// Cells that the engine may look at, each counted once: it remembers every one, empty ones too, in about a hundred bytes.
const MAX_SEEN: u64 = 2_000_000;

/// Edges between formulas.
const MAX_EDGES: usize = 5_000_000;

/// Columns that the search for edges may look at.
const MAX_VISITS: usize = 50_000_000;

/// Bytes of all formulas as the engine gets them.
const MAX_FORMULA_BYTES: usize = 64 << 20;

/// Bytes that one text may grow to, and all texts together.
const MAX_TEXT: u64 = 100_000;
const MAX_TEXTS: u64 = 64 << 20;

/// Bytes that a number may take in a text.
const NUMBER_BYTES: u64 = 32;

/// One formula without a value.
pub(super) struct Task {
    pub sheet: usize,
    pub index: usize,
    pub row: u32,
    pub column: u32,
    /// The formula for the engine while its value is to be expected, the value, or why there is none.
    pub state: State,
    /// Tasks that it reads.
    reads: Vec<u32>,
}

pub(super) enum State {
    Ready(Formula),
    Done(Value),
    Unknown(String),
}

pub(super) struct Plan {
    pub tasks: Vec<Task>,
    /// Indexes of tasks, each after those that it reads; circular ones are not in it.
    order: Vec<u32>,
    pub used: Vec<(u32, u32)>,
}

impl Plan {
    pub fn of(book: &Book<'_>) -> Self {
        let used: Vec<(u32, u32)> = book
            .sheets
            .iter()
            .map(|s| s.cells.iter().fold((1, 1), |(row, column), c| (row.max(c.row), column.max(c.column))))
            .collect();
        let world = World {
            sheets: book.sheets.iter().map(|s| s.name).collect(),
            used: used.clone(),
            names: book.names.iter().rev().map(|n| ((n.scope, n.name.to_lowercase()), n)).collect(),
            tables: book.tables.iter().rev().map(|t| (t.name.to_lowercase(), t)).collect(),
            by_name: book.sheets.iter().enumerate().map(|(i, s)| (s.name.to_lowercase(), i)).collect(),
        };
        let mut tasks = Vec::new();
        let mut bytes = 0usize;
        for (sheet, view) in book.sheets.iter().enumerate() {
            for (index, cell) in view.cells.iter().enumerate() {
                if cell.content != CellContent::NotCalculated {
                    continue;
                }
                let spot = Spot { sheet, row: cell.row };
                let read = match &cell.formula {
                    _ if tasks.len() >= MAX_FORMULAS => Err(format!("over the limit of {MAX_FORMULAS} formulas")),
                    Some(text) => formula::read(text, spot, &world),
                    None => Err("there is no formula".to_owned()),
                };
                let read = read.and_then(|f| match f.functions.iter().find(|f| functions::is_calendar(f)) {
                    Some(name) if book.from_1904 => Err(format!("{name} counts from 1900 and the file from 1904")),
                    _ => Ok(f),
                });
                let read = read.and_then(|f| {
                    bytes += f.text.len();
                    if bytes > MAX_FORMULA_BYTES { Err("over the limit of formulas' length".to_owned()) } else { Ok(f) }
                });
                let state = read.map_or_else(State::Unknown, State::Ready);
                tasks.push(Task { sheet, index, row: cell.row, column: cell.column, state, reads: Vec::new() });
            }
        }
        let mut plan = Self { tasks, order: Vec::new(), used };
        plan.connect(book);
        plan.sort();
        plan.spread();
        plan.bound(book);
        plan.spread();
        plan
    }

    /// Finds what reads what.
    fn connect(&mut self, book: &Book<'_>) {
        let mut columns: HashMap<(usize, u32), BTreeMap<u32, u32>> = HashMap::new();
        for (number, task) in self.tasks.iter().enumerate() {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            columns.entry((task.sheet, task.column)).or_default().insert(task.row, number);
            // The cells of an array's rectangle hang on its first one.
            let array = book.sheets[task.sheet].arrays.and_then(|a| a.get(&(task.row, task.column)));
            for area in array.into_iter().filter(|a| a.right - a.left < 256 && a.bottom - a.top < 10_000) {
                for column in area.left..=area.right {
                    let rows = columns.entry((task.sheet, column)).or_default();
                    for row in area.top..=area.bottom {
                        rows.entry(row).or_insert(number);
                    }
                }
            }
        }
        let mut filled: HashMap<usize, Vec<u32>> = HashMap::new();
        for (sheet, column) in columns.keys() {
            filled.entry(*sheet).or_default().push(*column);
        }
        filled.values_mut().for_each(|columns| columns.sort_unstable());
        let (mut edges, mut visits) = (0usize, 0usize);
        for task in &mut self.tasks {
            let State::Ready(formula) = &task.state else { continue };
            for area in &formula.areas {
                let Some(filled) = filled.get(&area.sheet) else { continue };
                let from = filled.partition_point(|c| *c < area.left);
                for column in filled[from..].iter().take_while(|c| **c <= area.right) {
                    visits += 1;
                    let Some(rows) = columns.get(&(area.sheet, *column)).filter(|_| visits <= MAX_VISITS) else {
                        break;
                    };
                    let found = rows.range(area.top..=area.bottom).map(|(_, number)| *number);
                    task.reads.extend(found.take(MAX_EDGES.saturating_sub(edges + task.reads.len()) + 1));
                }
            }
            edges += task.reads.len();
            if edges > MAX_EDGES || visits > MAX_VISITS {
                task.reads.clear();
                task.state = State::Unknown("over the limit of references".to_owned());
            }
        }
    }

    /// Kahn's order; what is left over is circular or hangs on a circle.
    fn sort(&mut self) {
        let mut waiting: Vec<u32> = vec![0; self.tasks.len()];
        let mut readers: Vec<Vec<u32>> = vec![Vec::new(); self.tasks.len()];
        for (number, task) in self.tasks.iter().enumerate() {
            waiting[number] = u32::try_from(task.reads.len()).unwrap_or(u32::MAX);
            for read in &task.reads {
                readers[*read as usize].push(u32::try_from(number).unwrap_or(u32::MAX));
            }
        }
        let mut order: Vec<u32> =
            (0..self.tasks.len()).filter(|n| waiting[*n] == 0).filter_map(|n| u32::try_from(n).ok()).collect();
        let mut at = 0;
        while let Some(number) = order.get(at).copied() {
            at += 1;
            for reader in std::mem::take(&mut readers[number as usize]) {
                waiting[reader as usize] -= 1;
                if waiting[reader as usize] == 0 {
                    order.push(reader);
                }
            }
        }
        for (task, waiting) in self.tasks.iter_mut().zip(waiting) {
            if waiting > 0 && matches!(task.state, State::Ready(_)) {
                task.state = State::Unknown("a circular reference".to_owned());
            }
        }
        self.order = order;
    }

    /// What reads something unknown is unknown.
    pub fn spread(&mut self) {
        for at in 0..self.order.len() {
            let number = self.order[at] as usize;
            if matches!(self.tasks[number].state, State::Unknown(_)) {
                continue;
            }
            let unknown = self.tasks[number].reads.iter().find_map(|read| {
                let read = &self.tasks[*read as usize];
                matches!(read.state, State::Unknown(_)).then_some((read.sheet, read.row, read.column))
            });
            if let Some((sheet, row, column)) = unknown {
                let cell = format!("{}{row}", crate::document::draft::column_letters(column));
                let where_ = if sheet == self.tasks[number].sheet { "" } else { " of another sheet" };
                self.tasks[number].state = State::Unknown(format!("it needs {cell}{where_}, which is not calculated"));
            }
        }
    }

    /// Work and the length of texts, before anything runs.
    fn bound(&mut self, book: &Book<'_>) {
        let stored: Vec<HashMap<(u32, u32), u64>> = book
            .sheets
            .iter()
            .map(|s| {
                let long = s.cells.iter().filter_map(|c| match &c.content {
                    CellContent::Text(t) if t.len() as u64 > NUMBER_BYTES => Some(((c.row, c.column), t.len() as u64)),
                    _ => None,
                });
                long.collect()
            })
            .collect();
        let longest_of_sheet: Vec<u64> =
            stored.iter().map(|s| s.values().copied().max().unwrap_or(NUMBER_BYTES)).collect();
        let mut lengths: Vec<u64> = vec![NUMBER_BYTES; self.tasks.len()];
        let (mut work, mut texts) = (0u64, 0u64);
        let mut seen: Vec<Seen> = vec![Seen::default(); book.sheets.len()];
        for at in 0..self.order.len() {
            let number = self.order[at] as usize;
            let task = &self.tasks[number];
            let State::Ready(formula) = &task.state else { continue };
            let mut longest = NUMBER_BYTES.max(formula.longest_literal as u64);
            let mut sum = formula.literals as u64;
            for area in &formula.areas {
                let used = self.used.get(area.sheet).copied().unwrap_or((1, 1));
                work = work.saturating_add(area.cells());
                if let Some(seen) = seen.get_mut(area.sheet) {
                    seen.add(area);
                }
                let filled = area.within(used).cells();
                let one = if filled <= 1 {
                    stored[area.sheet].get(&(area.top, area.left)).copied().unwrap_or(NUMBER_BYTES)
                } else {
                    longest_of_sheet[area.sheet]
                };
                longest = longest.max(one);
                sum = sum.saturating_add(one.saturating_mul(filled));
            }
            for read in &task.reads {
                longest = longest.max(lengths[*read as usize]);
                sum = sum.saturating_add(lengths[*read as usize]);
            }
            work += 20 + formula.functions.iter().map(|f| functions::hidden_work(f)).sum::<u64>();
            let mut length = longest;
            if formula.joins {
                length = sum.saturating_add(NUMBER_BYTES);
                for name in &formula.functions {
                    match name.as_str() {
                        "REPT" => length = length.saturating_add(32_767),
                        "SUBSTITUTE" => {
                            let new = if formula.areas.len() > 1 { longest } else { formula.longest_literal as u64 };
                            length = length.saturating_mul(new.max(1));
                        }
                        _ => {}
                    }
                }
            }
            texts = texts.saturating_add(if formula.joins { length } else { 0 });
            lengths[number] = length;
            let refused = if work > MAX_WORK {
                Some(format!("over the limit of {MAX_WORK} cells that formulas may walk"))
            } else if seen.iter().map(Seen::at_most).sum::<u64>() > MAX_SEEN {
                Some(format!("over the limit of {MAX_SEEN} cells that formulas may read"))
            } else if length > MAX_TEXT || texts > MAX_TEXTS {
                Some("its text may grow beyond the limit".to_owned())
            } else {
                None
            };
            if let Some(why) = refused {
                self.tasks[number].state = State::Unknown(why);
            }
        }
    }

    pub fn into_outcomes(self) -> Vec<Outcome> {
        let outcome = |task: Task| Outcome {
            sheet: task.sheet,
            index: task.index,
            value: match task.state {
                State::Done(value) => Ok(value),
                State::Unknown(why) => Err(why),
                State::Ready(_) => Err("the engine gave no value".to_owned()),
            },
        };
        self.tasks.into_iter().map(outcome).collect()
    }
}

/// The cells of a sheet that formulas read, by two bounds: those of all areas together, and the rectangle around them.
#[derive(Clone, Default)]
struct Seen {
    sum: u64,
    around: Option<Area>,
}

impl Seen {
    fn add(&mut self, area: &Area) {
        self.sum = self.sum.saturating_add(area.cells());
        let around = self.around.get_or_insert(*area);
        around.top = around.top.min(area.top);
        around.left = around.left.min(area.left);
        around.bottom = around.bottom.max(area.bottom);
        around.right = around.right.max(area.right);
    }

    fn at_most(&self) -> u64 {
        self.around.map_or(0, |around| around.cells().min(self.sum))
    }
}
