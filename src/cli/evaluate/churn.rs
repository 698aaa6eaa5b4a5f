//! What a churn backtest found, as tables: each is read in a terminal and on the page.

use super::words::{difference, moment, percent, signed, text_of, with_interval};
use crate::churn::{ChurnBacktest, ChurnFold};
use crate::cli::output::count;
use crate::report::Table;

/// The backtest, for a person.
pub(super) fn describe(report: &ChurnBacktest) -> String {
    let mut parts = vec![format!(
        "Churn: no purchase in {} days, customers with a purchase in the {} days before",
        report.horizon_days, report.eligible_days
    )];
    parts.extend(report.folds.iter().map(|fold| text_of(&models(fold))));
    if let Some(newest) = report.folds.first() {
        parts.push(text_of(&gains(newest)));
        let why = ladder(newest).collect::<Vec<_>>().join("\n  ");
        parts.push(format!(
            "Why {} serves as of {}\n  {why}",
            newest.served,
            moment(newest.as_of)
        ));
    }
    parts.push(text_of(&served(report)));
    parts.push(text_of(&means(report)));
    parts.extend(skipped(report));
    parts.join("\n\n")
}

/// The metrics of all models at one instant.
pub(super) fn models(fold: &ChurnFold) -> Table {
    let rows = fold.models.iter().map(|(name, model)| {
        let large = model.calibration_in_the_large;
        vec![
            (*name).to_owned(),
            with_interval(model.auc, model.auc_interval),
            format!("{:.4}", model.brier),
            format!("{:.3}", model.brier_skill),
            format!("{:.4}", model.average_precision),
            format!("{:.3} (<{:.3})", model.ece, model.ece_if_perfect),
            format!("{} ± {:.3}", signed(large.difference, 3), large.standard_error),
            format!("{:.2} of {:.2}", model.lift_at_10_percent, model.lift_ceiling),
        ]
    });
    let rarer = fold.models.first().map(|(_, model)| model.average_precision_of);
    Table {
        caption: format!(
            "As of {}: {} eligible, {} left; {} serves, learned from {} rows of {} cut-offs",
            moment(fold.as_of),
            count(fold.eligible as u64),
            percent(fold.churn_rate),
            fold.served,
            count(fold.train_rows as u64),
            fold.train_cut_offs,
        ),
        header: vec![
            "model".to_owned(),
            "AUC".to_owned(),
            "Brier".to_owned(),
            "skill".to_owned(),
            rarer.map_or_else(|| "AP".to_owned(), |rarer| format!("AP ({rarer})")),
            "ECE (if perfect)".to_owned(),
            "predicted − left".to_owned(),
            "lift@10% of best".to_owned(),
        ],
        rows: rows.collect(),
    }
}

/// The gains table of the model that would have served.
pub(super) fn gains(fold: &ChurnFold) -> Table {
    let table = fold.gains.get(fold.served.name());
    let deciles = table.map(|table| table.deciles.as_slice()).unwrap_or_default();
    let rows = deciles.iter().zip(1..).map(|(decile, place)| {
        vec![
            place.to_string(),
            count(decile.customers as u64),
            percent(decile.predicted),
            percent(decile.rate),
            format!("{:.2}", decile.lift),
            percent(decile.contacted),
            percent(decile.found),
        ]
    });
    let quality = table
        .and_then(|table| table.gini)
        .map_or_else(String::new, |gini| {
            format!(" (ranking quality {})", percent(gini))
        });
    Table {
        caption: format!(
            "As of {}: tenths by falling risk, {}{quality}",
            moment(fold.as_of),
            fold.served
        ),
        header: [
            "tenth",
            "customers",
            "predicted",
            "left",
            "lift",
            "contacted so far",
            "leavers found",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: rows.collect(),
    }
}

/// Why each model of the ladder serves or does not.
pub(super) fn ladder(fold: &ChurnFold) -> impl Iterator<Item = String> {
    fold.ladder.iter().map(|rung| {
        let serves = if rung.serves { " serves" } else { "" };
        format!("{}{serves}: {}", rung.model, rung.why)
    })
}

/// Which model would have served at each instant, how well, and how well where the customers had come back before.
pub(super) fn served(report: &ChurnBacktest) -> Table {
    let rows = report.folds.iter().map(|fold| {
        let mut row = vec![
            moment(fold.as_of),
            fold.served.to_string(),
            count(fold.eligible as u64),
            percent(fold.churn_rate),
        ];
        row.extend(fold.models.get(fold.served.name()).map_or_else(
            || [String::new(), String::new()],
            |model| [format!("{:.4}", model.auc), format!("{:.4}", model.brier)],
        ));
        row.extend(fold.repeat_buyers.map_or_else(
            || ["0", "", "", ""].map(str::to_owned),
            |repeat| {
                [
                    count(repeat.customers as u64),
                    percent(repeat.churn_rate),
                    repeat
                        .auc
                        .map_or_else(|| "–".to_owned(), |auc| format!("{auc:.4}")),
                    format!("{:.4}", repeat.brier),
                ]
            },
        ));
        row
    });
    Table {
        caption: "The model that would have served: all eligible customers, and repeat buyers alone"
            .to_owned(),
        header: [
            "as of",
            "served",
            "eligible",
            "left",
            "AUC",
            "Brier",
            "repeat buyers",
            "left",
            "AUC",
            "Brier",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: rows.collect(),
    }
}

/// Means over the instants, and how much better the served models were than each model.
pub(super) fn means(report: &ChurnBacktest) -> Table {
    let rows = report.mean.models.iter().map(|(name, mean)| {
        let served = report
            .folds
            .iter()
            .filter(|fold| fold.served.name() == *name)
            .count();
        let over = report.mean.advantage.get(name);
        vec![
            (*name).to_owned(),
            format!("{served} of {}", mean.folds),
            with_interval(mean.auc, mean.auc_interval),
            format!("{:.4}", mean.brier),
            format!("{:.3}", mean.brier_skill),
            format!("{:.3}", mean.average_precision),
            format!("{:.3}", mean.ece),
            over.map_or_else(String::new, |over| difference(over.auc, over.auc_interval)),
            over.map_or_else(String::new, |over| difference(over.brier, over.brier_interval)),
        ]
    });
    Table {
        caption: format!(
            "Means over {}, and by how much the model that would have served was better",
            match report.folds.len() {
                1 => "1 instant".to_owned(),
                n => format!("{n} instants"),
            }
        ),
        header: [
            "model",
            "served",
            "AUC",
            "Brier",
            "skill",
            "AP",
            "ECE",
            "served AUC more by",
            "served Brier less by",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: rows.collect(),
    }
}

/// The instants that could not be judged, and why.
pub(super) fn skipped(report: &ChurnBacktest) -> impl Iterator<Item = String> {
    report
        .skipped
        .iter()
        .map(|skipped| format!("As of {}: not judged, {}", moment(skipped.as_of), skipped.reason))
}
