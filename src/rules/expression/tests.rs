use std::borrow::Cow;
use std::cell::Cell;

use crate::catalog::Item;
use crate::time::Timestamp;
use proptest::prelude::*;

use super::facts::is_under;
use super::syntax::{NodeKind, Operator, Set};
use super::*;

#[derive(Clone, Debug)]
struct Tin {
    id: String,
    item: Item,
    available: bool,
}

impl ItemFacts for Tin {
    fn id(&self) -> &str {
        &self.id
    }
    fn item(&self) -> &Item {
        &self.item
    }
    fn is_available(&self) -> bool {
        self.available
    }
}

#[derive(Debug, Default)]
struct Customer {
    orders: Option<f64>,
    segment: Option<&'static str>,
    asked: Cell<usize>,
}

impl CustomerFacts for Customer {
    fn is_known(&self) -> bool {
        true
    }
    fn orders(&self) -> Option<f64> {
        self.asked.set(self.asked.get() + 1);
        self.orders
    }
    fn segment(&self) -> Option<Cow<'static, str>> {
        self.segment.map(Cow::Borrowed)
    }
}

fn day(day: i64) -> Timestamp {
    Timestamp::from_micros(day * crate::time::MICROS_PER_DAY).unwrap()
}

fn tin() -> Tin {
    Tin {
        id: "T1".into(),
        item: Item {
            title: Some("Tin \"A\"".into()),
            category: Some("kitchen/baking/tins".into()),
            price: Some(10.0),
            cost: Some(4.0),
            launched_at: Some(day(90)),
            ..Item::default()
        },
        available: true,
    }
}

fn bare() -> Tin {
    Tin {
        id: "T2".into(),
        item: Item::default(),
        available: false,
    }
}

fn holds_for(text: &str, item: &Tin) -> bool {
    let page = Item {
        category: Some("kitchen/forks".into()),
        price: Some(8.0),
        cost: Some(7.0),
        ..Item::default()
    };
    let context = Context {
        first: Some(("F1", &page)),
        count: 2,
    };
    let customer = Customer {
        orders: Some(3.0),
        segment: Some("loyal"),
        ..Customer::default()
    };
    let scope = Scope::new(day(100), context, &customer);
    let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    expression.holds(item, &scope)
}

#[test]
fn every_operator_and_attribute_means_what_its_table_says() {
    for (text, expected) in [
        ("item.id = 'T1'", true),
        ("item.title = \"Tin \\\"A\\\"\"", true),
        ("item.category under 'kitchen/baking'", true),
        ("item.category under 'kitchen/'", true),
        ("item.category under 'kit'", false),
        ("item.category under ''", false),
        ("item.category under context.category", false),
        ("item.leaf = 'tins' and context.leaf = 'forks'", true),
        ("item.id starts_with 'T' and not item.id starts_with '1'", true),
        ("item.price < 10 or item.price > 10", false),
        ("item.price <= 10 and item.price >= 10 and item.price = 10", true),
        ("item.price != 10", false),
        ("item.cost = 4", true),
        ("item.margin = 6 and item.margin_share = 0.6", true),
        ("item.age_days = 10", true),
        ("item.available", true),
        ("item.available = false", false),
        ("item.available != (item.price > 3)", false),
        ("item.leaf in ['tins', \"forks\"]", true),
        ("item.leaf in ['forks']", false),
        ("item.price in [-1, 10]", true),
        ("-item.price in [-10]", true),
        ("item.price <= 1.2 * context.price", false),
        ("item.price <= 1.25e0 * context.price", true),
        (
            "context.id = 'F1' and context.margin = 1 and context.count = 2",
            true,
        ),
        ("customer.known and customer.orders = 3", true),
        ("customer.segment in ['loyal']", true),
        (
            "2 + 3 * 4 = 14 and (2 + 3) * 4 = 20 and 7 - 2 - 1 = 4 and 8 / 4 / 2 = 1",
            true,
        ),
        ("-2 * -3 = 6", true),
        ("true or item.price = 1 and false", true),
        ("not true or true", true),
        ("not (true or true)", false),
        ("has(item.price) and not has(customer.stage)", true),
    ] {
        assert_eq!(holds_for(text, &tin()), expected, "{text}");
    }
}

#[test]
fn a_comparison_with_a_missing_value_is_false_and_its_negation_true() {
    for comparison in [
        "item.price = 5",
        "item.price != 5",
        "item.price < 5",
        "item.price >= 5",
        "item.price + 1 > 0",
        "0 * item.price = 0",
        "item.price in [5]",
        "item.margin = item.margin",
        "item.leaf = ''",
        "item.leaf != 'tins'",
        "item.leaf in ['']",
        "item.category under ''",
        "item.title starts_with ''",
        "item.age_days > -1000",
        "customer.price_level != 2",
        "customer.days_since_purchase < 1000",
        "customer.stage != 'x'",
        "has(item.price)",
        "1 / 0 > 0",
        "1 / 0 != 0",
        "context.count / (context.count - 2) != 1",
        "1e308 * 10 > 1",
    ] {
        assert!(!holds_for(comparison, &bare()), "{comparison}");
        assert!(
            holds_for(&format!("not ({comparison})"), &bare()),
            "not {comparison}"
        );
    }
}

#[test]
fn without_a_page_the_context_is_missing_and_its_count_is_zero() {
    let scope = Scope::new(day(0), Context::default(), &Anonymous);
    let holds = |text: &str| Expression::parse(text).unwrap().holds(&tin(), &scope);
    assert!(holds(
        "context.count = 0 and not has(context.price) and not customer.known"
    ));
    assert!(!holds("item.price <= 1.6 * context.price"));
}

#[test]
fn a_fact_of_the_customer_is_asked_for_once_and_only_when_needed() {
    let customer = Customer::default();
    let scope = Scope::new(day(0), Context::default(), &customer);
    let expression = Expression::parse("item.available and customer.orders > 2").unwrap();
    assert!(!expression.holds(&bare(), &scope));
    assert_eq!(customer.asked.get(), 0);
    for _ in 0..3 {
        assert!(!expression.holds(&tin(), &scope));
    }
    assert_eq!(customer.asked.get(), 1);
}

#[test]
fn constants_are_folded() {
    for (text, constant) in [
        ("1 + 2 = 3", Some(true)),
        ("1 / 0 = 3", Some(false)),
        ("item.price = 1 / 0", Some(false)),
        ("not (false or 'a' starts_with 'b')", Some(true)),
        ("item.available and false", Some(false)),
        ("item.available or has(item.available)", Some(true)),
        ("2 in [1, 2] and 'a' in ['a'] and true", Some(true)),
        ("item.available and true", None),
        ("item.price < 1.6 * 2", None),
    ] {
        assert_eq!(Expression::parse(text).unwrap().constant(), constant, "{text}");
    }
    let folded = Expression::parse("true and item.price < 1.5 * 2 and not false").unwrap();
    let plain = Expression::parse("item.price < 3").unwrap();
    assert_eq!(folded.condition, plain.condition);
}

#[test]
fn a_bad_expression_shows_its_place_and_what_may_be_meant() {
    let refused = |text: &str| Expression::parse(text).unwrap_err();
    for (text, position, message, suggestion) in [
        (
            "item.prise > 3",
            0,
            "there is no attribute `item.prise`",
            Some("item.price"),
        ),
        (
            "price > 3",
            0,
            "there is no attribute `price`",
            Some("item.price"),
        ),
        ("has(item.colour)", 4, "there is no attribute `item.colour`", None),
        (
            "item.price == 3",
            11,
            "expected an operator or the end of the expression, found `==`",
            Some("="),
        ),
        ("item.available && true", 15, "found `&&`", Some("and")),
        ("item.available AND true", 15, "found `AND`", Some("and")),
        (
            "item.id start_with 'a'",
            8,
            "found `start_with`",
            Some("starts_with"),
        ),
        ("item.id not in ['a']", 8, "found `not`", Some("not … in […]")),
        ("1 < item.price < 3", 15, "comparisons do not chain", None),
        (
            "item.price",
            0,
            "this is a number, and a condition is true or false",
            None,
        ),
        (
            "item.price and true",
            0,
            "`and` takes true or false, and this is a number",
            None,
        ),
        (
            "true and (item.id)",
            10,
            "`and` takes true or false, and this is a text",
            None,
        ),
        ("item.id < 'b'", 0, "`<` takes numbers, and this is a text", None),
        (
            "item.id + 1 = 2",
            0,
            "`+` takes numbers, and this is a text",
            None,
        ),
        (
            "item.price under 'a'",
            0,
            "`under` takes texts, and this is a number",
            None,
        ),
        (
            "item.price = 'a'",
            13,
            "the left of `=` is a number, and this is a text",
            None,
        ),
        ("false and item.price = 'a'", 23, "the left of `=`", None),
        (
            "item.price in ['a']",
            0,
            "this set takes texts, and this is a number",
            None,
        ),
        (
            "item.price in [1, 'a']",
            18,
            "a set holds texts or numbers, not both",
            None,
        ),
        (
            "item.price in []",
            15,
            "expected a text or a number, found `]`",
            None,
        ),
        (
            "item.price in [1 2]",
            17,
            "expected `]`, found the number 2",
            None,
        ),
        ("(item.available", 15, "expected `)`, found the end", None),
        (
            "item.available)",
            14,
            "expected an operator or the end of the expression, found `)`",
            None,
        ),
        ("item.id = 'a", 10, "this text lacks its closing '", None),
        ("item.id = 'a\\q'", 12, "a backslash stands before", None),
        ("item.price > 3 € 4", 15, "'€' means nothing here", None),
        ("item.price > 1e999", 13, "this number is too large", None),
        (
            "",
            0,
            "expected an attribute, a number, a text, `not` or `(`, found the end",
            None,
        ),
    ] {
        let error = refused(text);
        assert_eq!(error.position, position, "{text}: {error}");
        assert!(error.message.contains(message), "{text}: {error}");
        assert_eq!(error.suggestion.as_deref(), suggestion, "{text}: {error}");
    }
    assert_eq!(
        refused("item.available and\n  item.prise > 3").to_string(),
        "line 2, column 3: there is no attribute `item.prise`; did you mean `item.price`?\n\u{20} item.prise > 3\n  \
         ^^^^^^^^^^"
    );
}

#[test]
fn limits_hold_without_exhausting_the_stack() {
    let message = |text: &str| Expression::parse(text).unwrap_err().message;
    let nested = |depth: usize| format!("{}true{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(Expression::parse(&nested(63)).unwrap().constant(), Some(true));
    assert!(message(&nested(64)).starts_with("more than 64 levels"));
    assert!(message(&nested(2_000)).starts_with("more than 64 levels"));
    assert!(message(&nested(10_000)).contains("has 20004"));
    // Without the limit of length, depth alone holds.
    let error = parser::parse(&nested(10_000)).unwrap_err();
    assert_eq!(error.position, 64);
    assert!(parser::parse(&"not ".repeat(10_000)).is_err());
    assert!(parser::parse(&format!("1 = {}1", "-".repeat(10_000))).is_err());
    assert!(parser::parse(&format!("1 = 1{}", " + 1".repeat(10_000))).is_err());
    // What only goes on is not deep.
    let long = vec!["true"; 500].join(" and ");
    assert_eq!(Expression::parse(&long).unwrap().constant(), Some(true));

    let set = |n: usize| format!("item.price in [{}]", vec!["1"; n].join(","));
    assert!(Expression::parse(&set(MAX_SET)).is_ok());
    assert!(message(&set(MAX_SET + 1)).starts_with("a set holds at most 500"));
    let padded = format!("true{}", " ".repeat(MAX_BYTES - 4));
    assert!(Expression::parse(&padded).is_ok());
    assert!(message(&format!("{padded}ü")).starts_with("an expression has at most 5000 bytes"));
}

/// What a part is worth, worked out anew from the tree.
#[derive(Clone, PartialEq, Debug)]
enum Value {
    Missing,
    Number(f64),
    Text(String),
    Boolean(bool),
}

fn looked_up(attribute: Attribute, item: &Tin, scope: &Scope<'_>) -> Value {
    match attribute {
        Attribute::Text(text) => scope
            .text(text, item)
            .map_or(Value::Missing, |text| Value::Text(text.to_owned())),
        Attribute::Number(number) => scope.number(number, item).map_or(Value::Missing, Value::Number),
        Attribute::Boolean(boolean) => Value::Boolean(scope.boolean(boolean, item)),
    }
}

fn evaluated(node: &Node, item: &Tin, scope: &Scope<'_>) -> Value {
    let value = |node: &Node| evaluated(node, item, scope);
    let is_true = |node: &Node| value(node) == Value::Boolean(true);
    let finite = |number: f64| {
        if number.is_finite() {
            Value::Number(number)
        } else {
            Value::Missing
        }
    };
    match &node.kind {
        NodeKind::Number(number) => Value::Number(*number),
        NodeKind::Text(text) => Value::Text(text.clone()),
        NodeKind::Boolean(boolean) => Value::Boolean(*boolean),
        NodeKind::Attribute(attribute) => looked_up(*attribute, item, scope),
        NodeKind::Has(attribute) => Value::Boolean(looked_up(*attribute, item, scope) != Value::Missing),
        NodeKind::Not(of) => Value::Boolean(!is_true(of)),
        NodeKind::Negative(of) => match value(of) {
            Value::Number(number) => Value::Number(-number),
            _ => Value::Missing,
        },
        NodeKind::All(parts) => Value::Boolean(parts.iter().all(is_true)),
        NodeKind::Any(parts) => Value::Boolean(parts.iter().any(is_true)),
        NodeKind::In { of, set } => Value::Boolean(match (value(of), set) {
            (Value::Number(number), Set::Numbers(set)) => set.contains(&number),
            (Value::Text(text), Set::Texts(set)) => set.contains(&text),
            _ => false,
        }),
        NodeKind::Binary {
            operator,
            left,
            right,
        } => match (operator, value(left), value(right)) {
            (Operator::Plus, Value::Number(a), Value::Number(b)) => finite(a + b),
            (Operator::Minus, Value::Number(a), Value::Number(b)) => finite(a - b),
            (Operator::Times, Value::Number(a), Value::Number(b)) => finite(a * b),
            (Operator::Over, Value::Number(a), Value::Number(b)) => finite(a / b),
            (Operator::Plus | Operator::Minus | Operator::Times | Operator::Over, _, _) => Value::Missing,
            (_, Value::Missing, _) | (_, _, Value::Missing) => Value::Boolean(false),
            (Operator::Equal, a, b) => Value::Boolean(a == b),
            (Operator::NotEqual, a, b) => Value::Boolean(a != b),
            (Operator::Less, Value::Number(a), Value::Number(b)) => Value::Boolean(a < b),
            (Operator::AtMost, Value::Number(a), Value::Number(b)) => Value::Boolean(a <= b),
            (Operator::More, Value::Number(a), Value::Number(b)) => Value::Boolean(a > b),
            (Operator::AtLeast, Value::Number(a), Value::Number(b)) => Value::Boolean(a >= b),
            (Operator::Under, Value::Text(a), Value::Text(b)) => Value::Boolean(is_under(&a, &b)),
            (Operator::StartsWith, Value::Text(a), Value::Text(b)) => Value::Boolean(a.starts_with(&b)),
            (operator, a, b) => panic!("{a:?} {} {b:?} passed the check of types", operator.name()),
        },
    }
}

fn node(kind: NodeKind) -> Node {
    Node::new(kind, 0..0)
}

fn binary(operator: Operator, left: Node, right: Node) -> Node {
    node(NodeKind::Binary {
        operator,
        left: Box::new(left),
        right: Box::new(right),
    })
}

fn attributes(wanted: fn(&Attribute) -> bool) -> impl Strategy<Value = Attribute> {
    let all = Attribute::ALL.map(|(_, attribute)| attribute);
    prop::sample::select(all.into_iter().filter(wanted).collect::<Vec<_>>())
}

fn operators(from: usize, to: usize) -> impl Strategy<Value = Operator> {
    prop::sample::select(Operator::ALL[from..to].to_vec())
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec!["", "a", "b", "a/b", "T1", "a/", "loyal"]).prop_map(str::to_owned),
        1 => "[a-c/\\\\\"'\n\t é]{0,4}",
    ]
}

fn numbers() -> impl Strategy<Value = f64> {
    prop_oneof![
        prop::sample::select(vec![0.0, 1.0, 2.0, 0.5, 10.0, 1e300, 1e-300]),
        0.0..1e6,
    ]
}

fn quantity() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        numbers().prop_map(|number| node(NodeKind::Number(number))),
        attributes(|a| matches!(a, Attribute::Number(_))).prop_map(|a| node(NodeKind::Attribute(a))),
    ];
    leaf.prop_recursive(4, 12, 2, |inner| {
        prop_oneof![
            inner
                .clone()
                .prop_map(|of| node(NodeKind::Negative(Box::new(of)))),
            (operators(8, 12), inner.clone(), inner).prop_map(|(o, a, b)| binary(o, a, b)),
        ]
    })
}

fn name() -> impl Strategy<Value = Node> {
    prop_oneof![
        texts().prop_map(|text| node(NodeKind::Text(text))),
        attributes(|a| matches!(a, Attribute::Text(_))).prop_map(|a| node(NodeKind::Attribute(a))),
    ]
}

fn condition() -> impl Strategy<Value = Node> {
    let of_set = |of: Node, set| {
        node(NodeKind::In {
            of: Box::new(of),
            set,
        })
    };
    let signed = (numbers(), any::<bool>()).prop_map(|(n, negative)| if negative { -n } else { n });
    let leaf = prop_oneof![
        any::<bool>().prop_map(|boolean| node(NodeKind::Boolean(boolean))),
        attributes(|a| matches!(a, Attribute::Boolean(_))).prop_map(|a| node(NodeKind::Attribute(a))),
        attributes(|_| true).prop_map(|a| node(NodeKind::Has(a))),
        (operators(0, 6), quantity(), quantity()).prop_map(|(o, a, b)| binary(o, a, b)),
        (operators(6, 8), name(), name()).prop_map(|(o, a, b)| binary(o, a, b)),
        (operators(0, 2), name(), name()).prop_map(|(o, a, b)| binary(o, a, b)),
        (quantity(), prop::collection::vec(signed, 1..4))
            .prop_map(move |(of, set)| of_set(of, Set::Numbers(set))),
        (name(), prop::collection::vec(texts(), 1..7)).prop_map(move |(of, set)| of_set(of, Set::Texts(set))),
    ];
    leaf.prop_recursive(5, 24, 3, |inner| {
        let parts = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            inner.clone().prop_map(|of| node(NodeKind::Not(Box::new(of)))),
            parts.clone().prop_map(|parts| node(NodeKind::All(parts))),
            parts.prop_map(|parts| node(NodeKind::Any(parts))),
            (operators(0, 2), inner.clone(), inner).prop_map(|(o, a, b)| binary(o, a, b)),
        ]
    })
}

fn items() -> impl Strategy<Value = Tin> {
    let number = || prop::option::of(prop::sample::select(vec![0.0, 1.0, 2.0, 10.0]));
    let text = || prop::option::of(prop::sample::select(vec!["a", "a/b", "a/b/c", "b", ""]));
    let launch = prop::option::of(0_i64..200);
    (number(), number(), text(), text(), any::<bool>(), launch).prop_map(
        |(price, cost, category, title, available, launched)| Tin {
            id: "T1".into(),
            item: Item {
                title: title.map(Into::into),
                category: category.map(Into::into),
                price,
                cost,
                available,
                launched_at: launched.map(day),
            },
            available,
        },
    )
}

proptest! {
    #[test]
    fn evaluation_equals_the_tree_worked_out_plainly(
        tree in condition(),
        item in items(),
        page in prop::option::of(items()),
        orders in prop::option::of(0..3_u8),
    ) {
        let customer = Customer { orders: orders.map(f64::from), segment: Some("loyal"), ..Customer::default() };
        let first = page.as_ref().map(|page| (page.id.as_str(), &page.item));
        let scope = Scope::new(day(100), Context { first, count: usize::from(first.is_some()) }, &customer);
        let compiled = check::compile("", &tree).unwrap();
        prop_assert_eq!(Value::Boolean(compiled.holds(&item, &scope)), evaluated(&tree, &item, &scope));
    }

    #[test]
    fn what_is_shown_reads_back_as_the_same(tree in condition()) {
        let shown = tree.to_string();
        let read = parser::parse(&shown).map_err(|error| TestCaseError::fail(format!("{shown}\n{error}")))?;
        prop_assert_eq!(&read, &tree, "{}", shown);
        prop_assert_eq!(read.to_string(), shown);
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _ = Expression::parse(&text);
    }

    #[test]
    fn no_sequence_of_words_makes_it_panic(words in prop::collection::vec(
        prop::sample::select(vec![
            "and", "or", "not", "in", "under", "starts_with", "has", "(", ")", "[", "]", ",", "=", "<", "-", "*", "/",
            "'a'", "\"", "1", "1e", "é", "item.price", "item.id", "item.available", "\\", "true", "\n",
        ]), 0..40,
    )) {
        if let Err(error) = Expression::parse(&words.join(" ")) {
            prop_assert!(error.position <= words.join(" ").len());
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
