//! The online half: from a question to an answer, in memory.
//!
//! Enters: a published bundle, and requests in the shop's own words. Leaves: answers in the shop's own words.
//!
//! ```text
//! request ─► situation ─► ranking (cache) ─► sieve ─► reasons ─► answer
//!            who asks,     deeper than any    stock, exclusions,
//!            as of when    answer             filter: read last
//! ```
//!
//! The one decision: what can change between two answers (stock, filters, exclusions) is never in what is cached.
//!
//! Deliberately not here: the wire, threads and clocks (`grpc`, `cli`), and fitting anything.

mod answer;
mod cache;
mod config;
mod engine;
mod error;
mod index;
mod ranking;
mod reasons;
mod recommend;
mod reload;
mod request;
mod risk;
mod sieve;
mod situation;
mod stock;

pub use answer::{
    AtRiskFilter, Attributes, ChurnAnswer, CustomerSummary, Evidence, EvidenceKind, ModelInfo, PlanAnswer,
    PopularityNumbers, Reason, ReasonKind, Recommendations, RecommendedItem, RiskOrder, RiskTotals,
    ScoreFlag, Since, Strategy, Underfill,
};
pub use cache::CacheStats;
pub use config::{
    CachePolicy, RawAdmission, RawCache, RawModels, RawPlacements, RawRules, RawServeConfig, ServeConfig,
    ServeConfigError,
};
pub use engine::Engine;
pub use error::ServeError;
pub(crate) use error::chain;
pub use index::{Chart, Index};
pub use reload::Refreshed;
pub use request::{
    CartLine, Context, ContextEvent, Filter, Kind, MAX_CONTEXT, MAX_COUNT, MAX_EXCLUDED, MAX_SHELVES,
    RecommendRequest,
};
pub use risk::AtRisk;
