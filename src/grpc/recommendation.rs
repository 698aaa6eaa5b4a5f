//! `RecommendationService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use tracing::trace_span;

use super::convert::recommendation as convert;
use super::limits::Deadline;
use super::pb;
use super::workers::{Waiting, Workers};
use crate::serve::{Engine, RecommendRequest, Recommendations, ServeError, Successor};

/// Answers the storefront.
#[derive(Debug)]
pub(super) struct Recommendation {
    pub(super) engine: Arc<Engine>,
    pub(super) workers: Workers,
}

#[tonic::async_trait]
impl pb::recommendation_service_server::RecommendationService for Recommendation {
    /// Admitted by the layer that remembers answers.
    async fn recommend(
        &self,
        request: Request<pb::RecommendRequest>,
    ) -> Result<Response<pb::RecommendResponse>, Status> {
        let question = trace_span!("decode").in_scope(|| convert::request(request.into_inner()))?;
        let answer = if self.engine.is_light(&question) {
            Workers::run_here(|| self.engine.recommend(&question))?
        } else {
            let engine = Arc::clone(&self.engine);
            let work = move |waiting: &Waiting| engine.recommend_unless(&question, &|| waiting.is_over());
            self.workers.run(work).await??
        };
        let _span = trace_span!("encode").entered();
        Ok(Response::new(convert::response(answer)))
    }

    async fn recommend_shelves(
        &self,
        request: Request<pb::RecommendShelvesRequest>,
    ) -> Result<Response<pb::RecommendShelvesResponse>, Status> {
        let deadline = request.extensions().get::<Deadline>().copied();
        let questions = convert::shelf_requests(request.into_inner())?;
        let engine = Arc::clone(&self.engine);
        let answers = self
            .workers
            .answer(move |waiting| {
                let is_late = || waiting.is_over() || deadline.is_some_and(Deadline::is_near);
                Ok(shelves(&engine, questions, &is_late))
            })
            .await?;
        Ok(Response::new(convert::shelves_response(answers)))
    }

    async fn explain_recommendation(
        &self,
        request: Request<pb::ExplainRecommendationRequest>,
    ) -> Result<Response<pb::ExplainRecommendationResponse>, Status> {
        let (question, about) = convert::explain_request(request.into_inner())?;
        let engine = Arc::clone(&self.engine);
        let explained = self
            .workers
            .answer(move |_| engine.explain(&question, &about))
            .await?;
        Ok(Response::new(convert::explained(explained)))
    }
}

/// What `Recommend` will answer once this model serves.
///
/// # Errors
/// Those of the engine.
pub(super) fn recommend_from(
    successor: &Successor<'_>,
    request: pb::RecommendRequest,
    is_over: &dyn Fn() -> bool,
) -> Result<pb::RecommendResponse, ServeError> {
    let question = convert::request(request)?;
    let answer = successor.recommend_unless(&question, is_over)?;
    Ok(convert::response(answer))
}

/// Answers the questions that are questions, and leaves the others at their places. Shelves that the caller will no longer
/// wait for say so instead of taking the page along.
fn shelves(
    engine: &Engine,
    questions: Vec<Result<RecommendRequest, ServeError>>,
    is_late: &dyn Fn() -> bool,
) -> Vec<Result<Recommendations, ServeError>> {
    let mut good = Vec::with_capacity(questions.len());
    let places: Vec<Option<ServeError>> = questions
        .into_iter()
        .map(|question| question.map(|question| good.push(question)).err())
        .collect();
    let mut answers = engine.shelves(&good, is_late).into_iter();
    places
        .into_iter()
        .map(|bad| match bad {
            Some(error) => Err(error),
            None => answers.next().unwrap_or_else(|| {
                Err(ServeError::Internal {
                    message: "a shelf was left without an answer".to_owned(),
                })
            }),
        })
        .collect()
}
