//! What an expression says: its tree, and the tree as a text.

use std::fmt::{self, Display, Formatter, Write as _};

use super::attribute::Attribute;
use super::error::Span;

/// A part of an expression and where it stands. Equal when it says the same, wherever it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) span: Span,
    /// Steps to the deepest part below, 1 for a part without any below it.
    pub(super) height: usize,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum NodeKind {
    /// Finite and not negative.
    Number(f64),
    Text(String),
    Boolean(bool),
    Attribute(Attribute),
    Has(Attribute),
    Not(Box<Node>),
    Negative(Box<Node>),
    /// Two or more that must all hold.
    All(Vec<Node>),
    /// Two or more of which one must hold.
    Any(Vec<Node>),
    Binary {
        operator: Operator,
        left: Box<Node>,
        right: Box<Node>,
    },
    In {
        of: Box<Node>,
        set: Set,
    },
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Set {
    Texts(Vec<String>),
    Numbers(Vec<f64>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    More,
    AtLeast,
    Under,
    StartsWith,
    Plus,
    Minus,
    Times,
    Over,
}

/// How tightly operators bind.
pub(super) mod precedence {
    pub(in super::super) const OR: u8 = 1;
    pub(in super::super) const AND: u8 = 2;
    pub(in super::super) const NOT: u8 = 3;
    pub(in super::super) const COMPARISON: u8 = 4;
    pub(in super::super) const SUM: u8 = 5;
    pub(in super::super) const PRODUCT: u8 = 6;
    pub(in super::super) const SIGN: u8 = 7;
    pub(in super::super) const WHOLE: u8 = 8;
}

impl Operator {
    pub(super) const ALL: [Self; 12] = [
        Self::Equal,
        Self::NotEqual,
        Self::Less,
        Self::AtMost,
        Self::More,
        Self::AtLeast,
        Self::Under,
        Self::StartsWith,
        Self::Plus,
        Self::Minus,
        Self::Times,
        Self::Over,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
            Self::Under => "under",
            Self::StartsWith => "starts_with",
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::Over => "/",
        }
    }

    pub(super) fn precedence(self) -> u8 {
        match self {
            Self::Plus | Self::Minus => precedence::SUM,
            Self::Times | Self::Over => precedence::PRODUCT,
            _ => precedence::COMPARISON,
        }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Node {
    pub(super) fn new(kind: NodeKind, span: Span) -> Self {
        let below = match &kind {
            NodeKind::Not(of) | NodeKind::Negative(of) | NodeKind::In { of, .. } => of.height,
            NodeKind::All(parts) | NodeKind::Any(parts) => {
                parts.iter().map(|part| part.height).max().unwrap_or(0)
            }
            NodeKind::Binary { left, right, .. } => left.height.max(right.height),
            _ => 0,
        };
        Self {
            kind,
            span,
            height: below + 1,
        }
    }

    fn precedence(&self) -> u8 {
        match &self.kind {
            NodeKind::Any(_) => precedence::OR,
            NodeKind::All(_) => precedence::AND,
            NodeKind::Not(_) => precedence::NOT,
            NodeKind::In { .. } => precedence::COMPARISON,
            NodeKind::Binary { operator, .. } => operator.precedence(),
            NodeKind::Negative(_) => precedence::SIGN,
            _ => precedence::WHOLE,
        }
    }

    /// Writes the node, in parentheses where it binds less tightly than its place asks.
    fn write(&self, f: &mut Formatter<'_>, least: u8) -> fmt::Result {
        if self.precedence() < least {
            return write!(f, "({self})");
        }
        match &self.kind {
            NodeKind::Number(number) => write!(f, "{number:?}"),
            NodeKind::Text(text) => write_text(f, text),
            NodeKind::Boolean(boolean) => write!(f, "{boolean}"),
            NodeKind::Attribute(attribute) => f.write_str(attribute.name()),
            NodeKind::Has(attribute) => write!(f, "has({})", attribute.name()),
            NodeKind::Not(of) => {
                f.write_str("not ")?;
                of.write(f, precedence::NOT)
            }
            NodeKind::Negative(of) => {
                f.write_char('-')?;
                of.write(f, precedence::SIGN)
            }
            // A part of the same kind keeps its parentheses: it is one part, not several.
            NodeKind::All(parts) => write_joined(f, parts, " and ", precedence::AND + 1),
            NodeKind::Any(parts) => write_joined(f, parts, " or ", precedence::OR + 1),
            NodeKind::Binary {
                operator,
                left,
                right,
            } => {
                let own = operator.precedence();
                // Arithmetic groups from the left; comparisons do not chain at all.
                left.write(f, own + u8::from(own == precedence::COMPARISON))?;
                write!(f, " {} ", operator.name())?;
                right.write(f, own + 1)
            }
            NodeKind::In { of, set } => {
                of.write(f, precedence::SUM)?;
                write!(f, " in {set}")
            }
        }
    }
}

impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write(f, precedence::OR)
    }
}

impl Display for Set {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('[')?;
        let separator = |at: usize| if at == 0 { "" } else { ", " };
        match self {
            Self::Texts(texts) => {
                for (at, text) in texts.iter().enumerate() {
                    f.write_str(separator(at))?;
                    write_text(f, text)?;
                }
            }
            Self::Numbers(numbers) => {
                for (at, number) in numbers.iter().enumerate() {
                    write!(f, "{}{number:?}", separator(at))?;
                }
            }
        }
        f.write_char(']')
    }
}

fn write_joined(f: &mut Formatter<'_>, parts: &[Node], word: &str, least: u8) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(word)?;
        }
        part.write(f, least)?;
    }
    Ok(())
}

fn write_text(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            _ => f.write_char(c)?,
        }
    }
    f.write_char('"')
}
