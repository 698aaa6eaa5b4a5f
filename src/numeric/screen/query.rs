//! One query, rounded, with what its bounds are made of.

use super::super::dot::dot;
use super::super::matvec::matvec;
use super::form::GROUPS;
use super::index::{Screened, split};
use super::planes::{PADDED, SHORT};
use super::{SLACK, round};

/// With `q = b v + p`, `x = a v + y`, and `p̂`, `ŷ` rounded, `q·x = a (q·v) + p·y + b (v·y)`, of which the last is rounding, and
/// `|p·y − p̂·ŷ| ≤ |p̂| |y − ŷ| + |p − p̂| |y|`.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    rest: Vec<f32>,
    /// Of `p̂`, padded with zeros to whole lines of every plane.
    codes: Vec<i8>,
    /// Sum of the codes.
    pub(super) sum: i32,
    pub(super) unit: f32,
    /// `q·v`, and the weight of the bias.
    pub(super) along: f32,
    pub(super) bias_weight: f32,
    /// Factors in the bounds: of the longest `|y|`, alone and beside `p̂·ŷ`, and of `|y − ŷ|`.
    pub(super) reach: f32,
    pub(super) by_length: f32,
    pub(super) by_rest: f32,
    /// `p · c` of each cluster.
    near: Vec<f32>,
    /// The same of each group, and the rounding, the groups of a block together.
    pub(super) offsets: Vec<[f32; GROUPS]>,
    /// Part of every bound: rounding of what is added to `p̂·ŷ`, and of numbers close to none.
    pub(super) rounding: f32,
}

impl Query {
    /// Rounds a query; `added` is the largest magnitude of all that may be added to a dot product.
    pub(super) fn set(&mut self, exact: &[f32], screened: &Screened, bias_weight: f32, added: f32) {
        self.along = dot(exact, &screened.direction);
        split(exact, &screened.direction, self.along, &mut self.rest);
        let length = length(&self.rest);
        let (unit, moved) = if length < SHORT {
            self.codes.clear();
            self.codes.resize(exact.len(), 0);
            (0.0, length)
        } else {
            round(&self.rest, length, &mut self.codes)
        };
        self.sum = self.codes.iter().map(|&code| i32::from(code)).sum();
        self.codes.resize(exact.len().next_multiple_of(PADDED), 0);
        self.unit = unit;
        self.bias_weight = bias_weight;
        // The exact score is itself a rounded sum, and so are a bound and what is split from the direction.
        let relative = (2 * exact.len() + 32) as f32 * f32::EPSILON;
        let whole = length + self.along.abs();
        self.reach = length * SLACK + relative * whole;
        self.by_length = SLACK * moved + relative * whole;
        self.by_rest = SLACK * (length + moved);
        self.rounding = SLACK * self.along.abs() * screened.skew
            + relative * (whole * (screened.along.largest + screened.farthest) + added)
            + 1e-36;
        let centroids = &screened.centroids;
        self.near.clear();
        self.near.resize(centroids.len() / exact.len(), 0.0);
        matvec(centroids, &self.rest, &mut self.near);
        self.offsets.clear();
        self.offsets.resize(screened.lengths.len(), [0.0; GROUPS]);
        let offsets = self.offsets.as_flattened_mut();
        for (offset, &cluster) in offsets.iter_mut().zip(&screened.cluster_of_group) {
            *offset = self.near[usize::from(cluster)] + self.rounding;
        }
    }

    /// How many codes there are, with those that fill up lines.
    pub(super) fn columns(&self) -> usize {
        self.codes.len()
    }

    /// The codes of four columns each; of `COLUMNS`, or of any where that is zero.
    #[inline(always)]
    pub(super) fn words<const COLUMNS: usize>(&self) -> &[[i8; 4]] {
        match COLUMNS {
            0 => self.codes.as_chunks().0,
            _ => self.codes[..COLUMNS].as_chunks().0,
        }
    }
}

/// Length of a vector, whose squares neither vanish nor leave the range of numbers.
pub(super) fn length(x: &[f32]) -> f32 {
    let square: f64 = x.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    square.sqrt() as f32
}
