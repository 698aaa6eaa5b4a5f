//! How large models are: twice the size where that pays, half of the links where nothing is lost.

use super::{Allowance, Among, Meter, Tuner};
use crate::tune::TuneError;
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
        if meter.is_spent() {
            return Ok(());
        }
        let blend = self.current.clone();
        let among = Among::Blend(&blend);
        let start = self.ask(stage.model, among, &blend, meter)?.ndcg;
        let (mut best, mut kept) = (start, start);
        loop {
            let mut halved = self.current.clone();
            // Fewer than the least are all.
            let half = (dimension.read(&halved) / 2.0).floor();
            if half < dimension.low || meter.is_spent() {
                break;
            }
            dimension.write(&mut halved, half);
            let trial = match self.ask(stage.model, among, &halved, meter) {
                Err(TuneError::Fit(_)) => break,
                other => other?,
            };
            if trial.ndcg < best * (1.0 - self.options.worth) {
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
            converged: true,
            values: [(dimension.key, dimension.read(&self.current))].into(),
        };
        self.note(report, improved)
    }
    /// Whether a model's links were halved.
    pub(super) fn has_fewer_links(&self) -> bool {
        LINKS
            .iter()
            .any(|links| links.read(&self.current) < links.read(&self.base))
    }
}
