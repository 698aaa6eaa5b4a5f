//! Why a text is no expression, told so that its writer finds the place.

use std::fmt;
use std::ops::Range;

/// Bytes of an expression.
pub(super) type Span = Range<usize>;

/// Characters of a line that a message shows on each side of the place.
const SHOWN: usize = 40;
/// Longest word for which a likely meaning is sought.
const MAX_GUESSED: usize = 40;

/// Why a text is no expression.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ExpressionError {
    /// Where, in bytes from the beginning.
    pub position: usize,
    /// The line, from 1.
    pub line: usize,
    /// The place in the line, in characters from 1.
    pub column: usize,
    /// The rule that is broken.
    pub message: String,
    /// The part of the line around the place, and carets below what is wrong.
    pub snippet: String,
    /// What may have been meant.
    pub suggestion: Option<String>,
}

impl ExpressionError {
    pub(super) fn new(source: &str, span: Span, message: impl Into<String>) -> Self {
        let position = span.start.min(source.len());
        let before = source.get(..position).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line_text = source.get(start..).unwrap_or_default();
        let line_text = line_text.split('\n').next().unwrap_or_default();
        let column = before.get(start..).unwrap_or_default().chars().count();
        let marked = source.get(span).unwrap_or_default();
        let marked = marked.split('\n').next().unwrap_or_default().chars().count();

        let first = column.saturating_sub(SHOWN);
        // A tab is as wide as the reader's screen likes, so that no caret could stand below what follows it.
        let shown: String = line_text
            .chars()
            .skip(first)
            .take(column - first + SHOWN)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let carets = marked.clamp(1, SHOWN);
        Self {
            position,
            line: before.matches('\n').count() + 1,
            column: column + 1,
            message: message.into(),
            snippet: format!("{shown}\n{}{}", " ".repeat(column - first), "^".repeat(carets)),
            suggestion: None,
        }
    }

    /// Adds the likeliest of `known` names when one is near to `written`.
    pub(super) fn guessing(mut self, written: &str, known: impl Iterator<Item = &'static str>) -> Self {
        self.suggestion = nearest(written, known).map(str::to_owned);
        self
    }

    /// Adds what to write instead.
    pub(super) fn suggesting(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            column,
            message,
            snippet,
            suggestion,
            ..
        } = self;
        write!(f, "line {line}, column {column}: {message}")?;
        if let Some(suggestion) = suggestion {
            write!(f, "; did you mean `{suggestion}`?")?;
        }
        write!(f, "\n{snippet}")
    }
}

impl std::error::Error for ExpressionError {}

/// The name at the least distance, the first of several; none when all are far.
fn nearest(written: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    if written.len() > MAX_GUESSED {
        return None;
    }
    let lower = written.to_lowercase();
    let distance_to = |name: &str| {
        // A bare `price` means `item.price` more often than anything else.
        let bare = name.split_once('.').map(|(_, bare)| distance(&lower, bare));
        bare.map_or(usize::MAX, |bare| bare + 1)
            .min(distance(&lower, name))
    };
    known
        .map(|name| (distance_to(name), name))
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, _)| distance <= (written.chars().count() / 3).clamp(1, 3))
        .map(|(_, name)| name)
}

/// How many characters must be inserted, removed or replaced to make one text the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, &to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_levenshtein() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn a_place_is_shown_below_its_line() {
        let error = ExpressionError::new("a\n\tüü price", 7..12, "is wrong");
        assert_eq!((error.position, error.line, error.column), (7, 2, 4));
        let error = ExpressionError::new("a\n\tüü price", 8..13, "is wrong");
        assert_eq!(
            error.to_string(),
            "line 2, column 5: is wrong\n üü price\n    ^^^^^"
        );
    }

    #[test]
    fn a_long_line_is_shown_in_part() {
        let source = format!("{}!{}", "a".repeat(1000), "b".repeat(1000));
        let error = ExpressionError::new(&source, 1000..1001, "");
        assert_eq!(error.snippet.lines().next().map(str::len), Some(80));
        assert_eq!(error.snippet.find('^'), Some(80 + 1 + 40));
    }
}
