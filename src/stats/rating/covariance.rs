//! How sure are the strengths? The cluster sandwich A (sum_g s_g s_g') A · G/(G-1), clusters = tasks, A the
//! model's own covariance, used with t(G-1) (Cameron & Miller 2015); and never less than what the model
//! says of the decisive battles (every verdict taken for independent), for ten ties leave no residual at all and yet
//! do not prove equality.
//!
//! The middle is summed by the cheapest way for each task: tasks of one row by their counts, small ones by the
//! systems they touch, large ones four at a time over all systems.

use super::columns::{Meetings, Row, Total, at};
use super::fit::win_chance;
use crate::stats::linear::Matrix;

/// Tasks summed together where they touch many systems.
const TOGETHER: usize = 4;

/// The sum over tasks of s_g s_g', over the systems and `extra` (0 or 1) parameters that every row moves; `pull`
/// gives a row's part of the gradient by its difference and by that parameter.
pub(in crate::stats) fn meat(meetings: &Meetings, extra: usize, pull: impl Fn(Row) -> [f64; 2]) -> Matrix {
    let size = meetings.systems;
    let n = size + extra;
    let kinds = meetings.kinds.len();
    let mut meat = Matrix::zero(n);
    let lone = meetings.by_task().filter(|task| task.len() == 1).count();
    let counted = meetings.is_tabular() && lone > 0;
    let mut counts = vec![0_u32; if counted { size * size.saturating_sub(1) / 2 * kinds } else { 0 }];
    let mut block = vec![0.0; TOGETHER * n];
    let mut filled = 0;
    let (mut score, mut touched) = (vec![0.0; n], Vec::new());
    let outer = |meat: &mut Matrix, i: usize, j: usize, [d, tie]: [f64; 2], times: f64| {
        meat.cells[i * n + i] += times * d * d;
        meat.cells[j * n + j] += times * d * d;
        meat.cells[j * n + i] -= times * d * d;
        if extra > 0 {
            meat.cells[size * n + i] += times * d * tie;
            meat.cells[size * n + j] -= times * d * tie;
            meat.cells[size * n + size] += times * tie * tie;
        }
    };
    for task in meetings.by_task() {
        if let [row] = task {
            let (i, j) = row.systems();
            if counted {
                counts[at(i, j) * kinds + row.kind as usize] += 1;
            } else {
                outer(&mut meat, i, j, pull(*row), 1.0);
            }
        } else if task.len() * 4 >= n {
            let score = &mut block[filled * n..(filled + 1) * n];
            for row in task {
                let ((i, j), [d, tie]) = (row.systems(), pull(*row));
                score[i] += d;
                score[j] -= d;
                if extra > 0 {
                    score[size] += tie;
                }
            }
            filled += 1;
            if filled == TOGETHER {
                add_block(&mut meat, &block);
                block.fill(0.0);
                filled = 0;
            }
        } else {
            for row in task {
                let ((i, j), [d, tie]) = (row.systems(), pull(*row));
                touched.extend([i, j]);
                score[i] += d;
                score[j] -= d;
                if extra > 0 {
                    score[size] += tie;
                }
            }
            touched.extend((extra > 0).then_some(size));
            touched.sort_unstable();
            touched.dedup();
            for (place, &i) in touched.iter().enumerate() {
                let (own, line) = (score[i], &mut meat.cells[i * n..(i + 1) * n]);
                touched[..=place].iter().for_each(|&j| line[j] += own * score[j]);
            }
            touched.drain(..).for_each(|i| score[i] = 0.0);
        }
    }
    add_block(&mut meat, &block);
    if counted {
        let mut cells = counts.chunks(kinds);
        for j in 0..size {
            for i in 0..j {
                let Some(cell) = cells.next() else { break };
                for (kind, count) in cell.iter().enumerate().filter(|(_, count)| **count > 0) {
                    let row = Row { i: i as u16, j: j as u16, kind: kind as u32 };
                    outer(&mut meat, i, j, pull(row), f64::from(*count));
                }
            }
        }
    }
    for i in 0..n {
        for j in 0..i {
            meat.cells[j * n + i] = meat.cells[i * n + j];
        }
    }
    meat
}

/// The lower triangle of the scores' outer products.
fn add_block(meat: &mut Matrix, block: &[f64]) {
    let n = meat.n;
    let (a, rest) = block.split_at(n);
    let (b, rest) = rest.split_at(n);
    let (c, d) = rest.split_at(n);
    for i in 0..n {
        let (p, q, r, s) = (a[i], b[i], c[i], d[i]);
        let line = &mut meat.cells[i * n..i * n + i + 1];
        for ((((cell, a), b), c), d) in line.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *cell += (p * a + q * b) + (r * c + s * d);
        }
    }
}

/// The Bradley-Terry gradient of each row: what it says less what was expected.
pub(in crate::stats) fn residual<'a>(strengths: &'a [f64], meetings: &'a Meetings) -> impl Fn(Row) -> [f64; 2] + 'a {
    let n = strengths.len();
    let mut chances = Vec::new();
    if meetings.is_tabular() && meetings.rows.len() > n * n {
        for j in 0..n {
            chances.extend((0..j).map(|i| win_chance(strengths[i] - strengths[j])));
        }
    }
    let kinds: Vec<[f64; 2]> = meetings.kinds.iter().map(|said| [said.half(), said.weight()]).collect();
    move |row| {
        let (i, j) = row.systems();
        let [half, weight] = kinds[row.kind as usize];
        let chance = match chances.get(at(i, j)) {
            Some(chance) => *chance,
            None => win_chance(strengths[i] - strengths[j]),
        };
        [half - weight * chance, 0.0]
    }
}

/// The sandwich of Bradley-Terry strengths; at least two tasks.
pub(in crate::stats) fn cluster_sandwich(strengths: &[f64], meetings: &Meetings, model: &Matrix) -> Matrix {
    sandwich(model, &meat(meetings, 0, residual(strengths, meetings)), meetings.tasks())
}

/// A · middle · A, with the correction for few clusters.
pub(in crate::stats) fn sandwich(model: &Matrix, middle: &Matrix, clusters: usize) -> Matrix {
    let mut covariance = model.times(middle).times(model);
    let correction = clusters as f64 / (clusters as f64 - 1.0);
    covariance.cells.iter_mut().for_each(|cell| *cell *= correction);
    covariance
}

/// Share of battles that were decided, never quite zero: (decided + 1)/(all + 2).
pub(in crate::stats) fn decided_share(totals: &[Total]) -> f64 {
    let tied: f64 = totals.iter().map(|total| total.said.tied).sum();
    let all: f64 = totals.iter().map(|total| total.said.weight()).sum();
    (all - tied + 1.0) / (all + 2.0)
}
