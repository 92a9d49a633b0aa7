//! Symmetric positive definite systems, dense and small (as many rows as systems are rated). Rows are worked
//! on in parallel, each by itself: the outcome does not depend on the number of threads.

use rayon::prelude::*;

/// A row-major square matrix.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::stats) struct Matrix {
    pub n: usize,
    pub cells: Vec<f64>,
}

impl Matrix {
    pub(in crate::stats) fn zero(n: usize) -> Self {
        Self { n, cells: vec![0.0; n * n] }
    }

    pub(in crate::stats) fn at(&self, i: usize, j: usize) -> f64 {
        self.cells[i * self.n + j]
    }

    pub(in crate::stats) fn add(&mut self, i: usize, j: usize, value: f64) {
        self.cells[i * self.n + j] += value;
    }

    /// Var(x_i - x_j) when this is a covariance.
    pub(in crate::stats) fn contrast(&self, i: usize, j: usize) -> f64 {
        self.at(i, i) + self.at(j, j) - 2.0 * self.at(i, j)
    }

    pub(in crate::stats) fn times(&self, other: &Self) -> Self {
        let n = self.n;
        let mut product = Self::zero(n);
        self.cells.par_chunks(n.max(1)).zip(product.cells.par_chunks_mut(n.max(1))).for_each(|(row, out)| {
            for (factor, line) in row.iter().zip(other.cells.chunks(n)) {
                if *factor != 0.0 {
                    out.iter_mut().zip(line).for_each(|(cell, value)| *cell += factor * value);
                }
            }
        });
        product
    }

    /// Lower Cholesky factor; `None` if not positive definite.
    pub(in crate::stats) fn cholesky(mut self) -> Option<Cholesky> {
        let n = self.n;
        for j in 0..n {
            let (above, from) = self.cells.split_at_mut(j * n);
            let (row, rest) = from.split_at_mut(n);
            let _ = above;
            let pivot = row[j] - dot(&row[..j], &row[..j]);
            if pivot.is_nan() || pivot <= 0.0 {
                return None;
            }
            row[j] = pivot.sqrt();
            for lower in rest.chunks_mut(n) {
                lower[j] = (lower[j] - dot(&lower[..j], &row[..j])) / row[j];
            }
        }
        Some(Cholesky(self))
    }
}

/// Eight running sums, so that the compiler may use vector registers.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (left, right) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in left.zip(right) {
        sums.iter_mut().zip(x.iter().zip(y)).for_each(|(sum, (x, y))| *sum += x * y);
    }
    sums.iter().sum::<f64>() + rest
}

pub(in crate::stats) struct Cholesky(Matrix);

impl Cholesky {
    /// The diagonal of the factor.
    pub(in crate::stats) fn pivots(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.0.n).map(|i| self.0.at(i, i))
    }

    pub(in crate::stats) fn solve(&self, right: &mut [f64]) {
        let Matrix { n, cells } = &self.0;
        for i in 0..*n {
            let row = &cells[i * n..i * n + i];
            right[i] = (right[i] - dot(row, &right[..i])) / cells[i * n + i];
        }
        for i in (0..*n).rev() {
            let value = right[i] / cells[i * n + i];
            right[i] = value;
            for (j, cell) in cells[i * n..i * n + i].iter().enumerate() {
                right[j] -= cell * value;
            }
        }
    }

    pub(in crate::stats) fn inverse(&self) -> Matrix {
        let n = self.0.n;
        let mut inverse = Matrix::zero(n);
        inverse.cells.par_chunks_mut(n.max(1)).enumerate().for_each(|(i, row)| {
            row[i] = 1.0;
            self.solve(row);
        });
        inverse
    }
}
