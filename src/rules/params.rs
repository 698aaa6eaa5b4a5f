//! The rules of a placement or a request: raw as they are written, and checked.

use std::sync::Arc;

use crate::id::{IdError, check_name};
use hashbrown::HashSet;
use serde::{Deserialize, Serialize};

use crate::rules::expression::{Expression, ExpressionError};

/// Most boosts of one set of rules.
pub const MAX_BOOSTS: usize = 64;
/// Most slots of one set of rules.
pub const MAX_SLOTS: usize = 16;
/// Deepest level of a category path that a rule may count.
pub const MAX_CATEGORY_LEVEL: u32 = 16;
/// The name by which a request switches off the filter of a placement.
pub const FILTER: &str = "filter";

/// What moves items up or down by a factor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawBoost {
    /// By which answers name it and requests switch it off.
    pub name: String,
    /// Which items.
    pub when: String,
    /// By what their scores are multiplied.
    pub factor: f64,
}

/// What gives a campaign its share of the places.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSlot {
    /// By which answers name it and requests switch it off.
    pub name: String,
    /// Which items.
    pub when: String,
    /// Their share of the places.
    pub share: f64,
}

/// Rules as they are written; what is not given is left to the rules below them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawRules {
    /// Which items may be in the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// What was bought within so many days is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude_bought_days: Option<f64>,
    /// Most items of one category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_per_category: Option<u32>,
    /// How many levels of its path make a category; 0 for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category_level: Option<u32>,
    /// How much unlikeness to the items above counts beside relevance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diversity: Option<f64>,
    /// How strongly what was just shown is held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<f64>,
    /// Share of the best candidate's score below which an item is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_relevance: Option<f64>,
    /// How much the margin counts beside relevance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin_weight: Option<f64>,
    /// Campaigns that multiply scores.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub boosts: Vec<RawBoost>,
    /// Campaigns that have a share of the places.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<RawSlot>,
}

/// Why rules cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// A number is out of range.
    #[error("{key} = {value} is not between {least} and {most}")]
    Range {
        /// Which number.
        key: String,
        /// What it is.
        value: f64,
        /// The least that it may be.
        least: f64,
        /// The most that it may be.
        most: f64,
    },
    /// An expression cannot be read.
    #[error("{key}: {source}")]
    Expression {
        /// Which expression.
        key: String,
        /// Where and why.
        #[source]
        source: ExpressionError,
    },
    /// A name cannot be one.
    #[error("the name {name:?} in {key} {source}")]
    Name {
        /// In which list.
        key: &'static str,
        /// The name.
        name: String,
        /// The rule that it breaks.
        #[source]
        source: IdError,
    },
    /// Two rules have one name, or a rule has the name of the filter.
    #[error("the name {name:?} in {key} is taken")]
    Taken {
        /// In which list.
        key: &'static str,
        /// The name.
        name: String,
    },
    /// A list is too long.
    #[error("{key} has {count} entries, more than {most}")]
    TooMany {
        /// Which list.
        key: &'static str,
        /// Its entries.
        count: usize,
        /// The most that it may have.
        most: usize,
    },
    /// The slots want more than all places.
    #[error("the shares of all slots sum to {sum}, more than 1")]
    Shares {
        /// What they sum to.
        sum: f64,
    },
}

/// A checked boost.
#[derive(Clone, Debug, PartialEq)]
pub struct Boost {
    pub(crate) name: Arc<str>,
    pub(crate) when: Arc<Expression>,
    pub(crate) factor: f64,
}

/// A checked slot.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    pub(crate) name: Arc<str>,
    pub(crate) when: Arc<Expression>,
    pub(crate) share: f64,
}

/// Checked rules.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `filter` | none | expression that an item must fulfil | |
/// | `exclude_bought_days` | none | what was bought within so many days is left out; 0 allows all | 0 to 36 500 |
/// | `max_per_category` | none | most items of one category; items without one are not counted | 1 to 500 |
/// | `category_level` | 0 | levels of the path that make a category; 0 takes the whole path | 0 to 16 |
/// | `diversity` | 0 | `d` of maximal marginal relevance: 0 is the plain order, 1 looks at unlikeness only | 0 to 1 |
/// | `rotation` | 0 | share of its score that what was shown last loses; items shown before lose less | 0 to 1 |
/// | `min_relevance` | 0 | share of the best candidate's score below which an item is left out | 0 to 1 |
/// | `margin_weight` | 0 | `w`: 0 ranks by relevance, 1 by margin | 0 to 1 |
/// | `boosts` | none | `name`, `when` (expression), `factor` by which scores are multiplied | factor 0 to 1000, at most 64 |
/// | `slots` | none | `name`, `when`, `share` of the places that a campaign gets | above 0 to 1, sum at most 1, at most 16 |
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// All must hold: a request narrows what a placement allows.
    pub(crate) filters: Vec<Arc<Expression>>,
    pub(crate) exclude_bought_days: Option<f64>,
    pub(crate) max_per_category: Option<u32>,
    pub(crate) category_level: Option<u32>,
    pub(crate) diversity: Option<f64>,
    pub(crate) rotation: Option<f64>,
    pub(crate) min_relevance: Option<f64>,
    pub(crate) margin_weight: Option<f64>,
    pub(crate) boosts: Vec<Boost>,
    pub(crate) slots: Vec<Slot>,
}

impl Rules {
    /// These rules over those of the placement: what these give wins, the filters must both hold, boosts and slots
    /// append. A rule of the placement gives way to one of the same name here, and to its name in `without`
    /// ([`FILTER`] for the filter); names that the placement does not have are passed over. Where the shares of all
    /// slots sum to more than 1, the last ones get less.
    #[must_use]
    pub fn over(&self, base: &Self, without: &[impl AsRef<str>]) -> Self {
        let is_off = |name: &str| {
            without.iter().any(|off| off.as_ref() == name) || self.names().any(|own| own == name)
        };
        let filters: &[Arc<Expression>] = if is_off(FILTER) { &[] } else { &base.filters };
        let boosts = base.boosts.iter().filter(|boost| !is_off(&boost.name));
        let slots = base.slots.iter().filter(|slot| !is_off(&slot.name));
        Self {
            filters: filters.iter().chain(&self.filters).cloned().collect(),
            exclude_bought_days: self.exclude_bought_days.or(base.exclude_bought_days),
            max_per_category: self.max_per_category.or(base.max_per_category),
            category_level: self.category_level.or(base.category_level),
            diversity: self.diversity.or(base.diversity),
            rotation: self.rotation.or(base.rotation),
            min_relevance: self.min_relevance.or(base.min_relevance),
            margin_weight: self.margin_weight.or(base.margin_weight),
            boosts: boosts.chain(&self.boosts).cloned().collect(),
            slots: slots.chain(&self.slots).cloned().collect(),
        }
    }

    /// The names of the boosts, then of the slots.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let boosts = self.boosts.iter().map(|boost| &*boost.name);
        boosts.chain(self.slots.iter().map(|slot| &*slot.name))
    }

    /// Days within which a purchase leaves an item out, where that is given.
    #[must_use]
    pub fn exclude_bought_days(&self) -> Option<f64> {
        self.exclude_bought_days
    }

    /// Whether nothing but gates is asked for, so that candidates keep their scores and their order.
    pub(crate) fn keeps_order(&self) -> bool {
        let is_off = |number: Option<f64>| number.unwrap_or(0.0) <= 0.0;
        self.boosts.is_empty()
            && self.slots.is_empty()
            && self.max_per_category.is_none()
            && is_off(self.diversity)
            && is_off(self.rotation)
            && is_off(self.min_relevance)
            && is_off(self.margin_weight)
    }
}

impl TryFrom<RawRules> for Rules {
    type Error = RulesError;

    fn try_from(raw: RawRules) -> Result<Self, RulesError> {
        let within = |key: &str, value: Option<f64>, least: f64, most: f64| match value {
            Some(value) => in_range(key, value, least, most).map(Some),
            None => Ok(None),
        };
        let exclude_bought_days = within("exclude_bought_days", raw.exclude_bought_days, 0.0, 36_500.0)?;
        let diversity = within("diversity", raw.diversity, 0.0, 1.0)?;
        let rotation = within("rotation", raw.rotation, 0.0, 1.0)?;
        let min_relevance = within("min_relevance", raw.min_relevance, 0.0, 1.0)?;
        let margin_weight = within("margin_weight", raw.margin_weight, 0.0, 1.0)?;
        let level = raw.category_level.map(f64::from);
        within("category_level", level, 0.0, f64::from(MAX_CATEGORY_LEVEL))?;
        within(
            "max_per_category",
            raw.max_per_category.map(f64::from),
            1.0,
            500.0,
        )?;

        at_most("boosts", raw.boosts.len(), MAX_BOOSTS)?;
        at_most("slots", raw.slots.len(), MAX_SLOTS)?;
        let mut taken: HashSet<String> = HashSet::from_iter([FILTER.to_owned()]);
        let boosts = raw.boosts.into_iter().map(|RawBoost { name, when, factor }| {
            let key = format!("boosts.{name}.factor");
            Ok(Boost {
                when: read(|| format!("boosts.{name}.when"), &when)?,
                factor: in_range(&key, factor, 0.0, 1000.0)?,
                name: named("boosts", name, &mut taken)?,
            })
        });
        let boosts = boosts.collect::<Result<Vec<_>, RulesError>>()?;
        let slots = raw.slots.into_iter().map(|RawSlot { name, when, share }| {
            let key = format!("slots.{name}.share");
            Ok(Slot {
                when: read(|| format!("slots.{name}.when"), &when)?,
                share: in_range(&key, share, f64::MIN_POSITIVE, 1.0)?,
                name: named("slots", name, &mut taken)?,
            })
        });
        let slots = slots.collect::<Result<Vec<_>, RulesError>>()?;
        let sum: f64 = slots.iter().map(|slot| slot.share).sum();
        // Ten tenths may sum to a little more than one.
        if sum > 1.0 + 1e-9 {
            return Err(RulesError::Shares { sum });
        }
        let filter = raw.filter.map(|filter| read(|| FILTER.to_owned(), &filter));
        Ok(Self {
            filters: filter.transpose()?.into_iter().collect(),
            exclude_bought_days,
            max_per_category: raw.max_per_category,
            category_level: raw.category_level,
            diversity,
            rotation,
            min_relevance,
            margin_weight,
            boosts,
            slots,
        })
    }
}

fn in_range(key: &str, value: f64, least: f64, most: f64) -> Result<f64, RulesError> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(RulesError::Range {
        key: key.to_owned(),
        value,
        least,
        most,
    })
}

fn at_most(key: &'static str, count: usize, most: usize) -> Result<(), RulesError> {
    if count > most {
        return Err(RulesError::TooMany { key, count, most });
    }
    Ok(())
}

fn read(key: impl FnOnce() -> String, text: &str) -> Result<Arc<Expression>, RulesError> {
    Expression::parse(text)
        .map(Arc::new)
        .map_err(|source| RulesError::Expression { key: key(), source })
}

fn named(key: &'static str, name: String, taken: &mut HashSet<String>) -> Result<Arc<str>, RulesError> {
    if let Err(source) = check_name(&name) {
        return Err(RulesError::Name { key, name, source });
    }
    let shared = name.as_str().into();
    if taken.insert(name.clone()) {
        Ok(shared)
    } else {
        Err(RulesError::Taken { key, name })
    }
}
