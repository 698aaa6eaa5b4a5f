//! What is searched is what a scan of every score would have found.

use rapport::history::{HistoryBuf, Interaction};
use rapport::id::ItemIdx;
use rapport::recommend::Recommender;
use rapport::recommend::sessions::{RawSessionParams, Room, Session, SessionParams, Sessions, Training};

use super::*;

/// What the most wanted item counts beside a visit that answers alone.
const TAIL: f32 = 1e-3;

/// The small shop, with visits that step through its items by threes and by fives.
fn parts() -> BundleParts {
    let mut parts = shop::parts(shop::SMALL, 1);
    let items = parts.histories.items();
    let visit = |end: usize| Session {
        items: (0..4)
            .map(|click| shop::item_id((end * 7 + click * (3 + 2 * (end % 2))) % shop::SMALL.items))
            .map(|id| items.find(&id).unwrap())
            .collect(),
        end: end as i64,
    };
    let params = SessionParams::try_from(RawSessionParams::default()).unwrap();
    let training = Training::new((0..300).map(visit).collect(), items.len(), &params);
    if let Some(shelves) = &mut parts.shelves {
        shelves.sessions = Some(Sessions::fit(&training, &params));
    }
    parts
}

/// The score of every item, by the models' own dense account.
fn scores(parts: &BundleParts, customer: Option<usize>, viewed: Option<usize>) -> Vec<f32> {
    let now = parts.data_through;
    let customer = customer.and_then(|n| parts.histories.customers().find(&shop::customer_id(n)));
    let viewed: Vec<ItemIdx> = viewed
        .iter()
        .map(|&n| parts.histories.items().find(&shop::item_id(n)).unwrap())
        .collect();
    let mut history = customer.map_or_else(HistoryBuf::default, |customer| {
        HistoryBuf::from_history(parts.histories.of(customer).before(now))
    });
    history.extend(viewed.iter().map(|&item| Interaction {
        item,
        kind: EventKind::View,
        at: Timestamp::from_micros(now.as_micros() - 1).unwrap(),
        quantity: 1.0,
        unit_price: None,
        order: None,
        session: None,
    }));
    let mut scores = vec![0.0; parts.blend.n_items()];
    let sessions = parts.shelves.as_ref().unwrap().sessions.as_ref().unwrap();
    let mut factor = 0.0;
    if !viewed.is_empty() {
        let weight = sessions.params().raw().beside_profile as f32;
        factor = sessions.add_to(&mut scores, &viewed, weight, &mut Room::default());
    }
    if customer.is_none() && factor > 0.0 {
        let wanted = parts.blend.popularity().scores();
        let most = wanted.iter().copied().fold(0.0, f32::max);
        for (score, wanted) in scores.iter_mut().zip(wanted) {
            *score += TAIL * wanted / most;
        }
        return scores;
    }
    let profile = parts.weighting.profile(history.as_history(), now);
    let mut blended = vec![0.0; scores.len()];
    parts.blend.score(&profile, &mut blended);
    scores.iter().zip(blended).map(|(a, b)| a + b).collect()
}

/// Asks for `count` items and compares them with the head of a sort of all scores.
fn compare(engine: &Engine, parts: &BundleParts, who: (Option<usize>, Option<usize>), count: u32) {
    let (customer, viewed) = who;
    let index = engine.index().unwrap();
    let items = parts.histories.items();
    let mut request = ask(Kind::YouMayLike, count);
    request.context.customer_id = customer.map(shop::customer_id);
    request.context.recent_events = viewed.map(view).into_iter().collect();
    request.filter.available_only = false;
    let answer = engine.recommend(&request).unwrap();

    let scores = scores(parts, customer, viewed);
    let had = customer.map_or_else(HashSet::new, |n| bought(parts, n, 3_650.0));
    let mut expected: Vec<ItemIdx> = items
        .rows()
        .filter(|&item| index.is_rankable(item) && !had.contains(items.name(item)))
        .collect();
    expected.sort_by(|a, b| scores[b.index()].total_cmp(&scores[a.index()]).then(a.cmp(b)));
    expected.truncate(count as usize);
    assert_eq!(answer.items.len(), expected.len());
    let largest = scores
        .iter()
        .fold(0.0f32, |largest, score| largest.max(score.abs()));
    for (answered, expected) in answer.items.iter().zip(expected) {
        let row = items.find(&answered.item_id).unwrap();
        let [own, wanted] = [row, expected].map(|item| scores[item.index()]);
        assert!(
            (answered.score - own).abs() <= 1e-5 * largest,
            "{who:?}: {} is {} by the dense account",
            answered.score,
            own
        );
        // Scores that differ by rounding alone may change places.
        assert!((own - wanted).abs() <= 1e-5 * largest, "{who:?}: {own} {wanted}");
    }
}

#[test]
fn the_best_of_a_search_are_the_best_of_all_scores() {
    let parts = parts();
    let Fixture { engine, .. } = &fixture(&parts, RawServeConfig::default());
    for customer in 1..shop::SMALL.customers {
        compare(engine, &parts, (Some(customer), None), 10);
    }
    for customer in [1, 2, 3, 50] {
        for item in [0, 7, 31] {
            compare(engine, &parts, (Some(customer), Some(item)), 100);
        }
    }
}

#[test]
fn a_visit_alone_is_followed_by_everybodys_tail_to_its_end() {
    let parts = parts();
    let Fixture { engine, .. } = &fixture(&parts, RawServeConfig::default());
    for item in 0..shop::SMALL.items {
        for count in [1, 20, 100] {
            compare(engine, &parts, (None, Some(item)), count);
        }
    }
}
