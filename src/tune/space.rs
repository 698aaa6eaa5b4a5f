//! What is searched: dimensions, each a number of the recipe with its range and its scale.
//!
//! A point of the search lies in the unit cube. What it stands for is rounded before it is tried, so that the recipe that
//! is written is the one that was measured.

use crate::log::EventKind;
use crate::recipe::RawRecipe;
use crate::recommend::low_pass::Filter;

/// How the range of a dimension is laid out along the unit interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    Linear,
    /// By ratios.
    Log,
    /// Evenly, whole numbers only.
    Integer,
}

/// One number of the recipe.
#[derive(Clone, Copy, Debug)]
pub struct Dimension {
    /// The key as the recipe writes it.
    pub key: &'static str,
    /// How the range is laid out.
    pub scale: Scale,
    /// Least value that is tried.
    pub low: f64,
    /// Greatest value that is tried.
    pub high: f64,
    /// First step of the search, as a part of the range.
    pub step: f64,
    read: fn(&RawRecipe) -> f64,
    write: fn(&mut RawRecipe, f64),
}

/// A dimension of a key that holds a real number.
macro_rules! real {
    ($scale:ident, $low:expr, $high:expr, step $step:expr, $head:ident $(. $part:ident)+) => {
        Dimension {
            key: concat!(stringify!($head) $(, ".", stringify!($part))+),
            scale: Scale::$scale,
            low: $low,
            high: $high,
            step: $step,
            read: |raw| raw.$head$(.$part)+,
            write: |raw, value| raw.$head$(.$part)+ = value,
        }
    };
}

/// A dimension of a key that holds a count.
macro_rules! count {
    ($low:expr, $high:expr, step $step:expr, $head:ident $(. $part:ident)+) => {
        Dimension {
            key: concat!(stringify!($head) $(, ".", stringify!($part))+),
            scale: Scale::Integer,
            low: $low,
            high: $high,
            step: $step,
            read: |raw| raw.$head$(.$part)+ as f64,
            write: |raw, value| raw.$head$(.$part)+ = value as usize,
        }
    };
}

/// How neighbours damp customers and items.
pub const NEIGHBOURS: [Dimension; 4] = [
    real!(Linear, 0.0, 1.5, step 0.15, recommend.neighbours.customer_exponent),
    real!(Linear, 0.0, 1.5, step 0.12, recommend.neighbours.source_exponent),
    real!(Linear, 0.0, 1.2, step 0.12, recommend.neighbours.target_exponent),
    real!(Linear, 0.2, 2.0, step 0.12, recommend.neighbours.power),
];

/// How local ridge is penalised.
pub const RIDGE: [Dimension; 3] = [
    real!(Log, 0.3, 3000.0, step 0.12, recommend.ridge.l2),
    real!(Linear, 0.0, 1.0, step 0.15, recommend.ridge.customer_exponent),
    real!(Linear, 0.0, 1.0, step - 0.15, recommend.ridge.popularity_exponent),
];

/// What low-pass decomposes: another point asks for another decomposition.
pub const DECOMPOSITION: [Dimension; 3] = [
    real!(Linear, 0.0, 1.0, step 0.12, recommend.low_pass.customer_exponent),
    real!(Linear, 0.0, 1.0, step 0.12, recommend.low_pass.item_exponent),
    real!(Log, 0.1, 1000.0, step 0.15, recommend.low_pass.degree_smoothing),
];

/// How low-pass reads its decomposition: another point costs a ranking only.
const READ_OUT: [Dimension; 2] = [
    real!(Linear, -0.5, 1.5, step 0.1, recommend.low_pass.input_exponent),
    real!(Linear, -0.5, 1.0, step 0.1, recommend.low_pass.output_exponent),
];
/// How strongly smooth directions are preferred, under the power filter.
const POWER: Dimension = real!(Linear, -0.5, 3.0, step 0.1, recommend.low_pass.power);

/// Matrix factorisation.
pub const IALS: [Dimension; 3] = [
    Dimension {
        key: "recommend.ials.unobserved_weight",
        scale: Scale::Log,
        low: 1e-5,
        high: 1.0,
        step: 0.08,
        // A recipe that leaves it open is resolved before it is searched.
        read: |raw| raw.recommend.ials.unobserved_weight.unwrap_or(0.0),
        write: |raw, value| raw.recommend.ials.unobserved_weight = Some(value),
    },
    real!(Log, 1e-4, 1.0, step 0.12, recommend.ials.regularization),
    count!(2.0, 16.0, step - 0.25, recommend.ials.epochs),
];

/// What everybody buys.
pub const POPULARITY: [Dimension; 1] =
    [real!(Log, 1.0, 3000.0, step 0.12, recommend.popularity.half_life_days)];

/// How large the models are: more is better and slower.
pub const NEIGHBOURS_SIZE: Dimension = count!(12.0, 4000.0, step 0.1, recommend.neighbours.neighbours);
/// See [`NEIGHBOURS_SIZE`].
pub const RIDGE_SIZE: Dimension = count!(20.0, 800.0, step 0.1, recommend.ridge.support);
/// How many items of a support keep their links.
pub const RIDGE_KEPT: Dimension = Dimension {
    key: "recommend.ridge.keep",
    scale: Scale::Integer,
    low: 12.0,
    high: 800.0,
    step: 0.1,
    // Of 0, all are kept.
    read: |raw| match raw.recommend.ridge.keep {
        0 => raw.recommend.ridge.support as f64,
        keep => keep as f64,
    },
    write: |raw, value| raw.recommend.ridge.keep = value as usize,
};
/// How many links an answer may have to add up.
pub const LINKS: [Dimension; 2] = [NEIGHBOURS_SIZE, RIDGE_KEPT];
/// See [`NEIGHBOURS_SIZE`].
pub const LOW_PASS_SIZE: Dimension = count!(8.0, 2048.0, step 0.1, recommend.low_pass.factors);
/// See [`NEIGHBOURS_SIZE`].
pub const IALS_SIZE: Dimension = count!(8.0, 512.0, step 0.1, recommend.ials.factors);

/// Weight and half-life of the kinds of events that a log may have beside purchases, in the order of their codes.
const KINDS: [(EventKind, &[Dimension]); 3] = [
    (
        EventKind::View,
        &[
            real!(Log, 0.003, 3.0, step 0.12, weights.view),
            real!(Log, 1.0, 3000.0, step 0.12, weights.view_half_life_days),
        ],
    ),
    (
        EventKind::Cart,
        &[
            real!(Log, 0.01, 10.0, step 0.12, weights.cart),
            real!(Log, 1.0, 3000.0, step 0.12, weights.cart_half_life_days),
        ],
    ),
    (
        // The weight of a purchase is the unit of the others.
        EventKind::Purchase,
        &[real!(Log, 1.0, 3000.0, step 0.12, weights.purchase_half_life_days)],
    ),
];
/// How repeated events add up.
const SATURATION: Dimension = real!(Linear, 0.0, 1.0, step - 0.2, weights.saturation);

/// The event weights that a log with these kinds can tell apart.
#[must_use]
pub fn event_weights(has: impl Fn(EventKind) -> bool) -> Vec<Dimension> {
    let kinds = KINDS.iter().filter(|(kind, _)| has(*kind));
    kinds
        .flat_map(|(_, dimensions)| dimensions.iter().copied())
        .chain([SATURATION])
        .collect()
}

/// How low-pass reads its decomposition, as far as the recipe's filter heeds it.
#[must_use]
pub fn low_pass_filter(raw: &RawRecipe) -> Vec<Dimension> {
    let power = (raw.recommend.low_pass.filter == Filter::Power).then_some(POWER);
    READ_OUT.into_iter().chain(power).collect()
}

impl Dimension {
    /// The value in a recipe, which may lie outside the range that is searched; 0 where a recipe leaves it open.
    #[must_use]
    pub fn read(&self, raw: &RawRecipe) -> f64 {
        (self.read)(raw)
    }

    /// Writes a value into a recipe.
    pub fn write(&self, raw: &mut RawRecipe, value: f64) {
        (self.write)(raw, value);
    }

    /// The value at a place of the unit interval: rounded, and within the range.
    #[must_use]
    pub fn at(&self, unit: f64) -> f64 {
        let unit = unit.clamp(0.0, 1.0);
        let between = |low: f64, high: f64| low + unit * (high - low);
        let value = match self.scale {
            Scale::Linear => (between(self.low, self.high) * 1e3).round() / 1e3,
            Scale::Log => significant(between(self.low.ln(), self.high.ln()).exp()),
            Scale::Integer => between(self.low, self.high).round(),
        };
        // Adding zero makes a negative zero the zero that a reader expects.
        value.clamp(self.low, self.high) + 0.0
    }

    /// Where a value lies in the unit interval; what is outside the range lies at its end.
    #[must_use]
    pub fn unit(&self, value: f64) -> f64 {
        let value = if value.is_nan() {
            self.low
        } else {
            value.clamp(self.low, self.high)
        };
        match self.scale {
            Scale::Linear | Scale::Integer => (value - self.low) / (self.high - self.low),
            Scale::Log => (value / self.low).ln() / (self.high / self.low).ln(),
        }
    }
}

/// To three significant digits: a recipe is read by people.
#[must_use]
pub fn significant(value: f64) -> f64 {
    // Going by the text gives the number that prints short.
    format!("{value:.2e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;

    fn all() -> Vec<Dimension> {
        let raw = RawRecipe::default();
        let sizes = [NEIGHBOURS_SIZE, RIDGE_SIZE, RIDGE_KEPT, LOW_PASS_SIZE, IALS_SIZE];
        [
            &NEIGHBOURS[..],
            &RIDGE,
            &DECOMPOSITION,
            &low_pass_filter(&raw),
            &IALS,
            &POPULARITY,
            &sizes,
            &event_weights(|_| true),
        ]
        .concat()
    }

    /// The number at a dotted key.
    fn at(document: &toml::Value, key: &str) -> f64 {
        let value = key.split('.').fold(document, |table, part| &table[part]);
        value
            .as_float()
            .or(value.as_integer().map(|whole| whole as f64))
            .unwrap()
    }

    #[test]
    fn every_dimension_writes_its_own_key_and_stays_within_what_a_recipe_may_say() {
        assert_eq!(all().len(), 28);
        for dimension in all() {
            for unit in [-1.0, 0.0, 0.31, 0.5, 0.977, 1.0, 2.0] {
                let value = dimension.at(unit);
                assert!(
                    (dimension.low..=dimension.high).contains(&value),
                    "{dimension:?}: {value}"
                );
                let mut raw = RawRecipe::default();
                dimension.write(&mut raw, value);
                assert_eq!(
                    dimension.read(&raw).to_bits(),
                    value.to_bits(),
                    "{}",
                    dimension.key
                );
                let written = toml::Value::try_from(&raw).unwrap();
                assert_eq!(
                    at(&written, dimension.key).to_bits(),
                    value.to_bits(),
                    "{}",
                    dimension.key
                );
                let text = toml::to_string(&raw).unwrap();
                assert!(
                    Recipe::parse(&text, "tried").is_ok(),
                    "{} = {value}",
                    dimension.key
                );
                // Going back and forth does not move a point.
                assert_eq!(
                    dimension.at(dimension.unit(value)).to_bits(),
                    value.to_bits(),
                    "{}",
                    dimension.key
                );
            }
        }
    }

    #[test]
    fn the_defaults_lie_where_the_search_goes() {
        let raw = RawRecipe::default();
        for dimension in all() {
            let value = dimension.read(&raw);
            if dimension.key != "recommend.ials.unobserved_weight" {
                assert!(
                    (dimension.low..=dimension.high).contains(&value),
                    "{}",
                    dimension.key
                );
                assert_eq!(
                    dimension.at(dimension.unit(value)).to_bits(),
                    value.to_bits(),
                    "{}",
                    dimension.key
                );
            }
            assert!(
                dimension.step.abs() > 0.01 && dimension.step.abs() < 0.5,
                "{}",
                dimension.key
            );
        }
    }

    #[test]
    fn a_log_is_searched_by_the_kinds_that_it_has() {
        let keys = |has: &[EventKind]| -> Vec<&str> {
            let found = event_weights(|kind| has.contains(&kind));
            found.iter().map(|dimension| dimension.key).collect()
        };
        assert_eq!(
            keys(&[EventKind::Purchase]),
            ["weights.purchase_half_life_days", "weights.saturation"]
        );
        assert_eq!(keys(&[EventKind::View, EventKind::Purchase]).len(), 4);
        let zero = DECOMPOSITION[2].unit(0.0);
        assert!(zero.abs() < 1e-12, "below the range is its low end");
    }
}
