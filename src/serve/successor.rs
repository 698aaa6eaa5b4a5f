//! A model that is loaded and about to serve.
//!
//! Enters: questions, as the engine is asked them. Leaves: the answers that the engine will give once this model serves.
//!
//! The one decision: whoever takes a model into service may ask it beforehand, beside the one that still serves, so that
//! answers can be there before the first asker. The rankings that this makes stay in the engine's cache. No other model is
//! loaded for it: a question that names one waits until somebody really asks it.

use std::sync::Arc;

use hashbrown::HashSet;

use super::answer::{ChurnAnswer, Recommendations, Since};
use super::engine::{Engine, Loaded, Stamp, churn_of, churn_since};
use super::error::ServeError;
use super::request::{RecommendRequest, id_of};
use crate::time::Timestamp;

/// A model that is loaded and about to serve.
#[derive(Debug)]
pub struct Successor<'a> {
    pub(super) engine: &'a Engine,
    pub(super) loaded: &'a Arc<Loaded>,
}

impl Successor<'_> {
    /// The version that is about to serve.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.loaded.index.manifest().version
    }

    /// What the answers of [`Engine::stamp`] will be once this model serves, as long as nothing more is said of any item's
    /// availability. To be read before the answer that it is to stand for.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.engine.stamp_of(Some(self.loaded))
    }

    /// What [`Engine::recommend_unless`] will answer.
    ///
    /// # Errors
    /// Those of [`Engine::recommend_unless`]; [`ServeError::NotServing`] for a request that names another model.
    pub fn recommend_unless(
        &self,
        request: &RecommendRequest,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Recommendations, ServeError> {
        self.named(request.model_version.as_deref())?;
        let serving = Some(Arc::clone(self.loaded));
        self.engine.answer(request, serving, &HashSet::new(), is_over)
    }

    /// What [`Engine::churn`], or with an earlier instant [`Engine::churn_since`], will answer.
    ///
    /// # Errors
    /// Those of [`Engine::churn_since`]; [`ServeError::NotServing`] for a comparison with another model.
    pub fn churn(
        &self,
        customer_id: &str,
        as_of: Option<Timestamp>,
        since: Option<&Since>,
    ) -> Result<ChurnAnswer, ServeError> {
        id_of(|| "customer_id".to_owned(), customer_id)?;
        let index = &self.loaded.index;
        match since {
            None => Ok(churn_of(index, customer_id, as_of)?.1),
            Some(since) => {
                self.named(since.model_version.as_deref())?;
                churn_since(index, customer_id, as_of, since, || Ok(Arc::clone(self.loaded)))
            }
        }
    }

    fn named(&self, version: Option<&str>) -> Result<(), ServeError> {
        match version {
            Some(version) if version != self.version() => Err(ServeError::NotServing {
                version: version.to_owned(),
            }),
            _ => Ok(()),
        }
    }
}
