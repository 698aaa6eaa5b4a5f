//! Training: the two sides are solved in turn.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::mem;

use rand::SeedableRng;
use rand_distr::{Distribution, Normal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

use super::axes::Axes;
use super::conjugate::{HEAVY_ROW, Held, RowImprover};
use super::params::IalsParams;
use super::solve::{Entries, RowSolver};
use crate::history::Csr;
use crate::numeric::{Eigen, PackedRows, gram, multiply, prefetch, symmetric_eigen};
use crate::progress::Progress;
use crate::recommend::FitError;

/// Rows that a thread takes at once, at most: turned together, they stay in the second cache.
const LARGEST_SHARE: usize = 64;

/// Entries of a row whose factors are asked for from memory while the row before it is improved.
const ASKED: usize = 128;

/// Numbers that are drawn from one stretch of the random sequence.
const DRAWN_TOGETHER: usize = 1 << 19;

/// First item factors: `N(0, (init_stddev / √factors)²)`.
///
/// They are drawn side by side, in stretches that lie 2¹²⁸ steps of the generator apart: the same for any number of threads.
pub(super) fn first_items(n_items: usize, params: &IalsParams, seed: u64) -> Vec<f32> {
    let raw = params.raw();
    let spread = (raw.init_stddev / (raw.factors as f64).sqrt()) as f32;
    let mut items = vec![0.0; n_items * raw.factors];
    // The checked spread is finite and above zero, so the distribution exists.
    if let Ok(normal) = Normal::new(0.0f32, spread) {
        let mut next = Xoshiro256PlusPlus::seed_from_u64(seed);
        let stretches: Vec<(Xoshiro256PlusPlus, &mut [f32])> = items
            .chunks_mut(DRAWN_TOGETHER)
            .map(|items| {
                let random = next.clone();
                next.jump();
                (random, items)
            })
            .collect();
        stretches.into_par_iter().for_each(|(random, items)| {
            for (item, number) in items.iter_mut().zip(normal.sample_iter(random)) {
                *item = number;
            }
        });
    }
    items
}

/// The item factors after all epochs, from the given first ones, which are zero for items without an entry.
pub(super) fn fit_items(
    matrix: &Csr,
    params: &IalsParams,
    items: Vec<f32>,
    progress: &dyn Progress,
) -> Result<Vec<f32>, FitError> {
    let raw = params.raw();
    progress.begin("Fitting item factors", raw.epochs as u64);
    // One of the threads that share the work also leads it, so that none has to be woken for each of its pieces.
    let found = rayon::scope(|_| {
        let mut training = Training::new(matrix, params, items);
        for epoch in 1..=raw.epochs {
            training.solve_customers();
            training.solve_items();
            if !are_finite(&training.items.factors) {
                return Err(FitError::Diverged { epoch });
            }
            progress.advance(1);
        }
        Ok(training.items.factors)
    });
    progress.end();
    found
}

/// Moves rows of `width` numbers to their places among `n` rows, which ascend; the other rows are zero.
pub(super) fn placed(mut rows: Vec<f32>, places: &[u32], n: usize, width: usize) -> Vec<f32> {
    rows.resize(n * width, 0.0);
    for (at, &place) in places.iter().enumerate().rev() {
        let place = place as usize;
        if place == at {
            // So are all before.
            break;
        }
        let row = at * width..(at + 1) * width;
        rows.copy_within(row.clone(), place * width);
        rows[row].fill(0.0);
    }
    rows
}

fn are_finite(numbers: &[f32]) -> bool {
    // A fold has no way out early, and so is computed many numbers at a time.
    let finite = |numbers: &[f32]| numbers.iter().fold(true, |finite, x| finite & x.is_finite());
    numbers.par_chunks(1 << 14).all(finite)
}

/// Both sides between two halves of an epoch.
pub(super) struct Training<'a> {
    params: &'a IalsParams,
    by_customer: Sorted<'a>,
    by_item: Sorted<'a>,
    pub(super) customers: Side,
    pub(super) items: Side,
    held: Held,
}

/// The factors of one side.
///
/// While the other side is solved, this one stands in its principal axes; only rounded rows are read meanwhile, so that
/// the factors themselves are turned no sooner than they are improved, together with the turn that comes then.
pub(super) struct Side {
    factors: Vec<f32>,
    /// The axes (width × width, one in each row) that the factors are yet to be turned into; empty: none.
    ahead: Vec<f32>,
}

impl Side {
    fn new(factors: Vec<f32>) -> Self {
        let ahead = Vec::new();
        Self { factors, ahead }
    }

    /// The factors in the axes that both sides have in common.
    #[cfg(test)]
    pub(super) fn turned(&self, width: usize) -> Vec<f32> {
        let mut turned = self.factors.clone();
        if !self.ahead.is_empty() {
            multiply(&self.factors, &PackedRows::new(&self.ahead, width), &mut turned);
        }
        turned
    }
}

/// A matrix, and its rows by falling length: no thread finds the longest row when the others are done.
struct Sorted<'a> {
    matrix: Cow<'a, Csr>,
    rows: Vec<u32>,
}

impl<'a> Sorted<'a> {
    fn new(matrix: Cow<'a, Csr>) -> Self {
        let mut rows: Vec<u32> = (0..matrix.n_rows() as u32).collect();
        rows.par_sort_by_key(|&row| Reverse(matrix.row(row as usize).0.len()));
        Self { matrix, rows }
    }

    /// Each row's entries and its place in `out`, the longest first.
    fn with<'b>(&'b self, out: &'b mut [f32], width: usize) -> Vec<(Entries<'b>, &'b mut [f32])> {
        let mut places: Vec<&mut [f32]> = out.chunks_exact_mut(width).collect();
        let entries = |&row: &u32| {
            let (columns, weights) = self.matrix.row(row as usize);
            (Entries { columns, weights }, mem::take(&mut places[row as usize]))
        };
        self.rows.iter().map(entries).collect()
    }
}

impl<'a> Training<'a> {
    pub(super) fn new(matrix: &'a Csr, params: &'a IalsParams, items: Vec<f32>) -> Self {
        Self {
            params,
            by_customer: Sorted::new(Cow::Borrowed(matrix)),
            by_item: Sorted::new(Cow::Owned(matrix.transposed())),
            customers: Side::new(vec![0.0; matrix.n_rows() * params.raw().factors]),
            items: Side::new(items),
            held: Held::default(),
        }
    }

    /// Solves all customers, given the items.
    pub(super) fn solve_customers(&mut self) {
        let (items, customers) = (&mut self.items, &mut self.customers);
        solve_half(&self.by_customer, self.params, items, customers, &mut self.held);
    }

    /// Solves all items, given the customers.
    pub(super) fn solve_items(&mut self) {
        let (items, customers) = (&mut self.items, &mut self.customers);
        solve_half(&self.by_item, self.params, customers, items, &mut self.held);
    }
}

/// Turns both sides into the axes of `other`, and solves every row of `side` or improves it from where it was.
fn solve_half(matrix: &Sorted<'_>, params: &IalsParams, other: &mut Side, side: &mut Side, held: &mut Held) {
    let width = params.raw().factors;
    if params.raw().solver_steps == 0 {
        let axes = Axes::new(mem::take(&mut other.factors).into(), width);
        solve_rows(&axes, params, matrix.with(&mut side.factors, width));
        other.factors = axes.factors.into_vec();
        return;
    }
    let Eigen { values, vectors } = symmetric_eigen(&gram(&other.factors, width), width);
    let vectors: Vec<f32> = vectors.iter().map(|&x| x as f32).collect();
    held.rows
        .refill_turned(&other.factors, &PackedRows::new(&vectors, width));
    held.energy = values.iter().map(|&value| value.max(0.0) as f32).collect();
    held.n_touched = held.rows.n_filled();
    let turn = PackedRows::new(&following(&vectors, &side.ahead, width), width);
    improve_rows(held, params, Some(&turn), matrix.with(&mut side.factors, width));
    side.ahead.clear();
    other.ahead = vectors;
}

/// One turn that does what `first` and then `second` do: `second · first`; an empty first one does nothing.
fn following(second: &[f32], first: &[f32], width: usize) -> Vec<f32> {
    if first.is_empty() {
        return second.to_vec();
    }
    let columns: Vec<f32> = (0..width * width)
        .map(|at| first[at % width * width + at / width])
        .collect();
    let mut out = vec![0.0; width * width];
    multiply(second, &PackedRows::new(&columns, width), &mut out);
    out
}

/// Solves rows exactly.
fn solve_rows(other: &Axes, params: &IalsParams, rows: Vec<(Entries<'_>, &mut [f32])>) {
    let rows = rows.into_par_iter().with_max_len(LARGEST_SHARE);
    rows.for_each_init(RowSolver::default, |solver, (entries, out)| {
        solver.solve(other, params, entries, out);
    });
}

/// Turns rows, where there is a turn, and improves them.
///
/// # Determinism
/// Each row is computed by one thread, except for the very heavy ones, whose entries are cut by their number alone.
fn improve_rows(
    other: &Held,
    params: &IalsParams,
    turn: Option<&PackedRows>,
    mut rows: Vec<(Entries<'_>, &mut [f32])>,
) {
    let heavy = rows.partition_point(|(entries, _)| entries.columns.len() > HEAVY_ROW);
    let (heavy, light) = rows.split_at_mut(heavy);
    Improver::default().improve(other, params, turn, heavy);
    light
        .par_chunks_mut(LARGEST_SHARE)
        .with_max_len(1)
        .for_each_init(Improver::default, |improver, rows| {
            improver.improve(other, params, turn, rows);
        });
}

/// Room to improve some rows that are turned together.
#[derive(Default)]
struct Improver {
    room: RowImprover,
    before: Vec<f32>,
    after: Vec<f32>,
}

impl Improver {
    fn improve(
        &mut self,
        other: &Held,
        params: &IalsParams,
        turn: Option<&PackedRows>,
        rows: &mut [(Entries<'_>, &mut [f32])],
    ) {
        if let Some(turn) = turn {
            self.before.clear();
            for (_, x) in &*rows {
                self.before.extend_from_slice(x);
            }
            self.after.resize(self.before.len(), 0.0);
            multiply(&self.before, turn, &mut self.after);
            for ((_, x), after) in rows.iter_mut().zip(self.after.chunks_exact(turn.n_rows())) {
                x.copy_from_slice(after);
            }
        }
        for at in 0..rows.len() {
            if let Some((next, _)) = rows.get(at + 1) {
                for &column in next.columns.iter().take(ASKED) {
                    prefetch(other.rows.row(column as usize).0);
                }
            }
            let (entries, x) = &mut rows[at];
            self.room.improve(other, params, *entries, x);
        }
    }
}

/// Solves every row of one side, given the other in its principal axes, or improves it from where `out` has it.
#[cfg(test)]
pub(super) fn solve_side(matrix: &Csr, other: &Axes, params: &IalsParams, out: &mut [f32]) {
    let width = params.raw().factors;
    let matrix = Sorted::new(Cow::Borrowed(matrix));
    let rows = matrix.with(out, width);
    if params.raw().solver_steps == 0 {
        return solve_rows(other, params, rows);
    }
    let mut held = Held {
        energy: other.energy.clone(),
        n_touched: other.n_touched,
        ..Held::default()
    };
    held.rows.refill(&other.factors, width);
    improve_rows(&held, params, None, rows);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_move_to_their_places() {
        let rows = || (1u8..=6).map(f32::from).collect::<Vec<_>>();
        for (places, n, expected) in [
            ([0, 1, 2], 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
            ([0, 1, 2], 4, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0, 0.0]),
            ([0, 2, 3], 4, vec![1.0, 2.0, 0.0, 0.0, 3.0, 4.0, 5.0, 6.0]),
            (
                [1, 2, 4],
                5,
                vec![0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 5.0, 6.0],
            ),
        ] {
            assert_eq!(placed(rows(), &places, n, 2), expected, "{places:?}");
        }
    }
}
