//! The systems of many items at once, gathered from rows of the Gram matrix.
//!
//! Enters: the Gram matrix, the support of each item. Leaves: for each item `j` of a batch and each place `at` of its
//! support, `G_ij` and the row `G_iN` from the diagonal on, where `i = N[at]`.
//!
//! The one decision: a row of the Gram matrix is computed once for all items of the batch whose support holds it, and
//! what they want of it is written side by side. So threads write to places of their own, and a gather is `K` reads from
//! one row that lies in the cache.

use std::ops::Range;

use rayon::prelude::*;

use crate::history::Csr;
use crate::recommend::item_gram::{GramRow, ItemGram};

/// Numbers that one place of a support takes: `G_ij` and the upper triangle's row.
fn wanted(size: usize, at: usize) -> usize {
    1 + size - at
}

/// Numbers that the system of one item takes.
fn system(size: usize) -> usize {
    size + size * (size + 1) / 2
}

/// Runs of items whose systems together take at most `gathered` numbers, or one item.
pub(super) fn batches(supports: &Csr, gathered: usize) -> Vec<Range<usize>> {
    let (mut batches, mut from, mut taken) = (Vec::new(), 0, 0);
    for target in 0..supports.n_rows() {
        let takes = system(supports.row(target).0.len());
        if target > from && taken + takes > gathered {
            batches.push(from..target);
            (from, taken) = (target, 0);
        }
        taken += takes;
    }
    batches.push(from..supports.n_rows());
    batches
}

/// The gathered systems of a batch.
///
/// # Shapes
/// | part | shape | meaning |
/// |---|---|---|
/// | `numbers` | by source, target, then place | what the targets want of the source's row |
/// | `starts` | entries of the batch's supports | where in `numbers` each place of a support begins |
pub(super) struct Systems {
    numbers: Vec<f32>,
    starts: Vec<usize>,
    /// The batch's supports: offset of the first entry, then one for each target.
    offsets: Vec<usize>,
    first_target: usize,
}

/// One target that wants numbers of a source's row.
#[derive(Clone, Copy, Default)]
struct Wish {
    target: u32,
    /// Place of the source in the target's support.
    at: u32,
}

impl Systems {
    /// Gathers the systems of these targets.
    pub(super) fn gather(gram: &ItemGram, supports: &Csr, targets: Range<usize>) -> Self {
        let n_items = gram.n_items();
        let (mut wishes_from, mut numbers_from) = (vec![0usize; n_items + 1], vec![0usize; n_items + 1]);
        let each_place = |visit: &mut dyn FnMut(usize, usize, usize, usize)| {
            for target in targets.clone() {
                let (sources, _) = supports.row(target);
                for (at, &source) in sources.iter().enumerate() {
                    visit(source as usize, target, at, wanted(sources.len(), at));
                }
            }
        };
        each_place(&mut |source, _, _, takes| {
            wishes_from[source + 1] += 1;
            numbers_from[source + 1] += takes;
        });
        for source in 0..n_items {
            wishes_from[source + 1] += wishes_from[source];
            numbers_from[source + 1] += numbers_from[source];
        }
        let mut wishes = vec![Wish::default(); wishes_from[n_items]];
        let mut starts = Vec::with_capacity(wishes.len());
        let (mut next_wish, mut next_number) = (wishes_from.clone(), numbers_from.clone());
        each_place(&mut |source, target, at, takes| {
            // Rows of items are u32, and so are places within them.
            wishes[next_wish[source]] = Wish {
                target: target as u32,
                at: at as u32,
            };
            next_wish[source] += 1;
            starts.push(next_number[source]);
            next_number[source] += takes;
        });
        let mut numbers = vec![0.0; numbers_from[n_items]];
        let mut rest = numbers.as_mut_slice();
        let mut parts = Vec::new();
        for source in 0..n_items {
            let wishes = &wishes[wishes_from[source]..wishes_from[source + 1]];
            let (own, others) = rest.split_at_mut(numbers_from[source + 1] - numbers_from[source]);
            rest = others;
            if !wishes.is_empty() {
                parts.push((source, wishes, own));
            }
        }
        parts.into_par_iter().for_each_init(
            || GramRow::new(n_items),
            |row, (source, wishes, numbers)| {
                row.fill(gram, source);
                grant(row, supports, wishes, numbers);
            },
        );
        Self {
            numbers,
            starts,
            offsets: supports.offsets()[targets.start..=targets.end].to_vec(),
            first_target: targets.start,
        }
    }

    /// `G_ij` and `G_iN` from the diagonal on, for target `j` and `i = N[at]`.
    pub(super) fn row(&self, target: usize, at: usize) -> (f32, &[f32]) {
        let row = target - self.first_target;
        let size = self.offsets[row + 1] - self.offsets[row];
        let start = self.starts[self.offsets[row] - self.offsets[0] + at];
        let numbers = &self.numbers[start..][..wanted(size, at)];
        (numbers[0], &numbers[1..])
    }
}

/// Writes what each wish wants of the row, one after another.
fn grant(row: &GramRow, supports: &Csr, wishes: &[Wish], mut numbers: &mut [f32]) {
    for wish in wishes {
        let (sources, _) = supports.row(wish.target as usize);
        let at = wish.at as usize;
        let (own, others) = numbers.split_at_mut(wanted(sources.len(), at));
        numbers = others;
        own[0] = row.at(wish.target);
        for (number, &other) in own[1..].iter_mut().zip(&sources[at..]) {
            *number = row.at(other);
        }
    }
}
