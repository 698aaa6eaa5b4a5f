//! The compiled form: typed, folded, and evaluated without allocation.

use std::cmp::Ordering;

use super::attribute::{Attribute, BooleanAttribute, NumberAttribute, TextAttribute};
use super::facts::{ItemFacts, Scope, is_under};

/// Something that holds or not.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Condition {
    Constant(bool),
    Fact(BooleanAttribute),
    Has(Attribute),
    Not(Box<Self>),
    All(Box<[Self]>),
    Any(Box<[Self]>),
    /// Whether two conditions hold alike.
    Alike(Box<Self>, Box<Self>),
    Numbers(NumberTest, Quantity, Quantity),
    Texts(TextTest, Name, Name),
    /// The numbers ascend.
    NumberIn(Quantity, Box<[f64]>),
    /// The texts ascend, shorter ones first.
    TextIn(Name, Box<[Box<str>]>),
}

/// A number that may be missing.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Quantity {
    /// `None` is missing whatever the item, as a division by zero is.
    Constant(Option<f64>),
    Fact(NumberAttribute),
    Arithmetic(Arithmetic, Box<Self>, Box<Self>),
}

/// A text that may be missing.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Name {
    Constant(Box<str>),
    Fact(TextAttribute),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NumberTest {
    Equal,
    NotEqual,
    Less,
    AtMost,
    More,
    AtLeast,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TextTest {
    Equal,
    NotEqual,
    Under,
    StartsWith,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Arithmetic {
    Plus,
    Minus,
    Times,
    Over,
}

impl Condition {
    pub(super) fn holds(&self, item: &impl ItemFacts, scope: &Scope<'_>) -> bool {
        match self {
            Self::Constant(constant) => *constant,
            Self::Fact(attribute) => scope.boolean(*attribute, item),
            Self::Has(Attribute::Text(attribute)) => scope.text(*attribute, item).is_some(),
            Self::Has(Attribute::Number(attribute)) => scope.number(*attribute, item).is_some(),
            Self::Has(Attribute::Boolean(_)) => true,
            Self::Not(of) => !of.holds(item, scope),
            Self::All(parts) => parts.iter().all(|part| part.holds(item, scope)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(item, scope)),
            Self::Alike(left, right) => left.holds(item, scope) == right.holds(item, scope),
            Self::Numbers(test, left, right) => {
                let values = left.value(item, scope).zip(right.value(item, scope));
                values.is_some_and(|(left, right)| test.holds(left, right))
            }
            Self::Texts(test, left, right) => {
                let values = left.value(item, scope).zip(right.value(item, scope));
                values.is_some_and(|(left, right)| test.holds(left, right))
            }
            Self::NumberIn(of, set) => of.value(item, scope).is_some_and(|value| contains(set, value)),
            Self::TextIn(of, set) => of
                .value(item, scope)
                .is_some_and(|value| set.binary_search_by(|known| shorter_first(known, value)).is_ok()),
        }
    }
}

/// An order of texts that most often is decided without looking into them.
pub(super) fn shorter_first(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Whether an ascending set holds a number; zero is zero with either sign.
fn contains(set: &[f64], value: f64) -> bool {
    set.binary_search_by(|known| known.total_cmp(&(value + 0.0)))
        .is_ok()
}

impl Quantity {
    fn value(&self, item: &impl ItemFacts, scope: &Scope<'_>) -> Option<f64> {
        match self {
            Self::Constant(constant) => *constant,
            Self::Fact(attribute) => scope.number(*attribute, item),
            Self::Arithmetic(arithmetic, left, right) => {
                arithmetic.of(left.value(item, scope)?, right.value(item, scope)?)
            }
        }
    }
}

impl Name {
    fn value<'a>(&'a self, item: &'a impl ItemFacts, scope: &'a Scope<'_>) -> Option<&'a str> {
        match self {
            Self::Constant(constant) => Some(constant),
            Self::Fact(attribute) => scope.text(*attribute, item),
        }
    }
}

impl NumberTest {
    #[expect(clippy::float_cmp, reason = "equality is what the writer of `=` asks for")]
    pub(super) fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::More => left > right,
            Self::AtLeast => left >= right,
        }
    }
}

impl TextTest {
    pub(super) fn holds(self, left: &str, right: &str) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Under => is_under(left, right),
            Self::StartsWith => left.starts_with(right),
        }
    }
}

impl Arithmetic {
    /// The result; missing where it is not finite.
    pub(super) fn of(self, left: f64, right: f64) -> Option<f64> {
        let result = match self {
            Self::Plus => left + right,
            Self::Minus => left - right,
            Self::Times => left * right,
            Self::Over => left / right,
        };
        result.is_finite().then_some(result)
    }
}
