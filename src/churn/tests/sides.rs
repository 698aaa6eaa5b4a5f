//! What is usual for the customer herself, beside what is typical for all.

use super::features::{FEATURES, GAP, features};
use super::*;

#[test]
fn what_is_usual_is_what_she_did_one_and_two_horizons_ago() {
    let histories = shop(600, 150.0, DAYS);
    let (model, _) = fit(&histories, DAYS);
    let (mut none, mut one, mut two) = (0, 0, 0);
    for customer in histories.customers().rows() {
        let history = histories.of(customer);
        let at = |ago: f64| features(history, day(DAYS - ago), premises(), &model.norms);
        let (Some(score), Some(now)) = (model.score(history, day(DAYS), premises()), at(0.0)) else {
            continue;
        };
        for reason in &score.reasons {
            let place = FEATURES.iter().position(|f| f.code == reason.feature).unwrap();
            let expected = match (reason.feature, at(30.0), at(60.0)) {
                ("recency_purchase_days", ..) => Some(now[GAP]),
                (_, Some(then), Some(before)) => {
                    two += 1;
                    Some(f64::midpoint(then[place], before[place]))
                }
                (_, Some(then), None) => {
                    one += 1;
                    Some(then[place])
                }
                _ => {
                    none += 1;
                    None
                }
            };
            match (reason.usual, expected) {
                (Some(found), Some(expected)) => assert!((found - expected).abs() < 1e-9, "{reason:?}"),
                (found, expected) => assert_eq!(found, expected, "{reason:?}"),
            }
        }
    }
    assert!(two > 100, "{none} {one} {two}");

    // The shop's newest customers came before day 320: one who came on day 380 has no usual of her own.
    let mut builder = HistoriesBuilder::default();
    buy(&mut builder, "new", 380.0);
    let new = builder.finish();
    let history = new.of(new.customers().find("new").unwrap());
    let score = model.score(history, day(DAYS), premises()).unwrap();
    for reason in &score.reasons {
        assert_eq!(
            reason.usual.is_some(),
            reason.feature == "recency_purchase_days",
            "{reason:?}"
        );
    }
}
