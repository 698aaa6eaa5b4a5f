//! What an offer to one customer costs and earns.

/// The terms of an offer.
///
/// A would-be churner takes it with probability γ (`acceptance`) and stays, which brings `V − d − f`; or she leaves all
/// the same and costs the contact `f`. A customer who would have stayed takes it for certain and costs `d + f`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Terms {
    /// Cost of an offer that is taken, `d`.
    pub offer_cost: f64,
    /// Cost of reaching a customer, `f`.
    pub contact_cost: f64,
    /// Share of would-be churners whom the offer keeps, `γ`.
    pub acceptance: f64,
}

impl Terms {
    /// Expected cost of treating a customer who leaves with probability `p`: `c = f + d (p γ + 1 − p)`.
    ///
    /// Above zero, as γ is and not both costs are zero.
    #[must_use]
    pub fn cost(&self, p: f64) -> f64 {
        self.contact_cost + self.offer_cost * (p * self.acceptance + 1.0 - p)
    }

    /// Expected profit of treating a customer who leaves with probability `p` and is worth `value` when she stays:
    /// `EV = p γ (V − d) − p f − (1 − p)(d + f) = p γ V − c`.
    #[must_use]
    pub fn profit(&self, p: f64, value: f64) -> f64 {
        self.saved(p) * value - self.cost(p)
    }

    /// Chance that a customer who leaves with probability `p` stays because of the offer: `p γ`.
    #[must_use]
    pub fn saved(&self, p: f64) -> f64 {
        p * self.acceptance
    }

    /// What a treated customer costs at most: `d + f`.
    #[must_use]
    pub fn worst_cost(&self) -> f64 {
        self.offer_cost + self.contact_cost
    }

    /// The probability of leaving above which an offer to a customer of this value earns more than it costs:
    /// `p* = (d + f) / (γ (V − d) + d)`.
    ///
    /// `None` when `γ (V − d) < f`: then the offer costs more than it brings even where she is sure to leave.
    #[must_use]
    pub fn break_even(&self, value: f64) -> Option<f64> {
        let gained = self.acceptance * (value - self.offer_cost);
        (gained >= self.contact_cost).then(|| (self.worst_cost() / (gained + self.offer_cost)).min(1.0))
    }

    /// The value above which an offer to a customer who leaves with probability `p` earns more than it costs:
    /// `c / (p γ)`. `None` when she is sure to stay.
    #[must_use]
    pub fn least_value(&self, p: f64) -> Option<f64> {
        (p > 0.0).then(|| self.cost(p) / self.saved(p))
    }
}
