//! The outage guard: days without any event of a kind that every such day used to have.
//!
//! Enters: the histories, the shop's calendar and an instant. Leaves: [`Outages`], those that last up to the instant and
//! those that are over. A feed that stops looks like customers who leave, all of them at once; scores and triggers had
//! better wait until it is back.
//!
//! The one decision: a silent day is judged against the same weekday of the last weeks, and by customers instead of
//! events. A shop that closes on Saturdays is silent on Saturdays without an outage; and customers act on their own, so
//! their number on a day is close to a Poisson number, while the lines of one order come together.
//!
//! Deliberately not here: whether a feed broke or the shop was closed, which a log cannot tell.

use rayon::prelude::*;
use serde::Serialize;

use super::{Histories, History};
use crate::log::EventKind;
use crate::time::{Calendar, MICROS_PER_DAY, Timestamp};

/// Days looked at: eight weeks to learn what is usual, and four months in which an outage is still seen to begin.
const DAYS_LOOKED_AT: i32 = 182;
/// Weeks before a day whose same weekday says what is usual.
const WEEKS: usize = 8;
/// With fewer of these days in the log nothing is usual yet.
const MIN_WEEKS: usize = 4;
/// A silent day is an outage when it was at most this probable: in a shop that is always just large enough to be judged,
/// one false alarm a kind in 27 years.
const INCREDIBLE: f64 = 1e-4;

/// Silent days in a row of one kind of event.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Outage {
    /// What was missing.
    pub kind: EventKind,
    /// Start of the first silent day.
    pub since: Timestamp,
    /// Whole local days without such an event.
    pub days: u32,
    /// Customers who did such a thing on the same weekday before, on average.
    pub usual_customers_per_day: f64,
}

/// What [`outages`] found.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Outages {
    /// Outages that last up to the instant of the question, longest first.
    pub lasting: Vec<Outage>,
    /// Outages of the last half year that are over, oldest first.
    pub past: Vec<Outage>,
}

impl Outages {
    /// The longest outage that is not over.
    #[must_use]
    pub fn current(&self) -> Option<&Outage> {
        self.lasting.first()
    }
}

/// Finds outages on the complete local days before `now`, from the events before `now`.
///
/// With `S` customers on the `k` last same weekdays of eight, a Poisson number with the rate that they suggest (Jeffreys'
/// prior) is zero with probability `(k / (k + 1))^(S + 1/2)`. A silent day begins an outage when
/// - at least four of those weekdays are in the log, days of earlier outages and days before the first event of the kind
///   not counted,
/// - none of them was silent, and
/// - that probability is at most 1 in 10 000, which takes ten customers a day.
///
/// The outage ends with the next event of the kind: a silent Saturday in it is one of its days. It ends no sooner at `now`,
/// when the day that is not complete has had such an event.
///
/// # Determinism
/// The same for any number of threads.
#[must_use]
pub fn outages(histories: &Histories, calendar: &Calendar, now: Timestamp) -> Outages {
    let today = calendar.day(now);
    let first_day = today - DAYS_LOOKED_AT;
    let start_of = |day: i32| calendar.instant(i64::from(day) * MICROS_PER_DAY);
    // Before 1900 there is no shop.
    let from = start_of(first_day).unwrap_or(Timestamp::MIN);
    let customers: Vec<_> = histories.customers().rows().collect();
    let counts = customers
        .par_iter()
        .fold(Counts::default, |mut counts, &customer| {
            counts.add(histories.of(customer).within(from, now), calendar, first_day);
            counts
        })
        .reduce(Counts::default, |all, more| all.plus(&more));

    let mut found = Outages::default();
    for kind in EventKind::ALL {
        let (complete, begun) = counts.of(kind).split_at(DAYS_LOOKED_AT as usize);
        for Silence { first, days, usual } in silences(complete) {
            // Places of days are below DAYS_LOOKED_AT.
            let Some(since) = start_of(first_day + first as i32) else {
                continue;
            };
            let outage = Outage {
                kind,
                since,
                days: days as u32,
                usual_customers_per_day: usual,
            };
            if first + days == complete.len() && begun.iter().all(|&customers| customers == 0) {
                found.lasting.push(outage);
            } else {
                found.past.push(outage);
            }
        }
    }
    found.lasting.sort_by_key(|outage| (outage.since, outage.kind));
    found.past.sort_by_key(|outage| (outage.since, outage.kind));
    found
}

/// Customers of each kind on each day, the last one today's.
#[derive(Clone)]
struct Counts {
    customers: [Vec<u32>; EventKind::ALL.len()],
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            customers: std::array::from_fn(|_| vec![0; DAYS_LOOKED_AT as usize + 1]),
        }
    }
}

impl Counts {
    /// Counts a customer once a day and kind.
    fn add(&mut self, history: History<'_>, calendar: &Calendar, first_day: i32) {
        let mut latest = [i32::MIN; EventKind::ALL.len()];
        let mut day_of = calendar.days();
        for (&at, kind) in history.times().iter().zip(history.kinds()) {
            let (day, kind) = (day_of(at), usize::from(kind.code()));
            // Events ascend, so a day already counted is the latest one.
            if day != latest[kind] {
                latest[kind] = day;
                let place = usize::try_from(day - first_day).ok();
                if let Some(count) = place.and_then(|place| self.customers[kind].get_mut(place)) {
                    *count += 1;
                }
            }
        }
    }

    fn plus(mut self, other: &Self) -> Self {
        for (all, more) in self.customers.iter_mut().zip(&other.customers) {
            all.iter_mut().zip(more).for_each(|(all, more)| *all += more);
        }
        self
    }

    fn of(&self, kind: EventKind) -> &[u32] {
        &self.customers[usize::from(kind.code())]
    }
}

/// Silent days in a row, by their places.
struct Silence {
    first: usize,
    days: usize,
    /// What was usual when it began.
    usual: f64,
}

/// The outages among the days of one kind.
fn silences(counts: &[u32]) -> Vec<Silence> {
    let Some(begin) = counts.iter().position(|&customers| customers > 0) else {
        return Vec::new();
    };
    let mut found: Vec<Silence> = Vec::new();
    let mut out = vec![false; counts.len()];
    for day in begin..counts.len() {
        if counts[day] > 0 {
            continue;
        }
        if let Some(last) = found.last_mut()
            && last.first + last.days == day
        {
            last.days += 1;
            out[day] = true;
            continue;
        }
        let usual: Vec<u32> = (1..=WEEKS)
            .filter_map(|week| day.checked_sub(7 * week))
            .filter(|&before| before >= begin && !out[before])
            .map(|before| counts[before])
            .collect();
        let (weeks, customers) = (
            usual.len() as f64,
            usual.iter().map(|&n| f64::from(n)).sum::<f64>(),
        );
        if usual.len() >= MIN_WEEKS
            && !usual.contains(&0)
            && (weeks / (weeks + 1.0)).powf(customers + 0.5) <= INCREDIBLE
        {
            out[day] = true;
            found.push(Silence {
                first: day,
                days: 1,
                usual: customers / weeks,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::HistoriesBuilder;
    use crate::log::Event;

    /// A shop in New York: on each day, day 0 a Monday, `customers(kind, day)` of them do such a thing twice at noon.
    fn shop(days: i32, customers: impl Fn(EventKind, i32) -> u32) -> Histories {
        let mut builder = HistoriesBuilder::default();
        for day in 0..days {
            for kind in EventKind::ALL {
                for customer in 0..customers(kind, day) {
                    let name = format!("c{customer}");
                    let event = |item_id| Event {
                        event_id: None,
                        customer_id: &name,
                        item_id,
                        kind,
                        occurred_at: at(f64::from(day) + 0.5),
                        quantity: 1.0,
                        unit_price: None,
                        order_id: None,
                        session_id: None,
                    };
                    builder.push(&event("x")).unwrap();
                    builder.push(&event("y")).unwrap();
                }
            }
        }
        builder.finish()
    }

    /// Days after midnight of Monday 2024-01-01 in New York (winter time).
    fn at(day: f64) -> Timestamp {
        "2024-01-01T05:00:00Z"
            .parse::<Timestamp>()
            .unwrap()
            .plus_days(day)
    }

    fn found(histories: &Histories, now: f64) -> Outages {
        outages(histories, &Calendar::new("America/New_York").unwrap(), at(now))
    }

    use EventKind::{Purchase, View};

    #[test]
    fn views_that_stop_are_an_outage_and_purchases_go_on() {
        let histories = shop(70, |kind, day| match kind {
            View if day < 63 => 30 + (day % 7) as u32,
            Purchase => 12,
            _ => 0,
        });
        // The ninth hour of the third day without views: two complete days are silent.
        let now = found(&histories, 65.4);
        assert_eq!(now.past, []);
        let [outage] = now.lasting[..] else {
            panic!("{now:?}");
        };
        assert_eq!((outage.kind, outage.days), (View, 2));
        // Day 63 begins in winter time; the last day of the log is 2024-03-10.
        assert_eq!(outage.since, at(63.0));
        // A Monday: day 0 of the week, 30 customers however many events each.
        assert!((outage.usual_customers_per_day - 30.0).abs() < 1e-12);
        assert_eq!(now.current(), Some(&outage));
        // A day that is not over is no silent day.
        assert_eq!(found(&histories, 63.9), Outages::default());
        assert_eq!(found(&histories, 64.0).lasting[0].days, 1);
    }

    #[test]
    fn a_long_outage_lasts_and_one_that_is_over_is_past() {
        let histories = shop(150, |kind, day| match kind {
            Purchase if (80..85).contains(&day) => 0,
            View if (90..140).contains(&day) => 0,
            Purchase | View => 40,
            _ => 0,
        });
        let during = found(&histories, 139.5);
        assert_eq!(
            during.current().map(|outage| (outage.kind, outage.days)),
            Some((View, 49))
        );
        assert_eq!(during.past.len(), 1);
        assert_eq!((during.past[0].kind, during.past[0].days), (Purchase, 5));
        // Views are back at noon of day 140: no complete day has them yet, but the outage is over.
        assert_eq!(found(&histories, 140.4).lasting.len(), 1);
        let after = found(&histories, 140.6);
        assert_eq!((after.lasting.len(), after.past.len()), (0, 2));
        assert_eq!((after.past[1].kind, after.past[1].days), (View, 50));
    }

    #[test]
    fn closed_weekends_are_no_outage_but_belong_to_one() {
        let open = |day: i32| day % 7 < 5;
        let closed = shop(100, |kind, day| u32::from(kind == Purchase && open(day)) * 25);
        for now in 60..100 {
            assert_eq!(found(&closed, f64::from(now)), Outages::default(), "{now}");
        }
        // Silent from Friday, day 60, on: at the end of Monday it has lasted four days.
        let broken = shop(60, |kind, day| u32::from(kind == Purchase && open(day)) * 25);
        assert_eq!(found(&broken, 64.0).lasting[0].days, 4);
        assert_eq!(found(&broken, 64.0).lasting[0].since, at(60.0));
        // Silent from Saturday on: the weekend begins no outage, Monday does.
        let later = shop(61, |kind, day| u32::from(kind == Purchase && open(day)) * 25);
        assert_eq!(found(&later, 63.0), Outages::default());
        assert_eq!(found(&later, 64.0).lasting[0].since, at(63.0));
    }

    #[test]
    fn small_shops_and_young_logs_are_never_judged() {
        let stopped = |customers: u32, days: i32| {
            let histories = shop(days, |kind, _| u32::from(kind == View) * customers);
            found(&histories, f64::from(days + 3)).lasting.len()
        };
        // Eight weeks of nine customers make a silent day 2 in 10 000, of ten 8 in 100 000.
        assert_eq!([stopped(9, 70), stopped(10, 70)], [0, 1]);
        // Four same weekdays are the fewest: (4/5)^(4 · 10.2) is the limit.
        assert_eq!([stopped(10, 28), stopped(11, 28)], [0, 1]);
        // On day 27, a Sunday, there are three, on day 28 four.
        assert_eq!([stopped(500, 27), stopped(500, 28)], [1, 1]);
        assert_eq!(stopped(500, 20), 0);
        assert_eq!(
            found(&HistoriesBuilder::default().finish(), 5.0),
            Outages::default()
        );
    }

    #[test]
    fn a_feed_that_ended_before_the_days_looked_at_is_unknown() {
        let histories = shop(70, |kind, _| u32::from(kind == View) * 50);
        assert_eq!(found(&histories, 190.0).lasting[0].days, 120);
        assert_eq!(found(&histories, 300.0), Outages::default());
    }

    #[test]
    fn any_number_of_threads_finds_the_same() {
        let histories = shop(90, |kind, day| u32::from(kind == View && day != 77) * 50);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| found(&histories, 90.0))
        };
        assert_eq!(with(1), with(4));
        assert_eq!(with(1).past.len(), 1);
    }
}
