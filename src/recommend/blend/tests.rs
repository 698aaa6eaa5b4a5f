use ndarray::Array2;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;
use crate::id::Row;
use crate::numeric::{Addends, dot};
use crate::progress::Silent;
use crate::recommend::RawIalsParams;
use crate::recommend::batch::profile;

const ITEMS: usize = 60;

/// Customers of three tastes; each buys mostly neighbours of her own taste on a ring of items.
fn matrix(customers: usize, seed: u64) -> Csr {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let rows: Vec<Profile> = (0..customers)
        .map(|customer| {
            let n = 4 + customer % 9;
            let centre = random.gen_range(0..ITEMS);
            let mut items: Vec<usize> = (0..n)
                .map(|_| (centre + random.gen_range(0..12)) % ITEMS)
                .collect();
            items.push(random.gen_range(0..ITEMS));
            items.sort_unstable();
            items.dedup();
            items
                .into_iter()
                .map(|item| (ItemIdx::from_u32(item as u32), 1.0))
                .collect()
        })
        .collect();
    Csr::from_rows(&rows, ITEMS)
}

/// Links of co-purchase, to items within `reach` steps on the ring.
fn links(name: &'static str, reach: usize, value: f32) -> ItemLinks {
    let rows: Vec<Profile> = (0..ITEMS)
        .map(|from| {
            let mut row: Profile = (1..=reach)
                .flat_map(|step| [(from + step) % ITEMS, (from + ITEMS - step) % ITEMS])
                .map(|to| {
                    (
                        ItemIdx::from_u32(to as u32),
                        value / (1.0 + (from.abs_diff(to) % 7) as f32),
                    )
                })
                .collect();
            row.sort_by_key(|entry| entry.0);
            row
        })
        .collect();
    ItemLinks::new(name, Csr::from_rows(&rows, ITEMS))
}

fn parts(matrix: &Csr) -> Parts {
    let raw = RawIalsParams {
        factors: 8,
        epochs: 3,
        ..RawIalsParams::default()
    };
    let directions = Array2::from_shape_fn((ITEMS, 4), |(item, k)| ((item * (k + 1)) as f32 / 9.0).sin());
    Parts {
        neighbours: Some(links("neighbours", 5, 2.0)),
        ridge: Some(links("ridge", 3, 0.3)),
        low_pass: LowRank::new("low-pass", directions, vec![1.0; ITEMS], vec![1.0, 0.5, 0.2, 0.1]).ok(),
        ials: Ials::fit(matrix, &raw.try_into().unwrap(), 1, &Silent).unwrap(),
        popularity: Popularity::of_matrix(matrix),
    }
}

fn chance(of_items: f64) -> Share {
    Share {
        of_items,
        together: 0.0,
    }
}

fn weights(terms: [(f64, f64); 4], ridge_share: f64) -> Weights {
    let [links, low_pass, ials, popularity] = terms.map(|(weight, length_exponent)| RawTerm {
        weight,
        length_exponent,
    });
    let raw = RawWeights {
        usual_length: 6.0,
        ridge_share,
        links,
        low_pass,
        ials,
        popularity,
    };
    raw.try_into().unwrap()
}

fn scores(model: &dyn Recommender, profile: &Profile) -> Vec<f32> {
    let mut scores = vec![0.0; model.n_items()];
    model.score(profile, &mut scores);
    scores
}

/// The formula at the head of the module, in `f64`.
fn by_definition(parts: &Parts, weights: &Weights, matrix: &Csr, profile: &Profile) -> Vec<f64> {
    let wide = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
    let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let share = weights.raw().ridge_share;
    let mut linked = vec![0.0; ITEMS];
    for (part, share) in [(&parts.neighbours, 1.0 - share), (&parts.ridge, share)] {
        let part = part.as_ref().unwrap();
        let usual: f64 = (0..matrix.n_rows())
            .map(|row| length(&wide(&scores(part, &super::super::batch::profile(matrix, row)))))
            .sum::<f64>()
            / matrix.n_rows() as f64;
        for (sum, score) in linked.iter_mut().zip(wide(&scores(part, profile))) {
            *sum += share * score / usual;
        }
    }
    let popular: Vec<f64> = {
        let scores = wide(parts.popularity.scores());
        let bought = scores.iter().filter(|score| **score > 0.0).count() as f64;
        let mean = scores.iter().sum::<f64>() / bought;
        scores.iter().map(|score| (1.0 + score / mean).ln()).collect()
    };
    let terms = [
        linked,
        wide(&scores(parts.low_pass.as_ref().unwrap(), profile)),
        wide(&scores(&parts.ials, profile)),
        popular,
    ];
    let mut sum = vec![0.0; ITEMS];
    for (term, weight) in terms.iter().zip(weights.at(profile.len())) {
        let length = length(term);
        for (sum, score) in sum.iter_mut().zip(term) {
            *sum += f64::from(weight) * score / length;
        }
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_way_to_a_score_follows_the_definition(
        w in prop::array::uniform4(0.05f64..1.0), e in prop::array::uniform4(-1.0f64..1.0), share in 0.1f64..0.9, row in 0usize..80,
    ) {
        let matrix = matrix(80, 3);
        let parts = parts(&matrix);
        let weights = weights([(w[0], e[0]), (w[1], e[1]), (w[2], e[2]), (w[3], e[3])], share);
        let asked = profile(&matrix, row);
        let expected = by_definition(&parts, &weights, &matrix, &asked);
        let blend = Blend::new(parts, weights, &matrix);
        let one = scores(&blend, &asked);
        let mut many = vec![0.0; ITEMS * 3];
        let first = row.min(77);
        blend.batch().score_rows(&matrix, first..first + 3, &mut many);
        let items: Vec<ItemIdx> = (0..ITEMS as u32).map(ItemIdx::from_u32).collect();
        let explained = blend.explain(&asked, &items);
        for item in 0..ITEMS {
            prop_assert!((f64::from(one[item]) - expected[item]).abs() < 1e-4, "{} {}", one[item], expected[item]);
            prop_assert!((many[(row - first) * ITEMS + item] - one[item]).abs() < 1e-5);
            let sum = explained[item].parts.iter().map(|c| c.part).sum::<f32>() + explained[item].everybody;
            prop_assert!((sum - one[item]).abs() < 1e-4, "{sum} {}", one[item]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Weights of zero leave terms out; a profile that the links do not know has no links' unit.
    #[test]
    fn a_composition_is_the_scores_uncomputed(
        w in prop::array::uniform4(prop_oneof![1 => Just(0.0f64), 3 => 0.05f64..1.0]),
        e in prop::array::uniform4(-1.0f64..1.0), share in 0.1f64..0.9, row in 0usize..80, parts_there in 0u8..4,
    ) {
        prop_assume!(w.iter().any(|&weight| weight > 0.0));
        let matrix = matrix(80, 3);
        let mut parts = parts(&matrix);
        if parts_there & 1 == 0 {
            (parts.neighbours, parts.ridge) = (None, None);
        }
        parts.low_pass = parts.low_pass.filter(|_| parts_there & 2 != 0);
        let blend = Blend::new(parts, weights([(w[0], e[0]), (w[1], e[1]), (w[2], e[2]), (w[3], e[3])], share), &matrix);
        let (mut room, mut links, mut factors) = (BlendRoom::default(), Addends::default(), vec![0.0; blend.width()]);
        // The second round finds what the first left.
        for row in [row, (row + 17) % 80] {
            let asked = profile(&matrix, row);
            let dense = scores(&blend, &asked);
            links.open(ITEMS);
            let composed = blend.compose(&asked, &mut room, &mut links);
            let largest = dense.iter().fold(0.0f32, |largest, score| largest.max(score.abs()));
            let items: Vec<ItemIdx> = (0..ITEMS as u32).map(ItemIdx::from_u32).collect();
            let explained = blend.explain_scaled(&asked, composed.scales, &items);
            for (item, explained) in items.into_iter().zip(explained) {
                blend.write_row(item, &mut factors);
                let at = item.index();
                let sum = dot(&factors, room.query()) + composed.popularity * blend.everybody()[at] + links.get(at);
                let near = |score: f32| (score - dense[at]).abs() <= 1e-5 * largest.max(1e-6);
                prop_assert!(near(composed.unit * sum), "{} {}", composed.unit * sum, dense[at]);
                let told = explained.parts.iter().map(|c| c.part).sum::<f32>() + explained.everybody;
                prop_assert!((told - dense[at]).abs() <= 1e-4 * largest.max(1e-6), "{told} {}", dense[at]);
            }
        }
    }
}

#[test]
fn a_profile_of_nothing_gets_what_everybody_buys() {
    let matrix = matrix(60, 1);
    let parts = parts(&matrix);
    let popular = parts
        .popularity
        .rank_all(&Csr::from_rows::<ItemIdx>(&[Vec::new()], ITEMS), None, 10);
    let blend = Blend::new(
        parts,
        weights([(1.0, 0.0), (1.0, 0.0), (1.0, 0.0), (0.1, 0.0)], 0.5),
        &matrix,
    );
    let ranked = blend.rank_all(&Csr::from_rows::<ItemIdx>(&[Vec::new()], ITEMS), None, 10);
    let items = |ranked: &[super::super::Ranking]| ranked[0].iter().map(|best| best.0).collect::<Vec<_>>();
    assert_eq!(items(&ranked), items(&popular));
}

#[test]
fn learned_weights_find_the_part_that_knows() {
    // Who buys around a centre: links along the ring know everything, the low-pass waves know nothing of it.
    let matrix = matrix(600, 5);
    let held = HeldOut::by_share(&matrix, chance(0.2), 400, 1);
    let mut parts = parts(&held.fitted);
    parts.ridge = None;
    parts.neighbours = Some(ItemLinks::new("neighbours", {
        let rows: Vec<Profile> = (0..ITEMS)
            .map(|from| {
                let mut row: Profile = (0..ITEMS)
                    .map(|to| {
                        let steps = from.abs_diff(to).min(ITEMS - from.abs_diff(to));
                        (
                            ItemIdx::from_u32(to as u32),
                            (12.0 - steps as f32).max(0.0) + 1e-3,
                        )
                    })
                    .collect();
                row.sort_by_key(|entry| entry.0);
                row
            })
            .collect();
        Csr::from_rows(&rows, ITEMS)
    }));
    let (learned, ndcg) = learn(&parts, &held, 10, 1e-3);
    let raw = learned.raw();
    assert!(raw.links.weight > 0.5 && raw.low_pass.weight < 0.2, "{raw:?}");
    let ndcg_of = |model: &dyn Recommender| {
        let ranked = model.rank_all(&held.profiles, Some(&held.masked), 10);
        let lists: Vec<_> = ranked
            .iter()
            .zip(&held.wanted)
            .filter_map(|(ranked, wanted)| {
                crate::measure::ranking::RankingMetrics::of(
                    ranked.iter().map(|best| best.0.as_u32()),
                    wanted,
                    wanted.len(),
                    10,
                )
            })
            .collect();
        crate::measure::ranking::RankingMetrics::mean(&lists).ndcg
    };
    let alone = [
        &parts.neighbours.clone().unwrap() as &dyn Recommender,
        &parts.ials.clone(),
    ]
    .map(ndcg_of);
    let blend = Blend::new(parts, learned, &held.fitted);
    let blended = ndcg_of(&blend);
    assert!((blended - ndcg).abs() < 2e-3, "searched {ndcg}, ranked {blended}");
    assert!(
        alone.iter().all(|alone| blended > alone - 1e-3),
        "{blended} {alone:?}"
    );
}

#[test]
fn low_pass_that_brings_nothing_is_left_out() {
    let matrix = matrix(600, 5);
    let held = HeldOut::by_share(&matrix, chance(0.2), 400, 1);
    let mut parts = parts(&held.fitted);
    let weight = |parts: &Parts| learn(parts, &held, 10, 1e-3).0.raw().low_pass.weight;
    // What says of all items the same moves nothing.
    parts.low_pass = LowRank::new(
        "low-pass",
        Array2::from_elem((ITEMS, 1), 1.0),
        vec![1.0; ITEMS],
        vec![1.0],
    )
    .ok();
    assert!(parts.low_pass.is_some() && weight(&parts).abs() < f64::EPSILON);
    // Waves along the ring, with nothing beside them but eight factors.
    let waves = Array2::from_shape_fn((ITEMS, 12), |(item, k)| {
        let turn = std::f32::consts::TAU * ((k / 2 + 1) * item) as f32 / ITEMS as f32;
        if k % 2 == 0 { turn.cos() } else { turn.sin() }
    });
    let transfer = (0..12).map(|k| 1.0 / (1.0 + (k / 2) as f32)).collect();
    parts.low_pass = LowRank::new("low-pass", waves, vec![1.0; ITEMS], transfer).ok();
    (parts.neighbours, parts.ridge) = (None, None);
    assert!(weight(&parts) > 0.1);
}

#[test]
fn threads_do_not_change_a_bit() {
    let matrix = matrix(300, 7);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let held = HeldOut::by_share(&matrix, chance(0.1), 200, 1);
            let parts = parts(&held.fitted);
            let (weights, ndcg) = learn(&parts, &held, 20, 1e-3);
            let blend = Blend::new(parts, weights.clone(), &held.fitted);
            (weights, ndcg.to_bits(), blend.rank_all(&matrix, Some(&matrix), 9))
        })
    };
    assert_eq!(run(1), run(4));
}

#[test]
fn with_nobody_to_judge_the_factors_answer_alone() {
    let matrix = Csr::from_rows(
        &[vec![(ItemIdx::from_u32(1), 1.0), (ItemIdx::from_u32(2), 1.0)]],
        ITEMS,
    );
    let held = HeldOut::by_share(&matrix, chance(0.1), 10, 1);
    assert_eq!(held.n_judged(), 0);
    assert_eq!(
        learn(&parts(&held.fitted), &held, 20, 1e-3).0,
        Weights::ials_alone()
    );
}
