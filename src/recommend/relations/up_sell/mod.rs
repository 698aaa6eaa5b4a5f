//! Up-sell: the better one that serves the same need.
//!
//! Enters: the alternatives of the page's items, the catalogue at answer time, and what the customer is used to pay.
//! Leaves: items of a higher price band with a margin at least as good, each with the numbers that made its score.
//!
//! # Formula
//! ```text
//! score(b) = fit(b) · Σ_{a on the page, b in the band of a} like(a, b) · acceptance(ln p_b / p_a)
//! fit(b) = 1 − trust · (1 − exp(−½ ((z_b − level) / tolerance)²))
//! ```
//! with `like` of [`Similar`], the acceptance learned from choices between two alternatives, `z` the price level of an
//! item within its leaf category and `level` the customer's. The band of `a` is `[p_a (1 + least rise), p_a (1 + most
//! rise)]`, and where cost and price of both are known, `b` earns the shop at least as much a piece as `a`.
//!
//! The one decision: the model knows no price. What it learned is a curve over ratios of prices, so that a price of this
//! morning is in the answer of this noon.

mod acceptance;
mod params;
mod price_levels;

pub use acceptance::{BIN, BINS};
pub use params::{RawUpSellParams, UpSellParams};
pub use price_levels::{CustomerLevel, PriceLevels};

use crate::catalog::Catalog;
use crate::history::History;
use crate::id::{ItemIdx, Row};

use super::fit::Shop;
use super::similar::{Similar, distinct};
use super::stored::{StoredError, check_finite, check_len};
use acceptance::{Choices, margin};

/// A learned curve of acceptance with the rules of the band.
#[derive(Clone, Debug, PartialEq)]
pub struct UpSell {
    params: UpSellParams,
    /// At the middle of each bin of [`BIN`] in log price ratio: [`BINS`] numbers between 0 and 1.
    curve: Vec<f32>,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct UpSellQuestion<'a> {
    /// The alternatives.
    pub similar: &'a Similar,
    /// Prices and costs as of now.
    pub catalog: &'a Catalog,
    /// Price levels of the same catalogue.
    pub levels: &'a PriceLevels,
    /// The items on the page.
    pub page: &'a [ItemIdx],
    /// What the customer did so far, if anything is known.
    pub history: Option<History<'a>>,
}

/// A better item, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct BetterItem {
    /// The item.
    pub item: ItemIdx,
    /// Sum of the parts.
    pub score: f32,
    /// What each item of the page for which this one is in the band added, in the order of rows.
    pub parts: Vec<BetterPart>,
    /// How well the price fits the customer, 1 where nothing is known.
    pub fit: f32,
}

/// What one item of the page added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BetterPart {
    /// The item of the page.
    pub page: ItemIdx,
    /// Likeness × acceptance × fit.
    pub part: f32,
    /// Price of the better item over that of the page's.
    pub price_ratio: f64,
    /// Likeness of the two.
    pub likeness: f32,
    /// How often so much dearer an alternative is taken.
    pub acceptance: f32,
}

impl UpSell {
    /// Learns from a shop's past how often the dearer of two alternatives is taken.
    #[must_use]
    pub fn fit(shop: Shop<'_>, similar: &Similar, params: &UpSellParams) -> Self {
        Self {
            curve: Choices::count(shop, similar).curve(params.raw().prior_choices),
            params: params.clone(),
        }
    }

    /// The model with this curve, as a bundle keeps it.
    ///
    /// # Errors
    /// [`StoredError`] when the curve does not have [`BINS`] finite numbers of 0 or more.
    pub fn from_curve(curve: Vec<f32>, params: UpSellParams) -> Result<Self, StoredError> {
        check_len("up_sell.curve", curve.len(), BINS)?;
        check_finite("up_sell.curve", &curve)?;
        Ok(Self { params, curve })
    }

    /// The curve of acceptance.
    #[must_use]
    pub fn curve(&self) -> &[f32] {
        &self.curve
    }

    /// The parameters.
    #[must_use]
    pub fn params(&self) -> &UpSellParams {
        &self.params
    }

    /// How often an alternative is taken that costs `ratio` times as much; `ratio` is above 1.
    #[must_use]
    pub fn acceptance(&self, ratio: f64) -> f32 {
        acceptance::at(&self.curve, ratio.ln())
    }

    /// The best `k` better items among those that `keep` lets through, best first.
    #[must_use]
    pub fn rank(
        &self,
        question: UpSellQuestion<'_>,
        k: usize,
        keep: impl Fn(ItemIdx) -> bool,
    ) -> Vec<BetterItem> {
        let page = distinct(question.page);
        let customer = question.history.map(|history| {
            question
                .levels
                .customer(history, self.params.raw().price_level_purchases)
        });
        let mut parts: Vec<(ItemIdx, BetterPart)> = Vec::new();
        for &from in &page {
            for &to in question.similar.likeness().row(from.index()).0 {
                let to = ItemIdx::from_u32(to);
                if page.binary_search(&to).is_err() && keep(to) {
                    parts.extend(self.part(question, from, to).map(|part| (to, part)));
                }
            }
        }
        // Stable: the parts of one item stay in the order of the page's rows.
        parts.sort_by_key(|&(to, _)| to);
        let mut found: Vec<BetterItem> = parts
            .chunk_by(|a, b| a.0 == b.0)
            .map(|parts| {
                let item = parts[0].0;
                let fit = customer.map_or(1.0, |customer| self.fit_of(customer, question.levels, item));
                let mut parts: Vec<BetterPart> = parts.iter().map(|&(_, part)| part).collect();
                parts.iter_mut().for_each(|part| part.part *= fit);
                BetterItem {
                    item,
                    score: parts.iter().map(|part| part.part).sum(),
                    parts,
                    fit,
                }
            })
            .collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
        found.truncate(k);
        found
    }

    /// What `from` says of `to`, before the customer's fit; `None` outside the band or with less margin.
    fn part(&self, question: UpSellQuestion<'_>, from: ItemIdx, to: ItemIdx) -> Option<BetterPart> {
        let raw = self.params.raw();
        let price = |item: ItemIdx| {
            question
                .catalog
                .items()
                .get(item.index())?
                .price
                .filter(|&price| price > 0.0)
        };
        let price_ratio = price(to)? / price(from)?;
        if !(1.0 + raw.least_rise..=1.0 + raw.most_rise).contains(&price_ratio) {
            return None;
        }
        let margins = margin(question.catalog, from).zip(margin(question.catalog, to));
        if margins.is_some_and(|(own, better)| better < own) {
            return None;
        }
        let likeness = question.similar.between(from, to);
        let acceptance = self.acceptance(price_ratio);
        Some(BetterPart {
            page: from,
            part: likeness * acceptance,
            price_ratio,
            likeness,
            acceptance,
        })
    }

    fn fit_of(&self, customer: CustomerLevel, levels: &PriceLevels, item: ItemIdx) -> f32 {
        let Some(level) = levels.level(item) else {
            return 1.0;
        };
        let distance = (level - customer.level) / self.params.raw().price_tolerance;
        (1.0 - customer.trust * (1.0 - (-0.5 * distance * distance).exp())) as f32
    }
}
