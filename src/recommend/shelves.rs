//! What the shelves beside "you may like" are answered from, fitted together.
//!
//! Enters: the histories before an instant, the catalogue, the calendar. Leaves: [`Shelves`]: how items relate, what is
//! better, what is on the move, what is due again, what visits go on with.

use serde::Serialize;

use super::RecommendParams;
use super::buy_again::{BuyAgain, BuyAgainInputs, BuyAgainReport};
use super::relations::{Relations, Shop, Trending, UpSell};
use super::sessions::{Sessions, Training, sessions_of};
use crate::history::Weighting;
use crate::progress::Progress;

/// Fewer visits than this say nothing of how visits go on.
pub const LEAST_SESSIONS: usize = 100;

/// The fitted models.
#[derive(Clone, Debug)]
pub struct Shelves {
    /// What goes with what, and what stands in for what.
    pub relations: Relations,
    /// What is the better one.
    pub up_sell: UpSell,
    /// What is wanted more than usual.
    pub trending: Trending,
    /// What is due again, or the rule that refused its training.
    pub buy_again: Result<BuyAgain, String>,
    /// How visits go on; `None` where the log has hardly any visit of more than one item.
    pub sessions: Option<Sessions>,
}

/// How the fits went.
#[derive(Clone, Debug, Serialize)]
pub struct ShelvesReport {
    /// Links from item to item for carts.
    pub cross_sell_links: usize,
    /// Links from item to item for alternatives.
    pub similar_links: usize,
    /// Visits that were learned from; 0 where they were too few.
    pub sessions: usize,
    /// How the fit of buying again went; `None` where it was refused.
    pub buy_again: Option<BuyAgainReport>,
    /// The rule that refused it.
    pub buy_again_refusal: Option<String>,
}

impl Shelves {
    /// Fits every model to what was strictly before `shop.now`.
    ///
    /// # Determinism
    /// The same bits for any number of threads.
    pub fn fit(
        shop: Shop<'_>,
        weighting: &Weighting,
        params: &RecommendParams,
        progress: &dyn Progress,
    ) -> (Self, ShelvesReport) {
        let relations = Relations::fit(shop, &params.cross_sell, &params.similar, progress);
        let up_sell = UpSell::fit(shop, &relations.similar, &params.up_sell);
        let trending = Trending::fit(shop, weighting, &params.trending);
        let inputs = BuyAgainInputs {
            histories: shop.histories,
            catalog: Some(shop.catalog),
            calendar: shop.calendar,
        };
        let (buy_again, report) = match BuyAgain::fit(inputs, &params.buy_again, shop.now) {
            Ok((model, report)) => (Ok(model), Some(report)),
            Err(refusal) => (Err(refusal.to_string()), None),
        };
        let visits = sessions_of(shop.histories, shop.now, &params.sessions);
        let training = Training::new(visits, shop.histories.items().len(), &params.sessions);
        let sessions = (training.len() >= LEAST_SESSIONS).then(|| Sessions::fit(&training, &params.sessions));
        let report = ShelvesReport {
            cross_sell_links: relations.cross_sell.partners().n_entries(),
            similar_links: relations.similar.likeness().n_entries(),
            sessions: sessions.as_ref().map_or(0, |_| training.len()),
            buy_again: report,
            buy_again_refusal: buy_again.as_ref().err().cloned(),
        };
        let shelves = Self {
            relations,
            up_sell,
            trending,
            buy_again,
            sessions,
        };
        (shelves, report)
    }
}
