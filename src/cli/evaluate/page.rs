//! An evaluation as the contents of a page: pictures and all tables.

use super::words::{moment, percent, with_interval};
use super::{churn, ranking};
use crate::churn::{ChurnBacktest, ChurnFold};
use crate::cli::output::count;
use crate::evaluate::{Evaluation, Judged};
use crate::report::{
    AucByFold, ChurnReport, FoldAucs, Gains, GainsLine, Histogram, ModelAuc, Reliability, RfmCell, RfmGrid,
    RiskDistribution,
};
use crate::time::Timestamp;

/// The page of an evaluation by data that end at `through`. Its pictures are of the newest instant.
pub(super) fn page(evaluation: &Evaluation, through: Timestamp) -> ChurnReport {
    let mut page = ChurnReport {
        title: "How well churn was foreseen".to_owned(),
        facts: vec![fact("data until", moment(through))],
        ..ChurnReport::default()
    };
    match &evaluation.churn {
        Judged::Report(report) => add_churn(&mut page, report),
        Judged::Refused { refused } => page.notes.push(format!("Churn was not judged: {refused}")),
    }
    match &evaluation.recommend {
        Judged::Report(report) => {
            for mut table in ranking::tables(report) {
                table.caption = format!("Recommendations: {}", table.caption);
                page.tables.push(table);
            }
            page.notes.push(format!(
                "Recommendations were learned from what was before {} and judged by the purchases until {}. {}.",
                moment(report.as_of),
                moment(report.until),
                ranking::describe_weights(&report.blend_weights),
            ));
        }
        Judged::Refused { refused } => page
            .notes
            .push(format!("Recommendations were not judged: {refused}")),
    }
    page
}

fn fact(label: &str, value: impl Into<String>) -> (String, String) {
    (label.to_owned(), value.into())
}

fn add_churn(page: &mut ChurnReport, report: &ChurnBacktest) {
    if let Some(newest) = report.folds.first() {
        page.facts.extend(facts(report, newest));
        page.reliability = Reliability {
            bins: newest.reliability.clone(),
            scores: Histogram {
                counts: newest.risk.counts.to_vec(),
            },
        };
        page.gains = Gains {
            positive_rate: newest.churn_rate,
            lines: newest
                .gains
                .iter()
                .map(|(name, table)| GainsLine::of(name, table))
                .collect(),
        };
        page.folds = auc_by_fold(report, newest);
        page.risk = risk(newest);
        page.rfm = rfm(newest);
        page.tables.push(churn::gains(newest));
    }
    page.tables.push(churn::served(report));
    page.tables.push(churn::means(report));
    page.tables.extend(report.folds.iter().map(churn::models));
    page.notes.extend(notes(report));
}

fn facts(report: &ChurnBacktest, newest: &ChurnFold) -> Vec<(String, String)> {
    let mut facts = vec![
        fact("newest scores as of", moment(newest.as_of)),
        fact("churn", format!("no purchase in {} days", report.horizon_days)),
        fact(
            "eligible",
            format!("a purchase in the {} days before", report.eligible_days),
        ),
        fact("eligible customers", count(newest.eligible as u64)),
        fact("left", percent(newest.churn_rate)),
        fact("served by", newest.served.name()),
    ];
    if let Some(model) = newest.models.get(newest.served.name()) {
        facts.push(fact("its AUC", with_interval(model.auc, model.auc_interval)));
    }
    facts
}

/// From the oldest instant to the newest, models in the order of the other pictures.
fn auc_by_fold(report: &ChurnBacktest, newest: &ChurnFold) -> AucByFold {
    let mut folds: Vec<&ChurnFold> = report.folds.iter().collect();
    folds.sort_by_key(|fold| fold.as_of);
    AucByFold {
        models: newest.models.keys().map(|name| (*name).to_owned()).collect(),
        folds: folds
            .into_iter()
            .map(|fold| FoldAucs {
                label: moment(fold.as_of),
                models: fold
                    .models
                    .iter()
                    .map(|(name, model)| ModelAuc {
                        model: (*name).to_owned(),
                        auc: model.auc,
                        interval: model.auc_interval,
                    })
                    .collect(),
            })
            .collect(),
    }
}

fn risk(fold: &ChurnFold) -> RiskDistribution {
    let risk = &fold.risk;
    RiskDistribution {
        scores: Histogram {
            counts: risk.counts.to_vec(),
        },
        low_below: risk.low_below,
        high_above: risk.high_above,
        bands: [risk.low, risk.medium, risk.high],
    }
}

fn rfm(fold: &ChurnFold) -> RfmGrid {
    let mut grid = RfmGrid::default();
    for cell in &fold.rfm {
        // Scores count from 1.
        let place = |score: u8| usize::from(score.clamp(1, 5) - 1);
        grid.cells[place(cell.recency)][place(cell.frequency)] = Some(RfmCell {
            customers: cell.customers,
            mean_risk: cell.mean_risk,
        });
    }
    grid
}

fn notes(report: &ChurnBacktest) -> Vec<String> {
    let mut notes = vec![
        format!(
            "All figures are of eligible customers, those with a purchase in the {} days before the instant. Who had \
             lapsed before is in none of them.",
            report.eligible_days
        ),
        "Each model was fitted as if the log had ended at the instant, and judged by the horizon after it.".to_owned(),
        "Intervals are 95 % over resampled customers; a customer who stands at several instants is drawn at all of \
         them together."
            .to_owned(),
        "Repeat buyers are given apart: one-time buyers, most of whom do not come back, are easy to foresee.".to_owned(),
        "AP is the average precision of the rarer outcome. ECE is the calibration error beside what perfect \
         probabilities would stay below in 95 of 100 cases. “Predicted − left” is above 0 where too many were \
         expected to leave."
            .to_owned(),
        "Recency and frequency are fifths of all who had bought by then, lapsed or not; the map counts those who were \
         eligible."
            .to_owned(),
    ];
    if let Some(newest) = report.folds.first() {
        let why: Vec<String> = churn::ladder(newest).collect();
        notes.push(format!(
            "Why {} serves as of {}. {}.",
            newest.served,
            moment(newest.as_of),
            why.join("; ")
        ));
    }
    notes.extend(churn::skipped(report));
    notes
}
