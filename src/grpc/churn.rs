//! `ChurnService`.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use tonic::{Request, Response, Status, Streaming};

use super::convert::{churn as convert, plan};
use super::limits::clarified;
use super::pb;
use super::workers::{Ticket, Workers};
use crate::serve::{AtRisk, ChurnAnswer, Engine, ServeError, Successor};

/// Scores that are computed in one go: enough that handing the work over costs little, and few enough that the first
/// answers leave soon.
const CHUNK: usize = 256;

/// Answers the CRM.
#[derive(Debug)]
pub(super) struct Churn {
    pub(super) engine: Arc<Engine>,
    pub(super) workers: Workers,
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl pb::churn_service_server::ChurnService for Churn {
    type ScoreCustomersStream = Answers<pb::ScoreCustomersResponse>;
    type ListAtRiskStream = Answers<pb::ListAtRiskResponse>;
    type PlanRetentionStream = Answers<pb::PlanRetentionResponse>;

    /// Admitted by the layer that remembers answers.
    async fn score_customer(
        &self,
        request: Request<pb::ScoreCustomerRequest>,
    ) -> Result<Response<pb::ScoreCustomerResponse>, Status> {
        let convert::ScoreQuestion {
            customer_id,
            as_of,
            since,
        } = convert::question(request.into_inner())?;
        let answer = match since {
            // One score takes less time than the way to another thread.
            None => Workers::run_here(|| self.engine.churn(&customer_id, as_of))?,
            Some(since) => {
                let engine = Arc::clone(&self.engine);
                self.workers
                    .run(move |_| engine.churn_since(&customer_id, as_of, &since))
                    .await??
            }
        };
        Ok(Response::new(pb::ScoreCustomerResponse {
            score: Some(convert::score(answer)),
        }))
    }

    async fn score_customers(
        &self,
        request: Request<Streaming<pb::ScoreCustomersRequest>>,
    ) -> Result<Response<Self::ScoreCustomersStream>, Status> {
        let ticket = self.workers.admit()?;
        let (engine, workers) = (Arc::clone(&self.engine), self.workers.clone());
        let answers = request
            .into_inner()
            .ready_chunks(CHUNK)
            .then(move |requests| score_chunk(Arc::clone(&engine), workers.clone(), requests))
            .flat_map(stream::iter);
        Ok(Response::new(Box::pin(while_held(ticket, answers))))
    }

    async fn summarize_customers(
        &self,
        request: Request<pb::SummarizeCustomersRequest>,
    ) -> Result<Response<pb::SummarizeCustomersResponse>, Status> {
        let as_of = plan::summary_question(request.into_inner())?;
        let engine = Arc::clone(&self.engine);
        let answer = self.workers.answer(move |_| engine.customers(as_of)).await?;
        Ok(Response::new(plan::summary(answer)))
    }

    async fn plan_retention(
        &self,
        request: Request<pb::PlanRetentionRequest>,
    ) -> Result<Response<Self::PlanRetentionStream>, Status> {
        let (params, as_of) = plan::plan_question(request.into_inner())?;
        let engine = Arc::clone(&self.engine);
        let ticket = self.workers.admit()?;
        let answer = self.workers.run(move |_| engine.plan(&params, as_of)).await??;
        let messages = stream::iter(plan::plan_messages(answer).map(Ok));
        Ok(Response::new(Box::pin(while_held(ticket, messages))))
    }

    async fn list_at_risk(
        &self,
        request: Request<pb::ListAtRiskRequest>,
    ) -> Result<Response<Self::ListAtRiskStream>, Status> {
        let filter = convert::at_risk_filter(request.into_inner())?;
        let ticket = self.workers.admit()?;
        let engine = Arc::clone(&self.engine);
        let customers = self.workers.run(move |_| engine.at_risk(&filter)).await??;
        let answers = chunks(self.workers.clone(), customers)
            .flat_map(stream::iter)
            .map(|answer| match answer {
                Ok(answer) => Ok(pb::ListAtRiskResponse {
                    score: Some(convert::score(answer)),
                }),
                Err(error) => Err(Status::from(error)),
            });
        Ok(Response::new(Box::pin(while_held(ticket, answers))))
    }
}

/// What `ScoreCustomer` will answer once this model serves.
///
/// # Errors
/// Those of the engine.
pub(super) fn score_from(
    successor: &Successor<'_>,
    request: pb::ScoreCustomerRequest,
) -> Result<pb::ScoreCustomerResponse, ServeError> {
    let convert::ScoreQuestion {
        customer_id,
        as_of,
        since,
    } = convert::question(request)?;
    let answer = successor.churn(&customer_id, as_of, since.as_ref())?;
    Ok(pb::ScoreCustomerResponse {
        score: Some(convert::score(answer)),
    })
}

/// The stream, and the ticket until the stream is dropped.
fn while_held<S: Stream>(ticket: Ticket, answers: S) -> impl Stream<Item = S::Item> {
    answers.map(move |answer| {
        let _held = &ticket;
        answer
    })
}

/// Scores requests that arrived together, in their order; what broke the stream of requests comes last.
async fn score_chunk(
    engine: Arc<Engine>,
    workers: Workers,
    requests: Vec<Result<pb::ScoreCustomersRequest, Status>>,
) -> Vec<Result<pb::ScoreCustomersResponse, Status>> {
    let score = move || {
        requests
            .into_iter()
            .map(|request| match request {
                Ok(request) => {
                    let customer_id = request.customer_id.clone();
                    let outcome = convert::streamed_question(request)
                        .and_then(|question| engine.churn(&question.customer_id, question.as_of));
                    Ok(convert::streamed_response(customer_id, outcome))
                }
                Err(status) => Err(clarified(&status).unwrap_or(status)),
            })
            .collect()
    };
    workers
        .run(move |_| score())
        .await
        .unwrap_or_else(|error| vec![Err(error.into())])
}

/// The customers at risk, chunk by chunk: the next one is scored when the caller has taken the last, and a caller who
/// hangs up ends the work.
fn chunks(workers: Workers, customers: AtRisk) -> impl Stream<Item = Vec<Result<ChurnAnswer, ServeError>>> {
    stream::unfold(Some(customers), move |customers| {
        let workers = workers.clone();
        async move {
            let mut customers = customers?;
            let next = move || {
                let chunk: Vec<_> = customers.by_ref().take(CHUNK).map(Ok).collect();
                (chunk, customers)
            };
            match workers.run(move |_| next()).await {
                Ok((chunk, _)) if chunk.is_empty() => None,
                Ok((chunk, customers)) => Some((chunk, Some(customers))),
                Err(error) => Some((vec![Err(error)], None)),
            }
        }
    })
}
