//! Buying until they die: probability models of when a customer buys again, how often, and for how much.
//!
//! Enters: for each customer the [`Summary`] of her purchase days and, for spending, the number and mean of her repeat
//! purchases. Leaves: fitted [`MbgNbd`], [`BgNbd`] and [`GammaGamma`], which answer for any summary in closed form or
//! by a short sum.
//!
//! The one decision: the question of churn is [`MbgNbd::probability_no_purchase`], the chance of no purchase within a
//! horizon, never one minus [`MbgNbd::probability_alive`]. BG/NBD holds every one-time buyer for alive for ever,
//! because its customers leave only after a repeat purchase; it is here as the reference whose figures are published.
//! MBG/NBD lets them leave after the first one too.
//!
//! Time has the unit of the summaries, money that of the spends. `ln Γ`, `ln B` and digamma are those of `statrs`
//! without its matrices and samplers, which leaves a crate that depends on nothing new.

mod bg_nbd;
mod error;
mod fit;
mod gamma_gamma;
mod gamma_poisson;
mod mbg_nbd;
mod objective;
mod purchases;
mod summary;

pub use bg_nbd::BgNbd;
pub use error::BtydError;
pub use fit::Fitted;
pub use gamma_gamma::{GammaGamma, correlation};
pub use mbg_nbd::MbgNbd;
pub use summary::Summary;

#[cfg(test)]
mod tests;
