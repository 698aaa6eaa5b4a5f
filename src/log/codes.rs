//! Item ids that are suspicious as text: built unlike the others, or equal to another but for letter case.

use hashbrown::HashMap;
use serde::Serialize;

use super::report::EXAMPLES;
use super::source::Source;

/// Odd ids listed at most.
const LISTED: usize = 60;

/// Part of the rows whose ids must share a shape before another shape is odd.
const REGULAR_PART: f64 = 0.98;

/// An item id and how often it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CodeCount {
    /// The id as written.
    pub item_id: String,
    /// Rows that have it.
    pub rows: u64,
    /// Whether the recipe drops it.
    pub dropped: bool,
}

/// How an id is built: runs of digits become `9`, runs of letters `a`, anything else stays. `15056BL` is `9a`.
fn shape(code: &str) -> String {
    let mut shape = String::new();
    for c in code.chars() {
        let class = match c {
            _ if c.is_numeric() => '9',
            _ if c.is_alphabetic() => 'a',
            _ => c,
        };
        if !shape.ends_with(class) || !class.is_alphanumeric() {
            shape.push(class);
        }
    }
    shape
}

/// Ids that the recipe drops, and ids of rare shapes where a few shapes make up nearly all rows; by frequency.
pub(super) fn odd(rows_by_code: &HashMap<String, u64>, source: &Source) -> Vec<CodeCount> {
    let mut rows_by_shape: HashMap<String, u64> = HashMap::new();
    for (code, rows) in rows_by_code {
        *rows_by_shape.entry(shape(code)).or_insert(0) += rows;
    }
    let all: u64 = rows_by_code.values().sum();
    // Shapes that one row in a hundred has are the shop's own; the rest is odd only beside a clear majority.
    let regular = |rows: u64| rows as f64 >= 0.01 * all as f64;
    let regular_rows: u64 = rows_by_shape.values().filter(|rows| regular(**rows)).sum();
    let has_pattern = regular_rows as f64 >= REGULAR_PART * all as f64;
    let mut found: Vec<CodeCount> = rows_by_code
        .iter()
        .filter_map(|(code, &rows)| {
            let mut cased = code.clone();
            source.raw().item_id_case.apply(&mut cased, 0);
            let dropped = source.drops_item(&cased);
            let odd = has_pattern && !rows_by_shape.get(&shape(code)).is_some_and(|rows| regular(*rows));
            (dropped || odd).then(|| CodeCount {
                item_id: code.clone(),
                rows,
                dropped,
            })
        })
        .collect();
    found.sort_unstable_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.item_id.cmp(&b.item_id)));
    found.truncate(LISTED);
    found
}

/// How many ids equal another but for letter case, not counting one of each group, and the groups with most rows.
pub(super) fn differing_in_case(rows_by_code: &HashMap<String, u64>) -> (u64, Vec<Vec<String>>) {
    let mut groups: HashMap<String, (u64, Vec<&str>)> = HashMap::new();
    for (code, rows) in rows_by_code {
        let group = groups.entry(code.to_lowercase()).or_default();
        group.0 += rows;
        group.1.push(code);
    }
    let mut groups: Vec<_> = groups
        .into_values()
        .filter(|(_, codes)| codes.len() > 1)
        .collect();
    for (_, codes) in &mut groups {
        codes.sort_unstable();
    }
    groups.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let count = groups.iter().map(|(_, codes)| codes.len() as u64 - 1).sum();
    let examples = groups
        .iter()
        .take(EXAMPLES)
        .map(|(_, codes)| codes.iter().map(|code| (*code).to_owned()).collect())
        .collect();
    (count, examples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::RawSource;

    fn rows(codes: &[(&str, u64)]) -> HashMap<String, u64> {
        codes
            .iter()
            .map(|&(code, rows)| (code.to_owned(), rows))
            .collect()
    }

    #[test]
    fn a_code_built_unlike_the_others_is_odd() {
        let source = Source::try_from(RawSource::default()).unwrap();
        let counts = rows(&[("85048", 600), ("85123A", 390), ("POST", 6), ("gift_0001", 4)]);
        let odd: Vec<_> = odd(&counts, &source)
            .into_iter()
            .map(|code| (code.item_id, code.rows))
            .collect();
        assert_eq!(odd, [("POST".to_owned(), 6), ("gift_0001".to_owned(), 4)]);
    }

    #[test]
    fn where_ids_have_no_pattern_none_is_odd() {
        let source = Source::try_from(RawSource::default()).unwrap();
        let names: Vec<String> = (0..200)
            .map(|n| format!("{}x{}", "a1".repeat(n % 40), "b-".repeat(n / 8)))
            .collect();
        let counts: HashMap<String, u64> = names.into_iter().map(|name| (name, 1)).collect();
        assert_eq!(odd(&counts, &source), []);
    }

    #[test]
    fn ids_are_compared_without_case() {
        let (count, examples) = differing_in_case(&rows(&[
            ("a", 1),
            ("A", 2),
            ("Ab", 1),
            ("AB", 1),
            ("aB", 1),
            ("c", 9),
        ]));
        assert_eq!(count, 3);
        assert_eq!(examples, [vec!["A", "a"], vec!["AB", "Ab", "aB"]]);
    }
}
