use serde_json::Value;

use super::{Checked, close, list, near, number, numbers, text};
use crate::stats::interval::{
    beta_quantile, bootstrap_clustered, clopper_pearson, clustered_se, f_quantile, normal_quantile, student_t_quantile,
    wilson,
};

pub(super) fn runner(statistic: &str) -> Option<fn(&Value) -> Checked> {
    Some(match statistic {
        "wilson" => |case| {
            let (k, n) = (number(&case["input"]["k"]), number(&case["input"]["n"]));
            let got = wilson(k, n, case["params"]["confidence"].as_f64().unwrap_or(0.95)).map_err(|e| e.to_string())?;
            near(case, "low", got.low)?;
            near(case, "high", got.high)
        },
        "clopper_pearson" => |case| {
            let (k, n) = (case["input"]["k"].as_u64().unwrap(), case["input"]["n"].as_u64().unwrap());
            let got = clopper_pearson(k, n, case["params"]["confidence"].as_f64().unwrap_or(0.95))
                .map_err(|e| e.to_string())?;
            near(case, "low", got.low)?;
            near(case, "high", got.high)
        },
        "wins_or_ties" => |case| {
            let [wins, ties, losses] = ["wins", "ties", "losses"].map(|key| number(&case["input"][key]));
            let n = wins + ties + losses;
            let got = wilson(wins + ties, n, 0.95).map_err(|e| e.to_string())?;
            near(case, "low", got.low)?;
            near(case, "high", got.high)
        },
        "cluster_robust_mean" => |case| {
            let clusters: Vec<usize> = numbers(&case["input"]["cluster"]).iter().map(|c| *c as usize).collect();
            let (mean, se, _) = clustered_se(&numbers(&case["input"]["y"]), &clusters).map_err(|e| e.to_string())?;
            near(case, "mean", mean)?;
            near(case, "se_cr1", se.map_err(|e| e.to_string())?)
        },
        "cluster_bootstrap_exact" => bootstrap,
        "quantile_table" => quantiles,
        _ => return None,
    })
}

/// The bootstrap must land between the exact quantiles of neighbouring probabilities.
fn bootstrap(case: &Value) -> Checked {
    let (sums, sizes) = (numbers(&case["input"]["cluster_sums"]), numbers(&case["input"]["cluster_sizes"]));
    let clusters: Vec<usize> = (0..sums.len()).collect();
    let ratio = |picked: &[usize]| {
        let total = |of: &[f64]| picked.iter().map(|i| of[*i]).sum::<f64>();
        Some(total(&sums) / total(&sizes))
    };
    let got = bootstrap_clustered(&clusters, 20_000, 7, 0.95, ratio).map_err(|e| e.to_string())?;
    // A discrete distribution: the neighbours of the exact quantile lie within 0.01.
    close("2.5 % point", got.low, number(&case["expected"]["q025"]), 0.01)?;
    close("97.5 % point", got.high, number(&case["expected"]["q975"]), 0.01)
}

fn quantiles(case: &Value) -> Checked {
    let mut ran = 0;
    for (row, expected) in list(&case["input"]["rows"]).iter().zip(numbers(&case["expected"]["x"])) {
        let (p, of) = (number(&row["p"]), |key: &str| number(&row[key]));
        let got = match text(&row["dist"]) {
            "normal" => normal_quantile(p),
            "beta" => beta_quantile(p, of("a"), of("b")),
            "t" => student_t_quantile(p, of("df")),
            "f" => f_quantile(p, of("d1"), of("d2")),
            _ => continue,
        };
        let got = got.map_err(|e| e.to_string())?;
        close(&row.to_string(), got, expected, 1e-9 * (1e-3 + expected.abs()))?;
        ran += 1;
    }
    if ran < 90 { Err(format!("only {ran} quantiles ran")) } else { Ok(()) }
}
