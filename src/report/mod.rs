//! A churn backtest as a page: one HTML file with its pictures, for people who read no JSON.
//!
//! Enters: plain numbers and words, [`ChurnReport`]. Leaves: [`html`], a page that stands alone: no script, no font, no
//! address of anything outside. It is read offline, in a light or a dark window and on paper.
//!
//! The one decision: the pictures are SVG with real colours, and a dark window exchanges each colour of the palette by a
//! rule of the style sheet. A picture taken out of the page therefore still looks right.
//!
//! Deliberately not here: what the numbers mean (`measure`), where they come from (`churn`), and the file.

mod canvas;
mod data;
mod folds;
mod gains;
mod page;
mod reliability;
mod rfm;
mod risk;
mod words;

pub use canvas::DrawError;
pub use data::{
    AucByFold, ChurnReport, FoldAucs, Gains, GainsLine, Histogram, ModelAuc, Reliability, RfmCell, RfmGrid,
    RiskDistribution, Table,
};
pub use folds::auc_by_fold;
pub use gains::gains_chart;
pub use page::html;
pub use reliability::reliability_curve;
pub use rfm::rfm_map;
pub use risk::risk_distribution;

#[cfg(test)]
mod tests;
