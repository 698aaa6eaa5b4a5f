//! The engine: domain in, domain out.
//!
//! Enters: requests in the shop's own words. Leaves: answers, or the rule that refused.
//!
//! The one decision: an answer is made from one immutable index that the engine holds in whole and swaps in whole, so a
//! request that began on a model ends on it. What changes between answers lies beside the index: the stock, which every
//! answer reads last, and the cache, whose keys name the index.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use hashbrown::HashSet;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::answer::{
    AtRiskFilter, ChurnAnswer, CustomerSummary, Explained, PlanAnswer, Recommendations, Since,
};
use super::beside::beside;
use super::cache::{CacheStats, Rankings};
use super::config::ServeConfig;
use super::error::ServeError;
use super::index::Index;
use super::policy::Policy;
use super::recommend::Asked;
use super::request::{MAX_ABOUT, MAX_SHELVES, RecommendRequest, id_of, invalid};
use super::risk::AtRisk;
use super::stock::{Stock, Stocks};
use super::weight;
use crate::bundle::{Bundle, Registry};
use crate::churn::plan::PlanParams;
use crate::churn::{self, ChurnModel, change};
use crate::id::CustomerIdx;
use crate::progress::{Progress, Silent};
use crate::time::Timestamp;

/// An index that answers, with the stock of its items.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) index: Arc<Index>,
    stock: Arc<Stock>,
    /// Counts the indexes that this engine loaded; names this one in the cache's keys.
    generation: u64,
}

/// What an answer depends on beside its question: as long as the stamp stays the same, so does every answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Stamp {
    /// The index that serves; `None` before the first.
    generation: Option<u64>,
    /// How often something was said of availability.
    stock: u64,
}

/// Who is told of the stages of loading.
pub(super) struct Listener(pub(super) Arc<dyn Progress + Send + Sync>);

impl Default for Listener {
    fn default() -> Self {
        Self(Arc::new(Silent))
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}

/// Why the registry's current model does not serve.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ReloadFailure {
    /// The model that could not be loaded; `None` when the registry could not say which one is current.
    pub(super) version: Option<String>,
    pub(super) message: String,
}

/// Answers from an immutable index that is swapped in whole. Shared between threads behind an `Arc`; every method takes
/// `&self`, blocks for at most the time of one computation, and never reads a clock. How many requests compute or wait at
/// once is for the door to bound: here nobody waits in line.
#[derive(Debug)]
pub struct Engine {
    pub(super) config: ServeConfig,
    pub(super) registry: Registry,
    pub(super) serving: ArcSwapOption<Loaded>,
    /// Models that requests named, beside the one that serves.
    pub(super) pinned: Cache<String, Arc<Loaded>>,
    pub(super) rankings: Rankings,
    generations: AtomicU64,
    stocks: Stocks,
    /// Held while a model is loaded to serve: one at a time.
    pub(super) loading: Mutex<()>,
    /// Every index that may still be in use. See [`Self::unused`].
    indexes: Mutex<Vec<Arc<Index>>>,
    pub(super) listener: Listener,
    pub(super) reload_failure: Mutex<Option<ReloadFailure>>,
}

impl Engine {
    /// An engine over this registry, with no model loaded: [`Self::refresh`] loads the current one.
    #[must_use]
    pub fn new(config: ServeConfig, registry: Registry) -> Self {
        let raw = config.raw();
        Self {
            rankings: Rankings::new(&raw.cache),
            pinned: Cache::builder()
                .eviction_policy(EvictionPolicy::lru())
                .max_capacity(raw.models.pinned)
                .build(),
            serving: ArcSwapOption::empty(),
            generations: AtomicU64::new(0),
            stocks: Stocks::default(),
            loading: Mutex::default(),
            indexes: Mutex::default(),
            listener: Listener::default(),
            reload_failure: Mutex::default(),
            config,
            registry,
        }
    }

    /// The same engine, which tells somebody of each stage of loading a model.
    #[must_use]
    pub fn telling(mut self, listener: Arc<dyn Progress + Send + Sync>) -> Self {
        self.listener = Listener(listener);
        self
    }

    /// How it serves.
    #[must_use]
    pub fn config(&self) -> &ServeConfig {
        &self.config
    }

    /// The index that answers now; it stays valid through a swap.
    #[must_use]
    pub fn index(&self) -> Option<Arc<Index>> {
        self.serving
            .load()
            .as_ref()
            .map(|loaded| Arc::clone(&loaded.index))
    }

    /// Whether a model is loaded.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.serving.load().is_some()
    }

    /// The version that serves.
    #[must_use]
    pub fn serving_version(&self) -> Option<String> {
        self.serving
            .load()
            .as_ref()
            .map(|loaded| loaded.index.manifest().version.clone())
    }

    /// What answers depend on now beside their questions.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.stamp_of(self.serving.load().as_ref())
    }

    /// The stamp while this one serves.
    pub(super) fn stamp_of(&self, serving: Option<&Arc<Loaded>>) -> Stamp {
        Stamp {
            generation: serving.map(|loaded| loaded.generation),
            stock: self.stocks.revision(),
        }
    }

    /// Whether an answer takes so little time that handing the work to another thread would cost more.
    #[must_use]
    pub fn is_light(&self, request: &RecommendRequest) -> bool {
        let serving = self.serving.load();
        serving.as_ref().is_none_or(|serving| {
            let version = request.model_version.as_ref();
            version.is_none_or(|version| *version == serving.index.manifest().version)
                && weight::is_light(&serving.index, request)
        })
    }

    /// Answers a storefront.
    ///
    /// # Errors
    /// [`ServeError::InvalidArgument`], [`ServeError::UnknownPlacement`], [`ServeError::UnknownVersion`],
    /// [`ServeError::NotLearned`] or [`ServeError::NoModel`].
    pub fn recommend(&self, request: &RecommendRequest) -> Result<Recommendations, ServeError> {
        self.recommend_unless(request, &|| false)
    }

    /// [`Self::recommend`] for somebody who may hang up: the work ends soon after `is_over` says so.
    ///
    /// # Errors
    /// Those of [`Self::recommend`], and [`ServeError::Cancelled`].
    pub fn recommend_unless(
        &self,
        request: &RecommendRequest,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Recommendations, ServeError> {
        self.answer(request, self.serving.load_full(), &HashSet::new(), is_over)
    }

    /// Answers a storefront and tells how the answer came about; `about` are items of which to say where they stand.
    ///
    /// # Errors
    /// Those of [`Self::recommend`].
    pub fn explain(&self, request: &RecommendRequest, about: &[String]) -> Result<Explained, ServeError> {
        if about.len() > MAX_ABOUT {
            let rule = format!("must have at most {MAX_ABOUT} entries, got {}", about.len());
            return Err(invalid("item_ids", rule));
        }
        for (at, id) in about.iter().enumerate() {
            id_of(|| format!("item_ids[{at}]"), id)?;
        }
        self.asked(request, self.serving.load_full(), &|| false, |asked| {
            asked.explain(about)
        })
    }

    /// Answers several shelves of one page in order: an item stands at most once across them, on the first shelf that wants
    /// it. A shelf that fails does not take the others along, and once `is_late` says so, those that are left fail with
    /// [`ServeError::DeadlineExceeded`]. All shelves that name no model are answered from the same one.
    pub fn shelves(
        &self,
        requests: &[RecommendRequest],
        is_late: &dyn Fn() -> bool,
    ) -> Vec<Result<Recommendations, ServeError>> {
        if requests.len() > MAX_SHELVES {
            let rule = format!("must have at most {MAX_SHELVES} entries, got {}", requests.len());
            let error = invalid("shelves", rule);
            return requests.iter().map(|_| Err(error.clone())).collect();
        }
        let serving = self.serving.load_full();
        let mut taken = HashSet::new();
        requests
            .iter()
            .map(|request| {
                if is_late() {
                    return Err(ServeError::DeadlineExceeded);
                }
                let answer = self
                    .answer(request, serving.clone(), &taken, is_late)
                    .map_err(late)?;
                taken.extend(answer.items.iter().map(|item| item.item_id.clone()));
                Ok(answer)
            })
            .collect()
    }

    /// [`Self::recommend_unless`] from this model, without what stands on earlier shelves.
    pub(super) fn answer(
        &self,
        request: &RecommendRequest,
        serving: Option<Arc<Loaded>>,
        taken: &HashSet<String>,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Recommendations, ServeError> {
        self.asked(request, serving, is_over, |asked| asked.answer(taken))
    }

    fn asked<T>(
        &self,
        request: &RecommendRequest,
        serving: Option<Arc<Loaded>>,
        is_over: &dyn Fn() -> bool,
        answer: impl FnOnce(&Asked<'_>) -> Result<T, ServeError>,
    ) -> Result<T, ServeError> {
        request.check()?;
        let loaded = match &request.model_version {
            Some(version) => self.named(version, serving)?,
            None => serving.ok_or(ServeError::NoModel)?,
        };
        let policy = Policy::new(&self.config, &loaded.index, request)?;
        answer(&Asked {
            index: &loaded.index,
            stock: &loaded.stock,
            generation: loaded.generation,
            rankings: &self.rankings,
            policy: &policy,
            request,
            is_over,
        })
    }

    /// A customer's churn risk, as of an instant or the end of the model's data.
    ///
    /// # Errors
    /// [`ServeError::UnknownCustomer`], [`ServeError::NeverBought`], [`ServeError::NoChurnModel`],
    /// [`ServeError::InvalidArgument`] or [`ServeError::NoModel`].
    pub fn churn(&self, customer_id: &str, as_of: Option<Timestamp>) -> Result<ChurnAnswer, ServeError> {
        id_of(|| "customer_id".to_owned(), customer_id)?;
        let index = &self.serving.load_full().ok_or(ServeError::NoModel)?.index;
        Ok(churn_of(index, customer_id, as_of)?.1)
    }

    /// [`Self::churn`], and what changed since another instant or model.
    ///
    /// # Errors
    /// Those of [`Self::churn`]; [`ServeError::InvalidArgument`] when the earlier instant is not earlier,
    /// [`ServeError::UnknownVersion`] or [`ServeError::NotServing`] for the earlier model.
    pub fn churn_since(
        &self,
        customer_id: &str,
        as_of: Option<Timestamp>,
        since: &Since,
    ) -> Result<ChurnAnswer, ServeError> {
        id_of(|| "customer_id".to_owned(), customer_id)?;
        // Taken once: a swap in between must not compare what two models said of two logs.
        let serving = self.serving.load_full().ok_or(ServeError::NoModel)?;
        churn_since(&serving.index, customer_id, as_of, since, || {
            match &since.model_version {
                Some(version) => self.named(version, Some(Arc::clone(&serving))),
                None => Ok(Arc::clone(&serving)),
            }
        })
    }

    /// Risk and value by segment. The first call of an index scores all its customers.
    ///
    /// # Errors
    /// [`ServeError::NoChurnModel`] or [`ServeError::NoModel`].
    pub fn customers(&self, as_of: Option<Timestamp>) -> Result<CustomerSummary, ServeError> {
        let index = &self.serving.load_full().ok_or(ServeError::NoModel)?.index;
        let model = churn_model(index)?;
        Ok(index.summary(model, index.as_of(as_of)))
    }

    /// Whom to win back with a budget. The first call of an index scores all its customers.
    ///
    /// # Errors
    /// [`ServeError::NoChurnModel`], [`ServeError::NoValueModel`] or [`ServeError::NoModel`].
    pub fn plan(&self, params: &PlanParams, as_of: Option<Timestamp>) -> Result<PlanAnswer, ServeError> {
        let index = &self.serving.load_full().ok_or(ServeError::NoModel)?.index;
        let model = churn_model(index)?;
        index.plan(model, params, index.as_of(as_of))
    }

    /// The customers at risk, by probability descending. The first call of an index scores all its customers.
    ///
    /// # Errors
    /// [`ServeError::NoChurnModel`], [`ServeError::InvalidArgument`] or [`ServeError::NoModel`].
    pub fn at_risk(&self, filter: &AtRiskFilter) -> Result<AtRisk, ServeError> {
        filter.check()?;
        let index = Arc::clone(&self.serving.load_full().ok_or(ServeError::NoModel)?.index);
        let model = churn_model(&index)?;
        Ok(AtRisk::new(Arc::clone(&index), model, filter))
    }

    /// Overrides the catalogue: whether an item can be sold from this moment on, in every model, until it is said otherwise.
    /// Ids that no model knows yet are remembered for those that will.
    ///
    /// # Errors
    /// [`ServeError::InvalidArgument`] when the id cannot be one.
    pub fn set_available(&self, item_id: &str, available: bool) -> Result<(), ServeError> {
        id_of(|| "item_id".to_owned(), item_id)?;
        self.stocks.set(item_id, available);
        Ok(())
    }

    /// How the cache of rankings has done.
    #[must_use]
    pub fn cache_stats(&self) -> CacheStats {
        self.rankings.stats()
    }

    /// The model that a request names: the one that serves, or one of the registry that is kept loaded beside it.
    fn named(&self, version: &str, serving: Option<Arc<Loaded>>) -> Result<Arc<Loaded>, ServeError> {
        if let Some(serving) = serving
            && serving.index.manifest().version == version
        {
            return Ok(serving);
        }
        if self.config.raw().models.pinned == 0 {
            return Err(ServeError::NotServing {
                version: version.to_owned(),
            });
        }
        let load = || beside(|| self.read_and_prepare(|| self.registry.open(version)));
        self.pinned
            .try_get_with(version.to_owned(), load)
            .map_err(|error| (*error).clone())
    }

    /// An index of a bundle, warm and with a generation of its own, not yet in service.
    pub(super) fn prepare(&self, bundle: Bundle) -> Arc<Loaded> {
        let index = Arc::new(Index::new(bundle));
        if let Some(outage) = index.frozen() {
            tracing::warn!(
                version = %index.manifest().version,
                missing = %outage.kind,
                since = %outage.since,
                usual_customers_per_day = outage.usual_customers_per_day.round(),
                "a kind of event has stopped coming in: churn scores are frozen as of then"
            );
        }
        // A first answer touches what every answer touches, so that the first customer does not pay for it.
        index.warm();
        self.indexes().push(Arc::clone(&index));
        Arc::new(Loaded {
            stock: self.stocks.enter(Arc::clone(&index)),
            index,
            generation: self.generations.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// Puts an index into service.
    pub(super) fn serve(&self, loaded: Arc<Loaded>) {
        let replaced = self.serving.swap(Some(loaded));
        // Afterwards, so that few rankings of the old index are still made.
        if let Some(replaced) = replaced {
            self.rankings.forget(replaced.generation);
        }
        drop(self.unused());
    }

    /// The indexes that nobody uses any more, to be dropped. Giving gigabytes back takes milliseconds: no request that
    /// happens to be the last one on an old model is to wait for that, so whoever loads models keeps a hold of each until
    /// then.
    pub(super) fn unused(&self) -> Vec<Arc<Index>> {
        // Whoever else has an index got it from an engine that still had it: of one that only this list has, nobody can.
        self.indexes()
            .extract_if(.., |index| Arc::strong_count(index) == 1)
            .collect()
    }

    fn indexes(&self) -> MutexGuard<'_, Vec<Arc<Index>>> {
        // A poisoned lock holds whole entries all the same.
        self.indexes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a shelf that was given up for lack of time says.
fn late(error: ServeError) -> ServeError {
    match error {
        ServeError::Cancelled => ServeError::DeadlineExceeded,
        other => other,
    }
}

/// A customer of an index, and everything that is said of her at an instant.
pub(super) fn churn_of(
    index: &Index,
    customer_id: &str,
    as_of: Option<Timestamp>,
) -> Result<(CustomerIdx, ChurnAnswer), ServeError> {
    let model = churn_model(index)?;
    let Some(customer) = index.parts().histories.customers().find(customer_id) else {
        return Err(ServeError::UnknownCustomer {
            customer_id: customer_id.to_owned(),
        });
    };
    let as_of = index.as_of(as_of);
    let answer = index
        .risk_of(model, customer, as_of)
        .ok_or_else(|| ServeError::NeverBought {
            customer_id: customer_id.to_owned(),
            as_of,
        })?;
    Ok((customer, answer))
}

/// Everything that is said of a customer at an instant, and what changed since an earlier one, as the model `before` saw it.
pub(super) fn churn_since(
    later: &Index,
    customer_id: &str,
    as_of: Option<Timestamp>,
    since: &Since,
    before: impl FnOnce() -> Result<Arc<Loaded>, ServeError>,
) -> Result<ChurnAnswer, ServeError> {
    let (customer, mut answer) = churn_of(later, customer_id, as_of)?;
    if since.as_of > answer.score.as_of {
        let rule = format!(
            "must not be after the score's {}, got {}",
            answer.score.as_of, since.as_of
        );
        return Err(invalid("compared_to", rule));
    }
    let earlier = before()?;
    answer.change = change(
        later.parts().histories.of(customer),
        churn::Asked {
            model: churn_model(&earlier.index)?,
            as_of: since.as_of,
        },
        churn::Asked {
            model: churn_model(later)?,
            as_of: answer.score.as_of,
        },
        later.shop(),
    );
    answer.earlier_version = answer
        .change
        .as_ref()
        .map(|_| earlier.index.manifest().version.clone());
    Ok(answer)
}

fn churn_model(index: &Index) -> Result<&ChurnModel, ServeError> {
    index
        .parts()
        .churn
        .as_ref()
        .map_err(|why| ServeError::NoChurnModel {
            version: index.manifest().version.clone(),
            why: why.clone(),
        })
}
