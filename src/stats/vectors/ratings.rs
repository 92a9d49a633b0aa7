use serde_json::Value;

use super::{Checked, all_close, close, list, matrix, near, number, numbers, shared, text, tolerance};
use crate::stats::rating::{
    Battle, BtOptions, Glicko2, Meetings, Outcome, Scale, Skill, SkillModel, bradley_terry, davidson, elo_online,
    glicko2,
    internals::{Pair, blocks, cluster_sandwich, groups, log_likelihood, model_covariance, strengths},
    rao_kupper, trueskill,
};

pub(super) fn runner(statistic: &str) -> Option<fn(&Value) -> Checked> {
    Some(match statistic {
        "bradley_terry" => maximum_likelihood,
        "bradley_terry_reference" => against_reference,
        "bradley_terry_existence" => existence,
        "bradley_terry_cluster_se" => cluster_se,
        "rank_intervals" => ranks,
        "anchor" => anchor,
        "davidson" => |case| with_ties(case, "nu", 1e-4),
        "rao_kupper" => |case| with_ties(case, "theta", tolerance(case)),
        "glicko2" => glicko,
        "trueskill" => skill,
        "elo_online" => online,
        _ => return None,
    })
}

/// i, j, score of i, count.
type Compared = (usize, usize, f64, f64);

fn comparisons(case: &Value) -> (Vec<String>, Vec<Compared>) {
    let rows = list(&case["input"]["comparisons"]);
    let mut names: Vec<String> =
        rows.iter().flat_map(|row| [text(&row[0]), text(&row[1])]).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    let at = |name: &Value| names.iter().position(|known| known == text(name)).unwrap();
    let rows = rows.iter().map(|row| (at(&row[0]), at(&row[1]), number(&row[2]), number(&row[3]))).collect();
    (names, rows)
}

fn pairs(rows: &[Compared]) -> Vec<Pair> {
    rows.iter().map(|&(i, j, y, n)| Pair { i, j, wins_i: y * n, wins_j: (1.0 - y) * n }).collect()
}

type Fitted = (Vec<String>, Vec<Pair>, Vec<f64>);

fn fitted(case: &Value, ridge: f64) -> Result<Fitted, String> {
    let (names, rows) = comparisons(case);
    let pairs = pairs(&rows);
    let strengths = strengths(names.len(), &pairs, ridge, None).ok_or("no convergence")?;
    Ok((names, pairs, strengths))
}

/// Each comparison its own cluster, without the small-sample factor: the usual sandwich.
fn iid_sandwich(n: usize, rows: &[Compared], b: &[f64], pairs: &[Pair]) -> Vec<Vec<f64>> {
    let mut each = Vec::new();
    for &(i, j, score, count) in rows {
        let outcome = outcome(score);
        (0..count as usize).for_each(|_| each.push(Battle { a: i, b: j, outcome, cluster: each.len(), weight: 1.0 }));
    }
    let model = model_covariance(b, pairs, 0.0).unwrap();
    let covariance = cluster_sandwich(b, &Meetings::weighted(n, &each), &model);
    let undo = (each.len() as f64 - 1.0) / each.len() as f64;
    (0..n).map(|i| (0..n).map(|j| covariance.at(i, j) * undo).collect()).collect()
}

fn maximum_likelihood(case: &Value) -> Checked {
    let (names, pairs, b) = fitted(case, 0.0)?;
    let tol = tolerance(case);
    all_close("log_strength", &b, &numbers(&case["expected"]["log_strength"]), tol)?;
    close("loglik", log_likelihood(&b, &pairs, 0.0), number(&case["expected"]["loglik"]), 1e-5)?;
    let model = model_covariance(&b, &pairs, 0.0).ok_or("no covariance")?;
    let se: Vec<f64> = (0..b.len()).map(|i| model.at(i, i).sqrt()).collect();
    all_close("se_hessian", &se, &numbers(&case["expected"]["se_hessian_sumzero"]), tol)?;
    let rows = comparisons(case).1;
    let sandwich = iid_sandwich(names.len(), &rows, &b, &pairs);
    let se: Vec<f64> = (0..b.len()).map(|i| sandwich[i][i].sqrt()).collect();
    all_close("se_sandwich", &se, &numbers(&case["expected"]["se_sandwich_sumzero"]), tol)?;
    // Through the front door, one task per battle.
    let mut battles = Vec::new();
    for &(a, b, y, n) in &rows {
        let outcome = match y {
            1.0 => Outcome::A,
            0.0 => Outcome::B,
            _ => Outcome::Tie,
        };
        (0..n as usize).for_each(|_| battles.push(Battle { a, b, outcome, cluster: battles.len(), weight: 1.0 }));
    }
    let table = bradley_terry(names.len(), &battles, Scale::default(), BtOptions::default());
    let elo: Vec<f64> = table.players.iter().map(|p| p.rating.as_ref().unwrap().value).collect();
    all_close("elo", &elo, &numbers(&case["expected"]["elo_mean1000"]), tol * 400.0)
}

fn against_reference(case: &Value) -> Checked {
    let (names, pairs, b) = fitted(case, 0.0)?;
    let zero = names.iter().position(|name| name == text(&case["input"]["reference"])).ok_or("no reference")?;
    let model = model_covariance(&b, &pairs, 0.0).ok_or("no covariance")?;
    let others: Vec<usize> = (0..b.len()).filter(|i| *i != zero).collect();
    let coef: Vec<f64> = others.iter().map(|i| b[*i] - b[zero]).collect();
    all_close("coef", &coef, &numbers(&case["expected"]["coef"]), tolerance(case))?;
    if case["expected"]["se"].is_null() {
        return Ok(());
    }
    let se: Vec<f64> = others.iter().map(|i| model.contrast(*i, zero).sqrt()).collect();
    all_close("se", &se, &numbers(&case["expected"]["se"]), tolerance(case))
}

fn existence(case: &Value) -> Checked {
    let (names, rows) = comparisons(case);
    let pairs = pairs(&rows);
    let mut beats = vec![Vec::new(); names.len()];
    for pair in &pairs {
        if pair.wins_i > 0.0 {
            beats[pair.i].push(pair.j);
        }
        if pair.wins_j > 0.0 {
            beats[pair.j].push(pair.i);
        }
    }
    let (weak, strong) = (groups(names.len(), pairs.iter().map(|p| (p.i, p.j))).len(), blocks(&beats).1);
    let expected = &case["expected"];
    close("weak components", weak as f64, number(&expected["n_weak_components"]), 0.0)?;
    close("strong components", strong as f64, number(&expected["n_strong_components"]), 0.0)?;
    if (strong == 1) != expected["mle_exists"].as_bool().unwrap() {
        return Err("existence is wrong".into());
    }
    for (ridge, key) in [(1.0, "ridge1_log_strength"), (0.1, "ridge0_1_log_strength")] {
        let b = strengths(names.len(), &pairs, ridge, None).ok_or("no convergence")?;
        all_close(key, &b, &numbers(&expected[key]), tolerance(case))?;
    }
    Ok(())
}

/// The crowd battles: names, battles with the prompt as cluster, and the judge of each.
pub(in crate::stats) fn llmfao() -> Option<(Vec<String>, Vec<Battle>, Vec<usize>)> {
    let text = shared("pairwise_goldens/llmfao.csv")?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let mut names: Vec<String> = records.iter().flat_map(|r| [r[6].to_owned(), r[7].to_owned()]).collect();
    names.sort();
    names.dedup();
    let at = |name: &str| names.iter().position(|known| known == name).unwrap();
    let battles = records
        .iter()
        .map(|r| Battle {
            a: at(&r[6]),
            b: at(&r[7]),
            outcome: match &r[5] {
                "left" => Outcome::A,
                "right" => Outcome::B,
                _ => Outcome::Tie,
            },
            cluster: r[1].parse().unwrap(),
            weight: 1.0,
        })
        .collect();
    let judges = records.iter().map(|r| r[4].parse().unwrap()).collect();
    Some((names, battles, judges))
}

fn llmfao_rows(battles: &[Battle]) -> Vec<Compared> {
    let score = |outcome| match outcome {
        Outcome::A => 1.0,
        Outcome::B => 0.0,
        _ => 0.5,
    };
    battles.iter().map(|b| (b.a, b.b, score(b.outcome), 1.0)).collect()
}

fn cluster_se(case: &Value) -> Checked {
    let (names, battles, judges) = llmfao().ok_or("the crowd battles are not here")?;
    let flat = llmfao_rows(&battles);
    let pairs = pairs(&flat);
    let b = strengths(names.len(), &pairs, 0.0, None).ok_or("no convergence")?;
    let model = model_covariance(&b, &pairs, 0.0).ok_or("no covariance")?;
    let prompts: Vec<usize> = battles.iter().map(|battle| battle.cluster).collect();
    for (ids, count, key) in
        [(&prompts, "clusters_prompt", "se_cluster_prompt"), (&judges, "clusters_judge", "se_cluster_judge")]
    {
        let mut known = ids.clone();
        known.sort_unstable();
        known.dedup();
        let rows: Vec<Battle> =
            battles.iter().zip(ids).map(|(battle, id)| Battle { cluster: *id, ..*battle }).collect();
        let meetings = Meetings::weighted(names.len(), &rows);
        let clusters = meetings.tasks();
        close(count, clusters as f64, number(&case["expected"][count]), 0.0)?;
        let sandwich = cluster_sandwich(&b, &meetings, &model);
        let se: Vec<f64> = (0..b.len()).map(|i| sandwich.at(i, i).sqrt()).collect();
        all_close(key, &se, &numbers(&case["expected"][key]), tolerance(case))?;
    }
    Ok(())
}

/// The reference uses the unclustered sandwich and the normal quantile; the counting is ours.
fn ranks(case: &Value) -> Checked {
    let (names, battles, _) = llmfao().ok_or("the crowd battles are not here")?;
    let flat = llmfao_rows(&battles);
    let pairs = pairs(&flat);
    let n = names.len();
    let b = strengths(n, &pairs, 0.0, None).ok_or("no convergence")?;
    let v = iid_sandwich(n, &flat, &b, &pairs);
    let tests = (n * (n - 1) / 2) as f64;
    let z = crate::stats::interval::normal_quantile(1.0 - 0.025 / tests).map_err(|e| e.to_string())?;
    let above = |i: usize, j: usize| i != j && b[i] - b[j] > z * (v[i][i] + v[j][j] - 2.0 * v[i][j]).sqrt();
    let low: Vec<f64> = (0..n).map(|i| 1.0 + (0..n).filter(|j| above(*j, i)).count() as f64).collect();
    let high: Vec<f64> = (0..n).map(|i| (n - (0..n).filter(|j| above(i, *j)).count()) as f64).collect();
    all_close("rank low", &low, &numbers(&case["expected"]["rank_low_simultaneous_bonferroni"]), 0.0)?;
    all_close("rank high", &high, &numbers(&case["expected"]["rank_high_simultaneous_bonferroni"]), 0.0)
}

fn anchor(case: &Value) -> Checked {
    let b = numbers(&case["input"]["log_strength"]);
    let at = list(&case["input"]["names"]).iter().position(|name| *name == case["input"]["anchor"]).unwrap();
    let got: Vec<f64> =
        b.iter().map(|s| number(&case["input"]["anchor_rating"]) + Scale::POINTS * (s - b[at])).collect();
    all_close("rating", &got, &numbers(&case["expected"]["rating"]), tolerance(case))
}

fn outcome(y: f64) -> Outcome {
    match y {
        1.0 => Outcome::A,
        0.0 => Outcome::B,
        _ => Outcome::Tie,
    }
}

fn with_ties(case: &Value, key: &str, tolerated: f64) -> Checked {
    let (names, rows) = comparisons(case);
    let battles: Vec<Battle> = rows
        .iter()
        .enumerate()
        .map(|(cluster, &(a, b, y, weight))| Battle { a, b, outcome: outcome(y), cluster, weight })
        .collect();
    let (table, tie) = if key == "nu" {
        let got = davidson(names.len(), &battles, Scale::default(), 0.95);
        (got.table, got.nu)
    } else {
        let got = rao_kupper(names.len(), &battles, Scale::default(), 0.95);
        (got.table, got.theta)
    };
    close(key, tie[0].clone().map_err(|e| e.to_string())?, number(&case["expected"][key]), tolerated)?;
    let b: Vec<f64> = table
        .players
        .iter()
        .map(|p| p.rating.as_ref().map(|r| (r.value - 1000.0) / Scale::POINTS).map_err(ToString::to_string))
        .collect::<Result<_, _>>()?;
    all_close("log_strength", &b, &numbers(&case["expected"]["log_strength"]), tolerance(case))
}

fn glicko(case: &Value) -> Checked {
    let [rating, deviation, volatility] = ["rating", "rd", "vol"].map(|key| number(&case["input"][key]));
    let games: Vec<(Glicko2, f64)> = matrix(&case["input"]["games"])
        .iter()
        .map(|game| (Glicko2 { rating: game[0], deviation: game[1], volatility: 0.06 }, game[2]))
        .collect();
    let got = glicko2(Glicko2 { rating, deviation, volatility }, &games, number(&case["input"]["tau"]))
        .map_err(|e| e.to_string())?;
    near(case, "rating", got.rating)?;
    near(case, "rd", got.deviation)?;
    near(case, "vol", got.volatility)
}

fn skill(case: &Value) -> Checked {
    let [mean, deviation, beta, tau, tie_probability] =
        ["mu", "sigma", "beta", "tau", "draw_probability"].map(|key| number(&case["input"][key]));
    let (even, model) = (Skill { mean, deviation }, SkillModel { beta, tau, tie_probability });
    for (key, outcome) in [("win", Outcome::A), ("draw", Outcome::Tie)] {
        let (a, b) = trueskill(even, even, outcome, model).map_err(|e| e.to_string())?;
        let got = [a.mean, a.deviation, b.mean, b.deviation];
        all_close(key, &got, &numbers(&case["expected"][key]), tolerance(case))?;
    }
    Ok(())
}

fn online(case: &Value) -> Checked {
    let names: Vec<&str> = list(&case["expected"]["names"]).iter().map(text).collect();
    let at = |name: &Value| names.iter().position(|known| *known == text(name)).unwrap();
    let battles: Vec<Battle> = list(&case["input"]["sequence"])
        .iter()
        .map(|row| Battle {
            a: at(&row[0]),
            b: at(&row[1]),
            outcome: outcome(number(&row[2])),
            cluster: 0,
            weight: 1.0,
        })
        .collect();
    let table = elo_online(names.len(), &battles, number(&case["params"]["k"]), number(&case["params"]["init"]))
        .map_err(|e| e.to_string())?;
    let got: Vec<f64> = table.players.iter().map(|p| p.rating.as_ref().unwrap().value).collect();
    all_close("rating", &got, &numbers(&case["expected"]["rating"]), tolerance(case))
}
