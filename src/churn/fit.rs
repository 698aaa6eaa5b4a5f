//! Fitting: cut-offs, refusals, the regression and its calibration.

use std::collections::HashSet;

use ndarray::{Array2, ShapeBuilder};
use rayon::prelude::*;
use serde::Serialize;

use super::features::{LeftOut, Norms, Schema};
use super::logistic::Logistic;
use super::model::{ChurnModel, Coefficient};
use super::platt::{Platt, fit_groups};
use super::sample::{Shop, Snapshot, snapshot};
use super::standard::Standard;
use super::{ChurnError, ChurnParams, Outcome};
use crate::history::{Histories, purchase_days};
use crate::progress::Progress;
use crate::time::{Calendar, Timestamp};

/// How a fit went.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ChurnFitReport {
    /// End of the data; nothing at or after it was read.
    pub data_end: Timestamp,
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
    /// What each feature weighs.
    pub coefficients: Vec<Coefficient>,
}

/// How a calibration went.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Calibration {
    /// The scaling.
    #[serde(flatten)]
    pub platt: Platt,
    /// Cut-offs at which an earlier model predicted what it had not seen.
    pub cut_offs: usize,
    /// Rows predicted there.
    pub rows: usize,
    /// Why the slope of the raw log-odds was kept, where it was.
    pub kept_raw: Option<String>,
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
        calendar: &Calendar,
        params: &ChurnParams,
        data_end: Timestamp,
        progress: &dyn Progress,
    ) -> Result<(Self, ChurnFitReport), ChurnError> {
        let lessons = Lessons::gather(histories, calendar, params, data_end, progress)?;
        lessons.teach(&lessons.schema)
    }
}

/// The labelled rows before an instant, from which models of several schemas can be fitted.
pub(super) struct Lessons {
    params: ChurnParams,
    data_end: Timestamp,
    norms: Norms,
    schema: Schema,
    left_out: Vec<LeftOut>,
    /// Newest first.
    cut_offs: Vec<Timestamp>,
    snapshots: Vec<Snapshot>,
}

impl Lessons {
    pub(super) fn gather(
        histories: &Histories,
        calendar: &Calendar,
        params: &ChurnParams,
        data_end: Timestamp,
        progress: &dyn Progress,
    ) -> Result<Self, ChurnError> {
        let first = check_log(histories, calendar, params, data_end)?;
        let cut_offs = cut_offs(first, data_end, params);
        let oldest = cut_offs.last().copied().unwrap_or(data_end);
        let norms = Norms::of(histories, calendar, data_end, f64::from(params.eligible_days()));
        let needed_since = oldest.plus_days(-f64::from(params.horizon_days()) / 2.0);
        let (schema, left_out) = Schema::of(histories, data_end, needed_since);
        let shop = Shop {
            histories,
            calendar,
            params,
            norms: &norms,
        };
        progress.begin("churn features", cut_offs.len() as u64);
        let snapshots = cut_offs
            .iter()
            .map(|&cut_off| {
                let taken = snapshot(shop, cut_off);
                progress.advance(1);
                taken
            })
            .collect();
        progress.end();
        let lessons = Self {
            params: params.clone(),
            data_end,
            norms,
            schema,
            left_out,
            cut_offs,
            snapshots,
        };
        lessons.check_outcomes()?;
        Ok(lessons)
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Both outcomes must have been seen in enough different customers: the same customer at twelve cut-offs is one
    /// witness.
    fn check_outcomes(&self) -> Result<(), ChurnError> {
        for (outcome, wanted) in [(Outcome::Churned, true), (Outcome::Stayed, false)] {
            let customers: HashSet<_> = self
                .snapshots
                .iter()
                .flat_map(|s| s.customers.iter().zip(&s.churned))
                .filter(|row| *row.1 == wanted)
                .map(|row| *row.0)
                .collect();
            let needed = self.params.raw().min_outcomes as usize;
            if customers.len() < needed {
                return Err(ChurnError::TooFewOfOutcome {
                    outcome,
                    found: customers.len(),
                    needed,
                    horizon_days: self.params.horizon_days(),
                });
            }
        }
        Ok(())
    }

    /// Fits a model of a schema to all rows, and its calibration to what earlier models said of later rows.
    pub(super) fn teach(&self, schema: &Schema) -> Result<(ChurnModel, ChurnFitReport), ChurnError> {
        let (standard, logistic) = self.regress(schema, &self.snapshots)?;
        let calibration = self.calibrate(schema, &standard, &logistic)?;
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
            standard,
            logistic,
            platt: calibration.platt,
            base_rate,
            lapsed_rate,
        };
        let rows: usize = self.snapshots.iter().map(|s| s.churned.len()).sum();
        let churned = self
            .snapshots
            .iter()
            .flat_map(|s| &s.churned)
            .filter(|&&c| c)
            .count();
        let customers: HashSet<_> = self.snapshots.iter().flat_map(|s| &s.customers).collect();
        let report = ChurnFitReport {
            data_end: self.data_end,
            cut_offs: self.cut_offs.clone(),
            rows,
            customers: customers.len(),
            churn_rate: share(churned, rows),
            base_rate,
            lapsed: newest.lapsed,
            lapsed_rate,
            calibration,
            left_out: self.left_out.clone(),
            coefficients: model.coefficients(),
        };
        Ok((model, report))
    }

    /// Regresses the outcomes on the schema's columns and one column a cut-off.
    ///
    /// How many customers leave swings with the season, for all alike. The cut-offs' own columns take that up, so
    /// that it cannot pass for an effect of whatever feature drifts with time, such as tenure. The intercept is that
    /// of the average cut-off.
    fn regress(&self, schema: &Schema, snapshots: &[Snapshot]) -> Result<(Standard, Logistic), ChurnError> {
        let rows = || snapshots.iter().flat_map(|s| &s.values);
        let churned: Vec<bool> = snapshots.iter().flat_map(|s| &s.churned).copied().collect();
        let standard = Standard::fit(schema, &rows());
        let width = schema.len();
        // Column by column, as the solver's gradient reads them.
        let mut columns = Array2::zeros((churned.len(), width + snapshots.len()).f());
        let places = (0..snapshots.len()).flat_map(|at| vec![at; snapshots[at].churned.len()]);
        for ((mut row, values), place) in columns.rows_mut().into_iter().zip(rows()).zip(places) {
            row.iter_mut()
                .zip(standard.z(values))
                .for_each(|(cell, z)| *cell = z);
            row[width + place] = 1.0;
        }
        let mut logistic = Logistic::fit(columns, &churned, self.params.raw().l2)?;
        let of_cut_offs = logistic.weights.split_off(width);
        let lift: f64 = snapshots
            .iter()
            .zip(of_cut_offs)
            .map(|(s, effect)| effect * s.churned.len() as f64)
            .sum();
        logistic.intercept += lift / churned.len() as f64;
        Ok((standard, logistic))
    }

    /// Platt-calibrates with what models of the rows labelled by then say at each training cut-off that has enough of
    /// them. Scales, caps and weights are learned from those rows alone; features and the shop's norms are the final
    /// model's.
    ///
    /// How bold the scores may be, the slope, is learned there, each cut-off with an offset of its own: what one
    /// season's offset is says nothing of the season to come. The offset that is kept makes the mean right over all
    /// training cut-offs, by default a whole year.
    fn calibrate(
        &self,
        schema: &Schema,
        standard: &Standard,
        logistic: &Logistic,
    ) -> Result<Calibration, ChurnError> {
        let horizon = f64::from(self.params.horizon_days());
        let needed = self.params.raw().min_outcomes as usize;
        let predicted: Vec<Option<Vec<f64>>> = (0..self.cut_offs.len())
            .into_par_iter()
            .map(|at| {
                let here = &self.snapshots[at];
                // Only rows whose outcome was known at this cut-off may have taught the model that predicts it.
                let known = self
                    .cut_offs
                    .iter()
                    .position(|c| c.plus_days(horizon) <= self.cut_offs[at]);
                let earlier = known
                    .map(|from| &self.snapshots[from..])
                    .filter(|s| enough(s, needed));
                earlier
                    .filter(|_| has_both(here))
                    .map(|earlier| {
                        let (standard, logistic) = self.regress(schema, earlier)?;
                        Ok(here
                            .values
                            .iter()
                            .map(|values| logistic.log_odds(standard.z(values)))
                            .collect())
                    })
                    .transpose()
            })
            .collect::<Result<_, ChurnError>>()?;
        let groups: Vec<(&[f64], &[bool])> = predicted
            .iter()
            .zip(&self.snapshots)
            .filter_map(|(said, snapshot)| Some((said.as_deref()?, snapshot.churned.as_slice())))
            .collect();
        let rows = groups.iter().map(|group| group.1.len()).sum();
        let events: usize = groups
            .iter()
            .map(|group| group.1.iter().filter(|&&c| c).count())
            .sum();
        let rarer = events.min(rows - events);
        let slope = if rarer < needed {
            Err(format!(
                "only {rarer} rows of the rarer outcome to calibrate on, {needed} are needed"
            ))
        } else {
            fit_groups(&groups)
                .map(|(slope, _)| slope)
                .ok_or_else(|| "earlier models ranked later rows the wrong way round".to_owned())
        };
        let all = || self.snapshots.iter().flat_map(|s| &s.values);
        let raw: Vec<f64> = all()
            .map(|values| logistic.log_odds(standard.z(values)))
            .collect();
        let churned: Vec<bool> = self.snapshots.iter().flat_map(|s| &s.churned).copied().collect();
        let platt = Platt::with_mean(*slope.as_ref().unwrap_or(&1.0), &raw, &churned);
        Ok(Calibration {
            platt: platt.unwrap_or(Platt::IDENTITY),
            cut_offs: groups.len(),
            rows,
            kept_raw: slope.err(),
        })
    }
}

fn has_both(snapshot: &Snapshot) -> bool {
    snapshot.churned.contains(&true) && snapshot.churned.contains(&false)
}

fn enough(snapshots: &[Snapshot], needed: usize) -> bool {
    let rows = || snapshots.iter().flat_map(|s| &s.churned);
    let churned = rows().filter(|&&c| c).count();
    churned >= needed && rows().count() - churned >= needed
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Applies the rules that need no sample; returns the first purchase.
fn check_log(
    histories: &Histories,
    calendar: &Calendar,
    params: &ChurnParams,
    data_end: Timestamp,
) -> Result<Timestamp, ChurnError> {
    let raw = params.raw();
    let (mut purchasers, mut period) = (0, None::<(Timestamp, Timestamp)>);
    for customer in histories.customers().rows() {
        let days = purchase_days(histories.of(customer).before(data_end), calendar);
        if let (Some(first), Some(last)) = (days.first(), days.last()) {
            purchasers += 1;
            period = Some(period.map_or((first.at, last.at), |(from, to)| {
                (from.min(first.at), to.max(last.at))
            }));
        }
    }
    let (Some((first, last)), true) = (period, purchasers >= raw.min_purchasers as usize) else {
        return Err(ChurnError::TooFewPurchasers {
            found: purchasers,
            needed: raw.min_purchasers as usize,
            data_end,
        });
    };
    let days = data_end.days_since(first);
    let needed = 2 * params.horizon_days();
    if days < f64::from(needed) {
        return Err(ChurnError::HistoryTooShort { days, needed });
    }
    let days = data_end.days_since(last);
    if days > f64::from(raw.max_days_since_purchase) {
        return Err(ChurnError::NoRecentPurchase {
            days,
            allowed: raw.max_days_since_purchase,
            data_end,
        });
    }
    Ok(first)
}

/// Training cut-offs, newest first: the newest one whose horizon is over at `data_end`, then evenly back while a
/// horizon of history lies before.
fn cut_offs(first: Timestamp, data_end: Timestamp, params: &ChurnParams) -> Vec<Timestamp> {
    let horizon = f64::from(params.horizon_days());
    let spacing = f64::from(params.cut_off_spacing_days());
    (0..params.raw().max_cut_offs)
        .map(|step| data_end.plus_days(-horizon - f64::from(step) * spacing))
        .take_while(|cut_off| cut_off.days_since(first) >= horizon)
        .collect()
}
