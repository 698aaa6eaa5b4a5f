//! The model as plain arrays and a small record, and back with every number checked.

use crate::time::Calendar;
use serde::{Deserialize, Serialize};

use super::error::BuyAgainError;
use super::features::{FEATURES, WIDTH};
use super::items::{ItemFacts, ItemTable, ShopFacts};
use super::logistic::logit;
use super::model::{BuyAgain, WindowModel};
use super::params::{BuyAgainParamsError, are_windows};

/// What the arrays leave out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuyAgainFacts {
    /// What holds for the shop.
    pub shop: ShopFacts,
    /// Names of the features, in the order of the coefficients.
    pub features: Vec<String>,
    /// The windows that were learned.
    pub windows_days: Vec<f64>,
    /// By window: logit of the average pair.
    pub bases: Vec<f64>,
    /// By window, then feature: what one unit adds to the logit.
    pub coefficients: Vec<f64>,
    /// By window, then feature: mean in the training.
    pub means: Vec<f64>,
}

/// What is known of every item.
///
/// # Shapes
/// | array | shape | meaning |
/// |---|---|---|
/// | `numbers` | items × 7 | log interval, log quantity, own part of the interval, chance of a repeat, log repeat rate, log sales, trend |
/// | `intervals` | items | intervals seen |
#[derive(Clone, Debug, PartialEq)]
pub struct BuyAgainArrays {
    /// See the table.
    pub numbers: Vec<f32>,
    /// See the table.
    pub intervals: Vec<u32>,
}

/// Numbers of an item.
const NUMBERS: usize = 7;

impl BuyAgain {
    /// The model as a bundle keeps it.
    #[must_use]
    pub fn stored(&self) -> (BuyAgainArrays, BuyAgainFacts) {
        let numbers = |item: &ItemFacts| {
            [
                item.log_interval as f32,
                item.log_quantity as f32,
                item.own as f32,
                item.repeat_chance as f32,
                item.log_repeat_rate as f32,
                item.log_sales as f32,
                item.sales_trend as f32,
            ]
        };
        let arrays = BuyAgainArrays {
            numbers: self.table.rows.iter().flat_map(numbers).collect(),
            intervals: self.table.rows.iter().map(|item| item.intervals).collect(),
        };
        let facts = BuyAgainFacts {
            shop: self.table.shop,
            features: FEATURES.iter().map(|feature| feature.0.to_owned()).collect(),
            windows_days: self.windows_days().collect(),
            bases: self.models.iter().map(|model| model.base).collect(),
            coefficients: self.models.iter().flat_map(|model| model.coefficients).collect(),
            means: self.models.iter().flat_map(|model| model.means).collect(),
        };
        (arrays, facts)
    }

    /// The model of these arrays.
    ///
    /// # Errors
    /// [`BuyAgainError`] with the array and row that does not fit the others or is out of range.
    pub fn from_stored(
        arrays: &BuyAgainArrays,
        facts: &BuyAgainFacts,
        calendar: &Calendar,
    ) -> Result<Self, BuyAgainError> {
        let windows = facts.windows_days.len();
        if !are_windows(&facts.windows_days) {
            return Err(BuyAgainParamsError::Windows {
                windows: facts.windows_days.clone(),
            }
            .into());
        }
        let items = arrays.intervals.len();
        shape("numbers", arrays.numbers.len(), items * NUMBERS)?;
        shape("features", facts.features.len(), WIDTH)?;
        shape("bases", facts.bases.len(), windows)?;
        shape("coefficients", facts.coefficients.len(), windows * WIDTH)?;
        shape("means", facts.means.len(), windows * WIDTH)?;
        let known = facts.features.iter().zip(&FEATURES);
        if let Some(row) = known.clone().position(|(name, known)| name != known.0) {
            return Err(BuyAgainError::Value {
                array: "features",
                row,
                value: row as f64,
                rule: "the name of this version's feature in that place",
            });
        }
        finite("bases", &facts.bases, 1)?;
        finite("coefficients", &facts.coefficients, WIDTH)?;
        finite("means", &facts.means, WIDTH)?;
        check_shop(&facts.shop)?;
        let rows = arrays
            .numbers
            .chunks_exact(NUMBERS)
            .zip(&arrays.intervals)
            .enumerate();
        let rows = rows
            .map(|(row, (numbers, &intervals))| item_facts(row, numbers, intervals))
            .collect::<Result<Vec<_>, _>>()?;
        let models = (0..windows).map(|at| {
            let mut model = WindowModel {
                window_days: facts.windows_days[at],
                base: facts.bases[at],
                coefficients: [0.0; WIDTH],
                means: [0.0; WIDTH],
            };
            model
                .coefficients
                .copy_from_slice(&facts.coefficients[at * WIDTH..][..WIDTH]);
            model.means.copy_from_slice(&facts.means[at * WIDTH..][..WIDTH]);
            model
        });
        Ok(Self {
            table: ItemTable {
                shop: facts.shop,
                rows,
            },
            models: models.collect(),
            calendar: calendar.clone(),
        })
    }
}

fn shape(array: &'static str, length: usize, expected: usize) -> Result<(), BuyAgainError> {
    if length == expected {
        Ok(())
    } else {
        Err(BuyAgainError::Shape {
            array,
            length,
            expected,
        })
    }
}

fn finite(array: &'static str, values: &[f64], width: usize) -> Result<(), BuyAgainError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(BuyAgainError::Value {
            array,
            row: at / width,
            value: values[at],
            rule: "finite",
        }),
        None => Ok(()),
    }
}

/// A log interval stands for a second to a thousand years, so that its exponential is a time.
const LOG_INTERVALS: std::ops::RangeInclusive<f64> = -12.0..=13.0;

fn item_facts(row: usize, numbers: &[f32], intervals: u32) -> Result<ItemFacts, BuyAgainError> {
    let at = |place: usize| f64::from(numbers[place]);
    let broken = |value: f64, rule: &'static str| BuyAgainError::Value {
        array: "numbers",
        row,
        value,
        rule,
    };
    if let Some(value) = numbers.iter().find(|value| !value.is_finite()) {
        return Err(broken(f64::from(*value), "finite"));
    }
    if !LOG_INTERVALS.contains(&at(0)) {
        return Err(broken(at(0), "the log of a second to a thousand years, in days"));
    }
    if !(0.0..=1.0).contains(&at(2)) {
        return Err(broken(at(2), "a part between 0 and 1"));
    }
    // A chance of one leaves nothing to divide by.
    if !(0.0..0.999).contains(&at(3)) {
        return Err(broken(at(3), "a chance between 0 and 0.999"));
    }
    Ok(ItemFacts {
        log_interval: at(0),
        log_quantity: at(1),
        own: at(2),
        repeat_chance: at(3),
        repeat_logit: logit(at(3)),
        log_repeat_rate: at(4),
        log_sales: at(5),
        sales_trend: at(6),
        intervals,
    })
}

fn check_shop(shop: &ShopFacts) -> Result<(), BuyAgainError> {
    let rules = [
        (
            "log_interval",
            shop.rhythm.log_interval,
            -12.0,
            13.0,
            "the log of days",
        ),
        (
            "within_deviation",
            shop.rhythm.within_deviation,
            0.01,
            100.0,
            "0.01 to 100",
        ),
        (
            "pair_deviation",
            shop.rhythm.pair_deviation,
            0.01,
            100.0,
            "0.01 to 100",
        ),
        (
            "quantity_exponent",
            shop.rhythm.quantity_exponent,
            0.0,
            2.0,
            "0 to 2",
        ),
        ("repeat_chance", shop.repeat_chance, 0.0, 0.999, "0 to 0.999"),
        ("repeat_rate", shop.repeat_rate, 1e-12, 1e6, "above 0"),
        ("repeat_share", shop.repeat_share, 0.0, 1.0, "0 to 1"),
        ("order_gap_days", shop.order_gap_days, 1e-3, 1e6, "above 0"),
        ("due_from_chance", shop.due_from_chance, 0.0, 1.0, "0 to 1"),
    ];
    match rules
        .into_iter()
        .find(|&(_, value, least, most, _)| !(least..=most).contains(&value))
    {
        Some((array, value, _, _, rule)) => Err(BuyAgainError::Value {
            array,
            row: 0,
            value,
            rule,
        }),
        None => Ok(()),
    }
}
