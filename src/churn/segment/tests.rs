//! Scores, segments and stages on small made-up buyers.

use proptest::prelude::*;

use super::*;
use crate::churn::features::Norms;
use crate::churn::{ChurnParams, RawChurnParams, Standing, standing};
use crate::history::{Histories, HistoriesBuilder, PurchaseDay, purchase_days};
use crate::log::{Event, EventKind};
use crate::time::{Calendar, Timestamp};

const NORMS: Norms = Norms {
    typical_gap_days: 30.0,
    typical_order_value: 20.0,
    buying: None,
};

fn day(day: f64) -> Timestamp {
    "2024-01-01".parse::<Timestamp>().unwrap().plus_days(day)
}

fn buyer(recency_days: f64, purchase_days: f64, spend: f64) -> RfmValues {
    RfmValues {
        recency_days,
        purchase_days,
        spend,
    }
}

fn purchases(at: &[f64]) -> Vec<PurchaseDay> {
    at.iter()
        .map(|&at| PurchaseDay {
            day: at.floor() as i32,
            at: day(at),
            amount: 10.0,
        })
        .collect()
}

/// Customers by name with the days on which they bought.
fn shop(customers: &[(String, Vec<f64>)], price: Option<f32>) -> Histories {
    let mut builder = HistoriesBuilder::default();
    for (customer, days) in customers {
        for &at in days {
            builder
                .push(&Event {
                    event_id: None,
                    customer_id: customer,
                    item_id: "i",
                    kind: EventKind::Purchase,
                    occurred_at: day(at),
                    quantity: 1.0,
                    unit_price: price,
                    order_id: None,
                    session_id: None,
                })
                .unwrap();
        }
    }
    builder.finish()
}

fn utc() -> Calendar {
    Calendar::new("UTC").unwrap()
}

fn params() -> ChurnParams {
    RawChurnParams {
        horizon_days: 90,
        eligible_days: 300,
        ..RawChurnParams::default()
    }
    .try_into()
    .unwrap()
}

#[test]
fn distinct_values_make_fifths() {
    for n in 5..40usize {
        let buyers: Vec<_> = (0..n)
            .map(|at| buyer(1.0 + at as f64, 1.0 + at as f64, 7.0 * at as f64))
            .collect();
        let limits = RfmLimits::learn(&buyers).unwrap();
        let mut sizes = [[0; 3]; 5];
        for values in &buyers {
            let rfm = limits.score(values);
            sizes[usize::from(rfm.recency) - 1][0] += 1;
            sizes[usize::from(rfm.frequency) - 1][1] += 1;
            sizes[usize::from(rfm.monetary.unwrap()) - 1][2] += 1;
            // Here the most recent buyers are the least frequent ones.
            assert_eq!(rfm.recency + rfm.frequency, 6, "{n} {values:?}");
        }
        for size in sizes.as_flattened() {
            assert!((n / 5..=n.div_ceil(5)).contains(size), "{n}: {sizes:?}");
        }
    }
}

#[test]
fn ties_share_the_score_of_their_middle() {
    // Spend 0 by 2 of 10, 5 by 6, 9 by 2: mid-ranks .1, .5 and .9.
    let buyers: Vec<_> = [0.0, 0.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 9.0, 9.0]
        .map(|spend| buyer(3.0, 1.0, spend))
        .to_vec();
    let limits = RfmLimits::learn(&buyers).unwrap();
    let monetary = |spend| limits.score(&buyer(3.0, 1.0, spend)).monetary.unwrap();
    assert_eq!([0.0, 5.0, 9.0].map(monetary), [1, 3, 5]);
    // Nobody has these: between 0 and 5 the rank is .2, not above it; between 5 and 9 it is .8; above all it is 1.
    assert_eq!([4.0, 8.0, 10.0].map(monetary), [1, 4, 5]);
    // All equal: rank one half. The same recency is in the middle too, less is better.
    assert_eq!(
        [2.0, 3.0, 4.0].map(|days| limits.score(&buyer(days, 1.0, 5.0)).recency),
        [5, 3, 1]
    );
}

#[test]
fn a_shop_of_one_time_buyers_calls_nobody_loyal() {
    let customers: Vec<_> = (0..100)
        .map(|at| {
            let first = f64::from(at);
            let days = if at % 20 == 0 {
                vec![first, first + 1.5]
            } else {
                vec![first]
            };
            (format!("c{at}"), days)
        })
        .collect();
    let histories = shop(&customers, None);
    let end = day(120.0);
    let segmentation = Segmentation::fit(&histories, &utc(), end, &NORMS).unwrap();
    assert_eq!(segmentation.limits().spend(), None);
    let mut seen = std::collections::BTreeSet::new();
    for customer in histories.customers().rows() {
        let days = purchase_days(histories.of(customer), &utc());
        let placed = segmentation.of(&days, end).unwrap();
        assert_eq!(placed.rfm.monetary, None);
        // 95 of 100: mid-rank .475.
        assert_eq!(placed.rfm.frequency, if days.len() == 1 { 3 } else { 5 });
        if days.len() == 1 {
            seen.insert(placed.segment);
        }
    }
    assert_eq!(
        seen.into_iter().collect::<Vec<_>>(),
        [
            Segment::PotentialLoyalist,
            Segment::NeedsAttention,
            Segment::AtRisk
        ]
    );
    // Who bought once is not loyal, whatever the money.
    for recency in 1..=5 {
        for frequency in 1..=3 {
            let rfm = Rfm {
                recency,
                frequency,
                monetary: Some(5),
            };
            let loyal = [Segment::Champions, Segment::Loyal, Segment::CannotLose];
            assert!(!loyal.contains(&Segment::of(rfm)), "{rfm}");
        }
    }
}

#[test]
fn every_combination_has_the_one_segment_of_the_table() {
    let mut sizes = [0; SEGMENTS.len()];
    for recency in 1..=5u8 {
        for frequency in 1..=5 {
            for monetary in [None, Some(1), Some(2), Some(3), Some(4), Some(5)] {
                let rfm = Rfm {
                    recency,
                    frequency,
                    monetary,
                };
                let holds = |(low, high): (u8, u8), score: u8| (low..=high).contains(&score);
                let matching: Vec<_> = SEGMENTS
                    .iter()
                    .filter(|rule| holds(rule.recency, recency) && holds(rule.value, rfm.value()))
                    .map(|rule| rule.segment)
                    .collect();
                assert_eq!(matching, [Segment::of(rfm)], "{rfm}");
                sizes[Segment::of(rfm) as usize] += 1;
            }
        }
    }
    assert!(sizes.iter().all(|&size| size > 0), "{sizes:?}");
    assert_eq!(sizes.iter().sum::<usize>(), 150);
}

#[test]
fn the_table_is_in_the_order_of_the_segments_and_names_them_as_files_do() {
    for (at, rule) in SEGMENTS.iter().enumerate() {
        assert_eq!(rule.segment as usize, at);
        assert_eq!(serde_json::to_value(rule.segment).unwrap(), rule.code);
        assert_eq!(rule.segment.to_string(), rule.code);
        let line = format!("| `{}` |", rule.code);
        let docs = include_str!("mod.rs").lines().find(|text| text.contains(&line));
        assert!(docs.is_some_and(|text| text.contains(rule.rule)), "{docs:?}");
    }
    for stage in Stage::ALL {
        assert_eq!(serde_json::to_value(stage).unwrap(), stage.code());
    }
}

#[test]
fn scores_read_as_three_numbers_or_two() {
    let rfm = |monetary| Rfm {
        recency: 5,
        frequency: 4,
        monetary,
    };
    assert_eq!(rfm(Some(3)).to_string(), "5-4-3");
    assert_eq!(rfm(None).to_string(), "5-4");
    assert_eq!(rfm(Some(3)).value(), 3);
    assert_eq!(Segment::of(rfm(Some(4))), Segment::Champions);
}

#[test]
fn stages_change_at_their_limits() {
    let of = |at: &[f64], now: f64| stage(&purchases(at), day(now), 30.0, &params());
    assert_eq!(of(&[], 10.0), None);
    // One order: new within the horizon of 90 days, then by the shop's gap of 30 days, lapsed after 300.
    assert_eq!(of(&[0.0], 89.9), Some(Stage::New));
    assert_eq!(of(&[0.0], 90.0), Some(Stage::AtRisk));
    assert_eq!(of(&[0.0], 300.0), Some(Stage::AtRisk));
    assert_eq!(of(&[0.0], 300.1), Some(Stage::Lapsed));
    // Three orders: usual gap (20 + 2 · 30) / (2 + 2) = 20 days.
    assert_eq!(of(&[0.0, 10.0, 20.0], 40.0), Some(Stage::Active));
    assert_eq!(of(&[0.0, 10.0, 20.0], 40.1), Some(Stage::Late));
    assert_eq!(of(&[0.0, 10.0, 20.0], 60.0), Some(Stage::Late));
    assert_eq!(of(&[0.0, 10.0, 20.0], 60.1), Some(Stage::AtRisk));
    // Back after more than 300 days, until the next order or the end of the horizon.
    assert_eq!(of(&[0.0, 300.0], 310.0), Some(Stage::Active));
    assert_eq!(of(&[0.0, 300.1], 310.0), Some(Stage::WonBack));
    assert_eq!(of(&[0.0, 300.1, 309.0], 310.0), Some(Stage::Active));
    // Usual gap (300 + 60) / 3 = 120 days.
    assert_eq!(of(&[0.0, 300.1], 390.2), Some(Stage::Active));
    assert_eq!(of(&[0.0, 300.1], 421.0), Some(Stage::Late));
}

#[test]
fn what_was_stored_is_checked_when_it_is_read() {
    let customers: Vec<_> = (0..7)
        .map(|at| (format!("c{at}"), vec![f64::from(at) / 3.0, f64::from(at * 2)]))
        .collect();
    let histories = shop(&customers, Some(0.1));
    let segmentation = Segmentation::fit(&histories, &utc(), day(50.0), &NORMS).unwrap();
    let text = serde_json::to_string(&segmentation).unwrap();
    assert_eq!(serde_json::from_str::<Segmentation>(&text).unwrap(), segmentation);
    assert!(Segmentation::fit(&histories, &utc(), day(0.0), &NORMS).is_none());

    let error = |recency: &str, spend: &str, gap: &str| {
        let text = format!(
            r#"{{"limits": {{"recency_days": {recency}, "purchase_days": [1, 2, 2, 3], "spend": {spend}}},
                "typical_gap_days": {gap}}}"#
        );
        serde_json::from_str::<Segmentation>(&text).map_err(|error| error.to_string())
    };
    assert!(error("[9, 5, 5, 1]", "null", "30").is_ok());
    let wrong = error("[1, 5, 5, 9]", "null", "30").unwrap_err();
    assert!(
        wrong.contains("recency_days") && wrong.contains("[1.0, 5.0, 5.0, 9.0]"),
        "{wrong}"
    );
    assert!(
        error("[9, 5, 5, 1]", "[1, 0, 2, 3]", "30")
            .unwrap_err()
            .contains("spend")
    );
    assert!(
        error("[9, 5, 5, 1]", "null", "0")
            .unwrap_err()
            .contains("typical_gap_days = 0 ")
    );
}

#[test]
fn the_grid_counts_and_averages_by_recency_and_frequency() {
    let entry = |recency, monetary, risk, value| GridEntry {
        rfm: Rfm {
            recency,
            frequency: 2,
            monetary,
        },
        risk,
        value,
    };
    let grid = RfmGrid::of([
        entry(1, Some(1), Some(0.5), Some(10.0)),
        entry(1, Some(5), Some(0.7), None),
        entry(1, None, None, Some(5.0)),
        entry(5, None, None, None),
    ]);
    let cell = grid.cell(1, 2);
    assert_eq!((cell.recency, cell.frequency, cell.customers), (1, 2, 3));
    assert!((cell.mean_risk.unwrap() - 0.6).abs() < 1e-12);
    assert_eq!(cell.value, Some(15.0));
    let cell = grid.cell(5, 2);
    assert_eq!((cell.customers, cell.mean_risk, cell.value), (1, None, None));
    assert_eq!(grid.cells().len(), 25);
    assert_eq!(grid.cells().iter().map(|cell| cell.customers).sum::<u64>(), 4);
}

/// The score of `value` by the definition: one more than the fifths that its mid-rank is above.
fn by_definition(all: &[f64], value: f64) -> u8 {
    let below = all.iter().filter(|&&other| other < value).count();
    let equal = all.iter().filter(|&&other| other <= value).count() - below;
    (1..=4).fold(1, |score, k| {
        score + u8::from(5 * (2 * below + equal) > 2 * k * all.len())
    })
}

proptest! {
    /// The limits say of every value, seen or not, what the definition says.
    #[test]
    fn limits_are_the_definition(
        buyers in prop::collection::vec((0u32..12, 1u32..6, 0u32..9), 1..60),
        other in (0u32..26, 0u32..14, 0u32..20),
    ) {
        let halves = |(recency, days, spend): (u32, u32, u32), scale: f64| {
            buyer(f64::from(recency) * scale, f64::from(days) * scale, f64::from(spend) * scale)
        };
        let buyers: Vec<_> = buyers.into_iter().map(|values| halves(values, 1.0)).collect();
        let limits = RfmLimits::learn(&buyers).unwrap();
        let column = |of: fn(&RfmValues) -> f64| buyers.iter().map(of).collect::<Vec<f64>>();
        let money = column(|v| v.spend);
        for values in buyers.iter().copied().chain([halves(other, 0.5)]) {
            let rfm = limits.score(&values);
            prop_assert_eq!(rfm.recency, by_definition(&column(|v| -v.recency_days), -values.recency_days));
            prop_assert_eq!(rfm.frequency, by_definition(&column(|v| v.purchase_days), values.purchase_days));
            let expected = money.iter().any(|&spend| spend > 0.0).then(|| by_definition(&money, values.spend));
            prop_assert_eq!(rfm.monetary, expected);
        }
        // Who bought least often, as every one-time buyer, is at most in the middle.
        let least = buyers.iter().map(|v| v.purchase_days).fold(f64::INFINITY, f64::min);
        prop_assert!(limits.score(&buyer(1.0, least, 1.0)).frequency <= 3);
    }

    /// Another order of the customers changes nothing, to the bit.
    #[test]
    fn the_order_of_customers_does_not_matter(
        customers in prop::collection::vec(prop::collection::vec(0u32..200, 0..5), 1..20),
        turn in 0usize..20,
    ) {
        let mut named: Vec<_> = customers
            .into_iter()
            .enumerate()
            .map(|(at, days)| (format!("c{at}"), days.into_iter().map(|day| f64::from(day) / 2.0).collect()))
            .collect();
        let fit = |customers: &[(String, Vec<f64>)]| {
            Segmentation::fit(&shop(customers, Some(2.5)), &utc(), day(90.0), &NORMS)
        };
        let before = fit(&named);
        let turn = turn % named.len();
        named.rotate_left(turn);
        prop_assert_eq!(before, fit(&named));
    }

    /// Every buyer has a stage, lapsed is what the churn model calls lapsed, and without purchases nobody recovers.
    #[test]
    fn stages_agree_with_standing_and_only_get_worse(
        gaps in prop::collection::vec(1u32..400, 0..6),
        since in 1u32..700,
        later in 0u32..100,
    ) {
        let at: Vec<f64> = gaps.iter().scan(0.0, |at, &gap| { *at += f64::from(gap); Some(*at) }).collect();
        let at = [vec![0.0], at].concat();
        let days = purchases(&at);
        let now = day(at[at.len() - 1] + f64::from(since) / 2.0);
        let found = stage(&days, now, 30.0, &params()).unwrap();
        prop_assert_eq!(found == Stage::Lapsed, standing(&days, now, &params()) == Some(Standing::Lapsed));
        if found == Stage::WonBack {
            let (latest, before) = days.split_last().unwrap();
            prop_assert_eq!(stage(before, latest.at, 30.0, &params()), Some(Stage::Lapsed));
        }
        let next = stage(&days, now.plus_days(f64::from(later)), 30.0, &params()).unwrap();
        let order = |stage| match stage {
            Stage::New | Stage::WonBack => 0,
            Stage::Active => 1,
            Stage::Late => 2,
            Stage::AtRisk => 3,
            Stage::Lapsed => 4,
        };
        prop_assert!(order(next) >= order(found), "{found} then {next}");
    }
}
