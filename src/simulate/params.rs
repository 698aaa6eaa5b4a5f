//! How large the shop is and how its customers behave.

use serde::{Deserialize, Serialize};

use super::words::LEAVES;
use crate::time::Timestamp;

/// The parameters as they are written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawShopParams {
    /// Customers who sign up.
    pub customers: u32,
    /// Items of the catalogue.
    pub items: u32,
    /// Days that the log covers.
    pub days: u32,
    /// Seed of everything random.
    pub seed: u64,
    /// First instant of the log.
    pub start: Timestamp,
    /// Anonymous visitors for each customer: one visit, seldom a cart, never an order.
    pub visitors_per_customer: f64,
    /// Mean visits of an active customer in 30 days.
    pub visits_per_month: f64,
    /// Shape of the gamma distribution of visit rates; the smaller, the more customers differ.
    pub activity_shape: f64,
    /// Mean days from sign-up until a customer leaves.
    pub lifetime_days: f64,
    /// Mean days before leaving over which a customer loses interest.
    pub decline_days: f64,
    /// Mean number of times in a year at which a customer pauses and comes back.
    pub pauses_per_year: f64,
    /// Mean days of a pause.
    pub pause_days: f64,
    /// Exponent of the popularity's power law; 0 makes all items equally popular.
    pub popularity_exponent: f64,
    /// Share of a customer's interests that come from the shop's popularity and not from the customer's taste.
    pub exploration: f64,
    /// Mean probability that a planted complement is bought with its item.
    pub complement_probability: f64,
    /// Probability that a substitute is looked at beside its item.
    pub co_view_probability: f64,
}

impl Default for RawShopParams {
    fn default() -> Self {
        Self {
            customers: 5_000,
            items: 1_000,
            days: 540,
            seed: 42,
            // Midnight of 2024-01-01 in UTC is within the accepted years.
            start: Timestamp::MIN.plus_days(45_290.0),
            visitors_per_customer: 0.2,
            visits_per_month: 2.5,
            activity_shape: 1.0,
            lifetime_days: 700.0,
            decline_days: 75.0,
            pauses_per_year: 2.0,
            pause_days: 60.0,
            popularity_exponent: 0.8,
            exploration: 0.15,
            complement_probability: 0.35,
            co_view_probability: 0.6,
        }
    }
}

/// Why there can be no such shop.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("shop.{key} = {value} is not {rule}")]
pub struct ShopParamsError {
    key: &'static str,
    value: String,
    rule: String,
}

/// Checked parameters of a shop.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `customers` | 5,000 | customers who sign up | 1 to 5,000,000 |
/// | `items` | 1,000 | items of the catalogue | one a leaf category (27) to 1,000,000 |
/// | `days` | 540 | days that the log covers | 30 to 3,650 |
/// | `seed` | 42 | seed of everything random | any |
/// | `start` | 2024-01-01 | first instant of the log | the log ends before the year 2200 |
/// | `visitors_per_customer` | 0.2 | anonymous one-off visitors | 0 to 10 |
/// | `visits_per_month` | 2.5 | mean visits of an active customer in 30 days | 0.01 to 100 |
/// | `activity_shape` | 1 | gamma shape of visit rates | 0.1 to 100 |
/// | `lifetime_days` | 700 | mean days until a customer leaves | 1 to 1,000,000 |
/// | `decline_days` | 75 | mean days of losing interest before | 0 to 1,000 |
/// | `pauses_per_year` | 2 | how often a customer pauses and comes back | 0 to 50 |
/// | `pause_days` | 60 | mean days of a pause | 1 to 1,000 |
/// | `popularity_exponent` | 0.8 | power law of popularity | 0 to 3 |
/// | `exploration` | 0.15 | share of interests that are not taste | 0 to 1 |
/// | `complement_probability` | 0.35 | mean probability of a complement | 0 to 1 |
/// | `co_view_probability` | 0.6 | probability of looking at a substitute | 0 to 1 |
///
/// Together they may ask for at most about 200 million events. A shop takes about 90 bytes of memory an event at its
/// peak, and about 260 while it is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShopParams(RawShopParams);

/// Events that one visit makes, for the bound on a shop's size: views of an item and its substitutes, cart, purchase.
const EVENTS_PER_VISIT: f64 = 4.0;
/// Events that a one-off visitor makes: one to four views, seldom a cart.
const EVENTS_PER_VISITOR: f64 = 2.6;
/// Events that still fit the memory of a large machine.
const MAX_EVENTS: f64 = 2e8;

impl ShopParams {
    /// The parameters as they were written.
    #[must_use]
    pub fn raw(&self) -> &RawShopParams {
        &self.0
    }

    /// The instant at which the log ends; every event is before it.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.0.start.plus_days(f64::from(self.0.days))
    }

    /// Anonymous visitors.
    #[must_use]
    pub fn visitors(&self) -> u32 {
        // At most 10 × 5,000,000, which a u32 holds.
        (f64::from(self.0.customers) * self.0.visitors_per_customer).round() as u32
    }
}

impl TryFrom<RawShopParams> for ShopParams {
    type Error = ShopParamsError;

    fn try_from(raw: RawShopParams) -> Result<Self, ShopParamsError> {
        let refuse = |key, value: &dyn ToString, rule: String| {
            Err(ShopParamsError {
                key,
                value: value.to_string(),
                rule,
            })
        };
        let counts = [
            ("customers", raw.customers, 1, 5_000_000),
            ("items", raw.items, LEAVES.len() as u32, 1_000_000),
            ("days", raw.days, 30, 3_650),
        ];
        for (key, value, least, most) in counts {
            if !(least..=most).contains(&value) {
                return refuse(key, &value, format!("from {least} to {most}"));
            }
        }
        let numbers = [
            ("visitors_per_customer", raw.visitors_per_customer, 0.0, 10.0),
            ("visits_per_month", raw.visits_per_month, 0.01, 100.0),
            ("activity_shape", raw.activity_shape, 0.1, 100.0),
            ("lifetime_days", raw.lifetime_days, 1.0, 1e6),
            ("decline_days", raw.decline_days, 0.0, 1e3),
            ("pauses_per_year", raw.pauses_per_year, 0.0, 50.0),
            ("pause_days", raw.pause_days, 1.0, 1e3),
            ("popularity_exponent", raw.popularity_exponent, 0.0, 3.0),
            ("exploration", raw.exploration, 0.0, 1.0),
            ("complement_probability", raw.complement_probability, 0.0, 1.0),
            ("co_view_probability", raw.co_view_probability, 0.0, 1.0),
        ];
        for (key, value, least, most) in numbers {
            if !(least..=most).contains(&value) {
                return refuse(key, &value, format!("a number from {least} to {most}"));
            }
        }
        if raw.start.plus_days(f64::from(raw.days)) == Timestamp::MAX {
            return refuse(
                "start",
                &raw.start,
                "early enough for the log to end before the year 2200".into(),
            );
        }
        let months = f64::from(raw.days) / 30.0;
        let events = f64::from(raw.customers)
            * (months * raw.visits_per_month * EVENTS_PER_VISIT
                + raw.visitors_per_customer * EVENTS_PER_VISITOR);
        if events > MAX_EVENTS {
            let rule = format!(
                "small enough: with these days, visits_per_month and visitors_per_customer it asks for about {events:.0} events, at most {MAX_EVENTS:.0} are made"
            );
            return refuse("customers", &raw.customers, rule);
        }
        Ok(Self(raw))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_a_shop_that_opens_in_2024() {
        let params = ShopParams::try_from(RawShopParams::default()).unwrap();
        assert_eq!(params, ShopParams::default());
        assert_eq!(params.raw().start, "2024-01-01".parse().unwrap());
        assert_eq!(params.end(), "2025-06-24".parse().unwrap());
        assert_eq!(params.visitors(), 1_000);
    }

    #[test]
    fn an_impossible_shop_names_the_key_the_value_and_the_rule() {
        let refused = |change: fn(&mut RawShopParams)| {
            let mut raw = RawShopParams::default();
            change(&mut raw);
            ShopParams::try_from(raw).unwrap_err().to_string()
        };
        assert_eq!(
            refused(|raw| raw.items = 26),
            "shop.items = 26 is not from 27 to 1000000"
        );
        assert_eq!(
            refused(|raw| raw.exploration = f64::NAN),
            "shop.exploration = NaN is not a number from 0 to 1"
        );
        assert!(refused(|raw| raw.start = Timestamp::MAX).starts_with("shop.start = 2200-01-01T00:00:00Z"));
        let huge = refused(|raw| {
            raw.customers = 5_000_000;
            raw.days = 3_650;
        });
        assert!(huge.contains("asks for about 6085933333 events"), "{huge}");
        let crowd = refused(|raw| {
            raw.customers = 5_000_000;
            // Half of the events are the visitors'; without them it would be few enough.
            raw.visits_per_month = 0.5;
            raw.days = 365;
            raw.visitors_per_customer = 10.0;
        });
        assert!(crowd.contains("shop.customers"), "{crowd}");
    }
}
