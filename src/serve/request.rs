//! What a storefront asks, in the shop's own words.
//!
//! Enters: a request as a door read it, every text a name from outside. Leaves: the same request, checked: each rule
//! that fails names its field the way the public contract spells it.
//!
//! The one decision: the whole situation of the asker stands in the request, so an answer is a pure function of the
//! model, the history and this value. Nothing here is remembered.

use super::error::ServeError;
use crate::id::check_name;
use crate::log::EventKind;
use crate::rules::{Kind, RawRules};
use crate::time::Timestamp;

/// Most items that one request may ask for.
pub const MAX_COUNT: u32 = 500;
/// Most context items, cart lines, recent events, items just shown or category prefixes in one request, each.
pub const MAX_CONTEXT: usize = 1_000;
/// Most excluded ids in one request.
pub const MAX_EXCLUDED: usize = 10_000;
/// Window of buying again where the request says none.
pub const DEFAULT_WINDOW_DAYS: f64 = 14.0;
/// Most items that one explanation is asked about.
pub const MAX_ABOUT: usize = 100;
/// Most requests in one call for shelves.
pub const MAX_SHELVES: usize = 20;

/// One event that happened after the model was trained, in the shape of a log event.
#[derive(Clone, PartialEq, Debug)]
pub struct ContextEvent {
    /// The shop's id of the event; the same id twice counts once.
    pub event_id: Option<String>,
    /// With which item.
    pub item_id: String,
    /// What was done.
    pub kind: EventKind,
    /// When; `None` is just now.
    pub occurred_at: Option<Timestamp>,
    /// How many pieces, above zero.
    pub quantity: f32,
    /// Price of one piece.
    pub unit_price: Option<f32>,
    /// The order that the line belongs to.
    pub order_id: Option<String>,
    /// The visit that the event belongs to.
    pub session_id: Option<String>,
}

/// One line of the cart.
#[derive(Clone, PartialEq, Debug)]
pub struct CartLine {
    /// The item.
    pub item_id: String,
    /// How many pieces, above zero.
    pub quantity: f32,
    /// Price of one piece.
    pub unit_price: Option<f32>,
}

/// Who asks, and in which situation.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Context {
    /// The customer, where she is known to the shop.
    pub customer_id: Option<String>,
    /// The items of the page.
    pub item_ids: Vec<String>,
    /// What lies in the cart.
    pub cart: Vec<CartLine>,
    /// What happened since the model was trained.
    pub recent_events: Vec<ContextEvent>,
    /// What was just shown to the asker, the newest first.
    pub just_shown: Vec<String>,
}

/// Which items may be in the answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Filter {
    /// Categories to stay within, level by level; an item has to be in one of them. Empty allows every category.
    pub category_prefixes: Vec<String>,
    /// Least price; an item without a known price does not pass.
    pub min_price: Option<f64>,
    /// Greatest price; an item without a known price does not pass.
    pub max_price: Option<f64>,
    /// Whether what cannot be sold now is left out. True unless the asker says otherwise.
    pub available_only: bool,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            category_prefixes: Vec::new(),
            min_price: None,
            max_price: None,
            available_only: true,
        }
    }
}

impl Filter {
    /// Whether it leaves out nothing but what cannot be sold.
    pub(super) fn asks_nothing(&self) -> bool {
        self.category_prefixes.is_empty() && self.min_price.is_none() && self.max_price.is_none()
    }
}

/// One question of a storefront.
#[derive(Clone, PartialEq, Debug)]
pub struct RecommendRequest {
    /// What kind of recommendation; `None` for the placement's.
    pub kind: Option<Kind>,
    /// Who asks, and in which situation.
    pub context: Context,
    /// How many items, 1 to [`MAX_COUNT`]; 0 for as many as the placement says.
    pub count: u32,
    /// Items that must not be in the answer. Ids that the model does not know are excluded anyway.
    pub exclude_item_ids: Vec<String>,
    /// Which items may be in the answer.
    pub filter: Filter,
    /// What the shop wants beside relevance; what is given wins over the placement's.
    pub rules: RawRules,
    /// Names of the placement's rules that do not hold.
    pub without: Vec<String>,
    /// Kinds that fill the places that are left, in this order; empty for the placement's.
    pub fallback: Vec<Kind>,
    /// Buying again: due within so many days; `None` for [`DEFAULT_WINDOW_DAYS`].
    pub window_days: Option<f64>,
    /// Whether each item says why it is there.
    pub with_reasons: bool,
    /// Whether each item brings what the catalogue knows of it.
    pub with_attributes: bool,
    /// The place on the page that asks.
    pub placement: Option<String>,
    /// Answer from this model instead of the current one.
    pub model_version: Option<String>,
    /// Answer as of this instant instead of the latest one that the model and the context know.
    pub as_of: Option<Timestamp>,
}

impl RecommendRequest {
    /// A request of this kind with an empty context and everything else at its default.
    #[must_use]
    pub fn new(kind: Kind, count: u32) -> Self {
        Self {
            kind: Some(kind),
            context: Context::default(),
            count,
            exclude_item_ids: Vec::new(),
            filter: Filter::default(),
            rules: RawRules::default(),
            without: Vec::new(),
            fallback: Vec::new(),
            window_days: None,
            with_reasons: false,
            with_attributes: false,
            placement: None,
            model_version: None,
            as_of: None,
        }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`ServeError::InvalidArgument`] with the first field that breaks a rule.
    pub fn check(&self) -> Result<(), ServeError> {
        // A placement may say how many.
        let least = u32::from(self.placement.is_none());
        if !(least..=MAX_COUNT).contains(&self.count) {
            return Err(invalid(
                "count",
                format!("must be 1 to {MAX_COUNT}, got {}", self.count),
            ));
        }
        self.context.check()?;
        at_most("exclude_item_ids", self.exclude_item_ids.len(), MAX_EXCLUDED)?;
        for (at, id) in self.exclude_item_ids.iter().enumerate() {
            id_of(|| format!("exclude_item_ids[{at}]"), id)?;
        }
        self.filter.check()?;
        at_most("rules.without", self.without.len(), MAX_CONTEXT)?;
        for (at, &kind) in self.fallback.iter().enumerate() {
            if self.fallback[..at].contains(&kind) {
                return Err(invalid(
                    format!("rules.fallback[{at}]"),
                    format!("names {} twice", kind.name()),
                ));
            }
        }
        if let Some(days) = self.window_days
            && !(1.0..=365.0).contains(&days)
        {
            return Err(invalid(
                "rules.window_days",
                format!("must be a number of days from 1 to 365, got {days}"),
            ));
        }
        if let Some(placement) = &self.placement {
            id_of(|| "placement".to_owned(), placement)?;
        }
        if let Some(version) = &self.model_version {
            id_of(|| "model_version".to_owned(), version)?;
        }
        Ok(())
    }
}

impl Context {
    fn check(&self) -> Result<(), ServeError> {
        if let Some(customer) = &self.customer_id {
            id_of(|| "customer_id".to_owned(), customer)?;
        }
        at_most("context.item_ids", self.item_ids.len(), MAX_CONTEXT)?;
        for (at, id) in self.item_ids.iter().enumerate() {
            id_of(|| format!("context.item_ids[{at}]"), id)?;
        }
        at_most("context.cart", self.cart.len(), MAX_CONTEXT)?;
        for (at, line) in self.cart.iter().enumerate() {
            let field = |name: &str| format!("context.cart[{at}].{name}");
            id_of(|| field("item_id"), &line.item_id)?;
            amount(
                || field("quantity"),
                line.quantity,
                line.unit_price,
                || field("unit_price"),
            )?;
        }
        at_most("context.recent_events", self.recent_events.len(), MAX_CONTEXT)?;
        for (at, event) in self.recent_events.iter().enumerate() {
            let field = |name: &str| format!("context.recent_events[{at}].{name}");
            id_of(|| field("item_id"), &event.item_id)?;
            amount(
                || field("quantity"),
                event.quantity,
                event.unit_price,
                || field("unit_price"),
            )?;
            for (name, id) in [
                ("event_id", &event.event_id),
                ("order_id", &event.order_id),
                ("session_id", &event.session_id),
            ] {
                if let Some(id) = id {
                    id_of(|| field(name), id)?;
                }
            }
        }
        at_most("context.just_shown_item_ids", self.just_shown.len(), MAX_CONTEXT)?;
        for (at, id) in self.just_shown.iter().enumerate() {
            id_of(|| format!("context.just_shown_item_ids[{at}]"), id)?;
        }
        Ok(())
    }
}

impl Filter {
    fn check(&self) -> Result<(), ServeError> {
        at_most(
            "filter.category_prefixes",
            self.category_prefixes.len(),
            MAX_CONTEXT,
        )?;
        for (at, prefix) in self.category_prefixes.iter().enumerate() {
            id_of(|| format!("filter.category_prefixes[{at}]"), prefix)?;
        }
        for (field, price) in [
            ("filter.min_price", self.min_price),
            ("filter.max_price", self.max_price),
        ] {
            if let Some(price) = price
                && !(price.is_finite() && price >= 0.0)
            {
                return Err(invalid(
                    field,
                    format!("must be a number of 0 or more, got {price}"),
                ));
            }
        }
        if let (Some(min), Some(max)) = (self.min_price, self.max_price)
            && min > max
        {
            return Err(invalid(
                "filter.max_price",
                format!("must not be below filter.min_price = {min}, got {max}"),
            ));
        }
        Ok(())
    }
}

/// An [`ServeError::InvalidArgument`].
pub(crate) fn invalid(field: impl Into<String>, rule: impl Into<String>) -> ServeError {
    ServeError::InvalidArgument {
        field: field.into(),
        rule: rule.into(),
    }
}

/// Checks an id; the field's name is made only when it is needed.
pub(crate) fn id_of(field: impl FnOnce() -> String, id: &str) -> Result<(), ServeError> {
    check_name(id)
        .map(drop)
        .map_err(|error| invalid(field(), error.to_string()))
}

fn at_most(field: &str, len: usize, limit: usize) -> Result<(), ServeError> {
    if len > limit {
        return Err(invalid(
            field,
            format!("must have at most {limit} entries, got {len}"),
        ));
    }
    Ok(())
}

fn amount(
    quantity_field: impl FnOnce() -> String,
    quantity: f32,
    unit_price: Option<f32>,
    price_field: impl FnOnce() -> String,
) -> Result<(), ServeError> {
    if !(quantity.is_finite() && quantity > 0.0) {
        return Err(invalid(
            quantity_field(),
            format!("must be a number above 0, got {quantity}"),
        ));
    }
    match unit_price {
        Some(price) if !(price.is_finite() && price >= 0.0) => Err(invalid(
            price_field(),
            format!("must be a number of 0 or more, got {price}"),
        )),
        _ => Ok(()),
    }
}
