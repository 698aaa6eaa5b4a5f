//! The matrix of pairs that have no time: what the published benchmarks of ranking learn from.

use super::matrix::Csr;
use crate::id::{CustomerIdx, IdError, IdTable, ItemIdx, Row};

/// A pair whose names are no ids.
#[derive(Debug, thiserror::Error)]
#[error("pair {pair}")]
pub struct PairError {
    /// Number of the pair, from 1.
    pub pair: usize,
    /// The rule that failed.
    pub source: IdError,
}

/// The user × item matrix of (user, item) names: 1 for each different pair, rows and columns in order of appearance.
///
/// # Errors
/// [`PairError`] when a name is no id.
pub fn pair_matrix(pairs: &[(String, String)]) -> Result<Csr, PairError> {
    let mut users = IdTable::<CustomerIdx>::default();
    let mut items = IdTable::<ItemIdx>::default();
    let mut rows: Vec<Vec<(ItemIdx, f32)>> = Vec::new();
    for (at, (user, item)) in pairs.iter().enumerate() {
        let named = |source| PairError { pair: at + 1, source };
        let user = users.intern(user).map_err(named)?.index();
        let item = items.intern(item).map_err(named)?;
        rows.resize_with(rows.len().max(user + 1), Vec::new);
        rows[user].push((item, 1.0));
    }
    for row in &mut rows {
        row.sort_by_key(|entry| entry.0);
        row.dedup_by_key(|entry| entry.0);
    }
    Ok(Csr::from_rows(&rows, items.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_count_once_and_names_must_be_ids() {
        let pair = |user: &str, item: &str| (user.to_owned(), item.to_owned());
        let pairs = [pair("u", "b"), pair("v", "a"), pair("u", "a"), pair("u", "b")];
        let matrix = pair_matrix(&pairs).unwrap();
        assert_eq!(
            (matrix.n_rows(), matrix.n_columns(), matrix.n_entries()),
            (2, 2, 3)
        );
        assert_eq!(matrix.row(0), (&[0, 1][..], &[1.0, 1.0][..]));
        let error = pair_matrix(&[pair("u", "a"), pair("u", "")]).unwrap_err();
        assert_eq!(error.pair, 2);
    }
}
