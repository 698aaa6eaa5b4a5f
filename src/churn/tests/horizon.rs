//! The horizon that a log chooses, and the level that it foretells.

use super::*;
use crate::measure::bootstrap::Interval;

/// Ten customers who bought last at the end of the data, and before that with these gaps.
fn with_gaps(gaps: &[f64]) -> Histories {
    let mut builder = HistoriesBuilder::default();
    for customer in 0..10 {
        let mut at = DAYS - 0.5;
        buy(&mut builder, &format!("c{customer}"), at);
        for gap in gaps {
            at -= gap;
            buy(&mut builder, &format!("c{customer}"), at);
        }
    }
    builder.finish()
}

fn horizon(histories: &Histories, params: &ChurnParams) -> u32 {
    params
        .with_horizon_of(histories, premises().calendar, day(DAYS))
        .horizon_days()
}

#[test]
fn the_horizon_is_the_smallest_within_which_four_gaps_of_five_end() {
    let open = asked(|raw| raw.horizon_days = 0);
    for (gaps, expected) in [
        // The fifth gap may be as long as it likes, two of five may not.
        ([20.0, 20.0, 20.0, 20.0, 50.0], 30),
        ([20.0, 20.0, 20.0, 50.0, 50.0], 60),
        ([20.0, 30.0, 30.0, 30.0, 200.0], 30),
        ([20.0, 30.0, 30.0, 31.0, 200.0], 60),
        ([60.0, 60.0, 60.0, 60.0, 60.0], 60),
        ([61.0, 61.0, 61.0, 61.0, 61.0], 90),
        ([91.0, 91.0, 91.0, 10.0, 10.0], 180),
        ([190.0, 190.0, 1.0, 1.0, 1.0], 180),
    ] {
        assert_eq!(horizon(&with_gaps(&gaps), &open), expected, "{gaps:?}");
    }
    // Of ten waits five were never over.
    let mut builder = HistoriesBuilder::default();
    for customer in 0..5 {
        buy(&mut builder, &format!("c{customer}"), 10.0);
        buy(&mut builder, &format!("c{customer}"), 20.0);
        buy(&mut builder, &format!("gone{customer}"), 10.0);
    }
    assert_eq!(horizon(&builder.finish(), &open), 180);
}

#[test]
fn a_horizon_that_is_set_is_kept_and_one_that_is_found_is_the_models() {
    assert_eq!(
        horizon(&with_gaps(&[60.0; 5]), &asked(|raw| raw.horizon_days = 14)),
        14
    );
    let histories = shop(400, 150.0, DAYS);
    let open = asked(|raw| raw.horizon_days = 0);
    let found = horizon(&histories, &open);
    assert!([30, 60, 90, 180].contains(&found), "{found}");
    let (model, report) = fit_as(&histories, &open, DAYS);
    assert_eq!((model.horizon_days(), report.horizon_days), (found, found));
    assert_eq!(model.params().raw().horizon_days, found);
    assert_eq!(model.norms.buying.unwrap().horizon_days, found);
}

#[test]
fn the_level_is_the_mean_of_the_forecasts_that_there_are() {
    let two = Level {
        all: 0.3,
        newest: 0.5,
        year_ago: None,
        error: None,
    };
    assert!((two.offset() - 0.4).abs() < 1e-15);
    let three = Level {
        year_ago: Some(1.0),
        ..two
    };
    assert!((three.offset() - 0.6).abs() < 1e-15);
}

#[test]
fn an_interval_contains_the_probability_and_widens_with_the_error() {
    let histories = shop(400, 150.0, DAYS);
    let (mut model, report) = fit(&histories, DAYS);
    let error = report.calibration.level.error.unwrap();
    assert!(error > 0.0 && model.level_error == Some(error));
    let mut scored_with = |error: Option<f64>| -> Vec<ChurnScore> {
        model.level_error = error;
        let scores = histories
            .customers()
            .rows()
            .filter_map(|customer| model.score(histories.of(customer), day(DAYS), premises()));
        scores.collect()
    };
    let (narrow, wide, unknown) = (scored_with(Some(0.1)), scored_with(Some(0.5)), scored_with(None));
    let mut seen = 0;
    for ((narrow, wide), unknown) in narrow.iter().zip(&wide).zip(&unknown) {
        assert_eq!(
            (unknown.interval, unknown.probability.to_bits()),
            (None, wide.probability.to_bits())
        );
        let (Some(inner), Some(outer)) = (narrow.interval, wide.interval) else {
            assert_eq!((narrow.standing, wide.interval), (Standing::Lapsed, None));
            continue;
        };
        seen += 1;
        assert!(outer.low <= inner.low && inner.high <= outer.high);
        assert!(inner.low <= narrow.probability && narrow.probability <= inner.high);
        assert!(
            outer.high - outer.low > inner.high - inner.low,
            "{inner:?} in {outer:?}"
        );
        // Four of five lie within 1.2816 standard deviations.
        let Interval { low, high } = inner;
        assert!(low <= SMALLEST_PROBABILITY || (logit(low) - (narrow.log_odds - 0.128_155)).abs() < 1e-5);
        assert!(
            high >= 1.0 - SMALLEST_PROBABILITY || (logit(high) - (narrow.log_odds + 0.128_155)).abs() < 1e-5
        );
    }
    assert!(seen > 100, "{seen}");
}
