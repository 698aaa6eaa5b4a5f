//! What an evaluation found of the rankings, as tables.

use super::words::{difference, moment, text_of, with_interval};
use crate::cli::output::count;
use crate::evaluate::temporal_ranking::{Advantage, Estimate, ProtocolReport, TemporalReport};
use crate::measure::bootstrap::Interval;
use crate::recommend::blend::{RawTerm, RawWeights};
use crate::report::Table;

/// The rankings, for a person.
pub(super) fn describe(report: &TemporalReport) -> String {
    let [new, repeats] = tables(report);
    format!(
        "Ranking: learned from what was before {}, judged until {}\n{}\n\n{}\n\n{}",
        moment(report.as_of),
        moment(report.until),
        describe_weights(&report.blend_weights),
        text_of(&new),
        text_of(&repeats),
    )
}

/// One table a protocol: items new to the customer, and all items.
pub(super) fn tables(report: &TemporalReport) -> [Table; 2] {
    [
        protocol("Items new to the customer", &report.new, report.k),
        protocol("All items, repeats allowed", &report.repeats_allowed, report.k),
    ]
}

fn protocol(title: &str, found: &ProtocolReport, k: usize) -> Table {
    let written = |value: f64, interval: Option<Interval>, with: fn(f64, Interval) -> String| {
        interval.map_or_else(|| format!("{value:.4}"), |interval| with(value, interval))
    };
    let rows = found.models.iter().map(|(name, model)| {
        let over = |part: fn(&Advantage) -> Estimate| {
            found.blend_minus.get(name).map_or_else(String::new, |advantage| {
                let Estimate { value, interval } = part(advantage);
                written(value, interval, difference)
            })
        };
        vec![
            (*name).to_owned(),
            written(model.metrics.recall, model.recall_interval, with_interval),
            written(model.metrics.ndcg, model.ndcg_interval, with_interval),
            over(|advantage| advantage.recall),
            over(|advantage| advantage.ndcg),
        ]
    });
    Table {
        caption: format!(
            "{title}: {} customers, {} purchases to foresee",
            count(found.customers as u64),
            count(found.test_items as u64),
        ),
        header: vec![
            "model".to_owned(),
            format!("recall@{k}"),
            format!("NDCG@{k}"),
            "blend's recall more by".to_owned(),
            "blend's NDCG more by".to_owned(),
        ],
        rows: rows.collect(),
    }
}

/// The weights of a blend in one line.
pub fn describe_weights(weights: &RawWeights) -> String {
    let term = |name: &str, term: RawTerm| {
        let RawTerm {
            weight,
            length_exponent,
        } = term;
        (weight > 0.0).then(|| format!("{name} {weight:.3} × (n/n̄)^{length_exponent:.2}"))
    };
    let RawWeights {
        usual_length,
        ridge_share,
        links,
        low_pass,
        ials,
        popularity,
    } = weights;
    let links_name = format!("links ({:.0} % ridge)", 100.0 * ridge_share);
    let terms: Vec<String> = [
        term(&links_name, *links),
        term("low-pass", *low_pass),
        term("ials", *ials),
        term("popularity", *popularity),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!(
        "The blend: {}; n items in the history, n̄ = {usual_length}",
        terms.join(" + ")
    )
}
