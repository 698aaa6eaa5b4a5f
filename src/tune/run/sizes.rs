//! How large models are: twice the size where that pays, half of the links where nothing is lost.

use super::{Allowance, Among, Meter, Tuner};
use crate::recipe::RawRecipe;
use crate::tune::TuneError;
use crate::tune::journal::Trial;
use crate::tune::plan::Stage;
use crate::tune::report::StageReport;
use crate::tune::space::{Dimension, LINKS};

/// A model twice the size must be better by this part: size is paid for by every later fit and answer.
const WORTH_DOUBLING: f64 = 0.01;
/// What twice the size costs, beside the same model before.
const COST_OF_DOUBLING: f64 = 2.5;

impl Tuner<'_> {
    /// Tries the model at twice its size, where the budget has room for that.
    pub(super) fn double(
        &mut self,
        stage: &Stage,
        dimension: &Dimension,
        meter: &mut Meter,
    ) -> Result<(), TuneError> {
        let size = dimension.read(&self.current);
        let twice = 2.0 * size;
        // Neighbours of 0 are all neighbours.
        if size < dimension.low || twice > dimension.high {
            return Ok(());
        }
        let known = self.tried(stage.model, Among::Alone, &self.current);
        let Some(before) = self.asked.get(&known.name()).cloned() else {
            // Not judged at what it is now: nothing to compare with.
            return Ok(());
        };
        let slowest = self.slowest(stage.model);
        if matches!(meter.allowance, Allowance::Seconds(seconds) if slowest * COST_OF_DOUBLING > seconds) {
            return Ok(());
        }
        let mut doubled = self.current.clone();
        dimension.write(&mut doubled, twice);
        let trial = match self.ask(stage.model, Among::Alone, &doubled, meter) {
            Err(TuneError::Fit(_)) => return Ok(()),
            other => other?,
        };
        let improved = trial.ndcg >= before.ndcg * (1.0 + WORTH_DOUBLING);
        if improved {
            self.current = doubled;
        }
        let report = StageReport {
            name: stage.name,
            base_ndcg: before.ndcg,
            ndcg: if improved { trial.ndcg } else { before.ndcg },
            trials: meter.trials,
            seconds: meter.seconds,
            converged: true,
            values: [(dimension.key, dimension.read(&self.current))].into(),
        };
        self.note(report, improved)
    }

    /// Halves the number of a model's links as long as the blend of the current recipe loses no more by it than they are worth.
    pub(super) fn halve(
        &mut self,
        stage: &Stage,
        dimension: &Dimension,
        meter: &mut Meter,
    ) -> Result<(), TuneError> {
        let half_of =
            |raw: &RawRecipe| Some((dimension.read(raw) / 2.0).floor()).filter(|&n| n >= dimension.low);
        if meter.is_spent() || half_of(&self.current).is_none() {
            return Ok(());
        }
        let blend = self.current.clone();
        let among = Among::Blend(&blend);
        let worth = self.base.recommend.blend.worth;
        let start = self.ask(stage.model, among, &blend, meter)?.ndcg;
        let (mut best, mut kept) = (start, start);
        let mut converged = true;
        while let Some(half) = half_of(&self.current) {
            if meter.is_spent() {
                converged = false;
                break;
            }
            let mut halved = self.current.clone();
            dimension.write(&mut halved, half);
            let trial = match self.ask(stage.model, among, &halved, meter) {
                Err(TuneError::Fit(_)) => break,
                other => other?,
            };
            if trial.ndcg < best * (1.0 - worth) {
                break;
            }
            best = best.max(trial.ndcg);
            kept = trial.ndcg;
            self.current = halved;
        }
        let improved = self.current != blend;
        let report = StageReport {
            name: stage.model.name_in_blend(),
            base_ndcg: start,
            ndcg: kept,
            trials: meter.trials,
            seconds: meter.seconds,
            converged,
            values: [(dimension.key, dimension.read(&self.current))].into(),
        };
        self.note(report, improved)
    }

    /// How much of what the base's blend has is left out of another because it was not worth its place: links of a model, or
    /// low-pass.
    pub(super) fn n_left_out(&self, blend: &Trial, base: &Trial) -> u32 {
        let fewer = LINKS
            .iter()
            .filter(|links| links.read(&self.current) < links.read(&self.base));
        let has_low_pass = |trial: &Trial| {
            let weights = trial.weights.as_ref();
            weights.is_some_and(|weights| weights.low_pass.weight > 0.0)
        };
        // Two models have links.
        fewer.count() as u32 + u32::from(has_low_pass(base) && !has_low_pass(blend))
    }
}
