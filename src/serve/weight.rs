//! How much work an answer is.
//!
//! The one decision: it is told from what the request names and how large the catalogue is, never by a clock, so that the
//! same request always goes the same way.

use super::index::Index;
use super::request::RecommendRequest;
use crate::rules::Kind;

/// Numbers that describe all items together, above which a search among them is no light work: a quarter of a millisecond for
/// forty thousand items with 256 each.
const LIGHT_WORK: usize = 16 << 20;

/// What a cross-sell does for each item of the catalogue, in multiplications.
const CROSS_SELL_STEPS: usize = 16;

/// Items, exclusions and events of the context that a light request names at most.
const LIGHT_NAMES: usize = 256;

/// Whether an answer takes so little time that handing the work to another thread would cost more. Rules and filters may
/// ask for ever deeper rankings, and reasons for every part of a score: these are never light.
pub(super) fn is_light(index: &Index, request: &RecommendRequest) -> bool {
    let context = &request.context;
    let names = [
        request.count as usize,
        request.exclude_item_ids.len(),
        context.item_ids.len(),
        context.cart.len(),
        context.recent_events.len(),
        context.just_shown.len(),
    ];
    let is_plain = request.placement.is_none()
        && !request.with_reasons
        && request.filter.asks_nothing()
        && request.fallback.is_empty()
        && request.rules == crate::rules::RawRules::default();
    let work = match request.kind {
        // A stranger is answered from the visit, or the chart of what is wanted.
        Some(Kind::YouMayLike | Kind::NewArrivals) if context.customer_id.is_none() => index.n_items(),
        Some(Kind::CrossSell) => CROSS_SELL_STEPS * index.n_items(),
        Some(Kind::Trending | Kind::BuyAgain) => 0,
        Some(Kind::YouMayLike | Kind::NewArrivals | Kind::Similar | Kind::UpSell) | None => {
            index.width() * index.n_items()
        }
    };
    is_plain && names.iter().all(|&n| n <= LIGHT_NAMES) && work <= LIGHT_WORK
}
