//! Kernels on plain slices: no domain words, no allocation inside a loop, nothing that depends on the number of threads.
//!
//! Enters: row-major slices of `f32` (`f64` where rounding would accumulate). Leaves: products, Gram matrices, Cholesky
//! factors, eigenvectors, singular vectors of sparse matrices, the best `k` of many scores.
//!
//! The one decision: one small multiply-add tile ([`tile`](self)) is compiled three times, for AVX-512, for AVX2 with
//! FMA and for any processor, and every dense operation is a walk over such tiles. The plain loops beside it are the
//! definition, and the tests hold the fast form to them.
//!
//! Deliberately not here: threads inside one small operation (callers run rows side by side), and items or customers.
//!
//! # Determinism
//! On one machine the same input gives the same bits for any number of threads. Between processors with different
//! vector units the last bits may differ, because a fused multiply-add rounds once.

mod cholesky;
mod dispatch;
mod dot;
mod eigen;
mod gram;
mod group;
mod matvec;
mod normal;
mod pages;
mod panel;
mod prefetch;
mod product;
mod rounded;
mod scatter;
mod screen;
mod sparse;
mod tile;
mod top_k;
mod truncated_svd;
mod vector;

pub use cholesky::{Cholesky, cholesky_plain};
pub use dot::{axpy, dot, norm};
pub use eigen::{Eigen, symmetric_eigen};
pub use gram::{gram, gram_plain};
pub use matvec::matvec;
pub use normal::{WeightedRows, add_weighted, add_weighted_plain, weighted_square};
pub use panel::{orthonormalise, turned};
pub use prefetch::prefetch;
pub use product::{PackedRows, multiply, multiply_plain};
pub use rounded::RoundedRows;
pub use scatter::scatter;
pub use screen::{Addends, ExactIndex, Screen, Search, SearchRoom};
pub use sparse::{SparseRows, multiply_sparse, multiply_sparse_plain};
pub use tile::LANES;
pub use top_k::{TopK, top_k};
pub use truncated_svd::{SingularVectors, truncated_svd};

pub(crate) use gram::{PANEL_ROWS, Panel};
pub(crate) use normal::{Conjugate, Diagonal, square};
pub(crate) use product::add_row_gram;
