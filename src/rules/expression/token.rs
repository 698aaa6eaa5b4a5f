//! From characters to words, numbers, texts and signs.

use winnow::ascii::{digit1, multispace0};
use winnow::combinator::{alt, opt};
use winnow::error::ContextError;
use winnow::prelude::*;
use winnow::stream::{LocatingSlice, Location};
use winnow::token::{any, one_of, take_while};

use super::error::{ExpressionError, Span};

/// One word of an expression.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Token<'a> {
    /// A keyword or the name of an attribute.
    Word(&'a str),
    /// A number as written.
    Number(&'a str),
    /// A text, its escapes resolved.
    Text(String),
    /// An operator, bracket or comma.
    Sign(&'static str),
    /// The end of the expression.
    End,
}

/// Longer signs before those that begin alike. The last ones belong to other languages, and are read to be refused
/// with a word of advice.
const SIGNS: [&str; 20] = [
    "<=", ">=", "!=", "<>", "==", "&&", "||", "=", "<", ">", "(", ")", "[", "]", ",", "+", "-", "*", "/", "!",
];

type Input<'a> = LocatingSlice<&'a str>;

/// The tokens with their places; the last one is [`Token::End`].
pub(super) fn tokens(source: &str) -> Result<Vec<(Token<'_>, Span)>, ExpressionError> {
    let mut input = LocatingSlice::new(source);
    let mut found = Vec::new();
    loop {
        skip_space(&mut input);
        let start = input.current_token_start();
        let Some(first) = source[start..].chars().next() else {
            found.push((Token::End, start..start));
            return Ok(found);
        };
        let token = match first {
            '"' | '\'' => Token::Text(text(source, &mut input, first)?),
            '0'..='9' => {
                let number = number
                    .parse_next(&mut input)
                    .map_err(|_| refused(source, start))?;
                Token::Number(number)
            }
            _ => word_or_sign
                .parse_next(&mut input)
                .map_err(|_| refused(source, start))?,
        };
        found.push((token, start..input.current_token_start()));
    }
}

fn skip_space(input: &mut Input<'_>) {
    let skipped: Result<&str, ContextError> = multispace0.parse_next(input);
    debug_assert!(skipped.is_ok(), "no space is enough space");
}

fn refused(source: &str, start: usize) -> ExpressionError {
    let first = source[start..].chars().next().unwrap_or(' ');
    let span = start..start + first.len_utf8();
    ExpressionError::new(source, span, format!("{first:?} means nothing here"))
}

fn word_or_sign<'a>(input: &mut Input<'a>) -> Result<Token<'a>, ContextError> {
    alt((word.map(Token::Word), sign.map(Token::Sign))).parse_next(input)
}

fn word<'a>(input: &mut Input<'a>) -> Result<&'a str, ContextError> {
    let first = |c: char| c.is_alphabetic() || c == '_';
    let rest = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    (one_of(first), take_while(0.., rest)).take().parse_next(input)
}

fn sign(input: &mut Input<'_>) -> Result<&'static str, ContextError> {
    for sign in SIGNS {
        if opt(sign).parse_next(input)?.is_some() {
            return Ok(sign);
        }
    }
    Err(ContextError::new())
}

fn number<'a>(input: &mut Input<'a>) -> Result<&'a str, ContextError> {
    let exponent = (one_of(['e', 'E']), opt(one_of(['+', '-'])), digit1);
    (digit1, opt(('.', digit1)), opt(exponent))
        .take()
        .parse_next(input)
}

fn text(source: &str, input: &mut Input<'_>, quote: char) -> Result<String, ExpressionError> {
    let start = input.current_token_start();
    let unclosed = |_: ContextError| {
        ExpressionError::new(
            source,
            start..start + 1,
            format!("this text lacks its closing {quote}"),
        )
    };
    let _ = any.parse_next(input).map_err(unclosed)?;
    let mut resolved = String::new();
    loop {
        let plain = take_while(0.., |c| c != quote && c != '\\').parse_next(input);
        resolved.push_str(plain.map_err(unclosed)?);
        let at = input.current_token_start();
        if any.parse_next(input).map_err(unclosed)? == quote {
            return Ok(resolved);
        }
        let escaped = any.parse_next(input).map_err(unclosed)?;
        resolved.push(match escaped {
            '"' | '\'' | '\\' => escaped,
            'n' => '\n',
            't' => '\t',
            _ => {
                let span = at..input.current_token_start();
                let message = r#"a backslash stands before \, ", ', n or t"#;
                return Err(ExpressionError::new(source, span, message));
            }
        });
    }
}
