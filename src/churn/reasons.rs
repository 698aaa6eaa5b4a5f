//! Why a score is what it is: contributions that add up, one reason a family.

use serde::Serialize;

use super::features::{Family, Feature};
use super::platt::sigmoid;

/// One family's part in a score. An association that the model learned, not a cause.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct ChurnReason {
    /// Code of the family's leading feature; [`super::describe`] knows its words.
    pub feature: &'static str,
    /// The family.
    pub family: Family,
    /// The leading feature's own value, in its unit.
    pub value: f64,
    /// The value that is usual for herself; `None` when she is too new to have one.
    pub usual: Option<f64>,
    /// The value that a typical customer has.
    pub typical: f64,
    /// What the whole family adds to the calibrated log-odds; above zero speaks for churn.
    pub contribution: f64,
    /// What the family adds to the probability, in percentage points: `100 (p − sigmoid(logit p − contribution))`.
    pub points: f64,
}

/// One feature's part in a score.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) feature: &'static Feature,
    pub(crate) value: f64,
    pub(crate) typical: f64,
    /// Calibrated log-odds.
    pub(crate) contribution: f64,
}

/// One reason a family, by falling strength; equally strong ones in the order of families.
///
/// The leading feature is the strongest of those that pull the way the family does, so that a reason never shows a
/// number that speaks against itself.
///
/// `usual` tells what value of a feature is usual for the customer herself.
pub(crate) fn reasons(
    parts: &[Part],
    log_odds: f64,
    usual: impl Fn(&'static Feature) -> Option<f64>,
) -> Vec<ChurnReason> {
    let mut by_family: Vec<&Part> = parts.iter().collect();
    by_family.sort_by_key(|part| part.feature.family);
    let mut found: Vec<ChurnReason> = by_family
        .chunk_by(|a, b| a.feature.family == b.feature.family)
        .map(|parts| {
            let contribution: f64 = parts.iter().map(|part| part.contribution).sum();
            let pull = |part: &Part| part.contribution * contribution.signum();
            let leading = parts
                .iter()
                .copied()
                .reduce(|best, part| if pull(part) > pull(best) { part } else { best })
                .unwrap_or(parts[0]);
            ChurnReason {
                feature: leading.feature.code,
                family: leading.feature.family,
                value: leading.value,
                usual: usual(leading.feature),
                typical: leading.typical,
                contribution,
                points: 100.0 * (sigmoid(log_odds) - sigmoid(log_odds - contribution)),
            }
        })
        .collect();
    found.sort_by(|a, b| {
        b.contribution
            .abs()
            .total_cmp(&a.contribution.abs())
            .then(a.family.cmp(&b.family))
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::churn::describe;

    #[test]
    fn families_are_summed_ranked_and_led_by_a_feature_that_agrees() {
        let part = |code, contribution| Part {
            feature: describe(code).unwrap(),
            value: 7.0,
            typical: 3.0,
            contribution,
        };
        let parts = [
            part("recency_purchase_days", 0.5),
            part("n_purchase_days", -2.0),
            part("n_purchase_180d", 1.5),
            part("n_purchase_365d", 1.3),
            part("gap_typical_days", -0.9),
        ];
        let found = reasons(&parts, 0.4, |_| Some(5.0));
        let shape: Vec<_> = found.iter().map(|r| (r.feature, r.family)).collect();
        // Frequency adds up to +0.8: it is led by what speaks for churn, not by the larger number that speaks against
        // it.
        assert_eq!(
            shape,
            [
                ("gap_typical_days", Family::Gap),
                ("n_purchase_180d", Family::Frequency),
                ("recency_purchase_days", Family::Recency)
            ]
        );
        let sum: f64 = found.iter().map(|r| r.contribution).sum();
        assert!((sum - 0.4).abs() < 1e-12);
        assert!((found[2].points - 100.0 * (sigmoid(0.4) - sigmoid(-0.1))).abs() < 1e-9);
    }
}
