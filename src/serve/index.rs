//! The index: one bundle, ready to answer.
//!
//! Enters: a checked bundle. Leaves: read-only look-ups, with everything that is the same for every asker made once.
//!
//! The one decision: only items that somebody viewed, put into a cart or bought are ranked, and new ones for which such
//! neighbours speak. What a model says of an item that it never saw is a numeric accident.

use std::sync::{Mutex, OnceLock, PoisonError};

use rayon::prelude::*;

use super::answer::TrendNumbers;
use super::candidates::{Candidates, Workspace};
use super::error::ServeError;
use super::likeness::Likeness;
use super::newcomers::Newcomers;
use super::risk::{Risk, rank_risks};
use crate::bundle::{Bundle, BundleParts, Manifest};
use crate::catalog::Categories;
use crate::churn::Shop;
use crate::churn::watch::healthy_until;
use crate::history::{Outage, Profile};
use crate::id::{ItemIdx, Row};
use crate::numeric::top_k;
use crate::recommend::Shelves;
use crate::recommend::buy_again::BuyAgain;
use crate::recommend::relations::{PriceLevels, Relations};
use crate::recommend::sessions::Sessions;
use crate::rules::{Kind, Placements};
use crate::time::Timestamp;

/// What the most wanted item counts beside a visit of length one that answers alone: what the sessions say nothing of comes
/// in the order of what is wanted.
pub(super) const TAIL: f32 = 1e-3;

/// Items in the order of a score that is the same for everybody.
#[derive(Debug)]
pub struct Chart {
    /// Score descending, then row ascending.
    order: Vec<(u32, f32)>,
    /// By item: its place in `order` from 1, or 0.
    rank: Vec<u32>,
    half_life_days: f64,
}

impl Chart {
    fn new(scores: &[f32], half_life_days: f64, has_place: impl Fn(usize) -> bool) -> Self {
        let order = top_k(scores, scores.len(), has_place);
        let mut rank = vec![0; scores.len()];
        for (place, &(item, _)) in (1u32..).zip(&order) {
            rank[item as usize] = place;
        }
        Self {
            order,
            rank,
            half_life_days,
        }
    }

    pub(super) fn order(&self) -> &[(u32, f32)] {
        &self.order
    }

    /// The best score; 1 where nothing has a place.
    pub(super) fn best(&self) -> f32 {
        self.order.first().map_or(1.0, |best| best.1)
    }

    /// The item's place from 1 and its score; `None` when it has no place.
    pub(super) fn place(&self, item: ItemIdx) -> Option<(u32, f32)> {
        let rank = self.rank[item.index()];
        // A rank of r was given by entry r − 1.
        (rank > 0).then(|| (rank, self.order[rank as usize - 1].1))
    }

    pub(super) fn half_life_days(&self) -> f64 {
        self.half_life_days
    }
}

/// One bundle, ready to answer.
#[derive(Debug)]
pub struct Index {
    manifest: Manifest,
    parts: BundleParts,
    categories: Categories,
    /// By item: whether anybody viewed, carted or bought it, or it is new and has neighbours.
    rankable: Vec<bool>,
    n_rankable: usize,
    /// By item: 1 over the length of its factor; 0 for a factor of length zero.
    inverse_norms: Vec<f32>,
    likeness: Likeness,
    popular: Chart,
    trending: Chart,
    newcomers: Newcomers,
    candidates: Candidates,
    /// What everybody gets beside a visit that answers alone; every item that can be ranked has a place.
    tail: Chart,
    price_levels: PriceLevels,
    placements: Placements,
    /// Working memory, as much as there were askers at once.
    #[expect(clippy::vec_box, reason = "a box is what changes hands")]
    rooms: Mutex<Vec<Box<Workspace>>>,
    /// The outage that the end of the data lies in.
    outage: Option<Outage>,
    /// Every buyer's risk at the instant of the default scores, made by whoever asks first.
    risks: OnceLock<Vec<Risk>>,
}

impl Index {
    /// Makes the index of a bundle.
    #[must_use]
    pub fn new(bundle: Bundle) -> Self {
        let Bundle { manifest, parts } = bundle;
        let activity = parts.histories.activity();
        let items = parts.histories.items().rows();
        let mut rankable: Vec<bool> = items.map(|item| activity.events(item) > 0).collect();
        let factors = parts.blend.ials().item_factors();
        let inverse_norms: Vec<f32> = (0..factors.nrows())
            .into_par_iter()
            .map(|row| {
                let norm = factors.row(row).dot(&factors.row(row)).sqrt();
                if norm > 0.0 { 1.0 / norm } else { 0.0 }
            })
            .collect();
        let newcomers = Newcomers::find(
            &parts.histories,
            &activity,
            &parts.catalog,
            &parts.recommend.new_arrivals,
            parts.data_through,
        );
        for item in newcomers.rankable() {
            rankable[item.index()] = true;
        }
        let half_life_days = parts.recommend.popularity.raw().half_life_days;
        let short_half_life_days = parts.recommend.trending.raw().half_life_days;
        let wanted = parts.blend.popularity().scores();
        let popular = Chart::new(wanted, half_life_days, |at| rankable[at] && wanted[at] > 0.0);
        let moving = on_the_move(&parts, &popular);
        let trending = Chart::new(&moving, short_half_life_days, |at| {
            rankable[at] && moving[at] > f32::NEG_INFINITY
        });
        let mut everybody = vec![0.0; rankable.len()];
        for &(item, wanted) in &popular.order {
            everybody[item as usize] = TAIL * wanted / popular.best();
        }
        newcomers.level(&mut everybody);
        let tail = Chart::new(&everybody, half_life_days, |at| rankable[at]);
        let outage = healthy_until(&parts.histories, &parts.calendar, parts.data_through);
        let trust = trust(&popular, rankable.len());
        Self {
            manifest,
            n_rankable: rankable.iter().filter(|&&rankable| rankable).count(),
            rankable,
            likeness: Likeness::new(factors, &inverse_norms, &trust),
            inverse_norms,
            popular,
            trending,
            candidates: Candidates::new(&parts.blend, &newcomers, &some_profiles(&parts)),
            newcomers,
            tail,
            price_levels: PriceLevels::of(&parts.catalog),
            placements: parts.placements.clone(),
            rooms: Mutex::default(),
            outage,
            risks: OnceLock::new(),
            categories: Categories::of(&parts.catalog),
            parts,
        }
    }

    /// What the bundle says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What the bundle holds.
    #[must_use]
    pub fn parts(&self) -> &BundleParts {
        &self.parts
    }

    /// What churn reads a history with.
    #[must_use]
    pub fn shop(&self) -> Shop<'_> {
        Shop {
            calendar: &self.parts.calendar,
            categories: &self.categories,
        }
    }

    /// The outage of a feed that the log's end lies in, if any: churn scores are then as of its start.
    #[must_use]
    pub fn frozen(&self) -> Option<&Outage> {
        self.outage.as_ref()
    }

    /// The instant at which churn is scored when `asked` is asked for: without a wish the end of the data, and in no case an
    /// instant within the outage, in which every customer seems to leave.
    #[must_use]
    pub fn as_of(&self, asked: Option<Timestamp>) -> Timestamp {
        let asked = asked.unwrap_or(self.parts.data_through);
        self.outage
            .as_ref()
            .map_or(asked, |outage| asked.min(outage.since))
    }

    /// Whether anybody viewed, carted or bought the item, or it is new and has neighbours.
    #[must_use]
    pub fn is_rankable(&self, item: ItemIdx) -> bool {
        self.rankable[item.index()]
    }

    /// How many items can be ranked.
    #[must_use]
    pub fn n_rankable(&self) -> usize {
        self.n_rankable
    }

    /// Number of items, rankable or not.
    pub(super) fn n_items(&self) -> usize {
        self.rankable.len()
    }

    /// How many numbers describe an item to the models that rank it.
    pub(super) fn width(&self) -> usize {
        let blend = &self.parts.blend;
        let low_pass = blend.low_pass().map_or(0, crate::recommend::LowRank::rank);
        low_pass + blend.ials().item_factors().ncols()
    }

    /// What each place on the shop's pages shows, by the recipe of the training.
    pub(super) fn placements(&self) -> &Placements {
        &self.placements
    }

    /// Where the items' prices lie within their categories.
    pub(super) fn price_levels(&self) -> &PriceLevels {
        &self.price_levels
    }

    /// What came lately.
    pub(super) fn newcomers(&self) -> &Newcomers {
        &self.newcomers
    }

    pub(super) fn shelves(&self, kind: Kind) -> Result<&Shelves, ServeError> {
        let too_old = || self.not_learned(kind, "its bundle is of a format before 4: train again".to_owned());
        self.parts.shelves.as_ref().ok_or_else(too_old)
    }

    fn not_learned(&self, kind: Kind, why: String) -> ServeError {
        ServeError::NotLearned {
            version: self.manifest.version.clone(),
            kind: kind.name(),
            why,
        }
    }

    /// How the items relate.
    pub(super) fn relations(&self) -> Result<&Relations, ServeError> {
        self.shelves(Kind::CrossSell).map(|shelves| &shelves.relations)
    }

    /// When what was bought is due again.
    pub(super) fn buy_again(&self) -> Result<&BuyAgain, ServeError> {
        let shelves = self.shelves(Kind::BuyAgain)?;
        let refused = |why: &String| self.not_learned(Kind::BuyAgain, why.clone());
        shelves.buy_again.as_ref().map_err(refused)
    }

    /// What visits like this one went on with; `None` where the log had no visits to learn from.
    pub(super) fn sessions(&self) -> Option<&Sessions> {
        self.parts.shelves.as_ref()?.sessions.as_ref()
    }

    /// Every item's row, ready to be searched.
    pub(super) fn candidates(&self) -> &Candidates {
        &self.candidates
    }

    /// What everybody gets beside a visit that answers alone.
    pub(super) fn tail(&self) -> &Chart {
        &self.tail
    }

    /// Does something with working memory that others have used before.
    pub(super) fn with_room<T>(&self, work: impl FnOnce(&mut Workspace) -> T) -> T {
        // A poisoned lock holds rooms all the same: whatever is in them is forgotten when they are opened.
        let lock = || self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = lock().pop().unwrap_or_default();
        let done = work(&mut room);
        lock().push(room);
        done
    }

    /// Whether the model knows what is usual of an item.
    pub(super) fn knows_usual(&self) -> bool {
        self.parts.shelves.is_some()
    }

    /// How much more wanted an item is than usual; `None` for one that is not.
    pub(super) fn trend(&self, item: ItemIdx) -> Option<TrendNumbers> {
        let arrays = self.parts.shelves.as_ref()?.trending.arrays();
        let of = |values: &[f32]| f64::from(values[item.index()]);
        (of(&arrays.scores) > 0.0).then(|| TrendNumbers {
            factor: of(&arrays.factors),
            recent: of(&arrays.recent),
            expected: of(&arrays.expected),
        })
    }

    pub(super) fn popular(&self) -> &Chart {
        &self.popular
    }

    pub(super) fn trending(&self) -> &Chart {
        &self.trending
    }

    /// Cosine of the factors of two items; 0 where one has no length.
    pub(super) fn cosine(&self, a: ItemIdx, b: ItemIdx) -> f32 {
        let factors = self.parts.blend.ials().item_factors();
        let dot = factors.row(a.index()).dot(&factors.row(b.index()));
        dot * self.inverse_norms[a.index()] * self.inverse_norms[b.index()]
    }

    /// The mean of the directions of some items' factors.
    pub(super) fn centre(&self, items: &[ItemIdx]) -> Vec<f32> {
        let factors = self.parts.blend.ials().item_factors();
        let mut centre = ndarray::Array1::<f32>::zeros(factors.ncols());
        for item in items {
            let weight = self.inverse_norms[item.index()] / items.len() as f32;
            centre.scaled_add(weight, &factors.row(item.index()));
        }
        centre.into_raw_vec_and_offset().0
    }

    /// How alike every item is to a page, ready to be searched.
    pub(super) fn likeness(&self) -> &Likeness {
        &self.likeness
    }

    /// Does once what every answer does, for the sake of its side effects on the machine's memory.
    pub(super) fn warm(&self) {
        if let Some(&(item, _)) = self.popular.order.first() {
            let profile = vec![(ItemIdx::from_u32(item), 1.0)];
            self.with_room(|room| {
                self.candidates.open(room);
                let composed = self
                    .parts
                    .blend
                    .compose(&profile, &mut room.blend, &mut room.addends);
                self.candidates.best(composed, 1, |_| true, &|| false, room);
            });
        }
    }

    /// Every buyer's risk at [`Self::as_of`] no wish, riskiest first.
    pub(super) fn risks(&self, model: &crate::churn::ChurnModel) -> &[Risk] {
        self.risks
            .get_or_init(|| rank_risks(self, model, self.as_of(None)))
    }
}

/// Profiles of customers that are spread evenly, as they ask at the end of the data.
fn some_profiles(parts: &BundleParts) -> Vec<Profile> {
    const SAMPLED: usize = 512;
    let customers = parts.histories.customers();
    let step = customers.len().div_ceil(SAMPLED).max(1);
    let rows: Vec<_> = customers.rows().step_by(step).collect();
    rows.into_par_iter()
        .map(|customer| {
            let history = parts.histories.of(customer);
            parts.weighting.profile(history, parts.data_through)
        })
        .filter(|profile| !profile.is_empty())
        .collect()
}

/// By item: how far it is above its usual level; for what is not, how wanted it is, as a share of the most wanted less 1,
/// so that it comes after all that is. A bundle before format 4 knows only what is wanted of late.
fn on_the_move(parts: &BundleParts, popular: &Chart) -> Vec<f32> {
    let most = popular.best();
    let n_items = popular.rank.len();
    match (&parts.shelves, &parts.trending) {
        (Some(shelves), _) => {
            let trend = &shelves.trending.arrays().scores;
            let score = |at: usize| match (trend[at], popular.rank[at]) {
                (trend, _) if trend > 0.0 => trend,
                (_, 0) => f32::NEG_INFINITY,
                (_, rank) => popular.order[rank as usize - 1].1 / most - 1.0,
            };
            (0..n_items).map(score).collect()
        }
        (None, Some(trending)) => {
            let score = |&score: &f32| if score > 0.0 { score } else { f32::NEG_INFINITY };
            trending.scores().iter().map(score).collect()
        }
        (None, None) => vec![f32::NEG_INFINITY; n_items],
    }
}

/// `s / (s + m)` for each item, with `s` its popularity and `m` the median popularity of the items that have one.
fn trust(popular: &Chart, n_items: usize) -> Vec<f32> {
    // The order is by score, so the median stands in the middle.
    let median = popular
        .order
        .get(popular.order.len() / 2)
        .map_or(1.0, |&(_, score)| score);
    let mut trust = vec![0.0; n_items];
    for &(item, score) in &popular.order {
        trust[item as usize] = score / (score + median);
    }
    trust
}
