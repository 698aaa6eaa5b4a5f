//! From counted pairs to the model.

use crate::history::Csr;
use crate::id::{ItemIdx, Row};
use crate::time::Timestamp;

use super::super::groups::Purchases;
use super::super::leaves::Leaves;
use super::{CrossSell, CrossSellParams};

/// What was counted of all partners.
pub(crate) struct PartnerTable<'a> {
    /// By item: partner, weight of the baskets with both, number of them; ascending.
    pub rows: Vec<&'a [(u32, f32, u32)]>,
    pub substitutes: Csr,
    pub basket_counts: Vec<u32>,
    pub n_baskets: usize,
    /// `W_a`.
    pub pair_weights: Vec<f64>,
    pub leaves: Leaves,
}

/// `ω_B` of each basket; a basket of one item pairs nothing and weighs 0.
pub(crate) fn basket_weights(
    purchases: &Purchases,
    size_exponent: f64,
    half_life_days: f64,
    now: Timestamp,
) -> Vec<f32> {
    let weight = |(basket, facts): (usize, &super::super::groups::BasketFacts)| {
        let others = purchases.baskets.by_group.row(basket).0.len().saturating_sub(1);
        if others == 0 {
            return 0.0;
        }
        let fading = if half_life_days > 0.0 {
            (-now.days_since(facts.at) / half_life_days).exp2()
        } else {
            1.0
        };
        (fading * (others as f64).powf(-size_exponent)) as f32
    };
    purchases.facts.iter().enumerate().map(weight).collect()
}

impl CrossSell {
    pub(crate) fn assemble(table: PartnerTable<'_>, params: &CrossSellParams) -> Self {
        let raw = params.raw();
        let (m, m2) = (raw.prior_weight, raw.category_prior_weight);
        let total: f64 = table.pair_weights.iter().sum();
        let base = |item: usize| {
            if total > 0.0 {
                table.pair_weights[item] / total
            } else {
                0.0
            }
        };
        // What is a partner has a weight, so its base rate is above zero, unless all its baskets have faded away.
        let damped = |weight: f64, to: u32| {
            let base = base(to as usize);
            if base > 0.0 {
                (weight / base.powf(raw.popularity_exponent)) as f32
            } else {
                0.0
            }
        };
        let n_items = table.pair_weights.len();
        let rows: Vec<Vec<(ItemIdx, f32)>> = table
            .rows
            .iter()
            .zip(&table.pair_weights)
            .map(|(row, own)| {
                let link = |&(to, weight, _): &(u32, f32, u32)| {
                    (ItemIdx::from_u32(to), damped(f64::from(weight) / (own + m), to))
                };
                row.iter().map(link).collect()
            })
            .collect();
        let (category_rows, category_backing) = by_category(&table, m2, raw.partners, &damped);
        Self {
            partners: Csr::from_rows(&rows, n_items),
            counts: table
                .rows
                .iter()
                .flat_map(|row| row.iter().map(|entry| entry.2))
                .collect(),
            everybody: (0..n_items).map(|item| damped(base(item), item as u32)).collect(),
            backing: table
                .pair_weights
                .iter()
                .map(|own| (m / (own + m)) as f32)
                .collect(),
            category_partners: Csr::from_rows(&category_rows, n_items),
            category_backing,
            substitutes: table.substitutes,
            basket_counts: table.basket_counts,
            n_baskets: table.n_baskets as u64,
            leaves: table.leaves,
        }
    }
}

/// What goes with each leaf category, the strongest `most`, and how much of the prior is left to everybody.
fn by_category(
    table: &PartnerTable<'_>,
    m2: f64,
    most: usize,
    damped: &impl Fn(f64, u32) -> f32,
) -> (Vec<Vec<(ItemIdx, f32)>>, Vec<f32>) {
    let mut members = vec![Vec::new(); table.leaves.len()];
    for item in 0..table.rows.len() {
        if let Some(leaf) = table.leaves.leaf(ItemIdx::from_u32(item as u32)) {
            members[leaf as usize].push(item);
        }
    }
    let mut sums = vec![0.0f64; table.rows.len()];
    let mut rows = Vec::with_capacity(members.len());
    let mut backing = Vec::with_capacity(members.len());
    for (leaf, members) in (0u32..).zip(&members) {
        let mut touched = Vec::new();
        for &(to, weight, _) in members.iter().flat_map(|&item| table.rows[item]) {
            if table.leaves.leaf(ItemIdx::from_u32(to)) != Some(leaf) {
                if sums[to as usize] == 0.0 {
                    touched.push(to);
                }
                sums[to as usize] += f64::from(weight);
            }
        }
        let own: f64 = members.iter().map(|&item| table.pair_weights[item]).sum();
        let mut row: Vec<(u32, f32)> = touched
            .iter()
            .map(|&to| {
                (
                    to,
                    damped(std::mem::take(&mut sums[to as usize]) / (own + m2), to),
                )
            })
            .collect();
        row.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        row.truncate(most);
        row.sort_unstable_by_key(|entry| entry.0);
        rows.push(
            row.into_iter()
                .map(|(to, value)| (ItemIdx::from_u32(to), value))
                .collect(),
        );
        backing.push((m2 / (own + m2)) as f32);
    }
    (rows, backing)
}
