//! How sure are the strengths? The cluster sandwich A (sum_g s_g s_g') A · G/(G-1), clusters = tasks, A the
//! model's own covariance, used with t(G-1) (Cameron & Miller 2015); and never less than what the model
//! says of the decisive battles, for ten ties leave no residual at all and yet do not prove equality.

use super::{fit::win_chance, linear::Matrix};

/// One rated battle inside a group: local players, score of `i` (1, 0.5, 0), local cluster.
#[derive(Debug, Clone, Copy)]
pub(in crate::stats) struct Row {
    pub i: usize,
    pub j: usize,
    pub score: f64,
    pub weight: f64,
    pub cluster: usize,
}

/// Rows must be sorted by cluster; `clusters` >= 2.
pub(in crate::stats) fn cluster_sandwich(strengths: &[f64], rows: &[Row], clusters: usize, model: &Matrix) -> Matrix {
    let n = strengths.len();
    let mut meat = Matrix::zero(n);
    let mut score = vec![0.0; n];
    let mut touched: Vec<usize> = Vec::new();
    for cluster in rows.chunk_by(|a, b| a.cluster == b.cluster) {
        for row in cluster {
            let pull = row.weight * (row.score - win_chance(strengths[row.i] - strengths[row.j]));
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
    let mut covariance = model.times(&meat).times(model);
    #[allow(clippy::cast_precision_loss)]
    let correction = clusters as f64 / (clusters as f64 - 1.0);
    covariance.cells.iter_mut().for_each(|cell| *cell *= correction);
    covariance
}

/// Share of battles that were decided, never quite zero: (decided + 1)/(all + 2).
pub(in crate::stats) fn decided_share(rows: &[Row]) -> f64 {
    let (mut decided, mut all) = (0.0, 0.0);
    for row in rows {
        all += row.weight;
        #[allow(clippy::float_cmp)]
        if row.score != 0.5 {
            decided += row.weight;
        }
    }
    (decided + 1.0) / (all + 2.0)
}
