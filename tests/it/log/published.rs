//! The published logs, with all their traps.

use std::path::Path;

use rapport::history::{Dataset, LogInputs};
use rapport::log::{RawSource, Source, Strictness, read_pairs};
use rapport::progress::Silent;

use super::options;
use crate::support::data::published;

#[test]
fn online_retail_ii_shows_every_trap() {
    let Some(path) = published("online-retail-ii/transactions.parquet") else {
        return;
    };
    let recipe =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("models/online-retail-ii.toml"))
            .unwrap();
    let recipe: toml::Table = recipe.parse().unwrap();
    let raw: RawSource = recipe["source"].clone().try_into().unwrap();
    let inputs = LogInputs {
        events: vec![path],
        items: None,
        source: Source::try_from(raw).unwrap(),
        options: options(Strictness::Lenient),
    };
    let dataset = Dataset::read(&inputs, &Silent).unwrap();
    let report = &dataset.report;
    assert_eq!(report.rows_read, 1_044_848);
    let traps = &report.traps;
    assert_eq!(traps.return_lines, 19_165);
    assert_eq!(
        (
            traps.quantity_not_positive,
            traps.quantity_not_positive_and_no_return
        ),
        (22_557, 3_393)
    );
    assert_eq!((traps.price_zero, traps.price_negative), (6_024, 5));
    assert_eq!(traps.missing_customer, 235_287);
    assert_eq!(traps.identical_lines, 11_812);
    assert_eq!(traps.item_ids_differing_in_case, 173);
    for code in [
        "POST",
        "DOT",
        "M",
        "C2",
        "D",
        "S",
        "BANK CHARGES",
        "ADJUST",
        "AMAZONFEE",
        "gift_0001_20",
    ] {
        assert!(
            traps
                .odd_item_ids
                .iter()
                .any(|odd| odd.item_id == code && odd.dropped),
            "{code}"
        );
    }
    let largest: Vec<_> = report
        .largest_undone_orders
        .iter()
        .take(2)
        .map(|undone| undone.quantity)
        .collect();
    assert_eq!(largest, [80_995.0, 74_215.0]);
    let month = report.partial_last_month.as_ref().unwrap();
    assert_eq!((month.month.as_str(), month.days, month.of), ("2011-12", 9, 31));
    // The shop closes over Christmas.
    assert_eq!(
        (report.gaps[0].from.as_str(), report.gaps[0].days),
        ("2009-12-24", 11)
    );
    assert_eq!(report.rows_kept, dataset.histories.n_events() as u64);
    assert_eq!(
        (report.rows_kept, report.customers, report.items),
        (794_181, 5_875, 4_635)
    );
    // Renamed late: until then it was white.
    let item = dataset.histories.items().find("85123A").unwrap();
    assert_eq!(
        dataset.catalog.item(item).title.as_deref(),
        Some("CREAM HANGING HEART T-LIGHT HOLDER")
    );
}

#[test]
fn published_pairs_are_read_whole() {
    let Some(path) = published("gowalla/train.parquet") else {
        return;
    };
    assert_eq!(read_pairs(&path).unwrap().len(), 810_128);
}
