//! What a fixed split found, for a person.

use super::ranking::describe_weights;
use crate::cli::output::{self, count};
use crate::evaluate::fixed::FixedReport;

/// One table of all models.
pub(super) fn describe_fixed(report: &FixedReport) -> String {
    let k = report.k;
    let rows = report.models.iter().map(|(name, model)| {
        vec![
            name.clone(),
            format!("{:.4}", model.metrics.recall),
            format!("{:.4}", model.metrics.ndcg),
            format!("{:.4}", model.metrics.hit_rate),
            format!("{:.4}", model.metrics.reciprocal_rank),
            format!("{:.1}", model.fit_seconds),
            format!("{:.1}", model.rank_seconds),
            mebibytes(model.fit_peak_bytes),
            mebibytes(model.rank_peak_bytes),
        ]
    });
    let header = [
        "model",
        &format!("recall@{k}"),
        &format!("NDCG@{k}"),
        &format!("hit rate@{k}"),
        &format!("MRR@{k}"),
        "fit s",
        "rank s",
        "fit MiB",
        "rank MiB",
    ];
    format!(
        "{} users, {} pairs to learn from, {} to find ({} of items never seen in training, which count as misses)\n{}\n\n{}",
        count(report.users as u64),
        count(report.train_pairs as u64),
        count(report.test_pairs as u64),
        count(report.unknown_test_pairs as u64),
        report
            .blend_weights
            .as_ref()
            .map_or_else(String::new, describe_weights),
        output::table(&header, 1, rows)
    )
}

fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "-".to_owned(), |bytes| (bytes >> 20).to_string())
}
