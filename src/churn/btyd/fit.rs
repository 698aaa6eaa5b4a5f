//! Maximum likelihood for a handful of positive parameters.
//!
//! The search runs in their logarithms. The simplex of Nelder and Mead finds the neighbourhood of the optimum from a
//! fixed start; L-BFGS with the analytic gradient finds the optimum.
//!
//! # Determinism
//! A fixed start and a cost whose sums have a fixed order: the same data give the same bits.

use std::cell::{Cell, RefCell};

use argmin::core::{CostFunction, Error, Executor, Gradient};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::neldermead::NelderMead;
use argmin::solver::quasinewton::LBFGS;

use super::BtydError;

/// A fitted model.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Fitted<M> {
    /// The model.
    pub model: M,
    /// Log-likelihood of all customers, in the unit of what was fitted, without any ridge.
    pub log_likelihood: f64,
    /// Customers it was fitted to.
    pub customers: usize,
    /// Steps of both solvers.
    pub iterations: u64,
}

/// A value and its gradient.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Slope<const N: usize> {
    pub(super) value: f64,
    pub(super) gradient: [f64; N],
}

/// Where a search ended.
pub(super) struct Optimum<const N: usize> {
    pub(super) at: [f64; N],
    pub(super) iterations: u64,
}

/// Steps of the simplex: enough to leave a bad start, not to find the optimum.
const SIMPLEX_STEPS: u64 = 60;
/// Steps of L-BFGS; about twenty are usual.
const MOST_STEPS: u64 = 500;
/// Costs in vain after which a search ends: the line search of argmin has no limit of its own, and where rounding hides
/// the slope it goes on for ever.
const PATIENCE: u32 = 40;
/// Norm of the gradient per customer at which the optimum is found.
const GRADIENT: f64 = 1e-10;
/// Norm of the gradient per customer above which it was not: a thousandth of what one customer in a thousand weighs.
const LARGEST_GRADIENT: f64 = 1e-6;
/// Logarithms beyond are walled off: no parameter is e^20 times another unit.
const WALL: f64 = 20.0;
/// Weight of the ridge for a shop without customers: a log-normal prior with a standard deviation of 2.
const RIDGE: f64 = 0.25;
/// Customers from whom on the ridge is gone.
const ENOUGH_CUSTOMERS: f64 = 500.0;
/// What is left of the ridge then: it keeps parameters finite that the data sends to infinity, and moves no digit that
/// anyone prints.
const LEAST_RIDGE: f64 = 1e-6;

/// Minimises a mean over `customers` from `start`.
///
/// Beside the mean there is a ridge `κ/(2n) Σ (θ − start)²` with `κ = ¼ max(0, 1 − n/500) + 10⁻⁶`: a shop of a few
/// dozen customers does not tell how they differ, and its parameters would run off to zero or infinity. It fades to
/// nothing with the customers, so that larger shops get the maximum of their likelihood.
pub(super) fn minimise<const N: usize>(
    start: &[f64; N],
    customers: f64,
    mean: &dyn Fn(&[f64; N]) -> Slope<N>,
) -> Result<Optimum<N>, BtydError> {
    let weight = (RIDGE * (1.0 - customers / ENOUGH_CUSTOMERS).max(0.0) + LEAST_RIDGE) / customers;
    let cost = |at: &[f64; N]| {
        let mut slope = mean(&at.map(|x| x.clamp(-WALL, WALL)));
        for ((&x, &centre), gradient) in at.iter().zip(start).zip(&mut slope.gradient) {
            let beyond = x - x.clamp(-WALL, WALL);
            if beyond != 0.0 {
                *gradient = 2.0 * beyond;
            }
            slope.value += weight / 2.0 * (x - centre).powi(2) + beyond * beyond;
            *gradient += weight * (x - centre);
        }
        slope
    };
    let problem = Problem {
        cost: &cost,
        best: RefCell::new((start.to_vec(), f64::INFINITY)),
        in_vain: Cell::new(0),
    };
    let mut iterations = simplex(&problem, start)?;
    let from = problem.best.borrow().0.clone();
    problem.in_vain.set(0);
    iterations += quasi_newton(&problem, from)?;
    let at = array(&problem.best.borrow().0);
    let norm = cost(&at).gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    if norm.is_nan() || norm > LARGEST_GRADIENT {
        return Err(BtydError::NotSolved {
            detail: format!("the gradient is still {norm:e} after {iterations} steps"),
        });
    }
    Ok(Optimum { at, iterations })
}

fn simplex<const N: usize>(problem: &Problem<'_, N>, start: &[f64; N]) -> Result<u64, BtydError> {
    let mut corners = vec![start.to_vec()];
    for axis in 0..N {
        let mut corner = start.to_vec();
        corner[axis] += 0.5;
        corners.push(corner);
    }
    let solver = NelderMead::new(corners)
        .with_sd_tolerance(1e-5)
        .map_err(not_solved)?;
    let run = Executor::new(problem, solver)
        .configure(|state| state.max_iters(SIMPLEX_STEPS))
        .run();
    Ok(run.map_or(0, |run| run.state.iter))
}

/// A line search that rounding lets go no further is an error to argmin and the end to us: the best point so far is
/// kept by the problem, and its gradient says whether it is the optimum.
fn quasi_newton<const N: usize>(problem: &Problem<'_, N>, from: Vec<f64>) -> Result<u64, BtydError> {
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), 10)
        .with_tolerance_grad(GRADIENT)
        .and_then(|solver| solver.with_tolerance_cost(0.0))
        .map_err(not_solved)?;
    let run = Executor::new(problem, solver)
        .configure(|state| state.param(from).max_iters(MOST_STEPS))
        .run();
    Ok(run.map_or(0, |run| run.state.iter))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn not_solved(error: Error) -> BtydError {
    BtydError::NotSolved {
        detail: error.to_string(),
    }
}

struct Problem<'a, const N: usize> {
    cost: &'a dyn Fn(&[f64; N]) -> Slope<N>,
    best: RefCell<(Vec<f64>, f64)>,
    /// Costs asked for since the best one.
    in_vain: Cell<u32>,
}

impl<const N: usize> CostFunction for &Problem<'_, N> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, at: &Vec<f64>) -> Result<f64, Error> {
        check(at)?;
        let value = (self.cost)(&array(at)).value;
        let mut best = self.best.borrow_mut();
        if value < best.1 {
            *best = (at.clone(), value);
            self.in_vain.set(0);
        } else {
            self.in_vain.set(self.in_vain.get() + 1);
        }
        if self.in_vain.get() > PATIENCE {
            return Err(Error::msg("rounding lets the cost fall no further"));
        }
        Ok(value)
    }
}

impl<const N: usize> Gradient for &Problem<'_, N> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, at: &Vec<f64>) -> Result<Vec<f64>, Error> {
        check(at)?;
        Ok((self.cost)(&array(at)).gradient.to_vec())
    }
}

/// Ends a search that has lost its way: L-BFGS steps to NaN once rounding makes its last two gradients equal, and the line
/// search would go on from there for ever.
fn check(at: &[f64]) -> Result<(), Error> {
    if at.iter().all(|x| x.is_finite()) {
        Ok(())
    } else {
        Err(Error::msg("a step to a point that is no number"))
    }
}

/// The solver's points have as many entries as the start.
fn array<const N: usize>(at: &[f64]) -> [f64; N] {
    std::array::from_fn(|axis| at[axis])
}
