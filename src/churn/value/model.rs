//! The fitted value model: from purchase days to what a customer is worth.

use serde::{Deserialize, Serialize};

use super::{RawValueParams, TrackRecord, ValueError, ValueParams};
use crate::churn::btyd::{GammaGamma, MbgNbd, Summary};
use crate::history::PurchaseDay;
use crate::time::{Calendar, Timestamp};

/// Days in a month: a twelfth of a year of 365.25 days.
pub const DAYS_PER_MONTH: f64 = 365.25 / 12.0;

/// How often customers buy, and for how much.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
pub struct ValueModel {
    pub(super) params: ValueParams,
    pub(super) data_end: Timestamp,
    /// Time in days.
    pub(super) buying: MbgNbd,
    /// Money per purchase day; `None` where the log does not tell.
    pub(super) spending: Option<GammaGamma>,
    /// How such values did; `None` where the log is too short to look back.
    pub(super) record: Option<TrackRecord>,
}

/// What a customer is worth, as seen at an instant. Money is in the unit of the log's prices.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct CustomerValue {
    /// Months ahead that are counted.
    pub months: u32,
    /// Chance that she has not left for good.
    pub probability_alive: f64,
    /// `E[Y]`: purchase days to expect within the months.
    pub expected_purchases: f64,
    /// `E[M | x, z̄]`: what she spends on a purchase day; `None` without a model of spending.
    pub expected_spend: Option<f64>,
    /// `Σ_m (E[Y(m)] − E[Y(m−1)]) · E[M] · margin / (1 + d)^(m/12)`: what the months bring, each by its own purchases.
    pub value: Option<f64>,
    /// `value / P(alive)`: what they bring if she has not left. `None` without a value, and where it is as good as certain
    /// that she has left.
    pub value_if_kept: Option<f64>,
    /// The instant by which she has ordered again as likely as not. `None` where that is unlikely ever to come,
    /// `P(alive) ≤ ½`, or further away than the longest wait.
    pub next_order_at: Option<Timestamp>,
}

impl ValueModel {
    /// What a customer with these purchase days before `now` is worth; `None` when she never bought.
    ///
    /// `purchases` are those of her history cut before `now`: a return that came later must not reach back.
    #[must_use]
    pub fn value(
        &self,
        purchases: &[PurchaseDay],
        now: Timestamp,
        calendar: &Calendar,
    ) -> Option<CustomerValue> {
        let summary = Summary::of(purchases, calendar.day(now))?;
        let raw = self.params.raw();
        let by_month = self.purchases_by_month(&summary);
        let probability_alive = self.buying.probability_alive(&summary);
        let expected_spend = self.spending.map(|spending| {
            let (x, mean) = repeat_spend(purchases, &summary).unwrap_or_default();
            spending.expected_spend(x, mean)
        });
        let value =
            expected_spend.map(|spend| discounted(&by_month, raw.annual_discount_rate) * spend * raw.margin);
        Some(CustomerValue {
            months: raw.months,
            probability_alive,
            expected_purchases: by_month.last().copied().unwrap_or_default(),
            expected_spend,
            value,
            value_if_kept: value
                .filter(|_| probability_alive.is_normal())
                .map(|value| value / probability_alive),
            next_order_at: self
                .buying
                .next_purchase(&summary, f64::from(raw.longest_wait_days))
                .map(|wait_days| now.plus_days(wait_days)),
        })
    }

    /// `E[Y(m)]` for every month `m` from the first.
    fn purchases_by_month(&self, summary: &Summary) -> Vec<f64> {
        let horizons: Vec<f64> = (1..=self.params.raw().months)
            .map(|month| f64::from(month) * DAYS_PER_MONTH)
            .collect();
        self.buying.expected_purchases_by(summary, &horizons)
    }

    /// Months ahead that a value counts.
    #[must_use]
    pub fn months(&self) -> u32 {
        self.params.raw().months
    }

    /// The parameters that it was fitted with.
    #[must_use]
    pub fn params(&self) -> &ValueParams {
        &self.params
    }

    /// End of the data that it was fitted to.
    #[must_use]
    pub fn data_end(&self) -> Timestamp {
        self.data_end
    }

    /// How often customers buy; time in days.
    #[must_use]
    pub fn buying(&self) -> &MbgNbd {
        &self.buying
    }

    /// What such a model expected some months ago, beside what happened.
    #[must_use]
    pub fn record(&self) -> Option<&TrackRecord> {
        self.record.as_ref()
    }

    /// What they spend on a purchase day; `None` where the log does not tell.
    #[must_use]
    pub fn spending(&self) -> Option<&GammaGamma> {
        self.spending.as_ref()
    }
}

/// `Σ_m (E[Y(m)] − E[Y(m−1)]) / (1 + d)^(m/12)`: what is bought in each month, by what money is worth at its end.
fn discounted(by_month: &[f64], annual_discount_rate: f64) -> f64 {
    let (mut sum, mut before) = (0.0, 0.0);
    for (month, &purchases) in (1u32..).zip(by_month) {
        sum += (purchases - before) * (1.0 + annual_discount_rate).powf(-f64::from(month) / 12.0);
        before = purchases;
    }
    sum
}

/// `(x, z̄)`: on how many repeat purchase days she paid a known price, and how much on average; `None` on none.
///
/// The first day does not enter, as in the published figures: a first order is often unlike those that follow.
pub(super) fn repeat_spend(purchases: &[PurchaseDay], summary: &Summary) -> Option<(f64, f64)> {
    let (mut x, mut total) = (0.0, 0.0);
    for day in purchases.iter().skip(1).take(summary.repeats as usize) {
        if day.amount > 0.0 {
            x += 1.0;
            total += day.amount;
        }
    }
    (x > 0.0).then(|| (x, total / x))
}

/// A model as a bundle keeps it. The models check themselves on the way in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    params: RawValueParams,
    data_end: Timestamp,
    buying: MbgNbd,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spending: Option<GammaGamma>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record: Option<TrackRecord>,
}

impl From<ValueModel> for Stored {
    fn from(model: ValueModel) -> Self {
        let ValueModel {
            params,
            data_end,
            buying,
            spending,
            record,
        } = model;
        Self {
            params: params.raw().clone(),
            data_end,
            buying,
            spending,
            record,
        }
    }
}

impl TryFrom<Stored> for ValueModel {
    type Error = ValueError;

    fn try_from(stored: Stored) -> Result<Self, ValueError> {
        let Stored {
            params,
            data_end,
            buying,
            spending,
            record,
        } = stored;
        if let Some(record) = &record
            && !(record.ratio().is_finite() && record.ratio() >= 0.0)
        {
            return Err(ValueError::BrokenRecord {
                expected: record.expected,
                happened: record.happened,
            });
        }
        Ok(Self {
            params: params.try_into().map_err(ValueError::BrokenParams)?,
            data_end,
            buying,
            spending,
            record,
        })
    }
}
