//! Cuts a stream of text into pieces of whole records, so that pieces can be parsed side by side.
//!
//! Enters: bytes. Leaves: [`Piece`]s that end where a record ends. The one decision: a quoted field may hold line ends,
//! so the cut is found by walking from quote to quote; a quote that is never closed must not swallow the log, so a record
//! past [`MAX_RECORD_BYTES`] gives up its first line as unreadable, and reading goes on behind it.

use std::io::{self, Read};

/// Longest record, in bytes.
pub(super) const MAX_RECORD_BYTES: usize = 1 << 20;

/// Bytes of a piece: some ten thousand rows.
const PIECE_BYTES: usize = 4 << 20;

/// How records end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Records {
    /// At every line end.
    Lines,
    /// At line ends outside quotes; a quote opens only at the beginning of a field.
    Quoted { delimiter: u8 },
}

/// Some whole records.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    /// Number of the line that the piece begins with.
    pub(super) first_line: u64,
    /// Lines given up, before the piece.
    pub(super) unreadable: Vec<u64>,
}

pub(super) struct Splitter {
    reader: Box<dyn Read + Send>,
    records: Records,
    /// The beginning of the next record.
    carry: Vec<u8>,
    next_line: u64,
    at_end: bool,
    piece_bytes: usize,
}

impl Splitter {
    pub(super) fn new(reader: Box<dyn Read + Send>, records: Records) -> Self {
        Self {
            reader,
            records,
            carry: Vec::new(),
            next_line: 1,
            at_end: false,
            piece_bytes: PIECE_BYTES,
        }
    }

    /// The next piece; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Piece>> {
        let mut bytes = std::mem::take(&mut self.carry);
        let mut unreadable = Vec::new();
        loop {
            self.fill(&mut bytes)?;
            if self.next_line == 1 && bytes.starts_with(b"\xEF\xBB\xBF") {
                bytes.drain(..3);
            }
            let (mut end, open_quote) = last_record_end(&bytes, self.records);
            if self.at_end && !open_quote {
                end = bytes.len();
            }
            if end > 0 {
                self.carry = bytes.split_off(end);
                let first_line = self.next_line;
                self.next_line += count_lines(&bytes);
                return Ok(Some(Piece {
                    bytes,
                    first_line,
                    unreadable,
                }));
            }
            if bytes.is_empty() {
                let rest = Piece {
                    bytes,
                    first_line: self.next_line,
                    unreadable,
                };
                return Ok((!rest.unreadable.is_empty()).then_some(rest));
            }
            if self.at_end || bytes.len() >= MAX_RECORD_BYTES {
                unreadable.push(self.next_line);
                self.give_up_line(&mut bytes)?;
            }
        }
    }

    /// Reads until there is a piece's worth or the end.
    fn fill(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let wanted = self
            .piece_bytes
            .saturating_sub(bytes.len())
            .max(self.piece_bytes / 4)
            .max(1);
        if !self.at_end {
            let read = self.reader.by_ref().take(wanted as u64).read_to_end(bytes)?;
            self.at_end = read < wanted;
        }
        Ok(())
    }

    /// Drops the first line, reading on to its end where it is not in `bytes` yet.
    fn give_up_line(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        loop {
            if let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
                bytes.drain(..=end);
                self.next_line += 1;
                return Ok(());
            }
            bytes.clear();
            if self.at_end {
                return Ok(());
            }
            self.fill(bytes)?;
        }
    }
}

pub(super) fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// The end of the last whole record, 0 for none, and whether the bytes end within quotes.
fn last_record_end(bytes: &[u8], records: Records) -> (usize, bool) {
    let after_last_line_end =
        |from: usize, to: usize| Some(from + memchr::memrchr(b'\n', &bytes[from..to])? + 1);
    let Records::Quoted { delimiter } = records else {
        return (after_last_line_end(0, bytes.len()).unwrap_or(0), false);
    };
    let find_quote = |from: usize| Some(from + memchr::memchr(b'"', bytes.get(from..)?)?);
    let mut end = 0;
    // Bytes from here on are not looked at yet, and not within quotes.
    let mut from = 0;
    while let Some(quote) = find_quote(from) {
        end = after_last_line_end(from, quote).unwrap_or(end);
        from = quote + 1;
        let opens = quote == 0 || matches!(bytes[quote - 1], b'\n' | b'\r') || bytes[quote - 1] == delimiter;
        if !opens {
            continue;
        }
        loop {
            match find_quote(from) {
                None => return (end, true),
                // Within quotes, two in a row stand for one.
                Some(at) if bytes.get(at + 1) == Some(&b'"') => from = at + 2,
                Some(at) => {
                    from = at + 1;
                    break;
                }
            }
        }
    }
    (after_last_line_end(from, bytes.len()).unwrap_or(end), false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(text: &[u8], records: Records, piece_bytes: usize) -> (Vec<Vec<u8>>, Vec<u64>, Vec<u64>) {
        let mut splitter = Splitter::new(Box::new(io::Cursor::new(text.to_vec())), records);
        splitter.piece_bytes = piece_bytes;
        let (mut parts, mut lines, mut unreadable) = (vec![], vec![], vec![]);
        while let Some(piece) = splitter.next().unwrap() {
            parts.push(piece.bytes);
            lines.push(piece.first_line);
            unreadable.extend(piece.unreadable);
        }
        (parts, lines, unreadable)
    }

    const CSV: Records = Records::Quoted { delimiter: b',' };

    #[test]
    fn a_quoted_line_end_is_no_cut_and_a_quote_within_a_field_is_a_letter() {
        let text = b"a,b\n\"x\ny\",1\n5\" pipe,2\n\"say \"\"hi\"\"\n\",3\n";
        let (parts, lines, _) = pieces(text, CSV, 4);
        let parts: Vec<_> = parts
            .iter()
            .map(|part| String::from_utf8_lossy(part).into_owned())
            .collect();
        assert_eq!(
            parts,
            [
                "a,b\n",
                "\"x\ny\",1\n",
                "5\" pipe,2\n",
                "\"say \"\"hi\"\"\n\",3\n"
            ]
        );
        assert_eq!(lines, [1, 2, 4, 5]);
    }

    #[test]
    fn a_quote_never_closed_costs_one_line() {
        let (parts, _, unreadable) = pieces(b"a,b\n\"x,1\ny,2\n", CSV, 64);
        assert_eq!(parts.concat(), b"a,b\ny,2\n");
        assert_eq!(unreadable, [2]);
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut text = b"a\n".to_vec();
        text.extend(vec![b'x'; 2 * MAX_RECORD_BYTES]);
        text.extend(b"\nb\n");
        let (parts, lines, unreadable) = pieces(&text, Records::Lines, 1 << 16);
        assert!(parts.concat() == b"a\nb\n");
        assert_eq!(unreadable, [2]);
        assert_eq!(lines.last(), Some(&3));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_when_quotes_are_closed(fields in prop::collection::vec("[a,\n\"]{0,5}", 0..40), size in 1usize..50) {
            let mut text = Vec::new();
            for field in &fields {
                text.extend(format!("\"{}\",1\n", field.replace('"', "\"\"")).into_bytes());
            }
            let (parts, _, unreadable) = pieces(&text, CSV, size);
            prop_assert_eq!(unreadable, Vec::<u64>::new());
            prop_assert_eq!(parts.concat(), text);
        }
    }
}
