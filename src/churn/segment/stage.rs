//! Where a customer stands in her life as a customer.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::churn::features::usual_gap_days;
use crate::churn::{ChurnParams, Standing, standing};
use crate::history::PurchaseDay;
use crate::time::Timestamp;

/// A customer's stage. The first rule that holds decides, in the order of [`Stage::ALL`].
///
/// *Eligible days* and *horizon* are the shop's churn parameters. *Her usual gap* is the mean of the days between her
/// purchase days, drawn towards the shop's typical gap as if she had two more gaps of that length.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Her last purchase is longer ago than the eligible days: she has left already.
    Lapsed,
    /// Her last purchase is within the horizon and followed an absence longer than the eligible days.
    ///
    /// It is her only purchase day since that absence: with the next one, or when the horizon is over, she is judged
    /// by her rhythm as everybody.
    WonBack,
    /// Her first purchase day is her only one and within the horizon.
    New,
    /// Her last purchase is at most her usual gap ago.
    Active,
    /// Her last purchase is at most twice her usual gap ago.
    Late,
    /// Her last purchase is more than twice her usual gap ago.
    AtRisk,
}

impl Stage {
    /// All stages, in the order of their rules.
    pub const ALL: [Self; 6] = [
        Self::Lapsed,
        Self::WonBack,
        Self::New,
        Self::Active,
        Self::Late,
        Self::AtRisk,
    ];

    /// Its name in files.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Lapsed => "lapsed",
            Self::WonBack => "won_back",
            Self::New => "new",
            Self::Active => "active",
            Self::Late => "late",
            Self::AtRisk => "at_risk",
        }
    }

    /// Its rule in words.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::Lapsed => "the last purchase is longer ago than the eligible days",
            Self::WonBack => {
                "the last purchase is within the horizon and followed an absence longer than the eligible days"
            }
            Self::New => "the only purchase day is within the horizon",
            Self::Active => "the last purchase is at most the customer's usual gap ago",
            Self::Late => "the last purchase is at most twice the customer's usual gap ago",
            Self::AtRisk => "the last purchase is more than twice the customer's usual gap ago",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The stage of a customer with these purchase days before `now`; `None` when she never bought.
///
/// `typical_gap_days` is the shop's, [`Norms::typical_gap_days`](crate::churn::features::Norms::typical_gap_days).
#[must_use]
pub fn stage(
    purchases: &[PurchaseDay],
    now: Timestamp,
    typical_gap_days: f64,
    params: &ChurnParams,
) -> Option<Stage> {
    let (latest, before) = purchases.split_last()?;
    if standing(purchases, now, params)? == Standing::Lapsed {
        return Some(Stage::Lapsed);
    }
    let recency = now.days_since(latest.at);
    if recency < f64::from(params.horizon_days()) {
        // Her standing an instant before her latest purchase.
        match standing(before, latest.at, params) {
            None => return Some(Stage::New),
            Some(Standing::Lapsed) => return Some(Stage::WonBack),
            Some(Standing::Eligible) => {}
        }
    }
    let overdue = recency / usual_gap_days(purchases, typical_gap_days).max(1.0);
    Some(if overdue <= 1.0 {
        Stage::Active
    } else if overdue <= 2.0 {
        Stage::Late
    } else {
        Stage::AtRisk
    })
}
