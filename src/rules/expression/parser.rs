//! From tokens to a tree, by precedence climbing.
//!
//! The one decision: the tree is never deeper than [`MAX_DEPTH`], neither in parentheses nor in operators, so that no
//! text exhausts the stack of whoever walks it.

use super::attribute::Attribute;
use super::error::{ExpressionError, Span};
use super::syntax::{Node, NodeKind, Operator, Set, precedence};
use super::token::{Token, tokens};
use super::{MAX_DEPTH, MAX_SET};

const KEYWORDS: [&str; 9] = [
    "and",
    "or",
    "not",
    "in",
    "under",
    "starts_with",
    "has",
    "true",
    "false",
];

pub(super) fn parse(source: &str) -> Result<Node, ExpressionError> {
    let mut parser = Parser {
        source,
        tokens: tokens(source)?,
        at: 0,
        depth: 0,
    };
    let node = parser.operators(precedence::OR)?;
    match parser.peek() {
        Token::End => Ok(node),
        _ => Err(parser.unexpected("an operator or the end of the expression")),
    }
}

struct Parser<'a> {
    source: &'a str,
    /// Ends with [`Token::End`], which is never passed.
    tokens: Vec<(Token<'a>, Span)>,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &Token<'a> {
        &self.tokens[self.at].0
    }

    fn span(&self) -> Span {
        self.tokens[self.at].1.clone()
    }

    fn advance(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len() - 1);
    }

    /// Passes the token if it is this word or sign.
    fn take(&mut self, name: &str) -> bool {
        let is_it = matches!(self.peek(), Token::Word(found) if *found == name)
            || matches!(self.peek(), Token::Sign(found) if *found == name);
        if is_it {
            self.advance();
        }
        is_it
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), ExpressionError> {
        if self.take(sign) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("`{sign}`")))
        }
    }

    fn error(&self, span: Span, message: impl Into<String>) -> ExpressionError {
        ExpressionError::new(self.source, span, message)
    }

    fn unexpected(&self, wanted: &str) -> ExpressionError {
        let error = |found: &str| self.error(self.span(), format!("expected {wanted}, found {found}"));
        match self.peek() {
            Token::End => error("the end"),
            Token::Text(_) => error("a text"),
            Token::Number(number) => error(&format!("the number {number}")),
            Token::Word("not") if wanted.contains("operator") => error("`not`").suggesting("not … in […]"),
            Token::Word(word) => error(&format!("`{word}`")).guessing(word, KEYWORDS.into_iter()),
            Token::Sign(sign) => {
                let meant = match *sign {
                    "==" => "=",
                    "<>" => "!=",
                    "&&" => "and",
                    "||" => "or",
                    "!" => "not",
                    _ => return error(&format!("`{sign}`")),
                };
                error(&format!("`{sign}`")).suggesting(meant)
            }
        }
    }

    fn operator(&self) -> Option<Operator> {
        let (Token::Sign(name) | Token::Word(name)) = self.peek() else {
            return None;
        };
        Operator::ALL
            .into_iter()
            .find(|operator| operator.name() == *name)
    }

    /// A part whose operators bind at least so tightly.
    fn operators(&mut self, least: u8) -> Result<Node, ExpressionError> {
        let mut left = self.operand()?;
        let mut compared = false;
        loop {
            let is_comparison = |operator: Operator| operator.precedence() == precedence::COMPARISON;
            let operator = self.operator();
            let is_in = matches!(self.peek(), Token::Word("in"));
            let compares = is_in || operator.is_some_and(is_comparison);
            if compares && least <= precedence::COMPARISON {
                if compared {
                    let message = "comparisons do not chain; join two of them with `and`";
                    return Err(self.error(self.span(), message));
                }
                compared = true;
            }
            if is_in && least <= precedence::COMPARISON {
                self.advance();
                let set = self.set()?;
                let span = left.span.start..self.end();
                let of = Box::new(left);
                left = self.node(NodeKind::In { of, set }, span)?;
            } else if let Some(operator) = operator.filter(|operator| operator.precedence() >= least) {
                self.advance();
                let right = self.operators(operator.precedence() + 1)?;
                let span = left.span.start..right.span.end;
                let kind = NodeKind::Binary {
                    operator,
                    left: Box::new(left),
                    right: Box::new(right),
                };
                left = self.node(kind, span)?;
            } else if least <= precedence::AND && matches!(self.peek(), Token::Word("and")) {
                left = self.joined(left, "and", precedence::AND, NodeKind::All)?;
                compared = false;
            } else if least <= precedence::OR && matches!(self.peek(), Token::Word("or")) {
                left = self.joined(left, "or", precedence::OR, NodeKind::Any)?;
                compared = false;
            } else {
                return Ok(left);
            }
        }
    }

    fn joined(
        &mut self,
        first: Node,
        word: &str,
        level: u8,
        kind: impl FnOnce(Vec<Node>) -> NodeKind,
    ) -> Result<Node, ExpressionError> {
        let start = first.span.start;
        let mut parts = vec![first];
        while self.take(word) {
            parts.push(self.operators(level + 1)?);
        }
        let span = start..self.end();
        self.node(kind(parts), span)
    }

    fn operand(&mut self) -> Result<Node, ExpressionError> {
        if self.depth == MAX_DEPTH {
            return Err(self.too_deep(self.span()));
        }
        self.depth += 1;
        let node = self.operand_within()?;
        self.depth -= 1;
        Ok(node)
    }

    fn operand_within(&mut self) -> Result<Node, ExpressionError> {
        let span = self.span();
        let kind = match self.peek().clone() {
            Token::Number(number) => {
                self.advance();
                NodeKind::Number(self.number(number, span.clone())?)
            }
            Token::Text(text) => {
                self.advance();
                NodeKind::Text(text)
            }
            Token::Sign("(") => {
                self.advance();
                let within = self.operators(precedence::OR)?;
                self.expect(")")?;
                return Ok(within);
            }
            Token::Sign("-") => {
                self.advance();
                NodeKind::Negative(Box::new(self.operand()?))
            }
            Token::Word("not") => {
                self.advance();
                NodeKind::Not(Box::new(self.operators(precedence::NOT)?))
            }
            Token::Word("has") => {
                self.advance();
                self.expect("(")?;
                let attribute = self.attribute()?;
                self.expect(")")?;
                NodeKind::Has(attribute)
            }
            Token::Word(word @ ("true" | "false")) => {
                self.advance();
                NodeKind::Boolean(word == "true")
            }
            Token::Word(word) if !KEYWORDS.contains(&word) => NodeKind::Attribute(self.attribute()?),
            _ => return Err(self.unexpected("an attribute, a number, a text, `not` or `(`")),
        };
        let span = span.start..self.end();
        self.node(kind, span)
    }

    fn attribute(&mut self) -> Result<Attribute, ExpressionError> {
        let Token::Word(word) = *self.peek() else {
            return Err(self.unexpected("an attribute"));
        };
        let names = Attribute::ALL.iter().map(|&(name, _)| name);
        let Some(attribute) = Attribute::find(word) else {
            let error = self.error(self.span(), format!("there is no attribute `{word}`"));
            return Err(error.guessing(word, names.chain(KEYWORDS)));
        };
        self.advance();
        Ok(attribute)
    }

    fn number(&self, written: &str, span: Span) -> Result<f64, ExpressionError> {
        written
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| self.error(span, "this number is too large"))
    }

    fn set(&mut self) -> Result<Set, ExpressionError> {
        let start = self.span().start;
        self.expect("[")?;
        let mut texts = Vec::new();
        let mut numbers = Vec::new();
        loop {
            let span = self.span();
            let is_negative = self.take("-");
            match self.peek().clone() {
                Token::Text(text) if !is_negative && numbers.is_empty() => texts.push(text),
                Token::Number(number) if texts.is_empty() => {
                    let number = self.number(number, self.span())?;
                    numbers.push(if is_negative { -number } else { number });
                }
                Token::Text(_) | Token::Number(_) => {
                    return Err(self.error(span, "a set holds texts or numbers, not both"));
                }
                _ => return Err(self.unexpected("a text or a number")),
            }
            self.advance();
            if !self.take(",") {
                break;
            }
        }
        self.expect("]")?;
        if texts.len().max(numbers.len()) > MAX_SET {
            let message = format!("a set holds at most {MAX_SET} values");
            return Err(self.error(start..self.end(), message));
        }
        Ok(if numbers.is_empty() {
            Set::Texts(texts)
        } else {
            Set::Numbers(numbers)
        })
    }

    /// Where the token before this one ended.
    fn end(&self) -> usize {
        self.tokens[self.at.saturating_sub(1)].1.end
    }

    fn node(&self, kind: NodeKind, span: Span) -> Result<Node, ExpressionError> {
        let node = Node::new(kind, span);
        if node.height > MAX_DEPTH {
            return Err(self.too_deep(node.span));
        }
        Ok(node)
    }

    fn too_deep(&self, span: Span) -> ExpressionError {
        self.error(
            span,
            format!("more than {MAX_DEPTH} levels of parentheses or operators"),
        )
    }
}
