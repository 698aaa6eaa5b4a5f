//! The limits between scores, learned from all buyers.

use serde::{Deserialize, Serialize};

use super::segmentation::SegmentationError;
use super::{Rfm, RfmValues};

/// The limits between the scores 1 to 5 of each dimension, as values.
///
/// A value's *mid-rank* is the share of the buyers below it plus half of the share equal to it, and its score is one
/// more than the number of `k` in 1 to 4 for which the mid-rank is above `k / 5`. The mid-rank never falls as the value
/// rises, so for each `k` there is one least value that passes: the limit. A limit belongs to the higher score, and
/// limits give every value its score by definition, also values that no buyer had when they were learned.
///
/// # Shapes
/// | limit | order | a score is 1 plus the number of limits that |
/// |---|---|---|
/// | `recency_days` | falling | are not below the value: fewer days are better |
/// | `purchase_days`, `spend` | rising | are not above the value |
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawRfmLimits", into = "RawRfmLimits")]
pub struct RfmLimits {
    recency_days: [f64; 4],
    purchase_days: [f64; 4],
    spend: Option<[f64; 4]>,
}

/// Limits as a bundle stores them.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRfmLimits {
    recency_days: [f64; 4],
    purchase_days: [f64; 4],
    spend: Option<[f64; 4]>,
}

impl RfmLimits {
    /// The limits between these buyers; `None` without any. Money has limits where anybody spent any.
    ///
    /// # Determinism
    /// The order of the buyers does not matter: limits depend on counts only.
    #[must_use]
    pub fn learn(buyers: &[RfmValues]) -> Option<Self> {
        if buyers.is_empty() {
            return None;
        }
        let limits = |of: fn(&RfmValues) -> f64| least_values(buyers.iter().map(of).collect());
        // Zero minus a number, because the negative of zero is another zero to a total order.
        let recency = limits(|buyer| 0.0 - buyer.recency_days);
        Some(Self {
            recency_days: recency.map(|limit| 0.0 - limit),
            purchase_days: limits(|buyer| buyer.purchase_days),
            spend: buyers
                .iter()
                .any(|buyer| buyer.spend > 0.0)
                .then(|| limits(|buyer| buyer.spend)),
        })
    }

    /// The scores of these values.
    #[must_use]
    pub fn score(&self, values: &RfmValues) -> Rfm {
        let rising = |limits: &[f64; 4], value: f64| score(limits.iter().filter(|&&limit| value >= limit));
        Rfm {
            recency: score(
                self.recency_days
                    .iter()
                    .filter(|&&limit| values.recency_days <= limit),
            ),
            frequency: rising(&self.purchase_days, values.purchase_days),
            monetary: self.spend.as_ref().map(|limits| rising(limits, values.spend)),
        }
    }

    /// The most days since the last purchase for the scores 2, 3, 4 and 5.
    #[must_use]
    pub fn recency_days(&self) -> [f64; 4] {
        self.recency_days
    }

    /// The fewest purchase days for the scores 2, 3, 4 and 5.
    #[must_use]
    pub fn purchase_days(&self) -> [f64; 4] {
        self.purchase_days
    }

    /// The least spend for the scores 2, 3, 4 and 5; `None` where the log has no prices.
    #[must_use]
    pub fn spend(&self) -> Option<[f64; 4]> {
        self.spend
    }
}

fn score<'a>(passed: impl Iterator<Item = &'a f64>) -> u8 {
    // Four limits at most are passed.
    1 + passed.count() as u8
}

/// For `k` in 1 to 4 the least value with a mid-rank above `k / 5` among these, which are at least one.
fn least_values(mut values: Vec<f64>) -> [f64; 4] {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    [1, 2, 3, 4].map(|k| {
        let mut below = 0;
        for ties in values.chunk_by(|a, b| a.total_cmp(b).is_eq()) {
            let value = ties[0];
            if 5 * (2 * below + ties.len()) > 2 * k * n {
                return value;
            }
            below += ties.len();
            // Everything between this value and the next has all up to this one below it.
            if 5 * below > k * n {
                return value.next_up();
            }
        }
        // Not reached: above the largest value the rank is 1.
        f64::MAX
    })
}

impl From<RfmLimits> for RawRfmLimits {
    fn from(limits: RfmLimits) -> Self {
        let RfmLimits {
            recency_days,
            purchase_days,
            spend,
        } = limits;
        Self {
            recency_days,
            purchase_days,
            spend,
        }
    }
}

impl TryFrom<RawRfmLimits> for RfmLimits {
    type Error = SegmentationError;

    fn try_from(raw: RawRfmLimits) -> Result<Self, SegmentationError> {
        let RawRfmLimits {
            recency_days,
            purchase_days,
            spend,
        } = raw;
        let rising = [
            (
                "recency_days",
                recency_days.map(|limit| 0.0 - limit),
                recency_days,
            ),
            ("purchase_days", purchase_days, purchase_days),
        ];
        for (field, limits, stored) in rising
            .into_iter()
            .chain(spend.map(|limits| ("spend", limits, limits)))
        {
            if !limits.iter().all(|limit| limit.is_finite()) || !limits.is_sorted() {
                return Err(SegmentationError::Limits {
                    field,
                    limits: stored,
                });
            }
        }
        Ok(Self {
            recency_days,
            purchase_days,
            spend,
        })
    }
}
