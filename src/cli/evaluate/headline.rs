//! The figures of an evaluation that a bundle carries with it.

use serde_json::{Map, Value, json};

use crate::evaluate::Evaluation;
use crate::measure::bootstrap::Interval;

/// The figures that a bundle states of itself: one `{value, low, high}` per model and metric.
pub fn headline(evaluation: &Evaluation) -> Value {
    let figure = |value: f64, interval: Option<Interval>| match interval {
        Some(Interval { low, high }) => json!({ "value": value, "low": low, "high": high }),
        None => json!({ "value": value }),
    };
    let mut parts = Map::new();
    if let Some(report) = evaluation.recommend.report() {
        let k = report.k;
        let models: Map<String, Value> = report
            .new
            .models
            .iter()
            .map(|(name, model)| {
                let figures = json!({
                    format!("recall@{k}"): figure(model.metrics.recall, model.recall_interval),
                    format!("ndcg@{k}"): figure(model.metrics.ndcg, model.ndcg_interval),
                });
                ((*name).to_owned(), figures)
            })
            .collect();
        parts.insert("recommend".to_owned(), models.into());
    }
    if let Some(fold) = evaluation.churn.report().and_then(|report| report.folds.first()) {
        let models = fold.models.iter().map(|(name, model)| {
            let figures = json!({
                "auc": figure(model.auc, Some(model.auc_interval)),
                "brier": figure(model.brier, None),
                "average_precision": figure(model.average_precision, None),
                "ece": figure(model.ece, None),
            });
            ((*name).to_owned(), figures)
        });
        parts.insert("churn".to_owned(), models.collect::<Map<_, _>>().into());
    }
    parts.into()
}
