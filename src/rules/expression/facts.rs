//! What an expression is asked of: an item, the page or cart, and the customer.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::catalog::{CATEGORY_SEPARATOR, Item};
use crate::time::Timestamp;

use super::attribute::{BooleanAttribute, NumberAttribute, TextAttribute};

/// What is known of one item.
pub trait ItemFacts {
    /// Its name outside.
    fn id(&self) -> &str;
    /// What the catalogue knows of it.
    fn item(&self) -> &Item;
    /// Whether it can be sold now.
    fn is_available(&self) -> bool;
}

/// What is known of who asks. Each fact is asked for at most once per request, and only when an expression needs it;
/// `None` is missing.
pub trait CustomerFacts {
    /// Whether the shop knows who asks.
    fn is_known(&self) -> bool {
        false
    }
    /// How many orders she made.
    fn orders(&self) -> Option<f64> {
        None
    }
    /// Days since her last purchase.
    fn days_since_purchase(&self) -> Option<f64> {
        None
    }
    /// Name of her segment.
    fn segment(&self) -> Option<Cow<'static, str>> {
        None
    }
    /// Name of her stage of life.
    fn stage(&self) -> Option<Cow<'static, str>> {
        None
    }
    /// How likely she is to leave, 0 to 1.
    fn churn_probability(&self) -> Option<f64> {
        None
    }
    /// Where her purchases lie among the prices of their categories, from 0 (the cheapest) to 1 (the dearest).
    fn price_level(&self) -> Option<f64> {
        None
    }
}

/// Somebody of whom nothing is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Anonymous;

impl CustomerFacts for Anonymous {}

/// What the page and the cart hold.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Context<'a> {
    /// Id and facts of the first item.
    pub first: Option<(&'a str, &'a Item)>,
    /// How many items there are.
    pub count: usize,
}

/// What holds for all items of one request.
pub struct Scope<'a> {
    now: Timestamp,
    context: Context<'a>,
    customer: &'a dyn CustomerFacts,
    known: OnceCell<bool>,
    orders: OnceCell<Option<f64>>,
    days_since_purchase: OnceCell<Option<f64>>,
    churn_probability: OnceCell<Option<f64>>,
    price_level: OnceCell<Option<f64>>,
    segment: OnceCell<Option<Cow<'static, str>>>,
    stage: OnceCell<Option<Cow<'static, str>>>,
}

impl<'a> Scope<'a> {
    /// The scope of a request as of `now`.
    #[must_use]
    pub fn new(now: Timestamp, context: Context<'a>, customer: &'a dyn CustomerFacts) -> Self {
        Self {
            now,
            context,
            customer,
            known: OnceCell::new(),
            orders: OnceCell::new(),
            days_since_purchase: OnceCell::new(),
            churn_probability: OnceCell::new(),
            price_level: OnceCell::new(),
            segment: OnceCell::new(),
            stage: OnceCell::new(),
        }
    }

    /// A text; `None` where it is missing.
    pub fn text<'b>(&'b self, attribute: TextAttribute, item: &'b impl ItemFacts) -> Option<&'b str> {
        let first = self.context.first;
        match attribute {
            TextAttribute::ItemId => Some(item.id()),
            TextAttribute::ItemTitle => item.item().title.as_deref(),
            TextAttribute::ItemCategory => item.item().category.as_deref(),
            TextAttribute::ItemLeaf => leaf(item.item()),
            TextAttribute::ContextId => first.map(|(id, _)| id),
            TextAttribute::ContextCategory => first.and_then(|(_, item)| item.category.as_deref()),
            TextAttribute::ContextLeaf => first.and_then(|(_, item)| leaf(item)),
            TextAttribute::CustomerSegment => self.segment.get_or_init(|| self.customer.segment()).as_deref(),
            TextAttribute::CustomerStage => self.stage.get_or_init(|| self.customer.stage()).as_deref(),
        }
    }

    /// A number; `None` where it is missing.
    pub fn number(&self, attribute: NumberAttribute, item: &impl ItemFacts) -> Option<f64> {
        let first = self.context.first;
        let number = match attribute {
            NumberAttribute::ItemPrice => item.item().price,
            NumberAttribute::ItemCost => item.item().cost,
            NumberAttribute::ItemMargin => margin(item.item()),
            NumberAttribute::ItemMarginShare => margin_share(item.item()),
            NumberAttribute::ItemAgeDays => item
                .item()
                .launched_at
                .map(|launched_at| self.now.days_since(launched_at)),
            NumberAttribute::ContextPrice => first.and_then(|(_, item)| item.price),
            NumberAttribute::ContextMargin => first.and_then(|(_, item)| margin(item)),
            NumberAttribute::ContextCount => Some(self.context.count as f64),
            NumberAttribute::CustomerOrders => *self.orders.get_or_init(|| self.customer.orders()),
            NumberAttribute::CustomerDaysSincePurchase => *self
                .days_since_purchase
                .get_or_init(|| self.customer.days_since_purchase()),
            NumberAttribute::CustomerChurnProbability => *self
                .churn_probability
                .get_or_init(|| self.customer.churn_probability()),
            NumberAttribute::CustomerPriceLevel => {
                *self.price_level.get_or_init(|| self.customer.price_level())
            }
        };
        number.filter(|number| number.is_finite())
    }

    /// Whether something holds.
    pub fn boolean(&self, attribute: BooleanAttribute, item: &impl ItemFacts) -> bool {
        match attribute {
            BooleanAttribute::ItemAvailable => item.is_available(),
            BooleanAttribute::CustomerKnown => *self.known.get_or_init(|| self.customer.is_known()),
        }
    }
}

/// Price less cost; missing when one of them is.
#[must_use]
pub fn margin(item: &Item) -> Option<f64> {
    Some(item.price? - item.cost?)
}

/// Price less cost as a share of the price; missing also at price 0.
fn margin_share(item: &Item) -> Option<f64> {
    let price = item.price.filter(|&price| price > 0.0)?;
    Some((price - item.cost?) / price)
}

/// The last level of the category path. The separator is one byte in UTF-8 and part of no other character.
fn leaf(item: &Item) -> Option<&str> {
    let path = item.category.as_deref()?;
    let before = path.bytes().rposition(|byte| byte == CATEGORY_SEPARATOR as u8);
    path.get(before.map_or(0, |at| at + 1)..)
}

/// Whether a path is `prefix` or below it, level by level, as [`Item::is_in_category`] has it.
pub(super) fn is_under(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix.trim_end_matches(CATEGORY_SEPARATOR))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(CATEGORY_SEPARATOR))
}
