//! Counting a shop's past once, and what follows from it: what goes with what, and what stands in for what.

use rayon::prelude::*;

use crate::catalog::Catalog;
use crate::history::{Csr, Histories};
use crate::id::{ItemIdx, Row};
use crate::progress::Progress;
use crate::time::{Calendar, Timestamp};

use super::association::Together;
use super::content::{ContentNeighbours, ContentRules};
use super::cross_sell::{CrossSell, CrossSellParams, PartnerTable, basket_weights};
use super::groups::{Groups, Largest, Purchases};
use super::leaves::{Leaves, Nearness, log_price};
use super::pairs::{Cell, Counter, Evidence};
use super::similar::{AlternativeTable, Similar, SimilarParams};
use super::verdict::{Basis, Judge, Meetings, Relation, Verdict};

/// Items that share a counter at least: clearing one is as much work as a few rows.
const ROWS_PER_TASK: usize = 64;

/// What a shop's relations are learned from.
#[derive(Clone, Copy, Debug)]
pub struct Shop<'a> {
    /// Everybody's histories.
    pub histories: &'a Histories,
    /// What is known of the items, by row.
    pub catalog: &'a Catalog,
    /// The shop's calendar: purchases without an order are one basket a day.
    pub calendar: &'a Calendar,
    /// Only what was strictly before is learned from.
    pub now: Timestamp,
}

/// How the items of a shop relate.
#[derive(Clone, Debug, PartialEq)]
pub struct Relations {
    /// What goes with a cart.
    pub cross_sell: CrossSell,
    /// What else would do.
    pub similar: Similar,
}

/// One item's row of both models.
#[derive(Default)]
pub(crate) struct RelationRow {
    /// Partner, weight of the baskets with both, number of them.
    pub partners: Vec<(u32, f32, u32)>,
    /// Substitute and its probability.
    pub substitutes: Vec<(u32, f32)>,
    /// Alternative, likeness, visits and customers in common.
    pub alternatives: Vec<(u32, f32, u32, u32)>,
}

impl Relations {
    /// Learns both models in one pass over all pairs of items that met.
    ///
    /// The time is that of the squared sizes of all baskets, visits and customers, each bounded by a parameter; the memory
    /// is that of the events, of the links that are kept, and of one counter an item for each thread.
    ///
    /// # Determinism
    /// The same bits for any number of threads. Of equally strong links those to items of lower row are kept.
    #[must_use]
    pub fn fit(
        shop: Shop<'_>,
        cross_sell: &CrossSellParams,
        similar: &SimilarParams,
        progress: &dyn Progress,
    ) -> Self {
        let n_items = shop.histories.items().len();
        let largest = Largest {
            basket: cross_sell.raw().largest_basket,
            visit: similar.raw().largest_visit,
            customer: similar.raw().largest_customer,
        };
        let purchases = Purchases::before(shop.histories, shop.calendar, shop.now, largest);
        let visits = Groups::visits(shop.histories, shop.now, largest);
        let raw = cross_sell.raw();
        let evidence = Evidence {
            weights: basket_weights(&purchases, raw.size_exponent, raw.half_life_days, shop.now),
            purchases,
            visits,
        };
        let leaves = Leaves::of(shop.catalog, n_items);
        let bought = evidence.purchases.baskets.sizes();
        let viewed = evidence.visits.sizes();
        let known: Vec<bool> = bought.iter().zip(&viewed).map(|(b, v)| b + v > 0).collect();
        let content = ContentNeighbours::find(
            shop.catalog,
            &known,
            ContentRules {
                neighbours: similar.raw().content_neighbours,
                price_tolerance: similar.raw().price_tolerance,
            },
        );
        let pass = Pass {
            basis: Basis::of(&evidence.visits, similar.raw().least_choices),
            customers_of: evidence.purchases.customers.by_group.column_sums(),
            log_prices: (0..n_items).map(|item| log_price(shop.catalog, item)).collect(),
            evidence: &evidence,
            cross_sell,
            similar,
            leaves: &leaves,
            content: &content,
            bought: &bought,
            viewed: &viewed,
        };
        progress.begin("Relating items", n_items as u64);
        let rows: Vec<RelationRow> = (0..n_items)
            .into_par_iter()
            .with_min_len(ROWS_PER_TASK)
            .map_init(
                || Counter::new(n_items),
                |counter, item| {
                    progress.advance(1);
                    pass.row(item, &counter.row(&evidence, item))
                },
            )
            .collect();
        progress.end();
        let partners = PartnerTable {
            rows: rows.iter().map(|row| row.partners.as_slice()).collect(),
            substitutes: sparse(rows.iter().map(|row| row.substitutes.as_slice()), n_items),
            basket_counts: bought.clone(),
            n_baskets: evidence.purchases.baskets.len(),
            pair_weights: pair_weights(&evidence.purchases.baskets, &evidence.weights),
            leaves: leaves.clone(),
        };
        let alternatives: Vec<_> = rows.iter().map(|row| row.alternatives.as_slice()).collect();
        Self {
            cross_sell: CrossSell::assemble(partners, cross_sell),
            similar: Similar::assemble(&AlternativeTable {
                rows: alternatives,
                basis: pass.basis,
            }),
        }
    }
}

fn sparse<'a>(rows: impl Iterator<Item = &'a [(u32, f32)]>, n_items: usize) -> Csr {
    let named = |row: &[(u32, f32)]| -> Vec<(ItemIdx, f32)> {
        row.iter()
            .map(|&(item, value)| (ItemIdx::from_u32(item), value))
            .collect()
    };
    Csr::from_rows(&rows.map(named).collect::<Vec<_>>(), n_items)
}

/// By item: the sum of its baskets' weights, once for each other item of a basket.
fn pair_weights(baskets: &Groups, weights: &[f32]) -> Vec<f64> {
    let weight = |&basket: &u32| {
        let others = baskets.by_group.row(basket as usize).0.len() - 1;
        f64::from(weights[basket as usize]) * others as f64
    };
    (0..baskets.by_item.n_rows())
        .into_par_iter()
        .map(|item| baskets.by_item.row(item).0.iter().map(weight).sum())
        .collect()
}

/// What nearness across leaf categories counts where orders alone speak.
const OTHER_LEAF: f64 = 0.1;

/// What every row needs.
struct Pass<'a> {
    basis: Basis,
    evidence: &'a Evidence,
    cross_sell: &'a CrossSellParams,
    similar: &'a SimilarParams,
    leaves: &'a Leaves,
    content: &'a ContentNeighbours,
    log_prices: Vec<Option<f64>>,
    bought: &'a [u32],
    viewed: &'a [u32],
    /// By item: baskets with it, of customers with several.
    customers_of: Vec<f64>,
}

impl Pass<'_> {
    fn row(&self, item: usize, cells: &[(u32, Cell)]) -> RelationRow {
        let cross_sell = self.cross_sell.raw();
        let judge = Judge {
            basis: self.basis,
            similar: self.similar.raw(),
            least_lift: cross_sell.least_lift,
            least_llr: cross_sell.least_llr,
            view_discount: cross_sell.view_discount,
        };
        let (near_items, nearness) = self.content.nearness().row(item);
        let mut near = near_items
            .iter()
            .copied()
            .zip(nearness.iter().copied())
            .peekable();
        let mut row = RelationRow::default();
        let unmet =
            |other: u32, nearness: f32| self.alternative(item, other, &Cell::default(), &judge, nearness);
        for (other, cell) in cells {
            while let Some((closer, nearness)) = near.next_if(|&(closer, _)| closer < *other) {
                row.alternatives.extend(unmet(closer, nearness).1);
            }
            let content = near
                .next_if(|&(same, _)| same == *other)
                .map_or(0.0, |(_, near)| near);
            let (verdict, alternative) = self.alternative(item, *other, cell, &judge, content);
            row.alternatives.extend(alternative);
            match verdict.relation {
                Relation::Complements => row.partners.push((*other, cell.weight, cell.baskets)),
                Relation::Substitutes => row.substitutes.push((*other, verdict.substitute as f32)),
                Relation::Neither => {}
            }
        }
        for (closer, nearness) in near {
            row.alternatives.extend(unmet(closer, nearness).1);
        }
        // A partner ranks by its weight against its popularity, which only the assembled table knows; by weight alone the
        // head is all but the same, because the exponent is well below 1.
        keep(&mut row.partners, cross_sell.partners, |partner| {
            (partner.1, partner.0)
        });
        keep(&mut row.alternatives, self.similar.raw().neighbours, |other| {
            (other.1, other.0)
        });
        keep(&mut row.substitutes, self.similar.raw().neighbours, |other| {
            (other.1, other.0)
        });
        row
    }

    /// What a pair is, and its place among the alternatives, if it has one.
    fn alternative(
        &self,
        item: usize,
        other: u32,
        cell: &Cell,
        judge: &Judge<'_>,
        content: f32,
    ) -> (Verdict, Option<(u32, f32, u32, u32)>) {
        let raw = self.similar.raw();
        let to = other as usize;
        let nearness = Nearness::of(self.leaves, &self.log_prices, item, to);
        let verdict = judge.judge(cell, &self.meetings(item, to, cell), nearness);
        if judge.is_no_alternative(verdict) {
            return (verdict, None);
        }
        let like = |met: f64, own: f64, their: f64| {
            let size = (own * their).powf(raw.popularity_exponent);
            if size > 0.0 { met / size } else { 0.0 }
        };
        let by_views = like(
            f64::from(cell.views),
            f64::from(self.viewed[item]),
            f64::from(self.viewed[to]),
        );
        let by_customers = like(
            f64::from(cell.apart),
            self.customers_of[item],
            self.customers_of[to],
        );
        let counted = match self.basis {
            Basis::Views => (1.0 - raw.customer_weight) * by_views + raw.customer_weight * by_customers,
            Basis::Orders => by_customers,
        };
        let met = match self.basis {
            Basis::Views => f64::from(cell.views) + raw.customer_weight * f64::from(cell.apart),
            Basis::Orders => f64::from(cell.apart),
        };
        let trust = met / (met + raw.shrinkage);
        let content = f64::from(content);
        let likeness = match self.basis {
            Basis::Views => trust * counted + (1.0 - trust) * raw.content_weight * content,
            // Who buys two things apart may need both: that the need is the same only content says, and what was counted
            // puts those in order.
            Basis::Orders if self.content.nearness().row(item).0.is_empty() => trust * counted,
            Basis::Orders => {
                // Another leaf category is another need, however near the price.
                let same_need = if nearness == Nearness::Apart {
                    OTHER_LEAF
                } else {
                    1.0
                };
                same_need * content + raw.content_weight * trust * counted
            }
        };
        let score = (likeness * verdict.substitute) as f32;
        (
            verdict,
            (score > 0.0).then_some((other, score, cell.views, cell.customers)),
        )
    }

    fn meetings(&self, item: usize, other: usize, cell: &Cell) -> Meetings {
        let together = |both: u32, sizes: &[u32], groups: &Groups| Together {
            both: f64::from(both),
            first: f64::from(sizes[item]),
            second: f64::from(sizes[other]),
            of: groups.len() as f64,
        };
        Meetings {
            bought: together(cell.baskets, self.bought, &self.evidence.purchases.baskets),
            viewed: together(cell.views, self.viewed, &self.evidence.visits),
        }
    }
}

/// The `most` strongest, in ascending order of their items; of equals those of lower row.
fn keep<T>(row: &mut Vec<T>, most: usize, strength: impl Fn(&T) -> (f32, u32)) {
    if row.len() > most {
        row.sort_unstable_by(|a, b| {
            let (a, b) = (strength(a), strength(b));
            b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
        });
        row.truncate(most);
    }
    row.sort_unstable_by_key(|entry| strength(entry).1);
}
