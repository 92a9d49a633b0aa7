//! Runs every case of the reference vectors (made by the libraries that each case names) that this room
//! has an answer to, and says which kinds it has none for.

mod agreement;
mod intervals;
mod others;
mod published;
mod ratings;

use std::collections::BTreeMap;

use serde_json::Value;

/// What a runner says of a case: right, or what is wrong.
type Checked = Result<(), String>;

pub(in crate::stats) fn shared(name: &str) -> Option<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) => {
            eprintln!("skipped: {} is not here ({error})", path.display());
            None
        }
    }
}

fn runner(statistic: &str) -> Option<fn(&Value) -> Checked> {
    agreement::runner(statistic)
        .or_else(|| intervals::runner(statistic))
        .or_else(|| ratings::runner(statistic))
        .or_else(|| others::runner(statistic))
}

#[test]
fn every_reference_vector_of_a_known_kind_is_met() {
    let Some(text) = shared("reference_vectors.json") else { return };
    let all: Value = serde_json::from_str(&text).expect("the reference vectors are JSON");
    let (mut met, mut without, mut wrong) = (0, BTreeMap::<&str, usize>::new(), Vec::new());
    for case in list(&all["cases"]) {
        let statistic = case["statistic"].as_str().expect("each case names its statistic");
        match runner(statistic).map(|run| run(case)) {
            None => *without.entry(statistic).or_default() += 1,
            Some(Ok(())) => met += 1,
            Some(Err(why)) => wrong.push(format!("{}: {why}", case["id"])),
        }
    }
    eprintln!("reference vectors: {met} met, {} wrong, not covered: {without:?}", wrong.len());
    assert!(wrong.is_empty(), "{} cases are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(met > 335, "only {met} cases ran");
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().map(number).collect()
}

fn matrix(value: &Value) -> Vec<Vec<f64>> {
    list(value).iter().map(numbers).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn tolerance(case: &Value) -> f64 {
    number(&case["tol"])
}

/// Compares `got` with `expected[key]` if the case has it.
fn near(case: &Value, key: &str, got: f64) -> Checked {
    match case["expected"][key].as_f64() {
        None => Ok(()),
        Some(expected) => close(key, got, expected, tolerance(case)),
    }
}

fn close(what: &str, got: f64, expected: f64, tolerance: f64) -> Checked {
    if (got - expected).abs() <= tolerance { Ok(()) } else { Err(format!("{what} is {got:?}, expected {expected:?}")) }
}

fn all_close(what: &str, got: &[f64], expected: &[f64], tolerance: f64) -> Checked {
    if got.len() != expected.len() {
        return Err(format!("{what} has {} entries, expected {}", got.len(), expected.len()));
    }
    got.iter().zip(expected).enumerate().try_for_each(|(i, (g, e))| close(&format!("{what}[{i}]"), *g, *e, tolerance))
}
