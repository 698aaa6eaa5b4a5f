//! What a report shows, as plain numbers and words. What is empty is shown as such.

use crate::measure::bootstrap::Interval;
use crate::measure::calibration::ReliabilityBin;
use crate::measure::gains::GainsTable;

/// Everything on the page, in the order in which it stands there.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct ChurnReport {
    /// Heading of the page.
    pub title: String,
    /// What was measured: a label and its value, such as "as of" and a date.
    pub facts: Vec<(String, String)>,
    /// Whether probabilities mean what they say.
    pub reliability: Reliability,
    /// How many leavers a campaign to the customers at highest risk reaches.
    pub gains: Gains,
    /// How well each model ranked at each instant.
    pub folds: AucByFold,
    /// How the risk is spread today.
    pub risk: RiskDistribution,
    /// Where the risk is, by recency and frequency.
    pub rfm: RfmGrid,
    /// Any other numbers.
    pub tables: Vec<Table>,
    /// Sentences at the end.
    pub notes: Vec<String>,
}

/// The reliability table of one model with the spread of its probabilities.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Reliability {
    /// Bins by rising probability.
    pub bins: Vec<ReliabilityBin>,
    /// How many customers have which probability.
    pub scores: Histogram,
}

/// Counts of probabilities in bins of equal width over 0 to 1.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Histogram {
    /// Customers in each bin; bin `b` of `n` holds `[b / n, (b + 1) / n)`, the last one 1 too.
    pub counts: Vec<u64>,
}

impl Histogram {
    /// Counts probabilities in `bins` bins; what is no probability is left out.
    #[must_use]
    pub fn of(probabilities: &[f64], bins: usize) -> Self {
        let mut counts = vec![0; bins];
        for p in probabilities.iter().filter(|p| (0.0..=1.0).contains(*p)) {
            // Within 0 and `bins`, which a usize holds; 1 belongs to the last bin.
            let bin = ((p * bins as f64) as usize).min(bins.saturating_sub(1));
            if let Some(count) = counts.get_mut(bin) {
                *count += 1;
            }
        }
        Self { counts }
    }
}

/// Gains of one or more models on the same customers.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Gains {
    /// Share of the customers who are positive, for the line of the perfect ranking.
    pub positive_rate: f64,
    /// One line a model.
    pub lines: Vec<GainsLine>,
}

/// The gains of one model.
#[derive(Clone, PartialEq, Debug)]
pub struct GainsLine {
    /// Name of the model.
    pub model: String,
    /// Gini coefficient of the ranking, where there is one.
    pub gini: Option<f64>,
    /// Share of the customers contacted and share of the positives found, both rising from the highest scores on.
    pub points: Vec<(f64, f64)>,
}

impl GainsLine {
    /// The line of a gains table.
    #[must_use]
    pub fn of(model: &str, table: &GainsTable) -> Self {
        Self {
            model: model.to_owned(),
            gini: table.gini,
            points: table.deciles.iter().map(|d| (d.contacted, d.found)).collect(),
        }
    }
}

/// The AUC of each model at each instant.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct AucByFold {
    /// Models in the order of their colours; others follow in the order in which they first appear.
    pub models: Vec<String>,
    /// The instants, in the order in which they are shown.
    pub folds: Vec<FoldAucs>,
}

/// One instant.
#[derive(Clone, PartialEq, Debug)]
pub struct FoldAucs {
    /// Its name, such as a date.
    pub label: String,
    /// Each model's AUC; a model keeps its name, colour and place over all folds.
    pub models: Vec<ModelAuc>,
}

/// The AUC of one model at one instant.
#[derive(Clone, PartialEq, Debug)]
pub struct ModelAuc {
    /// Name of the model.
    pub model: String,
    /// The AUC.
    pub auc: f64,
    /// Its interval.
    pub interval: Interval,
}

/// How the risk is spread over customers.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct RiskDistribution {
    /// Customers by probability.
    pub scores: Histogram,
    /// A probability below this is low risk.
    pub low_below: f64,
    /// A probability above this is high risk.
    pub high_above: f64,
    /// Customers of low, medium and high risk.
    pub bands: [u64; 3],
}

impl RiskDistribution {
    /// Counts probabilities by per cent and by band.
    #[must_use]
    pub fn of(probabilities: &[f64], low_below: f64, high_above: f64) -> Self {
        let mut bands = [0; 3];
        for &p in probabilities.iter().filter(|p| (0.0..=1.0).contains(*p)) {
            let band = usize::from(p >= low_below) + usize::from(p > high_above);
            bands[band] += 1;
        }
        Self {
            scores: Histogram::of(probabilities, 100),
            low_below,
            high_above,
            bands,
        }
    }
}

/// Customers by recency and frequency: `cells[r][f]` with `r` from 0 (bought longest ago) to 4 (latest) and `f` from 0
/// (bought most seldom) to 4 (most often).
#[derive(Clone, Default, PartialEq, Debug)]
pub struct RfmGrid {
    /// Each cell, where it has customers.
    pub cells: [[Option<RfmCell>; 5]; 5],
}

/// The customers of one cell.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RfmCell {
    /// How many they are.
    pub customers: u64,
    /// Mean of their probabilities to churn.
    pub mean_risk: f64,
}

/// A table of words and numbers that are already written out.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Heads of the columns. The first column is words, the others are numbers.
    pub header: Vec<String>,
    /// Rows, each as long as the header.
    pub rows: Vec<Vec<String>>,
}
