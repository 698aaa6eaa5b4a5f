//! A layer that gives an answer again without making it again.
//!
//! Enters: calls of methods whose answer is a function of the model, the stock and the message. Leaves: the bytes that
//! answered it before, or were made for it beforehand, or the call itself, handed on.
//!
//! The one decision: it works on bytes. What is asked twice costs one look-up and no decoding, ranking, naming or encoding;
//! what is not alike byte by byte is the engine's affair, whose cache knows what means the same. An answer is given again
//! only while the model that made it serves and nothing was said of any item's availability since. Askers of one question
//! at one time wait for one answer, and it is made until the last of them has hung up. What was asked lately is answered by
//! another model before that model serves.
//! These calls are let in here, the others by their services.

mod answers;
mod body;
mod warm;

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body_util::BodyExt;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, Response, StatusCode, header};
use tonic::metadata::GRPC_CONTENT_TYPE;
use tower::{Layer, Service};

use answers::Answer;
pub(super) use answers::{AnswerStats, Answers};
use body::{Replayed, Whole};
pub(super) use warm::{Warmed, Warming};

use super::churn::score_from;
use super::recommendation::recommend_from;
use super::workers::Workers;
use crate::serve::{Engine, ServeError, Successor};

/// What a model will answer once it serves, from frame to frame.
type AnswerFrom = fn(&Successor<'_>, &[u8], &dyn Fn() -> bool) -> Result<bytes::Bytes, ServeError>;

/// A method whose answers depend on nothing but the model, the stock and the message.
struct Method {
    path: &'static str,
    answer: AnswerFrom,
}

/// Their places are part of the key.
const METHODS: [Method; 2] = [
    Method {
        path: "/rapport.v1.RecommendationService/Recommend",
        answer: |successor, question, is_over| {
            warm::framed(question, |request| recommend_from(successor, request, is_over))
        },
    },
    Method {
        path: "/rapport.v1.ChurnService/ScoreCustomer",
        answer: |successor, question, _| warm::framed(question, |request| score_from(successor, request)),
    },
];

/// Longest question that is remembered, in bytes: a longer one brings a context that nobody sends twice.
const MAX_QUESTION: usize = 1 << 10;

/// Makes [`Memo`] around a service.
#[derive(Clone, Debug)]
pub(super) struct MemoLayer {
    pub(super) engine: Arc<Engine>,
    pub(super) answers: Arc<Answers>,
    pub(super) workers: Workers,
}

impl<S> Layer<S> for MemoLayer {
    type Service = Memo<S>;

    fn layer(&self, inner: S) -> Memo<S> {
        Memo {
            inner,
            shared: self.clone(),
        }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Memo<S> {
    inner: S,
    shared: MemoLayer,
}

impl<S> Service<Request<Body>> for Memo<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path();
        let Some(method) = METHODS.iter().position(|method| method.path == path) else {
            return Box::pin(self.inner.call(request));
        };
        // Here and not when the answer is made: what waits to be looked at is a queue, too.
        let ticket = match self.shared.workers.admit() {
            Ok(ticket) => ticket,
            Err(refusal) => return Box::pin(ready(Ok(Status::from(refusal).into_http()))),
        };
        // The one that said it is ready answers; its clone says so for the next call.
        let next = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, next);
        let shared = self.shared.clone();
        Box::pin(async move {
            let _held = ticket;
            shared.answer(inner, method, request).await
        })
    }
}

impl MemoLayer {
    async fn answer<S>(
        self,
        mut inner: S,
        method: usize,
        request: Request<Body>,
    ) -> Result<Response<Body>, Infallible>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Send + 'static,
        S::Future: Send + 'static,
    {
        let (head, mut body) = request.into_parts();
        let question = match body::read(&mut body, MAX_QUESTION).await {
            Whole::Bytes(question) if is_plain(&head.headers, &question) => question,
            Whole::Bytes(question) => {
                return inner
                    .call(Request::from_parts(head, Replayed::whole(question)))
                    .await;
            }
            Whole::TooLong(read) => {
                return inner
                    .call(Request::from_parts(head, Replayed::with_rest(read, body)))
                    .await;
            }
        };
        // Read before the answer is made: what changes meanwhile makes the answer stale, and never the other way round.
        let stamp = self.engine.stamp();
        if let Some(message) = self.answers.get(method, &question, stamp) {
            return Ok(response(message));
        }
        let asked = question.clone();
        let make = async move {
            let Ok(response) = inner
                .call(Request::from_parts(head, Replayed::whole(question)))
                .await;
            collected(response).await
        };
        let answer = self.answers.make(method, &asked, stamp, make).await;
        Ok(answer.into_response())
    }
}

/// Whether the message is what its bytes say: one frame, not compressed.
fn is_plain(headers: &HeaderMap, question: &[u8]) -> bool {
    question.first() == Some(&0) && !headers.contains_key("grpc-encoding")
}

/// An answer that was remembered.
fn response(message: bytes::Bytes) -> Response<Body> {
    let mut response = Response::new(Replayed::answered(message));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, GRPC_CONTENT_TYPE);
    response
}

/// A response whose body has been read to its end.
async fn collected(response: Response<Body>) -> Answer {
    let (head, body) = response.into_parts();
    match body.collect().await {
        Ok(collected) => {
            let trailers = collected.trailers().cloned();
            Answer {
                is_good: head.status == StatusCode::OK && trailers.as_ref().is_some_and(is_ok),
                head,
                message: collected.to_bytes(),
                trailers,
            }
        }
        Err(status) => {
            let (head, _) = status.into_http::<Body>().into_parts();
            Answer {
                is_good: false,
                head,
                message: bytes::Bytes::new(),
                trailers: None,
            }
        }
    }
}

fn is_ok(trailers: &HeaderMap) -> bool {
    trailers
        .get(Status::GRPC_STATUS)
        .is_some_and(|status| status == "0")
}

#[cfg(test)]
mod tests;
