//! Customers by segment, stage and value, and what their scores are to be read with.

use super::*;
use rapport::churn::Profile;
use rapport::churn::segment::{SEGMENTS, Segment, Stage};
use rapport::history::purchase_days;
use rapport::serve::{RiskOrder, ScoreFlag, Since};

fn list(engine: &Engine, filter: &AtRiskFilter) -> Vec<ChurnAnswer> {
    engine.at_risk(filter).unwrap().collect()
}

fn profile(answer: &ChurnAnswer) -> &Profile {
    answer.profile.as_ref().unwrap()
}

fn at_risk(answer: &ChurnAnswer) -> f64 {
    profile(answer).value_at_risk(answer.score.probability).unwrap()
}

#[test]
fn segments_and_stages_divide_those_at_risk() {
    let Fixture { engine, .. } = &small();
    let everybody = list(engine, &AtRiskFilter::default());
    let mut in_some = HashSet::new();
    for rule in &SEGMENTS {
        let filter = AtRiskFilter {
            segments: vec![rule.segment],
            ..AtRiskFilter::default()
        };
        for answer in list(engine, &filter) {
            assert_eq!(profile(&answer).segment, rule.segment);
            assert!(in_some.insert(answer.customer_id), "in two segments");
        }
    }
    assert_eq!(in_some.len(), everybody.len());
    let mut in_some = HashSet::new();
    for stage in Stage::ALL {
        let filter = AtRiskFilter {
            stages: vec![stage],
            ..AtRiskFilter::default()
        };
        for answer in list(engine, &filter) {
            assert_eq!(profile(&answer).stage, stage);
            assert!(in_some.insert(answer.customer_id), "in two stages");
        }
    }
    assert_eq!(in_some.len(), everybody.len());

    let both = AtRiskFilter {
        segments: vec![Segment::Lost, Segment::Hibernating],
        stages: vec![Stage::AtRisk],
        ..AtRiskFilter::default()
    };
    let expected: Vec<&ChurnAnswer> = everybody
        .iter()
        .filter(|answer| both.segments.contains(&profile(answer).segment))
        .filter(|answer| profile(answer).stage == Stage::AtRisk)
        .collect();
    assert!(!expected.is_empty() && expected.len() < everybody.len());
    assert_eq!(list(engine, &both).iter().collect::<Vec<_>>(), expected);
}

#[test]
fn those_at_risk_come_by_value_and_above_a_least_one() {
    let Fixture { engine, .. } = &small();
    let by_value = AtRiskFilter {
        order: RiskOrder::ValueAtRisk,
        ..AtRiskFilter::default()
    };
    let everybody = list(engine, &by_value);
    assert_eq!(everybody.len(), shop::BUYERS);
    assert!(everybody.is_sorted_by(|a, b| at_risk(a) >= at_risk(b)));
    assert!(!everybody.is_sorted_by(|a, b| a.score.probability >= b.score.probability));
    assert_eq!(
        list(
            engine,
            &AtRiskFilter {
                limit: Some(9),
                ..by_value.clone()
            }
        ),
        everybody[..9]
    );
    let least = at_risk(&everybody[40]);
    let dear = AtRiskFilter {
        min_value_at_risk: Some(least),
        ..by_value
    };
    assert!(least > 0.0 && at_risk(&everybody[41]) < least);
    assert_eq!(list(engine, &dear), everybody[..41]);
}

#[test]
fn the_totals_are_the_sums_of_segments_and_of_single_scores() {
    let Fixture { engine, .. } = &small();
    let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-9 * a.abs().max(1.0), "{a} is not {b}");
    for as_of in [None, Some(shop::day_zero().plus_days(250.0))] {
        let summary = engine.customers(as_of).unwrap();
        let filter = AtRiskFilter {
            as_of,
            ..AtRiskFilter::default()
        };
        let everybody = list(engine, &filter);
        assert_eq!((summary.horizon_days, summary.value_months), (60, Some(12)));
        assert_eq!(summary.as_of, everybody[0].score.as_of);
        let of = |segment: Option<Segment>| -> Vec<&ChurnAnswer> {
            let chosen = everybody
                .iter()
                .filter(|answer| segment.is_none_or(|wanted| profile(answer).segment == wanted));
            chosen.collect()
        };
        let all = std::iter::once((None, &summary.total));
        let each = summary
            .segments
            .iter()
            .map(|(segment, totals)| (Some(*segment), totals));
        for (segment, totals) in all.chain(each) {
            let members = of(segment);
            assert!(!members.is_empty(), "{segment:?}");
            assert_eq!(totals.customers, members.len());
            let eligible = || {
                members
                    .iter()
                    .filter(|answer| answer.score.standing == Standing::Eligible)
            };
            assert_eq!(totals.eligible, eligible().count());
            close(
                totals.expected_leavers,
                eligible().map(|answer| answer.score.probability).sum(),
            );
            let value = |answer: &&ChurnAnswer| profile(answer).value.unwrap().value.unwrap();
            close(totals.value, members.iter().map(value).sum());
            close(
                totals.value_at_risk,
                members.iter().map(|a| a.score.probability * value(a)).sum(),
            );
        }
        let segments = || summary.segments.iter().map(|(_, totals)| totals);
        let total = &summary.total;
        assert_eq!(segments().map(|t| t.customers).sum::<usize>(), total.customers);
        assert_eq!(segments().map(|t| t.eligible).sum::<usize>(), total.eligible);
        close(
            segments().map(|t| t.expected_leavers).sum(),
            total.expected_leavers,
        );
        close(segments().map(|t| t.value).sum(), total.value);
        close(segments().map(|t| t.value_at_risk).sum(), total.value_at_risk);
        assert!(total.value_at_risk > 0.0 && total.value_at_risk < total.value);
    }
}

#[test]
fn a_score_is_flagged_when_it_is_stale_or_of_a_single_purchase() {
    let parts = shop::parts(shop::SMALL, 1);
    let Fixture { engine, .. } = &fixture(&parts, RawServeConfig::default());
    let flags = |as_of| engine.churn("c1", as_of).unwrap().flags;
    let row = parts.histories.customers().find("c1").unwrap();
    let days = purchase_days(parts.histories.of(row), &parts.calendar);
    assert!(days.len() > 2);
    let just_after = |nth: usize| days[nth].at.plus_days(0.0001);
    assert_eq!(flags(None), []);
    assert_eq!(flags(Some(just_after(0))), [ScoreFlag::OneTimeBuyer]);
    assert_eq!(flags(Some(just_after(1))), []);
    assert_eq!(flags(Some(parts.data_through.plus_days(0.9))), []);
    assert_eq!(flags(Some(parts.data_through.plus_days(5.0))), [ScoreFlag::Stale]);
}

#[test]
fn a_change_is_that_of_two_scores_and_of_an_earlier_instant() {
    let parts = shop::parts(shop::SMALL, 1);
    let Fixture { engine, .. } = &fixture(&parts, RawServeConfig::default());
    let days_ago = |days: f64| parts.data_through.plus_days(-days);
    let since = |as_of| Since {
        as_of,
        model_version: None,
    };
    for n in [1, 2, 3, 4] {
        let customer = shop::customer_id(n);
        let answer = engine
            .churn_since(&customer, None, &since(days_ago(60.0)))
            .unwrap();
        let (now, then) = (
            engine.churn(&customer, None).unwrap(),
            engine.churn(&customer, Some(days_ago(60.0))).unwrap(),
        );
        let change = answer.change.clone().unwrap();
        assert_eq!((&answer.score, &change.earlier), (&now.score, &then.score));
        assert_eq!(answer.earlier_version, Some(answer.model_version.clone()));
        let sum = change.elapsed.log_odds + change.behaviour.log_odds + change.model.log_odds;
        assert!((sum - (now.score.log_odds - then.score.log_odds)).abs() < 1e-9);
        assert!(change.model.log_odds == 0.0, "one model");
        assert_eq!(now.change, None);
    }
    // Before the first purchase there is nothing to compare with.
    let answer = engine.churn_since("c1", None, &since(shop::day_zero())).unwrap();
    assert_eq!((answer.change, answer.earlier_version), (None, None));
    let late = engine.churn_since("c1", Some(days_ago(60.0)), &since(days_ago(59.0)));
    assert!(
        matches!(&late, Err(ServeError::InvalidArgument { field, .. }) if field == "compared_to"),
        "{late:?}"
    );
    let unknown = Since {
        as_of: days_ago(60.0),
        model_version: Some("20200101T000000Z-00000000".into()),
    };
    assert!(matches!(
        engine.churn_since("c1", None, &unknown),
        Err(ServeError::UnknownVersion { .. })
    ));
}
