//! From a history to the values of all features.

use hashbrown::HashMap;

use super::Norms;
use super::catalogue::FEATURES;
use crate::churn::Shop;
use crate::history::{History, PurchaseDay, purchase_days};
use crate::log::EventKind;
use crate::time::Timestamp;

/// One value per feature, in the order of [`FEATURES`]; all finite.
pub type FeatureValues = [f64; FEATURES.len()];

/// Days after which "never viewed" and "long ago viewed" are the same.
const LOOK_BACK_DAYS: f64 = 365.0;
/// How many gaps of the shop's typical length a customer's own gaps are averaged with: one-time buyers have a rhythm
/// too.
const NORM_GAPS: f64 = 2.0;
/// A cart item that was not bought within so many days was abandoned.
const ABANDONED_AFTER_DAYS: f64 = 7.0;

/// The features of a customer as they were known at `now`; `None` when she never bought before.
///
/// The history is cut at `now` here, so that events at or after it cannot reach a value.
#[must_use]
pub fn features(
    history: History<'_>,
    now: Timestamp,
    shop: Shop<'_>,
    norms: &Norms,
) -> Option<FeatureValues> {
    let past = history.before(now);
    let purchases = purchase_days(past, shop.calendar);
    features_of(past, &purchases, now, shop, norms)
}

/// [`features`] of a history that is cut already and whose purchase days are at hand.
pub(crate) fn features_of(
    past: History<'_>,
    purchases: &[PurchaseDay],
    now: Timestamp,
    shop: Shop<'_>,
    norms: &Norms,
) -> Option<FeatureValues> {
    let (first, last) = (purchases.first()?, purchases.last()?);
    let since = |days: f64| &purchases[purchases.partition_point(|day| day.at < now.plus_days(-days))..];
    let (of_90, of_180) = (since(90.0), since(180.0));
    // Adding zero: the sum of no days is a negative zero, which a person would read as a debt.
    let spend = |days: &[PurchaseDay]| days.iter().map(|day| day.amount).sum::<f64>() + 0.0;
    let n = purchases.len() as f64;
    let recency = now.days_since(last.at);
    let tenure = now.days_since(first.at);
    let rhythm = Rhythm::of(purchases, norms);
    let lines = Lines::of(past, last.at, now, shop);
    let (n_90, n_180) = (of_90.len() as f64, of_180.len() as f64);
    let views_before = lines.views_90d - lines.views_30d;

    Some([
        recency,
        tenure,
        n,
        since(30.0).len() as f64,
        n_90,
        n_180,
        since(365.0).len() as f64,
        n / (tenure + 1.0) * 30.0,
        f64::from(u8::from(purchases.len() == 1)),
        spend(purchases) / n,
        spend(purchases),
        spend(of_90),
        spend(of_180),
        lines.return_rate(norms),
        ((n_90 + 0.5) / (n_180 - n_90 + 0.5)).ln(),
        order_value_trend(&purchases[..purchases.len() - of_90.len()], of_90, norms),
        rhythm.gap,
        rhythm.variation,
        rhythm.last_ratio,
        recency / rhythm.gap.max(1.0),
        lines.items,
        lines.items_180d,
        lines.purchases / n,
        lines.view_recency,
        lines.views_7d,
        lines.views_30d,
        lines.views_90d,
        lines.view_days_30d,
        // The 60 days before are halved, so that both counts are of 30 days.
        ((lines.views_30d + 1.0) / (views_before / 2.0 + 1.0)).ln(),
        lines.view_days_since_purchase,
        (n_90 + 1.0) / (lines.views_90d + 20.0),
        lines.cart_recency,
        lines.carts_7d,
        lines.carts_30d,
        lines.carts_90d,
        lines.carts_abandoned / (lines.carts_judged + 1.0),
        f64::from(u8::from(lines.view_recency < LOOK_BACK_DAYS)),
        lines.active_days_30d,
        lines.active_days_90d,
        f64::from(u8::from(lines.cart_recency < LOOK_BACK_DAYS)),
        lines.spread.categories,
        lines.spread.entropy,
        lines.spread.top_share,
        // A shop whose rhythm is not known has no such features; a value must still be finite.
        norms
            .buying
            .map_or(0.5, |buying| buying.no_purchase(n, recency, tenure)),
        norms
            .buying
            .map_or(0.0, |buying| buying.purchases(n, recency, tenure)),
    ])
}

/// Mean spend of two periods as a log ratio, both drawn towards the shop's norm; 0 when either period has no purchase.
fn order_value_trend(before: &[PurchaseDay], recent: &[PurchaseDay], norms: &Norms) -> f64 {
    // Without prices all amounts are zero and one keeps the ratio defined.
    let norm = if norms.typical_order_value > 0.0 {
        norms.typical_order_value
    } else {
        1.0
    };
    let mean =
        |days: &[PurchaseDay]| days.iter().map(|day| day.amount).sum::<f64>() / days.len() as f64 + norm;
    if before.is_empty() || recent.is_empty() {
        0.0
    } else {
        (mean(recent) / mean(before)).ln()
    }
}

/// The customer's usual days between purchase days, drawn towards the shop's: `(span + 2 · typical) / (n − 1 + 2)` with
/// `n` purchase days and `span` days from the first to the last. At no purchase day it is the shop's.
pub(crate) fn usual_gap_days(purchases: &[PurchaseDay], typical_gap_days: f64) -> f64 {
    let span = match purchases {
        [first, .., last] => f64::from(last.day - first.day),
        _ => 0.0,
    };
    let gaps = purchases.len().saturating_sub(1) as f64;
    (span + NORM_GAPS * typical_gap_days) / (gaps + NORM_GAPS)
}

/// The customer's own rhythm of buying.
struct Rhythm {
    gap: f64,
    variation: f64,
    last_ratio: f64,
}

impl Rhythm {
    fn of(purchases: &[PurchaseDay], norms: &Norms) -> Self {
        let gaps: Vec<f64> = purchases
            .windows(2)
            .map(|pair| f64::from(pair[1].day - pair[0].day))
            .collect();
        let n = gaps.len() as f64;
        let gap = usual_gap_days(purchases, norms.typical_gap_days);
        let mean = gaps.iter().sum::<f64>() / n;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / n;
        Self {
            gap,
            // Purchases that come at random have a variation of 1: what is assumed of those with fewer than two gaps.
            variation: if gaps.len() < 2 {
                1.0
            } else {
                variance.sqrt() / mean
            },
            last_ratio: gaps.last().map_or(1.0, |last| last / gap.max(1.0)),
        }
    }
}

/// What single events add up to. Counts are `f64` because features are.
#[derive(Default)]
struct Lines {
    purchases: f64,
    items: f64,
    items_180d: f64,
    bought_amount: f64,
    returned_amount: f64,
    view_recency: f64,
    views_7d: f64,
    views_30d: f64,
    views_90d: f64,
    view_days_30d: f64,
    view_days_since_purchase: f64,
    cart_recency: f64,
    carts_7d: f64,
    carts_30d: f64,
    carts_90d: f64,
    carts_judged: f64,
    carts_abandoned: f64,
    active_days_30d: f64,
    active_days_90d: f64,
    spread: Spread,
}

impl Lines {
    fn of(past: History<'_>, last_purchase: Timestamp, now: Timestamp, shop: Shop<'_>) -> Self {
        let mut lines = Self {
            view_recency: LOOK_BACK_DAYS,
            cart_recency: LOOK_BACK_DAYS,
            ..Self::default()
        };
        let mut bought = Vec::new();
        let (mut view_day_30d, mut view_day_since, mut active_day) = (None, None, None);
        for (at, event) in past.events().enumerate() {
            let age = now.days_since(event.at);
            let day = Some(shop.calendar.day(event.at));
            if event.kind != EventKind::Return && active_day != day {
                active_day = day;
                lines.active_days_30d += f64::from(u8::from(age <= 30.0));
                lines.active_days_90d += f64::from(u8::from(age <= 90.0));
            }
            let within = |days: f64| f64::from(u8::from(age <= days));
            match event.kind {
                EventKind::Purchase => {
                    lines.purchases += 1.0;
                    lines.bought_amount += event.amount();
                    bought.push((event.item, age <= 180.0));
                }
                EventKind::Return => lines.returned_amount += event.amount(),
                EventKind::View => {
                    lines.view_recency = age.min(LOOK_BACK_DAYS);
                    lines.views_7d += within(7.0);
                    lines.views_30d += within(30.0);
                    lines.views_90d += within(90.0);
                    if age <= 30.0 && view_day_30d != day {
                        view_day_30d = day;
                        lines.view_days_30d += 1.0;
                    }
                    if event.at > last_purchase && view_day_since != day {
                        view_day_since = day;
                        lines.view_days_since_purchase += 1.0;
                    }
                }
                EventKind::Cart => {
                    lines.cart_recency = age.min(LOOK_BACK_DAYS);
                    lines.carts_7d += within(7.0);
                    lines.carts_30d += within(30.0);
                    lines.carts_90d += within(90.0);
                    // A younger cart may still be bought: judging it now would ask the future.
                    if age > ABANDONED_AFTER_DAYS && age <= 90.0 {
                        lines.carts_judged += 1.0;
                        lines.carts_abandoned += f64::from(u8::from(!bought_soon(past, at)));
                    }
                }
            }
        }
        bought.sort_unstable();
        for item in bought.chunk_by(|a, b| a.0 == b.0) {
            lines.items += 1.0;
            // False sorts before true: the last line of an item tells whether any is recent.
            lines.items_180d += f64::from(u8::from(item[item.len() - 1].1));
        }
        if !shop.categories.is_empty() {
            lines.spread = Spread::of(bought.iter().filter_map(|line| shop.categories.code(line.0)));
        }
        lines
    }

    /// Share of the spend that was returned, drawn towards 5 % by the weight of one usual order.
    fn return_rate(&self, norms: &Norms) -> f64 {
        let norm = norms.typical_order_value;
        let gross = self.bought_amount + norm;
        if gross > 0.0 {
            ((self.returned_amount + 0.05 * norm) / gross).min(1.0)
        } else {
            0.0
        }
    }
}

/// How purchases spread over top categories.
#[derive(Default)]
struct Spread {
    categories: f64,
    /// `−Σ p ln p` over the shares of the categories, in nats.
    entropy: f64,
    top_share: f64,
}

impl Spread {
    fn of(codes: impl Iterator<Item = u32>) -> Self {
        let mut counts: HashMap<u32, u32> = HashMap::new();
        for code in codes {
            *counts.entry(code).or_default() += 1;
        }
        // In order of size, because a sum of floats depends on its order and a map's order on chance.
        let mut counts: Vec<u32> = counts.into_values().collect();
        counts.sort_unstable();
        let lines: f64 = counts.iter().copied().map(f64::from).sum();
        let shares = || counts.iter().map(|&count| f64::from(count) / lines);
        Self {
            categories: counts.len() as f64,
            entropy: shares().map(|share| -share * share.ln()).sum::<f64>() + 0.0,
            top_share: shares().next_back().unwrap_or(0.0),
        }
    }
}

/// Whether the item put into the cart at position `cart` was bought within the following week.
fn bought_soon(past: History<'_>, cart: usize) -> bool {
    let until = past.times()[cart].plus_days(ABANDONED_AFTER_DAYS);
    (cart + 1..past.len())
        .take_while(|&at| past.times()[at] <= until)
        .any(|at| past.kinds()[at] == EventKind::Purchase && past.items()[at] == past.items()[cart])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::{Catalog, Categories, Item};
    use crate::churn::btyd::MbgNbd;
    use crate::churn::describe;
    use crate::churn::rhythm::Buying;
    use crate::history::{HistoryBuf, Interaction};
    use crate::id::{ItemIdx, Row};
    use crate::time::Calendar;

    const NORMS: Norms = Norms {
        typical_gap_days: 40.0,
        typical_order_value: 10.0,
        buying: Some(Buying {
            model: MbgNbd {
                r: 0.6,
                alpha: 40.0,
                a: 0.5,
                b: 1.0,
            },
            horizon_days: 90,
        }),
    };

    /// Events as (item, kind, day of 2024, price); quantity 1.
    fn history(events: &[(u32, EventKind, f64, Option<f32>)]) -> HistoryBuf {
        let start: Timestamp = "2024-01-01T12:00:00".parse().unwrap();
        let mut buf = HistoryBuf::default();
        buf.extend(events.iter().map(|&(item, kind, day, unit_price)| Interaction {
            item: ItemIdx::from_u32(item),
            kind,
            at: start.plus_days(day),
            quantity: 1.0,
            unit_price,
            order: None,
            session: None,
        }));
        buf
    }

    fn day(day: f64) -> Timestamp {
        "2024-01-01T12:00:00".parse::<Timestamp>().unwrap().plus_days(day)
    }

    fn value(values: &FeatureValues, code: &str) -> f64 {
        let place = FEATURES.iter().position(|f| f.code == code).unwrap();
        assert_eq!(describe(code).unwrap().code, code);
        values[place]
    }

    #[test]
    fn a_history_by_hand() {
        use EventKind::{Cart, Purchase, Return, View};
        let buf = history(&[
            (0, Purchase, 0.0, Some(10.0)),
            (1, Purchase, 20.0, Some(30.0)),
            (2, View, 70.0, None),
            (3, Cart, 75.0, None),
            (2, Cart, 79.0, None),
            (2, Purchase, 80.0, Some(50.0)),
            (0, Purchase, 80.0, Some(10.0)),
            (0, Return, 85.0, Some(10.0)),
            (4, View, 95.0, None),
            (4, View, 95.1, None),
            (5, Cart, 97.0, None),
            // At the cut-off: not yet known.
            (0, Purchase, 100.0, Some(99.0)),
        ]);
        let utc = Calendar::new("UTC").unwrap();
        let item = |category: &str| Item {
            category: Some(category.into()),
            ..Item::default()
        };
        let catalog = Catalog::new(["tea/green", "tea", "cups"].map(item).to_vec());
        let categories = Categories::of(&catalog);
        let shop = Shop {
            calendar: &utc,
            categories: &categories,
        };
        let values = features(buf.as_history(), day(100.0), shop, &NORMS).unwrap();
        let gap = (80.0 + 2.0 * 40.0) / 4.0;
        for (code, expected) in [
            ("recency_purchase_days", 20.0),
            ("tenure_days", 100.0),
            ("n_purchase_days", 3.0),
            ("n_purchase_30d", 1.0),
            ("n_purchase_90d", 2.0),
            ("n_purchase_180d", 3.0),
            ("purchase_rate_30d", 3.0 / 101.0 * 30.0),
            ("is_one_time", 0.0),
            ("spend_total", 90.0),
            ("order_value_mean", 30.0),
            ("spend_90d", 80.0),
            ("return_rate", (10.0 + 0.5) / (100.0 + 10.0)),
            ("purchase_trend", (2.5f64 / 1.5).ln()),
            ("order_value_trend", (50.0f64 / 20.0).ln()),
            ("gap_typical_days", gap),
            ("gap_variation", 20.0 / 40.0),
            ("last_gap_ratio", 60.0 / gap),
            ("overdue_ratio", 20.0 / gap),
            ("n_items", 3.0),
            ("items_per_purchase_day", 4.0 / 3.0),
            ("recency_view_days", 4.9),
            ("n_view_7d", 2.0),
            ("n_view_90d", 3.0),
            ("n_view_days_30d", 2.0),
            ("view_days_since_purchase", 1.0),
            ("recency_cart_days", 3.0),
            ("n_cart_30d", 3.0),
            // Item 3 was left, item 2 bought the next day, item 5 is too young to be judged.
            ("cart_abandon_90d", 1.0 / 3.0),
            ("has_view", 1.0),
            ("n_active_days_30d", 6.0),
            ("n_active_days_90d", 7.0),
            ("has_cart", 1.0),
            ("n_categories", 2.0),
            ("category_entropy", -0.75 * 0.75f64.ln() - 0.25 * 0.25f64.ln()),
            ("top_category_share", 0.75),
            // x = 2, t_x = 80, T = 100, by the formula: α + T = 140, α + t_x = 120.
            ("mbg_no_purchase", {
                let alive = 1.0 / (1.0 + 0.5 / 3.0 * (140.0f64 / 120.0).powf(2.6));
                1.0 - alive * (1.0 - (140.0f64 / 230.0).powf(2.6))
            }),
        ] {
            let found = value(&values, code);
            assert!(
                (found - expected).abs() < 1e-9,
                "{code} = {found}, not {expected}"
            );
        }
        assert_eq!(features(buf.as_history(), day(0.0), shop, &NORMS), None);
        let much_later = features(buf.as_history(), day(400.0), shop, &NORMS).unwrap();
        let spend = value(&much_later, "spend_90d");
        assert!(
            spend.abs() < f64::EPSILON && spend.is_sign_positive(),
            "{spend:?}"
        );
    }

    proptest! {
        /// Whatever happens at or after the cut-off, the features do not change by one bit, and all are finite.
        #[test]
        fn the_future_reaches_no_feature(
            events in prop::collection::vec((0u32..5, 0u8..4, 0u32..400, 0u8..3), 0..40),
            cut in 0u32..400,
        ) {
            let events: Vec<_> = events
                .iter()
                .map(|&(item, kind, at, price)| {
                    let price = [None, Some(0.0), Some(12.5)][usize::from(price)];
                    (item, EventKind::from_code(kind).unwrap(), f64::from(at) / 2.0, price)
                })
                .collect();
            let cut = f64::from(cut) / 2.0;
            let past: Vec<_> = events.iter().copied().filter(|event| event.2 < cut).collect();
            let utc = Calendar::new("UTC").unwrap();
            let categories = Categories::default();
            let shop = Shop { calendar: &utc, categories: &categories };
            let of = |events: &[_]| features(history(events).as_history(), day(cut), shop, &NORMS);
            let (with_future, without) = (of(&events), of(&past));
            let bits = |values: Option<FeatureValues>| values.map(|v| v.map(f64::to_bits));
            prop_assert_eq!(bits(with_future), bits(without));
            prop_assert!(with_future.iter().flatten().all(|value| value.is_finite()), "{:?}", with_future);
        }
    }
}
