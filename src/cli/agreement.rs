//! `empanel agreement FILE`: how far raters agree, from long ratings `unit,rater,value`, without a service.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;

use super::{Failure, show};
use crate::ranking::agreement::Figure;
use crate::stats::agreement::{self, Ratings};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// CSV or JSONL with unit, rater, value
    file: PathBuf,
    /// pretty or json
    #[arg(long, default_value = "pretty", value_parser = ["pretty", "json"])]
    format: String,
}

#[derive(Debug, Deserialize)]
struct Row {
    unit: String,
    rater: String,
    value: String,
}

pub(super) fn agreement(args: &Args) -> Result<(), Failure> {
    let place = args.file.display();
    let text =
        std::fs::read_to_string(&args.file).map_err(|e| Failure::Mistake(format!("cannot read {place}: {e}")))?;
    let rows = rows(&text).map_err(|e| Failure::Mistake(format!("{place}: {e}")))?;
    let values: Vec<&str> = rows.iter().map(|row| row.value.as_str()).collect::<BTreeSet<_>>().into_iter().collect();
    let raters: Vec<&str> = rows.iter().map(|row| row.rater.as_str()).collect::<BTreeSet<_>>().into_iter().collect();
    let mut units: BTreeMap<&str, Vec<Option<usize>>> = BTreeMap::new();
    for row in &rows {
        let (Ok(rater), Ok(value)) =
            (raters.binary_search(&row.rater.as_str()), values.binary_search(&row.value.as_str()))
        else {
            continue;
        };
        let cell = &mut units.entry(&row.unit).or_insert_with(|| vec![None; raters.len()])[rater];
        if cell.is_some_and(|known| known != value) {
            return Err(Failure::Mistake(format!(
                "{place}: rater `{}` gives unit `{}` two values",
                row.rater, row.unit
            )));
        }
        *cell = Some(value);
    }
    let count = units.len();
    let ratings = Ratings::new(units.into_values().collect(), values.len().max(2)).map_err(Failure::mistake)?;
    let figures: Vec<(&str, Figure)> = vec![
        ("raw agreement", agreement::raw(&ratings).into()),
        ("Fleiss' kappa", agreement::fleiss_kappa(&ratings).into()),
        ("Krippendorff's alpha (nominal)", agreement::krippendorff_alpha(&ratings, agreement::Level::Nominal).into()),
        ("Gwet's AC1", agreement::gwet_ac(&ratings, agreement::Weights::Identity).into()),
    ];
    let prevalence = agreement::prevalence(&ratings);
    if args.format == "json" {
        let prevalence: BTreeMap<&str, f64> = values.iter().copied().zip(prevalence).collect();
        let json = serde_json::json!({"units": count, "raters": raters.len(), "prevalence": prevalence,
            "figures": figures.into_iter().collect::<BTreeMap<_, _>>()});
        println!("{json:#}");
        return Ok(());
    }
    println!("{count} units, {} raters, {} ratings", raters.len(), rows.len());
    let shares = values.iter().zip(&prevalence).map(|(value, share)| format!("{value} {share:.3}")).collect::<Vec<_>>();
    println!("prevalence: {}", shares.join(", "));
    let mut table = show::table(&["", "value", "95 % interval", "units", "why not"], &[1, 2, 3]);
    for (name, figure) in figures {
        table.add_row([
            name.to_owned(),
            show::share(figure.value),
            show::interval(figure.low, figure.high, 3),
            figure.n.to_string(),
            figure.undefined.unwrap_or_default(),
        ]);
    }
    println!("{table}");
    Ok(())
}

fn rows(text: &str) -> Result<Vec<Row>, String> {
    let rows: Vec<Row> = if text.trim_start().starts_with('{') {
        text.lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(i, line)| serde_json::from_str(line).map_err(|e| format!("line {}: {e}", i + 1)))
            .collect::<Result<_, _>>()?
    } else {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        reader.deserialize().collect::<Result<_, _>>().map_err(|e: csv::Error| e.to_string())?
    };
    if rows.is_empty() {
        return Err("there is no rating in it; send rows of unit, rater, value".to_owned());
    }
    Ok(rows)
}
