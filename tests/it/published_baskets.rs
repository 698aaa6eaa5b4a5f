//! Next baskets of Ta-Feng, beside TIFU-kNN with the settings of its authors.
//!
//! `benches/next_basket.rs` prints the whole table.

use rapport::evaluate::next_basket::{BasketsOptions, evaluate_baskets};
use rapport::id::{ItemIdx, Row};
use rapport::log::{BasketRow, read_baskets};
use rapport::measure::bootstrap::Bootstrap;
use rapport::progress::Silent;
use rapport::recommend::buy_again::next_basket::{RawNextBasketParams, Sequences};

use crate::support::data::published;
use crate::support::tifu::{TAFENG, Tifu, evaluate_tifu};

fn tafeng() -> Option<(Vec<BasketRow>, Vec<BasketRow>)> {
    let read = |file: &str| Some(read_baskets(&published(file)?).unwrap());
    Some((read("tafeng/history.parquet")?, read("tafeng/future.parquet")?))
}

#[test]
fn next_baskets_of_tafeng() {
    let Some((train, test)) = tafeng() else { return };
    let options = BasketsOptions {
        k: 10,
        model: None,
        bootstrap: Bootstrap {
            resamples: 100,
            ..Bootstrap::default()
        },
    };
    let params = RawNextBasketParams::default().try_into().unwrap();
    let report = evaluate_baskets(&train, &test, &params, &options, &Silent).unwrap();
    assert_eq!(
        report.customers,
        test.len(),
        "each row is a customer's last basket"
    );
    let tifu = evaluate_tifu(&train, &test, &TAFENG, 10);
    eprintln!("TIFU-kNN: recall@10 {:.4}, NDCG@10 {:.4}", tifu.recall, tifu.ndcg);
    for (name, model) in &report.models {
        eprintln!("{name}: recall@10 {:.4}, NDCG@10 {:.4}", model.recall, model.ndcg);
    }
    let model = &report.models["next-basket"];
    assert!(
        model.recall >= tifu.recall && model.ndcg >= tifu.ndcg,
        "{model:?} {tifu:?}"
    );
    for simple in ["personal-top", "popularity"] {
        assert!(model.recall > report.models[simple].recall, "{simple}");
        assert!(model.ndcg > report.models[simple].ndcg, "{simple}");
    }
}

#[test]
fn tifu_knn_counted_by_hand() {
    let item = ItemIdx::from_u32;
    let model = Tifu {
        neighbours: 1,
        basket_decay: 0.5,
        group_decay: 0.1,
        groups: 2,
        ..TAFENG
    };
    // Three baskets in two groups, the larger one last: a alone, then the mean of b and of a and b.
    let vector = model.vector(&vec![vec![item(0)], vec![item(1)], vec![item(0), item(1)]]);
    let expected = [(0, 0.1 * 0.25 / 2.0 + 1.0 / 4.0), (1, 0.5 / 4.0 + 1.0 / 4.0)];
    assert_eq!(vector.len(), 2);
    for (found, expected) in vector.iter().zip(&expected) {
        assert!(
            found.0 == expected.0 && (found.1 - expected.1).abs() < 1e-6,
            "{vector:?}"
        );
    }
    let all = Sequences {
        of: vec![
            vec![vec![item(0)]],
            vec![vec![item(0)], vec![item(1)]],
            vec![vec![item(2)]],
        ],
        n_items: 3,
    };
    // Nearest to the first customer is the second, who brings item 1.
    assert_eq!(model.rank(&all, &[0], 2), [[0, 1]]);
}
