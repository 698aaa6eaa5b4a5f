//! Both regressions beside published figures: the Telco customers of IBM, in five folds.

mod tests;
