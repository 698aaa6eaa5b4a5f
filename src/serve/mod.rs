//! The online half: from a question to an answer, in memory.
//!
//! Enters: a published bundle, and requests in the shop's own words. Leaves: answers in the shop's own words.
//!
//! ```text
//! request ─► policy, situation ─► rankings (cache) ─► rules ─► reasons ─► answer
//!            what is asked,      one a kind, deeper   filters, campaigns,
//!            by whom, when       than any answer      stock: read last
//! ```
//!
//! The one decision: what can change between two answers (stock, filters, exclusions) is never in what is cached.
//!
//! Deliberately not here: the wire, threads and clocks (`grpc`, `cli`), and fitting anything.

mod answer;
mod beside;
mod cache;
mod candidates;
mod config;
mod engine;
mod error;
mod facts;
mod hidden;
mod index;
mod likeness;
mod newcomers;
mod policy;
mod ranking;
mod recommend;
mod reload;
mod request;
mod risk;
mod shelf;
mod situation;
mod stock;
mod successor;
mod weight;

pub use answer::{
    AtRiskFilter, Attributes, Candidate, CandidateSource, ChurnAnswer, CustomerSummary, Due, Evidence,
    EvidenceKind, Explained, FilterEffect, ModelInfo, Numbers, PlanAnswer, PopularityNumbers, Reason,
    ReasonKind, Recommendations, RecommendedItem, RiskOrder, RiskTotals, RuleEffect, ScoreFlag, Since,
    Strategy, Together, TrendNumbers, Underfill, UpgradeNumbers,
};
pub use cache::CacheStats;
pub(crate) use cache::bounded;
pub use config::{
    CachePolicy, RawAdmission, RawCache, RawModels, RawRules, RawServeConfig, ServeConfig, ServeConfigError,
};
pub use engine::{Engine, Stamp};
pub use error::ServeError;
pub(crate) use error::chain;
pub use index::{Chart, Index};
pub use reload::Refreshed;
pub use request::{
    CartLine, Context, ContextEvent, DEFAULT_WINDOW_DAYS, Filter, MAX_ABOUT, MAX_CONTEXT, MAX_COUNT,
    MAX_EXCLUDED, MAX_SHELVES, RecommendRequest,
};
pub use risk::AtRisk;
pub use successor::Successor;
