use crate::history::Csr;
use crate::id::{CustomerIdx, IdTable, ItemIdx, Row};
use crate::log::EventKind::{Purchase, View};
use crate::progress::Silent;
use crate::time::Calendar;

use super::*;
use crate::log::BasketRow;
use crate::recommend::buy_again::testing::{histories, start};

const ITEMS: u32 = 60;

/// A repeatable number below `n`.
fn draw(a: u32, b: u32, n: u32) -> u32 {
    let mixed = u64::from(a.wrapping_mul(7919) ^ b.wrapping_mul(104_729)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 33) as u32 % n
}

/// Customers of two tastes, each with a favourite that is nearly always bought again; `i + 1` follows `i` of the first taste.
fn rows(rename: impl Fn(u32) -> String) -> Vec<BasketRow> {
    let mut rows = Vec::new();
    for customer in 0..300u32 {
        let taste = customer % 2 * (ITEMS / 2);
        let favourite = taste + draw(customer, 1, ITEMS / 2);
        for basket in 0..3 + draw(customer, 2, 5) {
            let mut items = vec![rename(taste + draw(customer, 10 + basket, ITEMS / 2))];
            if draw(customer, 50 + basket, 10) < 9 {
                items.push(rename(favourite));
            }
            rows.push(BasketRow {
                user_id: format!("u{customer}"),
                basket_idx: u64::from(basket),
                items,
            });
        }
    }
    rows
}

fn read(rows: &[BasketRow]) -> (Sequences, IdTable<ItemIdx>) {
    let (mut users, mut items) = (IdTable::<CustomerIdx>::default(), IdTable::default());
    (Sequences::from_rows(rows, &mut users, &mut items).unwrap(), items)
}

fn fitted(sequences: &Sequences) -> (NextBasket, NextBasketReport) {
    let params = NextBasketParams::try_from(RawNextBasketParams::default()).unwrap();
    NextBasket::fit(sequences, &params, &Silent).unwrap()
}

#[test]
fn the_favourite_comes_first_and_then_the_taste() {
    let (sequences, items) = read(&rows(|item| item.to_string()));
    let (rest, last) = sequences.without_last();
    let (model, report) = fitted(&rest);
    assert_eq!(
        report.customers, 300,
        "everybody has two baskets without the last"
    );
    let (mut first, mut of_taste, mut listed) = (0, 0, 0);
    for (customer, (sequence, truth)) in (0u32..).zip(rest.of.iter().zip(&last)) {
        let next = model.next(sequence, 10);
        first += usize::from(truth.contains(&next[0].item));
        for scored in &next {
            let name: u32 = items.name(scored.item).parse().unwrap();
            of_taste += usize::from((name >= ITEMS / 2) == (customer % 2 == 1));
            listed += 1;
            let parts = scored.base + scored.own + scored.links + scored.popular;
            assert!((parts - scored.score).abs() < 1e-9 && scored.score.is_finite());
        }
    }
    assert!(first > 240, "{first} of 300");
    assert!(of_taste * 100 > listed * 95, "{of_taste} of {listed}");
}

#[test]
fn rows_are_only_names() {
    let plain = rows(|item| item.to_string());
    let (sequences, items) = read(&plain);
    let mut turned = plain;
    turned.reverse();
    let (other, other_items) = read(&turned);
    let (a, b) = (fitted(&sequences).0, fitted(&other).0);
    let customers = sequences.of.len();
    for customer in [0, 7, 299] {
        // The customers come the other way round.
        let (of_a, of_b) = (&sequences.of[customer], &other.of[customers - 1 - customer]);
        let scores = |model: &NextBasket, sequence: &Sequence, items: &IdTable<ItemIdx>| {
            let mut scores: Vec<(String, f64)> = model
                .next(sequence, 1000)
                .iter()
                .map(|scored| (items.name(scored.item).to_owned(), scored.score))
                .collect();
            scores.sort_by(|a, b| a.0.cmp(&b.0));
            scores
        };
        let (x, y) = (scores(&a, of_a, &items), scores(&b, of_b, &other_items));
        assert_eq!(x.len(), ITEMS as usize);
        for (x, y) in x.iter().zip(&y) {
            assert!(x.0 == y.0 && (x.1 - y.1).abs() < 1e-3, "{x:?} {y:?}");
        }
    }
}

#[test]
fn strangers_and_unknown_items_are_answered() {
    let (sequences, _) = read(&rows(|item| item.to_string()));
    let model = fitted(&sequences).0;
    assert_eq!(model.next(&[], 5).len(), 5);
    let known = vec![vec![ItemIdx::from_u32(3)]];
    let with_unknown = vec![vec![ItemIdx::from_u32(3), ItemIdx::from_u32(5000)]];
    assert_eq!(model.next(&with_unknown, 5), model.next(&known, 5));
}

#[test]
fn histories_give_baskets_in_order_and_a_lone_basket_teaches_nothing() {
    let told = histories([
        (0, 1, Purchase, 0.0, 1.0),
        (0, 0, Purchase, 0.1, 1.0),
        (0, 1, Purchase, 0.2, 1.0),
        (0, 2, View, 3.0, 1.0),
        (0, 1, Purchase, 4.0, 1.0),
        (1, 2, Purchase, 9.0, 1.0),
    ]);
    let utc = Calendar::new("UTC").unwrap();
    let sequences = Sequences::from_histories(&told, &utc, start().plus_days(5.0));
    let item = ItemIdx::from_u32;
    assert_eq!(
        sequences.of,
        [vec![vec![item(0), item(1)], vec![item(0)]], Vec::new()]
    );
    let (rest, last) = sequences.without_last();
    assert_eq!((rest.of[0].len(), &last[0]), (1, &vec![item(0)]));
    let lone = Sequences {
        of: vec![vec![vec![item(0), item(1)]], vec![vec![item(1), item(2)]]],
        n_items: 3,
    };
    let params = NextBasketParams::try_from(RawNextBasketParams::default()).unwrap();
    let error = NextBasket::fit(&lone, &params, &Silent).unwrap_err();
    assert!(
        matches!(error, NextBasketError::NothingToLearn { asked: 0, .. }),
        "{error}"
    );
}

#[test]
fn arrays_come_back_as_the_model_and_bad_ones_are_named() {
    let (sequences, _) = read(&rows(|item| item.to_string()));
    let model = fitted(&sequences).0;
    let (arrays, facts) = model.stored();
    let facts: NextBasketFacts = serde_json::from_str(&serde_json::to_string(&facts).unwrap()).unwrap();
    let back = NextBasket::from_stored(arrays, &facts).unwrap();
    assert_eq!(back.next(&sequences.of[4], 30), model.next(&sequences.of[4], 30));
    type Change = fn(&mut NextBasketArrays, &mut NextBasketFacts);
    let changes: [(&str, Change); 8] = [
        ("numbers has 179", |a, _| a.numbers.truncate(179)),
        ("numbers holds NaN in row 2", |a, _| a.numbers[7] = f32::NAN),
        ("successors has 1", |a, _| {
            a.successors = Csr::from_rows(&[Vec::<(ItemIdx, f32)>::new()], 60)
        }),
        ("ridge has 3", |a, _| {
            a.ridge = Csr::from_rows(&vec![Vec::<(ItemIdx, f32)>::new(); 60], 3)
        }),
        ("features holds 0 in row 0", |_, f| f.features[0] = "other".into()),
        ("means has 1", |_, f| f.means.truncate(1)),
        ("decay holds 2", |_, f| f.decay = 2.0),
        ("candidates holds 0", |_, f| f.candidates = 0),
    ];
    for (named, change) in changes {
        let (mut arrays, mut facts) = model.stored();
        change(&mut arrays, &mut facts);
        let message = NextBasket::from_stored(arrays, &facts).unwrap_err().to_string();
        assert!(message.contains(named), "{named}: {message}");
    }
}

#[test]
fn bad_parameters_name_their_key() {
    for text in [
        "decay = 0.0",
        "saturation = 1.5",
        "candidates = 1",
        "successors = 0",
        "l2 = nan",
        "examples = 1",
    ] {
        let key = text.split(' ').next().unwrap();
        let raw: RawNextBasketParams = toml::from_str(text).unwrap();
        let message = NextBasketParams::try_from(raw).unwrap_err().to_string();
        assert!(
            message.starts_with(&format!("recommend.next_basket.{key} = ")),
            "{message}"
        );
    }
    let raw: RawNextBasketParams = toml::from_str("[ridge]\nl2 = -1.0").unwrap();
    assert!(NextBasketParams::try_from(raw).is_err());
    assert!(toml::from_str::<RawNextBasketParams>("neighbors = 3").is_err());
}
