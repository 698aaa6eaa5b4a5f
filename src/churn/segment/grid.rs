//! How many customers there are of each recency and frequency, and how they fare: the numbers of a heat map.

use serde::Serialize;

use super::Rfm;

/// One customer of a grid.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct GridEntry {
    /// Her scores.
    pub rfm: Rfm,
    /// Her probability of churn; `None` where none is served.
    pub risk: Option<f64>,
    /// What she is worth; `None` where it is not known.
    pub value: Option<f64>,
}

/// The customers of one recency and frequency.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct GridCell {
    /// Recency score.
    pub recency: u8,
    /// Frequency score.
    pub frequency: u8,
    /// How many customers.
    pub customers: u64,
    /// Mean probability of churn of those who have one.
    pub mean_risk: Option<f64>,
    /// Sum of what those are worth of whom it is known.
    pub value: Option<f64>,
}

/// Customers by recency and frequency, all money scores together.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(transparent)]
pub struct RfmGrid {
    cells: Vec<GridCell>,
}

/// What a cell has summed up.
#[derive(Clone, Copy, Default)]
struct Sums {
    customers: u64,
    risks: u64,
    risk: f64,
    value: Option<f64>,
}

impl RfmGrid {
    /// The grid of these customers.
    #[must_use]
    pub fn of(entries: impl IntoIterator<Item = GridEntry>) -> Self {
        let mut sums = [Sums::default(); 25];
        for entry in entries {
            let sum = &mut sums[place(entry.rfm.recency, entry.rfm.frequency)];
            sum.customers += 1;
            if let Some(risk) = entry.risk {
                sum.risks += 1;
                sum.risk += risk;
            }
            if let Some(value) = entry.value {
                sum.value = Some(sum.value.unwrap_or(0.0) + value);
            }
        }
        let cells = (1..=5u8)
            .flat_map(|recency| (1..=5u8).map(move |frequency| (recency, frequency)))
            .zip(sums)
            .map(|((recency, frequency), sum)| GridCell {
                recency,
                frequency,
                customers: sum.customers,
                mean_risk: (sum.risks > 0).then(|| sum.risk / sum.risks as f64),
                value: sum.value,
            })
            .collect();
        Self { cells }
    }

    /// All 25 cells; recency ascends, and frequency within it.
    #[must_use]
    pub fn cells(&self) -> &[GridCell] {
        &self.cells
    }

    /// The cell of these scores, which are held within 1 to 5.
    #[must_use]
    pub fn cell(&self, recency: u8, frequency: u8) -> &GridCell {
        &self.cells[place(recency, frequency)]
    }
}

fn place(recency: u8, frequency: u8) -> usize {
    usize::from(recency.clamp(1, 5) - 1) * 5 + usize::from(frequency.clamp(1, 5) - 1)
}
