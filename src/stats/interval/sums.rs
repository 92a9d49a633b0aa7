//! The bootstrap of figures that are functions of sums: shares, ratios, F1, kappa, alpha, corrected means. Each cluster
//! (task) is reduced once to a row of sums; a resample adds up the rows of the drawn clusters, and leaving one out is a
//! subtraction. A million clusters and a thousand rounds are then a matter of seconds.
//!
//! Same draws as [`super::bootstrap_clustered`] for the same seed up to [`IN_CACHE`] clusters, the same answer on any number of
//! threads.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::Rng;
use rayon::prelude::*;

use super::bca::bca_interval;
use super::{below, percentile_interval, round_rng};
use crate::stats::{Interval, NotEstimable, SMALL_SAMPLE};

/// Rows of so many clusters stay in a processor's cache; of more they are drawn block by block.
pub const IN_CACHE: usize = 1 << 16;
/// Clusters of a block: a power of two, so that twelve random bits are a place in it.
const BLOCK: usize = 1 << 12;

/// One row of sums per cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterSums {
    width: usize,
    rows: Vec<f64>,
}

/// How the resamples become an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resampling {
    /// The central share of the resamples.
    Percentile,
    /// Bias-corrected and accelerated.
    Bca,
}

impl ClusterSums {
    /// `rows` holds `width` sums of cluster 0, then of cluster 1, and so on.
    ///
    /// # Errors
    /// No column, a last row that is not complete, a sum that is not finite.
    pub fn new(width: usize, rows: Vec<f64>) -> Result<Self, NotEstimable> {
        if width == 0 || rows.is_empty() {
            return Err(NotEstimable::NoData);
        }
        if !rows.len().is_multiple_of(width) {
            return Err(NotEstimable::LengthsDiffer { what: "rows of sums", left: width, right: rows.len() % width });
        }
        if rows.iter().any(|sum| !sum.is_finite()) {
            return Err(NotEstimable::OutOfRange { what: "a sum", value: -1.0, must: "a finite number" });
        }
        Ok(Self { width, rows })
    }

    /// Sums of `width` numbers of each observation by its cluster; clusters in the order of their numbers.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn gather(
        width: usize,
        clusters: &[usize],
        mut observation: impl FnMut(usize, &mut [f64]),
    ) -> Result<Self, NotEstimable> {
        let mut distinct = clusters.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let mut rows = vec![0.0; width * distinct.len()];
        let mut own = vec![0.0; width];
        for (at, cluster) in clusters.iter().enumerate() {
            own.fill(0.0);
            observation(at, &mut own);
            let row = distinct.partition_point(|known| known < cluster) * width;
            rows[row..row + width].iter_mut().zip(&own).for_each(|(sum, value)| *sum += value);
        }
        Self::new(width, rows)
    }

    #[must_use]
    pub fn clusters(&self) -> usize {
        self.rows.len() / self.width
    }

    /// Over all clusters.
    #[must_use]
    pub fn totals(&self) -> Vec<f64> {
        let mut totals = vec![0.0; self.width];
        self.rows.chunks_exact(self.width).for_each(|row| add(&mut totals, row));
        totals
    }

    /// The interval of `figure`, a function of the totals that may find itself undefined.
    ///
    /// # Errors
    /// As [`super::bootstrap_clustered`] and [`super::bootstrap_bca`].
    pub fn interval(
        &self,
        how: Resampling,
        rounds: usize,
        seed: u64,
        level: f64,
        figure: impl Fn(&[f64]) -> Option<f64> + Sync,
    ) -> Result<Interval, NotEstimable> {
        NotEstimable::check_level(level)?;
        let clusters = self.clusters();
        if clusters < 2 {
            return Err(NotEstimable::TooFewClusters { found: clusters, needed: 2 });
        }
        if rounds < 2 {
            return Err(NotEstimable::OutOfRange { what: "bootstrap rounds", value: rounds as f64, must: "2 or more" });
        }
        let finite = |sums: &[f64]| figure(sums).filter(|value| value.is_finite());
        let draws: Vec<Option<f64>> =
            (0..rounds).into_par_iter().map(|round| finite(&self.resample(seed, round))).collect();
        let draws: Vec<f64> = draws.into_iter().flatten().collect();
        let interval = match how {
            Resampling::Percentile => percentile_interval(draws, rounds, level, "bootstrap over clusters, percentile")?,
            Resampling::Bca => {
                let totals = self.totals();
                let value = finite(&totals).ok_or(NotEstimable::NoSpread)?;
                let left_out: Vec<Option<f64>> = self
                    .rows
                    .par_chunks_exact(self.width)
                    .map(|row| {
                        let rest: Vec<f64> = totals.iter().zip(row).map(|(total, own)| total - own).collect();
                        finite(&rest)
                    })
                    .collect();
                bca_interval(value, draws, rounds, &left_out, level, "bootstrap over clusters, BCa")?
            }
        };
        Ok(interval.seeded(seed).resting_on(clusters, SMALL_SAMPLE))
    }

    /// Totals of one resample. Drawn in blocks, so that the rows of a block are fetched from memory side by side.
    fn resample(&self, seed: u64, round: usize) -> Vec<f64> {
        let mut rng = round_rng(seed, round);
        let clusters = self.clusters();
        if clusters > IN_CACHE {
            return self.by_blocks(&mut rng, BLOCK);
        }
        let mut totals = vec![0.0; self.width];
        let mut drawn = [0_usize; 64];
        let mut left = clusters;
        while left > 0 {
            let block = left.min(drawn.len());
            drawn[..block].iter_mut().for_each(|at| *at = below(&mut rng, clusters) * self.width);
            for at in &drawn[..block] {
                add(&mut totals, &self.rows[*at..at + self.width]);
            }
            left -= block;
        }
        totals
    }
}

impl ClusterSums {
    /// The same in two steps: how often each block is drawn, and then which of its clusters. Together they are draws from
    /// all clusters alike, and no row is fetched from far away. `block` is a power of two.
    fn by_blocks(&self, rng: &mut ChaCha12Rng, block: usize) -> Vec<f64> {
        let clusters = self.clusters();
        let mut counts = vec![0_usize; clusters.div_ceil(block)];
        for _ in 0..clusters {
            counts[below(rng, clusters) / block] += 1;
        }
        let bits = block.trailing_zeros();
        let at_once = (u64::BITS / bits.max(1)) as usize;
        let mut totals = vec![0.0; self.width];
        for (rows, count) in self.rows.chunks(block * self.width).zip(counts) {
            let size = rows.len() / self.width;
            let mut take = |at: usize| add(&mut totals, &rows[at * self.width..][..self.width]);
            if size < block {
                (0..count).for_each(|_| take(below(rng, size)));
                continue;
            }
            let mut left = count;
            while left > 0 {
                let mut random = rng.next_u64();
                for _ in 0..left.min(at_once) {
                    take((random as usize) & (block - 1));
                    random >>= bits;
                }
                left = left.saturating_sub(at_once);
            }
        }
        totals
    }
}

fn add(totals: &mut [f64], row: &[f64]) {
    totals.iter_mut().zip(row).for_each(|(total, value)| *total += value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_by_blocks_are_draws_from_all_clusters_alike() {
        // Column i counts how often cluster i is drawn: ten clusters, two blocks of four and one of two.
        const N: usize = 10;
        const ROUNDS: usize = 20_000;
        let rows = (0..N * N).map(|at| f64::from(u8::from(at / N == at % N))).collect();
        let sums = ClusterSums::new(N, rows).unwrap();
        let draws: Vec<Vec<f64>> = (0..ROUNDS).map(|round| sums.by_blocks(&mut round_rng(7, round), 4)).collect();
        assert!(draws.iter().all(|counts| counts.iter().sum::<f64>() == N as f64));
        let mean = |of: &dyn Fn(&Vec<f64>) -> f64| draws.iter().map(of).sum::<f64>() / ROUNDS as f64;
        for i in 0..N {
            // Multinomial: mean 1, variance .9, covariance -.1; five standard errors of a mean over the rounds.
            assert!((mean(&|c| c[i]) - 1.0).abs() < 0.034, "{i}");
            assert!((mean(&|c| (c[i] - 1.0).powi(2)) - 0.9).abs() < 0.06, "{i}");
            for j in 0..i {
                assert!((mean(&|c| (c[i] - 1.0) * (c[j] - 1.0)) + 0.1).abs() < 0.04, "{i} {j}");
            }
        }
    }

    #[test]
    fn a_hundred_thousand_clusters_have_the_interval_that_theory_gives() {
        let values: Vec<f64> = (0..100_000).map(|i| f64::from(i % 97)).collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let spread = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n / n).sqrt();
        let sums = ClusterSums::new(2, values.iter().flat_map(|v| [*v, 1.0]).collect()).unwrap();
        assert!(sums.clusters() > IN_CACHE);
        let found = sums.interval(Resampling::Percentile, 400, 3, 0.95, |sums| Some(sums[0] / sums[1])).unwrap();
        assert!((found.low - (mean - 1.96 * spread)).abs() < 0.35 * spread, "{found:?}");
        assert!((found.high - (mean + 1.96 * spread)).abs() < 0.35 * spread, "{found:?}");
    }
}
