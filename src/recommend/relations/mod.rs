//! How items relate: what goes with what, what stands in for what, what is the better one.
//!
//! Enters: everybody's histories before an instant, the catalogue, the shop's calendar. Leaves: [`Relations`], that is
//! [`CrossSell`] for a whole cart and [`Similar`] for a page; [`UpSell`], which ranks alternatives by price at answer time;
//! [`Trending`], which compares an item with itself; and [`ContentNeighbours`], through which what nobody touched yet gets a
//! fair score. All of them score items for items: no customer is in any of them.
//!
//! | file | what it is for |
//! |---|---|
//! | `groups` | baskets, visits and customers as sparse matrices |
//! | `pairs` | counting what one item met, row by row |
//! | `association` | lift, shrunk PMI, log-likelihood ratio |
//! | `verdict` | complements, substitutes or neither |
//! | `leaves`, `titles`, `content` | leaf categories, words in common, and nearness by category, price and title |
//! | `fit` | the one pass that makes cross-sell and alternatives |
//! | `cross_sell`, `similar`, `up_sell`, `trending` | the models |
//!
//! The one decision: being bought together and standing in for each other are judged in the same pass over the same pairs,
//! so that a pair is never both: substitutes are taken out of cross-sell, complements out of the alternatives.
//!
//! # Source
//! The counting of complements against substitutes follows McAuley, Pandey, Leskovec, "Inferring Networks of Substitutable
//! and Complementary Products", KDD 2015, and Hao et al., "P-Companion: A Principled Framework for Diversified Complementary
//! Product Recommendation", CIKM 2020, in what it takes as evidence; the statistics are those of the named files.

mod association;
mod content;
mod cross_sell;
mod fit;
pub(crate) mod groups;
mod leaves;
mod pairs;
mod similar;
mod stored;
#[cfg(test)]
mod tests;
mod titles;
mod trending;
mod up_sell;
mod verdict;

pub use association::Together;
pub use content::{ContentNeighbours, ContentRules};
pub use cross_sell::{
    CrossSell, CrossSellArrays, CrossSellCounts, CrossSellParams, RawCrossSellParams, Support,
};
pub use fit::{Relations, Shop};
pub use leaves::{Leaves, NO_LEAF};
pub use similar::{Meetings, RawSimilarParams, Similar, SimilarArrays, SimilarParams};
pub use stored::{Sparse, StoredError};
pub use trending::{RawTrendingParams, Trending, TrendingArrays, TrendingParams};
pub use up_sell::{
    BIN, BINS, BetterItem, BetterPart, CustomerLevel, PriceLevels, RawUpSellParams, UpSell, UpSellParams,
    UpSellQuestion,
};
pub use verdict::Basis;
