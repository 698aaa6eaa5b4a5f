//! Answers: what the next basket of a sequence holds; and the model as plain arrays.

use crate::history::Csr;
use crate::id::ItemIdx;
use crate::recommend::{ItemLinks, neighbours, ridge};
use serde::{Deserialize, Serialize};

use super::features::{Components, FEATURES, ItemCounts, Room, Source, WIDTH};
use super::fit::{NextBasketError, popular};
use super::successors;
use crate::recommend::buy_again::logistic::Regression;

/// A fitted model of the next basket.
#[derive(Clone, Debug)]
pub struct NextBasket {
    components: Components,
    base: f64,
    coefficients: [f64; WIDTH],
    means: [f64; WIDTH],
}

/// A candidate with its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// The item.
    pub item: ItemIdx,
    /// Logit that it is in the next basket.
    pub score: f64,
    /// Part of the score for an average candidate.
    pub base: f64,
    /// Part that comes from what the customer bought before, [`Source::Own`].
    pub own: f64,
    /// Part that comes from what goes with it, [`Source::Links`].
    pub links: f64,
    /// Part that comes from what everybody buys, [`Source::Popular`].
    pub popular: f64,
}

/// What the arrays leave out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextBasketFacts {
    /// Names of the features, in the order of the coefficients.
    pub features: Vec<String>,
    /// Score of an average candidate.
    pub base: f64,
    /// By feature.
    pub coefficients: Vec<f64>,
    /// By feature.
    pub means: Vec<f64>,
    /// Logit that an item of a basket was bought before.
    pub shop_repeat_logit: f64,
    /// What a purchase counts one basket later.
    pub decay: f64,
    /// Power of the fading sum.
    pub saturation: f64,
    /// Candidates of each kind.
    pub candidates: usize,
}

/// What is known of every item.
///
/// # Shapes
/// | array | shape | meaning |
/// |---|---|---|
/// | `numbers` | items × 3 | log popularity, log popularity in last baskets, logit of a repeat |
/// | `neighbours`, `ridge`, `successors` | items × items, sparse | links |
#[derive(Clone, Debug, PartialEq)]
pub struct NextBasketArrays {
    /// See the table.
    pub numbers: Vec<f32>,
    /// See the table.
    pub neighbours: Csr,
    /// See the table.
    pub ridge: Csr,
    /// See the table.
    pub successors: Csr,
}

/// Numbers of an item.
const NUMBERS: usize = 3;

impl NextBasket {
    /// Name of the model.
    pub const NAME: &'static str = "next-basket";

    pub(super) fn new(components: Components, regression: &Regression) -> Self {
        let mut model = Self {
            components,
            base: regression.base,
            coefficients: [0.0; WIDTH],
            means: [0.0; WIDTH],
        };
        model.coefficients.copy_from_slice(&regression.coefficients);
        model.means.copy_from_slice(&regression.means);
        model
    }

    /// Number of items.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.components.counts.log_popularity.len()
    }

    /// The best `k` candidates for the next basket after these, by falling score, then by row. Items beyond the model's are passed over.
    #[must_use]
    pub fn next(&self, sequence: &[Vec<ItemIdx>], k: usize) -> Vec<Scored> {
        use crate::id::Row;
        let known = |item: &ItemIdx| item.index() < self.n_items();
        let all_known = sequence.iter().flatten().all(known);
        let kept: Vec<Vec<ItemIdx>>;
        let sequence = if all_known {
            sequence
        } else {
            let keep = |basket: &Vec<ItemIdx>| basket.iter().copied().filter(known).collect();
            kept = sequence.iter().map(keep).collect();
            &kept
        };
        let mut scored: Vec<Scored> = self
            .components
            .candidates(sequence, &mut Room::default())
            .into_iter()
            .map(|(item, features)| self.scored(item, &features))
            .collect();
        scored.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
        scored.truncate(k);
        scored
    }

    fn scored(&self, item: ItemIdx, features: &[f64; WIDTH]) -> Scored {
        let mut scored = Scored {
            item,
            score: 0.0,
            base: self.base,
            own: 0.0,
            links: 0.0,
            popular: 0.0,
        };
        for (k, (_, source)) in FEATURES.iter().enumerate() {
            let part = self.coefficients[k] * (features[k] - self.means[k]);
            match source {
                Source::Own => scored.own += part,
                Source::Links => scored.links += part,
                Source::Popular => scored.popular += part,
            }
        }
        scored.score = scored.base + scored.own + scored.links + scored.popular;
        scored
    }

    /// The model as a bundle keeps it.
    #[must_use]
    pub fn stored(&self) -> (NextBasketArrays, NextBasketFacts) {
        let counts = &self.components.counts;
        let numbers = (0..self.n_items())
            .flat_map(|item| {
                [
                    counts.log_popularity[item],
                    counts.log_late[item],
                    counts.repeat_logit[item],
                ]
            })
            .collect();
        let arrays = NextBasketArrays {
            numbers,
            neighbours: self.components.neighbours.links().clone(),
            ridge: self.components.ridge.links().clone(),
            successors: self.components.successors.links().clone(),
        };
        let facts = NextBasketFacts {
            features: FEATURES.iter().map(|feature| feature.0.to_owned()).collect(),
            base: self.base,
            coefficients: self.coefficients.to_vec(),
            means: self.means.to_vec(),
            shop_repeat_logit: counts.shop_repeat_logit,
            decay: self.components.decay,
            saturation: self.components.saturation,
            candidates: self.components.candidates,
        };
        (arrays, facts)
    }

    /// The model of these arrays.
    ///
    /// # Errors
    /// [`NextBasketError`] with the array and row that does not fit the others or is out of range.
    pub fn from_stored(arrays: NextBasketArrays, facts: &NextBasketFacts) -> Result<Self, NextBasketError> {
        let items = arrays.numbers.len() / NUMBERS;
        shape("numbers", arrays.numbers.len(), items * NUMBERS)?;
        for (array, links) in [
            ("neighbours", &arrays.neighbours),
            ("ridge", &arrays.ridge),
            ("successors", &arrays.successors),
        ] {
            shape(array, links.n_rows(), items)?;
            shape(array, links.n_columns(), items)?;
        }
        shape("features", facts.features.len(), WIDTH)?;
        shape("coefficients", facts.coefficients.len(), WIDTH)?;
        shape("means", facts.means.len(), WIDTH)?;
        if let Some(row) = (0..WIDTH).find(|&k| facts.features[k] != FEATURES[k].0) {
            return Err(value(
                "features",
                row,
                row as f64,
                "the name of this version's feature in that place",
            ));
        }
        let numbers = arrays.numbers.iter().map(|&x| f64::from(x));
        finite("numbers", numbers, NUMBERS)?;
        finite("coefficients", facts.coefficients.iter().copied(), 1)?;
        finite("means", facts.means.iter().copied(), 1)?;
        finite("base", [facts.base, facts.shop_repeat_logit].into_iter(), 2)?;
        if facts.candidates == 0 {
            return Err(value("candidates", 0, 0.0, "above 0"));
        }
        if !(0.01..=1.0).contains(&facts.decay) {
            return Err(value("decay", 0, facts.decay, "between 0.01 and 1"));
        }
        if !(0.0..=1.0).contains(&facts.saturation) {
            return Err(value("saturation", 0, facts.saturation, "between 0 and 1"));
        }
        let column = |at: usize| arrays.numbers.iter().skip(at).step_by(NUMBERS).copied().collect();
        let counts = ItemCounts {
            log_popularity: column(0),
            log_late: column(1),
            repeat_logit: column(2),
            shop_repeat_logit: facts.shop_repeat_logit,
        };
        let regression = Regression {
            base: facts.base,
            coefficients: facts.coefficients.clone(),
            means: facts.means.clone(),
        };
        let components = Components {
            popular: popular(&counts, facts.candidates),
            counts,
            neighbours: ItemLinks::new(neighbours::NAME, arrays.neighbours),
            ridge: ItemLinks::new(ridge::NAME, arrays.ridge),
            successors: ItemLinks::new(successors::NAME, arrays.successors),
            decay: facts.decay,
            saturation: facts.saturation,
            candidates: facts.candidates,
        };
        Ok(Self::new(components, &regression))
    }
}

fn value(array: &'static str, row: usize, value: f64, rule: &'static str) -> NextBasketError {
    NextBasketError::Value {
        array,
        row,
        value,
        rule,
    }
}

fn shape(array: &'static str, length: usize, expected: usize) -> Result<(), NextBasketError> {
    if length == expected {
        Ok(())
    } else {
        Err(NextBasketError::Shape {
            array,
            length,
            expected,
        })
    }
}

fn finite(
    array: &'static str,
    values: impl Iterator<Item = f64>,
    width: usize,
) -> Result<(), NextBasketError> {
    match values.enumerate().find(|(_, value)| !value.is_finite()) {
        Some((at, found)) => Err(value(array, at / width, found, "finite")),
        None => Ok(()),
    }
}
