//! Fitting: what is learned from, by which model, and how its probabilities are made to mean what happens.
//!
//! `lessons` gathers the labelled rows or refuses, `learn` fits a model to rows, `ladder` chooses one, `calibrate` sets slope and level.

mod calibrate;
mod ladder;
mod learn;
mod lessons;

pub use calibrate::{Calibration, Level};
pub use ladder::Rung;
pub(super) use ladder::Wanted;
pub(super) use lessons::Lessons;

use std::collections::HashSet;

use serde::Serialize;

use super::features::{LeftOut, Schema};
use super::model::{ChurnModel, Coefficient};
use super::predictor::{ChurnModelKind, Predictor};
use super::sample::Snapshot;
use super::watch::Watch;
use super::{ChurnError, ChurnParams, Shop};
use crate::history::Histories;
use crate::progress::Progress;
use crate::time::Timestamp;

/// How a fit went.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ChurnFitReport {
    /// End of the data; nothing at or after it was read.
    pub data_end: Timestamp,
    /// The horizon, which the log may have chosen.
    pub horizon_days: u32,
    /// Training cut-offs, newest first.
    pub cut_offs: Vec<Timestamp>,
    /// Training rows: eligible customers over all cut-offs.
    pub rows: usize,
    /// Different customers among them.
    pub customers: usize,
    /// Share of rows that churned.
    pub churn_rate: f64,
    /// Churn rate at the newest cut-off, the reference of relative risks.
    pub base_rate: f64,
    /// Customers who had lapsed at the newest cut-off.
    pub lapsed: usize,
    /// Share of them who did not come back, drawn by the weight of two customers towards
    /// the churn rate of those who were eligible but absent for more than half of the eligible days.
    pub lapsed_rate: f64,
    /// How the calibration went.
    pub calibration: Calibration,
    /// Features that the log cannot tell.
    pub left_out: Vec<LeftOut>,
    /// The models that there are, and why one of them serves.
    pub ladder: Vec<Rung>,
    /// What each feature weighs.
    pub coefficients: Vec<Coefficient>,
}

impl ChurnModel {
    /// Learns from everything before `data_end`, the first instant of which the log tells nothing.
    ///
    /// # Errors
    /// [`ChurnError`] with the rule that refused, when the log cannot teach churn.
    ///
    /// # Determinism
    /// The same histories give the same model for any number of threads.
    pub fn fit(
        histories: &Histories,
        shop: Shop<'_>,
        params: &ChurnParams,
        data_end: Timestamp,
        progress: &dyn Progress,
    ) -> Result<(Self, ChurnFitReport), ChurnError> {
        let params = params.with_horizon_of(histories, shop.calendar, data_end);
        let lessons = Lessons::gather(histories, shop, &params, data_end, progress)?;
        let (mut model, report) = lessons.climb(Wanted::Served)?.served;
        // The rows of all cut-offs are done with; those of the end of the data take their place.
        drop(lessons);
        model.watch = Watch::learn(&model, histories, shop);
        Ok((model, report))
    }
}

/// A fitted model, and how its fit went.
pub(super) type Taught = (ChurnModel, ChurnFitReport);

impl Lessons {
    /// Fits a model of a kind to rows, not yet calibrated.
    fn learn(
        &self,
        kind: ChurnModelKind,
        schema: &Schema,
        snapshots: &[Snapshot],
    ) -> Result<Predictor, ChurnError> {
        Ok(match kind {
            ChurnModelKind::MbgNbd => Predictor::MbgNbd(self.rhythm(snapshots)?),
            ChurnModelKind::Logistic => Predictor::Logistic(self.regress(schema, snapshots)?),
            ChurnModelKind::Boosting => Predictor::Boosting(self.boost(schema, snapshots)?),
        })
    }

    /// A regression on a schema of its own.
    pub(super) fn teach_logistic(&self, schema: &Schema) -> Result<ChurnModel, ChurnError> {
        Ok(self.teach(ChurnModelKind::Logistic, schema)?.0)
    }

    /// Fits a model of a schema to all rows, and its calibration to what earlier models said of later rows.
    fn teach(&self, kind: ChurnModelKind, schema: &Schema) -> Result<Taught, ChurnError> {
        let predictor = self.learn(kind, schema, &self.snapshots)?;
        let calibration = self.calibrate(schema, &predictor)?;
        let newest = &self.snapshots[0];
        let base_rate = share(
            newest.churned.iter().filter(|&&c| c).count(),
            newest.churned.len(),
        );
        let lapsed_rate = newest.lapsed_rate(base_rate, f64::from(self.params.eligible_days()) / 2.0);
        let model = ChurnModel {
            params: self.params.clone(),
            data_end: self.data_end,
            norms: self.norms,
            predictor,
            platt: calibration.platt,
            base_rate,
            lapsed_rate,
            level_error: calibration.level.error,
            watch: None,
        };
        let rows = self.n_rows();
        let customers: HashSet<_> = self.snapshots.iter().flat_map(|s| &s.customers).collect();
        let report = ChurnFitReport {
            data_end: self.data_end,
            horizon_days: self.params.horizon_days(),
            cut_offs: self.cut_offs.clone(),
            rows,
            customers: customers.len(),
            churn_rate: share(self.n_churned(), rows),
            base_rate,
            lapsed: newest.lapsed,
            lapsed_rate,
            calibration,
            left_out: self.left_out.clone(),
            ladder: Vec::new(),
            coefficients: model.coefficients(),
        };
        Ok((model, report))
    }
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}
