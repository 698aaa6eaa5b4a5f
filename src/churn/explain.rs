//! Which input of a function adds how much, for functions of few inputs.

/// Exact Shapley values of `f` at `own` against `typical`: `f(typical) + Σ φ = f(own)` to rounding.
///
/// `φ_j` is the mean over all orders of bringing in the own values one by one of what bringing in the `j`-th changes:
/// `φ_j = Σ_{S ∌ j} |S|! (N − |S| − 1)! / N! · (f(S ∪ j) − f(S))`, where inputs outside of the set are typical. `f` is
/// called once for each of the `2^N` sets, so `N` is small.
///
/// # Source
/// Shapley, *A Value for n-Person Games* (1953); Lundberg and Lee, *A Unified Approach to Interpreting Model Predictions*
/// (2017).
pub(super) fn shapley<const N: usize>(
    f: impl Fn([f64; N]) -> f64,
    own: [f64; N],
    typical: [f64; N],
) -> [f64; N] {
    let values: Vec<f64> = (0..1usize << N)
        .map(|set| {
            f(std::array::from_fn(|input| {
                if set >> input & 1 == 1 {
                    own[input]
                } else {
                    typical[input]
                }
            }))
        })
        .collect();
    let factorial = |n: usize| (1..=n).map(|k| k as f64).product::<f64>();
    std::array::from_fn(|input| {
        (0..1usize << N)
            .filter(|set| set >> input & 1 == 0)
            .map(|set| {
                let members = set.count_ones() as usize;
                let weight = factorial(members) * factorial(N - members - 1) / factorial(N);
                weight * (values[set | 1 << input] - values[set])
            })
            .sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_split_as_they_are_and_products_evenly() {
        let split = shapley(|[a, b, c]| 2.0 * a + b - c, [1.0, 5.0, 2.0], [0.0, 1.0, 3.0]);
        for (found, expected) in split.iter().zip([2.0, 4.0, 1.0]) {
            assert!((found - expected).abs() < 1e-12, "{split:?}");
        }
        // Two inputs that only work together share what they do; one that does nothing gets nothing.
        let split = shapley(|[a, b, _]| a * b, [3.0, 2.0, 9.0], [0.0, 0.0, 0.0]);
        for (found, expected) in split.iter().zip([3.0, 3.0, 0.0]) {
            assert!((found - expected).abs() < 1e-12, "{split:?}");
        }
    }

    #[test]
    fn parts_add_up() {
        let f = |[a, b, c]: [f64; 3]| (a * b).sin() + c.exp() / (1.0 + a * a);
        let (own, typical) = ([0.3, 2.0, -1.0], [1.5, 0.2, 0.7]);
        let sum: f64 = shapley(f, own, typical).iter().sum();
        assert!((f(typical) + sum - f(own)).abs() < 1e-12);
    }
}
