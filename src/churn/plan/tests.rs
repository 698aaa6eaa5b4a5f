//! Plans by hand, and what holds of every plan.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::churn::segment::{SEGMENTS, Segment};
use crate::churn::{Band, ChurnParams, Standing};

fn params(raw: RawPlanParams) -> PlanParams {
    raw.try_into().unwrap()
}

/// The research's example: an offer of 10, a contact of 1, acceptance 0.3.
fn usual(budget: f64) -> RawPlanParams {
    RawPlanParams::new(budget, 10.0, 1.0)
}

fn candidate(customer: &str, probability: f64, value: impl Into<Option<f64>>) -> Candidate<'_> {
    Candidate {
        customer,
        probability,
        value_if_kept: value.into(),
        segment: Segment::Loyal,
        band: Band::of(probability, &ChurnParams::default()),
        standing: Standing::Eligible,
    }
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

/// The first `n` of `c0`, `c1`, … whom the default policy holds back, or does not.
fn names(n: usize, held: bool) -> Vec<String> {
    (0..)
        .map(|at| format!("c{at}"))
        .filter(|name| (draw("retention", name) < 0.1) == held)
        .take(n)
        .collect()
}

#[test]
fn terms_are_the_closed_forms() {
    let terms = params(usual(1.0)).terms();
    // 11 / (0.3 · 190 + 10) = 11 / 67.
    let limit = terms.break_even(200.0).unwrap();
    close(limit, 11.0 / 67.0);
    assert!((limit - 0.164).abs() < 5e-4);
    close(terms.profit(limit, 200.0), 0.0);
    // 0.5 · 0.3 · 190 − 0.5 · 1 − 0.5 · 11 = 22.5, and 1 + 10 · 0.65 = 7.5.
    close(terms.profit(0.5, 200.0), 22.5);
    close(terms.cost(0.5), 7.5);
    close(terms.least_value(0.5).unwrap(), 50.0);
    // 0.3 (V − 10) = 1 at V = 13 1/3: just worth it for who is sure to leave.
    close(terms.break_even(10.0 + 1.0 / 0.3 + 1e-9).unwrap(), 1.0);
    assert_eq!(terms.break_even(13.0), None);
    assert_eq!(terms.break_even(-5.0), None);
    assert_eq!(terms.least_value(0.0), None);
}

#[test]
fn a_plan_by_hand() {
    let names = names(7, false);
    let held = self::names(1, true);
    let mut gone = candidate(&names[5], 0.9, 500.0);
    gone.standing = Standing::Lapsed;
    let candidates = [
        candidate(&names[0], 0.5, 200.0), // 22.5 for 7.5: ratio 3
        candidate(&names[1], 0.8, 100.0), // 0.24 · 100 − (1 + 10 · 0.44) = 18.6 for 5.4: 3.44
        candidate(&names[2], 0.2, 300.0), // 0.06 · 300 − (1 + 8.6) = 8.4 for 9.6: 0.875
        candidate(&names[3], 0.9, 12.0),  // high risk, never repays
        candidate(&names[4], 0.1, 200.0), // 0.03 · 200 − 10.3: below break-even
        gone,
        candidate(&names[6], 0.5, None),
        candidate(&held[0], 0.5, 201.0),
    ];
    let found = plan(&candidates, &params(usual(13.0))).unwrap();
    let treated: Vec<_> = found.treated.iter().map(|row| row.customer.as_str()).collect();
    assert_eq!(treated, [&names[1], &names[0]]);
    close(found.outcome.expected_cost, 12.9);
    close(found.outcome.expected_profit, 41.1);
    close(found.outcome.expected_saved, 0.39);
    close(found.outcome.worst_cost, 22.0);
    close(found.treated[0].propensity, 0.9);
    let control = &found.control[0];
    assert_eq!(
        (control.customer.as_str(), control.in_reach),
        (held[0].as_str(), true)
    );
    close(control.propensity, 0.1);
    let alone = &found.do_not_disturb[0];
    assert_eq!(
        (alone.customer.as_str(), alone.reason),
        (names[3].as_str(), LeaveAlone::ValueTooSmall)
    );
    // (1 + 10 · 0.37) / 0.27.
    close(alone.least_value.unwrap(), 4.7 / 0.27);
    assert_eq!(
        found.left_out,
        LeftOutCounts {
            lapsed: 1,
            no_value: 1,
            below_break_even: 1,
            budget_spent: 1,
            segment_full: 0
        }
    );
    // Of 12, 100, 200, 200, 201 and 300.
    assert_eq!(found.median_value, Some(200.0));
    close(found.break_even.unwrap(), 11.0 / 67.0);
    // Highest risk first pays 4.7 for who never repays (0.27 · 12 − 4.7 = −1.46), then 5.4; 7.5 is too much for the
    // 2.9 that are left, as is everybody else.
    let [risk, value] = found.alternatives;
    assert_eq!((risk.order, risk.treated), (Order::HighestRisk, 2));
    close(risk.expected_profit, 18.6 - 1.46);
    // 300 at 9.6, and then only who costs at most 3.4: nobody.
    assert_eq!((value.order, value.treated), (Order::HighestValue, 1));
    close(value.expected_profit, 8.4);
    // At 0.1: 0.08 · 100 − (1 + 10 · 0.28) and 0.05 · 200 − (1 + 10 · 0.55).
    close(found.sensitivity[0].expected_profit, (8.0 - 3.8) + (10.0 - 6.5));
    close(found.sensitivity[2].expected_profit, 41.1);
    // γ (0.8 · 90 + 0.5 · 190) = (1 + 2) + (1 + 5).
    close(found.break_even_acceptance.unwrap(), 9.0 / 167.0);
    assert!(found.assumption.contains(" 30 %") && found.assumption.contains("Beta(6, 14)"));
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["do_not_disturb"][0]["reason"], "value_too_small");
    assert_eq!(json["treated"][0]["segment"], "loyal");
    assert_eq!(json["alternatives"][0]["order"], "highest_risk");
}

#[test]
fn lapsed_customers_are_judged_when_asked_for() {
    let names = names(2, false);
    let lapsed = |at: usize, value: f64| Candidate {
        standing: Standing::Lapsed,
        ..candidate(&names[at], 0.95, value)
    };
    let candidates = [lapsed(0, 500.0), lapsed(1, 5.0)];
    let raw = RawPlanParams {
        include_lapsed: true,
        ..usual(100.0)
    };
    let found = plan(&candidates, &params(raw)).unwrap();
    assert_eq!(found.treated[0].customer, names[0]);
    assert_eq!(found.do_not_disturb[0].reason, LeaveAlone::SurelyGone);
    assert_eq!(
        plan(&candidates, &params(usual(100.0))).unwrap().left_out.lapsed,
        2
    );
}

#[test]
fn one_segment_takes_its_share_of_the_budget() {
    let names = names(20, false);
    let candidates: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(at, name)| Candidate {
            segment: if at < 10 { Segment::AtRisk } else { Segment::Loyal },
            // Each costs 7.5; the first ten earn more.
            ..candidate(name, 0.5, if at < 10 { 300.0 } else { 200.0 })
        })
        .collect();
    let of = |most_per_segment| {
        let raw = RawPlanParams {
            most_per_segment,
            ..usual(75.0)
        };
        let found = plan(&candidates, &params(raw)).unwrap();
        let treated: Vec<_> = found
            .by_segment
            .iter()
            .map(|row| (row.segment, row.treated))
            .collect();
        (treated, found.left_out.segment_full, found.left_out.budget_spent)
    };
    assert_eq!(of(1.0), (vec![(Segment::AtRisk, 10)], 0, 10));
    assert_eq!(of(0.4), (vec![(Segment::Loyal, 4), (Segment::AtRisk, 4)], 12, 0));
    assert_eq!(of(0.7), (vec![(Segment::Loyal, 3), (Segment::AtRisk, 7)], 3, 7));
}

#[test]
fn the_control_group_is_a_tenth_and_stays_the_same_people() {
    let all: Vec<String> = (0..10_000).map(|at| format!("customer-{at}")).collect();
    let held = |policy: &str, share: f64| -> Vec<&String> {
        all.iter().filter(|name| draw(policy, name) < share).collect()
    };
    let tenth = held("spring", 0.1);
    // Binomial(10 000, 0.1): 1000 ± 4 · 30.
    assert!((880..=1120).contains(&tenth.len()), "{}", tenth.len());
    let fifth = held("spring", 0.2);
    assert!(tenth.iter().all(|name| fifth.contains(name)));
    // Another policy draws anew: 1 in 100 is in both, 100 ± 4 · 10.
    let other = held("autumn", 0.1);
    let both = tenth.iter().filter(|name| other.contains(name)).count();
    assert!((60..=140).contains(&both), "{both}");
    // SHA-256("spring\0customer-0") begins with the bytes that sha256sum prints; the draw is their fraction.
    close(draw("spring", "customer-0"), DRAW_OF_THE_FIRST);

    let candidates: Vec<_> = all.iter().map(|name| candidate(name, 0.5, 200.0)).collect();
    let controls = |n: usize| -> Vec<String> {
        let found = plan(&candidates[..n], &params(usual(1e9))).unwrap();
        assert_eq!(found.treated.len() + found.control.len(), n);
        found.control.into_iter().map(|row| row.customer).collect()
    };
    let (few, many) = (controls(1_000), controls(10_000));
    let kept: Vec<_> = many
        .into_iter()
        .filter(|name| few.contains(name) || all[..1_000].contains(name))
        .collect();
    assert_eq!(kept, few);
}

/// `printf 'spring\0customer-0' | sha256sum`, first 53 bits over 2⁵³.
const DRAW_OF_THE_FIRST: f64 = 0.15393813298297465;

#[test]
fn bad_parameters_name_the_field_and_the_range() {
    let error = |raw: RawPlanParams| PlanParams::try_from(raw).unwrap_err().to_string();
    assert_eq!(
        error(usual(0.0)),
        "plan.budget = 0 is not above 0 and at most 1e12"
    );
    assert!(error(usual(f64::NAN)).starts_with("plan.budget = NaN"));
    assert!(error(RawPlanParams::new(1.0, -1.0, 1.0)).starts_with("plan.offer_cost = -1 is not"));
    assert!(error(RawPlanParams::new(1.0, 1.0, f64::INFINITY)).starts_with("plan.contact_cost = inf is"));
    assert!(error(RawPlanParams::new(1.0, 0.0, 0.0)).contains("both 0"));
    let with = |change: fn(&mut RawPlanParams)| {
        let mut raw = usual(1.0);
        change(&mut raw);
        error(raw)
    };
    assert!(with(|raw| raw.acceptance = 0.0).starts_with("plan.acceptance = 0 is not above 0"));
    assert!(with(|raw| raw.control_share = 0.0).starts_with("plan.control_share = 0 is not between 0.01"));
    assert!(with(|raw| raw.control_share = 0.51).starts_with("plan.control_share = 0.51"));
    assert!(with(|raw| raw.most_per_segment = 1.1).starts_with("plan.most_per_segment = 1.1"));
    assert_eq!(
        with(|raw| raw.policy = " ".to_owned()),
        "plan.policy must not be empty"
    );
    let read = |text: &str| serde_json::from_str::<RawPlanParams>(text);
    assert_eq!(
        read(r#"{"budget": 13, "offer_cost": 10, "contact_cost": 1}"#).unwrap(),
        usual(13.0)
    );
    assert!(
        read(r#"{"budget": 13, "offer_cost": 10}"#)
            .unwrap_err()
            .to_string()
            .contains("contact_cost")
    );
    let typo = r#"{"budget": 13, "offer_cost": 10, "contact_cost": 1, "acceptence": 0.2}"#;
    assert!(read(typo).unwrap_err().to_string().contains("acceptence"));
}

#[test]
fn bad_candidates_are_named() {
    let error = |candidates: &[Candidate<'_>]| plan(candidates, &params(usual(1.0))).unwrap_err();
    assert_eq!(
        error(&[candidate("a", 0.1, 1.0), candidate("b", 1.5, 1.0)]).to_string(),
        "the probability of customer \"b\" is 1.5, not between 0 and 1"
    );
    assert!(matches!(
        error(&[candidate("a", f64::NAN, 1.0)]),
        PlanError::Probability { .. }
    ));
    assert!(matches!(
        error(&[candidate("a", 0.5, f64::INFINITY)]),
        PlanError::Value { .. }
    ));
    assert_eq!(
        error(&[
            candidate("a", 0.1, 1.0),
            candidate("b", 0.5, 1.0),
            candidate("a", 0.2, 1.0)
        ]),
        PlanError::Repeated {
            customer: "a".to_owned()
        }
    );
}

#[test]
fn a_plan_for_nobody_is_empty() {
    let found = plan(&[], &params(usual(1.0))).unwrap();
    assert_eq!(
        (found.outcome.treated, found.median_value, found.break_even),
        (0, None, None)
    );
    assert_eq!(found.break_even_acceptance, None);
    assert!(found.outcome.expected_profit.is_sign_positive());
}

#[derive(Clone, Debug)]
struct Made {
    probability: f64,
    value: Option<f64>,
    segment: Segment,
    standing: Standing,
}

fn made() -> impl Strategy<Value = Vec<Made>> {
    let one = (
        0u32..=20,
        prop::option::weighted(0.9, -2i32..60),
        0..SEGMENTS.len(),
        0u8..6,
    );
    prop::collection::vec(one, 0..80).prop_map(|all| {
        all.into_iter()
            .map(|(probability, value, segment, lapsed)| Made {
                probability: f64::from(probability) / 20.0,
                value: value.map(|value| f64::from(value) * 10.0),
                segment: SEGMENTS[segment].segment,
                standing: if lapsed == 0 {
                    Standing::Lapsed
                } else {
                    Standing::Eligible
                },
            })
            .collect()
    })
}

proptest! {
    /// The books balance: everybody once, nobody beyond the budget, nobody at an expected loss, the same plan for
    /// another order of the candidates.
    #[test]
    fn every_plan_keeps_the_rules(
        made in made(),
        budget in 1u32..400,
        most_per_segment in 1u32..=10,
        include_lapsed: bool,
    ) {
        let names: Vec<String> = (0..made.len()).map(|at| format!("c{at}")).collect();
        let mut candidates: Vec<_> = names
            .iter()
            .zip(&made)
            .map(|(name, made)| Candidate {
                segment: made.segment,
                standing: made.standing,
                ..candidate(name, made.probability, made.value)
            })
            .collect();
        let raw = RawPlanParams {
            control_share: 0.3,
            most_per_segment: f64::from(most_per_segment) / 10.0,
            include_lapsed,
            ..usual(f64::from(budget))
        };
        let params = params(raw.clone());
        let found = plan(&candidates, &params).unwrap();

        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        let rows = found.treated.iter().map(|row| &row.customer)
            .chain(found.control.iter().map(|row| &row.customer))
            .chain(found.do_not_disturb.iter().map(|row| &row.customer));
        rows.for_each(|customer| *seen.entry(customer).or_default() += 1);
        prop_assert!(seen.values().all(|&times| times == 1));
        let LeftOutCounts { lapsed, no_value, below_break_even, budget_spent, segment_full } = found.left_out;
        let left_out = lapsed + no_value + below_break_even + budget_spent + segment_full;
        prop_assert_eq!(seen.len() + left_out, made.len());

        for outcome in found.alternatives.iter().chain([&found.outcome]) {
            prop_assert!(outcome.expected_cost <= raw.budget * (1.0 + 1e-12));
            prop_assert!(outcome.expected_cost <= outcome.worst_cost * (1.0 + 1e-12));
        }
        for total in &found.by_segment {
            prop_assert!(total.expected_cost <= raw.budget * raw.most_per_segment * (1.0 + 1e-12));
        }
        for row in &found.treated {
            prop_assert!(row.expected_profit > 0.0 && row.probability > row.break_even.unwrap() - 1e-12);
            prop_assert!(draw("retention", &row.customer) >= 0.3);
        }
        prop_assert!(found.control.iter().all(|row| draw("retention", &row.customer) < 0.3));
        prop_assert!(found.control.iter().all(|row| row.expected_profit > 0.0));
        prop_assert!(found.do_not_disturb.iter().all(|row| row.expected_profit <= 0.0));

        candidates.reverse();
        prop_assert_eq!(&found, &plan(&candidates, &params).unwrap());
    }

    /// Without a limit per segment no other choice under the budget earns more than the plan plus one customer, in
    /// particular not the usual orders; and a budget for everybody leaves nothing to gain at all.
    #[test]
    fn the_plan_earns_as_much_as_others_but_for_one_customer(made in made(), budget in 1u32..400) {
        let names: Vec<String> = (0..made.len()).map(|at| format!("c{at}")).collect();
        let candidates: Vec<_> = names
            .iter()
            .zip(&made)
            .map(|(name, made)| candidate(name, made.probability, made.value))
            .collect();
        let terms = params(usual(1.0)).terms();
        let best = candidates
            .iter()
            .filter_map(|candidate| Some(terms.profit(candidate.probability, candidate.value_if_kept?)))
            .fold(0.0, f64::max);
        let found = plan(&candidates, &params(usual(f64::from(budget)))).unwrap();
        for other in found.alternatives {
            prop_assert!(found.outcome.expected_profit >= other.expected_profit - best - 1e-9);
        }
        let found = plan(&candidates, &params(usual(1e6))).unwrap();
        for other in found.alternatives {
            prop_assert!(found.outcome.expected_profit >= other.expected_profit - 1e-9);
        }
        prop_assert_eq!(found.left_out.budget_spent, 0);
    }
}
