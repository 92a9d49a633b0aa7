//! `empanel agreement FILE`: how far raters agree, from long ratings `unit,rater,value[,task]`, without a service.
//!
//! The file is read row by row; what is kept of a rating are twelve bytes, and every unit's name once: a million units of
//! five raters fit. Figures for names are always there; where every value is a number also those of ordinal, interval and
//! ratio scales (`--level` asks for one of them). With a column `task` intervals are by task. With `--human NAME` each other
//! rater is set beside that one.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::json;

use super::{Failure, show};
use crate::ranking::agreement::Figure;
use crate::stats::accuracy::{Confusion, macro_f1};
use crate::stats::agreement::{self, ByTask, IccForm, IccUnit, LEVEL, Level, Ratings, Weights};
use crate::stats::correlation::{kendall_tau_b, kendall_w, spearman};
use crate::stats::{Estimate, NotEstimable};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// CSV or JSONL with unit, rater, value and, if there is one, task
    file: PathBuf,
    /// pretty or json
    #[arg(long, default_value = "pretty", value_parser = ["pretty", "json"])]
    format: String,
    /// Scale of the values: nominal, ordinal, interval or ratio; without it all that the values allow
    #[arg(long, value_parser = ["nominal", "ordinal", "interval", "ratio"])]
    level: Option<String>,
    /// The rater who is right: the others are set beside this one
    #[arg(long)]
    human: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Row {
    unit: Text,
    rater: Text,
    value: Text,
    task: Option<Text>,
}

/// A name; JSON may write it as a number or as yes and no.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Text {
    Name(String),
    Other(serde_json::Value),
}

impl Text {
    fn into_string(self) -> String {
        match self {
            Self::Name(name) => name,
            Self::Other(value) => value.to_string(),
        }
    }
}

/// Names by their numbers, in the order of their coming.
#[derive(Default)]
struct Names {
    numbers: HashMap<Box<str>, u32>,
}

impl Names {
    fn of(&mut self, name: &str) -> u32 {
        if let Some(known) = self.numbers.get(name) {
            return *known;
        }
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        self.numbers.insert(name.into(), next);
        next
    }

    /// The names sorted (numbers by size), and where each number of ours went.
    fn sorted(&self) -> (Vec<String>, Vec<u32>) {
        let mut names: Vec<(&str, u32)> = self.numbers.iter().map(|(name, number)| (&**name, *number)).collect();
        let number = |name: &str| name.parse::<f64>().ok().filter(|value| value.is_finite());
        let numeric = names.iter().all(|(name, _)| number(name).is_some());
        names.sort_by(|a, b| match (number(a.0), number(b.0)) {
            (Some(a), Some(b)) if numeric => a.total_cmp(&b),
            _ => a.0.cmp(b.0),
        });
        let mut place = vec![0; names.len()];
        names.iter().enumerate().for_each(|(at, (_, number))| place[*number as usize] = at as u32);
        (names.into_iter().map(|(name, _)| name.to_owned()).collect(), place)
    }
}

/// The whole file.
struct Table {
    units: usize,
    raters: Vec<String>,
    values: Vec<String>,
    /// The values' numbers, if all are.
    numbers: Option<Vec<f64>>,
    /// Unit by unit, a cell per rater: the value's place.
    cells: Vec<Option<u32>>,
    /// Of each unit, if the file names tasks.
    tasks: Option<Vec<usize>>,
    ratings: usize,
}

pub(super) fn agreement(args: &Args) -> Result<(), Failure> {
    let place = args.file.display();
    let file = std::fs::File::open(&args.file).map_err(|e| Failure::Mistake(format!("cannot read {place}: {e}")))?;
    let table = read(BufReader::new(file)).map_err(|e| Failure::Mistake(format!("{place}: {e}")))?;
    let level = args.level.as_deref().map_or_else(|| levels(&table), |own| chosen(own, &table))?;
    let ratings = table.ratings()?;
    let figures = table.figures(&ratings, &level)?;
    let pairs = table.pairs()?;
    let human = args.human.as_deref().map(|name| table.beside(name)).transpose()?;
    let shares: BTreeMap<&str, f64> =
        table.values.iter().map(String::as_str).zip(agreement::prevalence(&ratings)).collect();
    if args.format == "json" {
        let named = |figures: Vec<(String, Figure)>| figures.into_iter().collect::<BTreeMap<_, _>>();
        let pairs: Vec<_> =
            pairs.into_iter().map(|(raters, own)| json!({"raters": raters, "figures": named(own)})).collect();
        let mut told = json!({"units": table.units, "raters": table.raters.len(), "ratings": table.ratings,
            "prevalence": shares, "intervals": if table.tasks.is_some() { "by task" } else { "over units" },
            "figures": named(figures), "pairs": pairs});
        if let Some(human) = human {
            let beside: BTreeMap<String, _> = human.into_iter().map(|(rater, own)| (rater, named(own))).collect();
            told["beside_human"] = json!({"human": args.human, "raters": beside});
        }
        println!("{told:#}");
        return Ok(());
    }
    println!("{} units, {} raters, {} ratings", table.units, table.raters.len(), table.ratings);
    /// A scale of percents has more values than anybody reads.
    const SHOWN: usize = 12;
    let mut shares: Vec<(&str, f64)> = shares.into_iter().collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    let more = shares.len().saturating_sub(SHOWN);
    let shown = shares.iter().take(SHOWN).map(|(value, share)| format!("{value} {share:.3}")).collect::<Vec<_>>();
    let more = if more > 0 { format!(", and {more} rarer values") } else { String::new() };
    println!("prevalence: {}{more}", shown.join(", "));
    print(figures);
    for (raters, own) in pairs {
        println!("\n{}", show::bold(&format!("{} and {}", raters.0, raters.1)));
        print(own);
    }
    for (rater, own) in human.into_iter().flatten() {
        println!("\n{}", show::bold(&format!("{rater} beside {}", args.human.as_deref().unwrap_or_default())));
        print(own);
    }
    Ok(())
}

fn print(figures: Vec<(String, Figure)>) {
    let mut table = show::table(&["", "value", "95 % interval", "n", "note"], &[1, 2, 3]);
    for (name, figure) in figures {
        table.add_row([
            name,
            show::share(figure.value),
            show::interval(figure.low, figure.high, 3),
            figure.n.to_string(),
            figure.undefined.or(figure.caution).unwrap_or_default(),
        ]);
    }
    println!("{table}");
}

const ALL: [Level; 4] = [Level::Nominal, Level::Ordinal, Level::Interval, Level::Ratio];

/// All that the values allow: a ratio scale has no number below zero.
fn levels(table: &Table) -> Result<Vec<Level>, Failure> {
    Ok(match &table.numbers {
        None => vec![Level::Nominal],
        Some(numbers) if numbers.first().is_some_and(|least| *least < 0.0) => ALL[..3].to_vec(),
        Some(_) => ALL.to_vec(),
    })
}

fn chosen(name: &str, table: &Table) -> Result<Vec<Level>, Failure> {
    let level = match name {
        "ordinal" => Level::Ordinal,
        "interval" => Level::Interval,
        "ratio" => Level::Ratio,
        _ => return Ok(vec![Level::Nominal]),
    };
    match (&table.numbers, table.values.iter().find(|value| value.parse::<f64>().is_err())) {
        (Some(_), _) => Ok(vec![level]),
        (None, other) => Err(Failure::Mistake(format!(
            "--level {name} needs numbers, and {:?} is none; write levels as numbers in their order",
            other.map_or("a value", String::as_str)
        ))),
    }
}

impl Table {
    fn ratings(&self) -> Result<Ratings, Failure> {
        let cells = || self.cells.iter().map(|cell| cell.map(|own| own as usize));
        // One value seen is not one that could be chosen: chance needs a second.
        let names = || (0..self.values.len().max(2)).map(|own| own as f64).collect();
        let numbers = self.numbers.clone().filter(|numbers| numbers.len() > 1);
        Ratings::stream(self.raters.len(), numbers.unwrap_or_else(names), cells()).map_err(Failure::mistake)
    }

    fn figures(&self, ratings: &Ratings, levels: &[Level]) -> Result<Vec<(String, Figure)>, Failure> {
        let mut found: Vec<(String, Figure)> = Vec::new();
        let mut put = |name: &str, figure: Result<Estimate, NotEstimable>| found.push((name.to_owned(), figure.into()));
        let by = |figure: agreement::Figure| self.by(ratings, figure);
        put("raw agreement", by(agreement::Figure::Raw(Weights::Identity)));
        put("Fleiss' kappa", by(agreement::Figure::Fleiss(Weights::Identity)));
        put("Conger's kappa", by(agreement::Figure::Conger(Weights::Identity)));
        put("Gwet's AC1", by(agreement::Figure::Gwet(Weights::Identity)));
        for level in levels {
            let name = match level {
                Level::Nominal => "Krippendorff's alpha (nominal)",
                Level::Ordinal => "Krippendorff's alpha (ordinal)",
                Level::Interval => "Krippendorff's alpha (interval)",
                Level::Ratio => "Krippendorff's alpha (ratio)",
            };
            put(name, by(agreement::Figure::Alpha(*level)));
        }
        let Some(numbers) = self.numbers.as_ref().filter(|_| levels.iter().any(|own| *own != Level::Nominal)) else {
            return Ok(found);
        };
        // Weights are a table of all pairs of values.
        if numbers.len() <= MOST_WEIGHTED {
            put("Gwet's AC2 (quadratic)", by(agreement::Figure::Gwet(Weights::Quadratic)));
        }
        let rows: Vec<Vec<Option<f64>>> = self
            .cells
            .chunks(self.raters.len().max(1))
            .map(|row| row.iter().map(|cell| cell.map(|own| numbers[own as usize])).collect())
            .collect();
        let forms = [("1", IccForm::OneWay), ("2", IccForm::TwoWayRandom), ("3", IccForm::TwoWayMixed)];
        for (name, form) in forms {
            put(&format!("ICC({name},1)"), agreement::icc(&rows, form, IccUnit::Single));
            put(&format!("ICC({name},k)"), agreement::icc(&rows, form, IccUnit::Average));
        }
        let full: Option<Vec<Vec<f64>>> =
            (0..self.raters.len()).map(|rater| rows.iter().map(|row| row[rater]).collect()).collect();
        match full {
            Some(full) => {
                put("Kendall's W", kendall_w(&full).map(|own| own.w));
                if let [one, other] = full.as_slice() {
                    put("Kendall's tau-b", kendall_tau_b(one, other));
                    put("Spearman's rho", spearman(one, other));
                }
            }
            None => {
                let missing = self.cells.iter().filter(|cell| cell.is_none()).count();
                put("Kendall's W", Err(NotEstimable::Incomplete { missing }));
            }
        }
        Ok(found)
    }

    fn by(&self, ratings: &Ratings, figure: agreement::Figure) -> Result<Estimate, NotEstimable> {
        if let Some(tasks) = &self.tasks {
            return agreement::by_task(ratings, figure, tasks, ByTask::Linearised, LEVEL);
        }
        match figure {
            agreement::Figure::Raw(weights) => agreement::raw_weighted(ratings, weights),
            agreement::Figure::Fleiss(weights) => agreement::fleiss_kappa_weighted(ratings, weights),
            agreement::Figure::Conger(weights) => agreement::conger_kappa(ratings, weights),
            agreement::Figure::Gwet(weights) => agreement::gwet_ac(ratings, weights),
            agreement::Figure::BrennanPrediger(weights) => agreement::brennan_prediger(ratings, weights),
            agreement::Figure::Alpha(level) => agreement::krippendorff_alpha(ratings, level),
        }
    }

    /// Cohen's kappa of every two raters, on what both rated. Of many raters nobody reads it.
    #[allow(clippy::type_complexity)]
    fn pairs(&self) -> Result<Vec<((String, String), Vec<(String, Figure)>)>, Failure> {
        let mut found = Vec::new();
        if self.raters.len() > MOST_PAIRED || self.values.len() > MOST_WEIGHTED {
            return Ok(found);
        }
        for one in 0..self.raters.len() {
            for other in one + 1..self.raters.len() {
                let cells = self.cells.chunks(self.raters.len()).flat_map(|row| [row[one], row[other]]);
                let values = (0..self.values.len().max(2)).map(|own| own as f64).collect();
                let both = Ratings::stream(2, values, cells.map(|cell| cell.map(|own| own as usize)))
                    .map_err(Failure::mistake)?;
                let figures = vec![
                    ("raw agreement".to_owned(), self.by(&both, agreement::Figure::Raw(Weights::Identity)).into()),
                    ("Cohen's kappa".to_owned(), self.cohen(&both).into()),
                    ("Gwet's AC1".to_owned(), self.by(&both, agreement::Figure::Gwet(Weights::Identity)).into()),
                ];
                found.push(((self.raters[one].clone(), self.raters[other].clone()), figures));
            }
        }
        Ok(found)
    }

    /// Conger's is the same value for two raters, with the better interval, on units that both rated.
    fn cohen(&self, both: &Ratings) -> Result<Estimate, NotEstimable> {
        let cohen = agreement::cohen_kappa(both, Weights::Identity)?;
        let conger = self.by(both, agreement::Figure::Conger(Weights::Identity));
        let same = conger.ok().filter(|own| (own.value - cohen.value).abs() < 1e-9);
        Ok(same.map_or(cohen.clone(), |own| Estimate { interval: own.interval, ..cohen }))
    }

    /// Each other rater against the one who is right.
    #[allow(clippy::type_complexity)]
    fn beside(&self, human: &str) -> Result<Vec<(String, Vec<(String, Figure)>)>, Failure> {
        let Some(right) = self.raters.iter().position(|rater| rater == human) else {
            let known = self.raters.iter().take(20).map(|own| format!("`{own}`")).collect::<Vec<_>>().join(", ");
            return Err(Failure::Mistake(format!("--human {human:?}: there is no such rater; there are {known}")));
        };
        let q = self.values.len();
        let others = (0..self.raters.len()).filter(|rater| *rater != right);
        Ok(others
            .map(|rater| {
                let (mut said, mut truth, mut tasks) = (Vec::new(), Vec::new(), Vec::new());
                for (unit, row) in self.cells.chunks(self.raters.len()).enumerate() {
                    if let (Some(own), Some(human)) = (row[rater], row[right]) {
                        said.push(own as usize);
                        truth.push(human as usize);
                        tasks.push(self.tasks.as_ref().map_or(unit, |tasks| tasks[unit]));
                    }
                }
                (self.raters[rater].clone(), self.against(&said, &truth, &tasks, q))
            })
            .collect())
    }

    fn against(&self, said: &[usize], truth: &[usize], tasks: &[usize], q: usize) -> Vec<(String, Figure)> {
        let confusion = Confusion::new(said, truth, q);
        let of = |figure: &dyn Fn(&Confusion) -> Result<Estimate, NotEstimable>| -> Figure {
            confusion.as_ref().map_err(Clone::clone).and_then(figure).into()
        };
        // A thousand resamples of many classes would take longer than anybody waits.
        let rounds = if said.len() > 100_000 { 200 } else { 1_000 };
        let mut found = vec![
            ("accuracy".to_owned(), of(&|own| own.accuracy(LEVEL))),
            ("Cohen's kappa".to_owned(), of(&Confusion::kappa)),
        ];
        if q <= MOST_CLASSES {
            found.push(("macro-F1".to_owned(), macro_f1(said, truth, q, tasks, rounds, SEED, LEVEL).into()));
            for (class, name) in self.values.iter().enumerate() {
                found.push((format!("precision of {name}"), of(&|own| own.class(class, LEVEL)?.precision)));
                found.push((format!("recall of {name}"), of(&|own| own.class(class, LEVEL)?.recall)));
                found.push((format!("F1 of {name}"), of(&|own| own.class(class, LEVEL)?.f1)));
            }
        }
        found
    }
}

/// Values of a scale whose pairs are weighed, raters whose pairs are shown, classes that are shown one by one.
const MOST_WEIGHTED: usize = 200;
const MOST_PAIRED: usize = 12;
const MOST_CLASSES: usize = 20;
const SEED: u64 = 0x5eed;

/// Reads row by row.
fn read(mut file: impl BufRead) -> Result<Table, String> {
    let (mut units, mut raters, mut values, mut tasks) =
        (Names::default(), Names::default(), Names::default(), Names::default());
    let mut kept: Vec<(u32, u32, u32)> = Vec::new();
    let mut task_of: Vec<Option<u32>> = Vec::new();
    let mut take = |row: Row| -> Result<(), String> {
        let (unit, rater) = (row.unit.into_string(), row.rater.into_string());
        let at = units.of(&unit);
        kept.push((at, raters.of(&rater), values.of(row.value.into_string().trim())));
        let task = row.task.map(Text::into_string).filter(|task| !task.is_empty()).map(|task| tasks.of(&task));
        if task_of.len() <= at as usize {
            task_of.push(task);
        } else if task_of[at as usize] != task {
            return Err(format!("unit `{unit}` is of two tasks, or of one only in some rows"));
        }
        Ok(())
    };
    // A byte order mark and blank lines may stand before the first row.
    let is_json = file.fill_buf().map_err(|e| e.to_string())?.iter().find(|b| !b.is_ascii_whitespace() && b.is_ascii())
        == Some(&b'{');
    if is_json {
        for (at, line) in file.lines().enumerate() {
            let line = line.map_err(|e| format!("line {}: {e}", at + 1))?;
            let text = line.trim_start_matches('\u{feff}').trim();
            if !text.is_empty() {
                let row = serde_json::from_str(text).map_err(|e| format!("line {}: {e}", at + 1))?;
                take(row).map_err(|e| format!("line {}: {e}", at + 1))?;
            }
        }
    } else {
        #[derive(Deserialize)]
        struct Cells {
            unit: String,
            rater: String,
            value: String,
            task: Option<String>,
        }
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(&mut file as &mut dyn Read);
        for (at, row) in reader.deserialize::<Cells>().enumerate() {
            let Cells { unit, rater, value, task } = row.map_err(|e| e.to_string())?;
            let [unit, rater, value] = [unit, rater, value].map(Text::Name);
            take(Row { unit, rater, value, task: task.map(Text::Name) }).map_err(|e| format!("row {}: {e}", at + 1))?;
        }
    }
    if kept.is_empty() {
        return Err("there is no rating in it; send rows of unit, rater, value".to_owned());
    }
    table(&units, &raters, &values, kept, task_of)
}

fn table(
    units: &Names,
    raters: &Names,
    values: &Names,
    kept: Vec<(u32, u32, u32)>,
    task_of: Vec<Option<u32>>,
) -> Result<Table, String> {
    let ((raters, rater_at), (names, value_at)) = (raters.sorted(), values.sorted());
    let count = units.numbers.len();
    let mut cells: Vec<Option<u32>> = vec![None; count * raters.len()];
    let ratings = kept.len();
    for (unit, rater, value) in kept {
        let (rater, value) = (rater_at[rater as usize] as usize, value_at[value as usize]);
        let cell = &mut cells[unit as usize * raters.len() + rater];
        if cell.is_some_and(|known| known != value) {
            let name = units.numbers.iter().find(|(_, number)| **number == unit).map_or("", |(name, _)| name);
            return Err(format!("rater `{}` gives unit `{name}` two values", raters[rater]));
        }
        *cell = Some(value);
    }
    let with_task = task_of.iter().flatten().count();
    let tasks = match with_task {
        0 => None,
        all if all == task_of.len() => Some(task_of.into_iter().flatten().map(|task| task as usize).collect()),
        some => return Err(format!("{some} of {} units name a task; all do or none", task_of.len())),
    };
    let numbers: Option<Vec<f64>> =
        names.iter().map(|name| name.parse::<f64>().ok().filter(|value| value.is_finite())).collect();
    // `1` and `1.0` are two names of one number: then they are names.
    let numbers = numbers.filter(|numbers| numbers.windows(2).all(|pair| pair[0] < pair[1]));
    Ok(Table { units: count, raters, values: names, numbers, cells, tasks, ratings })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Table, String> {
        read(BufReader::new(text.as_bytes()))
    }

    fn figure(found: &[(String, Figure)], name: &str) -> Figure {
        found.iter().find(|(own, _)| own == name).unwrap_or_else(|| panic!("{name}")).1.clone()
    }

    #[test]
    fn numbers_have_the_figures_of_their_scale_and_names_have_not() {
        // Shrout and Fleiss (1979), table 2: six targets, four judges.
        let rows = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]];
        let text: String = rows
            .iter()
            .enumerate()
            .flat_map(|(unit, row)| {
                row.iter().enumerate().map(move |(rater, value)| format!("{unit},j{rater},{value}\n"))
            })
            .collect();
        let table = of(&format!("unit,rater,value\n{text}")).unwrap();
        let found = table.figures(&table.ratings().unwrap(), &levels(&table).unwrap()).unwrap();
        for (name, published) in [("ICC(1,1)", 0.17), ("ICC(2,1)", 0.29), ("ICC(3,1)", 0.71), ("ICC(3,k)", 0.91)] {
            assert!((figure(&found, name).value.unwrap() - published).abs() < 0.006, "{name}");
        }
        assert!(figure(&found, "Krippendorff's alpha (ratio)").value.is_some());
        assert!(figure(&found, "Kendall's W").value.is_some());
        let names = of("unit,rater,value\n1,a,MET\n1,b,UNMET\n2,a,MET\n2,b,MET\n").unwrap();
        let found = names.figures(&names.ratings().unwrap(), &levels(&names).unwrap()).unwrap();
        assert!(found.iter().all(|(name, _)| !name.contains("ICC") && !name.contains("ordinal")));
        assert!(chosen("interval", &names).is_err());
    }

    #[test]
    fn tasks_make_intervals_by_task_and_stand_in_every_row_or_in_none() {
        let text: String = (0..40)
            .flat_map(|unit| ["a", "b"].map(|rater| (unit, rater)))
            .map(|(unit, rater)| {
                let value =
                    if (unit * 7 + usize::from(rater == "b" && unit % 5 == 0)) % 3 == 0 { "MET" } else { "UNMET" };
                format!(
                    "{{\"unit\": {unit}, \"rater\": \"{rater}\", \"value\": \"{value}\", \"task\": \"t{}\"}}\n",
                    unit / 4
                )
            })
            .collect();
        let table = of(&text).unwrap();
        assert_eq!((table.units, table.ratings), (40, 80));
        let found = table.figures(&table.ratings().unwrap(), &[Level::Nominal]).unwrap();
        assert!(figure(&found, "Gwet's AC1").method.unwrap().contains("cluster"));
        let some = of("unit,rater,value,task\n1,a,x,t\n1,b,x,t\n2,a,x,\n").err().unwrap();
        assert!(some.contains("1 of 2 units"), "{some}");
        assert!(of("unit,rater,value,task\n1,a,x,t\n1,b,x,s\n").err().unwrap().contains("two tasks"));
    }

    #[test]
    fn a_human_among_the_raters_is_what_the_others_are_set_beside() {
        let text =
            "unit,rater,value\n1,h,MET\n1,j,MET\n2,h,UNMET\n2,j,MET\n3,h,UNMET\n3,j,UNMET\n4,h,MET\n4,j,MET\n5,j,MET\n";
        let table = of(text).unwrap();
        let found = table.beside("h").unwrap();
        assert_eq!(found.len(), 1);
        let (rater, own) = &found[0];
        assert_eq!((rater.as_str(), figure(own, "accuracy").value, figure(own, "accuracy").n), ("j", Some(0.75), 4));
        assert_eq!(figure(own, "precision of MET").value, Some(2.0 / 3.0));
        assert_eq!(figure(own, "recall of UNMET").value, Some(0.5));
        assert!(matches!(table.beside("nobody"), Err(Failure::Mistake(why)) if why.contains("`h`")));
    }

    #[test]
    fn a_rater_who_says_two_things_of_one_unit_is_named() {
        let why = of("unit,rater,value\n1,a,x\n1,a,y\n").err().unwrap();
        assert!(why.contains("`a`") && why.contains("`1`"), "{why}");
        assert!(of("unit,rater,value\n").err().unwrap().contains("no rating"));
    }
}
