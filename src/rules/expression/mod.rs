//! Conditions on items, as a shop writes them: read once, evaluated for every candidate.
//!
//! Enters: a text such as `item.category under "kitchen" and item.price <= 1.6 * context.price`. Leaves: an
//! [`Expression`] that says of an item whether it holds, or an [`ExpressionError`] that shows the place.
//!
//! | part | written | of |
//! |---|---|---|
//! | comparison | `=` `!=` `<` `<=` `>` `>=` | numbers; `=` and `!=` also texts, and conditions |
//! | set | `item.leaf in ["tins", 'forks']`, `item.price in [5, 10]` | texts or numbers |
//! | path | `item.category under "kitchen/baking"`, level by level | texts |
//! | beginning | `item.id starts_with "GIFT"` | texts |
//! | presence | `has(item.price)` | attributes |
//! | arithmetic | `+` `-` `*` `/` | numbers |
//! | logic | `not`, then `and`, then `or`; parentheses | conditions |
//!
//! Texts stand in double or single quotes, with `\\`, `\"`, `\'`, `\n` and `\t` inside. [`Attribute`] names what can be
//! asked of the item, of the context (the first item of the page or cart) and of the customer.
//!
//! The one decision: **a comparison with a missing value is false**, also under `!=`, `in`, `under` and `starts_with`;
//! `not` of it is then true. So `item.price != 5` holds only where there is a price, and `not item.price = 5` also where
//! there is none. A sum, product or quotient with a missing part is missing, and so is one that is not finite, such as
//! a division by zero.
//!
//! Deliberately not here: functions, variables and loops. An expression takes time in proportion to its length.

mod attribute;
mod check;
mod condition;
mod error;
mod facts;
mod parser;
mod syntax;
#[cfg(test)]
mod tests;
mod token;

use std::fmt;
use std::str::FromStr;

pub use attribute::{Attribute, BooleanAttribute, NumberAttribute, TextAttribute};
pub use error::ExpressionError;
pub use facts::{Anonymous, Context, CustomerFacts, ItemFacts, Scope, margin};

use condition::Condition;
use syntax::Node;

/// Most bytes of an expression.
pub const MAX_BYTES: usize = 5_000;
/// Most levels of parentheses, and most levels of operators.
pub const MAX_DEPTH: usize = 64;
/// Most values in a set.
pub const MAX_SET: usize = 500;

/// A condition on items, checked and compiled.
///
/// Shown, it is written in one way that reads back as the same expression.
#[derive(Clone, Debug)]
pub struct Expression {
    tree: Node,
    condition: Condition,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`ExpressionError`] with the place of the first thing that is wrong.
    pub fn parse(source: &str) -> Result<Self, ExpressionError> {
        if source.len() > MAX_BYTES {
            let message = format!(
                "an expression has at most {MAX_BYTES} bytes, and this one has {}",
                source.len()
            );
            let end = (MAX_BYTES..=source.len()).find(|&at| source.is_char_boundary(at));
            let end = end.unwrap_or(source.len());
            return Err(ExpressionError::new(source, end..end, message));
        }
        let tree = parser::parse(source)?;
        let condition = check::compile(source, &tree)?;
        Ok(Self { tree, condition })
    }

    /// Whether it holds for an item.
    #[must_use]
    pub fn holds(&self, item: &impl ItemFacts, scope: &Scope<'_>) -> bool {
        self.condition.holds(item, scope)
    }

    /// Whether it is the same for every item, and then what it is.
    #[must_use]
    pub fn constant(&self) -> Option<bool> {
        match self.condition {
            Condition::Constant(constant) => Some(constant),
            _ => None,
        }
    }
}

impl FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(source: &str) -> Result<Self, ExpressionError> {
        Self::parse(source)
    }
}

/// Equal when the same is written, whatever the spaces and parentheses.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.tree == other.tree
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tree.fmt(f)
    }
}
