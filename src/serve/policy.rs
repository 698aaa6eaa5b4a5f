//! What one request is to be answered with: its kind, what fills the places that are left, and the rules.
//!
//! The one decision: what a request says wins over its placement, and a placement of the server's configuration over one of
//! the same name in the recipe, so that a merchandiser's change needs no training.

use super::config::ServeConfig;
use super::error::ServeError;
use super::index::Index;
use super::request::{DEFAULT_WINDOW_DAYS, MAX_COUNT, RecommendRequest, invalid};
use crate::rules::{FILTER, Kind, Placement, RawRules, Rules, RulesError};

/// What one request is to be answered with.
pub(super) struct Policy {
    pub(super) kind: Kind,
    /// How many items.
    pub(super) count: u32,
    /// What fills the places that are left, in this order, without the kind itself.
    pub(super) fallback: Vec<Kind>,
    pub(super) rules: Rules,
    /// What was bought within so many days is nothing to like; of the other kinds the rules alone decide.
    pub(super) exclude_bought_days: f64,
    /// Buying again: due within so many days.
    pub(super) window_days: f64,
}

impl Policy {
    /// # Errors
    /// [`ServeError::UnknownPlacement`], and [`ServeError::InvalidArgument`] for rules that cannot be used or a kind that
    /// nobody names.
    pub(super) fn new(
        config: &ServeConfig,
        index: &Index,
        request: &RecommendRequest,
    ) -> Result<Self, ServeError> {
        let placement = placement(config, index, request)?;
        let kind = request.kind.or(placement.map(Placement::kind)).ok_or_else(|| {
            invalid(
                "kind",
                "must be given, or a placement of the recipe or the configuration that names one",
            )
        })?;
        let fallback = match request.fallback.is_empty() {
            true => placement.map_or(&[][..], Placement::fallback),
            false => &request.fallback,
        };
        let rules = rules(placement, request)?;
        let own = Some(request.count).filter(|&count| count > 0);
        let count = own.or(placement.and_then(Placement::count)).ok_or_else(|| {
            let rule = format!("must be 1 to {MAX_COUNT}, got 0, and the placement names none");
            invalid("count", rule)
        })?;
        Ok(Self {
            kind,
            count,
            fallback: fallback.iter().copied().filter(|&other| other != kind).collect(),
            exclude_bought_days: rules
                .exclude_bought_days()
                .unwrap_or(config.raw().rules.exclude_bought_days),
            rules,
            window_days: request.window_days.unwrap_or(DEFAULT_WINDOW_DAYS),
        })
    }
}

/// The placement that the request names; where nobody defines any, a name is only a name.
fn placement<'a>(
    config: &'a ServeConfig,
    index: &'a Index,
    request: &RecommendRequest,
) -> Result<Option<&'a Placement>, ServeError> {
    let Some(name) = &request.placement else {
        return Ok(None);
    };
    let (own, learned) = (config.placements(), index.placements());
    match own.find(name).or_else(|| learned.find(name)) {
        Some(placement) => Ok(Some(placement)),
        None if own.iter().len() + learned.iter().len() == 0 => Ok(None),
        None => {
            let mut known: Vec<&str> = own.iter().chain(learned.iter()).map(|(name, _)| name).collect();
            known.sort_unstable();
            known.dedup();
            Err(ServeError::UnknownPlacement {
                name: name.clone(),
                known: known.join(", "),
            })
        }
    }
}

fn rules(placement: Option<&Placement>, request: &RecommendRequest) -> Result<Rules, ServeError> {
    let base = placement
        .map(|placement| placement.rules().clone())
        .unwrap_or_default();
    if request.rules == RawRules::default() && request.without.is_empty() {
        return Ok(base);
    }
    let own = Rules::try_from(request.rules.clone()).map_err(|error| refused(&error))?;
    Ok(own.over(&base, &request.without))
}

/// The rule that a request breaks, with the field as the public contract spells it.
fn refused(error: &RulesError) -> ServeError {
    let field = |key: &str| match key {
        FILTER => "filter.expression".to_owned(),
        key => format!("rules.{key}"),
    };
    match error {
        RulesError::Range {
            key,
            value,
            least,
            most,
        } => invalid(
            field(key),
            format!("must be a number from {least} to {most}, got {value}"),
        ),
        RulesError::Expression { key, source } => invalid(field(key), format!("cannot be read: {source}")),
        RulesError::Name { key, name, source } => {
            invalid(field(key), format!("has the name {name:?}: {source}"))
        }
        RulesError::Taken { key, name } => invalid(field(key), format!("has the name {name:?} twice")),
        RulesError::TooMany { key, count, most } => invalid(
            field(key),
            format!("must have at most {most} entries, got {count}"),
        ),
        RulesError::Shares { sum } => invalid(
            "rules.slots",
            format!("must have shares that sum to 1 at most, got {sum}"),
        ),
    }
}
