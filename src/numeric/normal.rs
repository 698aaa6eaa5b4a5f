//! The pieces of a conjugate-gradient step on a row's normal equations, whose matrix is never formed.

use super::dispatch::dispatch;
use super::group::{Rounded, Rows, Wide};
use super::rounded::RoundedRows;
use super::tile::LANES;
use super::vector::{Vector, madd};

/// Chosen rows of a matrix, each with its weight.
#[derive(Clone, Copy, Debug)]
pub struct WeightedRows<'a> {
    /// The matrix.
    pub rows: &'a RoundedRows,
    /// Which rows.
    pub chosen: &'a [u32],
    /// A weight for each of them.
    pub weights: &'a [f32],
    /// The chosen rows as [`RoundedRows::widen`] writes them, where few enough are chosen to stay in the first cache.
    pub wide: Option<&'a [f32]>,
}

/// The definition, in `f64`: `out[k] += Σ_e weight_e (offset + slope · h_e·x) h_e[k]` over the chosen rows `h_e`.
pub fn add_weighted_plain(chosen: WeightedRows<'_>, offset: f32, slope: f32, x: &[f32], out: &mut [f64]) {
    for (&at, &weight) in chosen.chosen.iter().zip(chosen.weights) {
        let (numbers, unit) = chosen.rows.row(at as usize);
        let row = || numbers.iter().map(|&h| f64::from(h) * f64::from(unit));
        let along: f64 = row().zip(x).map(|(h, &x)| h * f64::from(x)).sum();
        let factor = f64::from(weight) * (f64::from(offset) + f64::from(slope) * along);
        for (out, h) in out.iter_mut().zip(row()) {
            *out += factor * h;
        }
    }
}

/// [`add_weighted_plain`], a few rows at a time.
///
/// # Panics
/// When a row is not in the matrix, or `x` and `out` are not of its width.
pub fn add_weighted(chosen: WeightedRows<'_>, offset: f32, slope: f32, x: &[f32], out: &mut [f32]) {
    check(chosen, x);
    assert_eq!(out.len(), x.len(), "a result for each column");
    dispatch!(add_weighted_body(chosen: WeightedRows<'_>, offset: f32, slope: f32, x: &[f32], out: &mut [f32]));
}

#[inline(always)]
fn add_weighted_body<V: Vector, const ROWS: usize>(
    chosen: WeightedRows<'_>,
    offset: f32,
    slope: f32,
    x: &[f32],
    out: &mut [f32],
) {
    let weights = chosen.weights;
    match chosen.wide {
        Some(rows) => add_all::<V, _>(&Wide { rows, width: x.len() }, weights, [offset, slope], x, out),
        None => add_all::<V, _>(&Rounded::of(chosen), weights, [offset, slope], x, out),
    }
}

#[inline(always)]
fn add_all<V: Vector, R: Rows>(rows: &R, weights: &[f32], terms: [f32; 2], x: &[f32], out: &mut [f32]) {
    let (many, few) = weights.as_chunks::<8>();
    for (at, weights) in many.iter().enumerate() {
        rows.group::<8>(8 * at, 8).add::<V>(weights, terms, x, out);
    }
    for (at, weights) in few.chunks(4).enumerate() {
        let group = rows.group::<4>(8 * many.len() + 4 * at, weights.len());
        group.add::<V>(&filled_up(weights), terms, x, out);
    }
}

/// `Σ_e weight_e (h_e·x)²` over the chosen rows `h_e`.
///
/// # Panics
/// When a row is not in the matrix, or `x` is not of its width.
#[must_use]
pub fn weighted_square(chosen: WeightedRows<'_>, x: &[f32]) -> f32 {
    check(chosen, x);
    dispatch!(weighted_square_body(chosen: WeightedRows<'_>, x: &[f32]) -> f32)
}

#[inline(always)]
fn weighted_square_body<V: Vector, const ROWS: usize>(chosen: WeightedRows<'_>, x: &[f32]) -> f32 {
    match chosen.wide {
        Some(rows) => square_all::<V, _>(&Wide { rows, width: x.len() }, chosen.weights, x),
        None => square_all::<V, _>(&Rounded::of(chosen), chosen.weights, x),
    }
}

#[inline(always)]
fn square_all<V: Vector, R: Rows>(rows: &R, weights: &[f32], x: &[f32]) -> f32 {
    let (many, few) = weights.as_chunks::<8>();
    let mut sum = 0.0;
    for (at, weights) in many.iter().enumerate() {
        let along = rows.group::<8>(8 * at, 8).along::<V>(x);
        for (along, weight) in along.iter().zip(weights) {
            sum = madd::<V>(weight * along, *along, sum);
        }
    }
    for (at, weights) in few.chunks(4).enumerate() {
        let group = rows.group::<4>(8 * many.len() + 4 * at, weights.len());
        for (along, weight) in group.along::<V>(x).iter().zip(weights) {
            sum = madd::<V>(weight * along, *along, sum);
        }
    }
    sum
}

fn check(chosen: WeightedRows<'_>, x: &[f32]) {
    assert_eq!(chosen.chosen.len(), chosen.weights.len(), "a weight for each row");
    assert_eq!(x.len(), chosen.rows.width(), "a number for each column");
    let numbers = chosen.chosen.len() * x.len();
    assert!(
        chosen.wide.is_none_or(|wide| wide.len() == numbers),
        "the chosen rows once more"
    );
}

/// One to four weights, filled up by zeros.
#[inline(always)]
fn filled_up(weights: &[f32]) -> [f32; 4] {
    let mut whole = [0.0; 4];
    whole[..weights.len()].copy_from_slice(weights);
    whole
}

/// The vectors of a conjugate-gradient iteration beside the solution.
#[derive(Clone, Debug, Default)]
pub struct Conjugate {
    /// What is left of the right-hand side.
    pub residual: Vec<f32>,
    /// Where the solution moves next.
    pub direction: Vec<f32>,
    /// The matrix times the direction.
    pub image: Vec<f32>,
}

impl Conjugate {
    /// Room for vectors of this width, all zero.
    pub fn reset(&mut self, width: usize) {
        for vector in [&mut self.residual, &mut self.direction, &mut self.image] {
            vector.clear();
            vector.resize(width, 0.0);
        }
    }

    /// `residual = −diagonal ∘ x` with `diagonal = share · energy + regularization`, which is left with its inverse in
    /// `system`.
    pub fn begin(
        &mut self,
        energy: &[f32],
        [share, regularization]: [f32; 2],
        system: &mut Diagonal,
        x: &[f32],
    ) {
        for vector in [&mut system.diagonal, &mut system.inverse] {
            vector.resize(energy.len(), 0.0);
        }
        let residual = self.residual.as_mut_slice();
        begin(energy, share, regularization, system, x, residual);
    }

    /// `direction = inverse ∘ residual + β · direction`, and `image = diagonal ∘ direction`.
    pub fn turn(&mut self, system: &Diagonal, beta: f32) {
        turn(system, beta, self);
    }

    /// `x += α · direction`, `residual −= α · image`; says the new `Σ inverse · residual²`.
    pub fn advance(&mut self, inverse: &[f32], alpha: f32, x: &mut [f32]) -> f32 {
        let (direction, image) = (self.direction.as_slice(), self.image.as_slice());
        advance(inverse, alpha, direction, image, &mut self.residual, x)
    }
}

/// The diagonal part of a row's matrix, which is also what conditions it.
#[derive(Clone, Debug, Default)]
pub struct Diagonal {
    /// All above zero.
    pub diagonal: Vec<f32>,
    /// One over it.
    pub inverse: Vec<f32>,
}

fn begin(
    energy: &[f32],
    share: f32,
    regularization: f32,
    system: &mut Diagonal,
    x: &[f32],
    residual: &mut [f32],
) {
    dispatch!(begin_body(
        energy: &[f32],
        share: f32,
        regularization: f32,
        system: &mut Diagonal,
        x: &[f32],
        residual: &mut [f32],
    ));
}

#[inline(always)]
fn begin_body<V: Vector, const ROWS: usize>(
    energy: &[f32],
    share: f32,
    regularization: f32,
    system: &mut Diagonal,
    x: &[f32],
    residual: &mut [f32],
) {
    for (diagonal, &energy) in system.diagonal.iter_mut().zip(energy) {
        *diagonal = madd::<V>(share, energy, regularization);
    }
    for (inverse, &diagonal) in system.inverse.iter_mut().zip(&system.diagonal) {
        *inverse = 1.0 / diagonal;
    }
    for ((residual, &x), &diagonal) in residual.iter_mut().zip(x).zip(&system.diagonal) {
        *residual = -diagonal * x;
    }
}

fn turn(system: &Diagonal, beta: f32, room: &mut Conjugate) {
    dispatch!(turn_body(system: &Diagonal, beta: f32, room: &mut Conjugate));
}

#[inline(always)]
fn turn_body<V: Vector, const ROWS: usize>(system: &Diagonal, beta: f32, room: &mut Conjugate) {
    let residual = room.residual.iter().zip(&system.inverse);
    for (direction, (&residual, &inverse)) in room.direction.iter_mut().zip(residual) {
        *direction = madd::<V>(beta, *direction, inverse * residual);
    }
    let direction = room.direction.iter().zip(&system.diagonal);
    for (image, (&direction, &diagonal)) in room.image.iter_mut().zip(direction) {
        *image = diagonal * direction;
    }
}

fn advance(
    inverse: &[f32],
    alpha: f32,
    direction: &[f32],
    image: &[f32],
    residual: &mut [f32],
    x: &mut [f32],
) -> f32 {
    dispatch!(advance_body(
        inverse: &[f32],
        alpha: f32,
        direction: &[f32],
        image: &[f32],
        residual: &mut [f32],
        x: &mut [f32],
    ) -> f32)
}

#[inline(always)]
fn advance_body<V: Vector, const ROWS: usize>(
    inverse: &[f32],
    alpha: f32,
    direction: &[f32],
    image: &[f32],
    residual: &mut [f32],
    x: &mut [f32],
) -> f32 {
    for (x, &direction) in x.iter_mut().zip(direction) {
        *x = madd::<V>(alpha, direction, *x);
    }
    for (residual, &image) in residual.iter_mut().zip(image) {
        *residual = madd::<V>(-alpha, image, *residual);
    }
    scaled_square::<V>(inverse, residual)
}

/// `Σ_k weights[k] x[k]²`.
#[must_use]
pub fn square(weights: &[f32], x: &[f32]) -> f32 {
    assert_eq!(weights.len(), x.len(), "a weight for each number");
    dispatch!(square_body(weights: &[f32], x: &[f32]) -> f32)
}

#[inline(always)]
fn square_body<V: Vector, const ROWS: usize>(weights: &[f32], x: &[f32]) -> f32 {
    scaled_square::<V>(weights, x)
}

#[inline(always)]
fn scaled_square<V: Vector>(weights: &[f32], x: &[f32]) -> f32 {
    let (weights, weights_rest) = weights.as_chunks::<LANES>();
    let (x, x_rest) = x.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (weights, x) in weights.iter().zip(x) {
        for lane in 0..LANES {
            sums[lane] = madd::<V>(weights[lane] * x[lane], x[lane], sums[lane]);
        }
    }
    let mut sum: f32 = sums.iter().sum();
    for (&weight, &x) in weights_rest.iter().zip(x_rest) {
        sum = madd::<V>(weight * x, x, sum);
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(n: usize, seed: usize) -> Vec<f32> {
        (0..n)
            .map(|k| ((k * 7919 + seed * 313) % 1009) as f32 / 504.5 - 1.0)
            .collect()
    }

    proptest! {
        #[test]
        fn the_grouped_form_agrees_with_the_definition(width in 1usize..70, n in 0usize..30, seed in 0usize..9) {
            let mut rows = RoundedRows::default();
            rows.refill(&numbers(40 * width, seed), width);
            let chosen: Vec<u32> = (0..n as u32).map(|e| (e * 7) % 40).collect();
            let weights: Vec<f32> = numbers(n, seed + 1).iter().map(|w| w + 1.5).collect();
            let x = numbers(width, seed + 2);
            let fast = numbers(width, seed + 3);
            let plain: Vec<f64> = fast.iter().map(|&x| f64::from(x)).collect();
            let mut wide = vec![f32::NAN; 3];
            rows.widen(&chosen, &mut wide);
            for wide in [None, Some(wide.as_slice())] {
            let mut fast = fast.clone();
            let mut plain = plain.clone();
            let chosen = WeightedRows { rows: &rows, chosen: &chosen, weights: &weights, wide };
            add_weighted(chosen, 0.5, -2.0, &x, &mut fast);
            add_weighted_plain(chosen, 0.5, -2.0, &x, &mut plain);
            for (fast, plain) in fast.iter().zip(&plain) {
                prop_assert!((f64::from(*fast) - plain).abs() <= 1e-5 * (1 + n * width) as f64, "{fast} {plain}");
            }
            let square = f64::from(weighted_square(chosen, &x));
            // xᵀ Σ w h hᵀ x is what the definition adds, along x.
            let mut image = vec![0.0; width];
            add_weighted_plain(chosen, 0.0, 1.0, &x, &mut image);
            let plain: f64 = image.iter().zip(&x).map(|(image, &x)| image * f64::from(x)).sum();
            prop_assert!((square - plain).abs() <= 1e-6 * width as f64 * (1.0 + plain), "{square} {plain}");
            }
        }

        #[test]
        fn the_vector_steps_are_their_formulas(width in 1usize..70, seed in 0usize..9) {
            let energy: Vec<f32> = numbers(width, seed).iter().map(|x| x + 1.5).collect();
            let mut room = Conjugate {
                residual: numbers(width, seed + 1),
                direction: numbers(width, seed + 2),
                image: numbers(width, seed + 3),
            };
            let mut system = Diagonal::default();
            let mut x = numbers(width, seed + 4);
            room.begin(&energy, [2.0, 0.5], &mut system, &x);
            for k in 0..width {
                prop_assert!((system.diagonal[k] - 2.0 * energy[k] - 0.5).abs() < 1e-5);
                prop_assert!((system.inverse[k] * system.diagonal[k] - 1.0).abs() < 1e-5);
                prop_assert!((room.residual[k] + system.diagonal[k] * x[k]).abs() < 1e-5);
            }
            let (before, x_before) = (room.clone(), x.clone());
            let height = room.advance(&system.inverse, 0.5, &mut x);
            room.turn(&system, 0.25);
            let mut sum = 0.0;
            for k in 0..width {
                let residual = before.residual[k] - 0.5 * before.image[k];
                sum += system.inverse[k] * residual * residual;
                let direction = system.inverse[k] * residual + 0.25 * before.direction[k];
                prop_assert!((x[k] - x_before[k] - 0.5 * before.direction[k]).abs() < 1e-5);
                prop_assert!((room.residual[k] - residual).abs() < 1e-5);
                prop_assert!((room.direction[k] - direction).abs() < 1e-4);
                prop_assert!((room.image[k] - system.diagonal[k] * direction).abs() < 1e-4);
            }
            let again = square(&system.inverse, &room.residual);
            prop_assert!((height - sum).abs() < 1e-4 * (1.0 + sum) && (again - sum).abs() < 1e-4 * (1.0 + sum));
        }
    }
}
