use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::id::Row;

fn item(row: u32) -> ItemIdx {
    ItemIdx::from_u32(row)
}

fn items(rows: &[u32]) -> Vec<ItemIdx> {
    rows.iter().copied().map(item).collect()
}

fn params(change: impl FnOnce(&mut RawSessionParams)) -> SessionParams {
    let mut raw = RawSessionParams {
        knn: plain(),
        longest_quantile: 1.0,
        ..RawSessionParams::default()
    };
    change(&mut raw);
    raw.try_into().unwrap()
}

/// VMIS-kNN without any damping.
fn plain() -> RawKnnParams {
    RawKnnParams {
        last_items: 5,
        ..RawKnnParams::default().plain()
    }
}

/// Sessions in the order of time.
fn training(sessions: &[Vec<u32>], n_items: usize, params: &SessionParams) -> Training {
    let session = |(end, rows): (i64, &Vec<u32>)| Session {
        items: items(rows),
        end,
    };
    Training::new((0..).zip(sessions).map(session).collect(), n_items, params)
}

/// VMIS-kNN word for word: every session looked at, everything sorted, nothing clever.
fn reference(
    sessions: &[Vec<u32>],
    clicks: &[u32],
    n_items: usize,
    params: &RawKnnParams,
) -> Vec<(u32, f32)> {
    let taught: Vec<Vec<u32>> = sessions
        .iter()
        .map(|clicks| {
            let mut seen = BTreeSet::new();
            let mut items: Vec<u32> = clicks
                .iter()
                .rev()
                .copied()
                .filter(|item| seen.insert(*item))
                .collect();
            items.reverse();
            items
        })
        .filter(|items| items.len() > 1)
        .collect();
    let entries: usize = taught.iter().map(Vec::len).sum();
    let last = &clicks[clicks.len().saturating_sub(params.last_items)..];
    // Position from the end of the newest click on each item.
    let mut positions = BTreeMap::new();
    for (back, &item) in last.iter().rev().enumerate() {
        positions.entry(item).or_insert(back + 1);
    }
    let known = |item: &u32| (*item as usize) < n_items;
    let mut newest_clicks: Vec<(usize, u32)> = positions.iter().map(|(&item, &at)| (at, item)).collect();
    newest_clicks.sort_unstable();
    let mut compared: Vec<(usize, f32, usize, u32)> = Vec::new();
    for (number, items) in taught.iter().enumerate().rev() {
        let shared: Vec<_> = newest_clicks
            .iter()
            .filter(|(_, item)| known(item) && items.contains(item))
            .collect();
        if let Some((nearest, item)) = shared.first() {
            let decay = |at: usize| (last.len() + 1 - at) as f32 / positions.len() as f32;
            let similarity = shared.iter().fold(0.0f32, |sum, (at, _)| sum + decay(*at));
            compared.push((number, similarity, *nearest, *item));
        }
    }
    compared.truncate(params.recent_sessions);
    compared.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap().then(b.0.cmp(&a.0)));
    compared.truncate(params.neighbours);
    compared.sort_by_key(|neighbour| std::cmp::Reverse(neighbour.0));
    let mut scores = vec![0.0f32; n_items];
    for (number, similarity, nearest, shared) in compared {
        let items = &taught[number];
        let linear = (1.0 - 0.1 * nearest as f32).max(0.0);
        let mut vote = linear;
        if params.length_exponent > 0.0 {
            vote *= (items.len() as f32).powf(-params.length_exponent as f32);
        }
        if params.half_life_sessions > 0.0 {
            vote *= (-((taught.len() - 1 - number) as f64) / params.half_life_sessions).exp2() as f32;
        }
        let from = items.iter().position(|&item| item == shared).unwrap();
        for (at, &item) in items.iter().enumerate() {
            let far = (at.abs_diff(from) as f64).powf(-params.distance_exponent);
            let count = match at.cmp(&from) {
                std::cmp::Ordering::Less => (params.backward_weight * far) as f32,
                std::cmp::Ordering::Equal => 1.0,
                std::cmp::Ordering::Greater => far as f32,
            };
            scores[item as usize] += similarity * vote * count;
        }
    }
    let idf = |item: u32| {
        let sessions = taught.iter().filter(|items| items.contains(&item)).count();
        (entries as f64 / sessions as f64).ln().powf(params.idf_exponent) as f32
    };
    let mut ranked: Vec<(u32, f32)> = (0u32..)
        .zip(scores)
        .filter(|&(item, score)| score > 0.0 && Some(&item) != clicks.last())
        .map(|(item, score)| (item, score * idf(item)))
        .filter(|&(_, score)| score > 0.0)
        .collect();
    ranked.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap().then(a.0.cmp(&b.0)));
    ranked
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Few items, so that equal similarities and equal scores are the rule.
    #[test]
    fn vmis_is_its_definition_to_the_last_bit(
        sessions in prop::collection::vec(prop::collection::vec(0u32..12, 1..7), 1..60),
        clicks in prop::collection::vec(prop_oneof![9 => 0u32..12, 1 => Just(50u32)], 1..15),
        recent_sessions in 1usize..40,
        neighbours in 1usize..30,
        last_items in 1usize..14,
        shaped in any::<bool>(),
        n in 1usize..15,
    ) {
        let mut knn = RawKnnParams { recent_sessions, neighbours, last_items, ..plain() };
        if shaped {
            knn = RawKnnParams { length_exponent: 0.3, distance_exponent: 0.5, backward_weight: 0.7, half_life_sessions: 20.0, ..knn };
        }
        let params = params(|raw| raw.knn = knn.clone());
        let index = SessionIndex::fit(&training(&sessions, 12, &params), recent_sessions);
        let vmis = Vmis::new(index, &knn, CurrentItem::Masked);
        let mut expected = reference(&sessions, &clicks, 12, &knn);
        expected.truncate(n);
        let mut room = Room::default();
        for _ in 0..2 {
            let ranked: Vec<(u32, f32)> =
                vmis.rank(&items(&clicks), n, &mut room).iter().map(|&(item, score)| (item.as_u32(), score)).collect();
            prop_assert_eq!(&ranked, &expected);
        }
    }

    #[test]
    fn parts_sum_to_scores_and_numbers_of_items_mean_nothing(
        sessions in prop::collection::vec(prop::collection::vec(0u32..15, 2..7), 5..60),
        clicks in prop::collection::vec(prop_oneof![9 => 0u32..15, 1 => Just(50u32)], 1..25),
        turn in 0u32..15,
    ) {
        let params = params(|raw| {
            raw.knn.distance_exponent = 0.4;
            raw.links.second_order = 0.5;
            raw.weights.popularity = 0.01;
        });
        let model = Sessions::fit(&training(&sessions, 15, &params), &params);
        let mut room = Room::default();
        let clicks = items(&clicks);
        let ranked = model.rank(&clicks, 20, &mut room).to_vec();
        let asked: Vec<ItemIdx> = ranked.iter().map(|best| best.0).collect();
        for (explained, (_, score)) in model.explain(&clicks, &asked, &mut room).iter().zip(&ranked) {
            let sum = explained.parts.iter().map(|part| part.part).sum::<f32>() + explained.everybody;
            prop_assert!((sum - score).abs() < 1e-4 * score.abs().max(1.0), "{} {}", sum, score);
        }
        let alone = model.vmis().rank(&clicks, 20, &mut room).to_vec();
        let asked: Vec<ItemIdx> = alone.iter().map(|best| best.0).collect();
        for (explained, (_, score)) in model.vmis().explain(&clicks, &asked, &mut room).iter().zip(&alone) {
            let sum: f32 = explained.parts.iter().map(|part| part.part).sum();
            prop_assert!((sum - score).abs() < 1e-4 * score.abs().max(1.0), "{} {}", sum, score);
        }
        let moved = |item: u32| if item < 15 { (item + turn) % 15 } else { item };
        let turned: Vec<Vec<u32>> = sessions.iter().map(|s| s.iter().map(|&item| moved(item)).collect()).collect();
        let other = Sessions::fit(&training(&turned, 15, &params), &params);
        let turned_clicks: Vec<ItemIdx> = clicks.iter().map(|click| item(moved(click.as_u32()))).collect();
        let mut found: Vec<(u32, f32)> =
            other.rank(&turned_clicks, 20, &mut room).iter().map(|best| (best.0.as_u32(), best.1)).collect();
        let mut expected: Vec<(u32, f32)> = ranked.iter().map(|best| (moved(best.0.as_u32()), best.1)).collect();
        found.sort_unstable_by_key(|entry| entry.0);
        expected.sort_unstable_by_key(|entry| entry.0);
        prop_assert_eq!(found.len(), expected.len());
        for (a, b) in found.iter().zip(&expected) {
            prop_assert!(a.0 == b.0 && (a.1 - b.1).abs() < 1e-4, "{:?} {:?}", a, b);
        }
    }
}

#[test]
fn a_vote_counted_by_hand() {
    let sessions = [vec![0, 1, 2], vec![1, 3], vec![4, 4], vec![0, 4]];
    let params = params(|raw| raw.knn.idf_exponent = 2.0);
    let training = training(&sessions, 5, &params);
    // The session of one item teaches nothing.
    assert_eq!(training.len(), 3);
    let model = Sessions::fit(&training, &params);
    let mut room = Room::default();
    let ranked = model.vmis().rank(&items(&[0, 1]), 5, &mut room).to_vec();
    // δ of 1 is 2 / 2, of 0 it is 1 / 2. The first session has both: 1.5 at position 1; the second 1 at position 1; the
    // third 0.5 at position 2. Seven clicks in all.
    let idf = |n: f32| (7.0 / n).ln().powi(2);
    let expected = [
        (2, 0.9 * 1.5 * idf(1.0)),
        (3, 0.9 * idf(1.0)),
        (0, (0.9 * 1.5 + 0.8 * 0.5) * idf(2.0)),
        (4, 0.8 * 0.5 * idf(1.0)),
    ];
    let mut expected = expected.map(|(row, score): (u32, f32)| (item(row), score));
    expected.sort_by(|a, b| b.1.total_cmp(&a.1));
    assert_eq!(ranked.len(), 4);
    for (found, expected) in ranked.iter().zip(&expected) {
        assert!(
            found.0 == expected.0 && (found.1 - expected.1).abs() < 1e-5,
            "{found:?} {expected:?}"
        );
    }
}

#[test]
fn the_linear_weight_ends_at_zero() {
    let params = params(|raw| raw.knn.last_items = 20);
    let model = Sessions::fit(&training(&[vec![0, 1]], 30, &params), &params);
    let mut clicks: Vec<u32> = vec![0];
    clicks.extend(2..11);
    let mut room = Room::default();
    // At position 10 the weight is zero, at 11 it would be below.
    assert!(model.vmis().rank(&items(&clicks), 5, &mut room).is_empty());
    clicks.push(11);
    assert!(model.vmis().rank(&items(&clicks), 5, &mut room).is_empty());
    assert_eq!(model.vmis().rank(&items(&clicks[..9]), 5, &mut room).len(), 2);
}

#[test]
fn links_counted_by_hand() {
    let raw = RawLinkParams {
        neighbours: 2,
        distance_exponent: 1.0,
        backward_weight: 0.25,
        source_exponent: 1.0,
        target_exponent: 0.5,
        shrinkage: 1.0,
        second_order: 0.0,
        ..RawLinkParams::default()
    };
    let params = params(|own| own.links = raw.clone());
    let links = links::fit(&training(&[vec![0, 1, 2], vec![0, 1]], 4, &params), &raw);
    // Clicks: 0 and 1 twice, 2 once, each with one more.
    let damp = |from: f32, to: f32| 1.0 / from / to.sqrt();
    let near = |row: usize, expected: &[(u32, f32)]| {
        let (columns, values) = links.row(row);
        let found: Vec<u32> = columns.to_vec();
        assert_eq!(found, expected.iter().map(|entry| entry.0).collect::<Vec<_>>());
        for (value, (_, expected)) in values.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{value} {expected}");
        }
    };
    near(0, &[(1, 2.0 * damp(3.0, 3.0)), (2, 0.5 * damp(3.0, 2.0))]);
    near(1, &[(0, 0.5 * damp(3.0, 3.0)), (2, 1.0 * damp(3.0, 2.0))]);
    near(3, &[]);
}

#[test]
fn going_back_is_counted() {
    let params = params(|_| ());
    // After "0 1" sessions go back to 0 once of two times; after "0 1 2" there is nothing more.
    let shares = returns::fit(&training(&[vec![0, 1, 0], vec![0, 1, 2]], 3, &params));
    assert!(
        (shares[0]).abs() < f32::EPSILON,
        "nobody clicks the current item again"
    );
    // Asked: at the third click of both sessions the item before the current one.
    assert!((shares[1] - 0.5).abs() < f32::EPSILON);
}

#[test]
fn a_session_is_added_with_length_one() {
    let params = params(|_| ());
    let model = Sessions::fit(
        &training(&[vec![0, 1, 2], vec![1, 3], vec![0, 4]], 5, &params),
        &params,
    );
    let mut room = Room::default();
    let clicks = items(&[0, 1]);
    let mut scores = vec![1.0f32; 5];
    let factor = model.add_to(&mut scores, &clicks, 0.5, &mut room);
    let length = scores
        .iter()
        .map(|score| (score - 1.0).powi(2))
        .sum::<f32>()
        .sqrt();
    assert!((length - 0.5).abs() < 1e-5, "{length}");
    assert!(
        (scores[1] - 1.0).abs() < f32::EPSILON,
        "the current item is masked"
    );
    let asked = items(&[0, 2, 3, 4]);
    for (explained, &to) in model.explain(&clicks, &asked, &mut room).iter().zip(&asked) {
        let sum: f32 = explained.parts.iter().map(|part| part.part * factor).sum();
        assert!((scores[to.index()] - 1.0 - sum).abs() < 1e-5);
    }
    let factor = model.add_to(&mut scores, &items(&[77]), 0.5, &mut room);
    assert!(factor.abs() < f32::EPSILON, "an unknown item says nothing");
}

#[test]
fn popularity_fills_what_the_session_leaves_open() {
    let params = params(|_| ());
    let model = Sessions::fit(
        &training(&[vec![0, 1], vec![2, 3], vec![3, 4], vec![3, 2]], 6, &params),
        &params,
    );
    let mut room = Room::default();
    let ranked: Vec<u32> = model
        .rank(&items(&[0]), 9, &mut room)
        .iter()
        .map(|best| best.0.as_u32())
        .collect();
    assert_eq!(
        ranked,
        [1, 3, 2, 4],
        "the link, then the most popular; nobody ever clicked 5"
    );
    let ranked: Vec<u32> = model
        .rank(&[], 2, &mut room)
        .iter()
        .map(|best| best.0.as_u32())
        .collect();
    assert_eq!(ranked, [3, 2]);
}

#[test]
fn long_and_old_sessions_are_left_out() {
    let mut sessions: Vec<Vec<u32>> = (0..200).map(|at| vec![at % 7, 7 + at % 3]).collect();
    sessions.push((0..10).collect());
    let few = params(|raw| {
        raw.longest_quantile = 0.99;
        raw.newest_sessions = 50;
    });
    let kept = training(&sessions, 10, &few);
    assert_eq!(kept.len(), 50);
    assert_eq!(kept.session(49), [199 % 7, 7 + 199 % 3]);
    assert!(kept.sessions().all(|session| session.len() == 2));
}

#[test]
fn arrays_come_back_and_damaged_ones_are_named() {
    let params = params(|raw| raw.knn.recent_sessions = 3);
    let sessions: Vec<Vec<u32>> = (0..30u32).map(|at| vec![at % 5, (at + 1) % 7, at % 3]).collect();
    let model = Sessions::fit(&training(&sessions, 8, &params), &params);
    let arrays = model.to_arrays();
    assert_eq!(
        Sessions::from_arrays(arrays.clone(), &params).as_ref(),
        Ok(&model)
    );
    let broken = |change: fn(&mut SessionArrays)| {
        let mut arrays = arrays.clone();
        change(&mut arrays);
        let error = Sessions::from_arrays(arrays, &params).unwrap_err();
        format!(
            "{error} {}",
            std::error::Error::source(&error).map_or(String::new(), ToString::to_string)
        )
    };
    for (message, name) in [
        (
            broken(|a| a.index.postings.to_mut().swap(0, 1)),
            "\"postings\", row 0",
        ),
        (broken(|a| a.index.items.to_mut()[0] = 99), "\"items\", row 0"),
        (
            broken(|a| a.index.postings.to_mut()[2] -= 1),
            "\"postings\", row 0",
        ),
        (
            broken(|a| a.index.items.to_mut().copy_within(0..1, 1)),
            "\"items\", row 0",
        ),
        (broken(|a| a.index.counts[2] += 1), "\"counts\", row 2"),
        (
            broken(|a| a.index.session_offsets.to_mut()[1] = 1000),
            "\"session_offsets\"",
        ),
        (
            broken(|a| a.index.session_offsets.to_mut().clear()),
            "\"session_offsets\"",
        ),
        (
            broken(|a| a.index.posting_offsets.to_mut().truncate(3)),
            "\"posting_offsets\"",
        ),
        (broken(|a| a.link_values.to_mut()[0] = f32::NAN), "links"),
        (
            broken(|a| a.link_values.to_mut()[3] = -1.0),
            "\"link_values\", row 3",
        ),
        (broken(|a| a.link_offsets.truncate(2)), "\"link_offsets\""),
        (broken(|a| a.returns[4] = f32::INFINITY), "\"returns\", row 4"),
        (broken(|a| a.returns.truncate(1)), "\"returns\""),
    ] {
        assert!(message.contains(name), "{message} does not name {name}");
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let params = params(|raw| raw.links.second_order = 0.5);
    let sessions: Vec<Vec<u32>> = (0..300u32)
        .map(|at| vec![at % 17, at * at % 23, at % 29, at % 5])
        .collect();
    let fit_with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| Sessions::fit(&training(&sessions, 30, &params), &params).to_arrays())
    };
    assert_eq!(fit_with(1), fit_with(3));
}
