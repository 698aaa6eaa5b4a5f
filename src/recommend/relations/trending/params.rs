//! The parameters of trending: raw as a recipe writes them, and checked.

use serde::{Deserialize, Serialize};

use crate::recommend::range::{OutOfRange, check};

/// The recipe section `[recommend.trending]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawTrendingParams {
    /// Days after which an event counts half in what is happening now.
    pub half_life_days: f64,
    /// Days after which an event counts half in what is usual.
    pub usual_half_life_days: f64,
    /// Events that the category's level counts as, against the item's own.
    pub prior_events: f64,
    /// Events that are added to both sides of the factor.
    pub factor_smoothing: f64,
    /// Variance that is added to that of the expected count.
    pub noise: f64,
    /// Recent events below which an item is not trending.
    pub least_events: usize,
}

impl Default for RawTrendingParams {
    fn default() -> Self {
        Self {
            half_life_days: 7.0,
            usual_half_life_days: 90.0,
            prior_events: 2.0,
            factor_smoothing: 2.0,
            noise: 1.0,
            least_events: 5,
        }
    }
}

/// Checked parameters of trending.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `half_life_days` | 7 | age at which an event counts half in what is happening now | 0.01 to 10,000 |
/// | `usual_half_life_days` | 90 | … and in what is usual | above 1.5 × `half_life_days` to 100,000 |
/// | `prior_events` | 2 | `k`: events that the category's level counts as, against the item's own | 0.000001 to 1,000,000 |
/// | `factor_smoothing` | 2 | `m`: events added to both sides of the factor | 0.000001 to 1,000,000 |
/// | `noise` | 1 | `c`: variance added to that of the expected count | 0.000001 to 1,000,000 |
/// | `least_events` | 5 | events within three half-lives below which an item is not trending | 1 to 1,000,000 |
#[derive(Clone, Debug, PartialEq)]
pub struct TrendingParams {
    raw: RawTrendingParams,
}

impl TrendingParams {
    /// The parameters as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> &RawTrendingParams {
        &self.raw
    }
}

impl TryFrom<RawTrendingParams> for TrendingParams {
    type Error = OutOfRange;

    fn try_from(raw: RawTrendingParams) -> Result<Self, OutOfRange> {
        check(
            "trending",
            &[("half_life_days", raw.half_life_days, 0.01, 10_000.0)],
        )?;
        let rules = [
            (
                "usual_half_life_days",
                raw.usual_half_life_days,
                1.5 * raw.half_life_days,
                100_000.0,
            ),
            ("prior_events", raw.prior_events, 1e-6, 1e6),
            ("factor_smoothing", raw.factor_smoothing, 1e-6, 1e6),
            ("noise", raw.noise, 1e-6, 1e6),
            ("least_events", raw.least_events as f64, 1.0, 1e6),
        ];
        check("trending", &rules)?;
        Ok(Self { raw })
    }
}
