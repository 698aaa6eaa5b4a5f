//! Pure metrics: numbers in, numbers out, no model and no file.
//!
//! Enters: rankings, scores and what really happened. Leaves: metrics exactly as the papers define them, with intervals.

pub mod bootstrap;
pub mod calibration;
pub mod classification;
pub mod gains;
pub mod ranking;
pub mod stability;
