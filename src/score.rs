//! The score job: every customer's answers as a table for the CRM.
//!
//! Enters: an [`Engine`] with a bundle loaded. Leaves: a [`Table`] with one row a customer who ever bought.
//!
//! The one decision: the job asks the same engine that answers over the wire, customer by customer, so that a number in
//! the nightly file and the number on a screen can never differ.

use rayon::prelude::*;

use crate::churn::value::CustomerValue;
use crate::churn::{Band, ChurnScore, Profile, Standing};
use crate::export::{Column, Table, Values};
use crate::history::baskets;
use crate::id::CustomerIdx;
use crate::progress::Progress;
use crate::rules::Kind;
use crate::serve::{Engine, RecommendRequest, ScoreFlag, ServeError};
use crate::time::Timestamp;

/// How many reasons a row holds.
const REASONS: usize = 3;

/// Parts of a unit of money to which a sum is rounded: a log keeps prices with seven digits, what is beyond is noise.
const MONEY_PARTS: f64 = 1e4;

/// What is asked for every customer.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScoreOptions {
    /// How many items to recommend; 0 for none.
    pub recommend: u32,
    /// Score as of this instant instead of the end of the model's log.
    pub as_of: Option<Timestamp>,
}

/// One customer's answers.
struct Row {
    customer_id: String,
    churn: Option<ChurnScore>,
    profile: Option<Profile>,
    flags: Vec<ScoreFlag>,
    orders: usize,
    spend: f64,
    last_order_at: Option<Timestamp>,
    recommended: Vec<String>,
}

/// Scores every customer who bought before the instant; without a churn model, the churn columns are empty
/// and segments, stages and values are there all the same.
///
/// # Errors
/// [`ServeError::NoModel`] when the engine has no bundle, and whatever else keeps it from answering.
///
/// # Determinism
/// Rows in the order of the bundle's customers, the same for any number of threads.
pub fn score(engine: &Engine, options: ScoreOptions, progress: &dyn Progress) -> Result<Table, ServeError> {
    let index = engine.index().ok_or(ServeError::NoModel)?;
    let histories = &index.parts().histories;
    let customers: Vec<CustomerIdx> = histories.customers().rows().collect();
    progress.begin("Scoring customers", customers.len() as u64);
    let scored: Result<Vec<Option<Row>>, ServeError> = customers
        .into_par_iter()
        .map(|customer| {
            progress.advance(1);
            let as_of = index.as_of(options.as_of);
            let bought = baskets(histories.of(customer).before(as_of), &index.parts().calendar);
            let Some(last) = bought.last() else {
                return Ok(None);
            };
            let customer_id = histories.customers().name(customer).to_owned();
            let (churn, profile, flags) = match engine.churn(&customer_id, options.as_of) {
                Ok(answer) => (Some(answer.score), answer.profile, answer.flags),
                // Segments, stages and values need no churn model.
                Err(ServeError::NoChurnModel { .. }) => (None, index.profile(customer, as_of), Vec::new()),
                Err(ServeError::NeverBought { .. }) => (None, None, Vec::new()),
                Err(error) => return Err(error),
            };
            let recommended = recommended(engine, &customer_id, options)?;
            let spend: f64 = bought.iter().map(|basket| basket.amount()).sum();
            Ok(Some(Row {
                customer_id,
                churn,
                profile,
                flags,
                orders: bought.len(),
                spend: (spend * MONEY_PARTS).round() / MONEY_PARTS,
                last_order_at: Some(last.at),
                recommended,
            }))
        })
        .collect();
    progress.end();
    let rows: Vec<Row> = scored?.into_iter().flatten().collect();
    Ok(table(&rows, &index.manifest().version, options))
}

fn recommended(engine: &Engine, customer_id: &str, options: ScoreOptions) -> Result<Vec<String>, ServeError> {
    if options.recommend == 0 {
        return Ok(Vec::new());
    }
    let mut request = RecommendRequest::new(Kind::YouMayLike, options.recommend);
    request.context.customer_id = Some(customer_id.to_owned());
    request.as_of = options.as_of;
    Ok(engine
        .recommend(&request)?
        .items
        .into_iter()
        .map(|item| item.item_id)
        .collect())
}

fn table(rows: &[Row], version: &str, options: ScoreOptions) -> Table {
    fn column<T>(name: &str, rows: &[Row], value: impl Fn(&Row) -> Option<T>) -> Column
    where
        Values: From<Vec<Option<T>>>,
    {
        Column::new(name, rows.iter().map(value).collect::<Vec<_>>())
    }
    fn churn(row: &Row) -> Option<&ChurnScore> {
        row.churn.as_ref()
    }
    let mut columns = vec![
        column("customer_id", rows, |row| Some(row.customer_id.clone())),
        column("churn_probability", rows, |row| Some(churn(row)?.probability)),
        column("horizon_days", rows, |row| {
            Some(i64::from(churn(row)?.horizon_days))
        }),
        column("as_of", rows, |row| Some(churn(row)?.as_of)),
        column("band", rows, |row| Some(band(churn(row)?.band).to_owned())),
        column("standing", rows, |row| {
            Some(standing(churn(row)?.standing).to_owned())
        }),
        column("relative_risk", rows, |row| Some(churn(row)?.relative_risk)),
    ];
    for at in 0..REASONS {
        let n = at + 1;
        columns.push(column(&format!("reason_{n}"), rows, |row| {
            Some(churn(row)?.reasons.get(at)?.feature.to_owned())
        }));
        columns.push(column(&format!("reason_{n}_value"), rows, |row| {
            Some(churn(row)?.reasons.get(at)?.value).filter(|value| value.is_finite())
        }));
        columns.push(column(&format!("reason_{n}_usual"), rows, |row| {
            churn(row)?
                .reasons
                .get(at)?
                .usual
                .filter(|value| value.is_finite())
        }));
        columns.push(column(&format!("reason_{n}_typical"), rows, |row| {
            Some(churn(row)?.reasons.get(at)?.typical).filter(|value| value.is_finite())
        }));
        columns.push(column(&format!("reason_{n}_points"), rows, |row| {
            Some(churn(row)?.reasons.get(at)?.points)
        }));
    }
    fn value(row: &Row) -> Option<&CustomerValue> {
        row.profile.as_ref()?.value.as_ref()
    }
    columns.extend([
        column("percentile", rows, |row| churn(row)?.percentile),
        column("probability_low", rows, |row| Some(churn(row)?.interval?.low)),
        column("probability_high", rows, |row| Some(churn(row)?.interval?.high)),
        column("flags", rows, |row| {
            let names: Vec<&str> = row.flags.iter().copied().map(flag).collect();
            (!names.is_empty()).then(|| names.join("+"))
        }),
        column("segment", rows, |row| {
            Some(row.profile?.segment.code().to_owned())
        }),
        column("stage", rows, |row| Some(row.profile?.stage.code().to_owned())),
        column("rfm", rows, |row| Some(row.profile?.rfm.to_string())),
        column("value_months", rows, |row| Some(i64::from(value(row)?.months))),
        column("expected_purchases", rows, |row| {
            Some(value(row)?.expected_purchases)
        }),
        column("value", rows, |row| value(row)?.value),
        column("value_if_kept", rows, |row| value(row)?.value_if_kept),
        column("value_at_risk", rows, |row| {
            row.profile?.value_at_risk(churn(row)?.probability)
        }),
        column("next_order_at", rows, |row| value(row)?.next_order_at),
    ]);
    columns.push(column("orders", rows, |row| i64::try_from(row.orders).ok()));
    columns.push(column("spend", rows, |row| Some(row.spend)));
    columns.push(column("last_order_at", rows, |row| row.last_order_at));
    for at in 0..options.recommend as usize {
        columns.push(column(&format!("recommended_{}", at + 1), rows, |row| {
            row.recommended.get(at).cloned()
        }));
    }
    columns.push(column("model_version", rows, |_| Some(version.to_owned())));
    Table { columns }
}

fn flag(flag: ScoreFlag) -> &'static str {
    match flag {
        ScoreFlag::OneTimeBuyer => "ONE_TIME_BUYER",
        ScoreFlag::Stale => "STALE",
        ScoreFlag::Frozen => "FROZEN",
    }
}

fn band(band: Band) -> &'static str {
    match band {
        Band::Low => "LOW",
        Band::Medium => "MEDIUM",
        Band::High => "HIGH",
    }
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Eligible => "ELIGIBLE",
        Standing::Lapsed => "LAPSED",
    }
}
