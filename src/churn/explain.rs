//! Exact Shapley values of a function of few numbers, relative to a reference.

/// Most inputs: the function is asked `2^N` times.
const MOST: usize = 6;

/// What each input adds to `f` when `typical` becomes `own`, and the value at `typical` that it is added to:
/// `f(typical) + Σ φ = f(own)` to rounding.
///
/// ```text
/// φ_j = Σ_{S ⊆ N∖{j}} |S|! (N − |S| − 1)! / N! · (f(own on S ∪ {j}, typical elsewhere) − f(own on S, typical elsewhere))
/// ```
///
/// An input equal to its reference adds nothing, inputs that act alike add alike, and where `f` is a sum of functions of
/// one input each adds its own difference.
///
/// # Source
/// Shapley, *A Value for n-Person Games* (1953); the reference as in Lundberg and Lee, *A Unified Approach to
/// Interpreting Model Predictions* (2017), with one background row.
pub(crate) fn shapley<const N: usize>(
    f: impl Fn([f64; N]) -> f64,
    own: [f64; N],
    typical: [f64; N],
) -> ([f64; N], f64) {
    const { assert!(N <= MOST, "too many inputs to ask for every set of them") };
    // Sets are bits: input j is the customer's own where bit j is set.
    let mut values = [0.0; 1 << MOST];
    for (set, value) in values.iter_mut().enumerate().take(1 << N) {
        *value = f(std::array::from_fn(|at| {
            if set >> at & 1 == 1 { own[at] } else { typical[at] }
        }));
    }
    let parts = std::array::from_fn(|own| {
        (0..1_usize << N)
            .filter(|set| set >> own & 1 == 0)
            .map(|set| {
                let size = set.count_ones() as usize;
                let share = factorial(size) * factorial(N - size - 1) / factorial(N);
                share * (values[set | 1 << own] - values[set])
            })
            .sum()
    });
    (parts, values[0])
}

fn factorial(k: usize) -> f64 {
    (1..=k).product::<usize>() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close<const N: usize>(found: ([f64; N], f64), expected: ([f64; N], f64)) {
        for (found, expected) in found
            .0
            .iter()
            .chain([&found.1])
            .zip(expected.0.iter().chain([&expected.1]))
        {
            assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
        }
    }

    #[test]
    fn a_sum_gives_each_input_its_own_difference() {
        let f = |x: [f64; 3]| 2.0 * x[0] + x[1].powi(2) - x[2].exp() + 1.0;
        let found = shapley(f, [3.0, -2.0, 0.0], [1.0, 1.0, 1.0]);
        close(
            found,
            ([4.0, 3.0, std::f64::consts::E - 1.0], 4.0 - std::f64::consts::E),
        );
    }

    #[test]
    fn a_product_is_shared_as_the_closed_form_says() {
        // Of x y z away from 0 each has a third; of a b from (p, q), a's part is (a − p)(b + q) / 2.
        close(
            shapley(|x: [f64; 3]| x[0] * x[1] * x[2], [2.0, 3.0, 5.0], [0.0; 3]),
            ([10.0; 3], 0.0),
        );
        close(
            shapley(|x: [f64; 2]| x[0] * x[1], [4.0, 7.0], [1.0, 2.0]),
            ([13.5, 12.5], 2.0),
        );
        // One of six that alone counts when all others are their own too: a sixth each.
        let all = |x: [f64; 6]| x.iter().product::<f64>();
        close(shapley(all, [1.0; 6], [0.0; 6]), ([1.0 / 6.0; 6], 0.0));
    }

    #[test]
    fn parts_add_up_and_an_input_at_its_reference_has_none() {
        let f = |x: [f64; 3]| (x[0] - x[1]).tanh() * (1.0 + x[2]).ln() + x[0] * x[2];
        let (own, typical) = ([0.7, 2.0, 3.1], [1.9, 2.0, 0.4]);
        let (parts, reference) = shapley(f, own, typical);
        assert!((reference + parts.iter().sum::<f64>() - f(own)).abs() < 1e-12);
        assert!(parts[1].abs() < 1e-12, "{parts:?}");
        assert!(parts[0].abs() > 0.1 && parts[2].abs() > 0.1, "{parts:?}");
        close(shapley(|[]: [f64; 0]| 7.0, [], []), ([], 7.0));
    }
}
