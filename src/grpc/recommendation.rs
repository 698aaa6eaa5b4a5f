//! `RecommendationService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::convert::recommendation as convert;
use super::limits::Deadline;
use super::pb;
use super::workers::Workers;
use crate::serve::{Engine, RecommendRequest, Recommendations, ServeError};

/// Answers the storefront.
#[derive(Debug)]
pub(super) struct Recommendation {
    pub(super) engine: Arc<Engine>,
    pub(super) workers: Workers,
}

#[tonic::async_trait]
impl pb::recommendation_service_server::RecommendationService for Recommendation {
    async fn recommend(
        &self,
        request: Request<pb::RecommendRequest>,
    ) -> Result<Response<pb::RecommendResponse>, Status> {
        let question = convert::request(request.into_inner())?;
        let engine = Arc::clone(&self.engine);
        let answer = self.workers.answer(move || engine.recommend(&question)).await?;
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
            .answer(move || Ok(shelves(&engine, questions, deadline)))
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
            .answer(move || engine.explain(&question, &about))
            .await?;
        Ok(Response::new(convert::explained(explained)))
    }
}

/// Answers the questions that are questions, and leaves the others at their places. Shelves that the caller will no longer
/// wait for say so instead of taking the page along.
fn shelves(
    engine: &Engine,
    questions: Vec<Result<RecommendRequest, ServeError>>,
    deadline: Option<Deadline>,
) -> Vec<Result<Recommendations, ServeError>> {
    let mut good = Vec::with_capacity(questions.len());
    let places: Vec<Option<ServeError>> = questions
        .into_iter()
        .map(|question| question.map(|question| good.push(question)).err())
        .collect();
    let mut answers = engine
        .shelves(&good, &|| deadline.is_some_and(|deadline| deadline.is_near()))
        .into_iter();
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
