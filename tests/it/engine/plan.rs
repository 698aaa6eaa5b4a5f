//! Whom to win back with a budget.

use super::*;
use rapport::churn::plan::{Plan, PlanParams, RawPlanParams};

fn params(budget: f64, change: impl FnOnce(&mut RawPlanParams)) -> PlanParams {
    let mut raw = RawPlanParams::new(budget, 5.0, 0.5);
    change(&mut raw);
    raw.try_into().unwrap()
}

/// Candidates who are in none of the groups.
fn others(plan: &Plan) -> usize {
    let left_out = plan.left_out;
    left_out.lapsed
        + left_out.no_value
        + left_out.below_break_even
        + left_out.budget_spent
        + left_out.segment_full
}

#[test]
fn a_plan_accounts_for_everybody_and_keeps_its_budget() {
    let Fixture { engine, .. } = &small();
    let scores: Vec<ChurnAnswer> = engine.at_risk(&AtRiskFilter::default()).unwrap().collect();
    for (budget, include_lapsed) in [(20.0, false), (100.0, true), (1e6, true)] {
        let params = params(budget, |raw| raw.include_lapsed = include_lapsed);
        let answer = engine.plan(&params, None).unwrap();
        let plan = &answer.plan;
        assert_eq!((answer.horizon_days, answer.value_months), (60, 12));
        assert_eq!(Some(answer.model_version.clone()), engine.serving_version());
        assert_eq!(plan.candidates, shop::BUYERS);
        let grouped = plan.treated.len() + plan.control.len() + plan.do_not_disturb.len();
        assert_eq!(grouped + others(plan), plan.candidates);
        let mut ids = HashSet::new();
        ids.extend(plan.treated.iter().map(|row| &row.customer));
        ids.extend(plan.control.iter().map(|row| &row.customer));
        ids.extend(plan.do_not_disturb.iter().map(|row| &row.customer));
        assert_eq!(ids.len(), grouped, "nobody is in two groups");

        assert_eq!(plan.outcome.treated, plan.treated.len());
        assert!(plan.outcome.treated > 0 && plan.outcome.expected_cost <= budget);
        let cost: f64 = plan.treated.iter().map(|row| row.expected_cost).sum();
        assert!((plan.outcome.expected_cost - cost).abs() < 1e-9);
        // With money for everybody no order does better; with little, what the last offer does not use up decides. The
        // tolerance is that of a sum in another order.
        let best = plan.outcome.expected_profit * (1.0 + 1e-12);
        for other in &plan.alternatives {
            assert!(
                budget < 1e6 || other.expected_profit <= best,
                "{other:?} over {:?}",
                plan.outcome
            );
        }
        assert_eq!(
            plan.left_out.lapsed == 0,
            include_lapsed || !scores.iter().any(|a| a.score.standing == Standing::Lapsed)
        );
        assert_eq!(
            plan.left_out.budget_spent > 0,
            budget < 1e6,
            "{:?}",
            plan.left_out
        );
        for row in &plan.treated {
            let score = scores.iter().find(|a| a.customer_id == row.customer).unwrap();
            let profile = score.profile.unwrap();
            assert_eq!(row.probability.to_bits(), score.score.probability.to_bits());
            assert_eq!(Some(row.value_if_kept), profile.value.unwrap().value_if_kept);
            assert_eq!(row.segment, profile.segment);
        }
    }
}

#[test]
fn the_control_group_has_its_share_and_its_people() {
    let Fixture { engine, .. } = &small();
    let held = |policy: &str, share: f64| -> (Vec<String>, f64) {
        let params = params(1e6, |raw| {
            raw.policy = policy.to_owned();
            raw.control_share = share;
        });
        let plan = engine.plan(&params, None).unwrap().plan;
        let worth_it = plan.control.len() + plan.treated.len();
        assert!(
            plan.control.iter().all(|row| row.in_reach),
            "money for all of them"
        );
        let mut ids: Vec<String> = plan.control.iter().map(|row| row.customer.clone()).collect();
        ids.sort();
        let found = ids.len() as f64 / worth_it as f64;
        // Four standard errors of a share.
        let error = (share * (1.0 - share) / worth_it as f64).sqrt();
        assert!(
            (found - share).abs() < 4.0 * error,
            "{found} of {worth_it}, {share} wanted"
        );
        (ids, found)
    };
    let (spring, _) = held("spring", 0.3);
    assert_eq!(held("spring", 0.3).0, spring, "one name, the same people");
    assert_ne!(held("autumn", 0.3).0, spring);
    let fewer = held("spring", 0.1).0;
    assert!(
        fewer.len() < spring.len() && fewer.iter().all(|id| spring.contains(id)),
        "a smaller share is part of a larger one"
    );
}

#[test]
fn a_plan_needs_a_model_of_churn_and_one_of_value() {
    let mut parts = shop::parts(shop::SMALL, 1);
    parts.profiler = None;
    let Fixture { engine, .. } = &fixture(&parts, RawServeConfig::default());
    let params = params(100.0, |_| ());
    let error = engine.plan(&params, None).unwrap_err();
    assert!(matches!(error, ServeError::NoValueModel { .. }), "{error}");
    assert!(error.to_string().contains("train again"), "{error}");
    let summary = engine.customers(None).unwrap();
    assert_eq!(
        (summary.total.customers, summary.segments.len()),
        (shop::BUYERS, 0)
    );
    assert_eq!(summary.value_months, None);

    parts.churn = Err("too few customers".to_owned());
    let Fixture { engine, .. } = &fixture(&parts, RawServeConfig::default());
    assert!(matches!(
        engine.plan(&params, None),
        Err(ServeError::NoChurnModel { .. })
    ));
    assert!(matches!(
        engine.customers(None),
        Err(ServeError::NoChurnModel { .. })
    ));
}
