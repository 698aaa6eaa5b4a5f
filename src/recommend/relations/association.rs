//! How strongly two things go together, from four counts.
//!
//! # Source
//! Dunning, "Accurate Methods for the Statistics of Surprise and Coincidence", Computational Linguistics 19(1), 1993.

/// How often two things were seen in `of` groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Together {
    /// Groups in which both are.
    pub both: f64,
    /// Groups in which the first is.
    pub first: f64,
    /// Groups in which the second is.
    pub second: f64,
    /// All groups.
    pub of: f64,
}

impl Together {
    /// Groups that would hold both if neither knew of the other: `n_a n_b / n`; 0 without a group.
    #[must_use]
    pub fn expected(&self) -> f64 {
        if self.of > 0.0 {
            self.first * self.second / self.of
        } else {
            0.0
        }
    }

    /// `n n_ab / (n_a n_b)`; 0 where nothing is expected.
    #[must_use]
    pub fn lift(&self) -> f64 {
        let expected = self.expected();
        if expected > 0.0 { self.both / expected } else { 0.0 }
    }

    /// `ln((n_ab + k) / (n_a n_b / n + k))`: pointwise mutual information, drawn towards 0 as if `k` more groups had been
    /// expected and found. `k` is above zero.
    #[must_use]
    pub fn shrunk_pmi(&self, k: f64) -> f64 {
        ((self.both + k) / (self.expected() + k)).ln()
    }

    /// Dunning's log-likelihood ratio of the 2 × 2 table, `2 Σ_ij k_ij ln(k_ij N / (row_i column_j))`; under independence
    /// a chi-squared variable with one degree of freedom, so that 10.83 is exceeded once in a thousand.
    #[must_use]
    pub fn log_likelihood_ratio(&self) -> f64 {
        let rows = [self.first, self.of - self.first];
        let columns = [self.second, self.of - self.second];
        let cells = [
            (self.both, 0, 0),
            (self.first - self.both, 0, 1),
            (self.second - self.both, 1, 0),
            (self.of - self.first - self.second + self.both, 1, 1),
        ];
        let term = |&(count, row, column): &(f64, usize, usize)| {
            if count > 0.0 {
                count * (count * self.of / (rows[row] * columns[column])).ln()
            } else {
                0.0
            }
        };
        // Rounding may leave a table of exact independence a hair below zero.
        (2.0 * cells.iter().map(term).sum::<f64>()).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_are_those_of_the_definition() {
        // The bigram "the swiss" of Dunning's table: 110 together, 2442 and 111 other, 29114 neither; 270.72 there.
        let swiss = Together {
            both: 110.0,
            first: 110.0 + 2442.0,
            second: 110.0 + 111.0,
            of: 110.0 + 2442.0 + 111.0 + 29114.0,
        };
        assert!(
            (swiss.log_likelihood_ratio() - 270.72).abs() < 0.01,
            "{}",
            swiss.log_likelihood_ratio()
        );
        let table = Together {
            both: 6.0,
            first: 10.0,
            second: 12.0,
            of: 100.0,
        };
        assert!((table.lift() - 5.0).abs() < 1e-12);
        assert!((table.shrunk_pmi(1.0) - (7.0f64 / 2.2).ln()).abs() < 1e-12);
    }

    #[test]
    fn independence_is_no_surprise_and_nothing_divides_by_nothing() {
        let table = Together {
            both: 6.0,
            first: 20.0,
            second: 30.0,
            of: 100.0,
        };
        assert!(table.log_likelihood_ratio() < 1e-9 && (table.lift() - 1.0).abs() < 1e-12);
        let none = Together {
            both: 0.0,
            first: 0.0,
            second: 0.0,
            of: 0.0,
        };
        assert!(
            none.lift() < 1e-12 && none.log_likelihood_ratio() < 1e-12 && none.shrunk_pmi(1.0).abs() < 1e-12
        );
        let all = Together {
            both: 5.0,
            first: 5.0,
            second: 5.0,
            of: 5.0,
        };
        assert!(all.log_likelihood_ratio() < 1e-12);
    }
}
