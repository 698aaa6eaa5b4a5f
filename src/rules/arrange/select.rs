//! Who gets the next place.

use std::ops::Range;

use crate::catalog::CATEGORY_SEPARATOR;

use super::gates::{Gates, Subject};
use super::scores::Survivor;
use super::slots::Slots;
use super::trace::{Arranged, Effect, Gate, Move, RuleKind, Trace};
use super::{Asked, Candidate, Facts};

/// One survivor in the running.
struct Runner {
    survivor: Survivor,
    rel: f32,
    /// The slots that it belongs to, a bit each.
    slots: u32,
    /// Code of its category; `None` until it is needed.
    category: Option<u32>,
    /// Its greatest similarity to the first `compared` chosen items.
    max_sim: f32,
    compared: usize,
    /// Whether it has a place, or lost its chance for one.
    is_out: bool,
}

/// Code of having no category.
const UNCOUNTED: u32 = u32::MAX;

/// A place that is given.
struct Chosen {
    runner: usize,
    /// The slot without which another item would stand here.
    by_slot: Option<usize>,
}

pub(super) struct Selection<'a, 'r, F> {
    asked: &'a Asked<'r>,
    facts: &'a F,
    gates: &'a Gates<'a, 'r, F>,
    trace: &'a mut Trace,
    /// By source, then by value descending.
    runners: Vec<Runner>,
    tiers: Vec<Range<usize>>,
    chosen: Vec<Chosen>,
    diversity: f32,
    /// How many of a tier are weighed against each other.
    limit: usize,
    /// Each category that was met, and how many places it has.
    categories: Vec<(&'a str, u32)>,
}

impl<'a, 'r, F: Facts> Selection<'a, 'r, F> {
    pub(super) fn new(
        survivors: Vec<Survivor>,
        asked: &'a Asked<'r>,
        facts: &'a F,
        gates: &'a Gates<'a, 'r, F>,
        trace: &'a mut Trace,
    ) -> Self {
        let mut tiers: Vec<Range<usize>> = Vec::new();
        let mut runners = Vec::with_capacity(survivors.len());
        for (at, survivor) in survivors.into_iter().enumerate() {
            let row = survivor.row;
            let mut slots = 0;
            for (slot, rule) in asked.rules.slots.iter().enumerate() {
                slots |= u32::from(rule.when.holds(&Subject { facts, row }, asked.scope)) << slot;
            }
            let is_next = |last: &Runner| last.survivor.tier != survivor.tier;
            match tiers.last_mut() {
                Some(tier) if !runners.last().is_some_and(is_next) => tier.end = at + 1,
                _ => tiers.push(at..at + 1),
            }
            runners.push(Runner {
                rel: survivor.value as f32,
                survivor,
                slots,
                category: None,
                max_sim: 0.0,
                compared: 0,
                is_out: false,
            });
        }
        Self {
            asked,
            facts,
            gates,
            trace,
            runners,
            tiers,
            chosen: Vec::with_capacity(asked.count),
            diversity: asked.rules.diversity.unwrap_or(0.0) as f32,
            limit: (10 * asked.count).max(100),
            categories: Vec::new(),
        }
    }

    /// Gives all places.
    pub(super) fn items(mut self, candidates: &[Candidate]) -> Vec<Arranged<'r>> {
        let mut slots = Slots::new(&self.asked.rules.slots, self.asked.count);
        while self.chosen.len() < self.asked.count {
            let due = slots.due(self.chosen.len() + 1);
            let Some(runner) = self.best(due.map_or(u32::MAX, |slot| 1 << slot), due.is_some()) else {
                match due {
                    Some(slot) => {
                        slots.exhaust(slot);
                        continue;
                    }
                    None => break,
                }
            };
            // Stock may have changed since the gates.
            if !self.gates.is_sellable(self.runners[runner].survivor.row) {
                self.remove(runner, Gate::Availability);
                continue;
            }
            let by_slot = due.filter(|_| self.best(u32::MAX, false) != Some(runner));
            slots.fill(self.runners[runner].slots);
            self.choose(runner, by_slot);
        }
        let n_left = self.runners.iter().filter(|runner| !runner.is_out).count();
        self.trace.leave(n_left);
        (0..self.chosen.len())
            .map(|at| self.arranged(at, candidates))
            .collect()
    }

    fn choose(&mut self, runner: usize, by_slot: Option<usize>) {
        let category = self.category(runner);
        if let Some((_, places)) = self.categories.get_mut(category as usize) {
            *places += 1;
        }
        self.runners[runner].is_out = true;
        self.chosen.push(Chosen { runner, by_slot });
    }

    fn remove(&mut self, runner: usize, gate: Gate) {
        self.runners[runner].is_out = true;
        self.trace.remove(gate, self.runners[runner].survivor.row);
    }

    /// The best that is left, among the items of a slot or among all.
    fn best(&mut self, slots: u32, is_slot: bool) -> Option<usize> {
        (0..self.tiers.len()).find_map(|tier| self.best_of(self.tiers[tier].clone(), slots, is_slot))
    }

    fn best_of(&mut self, tier: Range<usize>, slots: u32, is_slot: bool) -> Option<usize> {
        let d = self.diversity;
        let mut best: Option<(usize, f32)> = None;
        let mut weighed = 0;
        for at in tier {
            let runner = &self.runners[at];
            if runner.is_out || (is_slot && runner.slots & slots == 0) {
                continue;
            }
            let relevance = (1.0 - d) * runner.rel;
            // Similarity only takes away, so nothing from here on can be better.
            if best.is_some_and(|(_, most)| relevance <= most) || (weighed == self.limit && !is_slot) {
                break;
            }
            if self.is_full(at) {
                self.remove(at, Gate::MaxPerCategory);
                continue;
            }
            weighed += 1;
            // What is known of its likeness to the chosen may already be enough to lose.
            let at_most = relevance - d * self.runners[at].max_sim;
            if best.is_some_and(|(_, most)| at_most <= most) {
                continue;
            }
            let value = relevance - d * self.max_sim(at);
            if best.is_none_or(|(_, most)| value > most) {
                best = Some((at, value));
            }
        }
        best.map(|(at, _)| at)
    }

    /// The greatest similarity to a chosen item, 0 where all point elsewhere.
    fn max_sim(&mut self, at: usize) -> f32 {
        let runner = &mut self.runners[at];
        let (row, from, mut most) = (runner.survivor.row, runner.compared, runner.max_sim);
        if self.diversity > 0.0 {
            for chosen in &self.chosen[from..] {
                let other = self.runners[chosen.runner].survivor.row;
                most = most.max(self.facts.similarity(row, other));
            }
        }
        let runner = &mut self.runners[at];
        runner.max_sim = most;
        runner.compared = self.chosen.len();
        most
    }

    fn is_full(&mut self, at: usize) -> bool {
        let Some(most) = self.asked.rules.max_per_category else {
            return false;
        };
        let category = self.category(at) as usize;
        self.categories
            .get(category)
            .is_some_and(|&(_, places)| places >= most)
    }

    /// The code of the runner's category; a new one when the category is new.
    fn category(&mut self, at: usize) -> u32 {
        let rules = self.asked.rules;
        if rules.max_per_category.is_none() {
            return UNCOUNTED;
        }
        let runner = &mut self.runners[at];
        if let Some(code) = runner.category {
            return code;
        }
        let path = self.facts.item(runner.survivor.row).category.as_deref();
        let level = rules.category_level.unwrap_or(0);
        let code = path.map_or(UNCOUNTED, |path| {
            let key = down_to(path, level as usize);
            let known = self.categories.iter().position(|&(known, _)| known == key);
            let code = known.unwrap_or(self.categories.len());
            if known.is_none() {
                self.categories.push((key, 0));
            }
            u32::try_from(code).unwrap_or(UNCOUNTED)
        });
        runner.category = Some(code);
        code
    }

    fn arranged(&self, at: usize, candidates: &[Candidate]) -> Arranged<'r> {
        let runner = &self.runners[self.chosen[at].runner];
        let survivor = &runner.survivor;
        let candidate = candidates[survivor.at as usize];
        Arranged {
            row: survivor.row,
            score_before: candidate.score,
            score: survivor.score,
            rank_before: survivor.rank_before as usize,
            rank: at + 1,
            source: candidate.source,
            moves: self.moves(at),
        }
    }

    fn moves(&self, at: usize) -> Vec<Move<'r>> {
        let rules = self.asked.rules;
        let Chosen { runner, by_slot } = self.chosen[at];
        let survivor = &self.runners[runner].survivor;
        let subject = Subject {
            facts: self.facts,
            row: survivor.row,
        };
        let mut moves = Vec::new();
        let mut note = |rule, kind, effect| moves.push(Move { rule, kind, effect });
        for boost in &rules.boosts {
            if boost.when.holds(&subject, self.asked.scope) {
                note(&*boost.name, RuleKind::Boost, Effect::Factor(boost.factor as f32));
            }
        }
        if survivor.margin.abs() > 0.0 {
            note("margin_weight", RuleKind::Margin, Effect::Added(survivor.margin));
        }
        if survivor.rotation < 1.0 {
            note("rotation", RuleKind::Rotation, Effect::Factor(survivor.rotation));
        }
        // Places within an answer are few enough for any integer.
        let places = (runner as i64 - at as i64) as i32;
        if let Some(slot) = by_slot {
            note(&*rules.slots[slot].name, RuleKind::Slot, Effect::Places(places));
        } else if places != 0 {
            let moved = Effect::Places(places);
            let displacing = self.chosen[..at].iter().rev().find_map(|chosen| chosen.by_slot);
            match displacing {
                _ if self.diversity > 0.0 => note("diversity", RuleKind::Diversity, moved),
                Some(slot) if places < 0 => note(&*rules.slots[slot].name, RuleKind::Slot, moved),
                _ if rules.max_per_category.is_some() => {
                    note("max_per_category", RuleKind::MaxPerCategory, moved);
                }
                _ => {}
            }
        }
        moves
    }
}

/// The first levels of a category path; 0 for all of it.
fn down_to(path: &str, level: usize) -> &str {
    let end = level
        .checked_sub(1)
        .and_then(|before| path.match_indices(CATEGORY_SEPARATOR).nth(before));
    end.map_or(path, |(at, _)| &path[..at])
}
