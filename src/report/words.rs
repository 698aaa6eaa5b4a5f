//! Numbers and names as the page writes them.

/// Text for XML: markup is escaped, and what XML cannot hold (control characters) is replaced.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(printable(c)),
        }
    }
    out
}

/// A name in a picture: one line of at most `most` characters. The drawing crate escapes markup, not control characters.
pub(super) fn label(text: &str, most: usize) -> String {
    let mut label: String = text.chars().map(printable).take(most + 1).collect();
    if label.chars().count() > most {
        label = label.chars().take(most - 1).chain(['…']).collect();
    }
    label
}

fn printable(c: char) -> char {
    match c {
        '\n' | '\t' | '\r' => ' ',
        c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => '\u{FFFD}',
        c => c,
    }
}

/// A share as a whole per cent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share + 0.0)
}

/// A count with thin spaces between thousands.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202F}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_control_characters_stay_text() {
        assert_eq!(escaped("<b>&'\"\u{0}\n"), "&lt;b&gt;&amp;&#39;&quot;\u{FFFD} ");
        assert_eq!(label("recency\u{1}only", 12), "recency\u{FFFD}only");
        assert_eq!(label("a name that is long", 7), "a name…");
    }

    #[test]
    fn numbers_are_grouped_and_rounded() {
        assert_eq!(
            [count(0), count(999), count(1_234_567)],
            ["0", "999", "1\u{202F}234\u{202F}567"]
        );
        assert_eq!(
            [percent(0.336), percent(-0.0), percent(1.0)],
            ["34 %", "0 %", "100 %"]
        );
    }
}
