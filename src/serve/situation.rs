//! What a request says of its asker, in the rows of one index.

use hashbrown::HashSet;

use super::answer::EvidenceKind;
use super::hidden::Hidden;
use super::index::Index;
use super::request::{Context, ContextEvent, RecommendRequest};
use crate::history::{History, HistoryBuf, Interaction, Profile};
use crate::id::{CustomerIdx, ItemIdx};
use crate::log::EventKind;
use crate::time::Timestamp;

/// One thing that the request's context says was done. What a model makes of it depends on these fields alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Seen {
    pub(super) at: Timestamp,
    pub(super) item: ItemIdx,
    pub(super) kind: EventKind,
    /// What ties the asker to the item: page items are views to a model, and something else to a reader.
    pub(super) tie: EvidenceKind,
}

/// Who asks, in the rows of one index.
#[derive(Clone, Debug)]
pub(super) struct Situation {
    pub(super) customer: Option<CustomerIdx>,
    /// Everything the context says, in one canonical order, so that two ways to say the same are the same.
    pub(super) seen: Vec<Seen>,
    /// Items of the page, ascending, each once.
    pub(super) page: Vec<ItemIdx>,
    /// Items of the cart, ascending, each once.
    pub(super) cart: Vec<ItemIdx>,
    /// Items of page and cart, ascending, each once.
    pub(super) in_view: Vec<ItemIdx>,
    /// The item that the page is about: the first that it names; without a page the cart's first.
    pub(super) first: Option<ItemIdx>,
    /// Whether the request names a customer, known or not.
    pub(super) names_customer: bool,
    /// Whether the request names no item of a page, known or not.
    pub(super) names_no_page: bool,
    /// Whether the request names no item of page or cart, known or not.
    pub(super) names_no_item: bool,
    pub(super) now: Timestamp,
    pub(super) unknown_ids: Vec<String>,
}

impl Situation {
    pub(super) fn new(index: &Index, request: &RecommendRequest) -> Self {
        let histories = &index.parts().histories;
        let context = &request.context;
        let mut unknown = Unknown::default();
        let customer = context.customer_id.as_deref().and_then(|id| {
            let found = histories.customers().find(id);
            unknown.note(id, found.is_none());
            found
        });
        let mut item = |id: &str| {
            let found = histories.items().find(id);
            unknown.note(id, found.is_none());
            found
        };

        let mut page: Vec<ItemIdx> = context.item_ids.iter().filter_map(|id| item(id)).collect();
        let mut cart: Vec<ItemIdx> = context
            .cart
            .iter()
            .filter_map(|line| item(&line.item_id))
            .collect();
        let first = page.first().or(cart.first()).copied();
        let now = request
            .as_of
            .unwrap_or_else(|| latest(index.parts().data_through, context));
        // What the context says without a time happened just before the answer.
        let just_now = Timestamp::from_micros(now.as_micros() - 1).unwrap_or(now);

        let past = customer.map_or(History::empty(), |customer| histories.of(customer));
        let mut seen = Vec::with_capacity(context.recent_events.len() + page.len() + cart.len());
        for event in distinct(&context.recent_events) {
            let Some(item) = item(&event.item_id) else {
                continue;
            };
            let at = event.occurred_at.unwrap_or(just_now);
            if at < now && !holds(past, item, event.kind, at) {
                let tie = tie(event.kind);
                seen.push(Seen {
                    at,
                    item,
                    kind: event.kind,
                    tie,
                });
            }
        }
        let undated = |item, kind, tie| Seen {
            at: just_now,
            item,
            kind,
            tie,
        };
        page.sort_unstable();
        page.dedup();
        cart.sort_unstable();
        cart.dedup();
        let mut in_view = [page.as_slice(), cart.as_slice()].concat();
        in_view.sort_unstable();
        in_view.dedup();
        seen.extend(
            page.iter()
                .map(|&item| undated(item, EventKind::View, EvidenceKind::Context)),
        );
        seen.extend(
            cart.iter()
                .map(|&item| undated(item, EventKind::Cart, EvidenceKind::InCart)),
        );
        seen.sort_unstable();
        Self {
            customer,
            seen,
            page,
            cart,
            in_view,
            first,
            names_customer: context.customer_id.is_some(),
            names_no_page: context.item_ids.is_empty(),
            names_no_item: context.item_ids.is_empty() && context.cart.is_empty(),
            now,
            unknown_ids: unknown.ids,
        }
    }

    /// What the log knows of the asker before now.
    pub(super) fn past<'a>(&self, index: &'a Index) -> History<'a> {
        self.customer
            .map_or(History::empty(), |customer| index.parts().histories.of(customer))
            .before(self.now)
    }

    /// The log's past followed by the context, without items that no model can say anything of.
    pub(super) fn history(&self, index: &Index) -> HistoryBuf {
        let mut history = HistoryBuf::from_history(self.past(index));
        history.extend(
            self.seen
                .iter()
                .filter(|seen| index.is_rankable(seen.item))
                .map(|seen| Interaction {
                    item: seen.item,
                    kind: seen.kind,
                    at: seen.at,
                    quantity: 1.0,
                    unit_price: None,
                    order: None,
                    session: None,
                }),
        );
        history
    }

    /// The items of the visit that is going on, oldest first: what the context says was done since the last pause of more
    /// than so many minutes. The same item several times in a row is there once.
    pub(super) fn visit(&self, index: &Index, idle_minutes: f64) -> Vec<ItemIdx> {
        let idle = (idle_minutes * 60e6) as i64;
        let mut since = self.now;
        let mut visit: Vec<ItemIdx> = Vec::new();
        for seen in self.seen.iter().rev() {
            if since.as_micros() - seen.at.as_micros() > idle {
                break;
            }
            since = seen.at;
            if visit.last() != Some(&seen.item) && index.is_rankable(seen.item) {
                visit.push(seen.item);
            }
        }
        visit.reverse();
        visit
    }

    /// What is not recommended as something to like: what is in view, and what was bought within so many days.
    pub(super) fn hidden(&self, index: &Index, exclude_bought_days: f64) -> Hidden {
        let in_view = self.in_view.iter().copied();
        if exclude_bought_days <= 0.0 {
            return in_view.collect();
        }
        let since = self.now.plus_days(-exclude_bought_days);
        let past = self.past(index).within(since, self.now);
        let bought = past
            .items()
            .iter()
            .zip(past.kinds())
            .map(|(item, kind)| (*item, *kind));
        let just = self
            .seen
            .iter()
            .filter(|seen| seen.at >= since)
            .map(|seen| (seen.item, seen.kind));
        let bought = bought
            .chain(just)
            .filter(|&(_, kind)| kind == EventKind::Purchase)
            .map(|(item, _)| item);
        in_view.chain(bought).collect()
    }

    /// The weighted profile of the past and of the context.
    pub(super) fn profile(&self, index: &Index) -> Profile {
        let weighting = &index.parts().weighting;
        if self.seen.is_empty() {
            return weighting.profile(self.past(index), self.now);
        }
        weighting.profile(self.history(index).as_history(), self.now)
    }
}

/// What ties an asker to an item by an event of this kind.
pub(super) fn tie(kind: EventKind) -> EvidenceKind {
    match kind {
        EventKind::View => EvidenceKind::Viewed,
        EventKind::Cart => EvidenceKind::InCart,
        // A return takes weight away; what remains of the item's weight is a purchase's.
        EventKind::Purchase | EventKind::Return => EvidenceKind::Bought,
    }
}

/// The end of the data, or just after the newest dated event of the context if that is later.
fn latest(data_through: Timestamp, context: &Context) -> Timestamp {
    let newest = context
        .recent_events
        .iter()
        .filter_map(|event| event.occurred_at)
        .max();
    let after = newest.map(|at| Timestamp::from_micros(at.as_micros() + 1).unwrap_or(at));
    after.map_or(data_through, |after| after.max(data_through))
}

/// Whether the log has this event already: a shop that sends the last day's events need not know when the model was trained.
fn holds(past: History<'_>, item: ItemIdx, kind: EventKind, at: Timestamp) -> bool {
    let start = past.times().partition_point(|&time| time < at);
    (start..past.len())
        .take_while(|&row| past.times()[row] == at)
        .any(|row| past.items()[row] == item && past.kinds()[row] == kind)
}

/// Each event once: the same id is the same event, and so is the same content where there is no id.
fn distinct(events: &[ContextEvent]) -> impl Iterator<Item = &ContextEvent> {
    #[derive(PartialEq, Eq, Hash)]
    enum Same<'a> {
        Id(&'a str),
        Content(&'a str, EventKind, Timestamp, Option<&'a str>, Option<&'a str>),
    }
    let mut known = HashSet::new();
    events
        .iter()
        .filter(move |event| match (&event.event_id, event.occurred_at) {
            (Some(id), _) => known.insert(Same::Id(id)),
            (None, Some(at)) => known.insert(Same::Content(
                &event.item_id,
                event.kind,
                at,
                event.order_id.as_deref(),
                event.session_id.as_deref(),
            )),
            (None, None) => true,
        })
}

/// Ids that the index does not know, each once, in the order of asking.
#[derive(Default)]
struct Unknown {
    ids: Vec<String>,
    known: HashSet<String>,
}

impl Unknown {
    fn note(&mut self, id: &str, is_unknown: bool) {
        if is_unknown && !self.known.contains(id) {
            self.known.insert(id.to_owned());
            self.ids.push(id.to_owned());
        }
    }
}
