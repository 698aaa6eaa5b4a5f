//! Cross-sell by hand.

use proptest::prelude::*;

use super::*;

/// No decay, no damping, nothing needed to be a partner but to be one.
fn plain() -> RawCrossSellParams {
    RawCrossSellParams {
        half_life_days: 0.0,
        size_exponent: 1.0,
        popularity_exponent: 0.0,
        prior_weight: 1.0,
        category_prior_weight: 1.0,
        least_llr: 0.0,
        ..RawCrossSellParams::default()
    }
}

const LINES: [&[u32]; 8] = [
    &[0, 1],
    &[0, 1],
    &[0, 1, 2],
    &[3, 4],
    &[3, 4],
    &[2, 3],
    &[5],
    &[5],
];

#[test]
fn scores_are_those_of_the_formula() {
    let model = fit(
        &orders(&LINES),
        &no_catalog(),
        6,
        99.0,
        plain(),
        RawSimilarParams::default(),
    )
    .cross_sell;
    // Baskets weigh 1, 1, 1/2, 1, 1, 1: W_01 = 2.5, W_0 = 3; everybody's weight is 3 + 3 + 2 + 3 + 2 = 13.
    let mut scores = [0.0; 6];
    model.score(&[row(0)], &mut scores);
    let everybody = |weight: f32| 1.0 / 4.0 * weight / 13.0;
    assert!(
        (scores[1] - (2.5 / 4.0 + everybody(3.0))).abs() < 1e-6,
        "{scores:?}"
    );
    // Items 0 and 2 meet once in 8 baskets, where 3 · 2 / 8 were expected: a lift of 4/3.
    assert!((scores[2] - (0.5 / 4.0 + everybody(2.0))).abs() < 1e-6);
    assert!((scores[3] - everybody(3.0)).abs() < 1e-6 && (scores[4] - everybody(2.0)).abs() < 1e-6);
    assert_eq!([scores[0].to_bits(), scores[5].to_bits()], [0, 0]);
    let support = model.support(row(0), row(2)).unwrap();
    assert!(support.baskets == 1 && (support.lift - 4.0 / 3.0).abs() < 1e-12);
    assert_eq!(model.support(row(0), row(3)), None);
    assert_eq!(
        model
            .rank(&[row(0)], 9, |_| true)
            .iter()
            .map(|best| best.0.as_u32())
            .collect::<Vec<_>>(),
        [1, 2, 3, 4]
    );
    assert_eq!(model.rank(&[row(0)], 1, |item| item != row(1))[0].0, row(2));
}

#[test]
fn chance_is_no_partner_and_large_baskets_say_nothing() {
    let gated = RawCrossSellParams {
        least_llr: 10.83,
        ..plain()
    };
    let model = fit(
        &orders(&LINES),
        &no_catalog(),
        6,
        99.0,
        gated,
        RawSimilarParams::default(),
    )
    .cross_sell;
    assert_eq!(model.partners().n_entries(), 0);
    let small = RawCrossSellParams {
        largest_basket: 2,
        ..plain()
    };
    let model = fit(
        &orders(&LINES),
        &no_catalog(),
        6,
        99.0,
        small,
        RawSimilarParams::default(),
    )
    .cross_sell;
    assert_eq!(model.support(row(0), row(2)), None);
    assert_eq!(model.support(row(0), row(1)).unwrap().baskets, 2);
}

#[test]
fn an_old_basket_says_less() {
    let fading = RawCrossSellParams {
        half_life_days: 10.0,
        ..plain()
    };
    let lines = [
        (0, 0, EventKind::Purchase, 0.0, Some(0), None),
        (0, 1, EventKind::Purchase, 0.0, Some(0), None),
        (1, 0, EventKind::Purchase, 10.0, Some(1), None),
        (1, 2, EventKind::Purchase, 10.0, Some(1), None),
        (2, 3, EventKind::Purchase, 10.0, Some(2), None),
        (3, 3, EventKind::Purchase, 10.0, Some(3), None),
    ];
    let model = fit(
        &lines,
        &no_catalog(),
        4,
        20.0,
        fading,
        RawSimilarParams::default(),
    )
    .cross_sell;
    let (partners, values) = model.partners().row(0);
    assert_eq!(partners, [1, 2]);
    // 1/4 and 1/2 of 3/4, plus the prior's 1.
    assert!(
        (values[0] - 0.25 / 1.75).abs() < 1e-6 && (values[1] - 0.5 / 1.75).abs() < 1e-6,
        "{values:?}"
    );
}

#[test]
fn an_item_without_baskets_lets_its_category_speak_but_not_for_itself() {
    let catalog = Catalog::new(
        ["phones", "cases", "phones", "cases", "books", "books", "phones"]
            .map(|category| item(category, 10.0, 5.0))
            .to_vec(),
    );
    let baskets: Vec<&[u32]> = [
        vec![&[0u32, 1][..]; 6],
        vec![&[2, 3][..]; 6],
        vec![&[4, 5][..]; 6],
    ]
    .concat();
    let model = fit(
        &orders(&baskets),
        &catalog,
        7,
        99.0,
        plain(),
        RawSimilarParams::default(),
    )
    .cross_sell;
    // Item 6 is a phone that nobody bought: cases come first, books for everybody, phones not at all.
    let ranked = model.rank(&[row(6)], 9, |_| true);
    assert_eq!(
        ranked.iter().map(|best| best.0.as_u32()).collect::<Vec<_>>(),
        [1, 3, 4, 5]
    );
    let explained = &model.explain(&[row(6)], &[row(1), row(4), row(0)]);
    assert!(explained[0].parts[0].part > 0.0 && explained[1].parts[0].part.to_bits() == 0);
    assert!(explained[1].everybody > 0.0 && explained[2].everybody.to_bits() == 0);
}

#[test]
fn what_lies_in_the_cart_and_its_substitutes_never_come_back() {
    // Everybody buys 0 in one order and 1 in another, with 2 in both.
    let mut lines = Vec::new();
    for customer in 0..30u32 {
        for (at, items) in [(0, [0, 2]), (1, [1, 2]), (2, [3, 4])] {
            let order = customer * 3 + at;
            lines.extend(items.map(|item| {
                (
                    customer,
                    item,
                    EventKind::Purchase,
                    f64::from(order),
                    Some(order),
                    None,
                )
            }));
        }
    }
    let model = fit(
        &lines,
        &no_catalog(),
        5,
        999.0,
        plain(),
        RawSimilarParams::default(),
    );
    assert_eq!(model.similar.basis(), Basis::Orders);
    assert_eq!(model.cross_sell.substitutes().row(0).0, [1, 3, 4]);
    let listed: Vec<u32> = model
        .cross_sell
        .rank(&[row(0)], 9, |_| true)
        .iter()
        .map(|best| best.0.as_u32())
        .collect();
    assert_eq!(listed, [2]);
    assert!(model.cross_sell.rank(&[row(0), row(2)], 9, |_| true).is_empty());
    assert_eq!(model.similar.rank(&[row(0)], 1, |_| true)[0].0, row(1));
}

proptest! {
    #[test]
    fn parts_sum_to_scores_ids_may_be_permuted_and_arrays_come_back(
        baskets in prop::collection::vec(prop::collection::btree_set(0u32..8, 1..4), 5..40),
        cart in prop::collection::vec(0u32..8, 1..4),
        shift in 0u32..8,
    ) {
        let categories = ["a/x", "a/y", "b", ""];
        let catalog = |shift: u32| Catalog::new(
            (0..8u32).map(|at| {
                let of = (at + 8 - shift) % 8;
                item(categories[of as usize % 4], 1.0 + f64::from(of), 0.5)
            }).collect(),
        );
        let params = RawCrossSellParams { least_llr: 1.0, ..RawCrossSellParams::default() };
        let fit_shifted = |shift: u32| {
            let shifted: Vec<Vec<u32>> = baskets.iter().map(|b| b.iter().map(|i| (i + shift) % 8).collect()).collect();
            let slices: Vec<&[u32]> = shifted.iter().map(Vec::as_slice).collect();
            fit(&orders(&slices), &catalog(shift), 8, 99.0, params.clone(), RawSimilarParams::default())
        };
        let model = fit_shifted(0);
        let cart: Vec<ItemIdx> = cart.into_iter().map(row).collect();
        let mut scores = [0.0; 8];
        model.cross_sell.score(&cart, &mut scores);
        let all: Vec<ItemIdx> = (0..8).map(row).collect();
        for (explained, score) in model.cross_sell.explain(&cart, &all).iter().zip(scores) {
            let sum = explained.parts.iter().map(|part| part.part).sum::<f32>() + explained.everybody;
            prop_assert!((sum - score).abs() <= 1e-5 * score.max(1.0), "{sum} {score}");
        }
        for item in &cart {
            prop_assert_eq!(scores[item.index()].to_bits(), 0);
        }
        let other = fit_shifted(shift);
        let moved: Vec<ItemIdx> = cart.iter().map(|item| row((item.as_u32() + shift) % 8)).collect();
        let mut shifted = [0.0; 8];
        other.cross_sell.score(&moved, &mut shifted);
        for at in 0..8 {
            prop_assert!((scores[at] - shifted[(at + shift as usize) % 8]).abs() < 1e-5);
        }
        let arrays = model.cross_sell.to_arrays();
        prop_assert_eq!(&CrossSell::from_arrays(arrays).unwrap(), &model.cross_sell);
        let arrays = model.similar.to_arrays();
        prop_assert_eq!(&Similar::from_arrays(arrays).unwrap(), &model.similar);
    }
}

#[test]
fn arrays_that_do_not_fit_are_named() {
    let model = fit(
        &orders(&LINES),
        &no_catalog(),
        6,
        99.0,
        plain(),
        RawSimilarParams::default(),
    )
    .cross_sell;
    let refused = |change: fn(&mut CrossSellArrays)| {
        let mut arrays = model.to_arrays();
        change(&mut arrays);
        CrossSell::from_arrays(arrays).unwrap_err().to_string()
    };
    assert_eq!(
        refused(|arrays| arrays.counts.push(1)),
        "cross_sell.counts has 11 numbers, it must have 10"
    );
    assert_eq!(
        refused(|arrays| arrays.leaves[2] = 0),
        "cross_sell.leaves[2] = 0 is not allowed"
    );
    assert_eq!(
        refused(|arrays| arrays.everybody[1] = f32::NAN),
        "cross_sell.everybody[1] = NaN is not allowed"
    );
    assert_eq!(
        refused(|arrays| arrays.partners.columns.to_mut()[0] = 9),
        "cross_sell.partners is no sparse matrix"
    );
    assert_eq!(
        refused(|arrays| arrays.substitutes.offsets.push(0)),
        "cross_sell.substitutes has 8 numbers, it must have 7"
    );
    assert_eq!(
        refused(|arrays| arrays.partners.offsets[1] = u64::MAX),
        "cross_sell.partners is no sparse matrix"
    );
}
