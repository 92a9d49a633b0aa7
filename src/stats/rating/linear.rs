//! Symmetric positive definite systems, dense and small (as many rows as systems are rated).

/// A row-major square matrix.
#[derive(Debug, Clone)]
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
        for (row, out) in self.cells.chunks(n).zip(product.cells.chunks_mut(n)) {
            for (factor, line) in row.iter().zip(other.cells.chunks(n)) {
                if *factor != 0.0 {
                    out.iter_mut().zip(line).for_each(|(cell, value)| *cell += factor * value);
                }
            }
        }
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

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

pub(in crate::stats) struct Cholesky(Matrix);

impl Cholesky {
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
        for (i, row) in inverse.cells.chunks_mut(n).enumerate() {
            row[i] = 1.0;
            self.solve(row);
        }
        inverse
    }
}
