//! From a tree to its compiled form: types are checked, constants are folded.

use super::attribute::Attribute;
use super::condition::{Arithmetic, Condition, Name, NumberTest, Quantity, TextTest, shorter_first};
use super::error::ExpressionError;
use super::syntax::{Node, NodeKind, Operator, Set};

/// The condition that a tree states.
pub(super) fn compile(source: &str, node: &Node) -> Result<Condition, ExpressionError> {
    Check { source }.condition(node)
}

/// A part with its type.
enum Typed {
    Condition(Condition),
    Quantity(Quantity),
    Name(Name),
}

impl Typed {
    fn kind(&self) -> &'static str {
        match self {
            Self::Condition(_) => "true or false",
            Self::Quantity(_) => "a number",
            Self::Name(_) => "a text",
        }
    }
}

/// What an operator does with its operands.
enum Meaning {
    Arithmetic(Arithmetic),
    Equality { numbers: NumberTest, texts: TextTest },
    Order(NumberTest),
    Path(TextTest),
}

impl Operator {
    fn meaning(self) -> Meaning {
        match self {
            Self::Equal => Meaning::Equality {
                numbers: NumberTest::Equal,
                texts: TextTest::Equal,
            },
            Self::NotEqual => Meaning::Equality {
                numbers: NumberTest::NotEqual,
                texts: TextTest::NotEqual,
            },
            Self::Less => Meaning::Order(NumberTest::Less),
            Self::AtMost => Meaning::Order(NumberTest::AtMost),
            Self::More => Meaning::Order(NumberTest::More),
            Self::AtLeast => Meaning::Order(NumberTest::AtLeast),
            Self::Under => Meaning::Path(TextTest::Under),
            Self::StartsWith => Meaning::Path(TextTest::StartsWith),
            Self::Plus => Meaning::Arithmetic(Arithmetic::Plus),
            Self::Minus => Meaning::Arithmetic(Arithmetic::Minus),
            Self::Times => Meaning::Arithmetic(Arithmetic::Times),
            Self::Over => Meaning::Arithmetic(Arithmetic::Over),
        }
    }
}

struct Check<'a> {
    source: &'a str,
}

impl Check<'_> {
    fn mismatch(&self, node: &Node, asker: &str, wanted: &str, found: &Typed) -> ExpressionError {
        let message = format!("{asker} takes {wanted}, and this is {}", found.kind());
        ExpressionError::new(self.source, node.span.clone(), message)
    }

    fn condition(&self, node: &Node) -> Result<Condition, ExpressionError> {
        self.condition_for("a condition", node)
    }

    fn condition_for(&self, asker: &str, node: &Node) -> Result<Condition, ExpressionError> {
        match self.typed(node)? {
            Typed::Condition(condition) => Ok(condition),
            found if asker == "a condition" => {
                let message = format!("this is {}, and a condition is true or false", found.kind());
                Err(ExpressionError::new(self.source, node.span.clone(), message))
            }
            found => Err(self.mismatch(node, asker, "true or false", &found)),
        }
    }

    fn quantity(&self, asker: &str, node: &Node) -> Result<Quantity, ExpressionError> {
        match self.typed(node)? {
            Typed::Quantity(quantity) => Ok(quantity),
            found => Err(self.mismatch(node, asker, "numbers", &found)),
        }
    }

    fn name(&self, asker: &str, node: &Node) -> Result<Name, ExpressionError> {
        match self.typed(node)? {
            Typed::Name(name) => Ok(name),
            found => Err(self.mismatch(node, asker, "texts", &found)),
        }
    }

    fn typed(&self, node: &Node) -> Result<Typed, ExpressionError> {
        Ok(match &node.kind {
            NodeKind::Number(number) => Typed::Quantity(Quantity::Constant(Some(*number))),
            NodeKind::Text(text) => Typed::Name(Name::Constant(text.as_str().into())),
            NodeKind::Boolean(boolean) => Typed::Condition(Condition::Constant(*boolean)),
            NodeKind::Attribute(Attribute::Text(attribute)) => Typed::Name(Name::Fact(*attribute)),
            NodeKind::Attribute(Attribute::Number(attribute)) => Typed::Quantity(Quantity::Fact(*attribute)),
            NodeKind::Attribute(Attribute::Boolean(attribute)) => {
                Typed::Condition(Condition::Fact(*attribute))
            }
            NodeKind::Has(Attribute::Boolean(_)) => Typed::Condition(Condition::Constant(true)),
            NodeKind::Has(attribute) => Typed::Condition(Condition::Has(*attribute)),
            NodeKind::Not(of) => Typed::Condition(match self.condition_for("`not`", of)? {
                Condition::Constant(constant) => Condition::Constant(!constant),
                of => Condition::Not(Box::new(of)),
            }),
            NodeKind::Negative(of) => {
                let zero = Quantity::Constant(Some(0.0));
                Typed::Quantity(arithmetic(Arithmetic::Minus, zero, self.quantity("`-`", of)?))
            }
            NodeKind::All(parts) => Typed::Condition(self.joined("`and`", parts, true)?),
            NodeKind::Any(parts) => Typed::Condition(self.joined("`or`", parts, false)?),
            NodeKind::Binary {
                operator,
                left,
                right,
            } => self.binary(*operator, left, right)?,
            NodeKind::In { of, set } => Typed::Condition(self.membership(of, set)?),
        })
    }

    /// `and` is decided by a part that does not hold, `or` by one that does: by the opposite of what `neutral` says.
    fn joined(&self, asker: &str, parts: &[Node], neutral: bool) -> Result<Condition, ExpressionError> {
        let mut kept = Vec::with_capacity(parts.len());
        let mut decided = false;
        for part in parts {
            // Every part is checked, also behind one that decides.
            match self.condition_for(asker, part)? {
                Condition::Constant(constant) => decided |= constant != neutral,
                part => kept.push(part),
            }
        }
        Ok(if decided || kept.is_empty() {
            Condition::Constant(neutral != decided)
        } else if kept.len() == 1 {
            kept.remove(0)
        } else if neutral {
            Condition::All(kept.into())
        } else {
            Condition::Any(kept.into())
        })
    }

    fn binary(&self, operator: Operator, left: &Node, right: &Node) -> Result<Typed, ExpressionError> {
        let asker = format!("`{}`", operator.name());
        Ok(match operator.meaning() {
            Meaning::Arithmetic(kind) => Typed::Quantity(arithmetic(
                kind,
                self.quantity(&asker, left)?,
                self.quantity(&asker, right)?,
            )),
            Meaning::Order(test) => {
                let left = self.quantity(&asker, left)?;
                Typed::Condition(compared(test, left, self.quantity(&asker, right)?))
            }
            Meaning::Path(test) => {
                let left = self.name(&asker, left)?;
                Typed::Condition(matched(test, left, self.name(&asker, right)?))
            }
            Meaning::Equality { numbers, texts } => {
                let right_node = right;
                let mixed = |wanted: &Typed, found: &Typed| {
                    let message = format!(
                        "the left of {asker} is {}, and this is {}",
                        wanted.kind(),
                        found.kind()
                    );
                    ExpressionError::new(self.source, right_node.span.clone(), message)
                };
                Typed::Condition(match (self.typed(left)?, self.typed(right)?) {
                    (Typed::Quantity(left), Typed::Quantity(right)) => compared(numbers, left, right),
                    (Typed::Name(left), Typed::Name(right)) => matched(texts, left, right),
                    (Typed::Condition(left), Typed::Condition(right)) => {
                        alike(left, right, numbers == NumberTest::Equal)
                    }
                    (left, right) => return Err(mixed(&left, &right)),
                })
            }
        })
    }

    fn membership(&self, of: &Node, set: &Set) -> Result<Condition, ExpressionError> {
        Ok(match set {
            Set::Texts(texts) => {
                let of = self.name("this set", of)?;
                let mut set: Vec<Box<str>> = texts.iter().map(|text| text.as_str().into()).collect();
                set.sort_unstable_by(|a, b| shorter_first(a, b));
                set.dedup();
                match of {
                    Name::Constant(text) => Condition::Constant(set.contains(&text)),
                    Name::Fact(_) => Condition::TextIn(of, set.into()),
                }
            }
            Set::Numbers(numbers) => {
                let of = self.quantity("this set", of)?;
                // Adding zero makes a negative zero positive: the two are one number.
                let mut set: Vec<f64> = numbers.iter().map(|number| number + 0.0).collect();
                set.sort_unstable_by(f64::total_cmp);
                match of {
                    Quantity::Constant(number) => {
                        Condition::Constant(number.is_some_and(|number| set.contains(&number)))
                    }
                    _ => Condition::NumberIn(of, set.into()),
                }
            }
        })
    }
}

fn arithmetic(kind: Arithmetic, left: Quantity, right: Quantity) -> Quantity {
    match (&left, &right) {
        (Quantity::Constant(left), Quantity::Constant(right)) => {
            let result = left.zip(*right).and_then(|(left, right)| kind.of(left, right));
            Quantity::Constant(result)
        }
        (Quantity::Constant(None), _) | (_, Quantity::Constant(None)) => Quantity::Constant(None),
        _ => Quantity::Arithmetic(kind, Box::new(left), Box::new(right)),
    }
}

fn compared(test: NumberTest, left: Quantity, right: Quantity) -> Condition {
    match (&left, &right) {
        (Quantity::Constant(left), Quantity::Constant(right)) => {
            let both = left.zip(*right);
            Condition::Constant(both.is_some_and(|(left, right)| test.holds(left, right)))
        }
        (Quantity::Constant(None), _) | (_, Quantity::Constant(None)) => Condition::Constant(false),
        _ => Condition::Numbers(test, left, right),
    }
}

fn matched(test: TextTest, left: Name, right: Name) -> Condition {
    match (&left, &right) {
        (Name::Constant(left), Name::Constant(right)) => Condition::Constant(test.holds(left, right)),
        _ => Condition::Texts(test, left, right),
    }
}

fn alike(left: Condition, right: Condition, equal: bool) -> Condition {
    let negated = |condition: Condition| match condition {
        Condition::Constant(constant) => Condition::Constant(!constant),
        other => Condition::Not(Box::new(other)),
    };
    let alike = match (left, right) {
        (Condition::Constant(constant), other) | (other, Condition::Constant(constant)) => {
            return if constant == equal { other } else { negated(other) };
        }
        (left, right) => Condition::Alike(Box::new(left), Box::new(right)),
    };
    if equal { alike } else { negated(alike) }
}
