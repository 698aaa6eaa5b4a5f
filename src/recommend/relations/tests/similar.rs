//! Alternatives by hand, and neighbours by content.

use super::*;

#[test]
fn what_is_looked_at_together_and_bought_alone_is_an_alternative() {
    let mut lines = Vec::new();
    // Visits: 0 and 1 side by side, one of them bought with 2; and others who look at 3 and 4.
    for visit in 0..40u32 {
        let at = f64::from(visit);
        let mut add = |item, kind, order| lines.push((visit, item, kind, at, order, Some(visit)));
        if visit % 2 == 0 {
            let chosen = visit / 2 % 2;
            (0..3).for_each(|item| add(item, EventKind::View, None));
            [chosen, 2]
                .into_iter()
                .for_each(|item| add(item, EventKind::Purchase, Some(visit)));
        } else {
            (3..5).for_each(|item| add(item, EventKind::View, None));
            add(5, EventKind::Purchase, Some(visit));
        }
    }
    let similar = RawSimilarParams {
        least_choices: 20,
        ..RawSimilarParams::default()
    };
    let cross_sell = RawCrossSellParams {
        least_llr: 3.0,
        view_discount: 0.0,
        ..RawCrossSellParams::default()
    };
    let model = fit(&lines, &no_catalog(), 6, 99.0, cross_sell, similar.clone());
    assert_eq!(model.similar.basis(), Basis::Views);
    // 20 visits, always exactly one bought: (20 + 1) / (20 + 2).
    let (others, probability) = model.cross_sell.substitutes().row(0);
    assert_eq!(others, [1]);
    assert!((probability[0] - 21.0 / 22.0).abs() < 1e-6);
    assert_eq!(model.similar.rank(&[row(0)], 1, |_| true)[0].0, row(1));
    let meetings = model.similar.meetings(row(0), row(1)).unwrap();
    assert_eq!((meetings.visits, meetings.customers), (20, 0));
    // One visit with a choice fewer than asked for, and the orders decide.
    let similar = RawSimilarParams {
        least_choices: 21,
        ..similar
    };
    let model = fit(
        &lines,
        &no_catalog(),
        6,
        99.0,
        RawCrossSellParams::default(),
        similar,
    );
    assert_eq!(model.similar.basis(), Basis::Orders);
}

#[test]
fn several_page_items_add_up() {
    let mut lines = Vec::new();
    for customer in 0..9u32 {
        for item in 0..4u32 {
            let order = customer * 4 + item;
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
    let model = fit(
        &lines,
        &no_catalog(),
        4,
        99.0,
        RawCrossSellParams::default(),
        RawSimilarParams::default(),
    )
    .similar;
    let page = [row(1), row(0)];
    let mut scores = [0.0; 4];
    model.score(&page, &mut scores);
    assert_eq!([scores[0].to_bits(), scores[1].to_bits()], [0, 0]);
    // Each pair: 4 · 3 / 12 a customer … every customer has both once, in different of 4 orders: 1/3 each, 3 in all.
    // like = 3 / (3 + 5) · 3 / 9, times sub = (3 + 1) / (3 + 2).
    let like = 3.0 / 8.0 * (3.0 / 9.0) * 0.8;
    assert!((scores[2] - 2.0 * like).abs() < 1e-5, "{scores:?} {like}");
    let explained = &model.explain(&page, &[row(2), row(0)]);
    assert_eq!(
        explained[0]
            .parts
            .iter()
            .map(|part| part.item)
            .collect::<Vec<_>>(),
        [row(0), row(1)]
    );
    assert!((explained[0].parts.iter().map(|part| part.part).sum::<f32>() - scores[2]).abs() < 1e-6);
    assert!(explained[1].parts.iter().all(|part| part.part.to_bits() == 0));
    let mut arrays = model.to_arrays();
    arrays.visits.to_mut().pop();
    assert_eq!(
        Similar::from_arrays(arrays).unwrap_err().to_string(),
        "similar.visits has 11 numbers, it must have 12"
    );
}

fn shelf() -> Catalog {
    Catalog::new(vec![
        item("kitchen/pans", 10.0, 5.0),
        item("kitchen/pans", 11.0, 5.0),
        item("kitchen/pans", 30.0, 5.0),
        item("kitchen/pots", 10.0, 5.0),
        item("garden", 10.0, 5.0),
        Item {
            category: Some("kitchen/pans/".into()),
            ..Item::default()
        },
        Item::default(),
    ])
}

#[test]
fn neighbours_by_content_are_near_in_category_then_in_price() {
    let rules = ContentRules {
        neighbours: 3,
        price_tolerance: 0.5,
    };
    let known = [true, true, true, true, true, false, true];
    let found = ContentNeighbours::find(&shelf(), &known, rules);
    let (neighbours, nearness) = found.nearness().row(0);
    assert_eq!(neighbours, [1, 2, 3]);
    assert!((nearness[0] - (-(1.1f32.ln()) / 0.5).exp()).abs() < 1e-6);
    assert!(
        (nearness[2] - 0.5).abs() < 1e-6,
        "one of two levels, the same price"
    );
    // Without a price every distance is the tolerance; without a category there is no neighbour; who is not known is none.
    assert_eq!(found.nearness().row(5).0.len(), 3);
    assert!(
        found
            .nearness()
            .row(5)
            .1
            .iter()
            .all(|&near| near <= (-1.0f32).exp() + 1e-6)
    );
    assert!(found.nearness().row(6).0.is_empty() && found.nearness().row(4).0.is_empty());
    let one = ContentNeighbours::find(
        &shelf(),
        &known,
        ContentRules {
            neighbours: 1,
            ..rules
        },
    );
    assert_eq!(one.nearness().row(2).0, [1], "the nearest below");
}

#[test]
fn a_new_arrival_has_alternatives_by_category_and_price() {
    let lines = orders(&[&[0], &[1], &[2], &[3]]);
    let model = fit(
        &lines,
        &shelf(),
        7,
        99.0,
        RawCrossSellParams::default(),
        RawSimilarParams::default(),
    )
    .similar;
    // Item 5 has no events and no price.
    let listed: Vec<u32> = model
        .rank(&[row(5)], 9, |_| true)
        .iter()
        .map(|best| best.0.as_u32())
        .collect();
    assert_eq!(listed, [0, 1, 2, 3]);
    let listed = model.rank(&[row(0)], 9, |_| true);
    assert_eq!(listed[0].0, row(1));
    assert!(
        listed.iter().all(|best| best.0 != row(5)),
        "nobody has looked at it yet"
    );
}
