//! The answer key: what the log was made from.

use super::assortment::Assortment;
use super::customer::Character;
use super::params::ShopParams;
use super::words::LEAVES;
use crate::time::Timestamp;

/// How much a customer likes a leaf category.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Taste {
    /// The leaf category, as a position in [`Truth::categories`].
    pub category: usize,
    /// Share of the interests that come from taste; the weights of a customer sum to 1.
    pub weight: f64,
}

/// An item that is bought because another one is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Complement {
    /// The item that comes first.
    pub item: u32,
    /// What goes with it.
    pub with: u32,
    /// Probability that an order with `item` gets `with` for this reason.
    pub probability: f64,
}

/// Two items of which one is bought.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Substitute {
    /// The item with the lower number.
    pub item: u32,
    /// The item with the higher number.
    pub other: u32,
    /// Probability that whoever considers the one looks at the other.
    pub co_view_probability: f64,
}

/// What the log was made from, by the shop's numbers of customers and items.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Paths of the leaf categories.
    pub categories: Vec<&'static str>,
    /// By customer: sign-up, which is the first visit.
    pub signed_up_at: Vec<Timestamp>,
    /// By customer: when the customer left for good, if that was before the log ends. There is no event at or after it.
    pub left_at: Vec<Option<Timestamp>>,
    /// By customer: spells of no interest, from and to, which may reach beyond leaving or the log's end.
    pub pauses: Vec<Vec<(Timestamp, Timestamp)>>,
    /// By customer: leaf categories, strongest first.
    pub tastes: Vec<Vec<Taste>>,
    /// By customer: preferred price, in standard deviations of log prices from the leaf category's median.
    pub price_levels: Vec<f64>,
    /// By customer: mean visits in 30 days while interest is full.
    pub visits_per_month: Vec<f64>,
    /// By customer: factor on the intervals of what is used up.
    pub rhythm_factors: Vec<f64>,
    /// By item: mean days until it is used up and bought again, where it is.
    pub rhythm_days: Vec<Option<f64>>,
    /// By item: its leaf category, as a position in `categories`.
    pub category_of: Vec<usize>,
    /// All complements, by item.
    pub complements: Vec<Complement>,
    /// All pairs of substitutes, by item.
    pub substitutes: Vec<Substitute>,
}

impl Truth {
    pub(super) fn new(characters: &[Character], assortment: &Assortment, params: &ShopParams) -> Self {
        let goods = || (0u32..).zip(&assortment.goods);
        Self {
            categories: LEAVES.iter().map(|leaf| leaf.path).collect(),
            signed_up_at: characters.iter().map(|who| who.signed_up_at).collect(),
            left_at: characters
                .iter()
                .map(|who| Some(who.leaves_at).filter(|&at| at < params.end()))
                .collect(),
            pauses: characters.iter().map(|who| who.pauses.clone()).collect(),
            tastes: characters
                .iter()
                .map(|who| {
                    who.tastes
                        .iter()
                        .map(|&(category, weight)| Taste { category, weight })
                        .collect()
                })
                .collect(),
            price_levels: characters.iter().map(|who| who.price_level).collect(),
            visits_per_month: characters.iter().map(|who| who.visits_per_day * 30.0).collect(),
            rhythm_factors: characters.iter().map(|who| who.rhythm_factor).collect(),
            rhythm_days: assortment.goods.iter().map(|good| good.rhythm_days).collect(),
            category_of: assortment.goods.iter().map(|good| good.leaf).collect(),
            complements: goods()
                .flat_map(|(item, good)| {
                    good.complements
                        .iter()
                        .map(move |&(with, probability)| Complement {
                            item,
                            with,
                            probability,
                        })
                })
                .collect(),
            substitutes: goods()
                .flat_map(|(item, good)| {
                    (item + 1..good.series.1).map(move |other| Substitute {
                        item,
                        other,
                        co_view_probability: params.raw().co_view_probability,
                    })
                })
                .collect(),
        }
    }
}
