//! The names that an expression may use, and their types.

/// A fact that is a text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TextAttribute {
    /// The item's id.
    ItemId,
    /// The item's name.
    ItemTitle,
    /// The item's category path.
    ItemCategory,
    /// The last level of the item's category path.
    ItemLeaf,
    /// The id of the first item of the page or cart.
    ContextId,
    /// Its category path.
    ContextCategory,
    /// The last level of its category path.
    ContextLeaf,
    /// The customer's segment.
    CustomerSegment,
    /// The customer's stage of life.
    CustomerStage,
}

/// A fact that is a number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NumberAttribute {
    /// Price of one piece.
    ItemPrice,
    /// What one piece costs the shop.
    ItemCost,
    /// Price less cost.
    ItemMargin,
    /// Price less cost, as a share of the price.
    ItemMarginShare,
    /// Days since the item was first offered.
    ItemAgeDays,
    /// Price of the first item of the page or cart.
    ContextPrice,
    /// Its price less its cost.
    ContextMargin,
    /// How many items the page and the cart hold.
    ContextCount,
    /// How many orders the customer made.
    CustomerOrders,
    /// Days since the customer's last purchase.
    CustomerDaysSincePurchase,
    /// How likely the customer is to leave.
    CustomerChurnProbability,
    /// Where the customer's purchases lie among the prices of their categories, 0 to 1.
    CustomerPriceLevel,
}

/// A fact that holds or not, and is never missing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BooleanAttribute {
    /// Whether the item can be sold now.
    ItemAvailable,
    /// Whether the shop knows who asks.
    CustomerKnown,
}

/// A fact that an expression names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Attribute {
    /// A text.
    Text(TextAttribute),
    /// A number.
    Number(NumberAttribute),
    /// True or false.
    Boolean(BooleanAttribute),
}

impl Attribute {
    /// Every attribute with its name.
    pub const ALL: [(&'static str, Self); 23] = [
        ("item.id", Self::Text(TextAttribute::ItemId)),
        ("item.title", Self::Text(TextAttribute::ItemTitle)),
        ("item.category", Self::Text(TextAttribute::ItemCategory)),
        ("item.leaf", Self::Text(TextAttribute::ItemLeaf)),
        ("item.price", Self::Number(NumberAttribute::ItemPrice)),
        ("item.cost", Self::Number(NumberAttribute::ItemCost)),
        ("item.margin", Self::Number(NumberAttribute::ItemMargin)),
        (
            "item.margin_share",
            Self::Number(NumberAttribute::ItemMarginShare),
        ),
        ("item.available", Self::Boolean(BooleanAttribute::ItemAvailable)),
        ("item.age_days", Self::Number(NumberAttribute::ItemAgeDays)),
        ("context.id", Self::Text(TextAttribute::ContextId)),
        ("context.category", Self::Text(TextAttribute::ContextCategory)),
        ("context.leaf", Self::Text(TextAttribute::ContextLeaf)),
        ("context.price", Self::Number(NumberAttribute::ContextPrice)),
        ("context.margin", Self::Number(NumberAttribute::ContextMargin)),
        ("context.count", Self::Number(NumberAttribute::ContextCount)),
        ("customer.known", Self::Boolean(BooleanAttribute::CustomerKnown)),
        ("customer.orders", Self::Number(NumberAttribute::CustomerOrders)),
        (
            "customer.days_since_purchase",
            Self::Number(NumberAttribute::CustomerDaysSincePurchase),
        ),
        ("customer.segment", Self::Text(TextAttribute::CustomerSegment)),
        ("customer.stage", Self::Text(TextAttribute::CustomerStage)),
        (
            "customer.churn_probability",
            Self::Number(NumberAttribute::CustomerChurnProbability),
        ),
        (
            "customer.price_level",
            Self::Number(NumberAttribute::CustomerPriceLevel),
        ),
    ];

    /// The attribute of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|&(_, attribute)| attribute)
    }

    /// The name as an expression writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == self)
            .map_or("", |&(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_has_one_name() {
        for (name, attribute) in Attribute::ALL {
            assert_eq!(Attribute::find(name), Some(attribute));
            assert_eq!(attribute.name(), name);
        }
        assert_eq!(Attribute::find("item.colour"), None);
    }
}
