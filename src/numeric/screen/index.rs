//! Rows prepared once for many single queries.

use std::cmp::Reverse;
use std::sync::Arc;

use rayon::prelude::*;

use super::super::dot::dot;
use super::super::eigen::symmetric_eigen;
use super::super::gram::gram;
use super::super::tile::LANES;
use super::addends::{Addends, NO_ROW, Places};
use super::clusters::Clusters;
use super::form::{BLOCK, Form, GROUPS};
use super::planes::Planes;
use super::query::length;
use super::walk::Added;

/// Rows that a single query meets, the likeliest to be among its best first; see [`Self::search`].
///
/// Holds six bits for each number of a row, and a few numbers for each row, besides the rows themselves.
#[derive(Clone, Debug)]
pub struct ExactIndex<R = Vec<f32>> {
    rows: R,
    pub(super) n_rows: usize,
    width: usize,
    pub(super) bias: Option<Bias>,
    /// None where the bounds would leave the range of numbers: then every row is scored.
    pub(super) screened: Option<Screened>,
}

/// A number for each row that queries may add.
#[derive(Clone, Debug)]
pub(super) struct Bias {
    pub(super) by_row: Vec<f32>,
    pub(super) term: Term,
}

/// A number for each place, added with a query's weight.
#[derive(Clone, Debug, Default)]
pub(super) struct Term {
    /// Sixteen together, padded with zeros.
    pub(super) by_place: Vec<[f32; LANES]>,
    /// By group, the groups of a block together: the least and the largest.
    range: Vec<[[f32; GROUPS]; 2]>,
    /// The largest magnitude; not a number where one of them is none.
    pub(super) largest: f32,
}

/// Rows `x = a v + c + z` in the order of their places: by cluster, then by falling length of `z`, then by index.
///
/// Factors of items share a direction `v`, along which queries differ little, and many lie close to others, around a
/// centroid `c`: what is left is shorter, and bounds are as wide as what is left is long.
#[derive(Clone, Debug)]
pub(super) struct Screened {
    pub(super) form: Form,
    /// The row at each place and the place of each row.
    pub(super) places: Arc<Places>,
    /// `v`, the first eigenvector of the rows' Gram matrix.
    pub(super) direction: Vec<f32>,
    /// `a` of each place.
    pub(super) along: Term,
    /// The largest `|v · (c + z)|`, which only rounding keeps from zero.
    pub(super) skew: f32,
    /// `c` of each cluster, k × width.
    pub(super) centroids: Vec<f32>,
    /// The cluster of each group.
    pub(super) cluster_of_group: Vec<u16>,
    /// The largest `|c|`.
    pub(super) farthest: f32,
    /// `|z|` of the longest row of each group, the groups of a block together, padded with zeros.
    pub(super) lengths: Vec<[f32; GROUPS]>,
    /// `z`.
    pub(super) planes: Planes,
}

/// Beyond this length of a row, of a query, or of anything added, bounds could leave the range of numbers.
pub(super) const LONG: f32 = 1e15;
/// Beyond this width, sums of products of bytes could leave the range of whole numbers.
const WIDE: usize = 1 << 15;

impl<R: AsRef<[f32]> + Sync> ExactIndex<R> {
    /// Prepares `rows`, n × `width`, and a number for each row that searches may add.
    ///
    /// # Panics
    /// When there is not one number of bias for each row.
    #[must_use]
    pub fn new(rows: R, width: usize, bias: Option<Vec<f32>>) -> Self {
        let n_rows = rows.as_ref().len() / width.max(1);
        let screened = Screened::new(rows.as_ref(), width);
        let bias = bias.map(|by_row| {
            assert_eq!(by_row.len(), n_rows, "a bias for each row");
            let order = screened
                .as_ref()
                .map_or(&[][..], |screened| &screened.places.order);
            let term = Term::new(&by_row, order);
            Bias { by_row, term }
        });
        Self {
            rows,
            n_rows,
            width,
            bias,
            screened,
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Numbers of a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The rows themselves, n × width.
    #[must_use]
    pub fn rows(&self) -> &[f32] {
        self.rows.as_ref()
    }

    /// What the index holds besides the rows, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let screened = self.screened.as_ref().map_or(0, |screened| {
            let numbers = screened.places.order.len()
                + screened.places.of_row.len()
                + screened.centroids.len()
                + GROUPS * screened.lengths.len()
                + screened.direction.len();
            let clusters = size_of_val(&screened.cluster_of_group[..]);
            screened.planes.bytes() + screened.along.bytes() + 4 * numbers + clusters
        });
        screened
            + self
                .bias
                .as_ref()
                .map_or(0, |bias| 4 * bias.by_row.len() + bias.term.bytes())
    }

    /// Forgets what was added, and lays the numbers of rows where this index keeps the rows.
    pub fn open(&self, addends: &mut Addends) {
        match &self.screened {
            Some(screened) => addends.open_at(&screened.places),
            None => addends.open(self.n_rows),
        }
    }

    pub(super) fn row(&self, row: u32) -> &[f32] {
        &self.rows()[row as usize * self.width..][..self.width]
    }
}

impl Screened {
    fn new(rows: &[f32], width: usize) -> Option<Self> {
        if !(1..WIDE).contains(&width) {
            return None;
        }
        if !rows.par_chunks_exact(width).all(|row| length(row) <= LONG) {
            return None;
        }
        let direction = principal_direction(rows, width);
        let apart: Vec<[f32; 2]> = rows
            .par_chunks_exact(width)
            .map_init(Vec::new, |rest, row| {
                let along = dot(row, &direction);
                split(row, &direction, along, rest);
                let skew: f64 = rest
                    .iter()
                    .zip(&direction)
                    .map(|(&y, &v)| f64::from(y) * f64::from(v))
                    .sum();
                [along, skew.abs() as f32]
            })
            .collect();
        let along: Vec<f32> = apart.iter().map(|row| row[0]).collect();
        let beside = |row: usize, rest: &mut Vec<f32>| {
            split(&rows[row * width..][..width], &direction, along[row], rest);
        };
        let clusters = Clusters::find(apart.len(), width, |row, out| {
            let x = &rows[row * width..][..width];
            for ((out, x), v) in out.iter_mut().zip(x).zip(&direction) {
                *out = x - along[row] * v;
            }
        });
        let centroid = |row: usize| &clusters.centroids[usize::from(clusters.of[row]) * width..][..width];
        // What lies beside the direction and the centroid.
        let remain = |row: usize, rest: &mut Vec<f32>| {
            beside(row, rest);
            for (z, c) in rest.iter_mut().zip(centroid(row)) {
                *z -= c;
            }
        };
        let length_by_row: Vec<f32> = (0..apart.len())
            .into_par_iter()
            .map_init(Vec::new, |rest, row| {
                remain(row, rest);
                length(rest)
            })
            .collect();
        // Rows are u32.
        let mut rows_in_order: Vec<u32> = (0..apart.len() as u32).collect();
        // Lengths are not negative, so that their bits are in the order of their values.
        rows_in_order.par_sort_unstable_by_key(|&row| {
            let at = row as usize;
            (clusters.of[at], Reverse(length_by_row[at].to_bits()), row)
        });
        let mut order = Vec::with_capacity(rows_in_order.len());
        let mut cluster_of_group = Vec::new();
        for rows in rows_in_order.chunk_by(|&a, &b| clusters.of[a as usize] == clusters.of[b as usize]) {
            order.extend_from_slice(rows);
            order.resize(order.len().next_multiple_of(LANES), NO_ROW);
            cluster_of_group.resize(order.len() / LANES, clusters.of[rows[0] as usize]);
        }
        let mut of_row = vec![0; apart.len()];
        for (place, &row) in (0..).zip(&order) {
            if let Some(slot) = of_row.get_mut(row as usize) {
                *slot = place;
            }
        }
        let planes = Planes::new(width, &order, |row, rest| {
            remain(row as usize, rest);
            length_by_row[row as usize]
        });
        let mut lengths = vec![[0.0; GROUPS]; order.len().div_ceil(BLOCK)];
        for (length, &row) in lengths
            .as_flattened_mut()
            .iter_mut()
            .zip(order.iter().step_by(LANES))
        {
            *length = length_by_row[row as usize];
        }
        let farthest = clusters
            .centroids
            .chunks_exact(width)
            .map(length)
            .fold(0.0, larger);
        Some(Self {
            form: Form::here().next().unwrap_or(Form::Plain),
            lengths,
            along: Term::new(&along, &order),
            skew: apart.iter().map(|row| row[1]).fold(0.0, larger),
            centroids: clusters.centroids,
            cluster_of_group,
            farthest,
            planes,
            places: Arc::new(Places { of_row, order }),
            direction,
        })
    }
}

impl Screened {
    /// What queries add by place.
    pub(super) fn added<'a>(&'a self, bias: Option<&'a Bias>) -> Added<'a> {
        Added {
            along: &self.along.by_place,
            bias: bias.map(|bias| &bias.term.by_place[..]),
        }
    }
}

/// The direction in which rows are longest; zero where there is none.
fn principal_direction(rows: &[f32], width: usize) -> Vec<f32> {
    let mut first = symmetric_eigen(&gram(rows, width), width).vectors;
    first.truncate(width);
    if !first.iter().all(|x| x.is_finite()) {
        first.fill(0.0);
    }
    first.iter().map(|&x| x as f32).collect()
}

/// Writes `x − along · direction` over `rest`.
pub(super) fn split(x: &[f32], direction: &[f32], along: f32, rest: &mut Vec<f32>) {
    rest.clear();
    rest.extend(x.iter().zip(direction).map(|(x, v)| x - along * v));
}

impl Term {
    fn new(by_row: &[f32], order: &[u32]) -> Self {
        let mut by_place = vec![[0.0; LANES]; order.len().div_ceil(LANES)];
        for (slot, &row) in by_place.as_flattened_mut().iter_mut().zip(order) {
            *slot = by_row.get(row as usize).copied().unwrap_or(0.0);
        }
        let mut range = vec![[[0.0; GROUPS]; 2]; order.len().div_ceil(BLOCK)];
        for (at, rows) in order.chunks(LANES).enumerate() {
            let group = rows.iter().filter_map(|&row| by_row.get(row as usize).copied());
            let [least, largest] = &mut range[at / GROUPS];
            least[at % GROUPS] = group.clone().fold(f32::INFINITY, f32::min);
            largest[at % GROUPS] = group.fold(f32::NEG_INFINITY, f32::max);
        }
        Self {
            largest: by_row.iter().map(|x| x.abs()).fold(0.0, larger),
            by_place,
            range,
        }
    }

    /// By group, the end that is the largest when multiplied by such a weight, the groups of a block together.
    pub(super) fn ends(&self, weight: f32) -> impl Iterator<Item = &[f32; GROUPS]> {
        let side = usize::from(weight >= 0.0);
        self.range.iter().map(move |range| &range[side])
    }

    fn bytes(&self) -> usize {
        size_of_val(&self.by_place[..]) + size_of_val(&self.range[..])
    }
}

/// The larger of two magnitudes; not a number where either is none.
pub(super) fn larger(a: f32, b: f32) -> f32 {
    if a.is_nan() || b <= a { a } else { b }
}
