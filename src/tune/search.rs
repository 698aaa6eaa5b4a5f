//! The search of one stage: the simplex of Nelder and Mead within the unit cube.
//!
//! A ranking metric has no slope to follow, and a trial costs seconds; the simplex asks for nothing but scores. It is a
//! pure function of them: the same scores lead along the same points, which is what makes a search resumable.

use std::cell::RefCell;

use argmin::core::{CostFunction, Executor};
use argmin::solver::neldermead::NelderMead;

/// More steps than any search of a few dimensions needs; it ends when rounding lets nothing move any more.
const MOST_STEPS: u64 = 400;

/// Tries points, and is told `None` when it must stop.
type Trial<'a> = &'a mut dyn FnMut(&[f64]) -> Option<f64>;

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The simplex has contracted: its scores differ by no more than the tolerance.
    Converged,
    /// The budget was used up.
    Stopped,
}

/// Searches for the highest score from `start`, with a first step along each axis. `trial` keeps what it was asked.
pub fn search(start: &[f64], steps: &[f64], tolerance: f64, trial: Trial<'_>) -> Ended {
    let mut simplex = vec![start.to_vec()];
    for (axis, &step) in steps.iter().enumerate() {
        let mut corner = start.to_vec();
        let there = corner[axis] + step;
        // A step that would leave the cube goes the other way.
        corner[axis] = if (0.0..=1.0).contains(&there) {
            there
        } else {
            corner[axis] - step
        };
        simplex.push(corner);
    }
    // The corners are tried first: once they are known, a solver of argmin can be stopped by an error.
    let mut corners = Vec::with_capacity(simplex.len());
    for corner in &simplex {
        let Some(score) = trial(corner) else {
            return Ended::Stopped;
        };
        corners.push((corner.clone(), score));
    }
    let problem = Problem {
        corners,
        trial: RefCell::new(trial),
    };
    // The tolerance is a finite number above zero, which is all that the solver asks of it.
    let Ok(solver) = NelderMead::new(simplex).with_sd_tolerance(tolerance.max(1e-9)) else {
        return Ended::Stopped;
    };
    let run = Executor::new(problem, solver)
        .configure(|state| state.max_iters(MOST_STEPS))
        .run();
    if run.is_ok() {
        Ended::Converged
    } else {
        Ended::Stopped
    }
}

struct Problem<'a> {
    corners: Vec<(Vec<f64>, f64)>,
    trial: RefCell<Trial<'a>>,
}

impl CostFunction for Problem<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, at: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        if let Some((_, score)) = self.corners.iter().find(|(corner, _)| corner == at) {
            return Ok(-score);
        }
        let inside: Vec<f64> = at.iter().map(|x| x.clamp(0.0, 1.0)).collect();
        let score = (self.trial.borrow_mut())(&inside);
        score
            .map(|score| -score)
            .ok_or_else(|| argmin::core::Error::msg("the budget is used up"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_optimum_of_a_known_function_is_found_inside_and_at_the_edge() {
        for top in [[0.3, 0.8, 0.55], [0.0, 1.0, 0.4]] {
            let score = |at: &[f64]| 1.0 - at.iter().zip(top).map(|(x, t)| (x - t) * (x - t)).sum::<f64>();
            let (mut best, mut n) = (0.0f64, 0);
            let ended = search(&[0.5; 3], &[0.15; 3], 1e-7, &mut |at| {
                n += 1;
                assert!(at.iter().all(|x| (0.0..=1.0).contains(x)), "{at:?}");
                best = best.max(score(at));
                Some(score(at))
            });
            assert_eq!(ended, Ended::Converged);
            assert!(best > 0.9995 && n < 250, "{best} after {n}");
        }
    }

    #[test]
    fn it_stops_when_it_is_told_to() {
        for most in [0, 1, 2, 3, 7] {
            let mut left = most;
            let ended = search(&[0.95, 0.5], &[0.1, 0.1], 1e-9, &mut |at| {
                if left == 0 {
                    return None;
                }
                left -= 1;
                Some(at[0] * at[1])
            });
            assert_eq!((ended, left), (Ended::Stopped, 0), "of {most}");
        }
    }
}
