//! From feature values to the columns of a linear model: reshape, cap, standardise.

use serde::{Deserialize, Serialize};

use super::features::{FeatureValues, Schema};

/// Share of rows beyond which values are capped, at either end.
const CAPPED_SHARE: f64 = 0.005;

/// The scale of one column, learned from training rows: `z = (clamp(transform(x), low, high) − mean) / sd`.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scale {
    /// Reshaped values below are raised to this: the 0.5th percentile.
    pub(crate) low: f64,
    /// Reshaped values above are lowered to this: the 99.5th percentile.
    pub(crate) high: f64,
    /// Mean of the reshaped, capped values.
    pub(crate) mean: f64,
    /// Their standard deviation; 1 for a constant column, whose `z` is then always 0.
    pub(crate) sd: f64,
}

impl Scale {
    fn fit(mut reshaped: Vec<f64>) -> Self {
        reshaped.sort_by(f64::total_cmp);
        let at = |share: f64| reshaped[((reshaped.len() - 1) as f64 * share).round() as usize];
        let (low, high) = (at(CAPPED_SHARE), at(1.0 - CAPPED_SHARE));
        let n = reshaped.len() as f64;
        let capped = || reshaped.iter().map(|value| value.clamp(low, high));
        let mean = capped().sum::<f64>() / n;
        let variance = capped().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
        let sd = variance.sqrt();
        // Relative to the mean, because a column of equal large numbers has a variance of rounding.
        let constant = sd <= 1e-9 * mean.abs().max(1.0);
        Self {
            low,
            high,
            mean,
            sd: if constant { 1.0 } else { sd },
        }
    }

    fn z(&self, reshaped: f64) -> f64 {
        (reshaped.clamp(self.low, self.high) - self.mean) / self.sd
    }
}

/// The scales of a schema's columns.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Standard {
    pub(crate) schema: Schema,
    pub(crate) scales: Vec<Scale>,
}

impl Standard {
    /// Learns the scales from training rows, of which there is at least one.
    pub(crate) fn fit<'a>(schema: &Schema, rows: &(impl Iterator<Item = &'a FeatureValues> + Clone)) -> Self {
        let scales = schema
            .features()
            .zip(schema.places())
            .map(|(feature, &place)| {
                Scale::fit(
                    rows.clone()
                        .map(|values| feature.transform.apply(values[place]))
                        .collect(),
                )
            })
            .collect();
        Self {
            schema: schema.clone(),
            scales,
        }
    }

    /// The standardised columns of one row.
    pub(crate) fn z<'a>(&'a self, values: &'a FeatureValues) -> impl Iterator<Item = f64> + 'a {
        self.schema
            .features()
            .zip(self.schema.places())
            .zip(&self.scales)
            .map(|((feature, &place), scale)| scale.z(feature.transform.apply(values[place])))
    }

    /// The value of each feature at which its column is 0: what a typical customer has.
    pub(crate) fn typical(&self) -> impl Iterator<Item = f64> + '_ {
        self.schema
            .features()
            .zip(&self.scales)
            .map(|(feature, scale)| feature.transform.invert(scale.mean))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::churn::features::FEATURES;

    #[test]
    fn columns_have_mean_zero_and_unit_spread_and_outliers_are_capped() {
        let rows: Vec<FeatureValues> = (0..1000)
            .map(|i| {
                let mut values = [0.0; FEATURES.len()];
                values[0] = f64::from(i % 50);
                values[1] = 4.0;
                values
            })
            .collect();
        let standard = Standard::fit(&Schema::only(&[0, 1]), &rows.iter());
        let columns: Vec<Vec<f64>> = rows.iter().map(|values| standard.z(values).collect()).collect();
        let mean = |of: fn(f64) -> f64| columns.iter().map(|z| of(z[0])).sum::<f64>() / 1000.0;
        assert!(mean(|z| z).abs() < 1e-12);
        assert!((mean(|z| z * z) - 1.0).abs() < 1e-12);
        assert!(
            columns.iter().all(|z| z[1].abs() < 1e-12),
            "a constant says nothing"
        );
        let mut far = rows[0];
        far[0] = 1e9;
        let mut cap = rows[0];
        cap[0] = 49.0;
        assert_eq!(standard.z(&far).next(), standard.z(&cap).next());
        let typical: Vec<f64> = standard.typical().collect();
        assert!((typical[1] - 4.0).abs() < 1e-12);
        let mut middle = rows[0];
        (middle[0], middle[1]) = (typical[0], typical[1]);
        assert!(standard.z(&middle).all(|z| z.abs() < 1e-12));
    }
}
