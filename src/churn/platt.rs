//! Platt scaling: the two numbers that make a raw score's log-odds mean what happens.

use serde::{Deserialize, Serialize};

/// Newton steps; a handful are usual.
const MAX_STEPS: usize = 100;

/// Calibrated log-odds are `slope · raw + offset`.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platt {
    /// Above zero: calibration never turns the ranking round.
    pub slope: f64,
    /// Shift in log-odds.
    pub offset: f64,
}

impl Platt {
    /// Leaves scores as they are.
    pub const IDENTITY: Self = Self {
        slope: 1.0,
        offset: 0.0,
    };

    /// Fits to raw log-odds and outcomes; `None` where no slope above zero fits, or an outcome is missing.
    ///
    /// Targets are smoothed to `(N₊ + 1) / (N₊ + 2)` and `1 / (N₋ + 2)`, so that perfectly separated scores get a
    /// finite slope.
    ///
    /// # Source
    /// Platt, *Probabilistic Outputs for Support Vector Machines*, 1999; the damped Newton method of Lin, Lin and Weng,
    /// *A Note on Platt's Probabilistic Outputs for Support Vector Machines*, 2007.
    #[must_use]
    pub fn fit(raw: &[f64], happened: &[bool]) -> Option<Self> {
        let (slope, offsets) = fit_groups(&[(raw, happened)])?;
        Some(Self {
            slope,
            offset: *offsets.first()?,
        })
    }

    /// The scaling of this slope whose mean probability on these rows is the share for which it happened.
    #[must_use]
    pub fn with_mean(slope: f64, raw: &[f64], happened: &[bool]) -> Option<Self> {
        let wanted = smoothed(happened).map(|(target, _)| target).sum::<f64>();
        let expected = |offset: f64| raw.iter().map(|f| sigmoid(slope * f + offset)).sum::<f64>();
        // The sum rises with the offset, so that halving always keeps the answer inside.
        let (mut low, mut high) = (-50.0, 50.0);
        if happened.is_empty() || expected(low) > wanted || expected(high) < wanted {
            return None;
        }
        while high - low > 1e-12 {
            let middle = f64::midpoint(low, high);
            if expected(middle) < wanted {
                low = middle;
            } else {
                high = middle;
            }
            if !(low < f64::midpoint(low, high) && f64::midpoint(low, high) < high) {
                break;
            }
        }
        Some(Self {
            slope,
            offset: f64::midpoint(low, high),
        })
    }

    /// Calibrated log-odds.
    #[must_use]
    pub fn apply(&self, raw: f64) -> f64 {
        self.slope * raw + self.offset
    }
}

/// Platt's smoothed targets, each beside whether it happened.
fn smoothed(happened: &[bool]) -> impl Iterator<Item = (f64, bool)> {
    let positive = happened.iter().filter(|&&h| h).count() as f64;
    let negative = happened.len() as f64 - positive;
    let (high, low) = ((positive + 1.0) / (positive + 2.0), 1.0 / (negative + 2.0));
    happened.iter().map(move |&h| (if h { high } else { low }, h))
}

/// One slope for all groups of rows and an offset for each: [`Platt::fit`], told that the level of scores differs by
/// group.
///
/// `None` where no slope above zero fits, or a group lacks an outcome.
#[must_use]
pub(crate) fn fit_groups(groups: &[(&[f64], &[bool])]) -> Option<(f64, Vec<f64>)> {
    let rows: Vec<Vec<(f64, f64)>> = groups
        .iter()
        .map(|(raw, happened)| {
            raw.iter()
                .zip(smoothed(happened))
                .map(|(&f, (target, _))| (f, target))
                .collect()
        })
        .collect();
    let both = |happened: &[bool]| happened.contains(&true) && happened.contains(&false);
    if groups.is_empty() || !groups.iter().all(|(_, happened)| both(happened)) {
        return None;
    }
    let n: usize = rows.iter().map(Vec::len).sum();
    let mean_target = |rows: &Vec<(f64, f64)>| rows.iter().map(|row| row.1).sum::<f64>() / rows.len() as f64;
    let mut slope = 0.0;
    let mut offsets: Vec<f64> = rows.iter().map(|rows| logit(mean_target(rows))).collect();
    let mut loss = loss_of(&rows, slope, &offsets);
    for _ in 0..MAX_STEPS {
        let Some((slope_step, offset_steps, decrement)) = newton_step(&rows, slope, &offsets) else {
            break;
        };
        let mut damping = 1.0;
        let next = loop {
            let to_slope = slope - damping * slope_step;
            let to_offsets: Vec<f64> = offsets
                .iter()
                .zip(&offset_steps)
                .map(|(offset, step)| offset - damping * step)
                .collect();
            let to_loss = loss_of(&rows, to_slope, &to_offsets);
            if to_loss <= loss - 1e-4 * damping * decrement {
                break Some((to_slope, to_offsets, to_loss));
            }
            damping /= 2.0;
            if damping < 1e-10 {
                break None;
            }
        };
        // No step improves any more: the optimum to within rounding.
        let Some(next) = next else { break };
        (slope, offsets, loss) = next;
        if decrement < 1e-14 * n as f64 {
            break;
        }
    }
    let finite = slope.is_finite() && offsets.iter().all(|offset| offset.is_finite());
    (finite && slope > 0.0).then_some((slope, offsets))
}

fn loss_of(groups: &[Vec<(f64, f64)>], slope: f64, offsets: &[f64]) -> f64 {
    let of_group = |(rows, offset): (&Vec<(f64, f64)>, &f64)| -> f64 {
        rows.iter()
            .map(|&(f, target)| {
                let log_odds = slope * f + offset;
                // ln(1 + e^x) − t x, written so that e^x never overflows.
                log_odds.max(0.0) + (-log_odds.abs()).exp().ln_1p() - target * log_odds
            })
            .sum()
    };
    groups.iter().zip(offsets).map(of_group).sum()
}

/// The Newton step of the slope and of each offset, and how steep the loss falls along it.
///
/// Offsets do not touch one another in the Hessian, so they are eliminated one by one and only the slope's equation
/// is left.
fn newton_step(groups: &[Vec<(f64, f64)>], slope: f64, offsets: &[f64]) -> Option<(f64, Vec<f64>, f64)> {
    // A ridge too small to be seen keeps the equations solvable when all scores of a group are equal.
    const RIDGE: f64 = 1e-12;
    let (mut curvature, mut gradient) = (RIDGE, 0.0);
    let mut eliminated = Vec::with_capacity(groups.len());
    for (rows, offset) in groups.iter().zip(offsets) {
        let (mut h_cross, mut h_own, mut g_own) = (0.0, RIDGE, 0.0);
        for &(f, target) in rows {
            let p = sigmoid(slope * f + offset);
            let weight = p * (1.0 - p);
            curvature += weight * f * f;
            gradient += (p - target) * f;
            h_cross += weight * f;
            h_own += weight;
            g_own += p - target;
        }
        eliminated.push((h_cross, h_own, g_own));
    }
    let reduced_curvature = eliminated
        .iter()
        .fold(curvature, |sum, (cross, own, _)| sum - cross * cross / own);
    let reduced_gradient = eliminated
        .iter()
        .fold(gradient, |sum, (cross, own, g)| sum - cross * g / own);
    let slope_step = reduced_gradient / reduced_curvature;
    let offset_steps: Vec<f64> = eliminated
        .iter()
        .map(|(cross, own, g)| (g - cross * slope_step) / own)
        .collect();
    let decrement = gradient * slope_step
        + eliminated
            .iter()
            .zip(&offset_steps)
            .map(|((_, _, g), step)| g * step)
            .sum::<f64>();
    (decrement.is_finite() && decrement > 0.0).then_some((slope_step, offset_steps, decrement))
}

/// `1 / (1 + e^−x)`, without overflow at either end.
#[must_use]
pub fn sigmoid(log_odds: f64) -> f64 {
    if log_odds >= 0.0 {
        1.0 / (1.0 + (-log_odds).exp())
    } else {
        let e = log_odds.exp();
        e / (1.0 + e)
    }
}

/// `ln(p / (1 − p))`.
#[must_use]
pub fn logit(p: f64) -> f64 {
    p.ln() - (-p).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_optimum_of_scikit_learn_1_9_on_smoothed_targets() {
        // LogisticRegression(C=inf, tol=1e-13) on each row twice, weighted with its smoothed target and the rest.
        let raw = [-2.0, -1.5, -1.0, -0.5, -0.2, 0.1, 0.4, 0.8, 1.2, 2.0];
        let happened = [false, false, true, false, false, true, false, true, true, true];
        let platt = Platt::fit(&raw, &happened).unwrap();
        assert!((platt.slope - 0.830_495_318_9).abs() < 1e-8, "{platt:?}");
        assert!((platt.offset - 0.059_888_091_4).abs() < 1e-8, "{platt:?}");
    }

    #[test]
    fn two_scores_have_a_closed_form() {
        // With two different scores the fit meets the mean smoothed target at each: here of 40 rows at −1 with 10
        // events, and of 20 rows at +1 with 15.
        let mut raw = vec![-1.0; 40];
        raw.extend([1.0; 20]);
        let happened: Vec<bool> = (0..60).map(|i| i < 10 || (40..55).contains(&i)).collect();
        let (high, low) = (26.0 / 27.0, 1.0 / 37.0);
        let below = logit((10.0 * high + 30.0 * low) / 40.0);
        let above = logit((15.0 * high + 5.0 * low) / 20.0);
        let platt = Platt::fit(&raw, &happened).unwrap();
        assert!((platt.apply(-1.0) - below).abs() < 1e-9);
        assert!((platt.apply(1.0) - above).abs() < 1e-9);
    }

    #[test]
    fn groups_share_the_slope_and_keep_their_levels() {
        // The same rows twice, once all scores two higher: the second offset makes up for it.
        let raw = [-2.0, -1.5, -1.0, -0.5, -0.2, 0.1, 0.4, 0.8, 1.2, 2.0];
        let higher = raw.map(|f| f + 2.0);
        let happened = [false, false, true, false, false, true, false, true, true, true];
        let alone = Platt::fit(&raw, &happened).unwrap();
        let (slope, offsets) = fit_groups(&[(&raw, &happened), (&higher, &happened)]).unwrap();
        assert!((slope - alone.slope).abs() < 1e-9);
        assert!((offsets[0] - alone.offset).abs() < 1e-9);
        assert!((offsets[1] - (alone.offset - 2.0 * alone.slope)).abs() < 1e-9);
        // At the optimum the mean probability is the mean target, so both ways of setting the level agree.
        let level = Platt::with_mean(alone.slope, &raw, &happened).unwrap();
        assert!((level.offset - alone.offset).abs() < 1e-9);
        assert_eq!(Platt::with_mean(1.0, &[], &[]), None);
    }

    #[test]
    fn separated_scores_get_a_finite_slope_and_turned_scores_none() {
        let raw = [-3.0, -2.0, 2.0, 3.0];
        let platt = Platt::fit(&raw, &[false, false, true, true]).unwrap();
        assert!(platt.slope > 0.1 && platt.slope < 10.0, "{platt:?}");
        assert_eq!(Platt::fit(&raw, &[true, true, false, false]), None);
        assert_eq!(Platt::fit(&raw, &[true; 4]), None);
    }

    #[test]
    fn odds_and_probabilities_are_inverse_at_the_ends_too() {
        for log_odds in [-700.0, -9.0, -1e-3, 0.0, 0.5, 9.0] {
            assert!(
                (logit(sigmoid(log_odds)) - log_odds).abs() <= 1e-9 * log_odds.abs().max(1.0),
                "{log_odds}"
            );
        }
        assert!((sigmoid(1000.0) - 1.0).abs() < 1e-15 && sigmoid(-1000.0).abs() < 1e-15);
    }
}
