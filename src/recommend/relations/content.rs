//! Neighbours by content: what is nearest by category, price and title, whatever anybody did.
//!
//! Enters: the catalogue, and which items may be neighbours. Leaves: [`ContentNeighbours`], the nearest of each item with
//! their nearness: alternatives before anything was counted, and a voice for what is new.
//!
//! # Formula
//! `nearness(a, b) = 1 − (1 − c)(1 − t)`: either of two signals is enough, and both are more.
//!
//! - by category and price, `c = shared levels / levels of a · exp(−|ln p_a − ln p_b| / τ)`; an unknown price counts as `τ`
//!   away. Where the neighbours are not all to be found in the leaf category, the wider levels give the rest.
//! - by title, `t` is the cosine of the words that they have in common, rare ones counting more.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::catalog::{CATEGORY_SEPARATOR, Catalog};
use crate::history::Csr;
use crate::id::{ItemIdx, Row};

use super::leaves::{log_price, trimmed};
use super::titles::Titles;

/// How neighbours are found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContentRules {
    /// Neighbours of an item at most.
    pub neighbours: usize,
    /// `τ`, above zero: difference of log prices that divides nearness by e.
    pub price_tolerance: f64,
}

/// The nearest items by category, price and title.
///
/// # Shapes
/// | part | shape | meaning |
/// |---|---|---|
/// | `nearness` | items × items, sparse | row: an item; column: a neighbour, ascending; value: above 0, at most 1 |
#[derive(Clone, Debug, PartialEq)]
pub struct ContentNeighbours {
    nearness: Csr,
}

/// The items of one category, or of anything below it, that may be neighbours: by log price, those without one last.
type Shelf = Vec<(f64, u32)>;

impl ContentNeighbours {
    /// The neighbours of each item among those for which `known` is true; an item is no neighbour of itself, and one
    /// with neither category nor title has none. Items beyond the catalogue's end have none.
    #[must_use]
    pub fn find(catalog: &Catalog, known: &[bool], rules: ContentRules) -> Self {
        Self::find_of(catalog, known, rules, |_| true)
    }

    /// The same, only for the items for which `is_wanted` holds; the others have none.
    #[must_use]
    pub fn find_of(
        catalog: &Catalog,
        known: &[bool],
        rules: ContentRules,
        is_wanted: impl Fn(usize) -> bool + Sync,
    ) -> Self {
        let n_items = known.len();
        let mut shelves: BTreeMap<&str, Shelf> = BTreeMap::new();
        for (item, _) in known.iter().enumerate().filter(|(_, known)| **known) {
            for prefix in prefixes(catalog, item) {
                let at = log_price(catalog, item).unwrap_or(f64::INFINITY);
                // Item rows are u32.
                shelves.entry(prefix).or_default().push((at, item as u32));
            }
        }
        shelves
            .values_mut()
            .for_each(|shelf| shelf.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))));
        let titles = Titles::of(catalog, known);
        let rows: Vec<Vec<(ItemIdx, f32)>> = (0..n_items)
            .into_par_iter()
            .map_init(
                || (vec![0.0; n_items], Vec::new()),
                |(likeness, touched), item| {
                    if !is_wanted(item) {
                        return Vec::new();
                    }
                    let by_category = nearest(catalog, &shelves, item, rules);
                    titles.alike(item, likeness, touched);
                    join(item, by_category, likeness, touched, rules.neighbours)
                },
            )
            .collect();
        Self {
            nearness: Csr::from_rows(&rows, n_items),
        }
    }

    /// Nearness, items × items.
    #[must_use]
    pub fn nearness(&self) -> &Csr {
        &self.nearness
    }
}

/// An item's categories, widest first: `kitchen`, `kitchen/baking`.
fn prefixes(catalog: &Catalog, item: usize) -> impl Iterator<Item = &str> {
    let path = catalog
        .items()
        .get(item)
        .and_then(|item| item.category.as_deref());
    let path = path.map_or("", trimmed);
    let ends = path.match_indices(CATEGORY_SEPARATOR).map(|(end, _)| end);
    ends.chain(Some(path.len()).filter(|&end| end > 0))
        .map(move |end| &path[..end])
}

/// Both signals of each neighbour together, the strongest `most`, by row; `likeness` is zero again afterwards.
fn join(
    item: usize,
    by_category: Vec<(ItemIdx, f32)>,
    likeness: &mut [f32],
    touched: &[u32],
    most: usize,
) -> Vec<(ItemIdx, f32)> {
    let mut found: Vec<(ItemIdx, f32)> = by_category
        .into_iter()
        .map(|(other, near)| {
            let title = std::mem::take(&mut likeness[other.index()]).min(1.0);
            (other, 1.0 - (1.0 - near) * (1.0 - title))
        })
        .collect();
    for &other in touched {
        let title = std::mem::take(&mut likeness[other as usize]).min(1.0);
        if title > 0.0 && other as usize != item {
            found.push((ItemIdx::from_u32(other), title));
        }
    }
    if found.len() > most {
        found.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(most);
    }
    found.sort_unstable_by_key(|&(other, _)| other);
    found
}

/// The nearest by category and price.
fn nearest(
    catalog: &Catalog,
    shelves: &BTreeMap<&str, Shelf>,
    item: usize,
    rules: ContentRules,
) -> Vec<(ItemIdx, f32)> {
    let levels: Vec<&str> = prefixes(catalog, item).collect();
    let own = log_price(catalog, item);
    let mut found: Vec<(ItemIdx, f32)> = Vec::new();
    for (above, prefix) in levels.iter().enumerate().rev() {
        let shelf = shelves.get(prefix).map_or(&[][..], Vec::as_slice);
        let share = (above + 1) as f64 / levels.len() as f64;
        // Both ways from the own price; the nearer side first, of two equally near the cheaper one.
        let mut up_from = own.map_or(0, |own| shelf.partition_point(|&(price, _)| price < own));
        let mut down_from = up_from;
        let distance = |price: f64| match own {
            Some(own) if price.is_finite() => (price - own).abs(),
            _ => rules.price_tolerance,
        };
        let mut here = Vec::new();
        while found.len() + here.len() < rules.neighbours {
            let down = down_from.checked_sub(1).map(|at| shelf[at]);
            let up = shelf.get(up_from).copied();
            let (price, other) = match (down, up) {
                (None, None) => break,
                (Some(down), up) if up.is_none_or(|up| distance(down.0) <= distance(up.0)) => {
                    down_from -= 1;
                    down
                }
                (_, Some(up)) => {
                    up_from += 1;
                    up
                }
                (Some(_), None) => break,
            };
            let other = ItemIdx::from_u32(other);
            if other.index() == item || found.iter().any(|&(known, _)| known == other) {
                continue;
            }
            let near = share * (-distance(price) / rules.price_tolerance).exp();
            if near as f32 > 0.0 {
                here.push((other, near as f32));
            }
        }
        found.append(&mut here);
        if found.len() >= rules.neighbours {
            break;
        }
    }
    found.sort_unstable_by_key(|&(other, _)| other);
    found
}
