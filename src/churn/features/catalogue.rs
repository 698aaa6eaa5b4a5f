//! Every feature there is: its code, family, scale and what a log must hold for it.

use serde::{Deserialize, Serialize};

use crate::churn::platt::{logit, sigmoid};

/// Features that say similar things. Their contributions are summed before reasons are ranked, because collinear
/// features share one effect between them with signs that mean nothing alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// How long ago, by the calendar and by the customer's own rhythm, and how much lately.
    Recency,
    /// How often, over half a year and more.
    Frequency,
    /// How much money.
    Monetary,
    /// More or less than before.
    Trend,
    /// The customer's own rhythm.
    Gap,
    /// What she looks at.
    Browsing,
    /// What she puts into the cart.
    Cart,
    /// How many different things.
    Breadth,
}

/// What a feature's value counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Days of 24 hours.
    Days,
    /// A number of things.
    Count,
    /// The shop's currency.
    Money,
    /// One quantity over another.
    Ratio,
    /// Natural logarithm of a ratio: 0 is unchanged.
    LogRatio,
}

/// How a value is reshaped before it is standardised.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// `ln(1 + x)`, for what is never negative and has a long tail.
    Log1p,
    /// As it is.
    Identity,
    /// `ln(x / (1 − x))`, for probabilities; held within 0.0001 of certainty.
    Logit,
}

/// Probabilities nearer to 0 or 1 are reshaped as this far away.
const SMALLEST: f64 = 1e-4;

impl Transform {
    /// The reshaped value.
    #[must_use]
    pub fn apply(self, value: f64) -> f64 {
        match self {
            Self::Log1p => value.max(0.0).ln_1p(),
            Self::Identity => value,
            Self::Logit => logit(value.clamp(SMALLEST, 1.0 - SMALLEST)),
        }
    }

    /// The value that is reshaped to `reshaped`.
    #[must_use]
    pub fn invert(self, reshaped: f64) -> f64 {
        match self {
            Self::Log1p => reshaped.exp_m1(),
            Self::Identity => reshaped,
            Self::Logit => sigmoid(reshaped),
        }
    }
}

/// What a log must hold for a feature to mean anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Needs {
    Purchases,
    Prices,
    Returns,
    Views,
    Carts,
    Categories,
    Rhythm,
}

/// One feature.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Feature {
    /// Name in exports, models and answers; never changes its meaning.
    pub code: &'static str,
    /// Features that it is summed with in reasons.
    pub family: Family,
    /// What it is, in words for a person.
    pub label: &'static str,
    /// What its value counts.
    pub unit: Unit,
    /// How it is reshaped before standardisation.
    pub transform: Transform,
    pub(crate) needs: Needs,
}

const fn feature(
    code: &'static str,
    family: Family,
    label: &'static str,
    unit: Unit,
    transform: Transform,
    needs: Needs,
) -> Feature {
    Feature {
        code,
        family,
        label,
        unit,
        transform,
        needs,
    }
}

use Family::{Breadth, Browsing, Cart, Frequency, Gap, Monetary, Recency, Trend};
use Needs::{Carts, Categories, Prices, Purchases, Returns, Rhythm, Views};
use Transform::{Identity, Log1p, Logit};
use Unit::{Count, Days, LogRatio, Money, Ratio};

/// All features, in the order of [`super::FeatureValues`].
#[rustfmt::skip]
pub static FEATURES: [Feature; 45] = [
    feature("recency_purchase_days", Recency, "days since the last purchase", Days, Log1p, Purchases),
    feature("tenure_days", Recency, "days since the first purchase", Days, Log1p, Purchases),
    feature("n_purchase_days", Frequency, "days with a purchase, ever", Count, Log1p, Purchases),
    feature("n_purchase_30d", Recency, "days with a purchase in the last 30 days", Count, Log1p, Purchases),
    feature("n_purchase_90d", Recency, "days with a purchase in the last 90 days", Count, Log1p, Purchases),
    feature("n_purchase_180d", Frequency, "days with a purchase in the last 180 days", Count, Log1p, Purchases),
    feature("n_purchase_365d", Frequency, "days with a purchase in the last 365 days", Count, Log1p, Purchases),
    feature("purchase_rate_30d", Frequency, "purchase days per 30 days since the first purchase", Ratio, Log1p, Purchases),
    feature("is_one_time", Frequency, "bought on one day only", Ratio, Identity, Purchases),
    feature("order_value_mean", Monetary, "mean spend on a purchase day", Money, Log1p, Prices),
    feature("spend_total", Monetary, "spend after returns, ever", Money, Log1p, Prices),
    feature("spend_90d", Monetary, "spend after returns in the last 90 days", Money, Log1p, Prices),
    feature("spend_180d", Monetary, "spend after returns in the last 180 days", Money, Log1p, Prices),
    feature("return_rate", Monetary, "share of spend that was returned", Ratio, Identity, Returns),
    feature("purchase_trend", Trend, "purchase days of the last 90 days against the 90 before", LogRatio, Identity, Purchases),
    feature("order_value_trend", Trend, "spend per purchase day of the last 90 days against before", LogRatio, Identity, Prices),
    feature("gap_typical_days", Gap, "usual days between purchases", Days, Log1p, Purchases),
    feature("gap_variation", Gap, "irregularity of the days between purchases", Ratio, Log1p, Purchases),
    feature("last_gap_ratio", Gap, "last gap between purchases against the usual one", Ratio, Log1p, Purchases),
    feature("overdue_ratio", Recency, "days since the last purchase against the usual gap", Ratio, Log1p, Purchases),
    feature("n_items", Breadth, "different items bought, ever", Count, Log1p, Purchases),
    feature("n_items_180d", Breadth, "different items bought in the last 180 days", Count, Log1p, Purchases),
    feature("items_per_purchase_day", Breadth, "lines bought on a purchase day", Ratio, Log1p, Purchases),
    feature("recency_view_days", Browsing, "days since an item was last viewed", Days, Log1p, Views),
    feature("n_view_7d", Browsing, "views in the last 7 days", Count, Log1p, Views),
    feature("n_view_30d", Browsing, "views in the last 30 days", Count, Log1p, Views),
    feature("n_view_90d", Browsing, "views in the last 90 days", Count, Log1p, Views),
    feature("n_view_days_30d", Browsing, "days with a view in the last 30 days", Count, Log1p, Views),
    feature("view_trend", Browsing, "views of the last 30 days against the 60 before", LogRatio, Identity, Views),
    feature("view_days_since_purchase", Browsing, "days with a view since the last purchase", Count, Log1p, Views),
    feature("view_to_purchase_90d", Browsing, "purchases per view in the last 90 days", Ratio, Log1p, Views),
    feature("recency_cart_days", Cart, "days since an item was last put into the cart", Days, Log1p, Carts),
    feature("n_cart_7d", Cart, "items put into the cart in the last 7 days", Count, Log1p, Carts),
    feature("n_cart_30d", Cart, "items put into the cart in the last 30 days", Count, Log1p, Carts),
    feature("n_cart_90d", Cart, "items put into the cart in the last 90 days", Count, Log1p, Carts),
    feature("cart_abandon_90d", Cart, "share of cart items of the last 90 days left unbought for a week", Ratio, Identity, Carts),
    feature("has_view", Browsing, "viewed an item in the last 365 days", Ratio, Identity, Views),
    feature("n_active_days_30d", Browsing, "days with any event in the last 30 days", Count, Log1p, Views),
    feature("n_active_days_90d", Browsing, "days with any event in the last 90 days", Count, Log1p, Views),
    feature("has_cart", Cart, "put an item into the cart in the last 365 days", Ratio, Identity, Carts),
    feature("n_categories", Breadth, "different top categories bought from, ever", Count, Log1p, Categories),
    feature("category_entropy", Breadth, "how evenly purchases spread over top categories, in nats", Ratio, Identity, Categories),
    feature("top_category_share", Breadth, "share of purchases from the favourite top category", Ratio, Identity, Categories),
    feature("mbg_no_purchase", Recency, "chance of no purchase in the horizon, by number and times of purchases alone (MBG/NBD)", Ratio, Logit, Rhythm),
    feature("mbg_purchases", Recency, "purchase days expected in the horizon, by number and times of purchases alone (MBG/NBD)", Count, Log1p, Rhythm),
];

/// Place of `recency_purchase_days` in [`FEATURES`].
pub(crate) const RECENCY: usize = 0;
/// Place of `tenure_days` in [`FEATURES`].
pub(crate) const TENURE: usize = 1;
/// Place of `gap_typical_days` in [`FEATURES`].
pub(crate) const GAP: usize = 16;
/// Place of `n_purchase_days` in [`FEATURES`].
pub(crate) const FREQUENCY: usize = 2;

/// The feature with this code: its label for a person, its unit, its family. `None` for an unknown code.
#[must_use]
pub fn describe(code: &str) -> Option<&'static Feature> {
    FEATURES.iter().find(|feature| feature.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_found() {
        for feature in &FEATURES {
            assert_eq!(describe(feature.code), Some(feature), "{}", feature.code);
        }
        assert_eq!(FEATURES[RECENCY].code, "recency_purchase_days");
        assert_eq!(FEATURES[GAP].code, "gap_typical_days");
        assert_eq!(FEATURES[TENURE].code, "tenure_days");
        assert_eq!(FEATURES[FREQUENCY].code, "n_purchase_days");
        assert_eq!(describe("shoe_size"), None);
    }

    #[test]
    fn a_transform_is_undone_by_its_inverse() {
        for transform in [Log1p, Identity] {
            for value in [0.0, 0.3, 17.0, 1e6] {
                assert!((transform.invert(transform.apply(value)) - value).abs() <= 1e-9 * value);
            }
        }
        assert!((Log1p.apply(1.0) - std::f64::consts::LN_2).abs() < 1e-15);
        for probability in [0.001, 0.3, 0.999] {
            assert!((Logit.invert(Logit.apply(probability)) - probability).abs() < 1e-12);
        }
        assert!(Logit.apply(0.0).is_finite() && Logit.apply(1.0).is_finite());
    }
}
