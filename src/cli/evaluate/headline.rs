//! The figures of an evaluation that a bundle carries with it.

use serde_json::{Map, Value, json};

use crate::evaluate::Evaluation;
use crate::evaluate::temporal_ranking::Estimate;
use crate::evaluate::visits::VisitModelReport;
use crate::measure::bootstrap::Interval;

/// The figures that a bundle states of itself: one `{value, low, high}` per model and metric. The
/// margin dial is no figure of a model and stays out.
pub fn headline(evaluation: &Evaluation) -> Value {
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
    if let Some(report) = evaluation.cross_sell.report() {
        let hit = format!("hit_rate@{}", report.k);
        let models = report.models.iter().map(|(name, model)| {
            let figures = json!({ &hit: estimate(model.hit_rate), "mrr": estimate(model.mrr) });
            ((*name).to_owned(), figures)
        });
        parts.insert("cross_sell".to_owned(), models.collect::<Map<_, _>>().into());
    }
    if let Some(report) = evaluation.buy_again.report() {
        let models = report.models.iter().map(|(name, model)| {
            let figures = json!({
                "average_precision": estimate(model.average_precision),
                "customer_average_precision": estimate(model.customer_average_precision),
            });
            ((*name).to_owned(), figures)
        });
        parts.insert("buy_again".to_owned(), models.collect::<Map<_, _>>().into());
    }
    if let Some(report) = evaluation.visits.report() {
        let [mrr, hit] = ["mrr", "hit_rate"].map(|metric| format!("{metric}@{}", report.k));
        let figures =
            |model: &VisitModelReport| json!({ &mrr: estimate(model.mrr), &hit: estimate(model.hit_rate) });
        let alone = report
            .models
            .iter()
            .map(|(name, model)| ((*name).to_owned(), figures(model)));
        let served = report.joined.iter().filter(|joined| joined.serves);
        let served = served.map(|joined| ("joined".to_owned(), figures(&joined.found)));
        let models: Map<String, Value> = alone.chain(served).collect();
        parts.insert("visits".to_owned(), models.into());
    }
    parts.into()
}

/// One `{value, low, high}`; without the ends where there is no interval.
fn figure(value: f64, interval: Option<Interval>) -> Value {
    match interval {
        Some(Interval { low, high }) => json!({ "value": value, "low": low, "high": high }),
        None => json!({ "value": value }),
    }
}

fn estimate(Estimate { value, interval }: Estimate) -> Value {
    figure(value, interval)
}
