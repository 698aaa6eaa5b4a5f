//! The client that the command line asks a running server with.
//!
//! Enters: a question in the shop's words. Leaves: [`RecommendReport`] and [`ChurnReport`], which print as the JSON that
//! scripts read.
//!
//! The one decision: the client decides nothing. What is wrong with a question is for the server to say, so that every
//! caller in every language hears the same.

mod report;

use std::error::Error;
use std::time::Duration;

use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};

pub use report::{
    AttributesReport, CandidateReport, ChangePartReport, ChangeReport, ChurnReasonReport, ChurnReport,
    DueReport, EvidenceReport, ExplainReport, FilterReport, ItemReport, PopularityReport, ReasonReport,
    RecommendReport, RuleReport, SourceReport, TrendReport, UpgradeReport, ValueReport,
};

use super::convert::recommendation::wire_kind;
use super::convert::wire_instant;
use super::pb::{
    self, churn_service_client::ChurnServiceClient,
    recommendation_service_client::RecommendationServiceClient,
};
use crate::rules::Kind;
use crate::time::Timestamp;

/// Why the client has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The text is no address.
    #[error("{url:?} is no server address (write for example http://127.0.0.1:50051)")]
    Url {
        /// What was given.
        url: String,
        /// Why it is none.
        #[source]
        source: tonic::transport::Error,
    },
    /// No connection came about.
    #[error("no server answers at {url}: start one with `rapport serve`, or name another with --server")]
    Nobody {
        /// The address.
        url: String,
        /// What the system says.
        #[source]
        source: tonic::transport::Error,
    },
    /// The server took too long.
    #[error("the server at {url} gave no answer within {limit:?}")]
    Late {
        /// The address.
        url: String,
        /// How long it had.
        limit: Duration,
    },
    /// The server refused, or broke down.
    #[error("{}", told(.code, .message))]
    Refused {
        /// The gRPC code.
        code: Code,
        /// What the server says.
        message: String,
    },
    /// The server's answer lacks a part that its contract promises.
    #[error("the server's answer has no {field}: it speaks another version of the contract")]
    Incomplete {
        /// What is missing.
        field: &'static str,
    },
}

fn told(code: &Code, message: &str) -> String {
    match code {
        // The message alone says it: it names the field, the customer or the kind.
        Code::InvalidArgument | Code::NotFound | Code::Unimplemented | Code::FailedPrecondition => {
            message.to_owned()
        }
        _ => format!("{message} ({})", code.description()),
    }
}

/// A question of a storefront.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecommendQuestion {
    /// The customer, if known.
    pub customer_id: Option<String>,
    /// What kind of recommendation; the placement's when not given.
    pub kind: Option<Kind>,
    /// The items that the page is about.
    pub item_ids: Vec<String>,
    /// The items in the cart.
    pub cart: Vec<String>,
    /// How many items.
    pub count: u32,
    /// The place on the page.
    pub placement: Option<String>,
    /// An expression that every item has to meet.
    pub filter: Option<String>,
    /// How much the items of the answer are to differ, 0 to 1.
    pub diversity: Option<f64>,
    /// Answer from this model instead of the one that serves.
    pub model_version: Option<String>,
    /// Answer as of this instant.
    pub as_of: Option<Timestamp>,
}

impl RecommendQuestion {
    /// A question of this kind with nothing else said.
    #[must_use]
    pub fn new(kind: Kind, count: u32) -> Self {
        Self {
            kind: Some(kind),
            count,
            ..Self::default()
        }
    }

    fn message(self) -> pb::RecommendRequest {
        let Self {
            customer_id,
            kind,
            item_ids,
            cart,
            count,
            placement,
            filter,
            diversity,
            model_version,
            as_of,
        } = self;
        let cart = cart.into_iter().map(|item_id| pb::CartLine {
            item_id,
            ..pb::CartLine::default()
        });
        pb::RecommendRequest {
            customer_id,
            context: Some(pb::Context {
                item_ids,
                cart: cart.collect(),
                ..pb::Context::default()
            }),
            kind: kind.map_or(pb::RecommendationKind::Unspecified, wire_kind).into(),
            placement,
            count,
            filter: filter.map(|expression| pb::Filter {
                expression: Some(expression),
                ..pb::Filter::default()
            }),
            rules: diversity.map(|diversity| pb::Rules {
                diversity: Some(diversity),
                ..pb::Rules::default()
            }),
            with_reasons: true,
            with_attributes: true,
            model_version,
            as_of: as_of.map(wire_instant),
            ..pb::RecommendRequest::default()
        }
    }
}

/// A connection to a server.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
    url: String,
    limit: Duration,
}

impl Client {
    /// Connects; every later call has the same limit of time.
    ///
    /// # Errors
    /// [`ClientError::Url`] and [`ClientError::Nobody`].
    pub async fn connect(url: &str, limit: Duration) -> Result<Self, ClientError> {
        let full = match url.contains("://") {
            true => url.to_owned(),
            false => format!("http://{url}"),
        };
        let endpoint = Endpoint::from_shared(full.clone())
            .map_err(|source| ClientError::Url {
                url: url.to_owned(),
                source,
            })?
            .connect_timeout(limit)
            .tcp_nodelay(true);
        match endpoint.connect().await {
            Ok(channel) => Ok(Self {
                channel,
                url: full,
                limit,
            }),
            Err(source) => Err(ClientError::Nobody { url: full, source }),
        }
    }

    /// Waits until the server has a model to answer from.
    ///
    /// # Errors
    /// [`ClientError::Late`] when it has none within the limit, or why the server could not be asked.
    pub async fn until_ready(&self) -> Result<(), ClientError> {
        let service = pb::recommendation_service_server::SERVICE_NAME.to_owned();
        let mut health = HealthClient::new(self.channel.clone());
        let serving = async {
            let mut states = health.watch(HealthCheckRequest { service }).await?.into_inner();
            while let Some(state) = states.message().await? {
                if state.status() == ServingStatus::Serving {
                    return Ok(());
                }
            }
            Err(Status::unavailable("the server stopped before it had a model"))
        };
        self.within(serving).await
    }

    /// Asks for a ranking, with reasons and attributes.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn recommend(&self, question: RecommendQuestion) -> Result<RecommendReport, ClientError> {
        let mut service = RecommendationServiceClient::new(self.channel.clone());
        let request = Request::new(question.message());
        let answer = self.within(service.recommend(request)).await?;
        RecommendReport::try_from(answer.into_inner())
    }

    /// Asks how a ranking comes about, and where these items stand in it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn explain(
        &self,
        question: RecommendQuestion,
        item_ids: Vec<String>,
    ) -> Result<ExplainReport, ClientError> {
        let mut service = RecommendationServiceClient::new(self.channel.clone());
        let request = Request::new(pb::ExplainRecommendationRequest {
            request: Some(question.message()),
            item_ids,
        });
        let answer = self.within(service.explain_recommendation(request)).await?;
        ExplainReport::try_from(answer.into_inner())
    }

    /// Asks for a customer's risk, as of an instant or the end of the model's log, and what changed since an earlier one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn churn(
        &self,
        customer_id: &str,
        as_of: Option<Timestamp>,
        compared_to: Option<Timestamp>,
    ) -> Result<ChurnReport, ClientError> {
        let message = pb::ScoreCustomerRequest {
            customer_id: customer_id.to_owned(),
            as_of: as_of.map(wire_instant),
            compared_to: compared_to.map(wire_instant),
            compared_model_version: None,
        };
        let mut service = ChurnServiceClient::new(self.channel.clone());
        let pb::ScoreCustomerResponse { score } = self
            .within(service.score_customer(Request::new(message)))
            .await?
            .into_inner();
        ChurnReport::try_from(score.ok_or(ClientError::Incomplete { field: "score" })?)
    }

    async fn within<T>(&self, call: impl Future<Output = Result<T, Status>>) -> Result<T, ClientError> {
        let late = || ClientError::Late {
            url: self.url.clone(),
            limit: self.limit,
        };
        let status = match timeout(self.limit, call).await {
            Err(_) => return Err(late()),
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(status)) => status,
        };
        // A transport error found while calling means that the server has gone since the connection was made.
        match status
            .source()
            .and_then(|cause| cause.downcast_ref::<tonic::transport::Error>())
        {
            Some(cause) => Err(ClientError::Refused {
                code: status.code(),
                message: format!("the connection to {} broke: {cause}", self.url),
            }),
            None => Err(ClientError::Refused {
                code: status.code(),
                message: status.message().to_owned(),
            }),
        }
    }
}
