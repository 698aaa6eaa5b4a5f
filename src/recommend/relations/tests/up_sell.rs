//! Up-sell by hand.

use crate::history::History;

use super::*;

/// Six pans: 100, 115 with little margin, 120, 150, 170 (out of the band), and 125 of another kind.
fn pans() -> Catalog {
    Catalog::new(vec![
        item("pans", 100.0, 60.0),
        item("pans", 115.0, 80.0),
        item("pans", 120.0, 60.0),
        item("pans", 150.0, 60.0),
        item("pans", 170.0, 60.0),
        item("pots", 125.0, 60.0),
    ])
}

/// Visits in which item 0 and `other` are looked at, and every `nth` takes the dearer.
fn visits(other: u32, n: u32, nth: u32, first: u32) -> Vec<Line> {
    let lines = |visit: u32| {
        let chosen = if visit.is_multiple_of(nth) { other } else { 0 };
        let at = f64::from(visit) / 10.0;
        [
            (visit, 0, EventKind::View, at, None, Some(visit)),
            (visit, other, EventKind::View, at, None, Some(visit)),
            (
                visit,
                chosen,
                EventKind::Purchase,
                at + 0.001,
                Some(visit),
                Some(visit),
            ),
        ]
    };
    (first..first + n).flat_map(lines).collect()
}

fn model(lines: &[Line], params: RawUpSellParams) -> (Relations, UpSell) {
    let similar = RawSimilarParams {
        least_choices: 10,
        ..RawSimilarParams::default()
    };
    let relations = fit(lines, &pans(), 6, 999.0, RawCrossSellParams::default(), similar);
    let (histories, calendar) = (histories(lines, 6), utc());
    let shop = Shop {
        histories: &histories,
        catalog: &pans(),
        calendar: &calendar,
        now: day(999.0),
    };
    let up_sell = UpSell::fit(shop, &relations.similar, &params.try_into().unwrap());
    (relations, up_sell)
}

fn ask(
    relations: &Relations,
    up_sell: &UpSell,
    page: &[u32],
    history: Option<History<'_>>,
) -> Vec<BetterItem> {
    let (catalog, page) = (pans(), page.iter().copied().map(row).collect::<Vec<_>>());
    let question = UpSellQuestion {
        similar: &relations.similar,
        catalog: &catalog,
        levels: &PriceLevels::of(&catalog),
        page: &page,
        history,
    };
    up_sell.rank(question, 9, |_| true)
}

#[test]
fn the_band_and_the_margin_are_kept() {
    // Somebody looked at each of the others, too.
    let mut lines = visits(2, 40, 4, 0);
    lines.extend((1..6).map(|item| (99, item, EventKind::View, 9.0, None, Some(900 + item))));
    let (relations, up_sell) = model(&lines, RawUpSellParams::default());
    let found = ask(&relations, &up_sell, &[0], None);
    let mut items: Vec<u32> = found.iter().map(|better| better.item.as_u32()).collect();
    assert_eq!(items[0], 2, "the one that others compared");
    items.sort_unstable();
    // 115 earns 35 where 100 earns 40; 170 is 70 % more.
    assert_eq!(items, [2, 3]);
    for better in &found {
        let part = better.parts[0];
        assert!((1.1..=1.6).contains(&part.price_ratio) && part.page == row(0));
        assert!((better.score - part.likeness * part.acceptance).abs() < 1e-6);
    }
    let wide = RawUpSellParams {
        least_rise: 0.0,
        most_rise: 1.0,
        ..RawUpSellParams::default()
    };
    let (relations, up_sell) = model(&lines, wide);
    assert_eq!(ask(&relations, &up_sell, &[0], None).len(), 3);
    // For two page items 150 is better than both, and says what each adds.
    let both = ask(&relations, &up_sell, &[2, 0], None);
    let better = both.iter().find(|better| better.item == row(3)).unwrap();
    assert_eq!(
        better.parts.iter().map(|part| part.page).collect::<Vec<_>>(),
        [row(0), row(2)]
    );
    assert!((better.parts.iter().map(|part| part.part).sum::<f32>() - better.score).abs() < 1e-6);
}

#[test]
fn acceptance_is_the_smoothed_share_of_those_who_took_the_dearer() {
    let params = RawUpSellParams {
        prior_choices: 10.0,
        ..RawUpSellParams::default()
    };
    // ln 1.2 = 0.18 is in bin 1, ln 1.5 = 0.41 in bin 4: 40 choices with 10 taken, 20 with none.
    let mut lines = visits(2, 40, 4, 0);
    lines.extend(visits(3, 20, 1000, 2001));
    let (_, up_sell) = model(&lines, params.clone());
    let mean = 11.0 / 62.0;
    let bin = |taken: f64, choices: f64| (taken + 10.0 * mean) / (choices + 10.0);
    let close = |bin: usize, expected: f64| (f64::from(up_sell.curve()[bin]) - expected).abs() < 1e-6;
    assert!(
        close(1, bin(5.0, 20.0)) && close(4, bin(0.0, 10.0)) && close(9, mean),
        "{:?}",
        up_sell.curve()
    );
    assert!(
        (f64::from(up_sell.acceptance(0.15f64.exp())) - bin(5.0, 20.0)).abs() < 1e-6,
        "the middle of the bin"
    );
    let stored = UpSell::from_curve(up_sell.curve().to_vec(), params.clone().try_into().unwrap());
    assert_eq!(stored, Ok(up_sell));
    let refused = UpSell::from_curve(vec![0.5; 3], params.try_into().unwrap()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "up_sell.curve has 3 numbers, it must have 17"
    );
}

#[test]
fn without_views_the_later_basket_is_the_choice() {
    let mut lines = Vec::new();
    for customer in 0..12u32 {
        let (first, second) = if customer < 9 { (0, 2) } else { (2, 0) };
        for (at, item) in [(0, first), (1, second)] {
            let order = customer * 2 + at;
            lines.push((
                customer,
                item,
                EventKind::Purchase,
                f64::from(order),
                Some(order),
                None,
            ));
        }
    }
    let (relations, up_sell) = model(
        &lines,
        RawUpSellParams {
            prior_choices: 1e-6,
            ..RawUpSellParams::default()
        },
    );
    assert_eq!(relations.similar.basis(), Basis::Orders);
    assert!((up_sell.curve()[1] - 0.75).abs() < 1e-5);
}

#[test]
fn the_customers_price_level_moves_the_order() {
    let lines = [visits(2, 40, 2, 0), visits(3, 40, 2, 1000)].concat();
    let (relations, up_sell) = model(
        &lines,
        RawUpSellParams {
            price_tolerance: 0.5,
            ..RawUpSellParams::default()
        },
    );
    let of = |item: u32| -> Vec<Line> {
        (0..9u32)
            .map(|at| (0, item, EventKind::Purchase, f64::from(at), Some(at), None))
            .collect()
    };
    let first = |item: u32| {
        let histories = histories(&of(item), 6);
        let who = histories.customers().find("c0").unwrap();
        let found = ask(&relations, &up_sell, &[0], Some(histories.of(who)));
        assert!(found.iter().all(|better| better.fit > 0.0 && better.fit <= 1.0));
        found[0].item.as_u32()
    };
    // Who buys at 120 is shown 120, who buys at 170 is shown 150.
    assert_eq!((first(2), first(4)), (2, 3));
    let levels = PriceLevels::of(&pans());
    let level = levels.customer(histories(&of(4), 6).of(crate::id::CustomerIdx::from_u32(0)), 3.0);
    assert!((level.trust - 0.75).abs() < 1e-12);
    assert!((level.level - 0.75 * levels.level(row(4)).unwrap()).abs() < 1e-12);
    assert_eq!(levels.level(row(9)), None);
}
