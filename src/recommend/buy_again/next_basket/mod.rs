//! Next basket: all items ranked for a customer's next order, those bought before and others.
//!
//! Enters: everybody's baskets in order. Leaves: [`NextBasket`], which scores candidates for any sequence of baskets. The score is the logit
//! of a regression learned on the last basket of every sequence, so it weighs what repeats against what is new by the customer's own
//! habit.
//!
//! # Formula
//! `score_j = b + Σ_k w_k f_k(j)` over the features of [`FEATURES`]. Candidates are the items of the sequence, the items that links from
//! them reach best, and the most popular ones; links are what the basket after one with an item holds, and those of
//! [`crate::recommend::neighbours`] and [`crate::recommend::ridge`], fitted on the fading customer × item matrix `x_ui = (Σ_t decay^(m − t) [i ∈ basket_t])^saturation`.
//!
//! The one decision: customers alike are reached through items alike. The model keeps no customer, so its memory is that of the
//! links (8 bytes each, at most `neighbours + ridge.support + successors` an item), and a new customer is answered like an old one.
//!
//! # Source
//! The fading user vector: Hu, He, Gao and Zhang, "Modeling Personalized Item Frequency Information for Next-basket
//! Recommendation" (TIFU-kNN), SIGIR 2020. Weighing repeat against explore: Li, Jullien, Ariannezhad and de Rijke, "A Next Basket Recommendation Reality
//! Check", TOIS 2023.

mod features;
mod fit;
mod model;
mod params;
mod sequences;
mod successors;
#[cfg(test)]
mod tests;

pub use features::{FEATURES, Source};
pub use fit::{NextBasketError, NextBasketReport};
pub use model::{NextBasket, NextBasketArrays, NextBasketFacts, Scored};
pub use params::{NextBasketParams, NextBasketParamsError, RawNextBasketParams};
pub use sequences::{Sequence, Sequences};
