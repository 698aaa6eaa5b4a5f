//! What changed between two scores.

use super::*;
use crate::history::History;

fn between(history: History<'_>, earlier: (&ChurnModel, f64), later: (&ChurnModel, f64)) -> Option<Change> {
    let asked = |(model, at): (&'_ ChurnModel, f64)| (model.clone(), day(at));
    let ((earlier, then), (later, now)) = (asked(earlier), asked(later));
    change(
        history,
        Asked {
            model: &earlier,
            as_of: then,
        },
        Asked {
            model: &later,
            as_of: now,
        },
        premises(),
    )
}

#[test]
fn the_parts_add_up_to_the_whole_change_and_each_is_its_own_cause() {
    let histories = shop(300, 150.0, DAYS);
    let (old, _) = fit(&histories, 350.0);
    let (new, _) = fit_as(&histories, &named(ModelChoice::Boosting), DAYS);
    let (mut changed, mut silent, mut too_new) = (0, 0, 0);
    for customer in histories.customers().rows() {
        let history = histories.of(customer);
        let Some(found) = between(history, (&old, 350.0), (&new, DAYS)) else {
            assert!(old.score(history, day(350.0), premises()).is_none());
            too_new += 1;
            continue;
        };
        let now = new.score(history, day(DAYS), premises()).unwrap();
        assert_eq!(
            Some(&found.earlier),
            old.score(history, day(350.0), premises()).as_ref()
        );
        let steps = [found.elapsed, found.behaviour, found.model];
        let log_odds: f64 = steps.iter().map(|step| step.log_odds).sum();
        assert!((log_odds - (now.log_odds - found.earlier.log_odds)).abs() < 1e-12);
        let points: f64 = steps.iter().map(|step| step.points).sum();
        let wanted = 100.0 * (sigmoid(now.log_odds) - sigmoid(found.earlier.log_odds));
        assert!((points - wanted).abs() < 1e-9);
        // Nothing that she did, nothing that behaviour adds.
        if history.within(day(350.0), day(DAYS)).is_empty() {
            silent += 1;
            assert_eq!(found.behaviour.log_odds.to_bits(), 0.0f64.to_bits());
        } else {
            changed += usize::from(found.behaviour.log_odds < 0.0);
        }
        // The same model, nothing that a model adds.
        let same = between(history, (&old, 350.0), (&old, DAYS)).unwrap();
        assert_eq!((same.model.log_odds, same.model.points), (0.0, 0.0));
        assert_eq!((same.elapsed, same.behaviour), (found.elapsed, found.behaviour));
    }
    assert!(changed > 20 && silent > 50, "{changed} came, {silent} did not");
    assert_eq!(too_new, 0, "all of them had bought by day 350");
}

#[test]
fn there_is_no_change_since_before_the_first_purchase() {
    let histories = shop(300, 150.0, DAYS);
    let (model, _) = fit_as(&histories, &named(ModelChoice::MbgNbd), DAYS);
    let mut builder = HistoriesBuilder::default();
    for at in [370.0, 399.0] {
        buy(&mut builder, "late", at);
    }
    let late = builder.finish();
    let history = late.of(late.customers().find("late").unwrap());
    assert_eq!(between(history, (&model, 370.0), (&model, DAYS)), None);
    let found = between(history, (&model, 371.0), (&model, DAYS)).unwrap();
    assert!(
        found.elapsed.log_odds > 0.0,
        "silence alone speaks for leaving: {found:?}"
    );
    assert!(
        found.behaviour.log_odds < 0.0,
        "the second purchase does not: {found:?}"
    );
}
