//! A simulated shop as three tables: `events.parquet`, `items.parquet`, `truth.parquet`.
//!
//! `truth.parquet` is one long table, a row a fact:
//!
//! | `subject` | `fact` | `customer_id` | `item_id` | `other_item_id` | `category` | `value` | `at` |
//! |---|---|---|---|---|---|---|---|
//! | customer | `signed_up_at` | ✓ | | | | | first visit |
//! | customer | `left_at` | ✓ | | | | | left for good; only who left before the log ends |
//! | customer | `pause` | ✓ | | | | days without interest | first instant |
//! | customer | `taste` | ✓ | | | leaf category | weight, sums to 1 a customer | |
//! | customer | `price_level` | ✓ | | | | standard deviations of log prices from the median | |
//! | customer | `visits_per_month` | ✓ | | | | mean visits in 30 days | |
//! | customer | `rhythm_factor` | ✓ | | | | factor on `rhythm_days` | |
//! | item | `rhythm_days` | | ✓ | | | mean days until it is bought again | |
//! | pair | `complement` | | ✓ | what goes with it | | probability | |
//! | pair | `substitute` | | ✓ | the other | | co-view probability | |

use std::path::{Path, PathBuf};

use super::events::{event_id, order_id, session_id};
use super::{Shop, Truth};
use crate::export::{self, Column, ExportError, Table, Values};
use crate::log::EventKind;
use crate::time::Timestamp;

/// Where a shop went.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Written {
    /// The interaction log.
    pub events: PathBuf,
    /// The item table.
    pub items: PathBuf,
    /// The truth.
    pub truth: PathBuf,
}

/// Writes the three tables of a shop into a folder, which is made if it is not there.
///
/// # Errors
/// [`ExportError`] with the file that could not be written.
pub fn write(shop: &Shop, folder: &Path) -> Result<Written, ExportError> {
    let written = Written {
        events: folder.join("events.parquet"),
        items: folder.join("items.parquet"),
        truth: folder.join("truth.parquet"),
    };
    export::write(&shop.event_table(), &written.events)?;
    export::write(&shop.item_table(), &written.items)?;
    export::write(&shop.truth_table(), &written.truth)?;
    Ok(written)
}

impl Shop {
    /// The log with the canonical columns, in time order.
    #[must_use]
    pub fn event_table(&self) -> Table {
        let events = self.events();
        let coded = |words: Vec<String>, codes: Vec<Option<u32>>| Values::Coded { words, codes };
        let some = |codes: &[u32]| codes.iter().copied().map(Some).collect();
        let kinds = EventKind::ALL.map(|kind| kind.name().to_owned()).to_vec();
        let kind_codes = events
            .kinds
            .iter()
            .map(|kind| Some(u32::from(kind.code())))
            .collect();
        let names = |count: usize, name: fn(u32) -> String| (0u32..).take(count).map(name).collect();
        Table {
            columns: vec![
                Column::new("event_id", (0..events.len()).map(event_id).collect::<Vec<_>>()),
                Column::new(
                    "customer_id",
                    coded(self.customer_ids().to_vec(), some(&events.customers)),
                ),
                Column::new("item_id", coded(self.item_ids().to_vec(), some(&events.items))),
                Column::new("kind", coded(kinds, kind_codes)),
                Column::new("occurred_at", events.times.clone()),
                Column::new(
                    "quantity",
                    events
                        .quantities
                        .iter()
                        .map(|&pieces| pieces as i64)
                        .collect::<Vec<_>>(),
                ),
                Column::new(
                    "unit_price",
                    (0..events.len())
                        .map(|at| self.unit_price(at))
                        .collect::<Vec<_>>(),
                ),
                Column::new(
                    "order_id",
                    coded(names(events.n_orders(), order_id), events.orders.clone()),
                ),
                Column::new(
                    "session_id",
                    coded(names(events.n_sessions(), session_id), events.sessions.clone()),
                ),
            ],
        }
    }

    /// The catalogue.
    #[must_use]
    pub fn item_table(&self) -> Table {
        let items = self.catalog().items();
        Table {
            columns: vec![
                Column::new("item_id", self.item_ids().to_vec()),
                Column::new(
                    "title",
                    items.iter().map(|item| item.title.clone()).collect::<Vec<_>>(),
                ),
                Column::new(
                    "category",
                    items.iter().map(|item| item.category.clone()).collect::<Vec<_>>(),
                ),
                Column::new("price", items.iter().map(|item| item.price).collect::<Vec<_>>()),
                Column::new("cost", items.iter().map(|item| item.cost).collect::<Vec<_>>()),
                Column::new(
                    "available",
                    items.iter().map(|item| item.available).collect::<Vec<_>>(),
                ),
                Column::new(
                    "launched_at",
                    items.iter().map(|item| item.launched_at).collect::<Vec<_>>(),
                ),
            ],
        }
    }

    /// The truth, a row a fact.
    #[must_use]
    pub fn truth_table(&self) -> Table {
        let facts = facts(&self.truth);
        let word = |words: Vec<String>, code: fn(&Fact) -> Option<u32>| Values::Coded {
            words,
            codes: facts.iter().map(code).collect(),
        };
        let text = |value: fn(&Fact) -> &str| {
            facts
                .iter()
                .map(|fact| value(fact).to_owned())
                .collect::<Vec<_>>()
        };
        let categories = self
            .truth
            .categories
            .iter()
            .map(|&path| path.to_owned())
            .collect();
        Table {
            columns: vec![
                Column::new("subject", text(|fact| fact.subject())),
                Column::new("fact", text(|fact| fact.name)),
                Column::new(
                    "customer_id",
                    word(self.customer_ids().to_vec(), |fact| fact.customer),
                ),
                Column::new("item_id", word(self.item_ids().to_vec(), |fact| fact.item)),
                Column::new(
                    "other_item_id",
                    word(self.item_ids().to_vec(), |fact| fact.other_item),
                ),
                Column::new("category", word(categories, |fact| fact.category)),
                Column::new("value", facts.iter().map(|fact| fact.value).collect::<Vec<_>>()),
                Column::new("at", facts.iter().map(|fact| fact.at).collect::<Vec<_>>()),
            ],
        }
    }
}

#[derive(Default)]
struct Fact {
    name: &'static str,
    customer: Option<u32>,
    item: Option<u32>,
    other_item: Option<u32>,
    category: Option<u32>,
    value: Option<f64>,
    at: Option<Timestamp>,
}

impl Fact {
    fn subject(&self) -> &'static str {
        match (self.customer, self.other_item) {
            (Some(_), _) => "customer",
            (None, Some(_)) => "pair",
            (None, None) => "item",
        }
    }
}

fn facts(truth: &Truth) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (customer, at) in (0u32..).zip(0..truth.signed_up_at.len()) {
        let of = |name, value, at| Fact {
            name,
            customer: Some(customer),
            value,
            at,
            ..Fact::default()
        };
        facts.push(of("signed_up_at", None, Some(truth.signed_up_at[at])));
        facts.extend(truth.left_at[at].map(|left_at| of("left_at", None, Some(left_at))));
        facts.extend(
            truth.pauses[at]
                .iter()
                .map(|&(from, to)| of("pause", Some(to.days_since(from)), Some(from))),
        );
        facts.push(of("price_level", Some(truth.price_levels[at]), None));
        facts.push(of("visits_per_month", Some(truth.visits_per_month[at]), None));
        facts.push(of("rhythm_factor", Some(truth.rhythm_factors[at]), None));
        facts.extend(truth.tastes[at].iter().map(|taste| Fact {
            category: u32::try_from(taste.category).ok(),
            ..of("taste", Some(taste.weight), None)
        }));
    }
    facts.extend((0u32..).zip(&truth.rhythm_days).filter_map(|(item, days)| {
        days.map(|days| Fact {
            name: "rhythm_days",
            item: Some(item),
            value: Some(days),
            ..Fact::default()
        })
    }));
    let pair = |name, item, other, value| Fact {
        name,
        item: Some(item),
        other_item: Some(other),
        value: Some(value),
        ..Fact::default()
    };
    facts.extend(
        truth
            .complements
            .iter()
            .map(|known| pair("complement", known.item, known.with, known.probability)),
    );
    facts.extend(
        truth
            .substitutes
            .iter()
            .map(|known| pair("substitute", known.item, known.other, known.co_view_probability)),
    );
    facts
}
