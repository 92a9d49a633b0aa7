//! How sure are the strengths? The cluster sandwich A (sum_g s_g s_g') A · G/(G-1), clusters = tasks, A the
//! model's own covariance, used with t(G-1) (Cameron & Miller 2015); and never less than what the model
//! says of the decisive battles, for ten ties leave no residual at all and yet do not prove equality.

use super::fit::win_chance;
use crate::stats::linear::Matrix;

/// One rated battle inside a group: local players, score of `i` (1, 0.5, 0), local cluster.
#[derive(Debug, Clone, Copy)]
pub(in crate::stats) struct Row {
    pub i: usize,
    pub j: usize,
    pub score: f64,
    pub weight: f64,
    pub cluster: usize,
}

/// Rows in the order of their clusters, which are `0..clusters`.
pub(in crate::stats) fn in_order(rows: &[Row], clusters: usize) -> Vec<Row> {
    let mut next = vec![0_usize; clusters + 1];
    rows.iter().for_each(|row| next[row.cluster + 1] += 1);
    (0..clusters).for_each(|cluster| next[cluster + 1] += next[cluster]);
    let mut ordered = rows.to_vec();
    for row in rows {
        ordered[next[row.cluster]] = *row;
        next[row.cluster] += 1;
    }
    ordered
}

/// Clusters are `0..clusters`, at least two; rows come in any order.
pub(in crate::stats) fn cluster_sandwich(strengths: &[f64], rows: &[Row], clusters: usize, model: &Matrix) -> Matrix {
    let n = strengths.len();
    let mut meat = Matrix::zero(n);
    let pull = |row: &Row| row.weight * (row.score - win_chance(strengths[row.i] - strengths[row.j]));
    if clusters * n <= 2 * rows.len() + 65_536 {
        // Many battles a task: one score per task and player, without sorting.
        let chances: Vec<f64> = (0..n * n).map(|at| win_chance(strengths[at / n] - strengths[at % n])).collect();
        let mut scores = vec![0.0; clusters * n];
        for row in rows {
            let pull = row.weight * (row.score - chances[row.i * n + row.j]);
            scores[row.cluster * n + row.i] += pull;
            scores[row.cluster * n + row.j] -= pull;
        }
        for score in scores.chunks(n) {
            for (i, own) in score.iter().enumerate().filter(|(_, own)| **own != 0.0) {
                let line = &mut meat.cells[i * n..(i + 1) * n];
                line.iter_mut().zip(score).for_each(|(cell, other)| *cell += own * other);
            }
        }
    } else {
        let mut score = vec![0.0; n];
        let mut touched: Vec<usize> = Vec::new();
        for cluster in in_order(rows, clusters).chunk_by(|a, b| a.cluster == b.cluster) {
            for row in cluster {
                let pull = pull(row);
                touched.extend([row.i, row.j]);
                score[row.i] += pull;
                score[row.j] -= pull;
            }
            touched.sort_unstable();
            touched.dedup();
            for &i in &touched {
                for &j in &touched {
                    meat.add(i, j, score[i] * score[j]);
                }
            }
            touched.drain(..).for_each(|i| score[i] = 0.0);
        }
    }
    let mut covariance = model.times(&meat).times(model);
    let correction = clusters as f64 / (clusters as f64 - 1.0);
    covariance.cells.iter_mut().for_each(|cell| *cell *= correction);
    covariance
}

/// Share of battles that were decided, never quite zero: (decided + 1)/(all + 2).
pub(in crate::stats) fn decided_share(rows: &[Row]) -> f64 {
    let (mut decided, mut all) = (0.0, 0.0);
    for row in rows {
        all += row.weight;
        if row.score != 0.5 {
            decided += row.weight;
        }
    }
    (decided + 1.0) / (all + 2.0)
}
