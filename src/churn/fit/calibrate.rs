//! Calibration: how bold the raw scores may be, and at which level.

use rayon::prelude::*;
use serde::Serialize;

use super::lessons::Lessons;
use crate::churn::ChurnError;
use crate::churn::features::{FeatureValues, Schema};
use crate::churn::platt::{Platt, fit_groups};
use crate::churn::predictor::{ChurnModelKind, Predictor};
use crate::churn::sample::Snapshot;
use crate::time::Timestamp;

/// Days of the year whose season a cut-off a year ago tells.
const YEAR_DAYS: f64 = 365.25;

/// How a calibration went.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Calibration {
    /// The scaling.
    #[serde(flatten)]
    pub platt: Platt,
    /// Where its offset comes from.
    pub level: Level,
    /// Cut-offs at which an earlier model predicted what it had not seen.
    pub cut_offs: usize,
    /// Rows predicted there.
    pub rows: usize,
    /// Why the slope of the raw log-odds was kept, where it was.
    pub kept_raw: Option<String>,
}

/// Forecasts of the level of churn, as offsets of the calibrated log-odds: how many customers leave swings with the
/// season and drifts with the shop, for all alike, and no feature of one customer tells.
///
/// A year or two of data cannot say which of the classic forecasts a shop's level follows, so that their plain mean is
/// taken, which is never far from the best of them.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Level {
    /// The mean is right over all training cut-offs.
    pub all: f64,
    /// The mean is right at the newest cut-off.
    pub newest: f64,
    /// The mean is right at the cut-off a year before the end of the data, where there is one.
    pub year_ago: Option<f64>,
    /// Root mean squared error that the same forecast had at past cut-offs, in log-odds; `None` where none could be made.
    pub error: Option<f64>,
}

impl Level {
    /// The mean of the forecasts that there are.
    #[must_use]
    pub fn offset(&self) -> f64 {
        match self.year_ago {
            Some(year_ago) => (self.all + self.newest + year_ago) / 3.0,
            None => f64::midpoint(self.all, self.newest),
        }
    }
}

/// What a model said of a cut-off that it had not seen.
pub(super) struct Foresight {
    /// Place of the cut-off.
    pub(super) at: usize,
    /// Raw log-odds, by row of the snapshot.
    pub(super) said: Vec<f64>,
}

impl Lessons {
    /// What models of a kind say at these training cut-offs, each fitted to the rows whose outcome was known by then;
    /// cut-offs with too few such rows are left out. Scales, caps and weights are learned from those rows alone;
    /// features and the shop's norms are the final model's.
    pub(super) fn foresee(
        &self,
        kind: ChurnModelKind,
        schema: &Schema,
        places: &[usize],
    ) -> Result<Vec<Foresight>, ChurnError> {
        let horizon = f64::from(self.params.horizon_days());
        let needed = self.params.raw().min_outcomes as usize;
        let foreseen: Vec<Option<Foresight>> = places
            .par_iter()
            .map(|&at| {
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
                        let predictor = self.learn(kind, schema, earlier)?;
                        let said = here.values.iter().map(|v| predictor.log_odds(v)).collect();
                        Ok(Foresight { at, said })
                    })
                    .transpose()
            })
            .collect::<Result<_, ChurnError>>()?;
        Ok(foreseen.into_iter().flatten().collect())
    }

    /// Platt-calibrates with what models of the rows labelled by then say at each training cut-off that has enough of
    /// them.
    ///
    /// How bold the scores may be, the slope, is learned there, each cut-off with an offset of its own: what one
    /// season's offset is says nothing of the season to come. The offset that is kept is [`Level::offset`].
    pub(super) fn calibrate(
        &self,
        schema: &Schema,
        predictor: &Predictor,
    ) -> Result<Calibration, ChurnError> {
        let needed = self.params.raw().min_outcomes as usize;
        // Each tells something; for trees, which take longer, those that tell most.
        let places: Vec<usize> = match predictor.kind() {
            ChurnModelKind::Boosting => self.apart(),
            ChurnModelKind::MbgNbd | ChurnModelKind::Logistic => (0..self.cut_offs.len()).collect(),
        };
        let foreseen = self.foresee(predictor.kind(), schema, &places)?;
        let groups: Vec<(&[f64], &[bool])> = foreseen
            .iter()
            .map(|f| (f.said.as_slice(), self.snapshots[f.at].churned.as_slice()))
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
        let (used, kept_raw) = match slope {
            Ok(slope) => (slope, None),
            Err(why) => (1.0, Some(why)),
        };
        let level = self.level(used, |values| predictor.log_odds(values));
        Ok(Calibration {
            platt: Platt {
                slope: used,
                offset: level.offset(),
            },
            level,
            cut_offs: groups.len(),
            rows,
            kept_raw,
        })
    }

    /// The level at the end of the data, and how wrong the same forecast was at the training cut-offs.
    fn level(&self, slope: f64, raw: impl Fn(&FeatureValues) -> f64) -> Level {
        let right_at = |snapshots: &[Snapshot]| {
            let said: Vec<f64> = snapshots.iter().flat_map(|s| &s.values).map(&raw).collect();
            let churned: Vec<bool> = snapshots.iter().flat_map(|s| &s.churned).copied().collect();
            Platt::with_mean(slope, &said, &churned).map_or(0.0, |platt| platt.offset)
        };
        let each: Vec<f64> = self
            .snapshots
            .iter()
            .map(|s| right_at(std::slice::from_ref(s)))
            .collect();
        // What would have been forecast at an instant from the cut-offs whose outcome was known by then.
        let forecast = |at: Timestamp, known: usize| Level {
            all: right_at(&self.snapshots[known..]),
            newest: each[known],
            year_ago: self
                .a_year_before(at)
                .filter(|&place| place >= known)
                .map(|place| each[place]),
            error: None,
        };
        let horizon = f64::from(self.params.horizon_days());
        let errors: Vec<f64> = self
            .cut_offs
            .iter()
            .zip(&each)
            .filter_map(|(&at, happened)| {
                let known = self.cut_offs.iter().position(|c| c.plus_days(horizon) <= at)?;
                Some(forecast(at, known).offset() - happened)
            })
            .collect();
        let mean_square = errors.iter().map(|error| error * error).sum::<f64>() / errors.len() as f64;
        Level {
            error: (!errors.is_empty()).then(|| mean_square.sqrt()),
            ..forecast(self.data_end, 0)
        }
    }

    /// Place of the cut-off whose season is that of an instant, a year earlier.
    fn a_year_before(&self, at: Timestamp) -> Option<usize> {
        let year_ago = at.plus_days(-YEAR_DAYS);
        let away = |place: &usize| self.cut_offs[*place].days_since(year_ago).abs();
        (0..self.cut_offs.len())
            .min_by(|a, b| away(a).total_cmp(&away(b)))
            .filter(|place| away(place) <= f64::from(self.params.cut_off_spacing_days()) / 2.0)
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
