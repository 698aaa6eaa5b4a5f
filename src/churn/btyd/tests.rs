//! Published vectors, the formulas against one another, and bad input. What needs the CDNOW data is in `tests/it`.

use rand::{Rng, SeedableRng};
use rand_distr::{Beta, Distribution, Exp, Gamma};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::gamma_poisson::Leaving;
use super::objective::Shop;
use super::purchases::Buyer;
use super::*;

/// Fitted to the CDNOW sample; weeks.
const BG: BgNbd = BgNbd {
    r: 0.2426,
    alpha: 4.4135,
    a: 0.7929,
    b: 2.4258,
};
const MBG: MbgNbd = MbgNbd {
    r: 0.5248,
    alpha: 6.1830,
    a: 0.8914,
    b: 1.6140,
};

fn of(repeats: u32, recency: f64, age: f64) -> Summary {
    Summary {
        repeats,
        recency,
        age,
    }
}

fn close(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within, "{found} is not {expected}");
}

#[test]
fn expected_purchases_of_a_new_customer_are_those_of_hardies_sheet() {
    let published = [
        (0.1429, 0.0078),
        (1.0, 0.0532),
        (3.0, 0.1506),
        (31.8571, 1.0405),
        (32.0, 1.0437),
        (78.0, 1.8576),
    ];
    for (time, expected) in published {
        close(BG.expected_purchases_of_new(time), expected, 1e-3);
    }
}

#[test]
fn probabilities_of_a_count_are_those_of_btyd_for_r() {
    let model = BgNbd {
        r: 0.243,
        alpha: 4.414,
        a: 0.793,
        b: 2.426,
    };
    close(model.probability_of(0, 39.0), 0.573_786_4, 5e-8);
    close(model.probability_of(10, 2.0), 1.078_69e-7, 5e-13);
    let published = [
        0.001_999_521_4,
        0.001_517_023_6,
        0.001_163_315_0,
        0.000_900_314_8,
        0.000_702_363_8,
        0.000_551_790_2,
        0.000_436_191_3,
        0.000_346_717_1,
        0.000_276_961_3,
        0.000_222_226_0,
    ];
    for (n, expected) in (11..).zip(published) {
        close(model.probability_of(n, 30.0), expected, 5e-11);
    }
    let all: f64 = (0..400).map(|n| model.probability_of(n, 30.0)).sum();
    close(all, 1.0, 1e-6);
    close(model.expected_purchases(&of(2, 30.43, 38.86), 39.0), 1.226, 5e-4);
}

#[test]
fn the_likelihood_is_stable_for_hundreds_of_purchases() {
    // pymc-marketing's test of Hardie's note 027.
    let model = BgNbd {
        r: 0.25,
        alpha: 4.0,
        a: 0.8,
        b: 2.5,
    };
    close(model.log_likelihood(&of(0, 0.0, 40.0)), -0.599_473_82, 5e-9);
    close(model.log_likelihood(&of(200, 38.0, 40.0)), 100.7957, 5e-5);
}

#[test]
fn alive_and_silent_are_two_things() {
    let table = [
        (of(0, 0.0, 38.86), [1.0, 0.85567, 0.38972, 0.89120]),
        (of(0, 0.0, 20.0), [1.0, 0.79329, 0.45915, 0.82534]),
        (of(1, 1.71, 38.86), [0.21223, 0.88329, 0.17082, 0.89517]),
        (of(2, 30.43, 38.86), [0.72661, 0.44539, 0.70613, 0.44008]),
        (of(10, 38.0, 38.86), [0.92146, 0.07982, 0.91407, 0.08722]),
        (of(10, 5.0, 38.86), [0.0, 1.0, 0.00001, 0.99999]),
    ];
    for (summary, [bg_alive, bg_silent, mbg_alive, mbg_silent]) in table {
        // The parameters are rounded to four digits.
        close(BG.probability_alive(&summary), bg_alive, 2e-5);
        close(BG.probability_no_purchase(&summary, 39.0), bg_silent, 2e-5);
        close(MBG.probability_alive(&summary), mbg_alive, 2e-5);
        close(MBG.probability_no_purchase(&summary, 39.0), mbg_silent, 2e-5);
    }
}

#[test]
fn a_one_time_buyer_is_not_immortal() {
    let mut last = 0.0;
    for age in [1.0, 10.0, 50.0, 200.0, 1_000.0, 100_000.0, 1e9] {
        let silent = MBG.probability_no_purchase(&of(0, 0.0, age), 39.0);
        assert!(silent > last, "{silent} at {age}");
        last = silent;
        assert!(BG.probability_alive(&of(0, 0.0, age)) >= 1.0);
    }
    assert!(last > 0.999_999, "{last}");
}

#[test]
fn the_sum_is_the_hypergeometric_formula_of_the_papers() {
    // (a+b−1)/(a−1) · (1 − (γ/(γ+t))^s · hyp2f1(s, b, a+b−1, t/(γ+t))) by scipy 1.17.
    let known = [
        ([0.5248, 45.04, 0.8914, 2.6140], 39.0, 0.395_034_140_029_358),
        ([2.5248, 45.04, 0.8914, 4.6140], 39.0, 1.788_226_785_957_6),
        ([10.5248, 45.04, 0.8914, 12.6140], 39.0, 7.037_900_389_249_18),
        ([0.2426, 4.4135, 0.7929, 2.4258], 78.0, 1.858_021_758_644_11),
        ([20.5, 400.0, 3.7, 22.0], 30.0, 1.375_230_606_656_19),
        ([0.6, 64.0, 0.5, 2.0], 365.0, 2.224_825_558_467_81),
        ([40.5, 300.0, 0.5, 42.0], 365.0, 39.751_769_740_375_2),
    ];
    for ([shape, rate, a, b], horizon, expected) in known {
        let buyer = Buyer { shape, rate, a, b };
        close(
            buyer.expected_purchases(&[horizon])[0],
            expected,
            1e-11 * expected,
        );
    }
}

#[test]
fn the_sum_is_the_integral_also_where_the_formula_is_undefined() {
    let mut compared = 0;
    for shape in [0.05, 0.6, 1.0, 7.5, 200.0] {
        for rate in [3.0, 90.0, 1000.0] {
            for a in [0.05, 0.5, 1.0, 1.000_000_1, 4.0, 60.0] {
                for b in [0.4, 2.0, 30.0, 300.0] {
                    let buyer = Buyer { shape, rate, a, b };
                    let horizons = [0.5, 30.0, 365.0];
                    let sums = buyer.expected_purchases(&horizons);
                    for (sum, horizon) in sums.into_iter().zip(horizons) {
                        let integral = buyer.integral(horizon);
                        close(sum, integral, 1e-10 * integral);
                        compared += 1;
                    }
                }
            }
        }
    }
    assert_eq!(compared, 5 * 3 * 6 * 4 * 3);
}

#[test]
fn horizons_together_are_horizons_alone() {
    let months: Vec<f64> = (1..=12).map(|month| f64::from(month) * 4.35).collect();
    for summary in [of(0, 0.0, 0.0), of(3, 20.0, 30.0), of(40, 90.0, 91.0)] {
        let together = MBG.expected_purchases_by(&summary, &months);
        assert!(together.is_sorted() && together[0] > 0.0);
        for (&month, sum) in months.iter().zip(together) {
            close(sum, MBG.expected_purchases(&summary, month), 1e-12 * sum);
        }
    }
    assert_eq!(
        MBG.expected_purchases_by(&of(1, 2.0, 3.0), &[0.0, -5.0]),
        [0.0, 0.0]
    );
}

/// Repeat purchases of simulated customers until `age`, as summaries, and how many more each makes within `horizon`.
fn simulated(customers: usize, age: f64, horizon: f64) -> Vec<(Summary, f64)> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
    let rates = Gamma::new(MBG.r, 1.0 / MBG.alpha).unwrap();
    let chances = Beta::new(MBG.a, MBG.b).unwrap();
    (0..customers)
        .map(|_| {
            // A rate of zero never buys.
            let wait = Exp::new(rates.sample(&mut random).max(1e-12)).unwrap();
            let leaves: f64 = chances.sample(&mut random);
            let (mut at, mut summary, mut later) = (0.0, of(0, 0.0, age), 0.0);
            while random.r#gen::<f64>() >= leaves {
                at += wait.sample(&mut random);
                if at > age + horizon {
                    break;
                }
                if at > age {
                    later += 1.0;
                } else {
                    summary.repeats += 1;
                    summary.recency = at;
                }
            }
            (summary, later)
        })
        .collect()
}

#[test]
fn simulated_customers_buy_as_expected_and_give_their_parameters_back() {
    let customers = simulated(60_000, 60.0, 52.0);
    for (from, to) in [(0, 1), (1, 2), (2, 5), (5, 1000)] {
        let (mut expected, mut made, mut silent, mut were_silent, mut n) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (summary, later) in &customers {
            if (from..to).contains(&summary.repeats) {
                expected += MBG.expected_purchases(summary, 52.0);
                silent += MBG.probability_no_purchase(summary, 52.0);
                made += later;
                were_silent += f64::from(u8::from(*later < 0.5));
                n += 1.0;
            }
        }
        assert!(n > 2000.0);
        close(made / expected, 1.0, 0.04);
        close(were_silent / n, silent / n, 0.01);
    }
    let summaries: Vec<Summary> = customers.iter().map(|customer| customer.0).collect();
    let fitted = MbgNbd::fit(&summaries).unwrap();
    close(fitted.model.r, MBG.r, 0.03);
    close(fitted.model.alpha, MBG.alpha, 0.4);
    close(fitted.model.a, MBG.a, 0.1);
    close(fitted.model.b, MBG.b, 0.2);
    // No parameters of the neighbourhood are more likely.
    let truth: f64 = summaries.iter().map(|summary| MBG.log_likelihood(summary)).sum();
    assert!(fitted.log_likelihood >= truth);
}

#[test]
fn the_gradient_is_the_slope_of_the_likelihood() {
    let summaries: Vec<Summary> = simulated(500, 60.0, 1.0)
        .into_iter()
        .map(|customer| customer.0)
        .collect();
    for leaving in [Leaving::AfterAny, Leaving::AfterRepeats] {
        let shop = Shop::of(leaving, &summaries).unwrap();
        let at = [-0.3, 1.1, 0.4, -0.2];
        let slope = shop.slope(&at);
        for axis in 0..4 {
            let moved = |by: f64| {
                let mut moved = at;
                moved[axis] += by;
                shop.slope(&moved).value
            };
            let numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            close(slope.gradient[axis], numeric, 1e-8);
        }
    }
}

#[test]
fn neither_order_nor_unit_nor_threads_change_the_fit() {
    let mut summaries: Vec<Summary> = simulated(9000, 60.0, 1.0)
        .into_iter()
        .map(|customer| customer.0)
        .collect();
    let fitted = MbgNbd::fit(&summaries).unwrap();
    let in_days: Vec<Summary> = summaries
        .iter()
        .map(|s| of(s.repeats, s.recency * 7.0, s.age * 7.0))
        .collect();
    let days = MbgNbd::fit(&in_days).unwrap().model;
    close(days.alpha / fitted.model.alpha, 7.0, 1e-4);
    close(days.r, fitted.model.r, 1e-5);
    close(days.a, fitted.model.a, 1e-4);
    let total: f64 = summaries.iter().map(|s| fitted.model.log_likelihood(s)).sum();
    close(fitted.log_likelihood, total, 1e-6);
    summaries.reverse();
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let again = alone.install(|| MbgNbd::fit(&summaries)).unwrap();
    assert_eq!(again.model, fitted.model);
}

#[test]
fn the_median_wait_is_where_silence_is_as_likely_as_not() {
    for summary in [of(2, 30.43, 38.86), of(10, 38.0, 38.86), of(1, 5.0, 5.0)] {
        let wait = MBG.next_purchase(&summary, 1e6).unwrap();
        close(MBG.probability_no_purchase(&summary, wait), 0.5, 1e-12);
        assert_eq!(MBG.next_purchase(&summary, wait * 0.99), None);
    }
    // More likely gone than not: no wait is the median.
    assert_eq!(MBG.next_purchase(&of(0, 0.0, 38.86), f64::INFINITY), None);
    assert_eq!(MBG.next_purchase(&of(1, f64::NAN, 5.0), f64::INFINITY), None);
}

#[test]
fn a_tiny_shop_gets_moderate_parameters() {
    // Three customers who buy like clockwork: their likelihood has no finite maximum.
    let clockwork = [of(9, 9.0, 9.5), of(8, 8.0, 8.5), of(7, 7.0, 7.5)];
    let model = MbgNbd::fit(&clockwork).unwrap().model;
    for parameter in [model.r, model.alpha, model.a, model.b] {
        assert!((1e-3..1e3).contains(&parameter), "{model:?}");
    }
    assert!(model.probability_alive(&clockwork[0]) > 0.8);
}

#[test]
fn bad_input_is_named() {
    assert!(matches!(
        MbgNbd::fit(&[of(0, 0.0, 5.0), of(0, 0.0, 9.0)]),
        Err(BtydError::NoRepeats { customers: 2 })
    ));
    assert!(matches!(
        MbgNbd::fit(&[]),
        Err(BtydError::NoRepeats { customers: 0 })
    ));
    for bad in [
        of(1, 6.0, 5.0),
        of(0, 1.0, 5.0),
        of(1, f64::NAN, 5.0),
        of(1, 1.0, f64::INFINITY),
    ] {
        let error = BgNbd::fit(&[of(2, 3.0, 4.0), bad]).unwrap_err();
        assert!(matches!(error, BtydError::BadSummary { at: 1, .. }), "{error}");
    }
    let text = r#"{"r": 0.5, "alpha": -6.0, "a": 0.9, "b": 1.6}"#;
    let error = serde_json::from_str::<MbgNbd>(text).unwrap_err().to_string();
    assert!(
        error.contains("mbg_nbd.alpha = -6 is not finite and above 0"),
        "{error}"
    );
    let text = serde_json::to_string(&MBG).unwrap();
    assert_eq!(serde_json::from_str::<MbgNbd>(&text).unwrap(), MBG);
    let text = r#"{"p": 6.0, "q": 1.0, "v": 15.0}"#;
    let error = serde_json::from_str::<GammaGamma>(text).unwrap_err().to_string();
    assert!(
        error.contains("gamma_gamma.q = 1 is not finite and above 1"),
        "{error}"
    );
}

#[test]
fn a_spend_lies_between_the_customers_own_and_the_populations() {
    let model = GammaGamma {
        p: 6.2488,
        q: 3.7446,
        v: 15.4478,
    };
    close(model.population_mean(), 35.17, 5e-3);
    // The first customers of the CDNOW sample.
    for (x, mean, expected) in [
        (2.0, 22.35, 24.65),
        (1.0, 11.77, 18.91),
        (0.0, 0.0, 35.17),
        (7.0, 73.74, 71.46),
    ] {
        close(model.expected_spend(x, mean), expected, 0.02);
    }
    close(
        model.expected_spend(0.0, f64::NAN),
        model.population_mean(),
        1e-12,
    );
}

#[test]
fn spends_give_their_parameters_back_in_any_currency() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
    let scales = Gamma::new(3.7, 1.0 / 15.0).unwrap();
    let spends: Vec<(f64, f64)> = (0..20_000)
        .map(|at| {
            let x = f64::from(1 + at % 4);
            let total = Gamma::new(6.2 * x, 1.0 / scales.sample(&mut random)).unwrap();
            (x, total.sample(&mut random) / x)
        })
        .collect();
    let model = GammaGamma::fit(&spends).unwrap().model;
    close(model.p, 6.2, 0.3);
    close(model.q, 3.7, 0.15);
    let sample = spends.iter().map(|spend| spend.1).sum::<f64>() / 20_000.0;
    close(model.population_mean(), sample, 0.2);
    close(correlation(&spends).unwrap(), 0.0, 0.02);
    let in_yen: Vec<(f64, f64)> = spends.iter().map(|&(x, mean)| (x, mean * 170.0)).collect();
    close(GammaGamma::fit(&in_yen).unwrap().model.v / model.v, 170.0, 0.01);
}

#[test]
fn spends_without_a_mean_are_refused() {
    let mut spends = vec![(2.0, 10.0); 20];
    spends[7].1 = 0.0;
    assert!(matches!(
        GammaGamma::fit(&spends),
        Err(BtydError::BadSpend { at: 7, .. })
    ));
    assert!(matches!(
        GammaGamma::fit(&spends[..5]),
        Err(BtydError::TooFewSpends { found: 5, needed: 10 })
    ));
    // A population whose mean is infinite: q = 0.6.
    let mut random = Xoshiro256PlusPlus::seed_from_u64(9);
    let scales = Gamma::new(0.6, 1.0 / 15.0).unwrap();
    let wild: Vec<(f64, f64)> = (0..2000)
        .map(|_| {
            let total = Gamma::new(12.0, 1.0 / scales.sample(&mut random)).unwrap();
            (2.0, total.sample(&mut random) / 2.0)
        })
        .collect();
    let refused = GammaGamma::fit(&wild);
    assert!(
        matches!(refused, Err(BtydError::NoMeanSpend { q }) if (q - 0.6).abs() < 0.1),
        "{refused:?}"
    );
    assert_eq!(correlation(&[(1.0, 5.0), (1.0, 7.0)]), None);
}

#[test]
fn a_summary_counts_purchase_days_until_today() {
    let purchases: Vec<crate::history::PurchaseDay> = [10, 12, 40]
        .map(|day| crate::history::PurchaseDay {
            day,
            at: crate::time::Timestamp::MIN,
            amount: 1.0,
        })
        .to_vec();
    assert_eq!(Summary::of(&purchases, 45), Some(of(2, 30.0, 35.0)));
    assert_eq!(Summary::of(&purchases, 39), Some(of(1, 2.0, 29.0)));
    assert_eq!(Summary::of(&purchases, 9), None);
    assert_eq!(Summary::of(&[], 9), None);
}
