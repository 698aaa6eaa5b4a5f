//! Answers as scripts read them: the wire's words without their prefixes, times as text.

mod churn;
mod explained;
mod ranking;

pub use churn::{ChangePartReport, ChangeReport, ChurnReasonReport, ChurnReport, ValueReport};
pub use explained::{CandidateReport, ExplainReport, FilterReport, SourceReport};
pub use ranking::{
    AttributesReport, DueReport, EvidenceReport, ItemReport, PopularityReport, ReasonReport, RecommendReport,
    RuleReport, TrendReport, UpgradeReport,
};

use super::ClientError;
use crate::grpc::convert::from_wire_instant;
use crate::time::Timestamp;

/// A wire enum's name without the enum's own. A number that this client does not know reads `UNSPECIFIED`.
fn word(prefix: &str, name: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_owned()
}

fn at(message: Option<prost_types::Timestamp>, field: &'static str) -> Result<Timestamp, ClientError> {
    message
        .and_then(from_wire_instant)
        .ok_or(ClientError::Incomplete { field })
}
