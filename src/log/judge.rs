//! The rules of a recipe, for one row: which event it is, or why it is none.
//!
//! Enters: the cells of a row. Leaves: [`Ids`] and [`Facts`], what it says; and from them a [`Judged`] event or the first
//! [`Reason`] against it.

use super::batch::Cell;
use super::event::EventKind;
use super::raw::ZeroPrice;
use super::read::ReadOptions;
use super::report::{Reason, Traps};
use super::source::{KindRule, Source, slot};
use crate::id::check_name;
use crate::time::Timestamp;

/// Largest quantity that is read as one; more is another column or a slipped digit.
pub const MAX_QUANTITY: f64 = 1e7;

/// The ids of one row, in the recipe's letter case.
#[derive(Default)]
pub(super) struct Ids {
    pub(super) customer: String,
    pub(super) item: String,
    pub(super) order: String,
    pub(super) session: String,
    pub(super) event: String,
    pub(super) item_as_written: String,
    /// A cell that holds something that can be no id.
    bad: bool,
}

impl Ids {
    pub(super) fn read<'a>(&mut self, source: &Source, cell: impl Fn(usize) -> Cell<'a>) {
        self.bad = false;
        for (slot, id) in [
            (slot::CUSTOMER_ID, &mut self.customer),
            (slot::ITEM_ID, &mut self.item),
            (slot::ORDER_ID, &mut self.order),
            (slot::SESSION_ID, &mut self.session),
            (slot::EVENT_ID, &mut self.event),
        ] {
            id.clear();
            self.bad |= !cell(slot).write_id(id);
        }
        self.item_as_written.clone_from(&self.item);
        source.raw().customer_id_case.apply(&mut self.customer, 0);
        source.raw().item_id_case.apply(&mut self.item, 0);
    }

    fn are_good(&self) -> bool {
        let is_id = |id: &String| {
            check_name(id).is_ok() && (id.is_ascii() || !id.contains(char::REPLACEMENT_CHARACTER))
        };
        let may_be_id = |id: &String| id.is_empty() || is_id(id);
        !self.bad
            && is_id(&self.customer)
            && is_id(&self.item)
            && may_be_id(&self.order)
            && may_be_id(&self.session)
            && may_be_id(&self.event)
    }
}

/// What a row says, before it is judged.
pub(super) struct Facts {
    /// `Err` when the word is unknown or missing, `Ok(None)` when the recipe does not want it.
    kind: Result<Option<EventKind>, ()>,
    /// `Err` when it cannot be read.
    quantity: Result<Option<f64>, ()>,
    price: Result<Option<f64>, ()>,
}

impl Facts {
    pub(super) fn read<'a>(source: &Source, ids: &Ids, cell: impl Fn(usize) -> Cell<'a>) -> Self {
        let number = |slot| cell(slot).number(source.decimal_comma).map_err(drop);
        let quantity = number(slot::QUANTITY);
        let kind = match &source.kind {
            KindRule::Constant(kind) => Ok(Some(*kind)),
            KindRule::Column(words) => {
                let mut word = String::new();
                let is_word = cell(slot::KIND).write_id(&mut word);
                let meaning = words.get(&word).or_else(|| words.get(&word.to_lowercase()));
                meaning.filter(|_| is_word).copied().ok_or(())
            }
        };
        let below_zero = matches!(quantity, Ok(Some(quantity)) if quantity < 0.0);
        let is_return =
            (source.raw().returns.negative_quantity && below_zero) || source.is_return_order(&ids.order);
        let kind = match kind {
            Ok(Some(EventKind::Purchase)) if is_return => Ok(Some(EventKind::Return)),
            other => other,
        };
        Self {
            kind,
            quantity,
            price: number(slot::UNIT_PRICE),
        }
    }

    pub(super) fn count(&self, ids: &Ids, traps: &mut Traps) {
        let is_return = self.kind == Ok(Some(EventKind::Return));
        traps.missing_customer += u64::from(ids.customer.is_empty());
        traps.return_lines += u64::from(is_return);
        if matches!(self.quantity, Ok(Some(quantity)) if quantity <= 0.0) {
            traps.quantity_not_positive += 1;
            traps.quantity_not_positive_and_no_return += u64::from(!is_return);
        }
        if let Ok(Some(price)) = self.price {
            traps.price_zero += u64::from(price == 0.0);
            traps.price_negative += u64::from(price < 0.0);
        }
    }
}

/// A row that passed.
#[derive(Clone, Copy)]
pub(super) struct Judged {
    pub(super) kind: EventKind,
    pub(super) occurred_at: Timestamp,
    pub(super) quantity: f32,
    pub(super) unit_price: Option<f32>,
}

/// The event that a row is, or the first reason why it is none. What the recipe asks to leave out comes first, so that
/// strict reading complains only of rows that somebody wants.
pub(super) fn judge(
    source: &Source,
    options: &ReadOptions,
    ids: &Ids,
    facts: &Facts,
    at: Option<Timestamp>,
) -> Result<Judged, Reason> {
    if at.is_some_and(|at| options.leaves_out(at)) {
        return Err(Reason::AfterCutOff);
    }
    if source.drops_item(&ids.item) {
        return Err(Reason::DroppedItem);
    }
    let is_order_line = matches!(facts.kind, Ok(Some(EventKind::Purchase | EventKind::Return)));
    let is_free = matches!(facts.price, Ok(Some(price)) if price == 0.0);
    if source.raw().zero_price == ZeroPrice::Drop && is_order_line && is_free {
        return Err(Reason::ZeroPrice);
    }
    if facts.kind == Ok(None) {
        return Err(Reason::UnwantedKind);
    }
    if ids.customer.is_empty() && !ids.bad {
        return Err(Reason::MissingCustomer);
    }
    if ids.item.is_empty() && !ids.bad {
        return Err(Reason::MissingItem);
    }
    let Ok(Some(kind)) = facts.kind else {
        return Err(Reason::UnknownKind);
    };
    let occurred_at = at.ok_or(Reason::UnreadableTime)?;
    if occurred_at > options.now {
        return Err(Reason::FutureTime);
    }
    let quantity = judge_quantity(kind, facts.quantity.map_err(|()| Reason::UnreadableQuantity)?)?;
    let unit_price = match facts.price.map_err(|()| Reason::BadPrice)? {
        Some(price) if price >= 0.0 && (price as f32).is_finite() => Some(price as f32),
        None => None,
        Some(_) => return Err(Reason::BadPrice),
    };
    if !ids.are_good() {
        return Err(Reason::BadId);
    }
    Ok(Judged {
        kind,
        occurred_at,
        quantity,
        unit_price,
    })
}

fn judge_quantity(kind: EventKind, quantity: Option<f64>) -> Result<f32, Reason> {
    let quantity = match (kind, quantity) {
        (_, None) => 1.0,
        // Logs of all kinds in one table often write 0 for what has no quantity.
        (EventKind::View, Some(0.0)) => 1.0,
        (EventKind::Return, Some(quantity)) => quantity.abs(),
        (_, Some(quantity)) => quantity,
    };
    if !quantity.is_finite() || quantity.abs() > MAX_QUANTITY {
        return Err(Reason::UnreadableQuantity);
    }
    if quantity < 0.0 {
        return Err(Reason::NegativeQuantity);
    }
    // Tiny numbers may round to zero.
    if quantity as f32 <= 0.0 {
        return Err(Reason::ZeroQuantity);
    }
    Ok(quantity as f32)
}
