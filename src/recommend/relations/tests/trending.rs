//! Trending by hand.

use super::*;
use crate::history::{RawWeighting, Weighting};

fn trending(lines: &[Line], catalog: &Catalog, n_items: u32, now: f64) -> TrendingArrays {
    let (histories, calendar) = (histories(lines, n_items), utc());
    let shop = Shop {
        histories: &histories,
        catalog,
        calendar: &calendar,
        now: day(now),
    };
    let weighting = Weighting::try_from(RawWeighting::default()).unwrap();
    let params = RawTrendingParams::default().try_into().unwrap();
    Trending::fit(shop, &weighting, &params).arrays().clone()
}

/// `per_day` purchases a day from day `from` to `to`.
fn steady(item: u32, per_day: u32, from: u32, to: u32) -> Vec<Line> {
    let at = |n: u32| f64::from(from) + (f64::from(n) + 0.5) / f64::from(per_day);
    let line = |n: u32| {
        (
            n % 50,
            item,
            EventKind::Purchase,
            at(n),
            Some(item * 1_000_000 + n),
            None,
        )
    };
    (0..(to - from) * per_day).map(line).collect()
}

#[test]
fn who_sells_as_usual_is_not_trending_however_much_it_is() {
    // A best-seller as always, a small one in a burst, and many others as always.
    let mut lines = steady(0, 40, 0, 400);
    lines.extend(steady(1, 1, 0, 400));
    lines.extend(steady(1, 4, 390, 400));
    (2..12).for_each(|item| lines.extend(steady(item, 4, 0, 400)));
    let found = trending(&lines, &no_catalog(), 12, 400.0);
    let best = (0..12).max_by(|&a, &b| found.scores[a].total_cmp(&found.scores[b]));
    assert_eq!(best, Some(1));
    assert!(
        found.scores[1] > 5.0 && found.scores[0] < 0.5,
        "{:?}",
        found.scores
    );
    // 40 a day for 7 / ln 2 days.
    let days = 7.0 / std::f32::consts::LN_2;
    assert!(
        (found.recent[0] / (40.0 * days) - 1.0).abs() < 0.01,
        "{}",
        found.recent[0]
    );
    assert!(
        (found.expected[0] / (40.0 * days) - 1.0).abs() < 0.06,
        "{}",
        found.expected[0]
    );
    assert!((found.factors[1] - (found.recent[1] + 2.0) / (found.expected[1] + 2.0)).abs() < 1e-5);
    let score = (found.recent[1] - found.expected[1]) / (found.expected[1] + 1.0).sqrt();
    assert!((found.scores[1] - score).abs() < 1e-4);
}

#[test]
fn a_busy_season_of_the_whole_shop_is_nobodys_trend() {
    let mut lines = Vec::new();
    for item in 0..8 {
        lines.extend(steady(item, 3, 0, 400));
        lines.extend(
            steady(item, 3, 393, 400)
                .into_iter()
                .map(|(c, i, k, at, o, s)| (c, i, k, at, o.map(|o| o + 500_000), s)),
        );
    }
    let found = trending(&lines, &no_catalog(), 8, 400.0);
    assert!(
        found.recent[0] > 40.0 && found.scores.iter().all(|&score| score < 0.5),
        "{:?}",
        found.scores
    );
}

#[test]
fn a_launch_is_measured_against_launches() {
    let launched = |at: f64| Item {
        launched_at: Some(day(at)),
        ..item("pans", 1.0, 0.5)
    };
    let mut items = vec![item("pans", 1.0, 0.5); 10];
    // Five launches that sold 2 a day, then one as usual, one of four times that, and one that lies like lead.
    let days = [60.0, 100.0, 140.0, 180.0, 220.0, 394.0, 394.0, 394.0];
    items.extend(days.map(launched));
    let mut lines: Vec<Line> = (0..10).flat_map(|item| steady(item, 1, 0, 400)).collect();
    for (item, &at) in (10..).zip(&days[..5]) {
        lines.extend(steady(item, 2, at as u32, 400));
    }
    lines.extend(steady(15, 2, 394, 400));
    lines.extend(steady(16, 8, 394, 400));
    let found = trending(&lines, &Catalog::new(items), 18, 400.0);
    assert!(
        found.scores[15] < 0.5 && found.scores[16] > 5.0,
        "{:?}",
        &found.scores[10..]
    );
    assert!(
        (found.expected[15] / found.expected[16] - 1.0).abs() < 0.3,
        "{:?}",
        &found.expected[10..]
    );
    assert!(
        found.expected[17] > 3.0 && found.scores[17].to_bits() == 0,
        "it was expected to sell"
    );
}

#[test]
fn few_events_and_an_empty_log_trend_nowhere() {
    let mut lines = steady(0, 1, 0, 100);
    lines.extend((0..4).map(|n| (n, 1, EventKind::Purchase, 99.0, Some(900 + n), None)));
    let found = trending(&lines, &no_catalog(), 2, 100.0);
    assert!(found.recent[1] > 3.0 && found.scores[1].to_bits() == 0);
    lines.push((9, 1, EventKind::Purchase, 99.0, Some(999), None));
    assert!(trending(&lines, &no_catalog(), 2, 100.0).scores[1] > 1.0);
    let empty = trending(&[], &no_catalog(), 2, 100.0);
    assert_eq!(
        empty
            .scores
            .iter()
            .map(|score| score.to_bits())
            .collect::<Vec<_>>(),
        [0, 0]
    );
    let arrays = TrendingArrays {
        factors: vec![1.0],
        ..empty
    };
    assert_eq!(
        Trending::from_arrays(arrays).unwrap_err().to_string(),
        "trending.factors has 1 numbers, it must have 2"
    );
}
