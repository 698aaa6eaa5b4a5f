//! Pairs of a customer and an item: the fixed splits of published evaluations.

use std::path::Path;

use super::batch::Wanted;
use super::error::LogError;
use super::feed::{Block, Feed};
use super::files::LogFile;
use super::pipeline::ordered;

/// Reads the columns `user_id` and `item_id`, numbers or text, of a Parquet, CSV or JSON Lines file, in its order.
///
/// # Errors
/// [`LogError`] when the file cannot be read, lacks a column, or has a row without both ids: an evaluation with silently
/// fewer pairs would not be the published one.
pub fn read_pairs(path: &Path) -> Result<Vec<(String, String)>, LogError> {
    let wanted = |name: &str| Wanted {
        // No recipe names the columns of pairs; what is missing is told by `of_pairs`.
        key: "",
        name: name.to_owned(),
        required: true,
    };
    let feed = Feed::new(
        vec![LogFile::new(path)?],
        vec![wanted("user_id"), wanted("item_id")],
        b',',
    );
    let mut pairs = Vec::new();
    let decode = |block: Block| {
        let batch = block.decode()?;
        let bad = |position| LogError::NotALog {
            path: path.to_owned(),
            problem: format!("line or row {position} has not both a user_id and an item_id"),
        };
        if let Some(&line) = batch.unreadable.first() {
            return Err(bad(line));
        }
        let id = |slot: usize, row| {
            let mut id = String::new();
            let is_id = batch.columns[slot].cell(row).write_id(&mut id);
            (is_id && !id.is_empty()).then_some(id)
        };
        (0..batch.rows)
            .map(|row| {
                id(0, row)
                    .zip(id(1, row))
                    .ok_or_else(|| bad(batch.positions.of(row)))
            })
            .collect::<Result<Vec<_>, _>>()
    };
    ordered(feed, decode, |part| {
        pairs.extend(part);
        Ok(())
    })
    .map_err(of_pairs)?;
    Ok(pairs)
}

/// The same error, without advice about a recipe that these files have not.
fn of_pairs(error: LogError) -> LogError {
    match error {
        LogError::MissingColumn {
            path, name, present, ..
        } => LogError::NotALog {
            path,
            problem: format!(
                "pairs have the columns user_id and item_id, and {name} is not among its columns: {present}"
            ),
        },
        other => other,
    }
}
