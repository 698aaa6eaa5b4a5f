//! Named segments of customers by their RFM scores.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Rfm;

/// A sort of customers by recency, frequency and money; [`SEGMENTS`] says which scores each has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// Bought lately, often and much.
    Champions,
    /// Buy often, the last time not long ago.
    Loyal,
    /// Bought lately, and more than the least.
    PotentialLoyalist,
    /// Bought just now, and little so far.
    New,
    /// Came lately, and may become loyal.
    Promising,
    /// Middling in everything.
    NeedsAttention,
    /// Bought little, and not lately.
    AboutToSleep,
    /// Were among the best, and have not come for long.
    CannotLose,
    /// Bought often and much, but not lately.
    AtRisk,
    /// Bought little, and long ago.
    Hibernating,
    /// Bought little, and longest ago.
    Lost,
}

/// What a segment is, for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct SegmentRule {
    /// The segment.
    pub segment: Segment,
    /// Its name in files.
    pub code: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// Lowest and highest recency score.
    pub recency: (u8, u8),
    /// Lowest and highest [`Rfm::value`].
    pub value: (u8, u8),
    /// The rule in words.
    pub rule: &'static str,
    /// What to do first.
    pub action: &'static str,
}

/// All segments, the best first, in the order of [`Segment`].
pub const SEGMENTS: [SegmentRule; 11] = [
    SegmentRule {
        segment: Segment::Champions,
        code: "champions",
        label: "Champions",
        recency: (5, 5),
        value: (4, 5),
        rule: "bought lately, often and much",
        action: "thank them with early access instead of a discount; ask for reviews",
    },
    SegmentRule {
        segment: Segment::Loyal,
        code: "loyal",
        label: "Loyal",
        recency: (3, 4),
        value: (4, 5),
        rule: "buy often, the last time not long ago",
        action: "offer what goes with what they buy, and a loyalty programme",
    },
    SegmentRule {
        segment: Segment::PotentialLoyalist,
        code: "potential_loyalist",
        label: "Potential loyalists",
        recency: (4, 5),
        value: (2, 3),
        rule: "bought lately, and more than the least",
        action: "recommend the next purchase while the last one is fresh",
    },
    SegmentRule {
        segment: Segment::New,
        code: "new",
        label: "New",
        recency: (5, 5),
        value: (1, 1),
        rule: "bought just now, and little so far",
        action: "welcome them and help with the first order",
    },
    SegmentRule {
        segment: Segment::Promising,
        code: "promising",
        label: "Promising",
        recency: (4, 4),
        value: (1, 1),
        rule: "came lately, and may become loyal",
        action: "show them the range, so that a second order follows",
    },
    SegmentRule {
        segment: Segment::NeedsAttention,
        code: "needs_attention",
        label: "Need attention",
        recency: (3, 3),
        value: (3, 3),
        rule: "middling in everything",
        action: "send a reminder with what is new in their categories",
    },
    SegmentRule {
        segment: Segment::AboutToSleep,
        code: "about_to_sleep",
        label: "About to sleep",
        recency: (3, 3),
        value: (1, 2),
        rule: "bought little, and not lately",
        action: "send a reminder with popular items, without a discount",
    },
    SegmentRule {
        segment: Segment::CannotLose,
        code: "cannot_lose",
        label: "Cannot lose",
        recency: (1, 2),
        value: (5, 5),
        rule: "were among the best, and have not come for long",
        action: "approach them in person and ask what went wrong",
    },
    SegmentRule {
        segment: Segment::AtRisk,
        code: "at_risk",
        label: "At risk",
        recency: (1, 2),
        value: (3, 4),
        rule: "bought often and much, but not lately",
        action: "make an offer where the retention plan says that it pays",
    },
    SegmentRule {
        segment: Segment::Hibernating,
        code: "hibernating",
        label: "Hibernating",
        recency: (2, 2),
        value: (1, 2),
        rule: "bought little, and long ago",
        action: "write at the season's start, at no cost but the contact",
    },
    SegmentRule {
        segment: Segment::Lost,
        code: "lost",
        label: "Lost",
        recency: (1, 1),
        value: (1, 2),
        rule: "bought little, and longest ago",
        action: "spend nothing on them",
    },
];

impl Segment {
    /// The segment of these scores.
    #[must_use]
    pub fn of(rfm: Rfm) -> Self {
        let value = rfm.value();
        match rfm.recency {
            5.. => match value {
                4.. => Self::Champions,
                2..=3 => Self::PotentialLoyalist,
                _ => Self::New,
            },
            4 => match value {
                4.. => Self::Loyal,
                2..=3 => Self::PotentialLoyalist,
                _ => Self::Promising,
            },
            3 => match value {
                4.. => Self::Loyal,
                3 => Self::NeedsAttention,
                _ => Self::AboutToSleep,
            },
            recency => match value {
                5.. => Self::CannotLose,
                3..=4 => Self::AtRisk,
                _ if recency == 2 => Self::Hibernating,
                _ => Self::Lost,
            },
        }
    }

    /// What the segment is, for people.
    #[must_use]
    pub fn rule(self) -> &'static SegmentRule {
        &SEGMENTS[self as usize]
    }

    /// Its name in files.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.rule().code
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
