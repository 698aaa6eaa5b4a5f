//! `rapport plan`: whom to win back with a budget, and what that is expected to bring.

use std::path::PathBuf;

use serde_json::json;

use super::input::RegistryArgs;
use super::output::{self, Format};
use crate::churn::plan::{LeftOutCounts, Outcome, Plan, PlanParams, RawPlanParams};
use crate::export::{self, Column, Table, Values};
use crate::serve::PlanAnswer;
use crate::time::Timestamp;

/// Plan whom to win back with a budget: who gets an offer, who is held back to measure by, who is better left alone.
///
/// The expected profit of an offer to a customer is p·γ·(V − d) − p·f − (1 − p)·(d + f): she leaves with probability p, is
/// kept by the offer with the acceptance γ, is worth V when she stays, the offer costs d when it is taken and f to send.
/// γ is an assumption until an experiment has measured it; the control group is that experiment.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    registry: RegistryArgs,
    /// What may be spent, in expectation, in the currency of the log.
    #[arg(long, value_name = "MONEY")]
    budget: f64,
    /// What the offer costs when it is taken.
    #[arg(long, value_name = "MONEY", default_value_t = 10.0)]
    offer_cost: f64,
    /// What reaching a customer costs, whether she takes the offer or not.
    #[arg(long, value_name = "MONEY", default_value_t = 1.0)]
    contact_cost: f64,
    /// Share of those who would leave whom the offer keeps: an assumption.
    #[arg(long, value_name = "SHARE", default_value_t = 0.3)]
    acceptance: f64,
    /// Share of the customers worth an offer who are held back at random.
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    control: f64,
    /// Most of the budget that one segment may take.
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    most_per_segment: f64,
    /// Name of the campaign: the same name holds back the same people.
    #[arg(long, value_name = "NAME", default_value = "retention")]
    policy: String,
    /// Also consider customers who have lapsed.
    #[arg(long)]
    include_lapsed: bool,
    /// Plan as of this instant instead of the end of the model's log.
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    /// Write who is treated, held back and left alone: .csv, .parquet or .jsonl.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print the plan as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `rapport plan`.
///
/// # Errors
/// Costs or shares out of range, a registry without a usable bundle, a model that knows no values, a file that cannot be
/// written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let params = PlanParams::try_from(RawPlanParams {
        budget: args.budget,
        offer_cost: args.offer_cost,
        contact_cost: args.contact_cost,
        acceptance: args.acceptance,
        control_share: args.control,
        most_per_segment: args.most_per_segment,
        policy: args.policy.clone(),
        include_lapsed: args.include_lapsed,
    })
    .map_err(|error| super::Usage(error.to_string()))?;
    if let Some(out) = &args.out {
        export::Format::to_write(out)?;
    }
    let answer = args.registry.engine()?.plan(&params, args.as_of)?;
    if let Some(out) = &args.out {
        export::write(&table(&answer), out)?;
    }
    match Format::from_flag(args.json) {
        Format::Json => output::print_json(&json!({
            "as_of": answer.as_of,
            "horizon_days": answer.horizon_days,
            "value_months": answer.value_months,
            "value_record": answer.value_record,
            "model_version": answer.model_version,
            "plan": answer.plan,
        })),
        Format::Text => {
            let written = args
                .out
                .as_ref()
                .map_or_else(String::new, |out| format!("\n\nWritten to {}", out.display()));
            output::print(&format!("{}{written}", describe(&answer)))
        }
    }
}

/// The plan, for a person.
fn describe(answer: &PlanAnswer) -> String {
    let plan = &answer.plan;
    let [risk, value] = &plan.alternatives;
    let outcome = |name: &str, outcome: &Outcome| {
        vec![
            name.to_owned(),
            output::count(outcome.treated as u64),
            money(outcome.expected_cost),
            money(outcome.worst_cost),
            money(outcome.expected_profit),
            format!("{:.1}", outcome.expected_saved),
        ]
    };
    let outcomes = output::table(
        &["first come", "offers", "cost", "if all take it", "profit", "kept"],
        1,
        [
            outcome("highest expected value", &plan.outcome),
            outcome("highest risk", risk),
            outcome("highest value", value),
        ],
    );
    let segments = output::table(
        &["segment", "offers", "held back", "cost", "profit"],
        1,
        plan.by_segment.iter().map(|row| {
            vec![
                row.segment.code().replace('_', " "),
                output::count(row.treated as u64),
                output::count(row.control as u64),
                money(row.expected_cost),
                money(row.expected_profit),
            ]
        }),
    );
    let sensitivity = output::table(
        &["if the acceptance were", "cost", "profit"],
        1,
        plan.sensitivity.iter().map(|row| {
            vec![
                format!("{:.0} %", 100.0 * row.acceptance),
                money(row.expected_cost),
                money(row.expected_profit),
            ]
        }),
    );
    format!(
        "Plan for a budget of {} as of {}: risks within {} days, values over {} months\n\
         {}{}\n\n{outcomes}\n\n{}\n\n{segments}\n\n{sensitivity}\n\n{}\nmodel {}",
        money(plan.params.budget),
        answer.as_of,
        answer.horizon_days,
        answer.value_months,
        plan.assumption,
        answer
            .value_record
            .as_ref()
            .map_or_else(String::new, |record| format!(
                "\n{}",
                output::track_record(record)
            )),
        break_even(plan),
        others(plan),
        answer.model_version,
    )
}

fn break_even(plan: &Plan) -> String {
    let customer = match (plan.median_value, plan.break_even) {
        (Some(value), Some(p)) => format!(
            "An offer to the median customer, worth {} if she stays, pays above a probability of {:.1} %",
            money(value),
            100.0 * p
        ),
        (Some(value), None) => format!(
            "An offer to the median customer, worth {} if she stays, never pays",
            money(value)
        ),
        (None, _) => "No customer's value is known".to_owned(),
    };
    match plan.break_even_acceptance {
        Some(acceptance) => format!(
            "{customer}.\nThe plan pays as long as the acceptance is above {:.1} %.",
            100.0 * acceptance
        ),
        None => format!("{customer}."),
    }
}

fn others(plan: &Plan) -> String {
    let LeftOutCounts {
        lapsed,
        no_value,
        below_break_even,
        budget_spent,
        segment_full,
    } = plan.left_out;
    let in_reach = plan.control.iter().filter(|held| held.in_reach).count();
    format!(
        "Held back to measure by: {} ({} of them in reach of the budget: compare the treated with these only)\n\
         Do not disturb: {} at high risk whom an offer would cost more than it brings\n\
         Left out: {} lapsed, {} of unknown value, {} below break-even, {} beyond the budget, {} beyond their segment",
        output::count(plan.control.len() as u64),
        output::count(in_reach as u64),
        output::count(plan.do_not_disturb.len() as u64),
        output::count(lapsed as u64),
        output::count(no_value as u64),
        output::count(below_break_even as u64),
        output::count(budget_spent as u64),
        output::count(segment_full as u64),
    )
}

fn money(value: f64) -> String {
    format!("{value:.2}")
}

/// One row a customer of the plan.
struct Row<'a> {
    customer: &'a str,
    group: &'static str,
    segment: &'static str,
    probability: f64,
    value_if_kept: f64,
    expected_profit: f64,
    propensity: Option<f64>,
    in_reach: Option<bool>,
}

fn table(answer: &PlanAnswer) -> Table {
    let plan = &answer.plan;
    let treated = plan.treated.iter().map(|row| Row {
        customer: &row.customer,
        group: "TREATED",
        segment: row.segment.code(),
        probability: row.probability,
        value_if_kept: row.value_if_kept,
        expected_profit: row.expected_profit,
        propensity: Some(row.propensity),
        in_reach: Some(true),
    });
    let control = plan.control.iter().map(|row| Row {
        customer: &row.customer,
        group: "CONTROL",
        segment: row.segment.code(),
        probability: row.probability,
        value_if_kept: row.value_if_kept,
        expected_profit: row.expected_profit,
        propensity: Some(row.propensity),
        in_reach: Some(row.in_reach),
    });
    let alone = plan.do_not_disturb.iter().map(|row| Row {
        customer: &row.customer,
        group: "DO_NOT_DISTURB",
        segment: row.segment.code(),
        probability: row.probability,
        value_if_kept: row.value_if_kept,
        expected_profit: row.expected_profit,
        propensity: None,
        in_reach: None,
    });
    let rows: Vec<Row<'_>> = treated.chain(control).chain(alone).collect();
    fn column<T>(name: &str, rows: &[Row<'_>], value: impl Fn(&Row<'_>) -> Option<T>) -> Column
    where
        Values: From<Vec<Option<T>>>,
    {
        Column::new(name, rows.iter().map(value).collect::<Vec<_>>())
    }
    Table {
        columns: vec![
            column("customer_id", &rows, |row| Some(row.customer.to_owned())),
            column("group", &rows, |row| Some(row.group.to_owned())),
            column("segment", &rows, |row| Some(row.segment.to_owned())),
            column("churn_probability", &rows, |row| Some(row.probability)),
            column("value_if_kept", &rows, |row| Some(row.value_if_kept)),
            column("expected_profit", &rows, |row| Some(row.expected_profit)),
            column("propensity", &rows, |row| row.propensity),
            column("in_reach", &rows, |row| row.in_reach),
            column("policy", &rows, |_| Some(plan.params.policy.clone())),
            column("as_of", &rows, |_| Some(answer.as_of)),
            column("model_version", &rows, |_| Some(answer.model_version.clone())),
        ],
    }
}
