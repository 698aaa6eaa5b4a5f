//! Rows that lie close to one another, found by Lloyd's rounds on a sample.
//!
//! What is left of a row beside its cluster's centroid is shorter than the row, and bounds are as wide as rows are long.
//! Any assignment gives right answers: a better one gives them sooner.

use rayon::prelude::*;

use super::super::dot::dot;
use super::super::product::{PackedRows, multiply};

/// Rows for each cluster, and most clusters: a query meets every centroid.
const ROWS: usize = 128;
const MOST: usize = 256;
/// Rows of the sample for each cluster.
const SAMPLED: usize = 48;
const ROUNDS: usize = 6;
/// Rows that are assigned together.
const TOGETHER: usize = 256;

/// Centroids, and the cluster of each row.
#[derive(Clone, Debug, Default)]
pub(super) struct Clusters {
    /// k × width.
    pub(super) centroids: Vec<f32>,
    pub(super) of: Vec<u16>,
}

impl Clusters {
    /// Clusters of `n` rows of `width` numbers, which `write` writes.
    pub(super) fn find(n: usize, width: usize, write: impl Fn(usize, &mut [f32]) + Sync) -> Self {
        let k = (n / ROWS).clamp(1, MOST);
        if k == 1 {
            return Self {
                centroids: vec![0.0; width],
                of: vec![0; n],
            };
        }
        let size = n.min(SAMPLED * k);
        let mut sample = vec![0.0; size * width];
        sample
            .par_chunks_exact_mut(width)
            .enumerate()
            .for_each(|(at, row)| write(at * n / size, row));
        let mut centroids: Vec<f32> = (0..k)
            .flat_map(|at| &sample[at * size / k * width..][..width])
            .copied()
            .collect();
        let mut of = vec![0; size];
        for _ in 0..ROUNDS {
            assign(&centroids, width, &mut of, |at, row| {
                row.copy_from_slice(&sample[at * width..][..width]);
            });
            means(&sample, width, &of, &mut centroids);
        }
        let mut of = vec![0; n];
        assign(&centroids, width, &mut of, write);
        Self { centroids, of }
    }
}

/// The nearest centroid of each row: `min |c|² / 2 − x·c`, of equal ones the first.
fn assign(centroids: &[f32], width: usize, of: &mut [u16], write: impl Fn(usize, &mut [f32]) + Sync) {
    let packed = PackedRows::new(centroids, width);
    let halves: Vec<f32> = centroids
        .chunks_exact(width)
        .map(|centroid| 0.5 * dot(centroid, centroid))
        .collect();
    of.par_chunks_mut(TOGETHER).enumerate().for_each_init(
        Default::default,
        |(rows, dots): &mut (Vec<f32>, Vec<f32>), (at, of)| {
            rows.resize(of.len() * width, 0.0);
            dots.resize(of.len() * halves.len(), 0.0);
            for (row, x) in rows.chunks_exact_mut(width).enumerate() {
                write(at * TOGETHER + row, x);
            }
            multiply(rows, &packed, dots);
            for (of, dots) in of.iter_mut().zip(dots.chunks_exact(halves.len())) {
                let mut best = (f32::INFINITY, 0);
                for (cluster, (half, dot)) in halves.iter().zip(dots).enumerate() {
                    if half - dot < best.0 {
                        best = (half - dot, cluster);
                    }
                }
                // There are at most MOST clusters.
                *of = best.1 as u16;
            }
        },
    );
}

/// The mean of each cluster's rows; one without rows stays where it is.
fn means(rows: &[f32], width: usize, of: &[u16], centroids: &mut [f32]) {
    let mut sums = vec![0.0f64; centroids.len()];
    let mut counts = vec![0u32; centroids.len() / width];
    for (row, &of) in rows.chunks_exact(width).zip(of) {
        counts[usize::from(of)] += 1;
        let sums = &mut sums[usize::from(of) * width..][..width];
        for (sum, &x) in sums.iter_mut().zip(row) {
            *sum += f64::from(x);
        }
    }
    for ((centroid, sums), &count) in centroids
        .chunks_exact_mut(width)
        .zip(sums.chunks_exact(width))
        .zip(&counts)
    {
        if count > 0 {
            for (x, sum) in centroid.iter_mut().zip(sums) {
                *x = (sum / f64::from(count)) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_around_a_few_points_are_told_apart() {
        let n = 4 * ROWS;
        let point = |row: usize| [[9.0, 0.0], [0.0, 9.0], [-9.0, 0.0], [0.0, -9.0]][row / ROWS];
        let clusters = Clusters::find(n, 2, |row, out| {
            let near = (row * 37 % 11) as f32 / 100.0;
            out.copy_from_slice(&point(row).map(|x| x + near));
        });
        assert_eq!(clusters.centroids.len(), 4 * 2);
        for row in 0..n {
            assert_eq!(clusters.of[row], clusters.of[row / ROWS * ROWS], "row {row}");
        }
        let mut firsts = [0, 1, 2, 3].map(|at| clusters.of[at * ROWS]);
        firsts.sort_unstable();
        assert_eq!(firsts, [0, 1, 2, 3]);
    }

    #[test]
    fn few_rows_are_one_cluster_around_nothing() {
        let clusters = Clusters::find(5, 3, |_, out| out.fill(1.0));
        assert_eq!((clusters.centroids, clusters.of), (vec![0.0; 3], vec![0; 5]));
    }
}
