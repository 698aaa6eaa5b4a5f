//! What an evaluation found of the shelves beside the ranking, as tables: carts, buying again, margin, visits.

use super::words::{difference, moment, percent, text_of, with_interval};
use crate::cli::output::count;
use crate::evaluate::buy_again::BuyAgainEvaluation;
use crate::evaluate::cross_sell::{BasketAdvantage, CROSS_SELL, CrossSellReport};
use crate::evaluate::margin::MarginReport;
use crate::evaluate::temporal_ranking::Estimate;
use crate::evaluate::visits::{VisitAdvantage, VisitModelReport, VisitsReport};
use crate::evaluate::{Evaluation, Judged};
use crate::recommend::buy_again::BuyAgain;
use crate::report::Table;

/// All four, for a person: a table with what was asked above it, or why there is none.
pub(super) fn describe(evaluation: &Evaluation) -> String {
    let Evaluation {
        recommend: _,
        churn: _,
        cross_sell,
        buy_again,
        margin,
        visits,
    } = evaluation;
    [
        part("Cross-sell", cross_sell, self::cross_sell),
        part("Buy again", buy_again, self::buy_again),
        part("Margin", margin, self::margin),
        part("Visits", visits, self::visits),
    ]
    .join("\n\n")
}

fn part<T>(name: &str, judged: &Judged<T>, table: fn(&T) -> Table) -> String {
    match judged {
        Judged::Report(report) => text_of(&table(report)),
        Judged::Refused { refused } => format!("{name}: not judged, {refused}"),
    }
}

fn level(Estimate { value, interval }: Estimate) -> String {
    interval.map_or_else(
        || format!("{value:.4}"),
        |interval| with_interval(value, interval),
    )
}

fn change(Estimate { value, interval }: Estimate) -> String {
    interval.map_or_else(|| format!("{value:+.4}"), |interval| difference(value, interval))
}

/// An amount of money with its interval.
fn money(Estimate { value, interval }: Estimate) -> String {
    interval.map_or_else(
        || format!("{value:.2}"),
        |interval| format!("{value:.2} [{:.2}, {:.2}]", interval.low, interval.high),
    )
}

fn header(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn cross_sell(report: &CrossSellReport) -> Table {
    let k = report.k;
    let has_categories = report
        .models
        .values()
        .any(|model| model.same_category_share.is_some());
    // The model first, then the baselines from the best to the worst.
    let mut models: Vec<_> = report.models.iter().collect();
    models.sort_by(|(a_name, a), (b_name, b)| {
        let is_baseline = |name: &str| name != CROSS_SELL;
        is_baseline(a_name)
            .cmp(&is_baseline(b_name))
            .then(b.hit_rate.value.total_cmp(&a.hit_rate.value))
    });
    let rows = models.into_iter().map(|(name, model)| {
        let over = |part: fn(&BasketAdvantage) -> Estimate| {
            let advantage = report.cross_sell_minus.get(name);
            advantage.map_or_else(String::new, |advantage| change(part(advantage)))
        };
        let mut row = vec![
            (*name).to_owned(),
            level(model.hit_rate),
            level(model.mrr),
            over(|advantage| advantage.hit_rate),
            over(|advantage| advantage.mrr),
            percent(model.coverage),
        ];
        row.extend(has_categories.then(|| model.same_category_share.map_or_else(|| "–".to_owned(), percent)));
        row
    });
    let mut names = header(&[
        "model",
        &format!("hit@{k}"),
        "MRR",
        "cross-sell's hit more by",
        "cross-sell's MRR more by",
        "items shown",
    ]);
    names.extend(has_categories.then(|| "same category".to_owned()));
    Table {
        caption: format!(
            "Cross-sell: one item of a basket is given, which are the others? {} baskets from {} until {}, {} items given",
            count(report.baskets as u64),
            moment(report.as_of),
            moment(report.until),
            count(report.given_items as u64),
        ),
        header: names,
        rows: rows.collect(),
    }
}

fn buy_again(report: &BuyAgainEvaluation) -> Table {
    let mut models: Vec<_> = report.models.iter().collect();
    models.sort_by(|(a_name, a), (b_name, b)| {
        let is_baseline = |name: &str| name != BuyAgain::NAME;
        let ap = [a, b].map(|model| model.average_precision.value);
        is_baseline(a_name)
            .cmp(&is_baseline(b_name))
            .then(ap[1].total_cmp(&ap[0]))
    });
    let rows = models.into_iter().map(|(name, model)| {
        let over = report.buy_again_minus.get(name);
        vec![
            (*name).to_owned(),
            level(model.average_precision),
            level(model.customer_average_precision),
            over.map_or_else(String::new, |over| change(over.average_precision)),
            over.map_or_else(String::new, |over| change(over.customer_average_precision)),
        ]
    });
    Table {
        caption: format!(
            "Buy again: of all that a customer ever bought, what is bought within {} days from {}? {} pairs of {} \
             customers, {} bought again\nProbabilities: mean {}, Brier {:.4}, ECE {:.4}",
            report.window_days,
            moment(report.as_of),
            count(report.pairs as u64),
            count(report.customers as u64),
            percent(report.rate),
            percent(report.mean_probability),
            report.brier,
            report.ece,
        ),
        header: header(&[
            "model",
            "AP",
            "mean AP of a customer",
            "buy-again's AP more by",
            "its mean more by",
        ]),
        rows: rows.collect(),
    }
}

fn margin(report: &MarginReport) -> Table {
    let k = report.k;
    let rows = report.dial.iter().map(|point| {
        let over = point.change.as_ref();
        vec![
            point.margin_weight.to_string(),
            level(point.ndcg),
            over.map_or_else(String::new, |over| change(over.ndcg)),
            format!("{:.4}", point.recall.value),
            money(point.margin),
            point
                .hit_margin
                .map_or_else(|| "–".to_owned(), |margin| format!("{margin:.2}")),
            money(point.margin_found),
        ]
    });
    Table {
        caption: format!(
            "Margin: what does the dial cost? The best {} items new to each of {} customers, arranged by margin_weight",
            report.candidates,
            count(report.customers as u64),
        ),
        header: header(&[
            "margin_weight",
            &format!("NDCG@{k}"),
            "more by",
            &format!("recall@{k}"),
            "margin of an item shown",
            "of a hit",
            "hits' margin a customer",
        ]),
        rows: rows.collect(),
    }
}

fn visits(report: &VisitsReport) -> Table {
    let k = report.k;
    let row = |name: String, model: &VisitModelReport| {
        let over = |part: fn(&VisitAdvantage) -> Estimate| {
            let advantage = model.served_minus.as_ref();
            advantage.map_or_else(String::new, |advantage| change(part(advantage)))
        };
        vec![
            name,
            level(model.mrr),
            level(model.hit_rate),
            over(|advantage| advantage.mrr),
            over(|advantage| advantage.hit_rate),
        ]
    };
    let alone = report
        .models
        .iter()
        .map(|(name, model)| row((*name).to_owned(), model));
    let joined = report.joined.iter().map(|joined| {
        let serves = if joined.serves { ", as served" } else { "" };
        let name = format!("joined, beside_profile {}{serves}", joined.beside_profile);
        row(name, &joined.found)
    });
    Table {
        caption: format!(
            "Visits: which item comes next that the visit has not held? {} visits of {} customers from {} until {}, {} items \
             to foretell",
            count(report.visits as u64),
            count(report.customers as u64),
            moment(report.as_of),
            moment(report.until),
            count(report.predictions as u64),
        ),
        header: header(&[
            "model",
            &format!("MRR@{k}"),
            &format!("hit@{k}"),
            "as served MRR more by",
            "as served hit more by",
        ]),
        rows: alone.chain(joined).collect(),
    }
}
