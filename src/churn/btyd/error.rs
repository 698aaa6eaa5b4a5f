//! Why there is no model of buying.

/// Why a model of buying cannot be fitted or used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BtydError {
    /// Nobody bought twice: the data says nothing of how long customers wait.
    #[error("no customer of {customers} bought more than once after time 0: there is no wait to learn from")]
    NoRepeats {
        /// Customers given.
        customers: usize,
    },
    /// Fewer spends than the parameters need.
    #[error("{found} repeat buyers with a spend, {needed} are needed")]
    TooFewSpends {
        /// Spends given.
        found: usize,
        /// The least number.
        needed: usize,
    },
    /// A summary that no customer can have.
    #[error(
        "summary {at} is impossible: {repeats} repeats, recency {recency}, age {age}; 0 <= recency <= age are finite, and without repeats the recency is 0"
    )]
    BadSummary {
        /// Its place.
        at: usize,
        /// Its repeats.
        repeats: u32,
        /// Its recency.
        recency: f64,
        /// Its age.
        age: f64,
    },
    /// A spend that the model gives no density to.
    #[error(
        "spend {at} is impossible: {purchases} purchases of {mean} on average; both must be finite and above 0"
    )]
    BadSpend {
        /// Its place.
        at: usize,
        /// Purchases it is the mean of.
        purchases: f64,
        /// The mean.
        mean: f64,
    },
    /// The spends vary so wildly that the fitted population has no mean.
    #[error("the fitted spends have no mean: q = {q}, more than 1 is needed")]
    NoMeanSpend {
        /// The fitted shape.
        q: f64,
    },
    /// The solver gave up: not the user's fault.
    #[error("the likelihood was not maximised: {detail}")]
    NotSolved {
        /// What the solver said.
        detail: String,
    },
    /// A parameter out of range, as a broken file may hold it.
    #[error("{model}.{parameter} = {value} is not {rule}")]
    BadParameter {
        /// The model.
        model: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// Its value.
        value: f64,
        /// The allowed range.
        rule: &'static str,
    },
}

/// Checks that every parameter is finite and above its bound.
pub(super) fn check(model: &'static str, parameters: &[(&'static str, f64, f64)]) -> Result<(), BtydError> {
    for &(parameter, value, above) in parameters {
        if !(value.is_finite() && value > above) {
            let rule = if above > 0.0 {
                "finite and above 1"
            } else {
                "finite and above 0"
            };
            return Err(BtydError::BadParameter {
                model,
                parameter,
                value,
                rule,
            });
        }
    }
    Ok(())
}
