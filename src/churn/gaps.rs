//! How long customers wait between purchases, those who have not come back yet included.

use super::ChurnParams;
use crate::history::{Histories, PurchaseDay, purchase_days};
use crate::time::{Calendar, Timestamp};

/// Horizons that a log may choose between, in days.
const HORIZONS_DAYS: [u32; 4] = [30, 60, 90, 180];
/// Share of the gaps that are over within the horizon which a log chooses.
const GAPS_WITHIN_HORIZON: f64 = 0.8;

/// Gaps between purchase days in whole days: completed ones, and the open one of each customer since her last.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Gaps {
    /// Length, and whether it ended with a purchase; ascending.
    sorted: Vec<(i32, bool)>,
}

impl Gaps {
    pub(crate) fn of<'a>(customers: impl Iterator<Item = &'a [PurchaseDay]>, today: i32) -> Self {
        let mut sorted: Vec<(i32, bool)> = Vec::new();
        for days in customers {
            sorted.extend(days.windows(2).map(|pair| (pair[1].day - pair[0].day, true)));
            sorted.extend(days.last().map(|last| (today - last.day, false)));
        }
        sorted.sort_unstable();
        Self { sorted }
    }

    /// The shortest time within which at least this share of the gaps ends, by the Kaplan–Meier estimate; `None` when
    /// fewer do.
    ///
    /// `S(t) = Π_{d ≤ t} (1 − ended_d / at_risk_d)` over the different lengths `d`. The quantile of the completed gaps
    /// alone would forget everybody who has not returned, and be too short.
    ///
    /// # Source
    /// Kaplan and Meier, *Nonparametric Estimation from Incomplete Observations*, 1958.
    pub(crate) fn quantile(&self, share: f64) -> Option<i32> {
        let mut surviving = 1.0;
        let mut at_risk = self.sorted.len();
        for same in self.sorted.chunk_by(|a, b| a.0 == b.0) {
            let ended = same.iter().filter(|gap| gap.1).count();
            surviving *= 1.0 - ended as f64 / at_risk as f64;
            at_risk -= same.len();
            // The tolerance is that of a product of a few thousand fractions.
            if surviving <= 1.0 - share + 1e-12 {
                return Some(same[0].0);
            }
        }
        None
    }
}

impl ChurnParams {
    /// These parameters with the horizon that the log before `data_end` asks for, where they leave it to the log: the
    /// smallest of 30, 60, 90 and 180 days within which four gaps of five between purchase days end, else 180.
    #[must_use]
    pub fn with_horizon_of(&self, histories: &Histories, calendar: &Calendar, data_end: Timestamp) -> Self {
        if self.raw().horizon_days > 0 {
            return self.clone();
        }
        let days: Vec<Vec<PurchaseDay>> = histories
            .customers()
            .rows()
            .map(|customer| purchase_days(histories.of(customer).before(data_end), calendar))
            .collect();
        let gaps = Gaps::of(days.iter().map(Vec::as_slice), calendar.day(data_end));
        let usual = gaps
            .quantile(GAPS_WITHIN_HORIZON)
            .map_or(f64::INFINITY, f64::from);
        let longest = HORIZONS_DAYS[HORIZONS_DAYS.len() - 1];
        self.with_horizon(
            HORIZONS_DAYS
                .into_iter()
                .find(|&horizon| f64::from(horizon) >= usual)
                .unwrap_or(longest),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_count_those_who_have_not_returned() {
        // Kaplan-Meier by hand: 5 durations; S falls to 4/5 at 3, to 4/5 · 2/3 at 5, and by the last to zero.
        let gaps = |mut sorted: Vec<(i32, bool)>| {
            sorted.sort_unstable();
            Gaps { sorted }
        };
        let found = gaps(vec![(3, true), (4, false), (5, true), (9, true), (7, false)]);
        assert_eq!(found.quantile(0.5), Some(9));
        assert_eq!(found.quantile(0.2), Some(3));
        // The completed gaps alone would say 5.
        assert_eq!(gaps(vec![(3, true), (5, true), (9, true)]).quantile(0.5), Some(5));
        assert_eq!(gaps(vec![(3, true), (5, false), (9, false)]).quantile(0.5), None);
    }
}
