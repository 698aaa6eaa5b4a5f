//! The ladder: which model the data are enough for, and whether the next one up is worth it.

use serde::Serialize;

use super::Taught;
use super::lessons::Lessons;
use crate::churn::platt::{fit_groups, sigmoid};
use crate::churn::predictor::ChurnModelKind;
use crate::churn::{ChurnError, ChurnModel, ModelChoice};
use crate::measure::calibration::expected_calibration_error;
use crate::measure::classification::log_loss;

/// Cut-offs whose outcomes do not overlap that a comparison needs to have an error of its own.
const COMPARED: usize = 3;

/// One model of the ladder, and whether it serves.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Rung {
    /// The model.
    pub model: ChurnModelKind,
    /// Whether it is the one that serves.
    pub serves: bool,
    /// The rule and its numbers.
    pub why: String,
}

/// What the ladder gives.
pub(in crate::churn) struct Ladder {
    /// The model that serves.
    pub(in crate::churn) served: Taught,
    /// The other models that the data are enough for.
    pub(in crate::churn) others: Vec<ChurnModel>,
}

/// Whether the models that serve alone are fitted, or those beside them too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::churn) enum Wanted {
    Served,
    All,
}

impl Lessons {
    /// Climbs the ladder: MBG/NBD where too few outcomes are known, the logistic regression where they suffice, boosted
    /// trees where they foresaw later cut-offs better by more than one standard error. A recipe that names a model gets
    /// it, or the rule that refuses it.
    pub(in crate::churn) fn climb(&self, wanted: Wanted) -> Result<Ladder, ChurnError> {
        use ChurnModelKind::{Boosting, Logistic, MbgNbd};
        let choice = self.params.raw().model;
        let rhythm = match self.norms.buying {
            Some(_) => Ok("needs no outcomes, only customers who came back".to_owned()),
            None => Err("no customer has come back yet".to_owned()),
        };
        let logistic = self.enough_for_logistic(choice);
        let boosting = match (&logistic, choice) {
            (Err(_), _) => Err("the logistic regression cannot be learned either".to_owned()),
            (Ok(_), ModelChoice::MbgNbd | ModelChoice::Logistic) if wanted == Wanted::Served => {
                Err(format!("churn.model = \"{choice}\" asks for another"))
            }
            (Ok(_), _) => self.enough_for_boosting(),
        };
        let better = match (&boosting, choice) {
            (Ok(_), ModelChoice::Auto) => self.boosting_is_better()?,
            (Ok(_), ModelChoice::Boosting) => Ok("churn.model = \"boosting\" asks for it".to_owned()),
            (Ok(_), _) => Err(format!("churn.model = \"{choice}\" asks for another")),
            (Err(why), _) => Err(why.clone()),
        };
        let serves = match choice {
            ModelChoice::MbgNbd if rhythm.is_ok() => MbgNbd,
            ModelChoice::MbgNbd => return Err(self.refusal()),
            _ if better.is_ok() => Boosting,
            // Who names a model is told why there is none, instead of getting another.
            ModelChoice::Boosting => return Err(self.refused(ModelChoice::Boosting, better)),
            _ if logistic.is_ok() => Logistic,
            ModelChoice::Logistic => return Err(self.refused(ModelChoice::Logistic, logistic)),
            _ if rhythm.is_ok() => MbgNbd,
            ModelChoice::Auto => return Err(self.refusal()),
        };
        let possible = [
            (MbgNbd, rhythm.is_ok(), rhythm),
            (Logistic, logistic.is_ok(), logistic),
            (Boosting, boosting.is_ok(), better),
        ];
        let mut served = self.teach(serves, &self.schema)?;
        served.1.ladder = possible
            .iter()
            .map(|(model, _, why)| Rung {
                model: *model,
                serves: *model == serves,
                why: why.clone().unwrap_or_else(|why| why),
            })
            .collect();
        let others = possible
            .iter()
            .filter(|(model, possible, _)| wanted == Wanted::All && *possible && *model != serves)
            .map(|(model, ..)| Ok(self.teach(*model, &self.schema)?.0))
            .collect::<Result<_, ChurnError>>()?;
        Ok(Ladder { served, others })
    }

    /// Why the model that the recipe names is not there.
    fn refused(&self, model: ModelChoice, why: Result<String, String>) -> ChurnError {
        self.too_few.clone().unwrap_or_else(|| ChurnError::ModelRefused {
            model: model.to_string(),
            why: why.err().unwrap_or_default(),
        })
    }

    fn enough_for_logistic(&self, choice: ModelChoice) -> Result<String, String> {
        if let Some(few) = &self.too_few {
            return Err(few.to_string());
        }
        let raw = self.params.raw();
        // Who names the model has decided that a smaller shop is enough for it.
        if choice == ModelChoice::Auto {
            for (found, needed, what, key) in [
                (
                    self.purchasers as f64,
                    f64::from(raw.logistic_min_purchasers),
                    "customers bought",
                    "logistic_min_purchasers",
                ),
                (
                    self.days,
                    f64::from(raw.logistic_min_days),
                    "days from the first purchase to the end of the data",
                    "logistic_min_days",
                ),
            ] {
                if found < needed {
                    return Err(format!("{found:.0} {what}, {needed} are needed (churn.{key})"));
                }
            }
        }
        Ok(format!(
            "{} customers bought in {:.0} days, and enough of them stayed and left",
            self.purchasers, self.days
        ))
    }

    fn enough_for_boosting(&self) -> Result<String, String> {
        let raw = self.params.raw();
        let rows = self.n_rows();
        let churned = self.n_churned();
        let rarer = churned.min(rows - churned);
        for (found, needed, what, key) in [
            (rows, raw.boosting_min_rows, "training rows", "boosting_min_rows"),
            (
                rarer,
                raw.boosting_min_outcomes,
                "rows of the rarer outcome",
                "boosting_min_outcomes",
            ),
        ] {
            if found < needed as usize {
                return Err(format!("{found} {what}, {needed} are needed (churn.{key})"));
            }
        }
        Ok(format!("{rows} training rows"))
    }

    /// Whether boosted trees foresaw later cut-offs better than the regression: mean log loss lower by more than one
    /// standard error of the paired differences, and a calibration error that is no higher.
    ///
    /// Both are calibrated at each cut-off with its own offset, because the level is forecast for both alike.
    fn boosting_is_better(&self) -> Result<Result<String, String>, ChurnError> {
        let places = self.apart();
        let judge = |kind| -> Result<Vec<(f64, f64)>, ChurnError> {
            let foreseen = self.foresee(kind, &self.schema, &places)?;
            let groups: Vec<(&[f64], &[bool])> = foreseen
                .iter()
                .map(|f| (f.said.as_slice(), self.snapshots[f.at].churned.as_slice()))
                .collect();
            let Some((slope, offsets)) = fit_groups(&groups) else {
                return Ok(Vec::new());
            };
            Ok(groups
                .iter()
                .zip(offsets)
                .map(|((said, churned), offset)| {
                    let p: Vec<f64> = said.iter().map(|raw| sigmoid(slope * raw + offset)).collect();
                    (log_loss(&p, churned), expected_calibration_error(&p, churned))
                })
                .collect())
        };
        let (logistic, boosting) = (judge(ChurnModelKind::Logistic)?, judge(ChurnModelKind::Boosting)?);
        let n = logistic.len();
        if n < COMPARED || boosting.len() != n {
            return Ok(Err(format!(
                "{n} cut-offs apart to compare on, {COMPARED} are needed"
            )));
        }
        let gains: Vec<f64> = logistic.iter().zip(&boosting).map(|(l, b)| l.0 - b.0).collect();
        let mean = gains.iter().sum::<f64>() / n as f64;
        let variance = gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
        let error = (variance / n as f64).sqrt();
        let worse = boosting.iter().map(|b| b.1).sum::<f64>() - logistic.iter().map(|l| l.1).sum::<f64>();
        let which = if mean < 0.0 { "higher" } else { "lower" };
        let found = format!(
            "its log loss was {which} by {:.4} ± {error:.4} over {n} later cut-offs",
            mean.abs()
        );
        Ok(if mean <= error {
            Err(format!("{found}: not lower by more than one standard error"))
        } else if worse > 0.0 {
            Err(format!(
                "{found}, its calibration error higher by {:.4}",
                worse / n as f64
            ))
        } else {
            Ok(found)
        })
    }
}
