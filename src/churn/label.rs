//! Who can churn at an instant, and who did.
//!
//! Enters: a history, an instant and the parameters. Leaves: a customer's standing, which looks only back, and her
//! outcome, which looks only forward. Both windows are half-open and meet at the instant.

use serde::{Deserialize, Serialize};

use super::ChurnParams;
use crate::history::{History, PurchaseDay, purchase_days};
use crate::time::{Calendar, Timestamp};

/// Whether a customer who has bought can still churn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Her last purchase is recent enough.
    Eligible,
    /// Her last purchase is so long ago that she has left already.
    Lapsed,
}

/// The standing of a customer with these purchase days before `now`; `None` when she never bought.
#[must_use]
pub fn standing(purchases: &[PurchaseDay], now: Timestamp, params: &ChurnParams) -> Option<Standing> {
    let last = purchases.last()?;
    Some(if now.days_since(last.at) <= f64::from(params.eligible_days()) {
        Standing::Eligible
    } else {
        Standing::Lapsed
    })
}

/// Whether the customer has no purchase day in `[from, from + horizon_days)`.
///
/// Returns within the window count, later ones do not: the outcome is known when the window closes.
#[must_use]
pub fn churned(history: History<'_>, from: Timestamp, horizon_days: u32, calendar: &Calendar) -> bool {
    let window = history.within(from, from.plus_days(f64::from(horizon_days)));
    purchase_days(window, calendar).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{HistoryBuf, Interaction};
    use crate::id::{ItemIdx, Row};
    use crate::log::EventKind;

    fn bought(at: &[&str]) -> HistoryBuf {
        let mut history = HistoryBuf::default();
        history.extend(at.iter().map(|at| Interaction {
            item: ItemIdx::from_u32(0),
            kind: EventKind::Purchase,
            at: at.parse().unwrap(),
            quantity: 1.0,
            unit_price: Some(1.0),
            order: None,
            session: None,
        }));
        history
    }

    #[test]
    fn the_window_holds_its_first_instant_and_not_its_end() {
        let utc = Calendar::new("UTC").unwrap();
        let now: Timestamp = "2024-03-01".parse().unwrap();
        let churned = |at| churned(bought(&[at]).as_history(), now, 30, &utc);
        assert!(!churned("2024-03-01T00:00:00"));
        assert!(!churned("2024-03-30T23:59:59.999999"));
        assert!(churned("2024-03-31T00:00:00"));
        assert!(churned("2024-02-29T23:59:59.999999"));
    }

    #[test]
    fn standing_looks_back_only() {
        let utc = Calendar::new("UTC").unwrap();
        let params = ChurnParams::default();
        let now: Timestamp = "2024-12-31".parse().unwrap();
        let of = |at: &[&str]| {
            let history = bought(at);
            standing(
                &purchase_days(history.as_history().before(now), &utc),
                now,
                &params,
            )
        };
        assert_eq!(of(&["2024-12-31"]), None);
        assert_eq!(of(&["2024-01-06"]), Some(Standing::Eligible));
        assert_eq!(of(&["2024-01-05T23:59:59"]), Some(Standing::Lapsed));
        assert_eq!(of(&["2023-01-01", "2024-06-01"]), Some(Standing::Eligible));
    }
}
