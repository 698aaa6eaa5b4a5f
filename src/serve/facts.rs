//! What rules may ask: of the asker, of a candidate, of the moment.

use std::borrow::Cow;
use std::cell::OnceCell;

use hashbrown::{HashMap, HashSet};

use super::index::Index;
use super::request::{Filter, RecommendRequest};
use super::situation::Situation;
use super::stock::Stock;
use crate::catalog::Item;
use crate::churn::Profile;
use crate::history::{baskets, purchase_days};
use crate::id::{ItemIdx, Row};
use crate::log::EventKind;
use crate::rules::Facts;
use crate::rules::expression::{Context, CustomerFacts};
use crate::time::Timestamp;

/// Item rows that must not be in an answer.
pub(super) type Excluded = HashSet<u32>;

/// Who asks, as far as the log knows. What is said of churn is as of the instant that churn is scored at.
pub(super) struct Asker<'a> {
    pub(super) index: &'a Index,
    pub(super) situation: &'a Situation,
}

impl Asker<'_> {
    fn as_of(&self) -> Timestamp {
        self.index.as_of(Some(self.situation.now))
    }

    fn profile(&self) -> Option<Profile> {
        self.index.profile(self.situation.customer?, self.as_of())
    }
}

impl CustomerFacts for Asker<'_> {
    fn is_known(&self) -> bool {
        self.situation.customer.is_some()
    }

    fn orders(&self) -> Option<f64> {
        self.situation.customer?;
        let calendar = &self.index.parts().calendar;
        Some(baskets(self.situation.past(self.index), calendar).len() as f64)
    }

    fn days_since_purchase(&self) -> Option<f64> {
        let days = purchase_days(self.situation.past(self.index), &self.index.parts().calendar);
        Some(self.situation.now.days_since(days.last()?.at))
    }

    fn segment(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(self.profile()?.segment.code()))
    }

    fn stage(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(self.profile()?.stage.code()))
    }

    fn churn_probability(&self) -> Option<f64> {
        let model = self.index.parts().churn.as_ref().ok()?;
        let history = self.index.parts().histories.of(self.situation.customer?);
        Some(model.score(history, self.as_of(), self.index.shop())?.probability)
    }
}

/// What is known of candidates at this moment.
pub(super) struct Known<'a> {
    index: &'a Index,
    stock: &'a Stock,
    situation: &'a Situation,
    filter: &'a Filter,
    excluded: Excluded,
    /// How many places ago each item was shown, 0 for the last.
    shown: HashMap<u32, usize>,
    /// Days since the asker last bought each item; asked for by hardly any request.
    bought: OnceCell<HashMap<u32, f64>>,
    /// Whether what was bought is what is asked for.
    wants_bought: bool,
}

impl<'a> Known<'a> {
    /// `taken` are the ids that stand on earlier shelves.
    pub(super) fn new(
        index: &'a Index,
        stock: &'a Stock,
        situation: &'a Situation,
        request: &'a RecommendRequest,
        taken: &HashSet<String>,
    ) -> Self {
        let items = index.parts().histories.items();
        let named = |id: &String| items.find(id).map(Row::as_u32);
        let ids = request.exclude_item_ids.iter().chain(taken);
        let mut excluded: Excluded = ids.filter_map(named).collect();
        excluded.extend(situation.in_view.iter().map(|item| item.as_u32()));
        let mut shown = HashMap::new();
        for (ago, id) in request.context.just_shown.iter().enumerate() {
            if let Some(item) = named(id) {
                shown.entry(item).or_insert(ago);
            }
        }
        Self {
            index,
            stock,
            situation,
            filter: &request.filter,
            excluded,
            shown,
            bought: OnceCell::new(),
            wants_bought: false,
        }
    }

    /// The same for a kind that offers what was bought.
    pub(super) fn wanting_bought(self, wants_bought: bool) -> Self {
        Self { wants_bought, ..self }
    }

    /// How many items are named that must not be in the answer, beside those in view.
    pub(super) fn n_named(&self) -> usize {
        self.excluded.len() - self.situation.in_view.len()
    }

    /// What expressions call the context: the page, or the cart.
    pub(super) fn context(&self) -> Context<'a> {
        let index = self.index;
        let first = self.situation.first;
        Context {
            first: first.map(|item| {
                let id = index.parts().histories.items().name(item);
                (id, index.parts().catalog.item(item))
            }),
            count: self.situation.in_view.len(),
        }
    }

    fn days_ago(&self) -> HashMap<u32, f64> {
        let past = self.situation.past(self.index);
        let logged = past.items().iter().zip(past.kinds()).zip(past.times());
        let logged = logged.map(|((&item, &kind), &at)| (item, kind, at));
        let seen = self
            .situation
            .seen
            .iter()
            .map(|seen| (seen.item, seen.kind, seen.at));
        // In time order: the last purchase stays.
        logged
            .chain(seen)
            .filter(|&(_, kind, _)| kind == EventKind::Purchase)
            .map(|(item, _, at)| (item.as_u32(), self.situation.now.days_since(at)))
            .collect()
    }
}

impl Facts for Known<'_> {
    fn id(&self, row: ItemIdx) -> &str {
        self.index.parts().histories.items().name(row)
    }

    fn item(&self, row: ItemIdx) -> &Item {
        self.index.parts().catalog.item(row)
    }

    fn is_available(&self, row: ItemIdx) -> bool {
        self.stock.is_available(row)
    }

    fn is_excluded(&self, row: ItemIdx) -> bool {
        self.excluded.contains(&row.as_u32())
    }

    fn passes_request(&self, row: ItemIdx) -> bool {
        let Filter {
            category_prefixes,
            min_price,
            max_price,
            available_only: _,
        } = self.filter;
        if category_prefixes.is_empty() && min_price.is_none() && max_price.is_none() {
            return true;
        }
        let known = self.item(row);
        let in_category = category_prefixes.is_empty()
            || category_prefixes
                .iter()
                .any(|prefix| known.is_in_category(prefix));
        let at_least = min_price.is_none_or(|min| known.price.is_some_and(|price| price >= min));
        let at_most = max_price.is_none_or(|max| known.price.is_some_and(|price| price <= max));
        in_category && at_least && at_most
    }

    fn bought_days_ago(&self, row: ItemIdx) -> Option<f64> {
        if self.wants_bought {
            return None;
        }
        self.bought
            .get_or_init(|| self.days_ago())
            .get(&row.as_u32())
            .copied()
    }

    fn just_shown(&self, row: ItemIdx) -> Option<usize> {
        self.shown.get(&row.as_u32()).copied()
    }

    fn similarity(&self, a: ItemIdx, b: ItemIdx) -> f32 {
        self.index.cosine(a, b)
    }
}
