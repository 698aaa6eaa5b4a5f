//! How each model of the ladder learns from rows.

use ndarray::{Array2, ShapeBuilder};
use rayon::prelude::*;

use super::lessons::Lessons;
use crate::churn::ChurnError;
use crate::churn::boosted::{BoostedModel, direction};
use crate::churn::boosting::Boosted;
use crate::churn::features::Schema;
use crate::churn::linear::Linear;
use crate::churn::logistic::Logistic;
use crate::churn::platt::logit;
use crate::churn::rhythm::Rhythm;
use crate::churn::sample::Snapshot;
use crate::churn::standard::Standard;

impl Lessons {
    /// Regresses the outcomes on the schema's columns and one column a cut-off.
    ///
    /// How many customers leave swings with the season, for all alike. The cut-offs' own columns take that up, so
    /// that it cannot pass for an effect of whatever feature drifts with time, such as tenure. The intercept is that
    /// of the average cut-off.
    pub(super) fn regress(&self, schema: &Schema, snapshots: &[Snapshot]) -> Result<Linear, ChurnError> {
        let rows = || snapshots.iter().flat_map(|s| &s.values);
        let churned: Vec<bool> = snapshots.iter().flat_map(|s| &s.churned).copied().collect();
        let standard = Standard::fit(schema, &rows());
        let width = schema.len();
        // Column by column, as the solver's gradient reads them.
        let mut columns = Array2::zeros((churned.len(), width + snapshots.len()).f());
        let places = (0..snapshots.len()).flat_map(|at| vec![at; snapshots[at].churned.len()]);
        for ((mut row, values), place) in columns.rows_mut().into_iter().zip(rows()).zip(places) {
            row.iter_mut()
                .zip(standard.z(values))
                .for_each(|(cell, z)| *cell = z);
            row[width + place] = 1.0;
        }
        let mut logistic = Logistic::fit(columns, &churned, self.params.raw().l2)?;
        let of_cut_offs = logistic.weights.split_off(width);
        let lift: f64 = snapshots
            .iter()
            .zip(of_cut_offs)
            .map(|(s, effect)| effect * s.churned.len() as f64)
            .sum();
        logistic.intercept += lift / churned.len() as f64;
        Ok(Linear { standard, logistic })
    }

    /// Grows trees on the schema's columns. Each cut-off starts from its own churn rate, for the same reason as the
    /// regression's columns of cut-offs.
    pub(super) fn boost(&self, schema: &Schema, snapshots: &[Snapshot]) -> Result<BoostedModel, ChurnError> {
        let rows: Vec<Vec<f64>> = snapshots
            .par_iter()
            .flat_map_iter(|s| s.values.iter().map(|values| BoostedModel::row(schema, values)))
            .collect();
        let churned: Vec<bool> = snapshots.iter().flat_map(|s| &s.churned).copied().collect();
        let start: Vec<f64> = snapshots
            .iter()
            .flat_map(|s| {
                let left = s.churned.iter().filter(|&&c| c).count() as f64;
                // Half a row of either outcome keeps a cut-off of one outcome finite.
                let rate = logit((left + 0.5) / (s.churned.len() as f64 + 1.0));
                vec![rate; s.churned.len()]
            })
            .collect();
        let columns: Vec<f64> = (0..schema.len())
            .flat_map(|column| rows.iter().map(move |row| row[column]))
            .collect();
        let monotone: Vec<_> = schema.features().map(|feature| direction(feature.code)).collect();
        let typical = schema
            .features()
            .enumerate()
            .map(|(column, feature)| {
                let mut values: Vec<f64> = rows.iter().map(|row| row[column]).collect();
                values.sort_unstable_by(f64::total_cmp);
                feature.transform.invert(values[values.len() / 2])
            })
            .collect();
        Ok(BoostedModel {
            schema: schema.clone(),
            trees: Boosted::fit(&start, &columns, &monotone, &churned)?,
            typical,
        })
    }

    /// The rhythm of the shop's norms, and who is typical among the rows.
    pub(super) fn rhythm(&self, snapshots: &[Snapshot]) -> Result<Rhythm, ChurnError> {
        let buying = self.norms.buying.ok_or_else(|| self.refusal())?;
        let rows = snapshots.iter().flat_map(|s| &s.values);
        Ok(Rhythm::new(buying, Rhythm::typical_of(&rows)))
    }
}
