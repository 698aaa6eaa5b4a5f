//! The gates that look at one candidate at a time.

use crate::catalog::Item;
use crate::id::{ItemIdx, Row};
use hashbrown::HashSet;

use super::trace::{Gate, Trace};
use super::{Asked, Candidate, Facts};
use crate::rules::expression::ItemFacts;

/// One candidate, as expressions look at it.
pub(super) struct Subject<'a, F> {
    pub(super) facts: &'a F,
    pub(super) row: ItemIdx,
}

impl<F: Facts> ItemFacts for Subject<'_, F> {
    fn id(&self) -> &str {
        self.facts.id(self.row)
    }
    fn item(&self) -> &Item {
        self.facts.item(self.row)
    }
    fn is_available(&self) -> bool {
        self.facts.is_available(self.row)
    }
}

/// Lets candidates through, one by one.
pub(super) struct Gates<'a, 'r, F> {
    asked: &'a Asked<'r>,
    facts: &'a F,
    /// What came already; `None` while there is one source, which brings each item once.
    seen: Option<HashSet<u32>>,
}

impl<'a, 'r, F: Facts> Gates<'a, 'r, F> {
    pub(super) fn new(asked: &'a Asked<'r>, facts: &'a F, candidates: &[Candidate]) -> Self {
        let mut pairs = candidates.windows(2);
        let is_mixed = pairs.any(|pair| pair[0].source != pair[1].source);
        Self {
            asked,
            facts,
            seen: is_mixed.then(HashSet::new),
        }
    }

    /// Whether a candidate may be in the answer; where not, the trace learns why.
    pub(super) fn pass(&mut self, row: ItemIdx, trace: &mut Trace) -> bool {
        if let Some(seen) = &mut self.seen
            && !seen.insert(row.as_u32())
        {
            trace.remove(Gate::Duplicate, row);
            return false;
        }
        match self.stops(row) {
            Some(gate) => trace.remove(gate, row),
            None => return true,
        }
        false
    }

    fn stops(&self, row: ItemIdx) -> Option<Gate> {
        let Self { asked, facts, .. } = self;
        if facts.is_excluded(row) {
            return Some(Gate::Excluded);
        }
        if !facts.passes_request(row) {
            return Some(Gate::Request);
        }
        let subject = Subject { facts: *facts, row };
        let mut filters = asked.rules.filters.iter();
        if !filters.all(|filter| filter.holds(&subject, asked.scope)) {
            return Some(Gate::Filter);
        }
        // 0 allows all, also what was bought this instant.
        let days = asked.rules.exclude_bought_days.filter(|&days| days > 0.0);
        if days.is_some_and(|days| facts.bought_days_ago(row).is_some_and(|ago| ago <= days)) {
            return Some(Gate::Bought);
        }
        (!self.is_sellable(row)).then_some(Gate::Availability)
    }

    /// Whether availability lets it through, now.
    pub(super) fn is_sellable(&self, row: ItemIdx) -> bool {
        !self.asked.available_only || self.facts.is_available(row)
    }
}
