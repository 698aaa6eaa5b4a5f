//! All that a model of buying wants to know of a customer's purchases.

use super::BtydError;
use crate::history::PurchaseDay;

/// `(x, t_x, T)`: how often a customer came back, when last, and since when she can.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Summary {
    /// `x`: purchases after the first one.
    pub repeats: u32,
    /// `t_x`: time from the first purchase to the last one; 0 without repeats.
    pub recency: f64,
    /// `T`: time from the first purchase to today.
    pub age: f64,
}

impl Summary {
    /// The summary, in days, of ascending purchase days up to and including `today`; `None` without any.
    #[must_use]
    pub fn of(purchases: &[PurchaseDay], today: i32) -> Option<Self> {
        let until = purchases.partition_point(|purchase| purchase.day <= today);
        let (first, last) = (purchases.first()?, purchases[..until].last()?);
        Some(Self {
            // No customer has four billion purchase days.
            repeats: (until - 1) as u32,
            recency: f64::from(last.day) - f64::from(first.day),
            age: f64::from(today) - f64::from(first.day),
        })
    }

    fn is_possible(&self) -> bool {
        self.recency >= 0.0
            && self.recency <= self.age
            && self.age.is_finite()
            && (self.repeats > 0 || self.recency == 0.0)
    }

    fn place(&self) -> (u32, f64, f64) {
        (self.repeats, self.recency, self.age)
    }
}

/// Equal summaries and how many customers have them: shops count in days, so that many customers share one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Group {
    pub(super) summary: Summary,
    pub(super) customers: f64,
}

/// Checks summaries and groups them, ordered by repeats, recency and age: an order that their order does not change.
pub(super) fn groups(summaries: &[Summary]) -> Result<Vec<Group>, BtydError> {
    if let Some(at) = summaries.iter().position(|summary| !summary.is_possible()) {
        let (repeats, recency, age) = summaries[at].place();
        return Err(BtydError::BadSummary {
            at,
            repeats,
            recency,
            age,
        });
    }
    if !summaries
        .iter()
        .any(|summary| summary.repeats > 0 && summary.recency > 0.0)
    {
        return Err(BtydError::NoRepeats {
            customers: summaries.len(),
        });
    }
    let mut sorted = summaries.to_vec();
    sorted.sort_unstable_by(|a, b| {
        let ((x, t_x, t), (y, t_y, u)) = (a.place(), b.place());
        x.cmp(&y).then(t_x.total_cmp(&t_y)).then(t.total_cmp(&u))
    });
    let mut groups: Vec<Group> = Vec::new();
    for summary in sorted {
        match groups.last_mut() {
            Some(group) if group.summary == summary => group.customers += 1.0,
            _ => groups.push(Group {
                summary,
                customers: 1.0,
            }),
        }
    }
    Ok(groups)
}
