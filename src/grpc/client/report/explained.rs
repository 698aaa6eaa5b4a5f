//! How a ranking came about, as scripts read it.

use serde::Serialize;

use super::super::ClientError;
use super::ranking::{RecommendReport, RuleReport, rule};
use super::word;
use crate::grpc::pb;

/// A ranking and how it came about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExplainReport {
    /// The ranking.
    pub answer: RecommendReport,
    /// Where candidates came from.
    pub sources: Vec<SourceReport>,
    /// What removed candidates.
    pub filters: Vec<FilterReport>,
    /// The best candidates before rules, and the items asked about.
    pub candidates: Vec<CandidateReport>,
}

/// Candidates of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceReport {
    /// The kind.
    pub kind: String,
    /// How many it offered.
    pub candidates: u32,
    /// How many of them are in the answer.
    pub chosen: u32,
}

/// What one filter or rule removed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FilterReport {
    /// Its name.
    pub name: String,
    /// How many candidates.
    pub removed: u32,
    /// The first of them.
    pub item_ids: Vec<String>,
}

/// One candidate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CandidateReport {
    /// The item.
    pub item_id: String,
    /// The kind that offered it.
    pub source: String,
    /// Place before rules; 0 when nobody offered it.
    pub rank_before: u32,
    /// Score before rules.
    pub score_before: f32,
    /// Place in the answer; 0 when it is not in it.
    pub rank_after: u32,
    /// Score after rules, of items in the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score_after: Option<f32>,
    /// The filter that removed it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub removed_by: String,
    /// The rules that moved it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleReport>,
}

impl TryFrom<pb::ExplainRecommendationResponse> for ExplainReport {
    type Error = ClientError;

    fn try_from(message: pb::ExplainRecommendationResponse) -> Result<Self, ClientError> {
        let pb::ExplainRecommendationResponse {
            answer,
            sources,
            filters,
            candidates,
        } = message;
        Ok(Self {
            answer: answer
                .ok_or(ClientError::Incomplete { field: "answer" })?
                .try_into()?,
            sources: sources.into_iter().map(source).collect(),
            filters: filters.into_iter().map(filter).collect(),
            candidates: candidates.into_iter().map(candidate).collect(),
        })
    }
}

fn source(message: pb::CandidateSource) -> SourceReport {
    let kind = message.kind().as_str_name();
    let pb::CandidateSource {
        kind: _,
        candidates,
        chosen,
    } = message;
    SourceReport {
        kind: word("RECOMMENDATION_KIND_", kind),
        candidates,
        chosen,
    }
}

fn filter(message: pb::FilterEffect) -> FilterReport {
    let pb::FilterEffect {
        name,
        removed,
        item_ids,
    } = message;
    FilterReport {
        name,
        removed,
        item_ids,
    }
}

fn candidate(message: pb::Candidate) -> CandidateReport {
    let source = message.source().as_str_name();
    let pb::Candidate {
        item_id,
        source: _,
        rank_before,
        score_before,
        rank_after,
        score_after,
        removed_by,
        rules,
    } = message;
    CandidateReport {
        item_id,
        source: word("RECOMMENDATION_KIND_", source),
        rank_before,
        score_before,
        rank_after,
        score_after,
        removed_by,
        rules: rules.into_iter().map(rule).collect(),
    }
}
