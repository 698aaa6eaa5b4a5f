//! Relevance, and what boosts, margin and rotation make of it.

use std::ops::Range;

use crate::id::{ItemIdx, Row};

use super::gates::{Gates, Subject};
use super::trace::{Gate, Trace};
use super::{Asked, Candidate, Facts};
use crate::rules::expression::margin;
use crate::rules::params::Rules;

/// So many items shown since halve the penalty on an item: about one shelf.
const SHOWN_HALF_LIFE: f64 = 20.0;

/// A candidate that passed the gates.
#[derive(Clone, Debug)]
pub(super) struct Survivor {
    pub(super) row: ItemIdx,
    /// Its place among the candidates.
    pub(super) at: u32,
    /// Its source, counted from the preferred one.
    pub(super) tier: u32,
    pub(super) rank_before: u32,
    /// The score after boosts, margin and rotation, on the scale of the score before.
    pub(super) score: f32,
    /// What the margin added to the score.
    pub(super) margin: f32,
    /// What rotation multiplied the score by.
    pub(super) rotation: f32,
    /// Whether a rule changed its worth.
    pub(super) is_touched: bool,
    /// The worth of the item: relevance at first, then `v`, at last `rel`, between 0 and 1 among its tier.
    pub(super) value: f64,
}

/// The candidates that pass the gates.
pub(super) fn survivors<F: Facts>(
    candidates: &[Candidate],
    gates: &mut Gates<'_, '_, F>,
    trace: &mut Trace,
) -> Vec<Survivor> {
    let mut survivors = Vec::with_capacity(candidates.len());
    let mut tier = 0;
    let mut last = None;
    for (at, candidate) in (0_u32..).zip(candidates) {
        let is_next = |last: &Candidate| last.source != candidate.source;
        tier += u32::from(last.replace(candidate).is_some_and(is_next));
        if gates.pass(candidate.row, trace) {
            survivors.push(Survivor {
                row: candidate.row,
                at,
                tier,
                rank_before: survivors.len() as u32 + 1,
                score: candidate.score,
                margin: 0.0,
                rotation: 1.0,
                is_touched: false,
                value: 1.0,
            });
        }
    }
    survivors
}

/// Leaves out what is not relevant enough, works out the worth of the others, and sorts them by it within each source.
pub(super) fn change<F: Facts>(
    survivors: &mut Vec<Survivor>,
    candidates: &[Candidate],
    asked: &Asked<'_>,
    facts: &F,
    trace: &mut Trace,
) {
    let rules = asked.rules;
    let lows: Vec<f64> = candidates
        .chunk_by(|a, b| a.source == b.source)
        .map(|run| run.iter().map(|c| f64::from(c.score)).fold(0.0, f64::min))
        .collect();
    let scales: Vec<Scale> = tiers(survivors)
        .into_iter()
        .map(|tier| {
            let low = lows[survivors[tier.start].tier as usize];
            Scale::of(&mut survivors[tier], low)
        })
        .collect();
    if let Some(least) = rules.min_relevance.filter(|&least| least > 0.0) {
        survivors.retain(|survivor| {
            let stays = survivor.value >= least;
            if !stays {
                trace.remove(Gate::MinRelevance, survivor.row);
            }
            stays
        });
    }
    // The best of each tier stays, so that no tier is lost and the scales still belong to them.
    for (tier, scale) in tiers(survivors).into_iter().zip(scales) {
        let tier = &mut survivors[tier];
        boost(tier, asked, facts);
        let top = scale_to_one(tier);
        let unit = (scale.best - scale.low) * top;
        add_margin(tier, rules, unit, facts);
        rotate(tier, rules, facts);
        // What no rule touched keeps the very bits of its score.
        for survivor in tier.iter_mut().filter(|survivor| survivor.is_touched) {
            survivor.score = finite(survivor.value.mul_add(unit, scale.low));
        }
        scale_to_one(tier);
        tier.sort_unstable_by(|a, b| {
            b.value
                .total_cmp(&a.value)
                .then(a.row.as_u32().cmp(&b.row.as_u32()))
        });
    }
}

/// The runs of one source each.
fn tiers(survivors: &[Survivor]) -> Vec<Range<usize>> {
    let mut start = 0;
    let runs = survivors.chunk_by(|a, b| a.tier == b.tier).map(|run| {
        start += run.len();
        start - run.len()..start
    });
    runs.collect()
}

/// From where to where the scores of a source go.
struct Scale {
    low: f64,
    best: f64,
}

impl Scale {
    /// Finds the scale and sets the relevance of each item.
    fn of(tier: &mut [Survivor], low: f64) -> Self {
        let scores = tier.iter().map(|survivor| f64::from(survivor.score));
        let best = scores.fold(low, f64::max);
        for survivor in tier {
            // Where all scores are alike, one is as relevant as the other.
            survivor.value = if best > low {
                (f64::from(survivor.score) - low) / (best - low)
            } else {
                1.0
            };
        }
        Self { low, best }
    }
}

fn boost<F: Facts>(tier: &mut [Survivor], asked: &Asked<'_>, facts: &F) {
    for boost in &asked.rules.boosts {
        for survivor in &mut *tier {
            let row = survivor.row;
            if boost.when.holds(&Subject { facts, row }, asked.scope) {
                survivor.value *= boost.factor;
                survivor.is_touched = true;
            }
        }
    }
}

/// Divides by the greatest value and returns it; leaves values alone that are all 0.
fn scale_to_one(tier: &mut [Survivor]) -> f64 {
    let top = tier.iter().map(|survivor| survivor.value).fold(0.0, f64::max);
    if top <= 0.0 || top.total_cmp(&1.0).is_eq() {
        return 1.0;
    }
    for survivor in tier {
        survivor.value /= top;
    }
    top
}

/// `unit` is what a value of 1 is worth in scores.
fn add_margin<F: Facts>(tier: &mut [Survivor], rules: &Rules, unit: f64, facts: &F) {
    let Some(weight) = rules.margin_weight.filter(|&weight| weight > 0.0) else {
        return;
    };
    let margins: Vec<Option<f64>> = tier
        .iter()
        .map(|survivor| margin(facts.item(survivor.row)))
        .collect();
    let mut known: Vec<f64> = margins.iter().copied().flatten().collect();
    if known.is_empty() {
        return;
    }
    known.sort_unstable_by(f64::total_cmp);
    for (survivor, margin) in tier.iter_mut().zip(margins) {
        let rank = margin.map_or(0.5, |margin| rank(&known, margin));
        let added = weight * (rank - survivor.value);
        survivor.value += added;
        survivor.margin = finite(added * unit);
        survivor.is_touched = true;
    }
}

/// The place of a known value among all, from 0 to 1; equal values share the middle of theirs.
fn rank(known: &[f64], value: f64) -> f64 {
    if known.len() < 2 {
        return 0.5;
    }
    let below = known.partition_point(|&other| other < value);
    let up_to = known.partition_point(|&other| other <= value);
    (below + up_to - 1) as f64 / 2.0 / (known.len() - 1) as f64
}

fn rotate<F: Facts>(tier: &mut [Survivor], rules: &Rules, facts: &F) {
    let Some(strength) = rules.rotation.filter(|&strength| strength > 0.0) else {
        return;
    };
    for survivor in tier {
        if let Some(place) = facts.just_shown(survivor.row) {
            let factor = 1.0 - strength * (-(place as f64) / SHOWN_HALF_LIFE).exp2();
            survivor.value *= factor;
            survivor.rotation = factor as f32;
            survivor.is_touched = true;
        }
    }
}

fn finite(score: f64) -> f32 {
    score.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
}
