//! Recency, frequency and money: what is counted, and the scores that it gets.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::history::PurchaseDay;
use crate::time::Timestamp;

/// What a customer's history says of recency, frequency and money.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct RfmValues {
    /// Days from the latest purchase day to the instant.
    pub recency_days: f64,
    /// Number of purchase days.
    pub purchase_days: f64,
    /// What they cost together, after returns; 0 where the log has no prices.
    pub spend: f64,
}

impl RfmValues {
    /// The values of a customer with these purchase days before `now`; `None` when she never bought.
    #[must_use]
    pub fn of(purchases: &[PurchaseDay], now: Timestamp) -> Option<Self> {
        Some(Self {
            recency_days: now.days_since(purchases.last()?.at),
            purchase_days: purchases.len() as f64,
            // Adding zero: the sum of no amounts is a negative zero.
            spend: purchases.iter().map(|day| day.amount).sum::<f64>() + 0.0,
        })
    }
}

/// Scores of 1 to 5; 5 is the most recent, most frequent, largest fifth of the buyers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Rfm {
    /// Recency; 5 is the most recent.
    pub recency: u8,
    /// Frequency, by purchase days.
    pub frequency: u8,
    /// Money spent; `None` where the log has no prices.
    pub monetary: Option<u8>,
}

impl Rfm {
    /// Frequency and money in one, 1 to 5: (F + M) / 2 rounded down, at most 3 where F is below 4; F alone without money.
    ///
    /// Half of the buyers at most are below a buyer of one day, so that her F is at most 3. Without the second rule the
    /// scores 3 and 5 would call her loyal for one large order.
    #[must_use]
    pub fn value(self) -> u8 {
        match self.monetary {
            None => self.frequency,
            Some(monetary) => {
                let level = self.frequency.midpoint(monetary);
                if self.frequency < 4 { level.min(3) } else { level }
            }
        }
    }
}

impl fmt::Display for Rfm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.recency, self.frequency)?;
        match self.monetary {
            Some(monetary) => write!(f, "-{monetary}"),
            None => Ok(()),
        }
    }
}
