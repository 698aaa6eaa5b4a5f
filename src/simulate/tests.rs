//! The log shows what the truth says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::Field;

use super::*;
use crate::history::baskets;
use crate::id::Row;
use crate::log::EventKind;
use crate::progress::Silent;
use crate::time::{Calendar, Timestamp};

fn shop_of(customers: u32, items: u32, days: u32, seed: u64) -> Shop {
    let raw = RawShopParams {
        customers,
        items,
        days,
        seed,
        ..RawShopParams::default()
    };
    simulate(&raw.try_into().unwrap(), &Silent)
}

static SHOP: LazyLock<Shop> = LazyLock::new(|| shop_of(2_000, 300, 400, 7));

/// By order: when, and which items.
fn orders(shop: &Shop) -> Vec<(Timestamp, BTreeSet<u32>)> {
    let mut orders = vec![(Timestamp::MAX, BTreeSet::new()); shop.events().n_orders()];
    for (at, kind) in shop.events().kinds.iter().enumerate() {
        if *kind == EventKind::Purchase {
            let order = &mut orders[shop.events().orders[at].unwrap() as usize];
            order.0 = order.0.min(shop.events().times[at]);
            assert!(
                order.1.insert(shop.events().items[at]),
                "an item stands once in an order"
            );
        }
    }
    orders
}

/// By customer of the truth: positions of the customer's events of a kind.
fn events_of(shop: &Shop, kind: EventKind) -> Vec<Vec<usize>> {
    let mut found = vec![Vec::new(); shop.truth.left_at.len()];
    for at in 0..shop.events().len() {
        if shop.events().kinds[at] == kind
            && let Some(events) = found.get_mut(shop.events().customers[at] as usize)
        {
            events.push(at);
        }
    }
    found
}

#[test]
fn the_seed_makes_the_shop_and_the_threads_do_not() {
    let within = |threads, seed| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| shop_of(700, 100, 90, seed))
    };
    let (one, four, other) = (within(1, 3), within(4, 3), within(4, 4));
    assert_eq!(one.events, four.events);
    assert_eq!(one.truth, four.truth);
    assert_eq!(one.catalog, four.catalog);
    assert_eq!(one.event_table(), four.event_table());
    assert_ne!(one.events, other.events);
    assert_ne!(one.catalog, other.catalog);
}

#[test]
fn events_come_in_time_order_within_the_period_and_the_funnel_narrows() {
    let events = SHOP.events();
    assert!(events.times.is_sorted());
    assert!(events.times[0] >= SHOP.params().raw().start);
    assert!(events.times[events.len() - 1] < SHOP.params().end());
    let histories = SHOP.histories();
    assert_eq!(histories.n_events(), events.len());
    let [views, carts, purchases, returns] = histories.kind_counts();
    assert!(views > carts && carts > purchases && purchases > 10 * returns && returns > 50);
    let per_customer = events.len() as f64 / 2_000.0;
    assert!((30.0..150.0).contains(&per_customer), "{per_customer}");

    // Numbers appear in order, and everything that should have one does.
    let mut seen = 0;
    for at in 0..events.len() {
        assert_eq!(
            events.sessions[at].is_none(),
            events.kinds[at] == EventKind::Return
        );
        assert_eq!(
            events.orders[at].is_some(),
            matches!(events.kinds[at], EventKind::Purchase | EventKind::Return)
        );
        if let Some(session) = events.sessions[at] {
            assert!(session <= seen);
            seen = seen.max(session + 1);
        }
    }
    assert_eq!(events.n_sessions(), seen as usize);
}

#[test]
fn one_off_visitors_come_once_and_buy_nothing() {
    let visitors = SHOP.params().visitors();
    assert_eq!(visitors, 400);
    let histories = SHOP.histories();
    for visitor in &SHOP.customer_ids()[2_000..] {
        let history = histories.of(histories.customers().find(visitor).unwrap());
        let sessions: BTreeSet<_> = history
            .events()
            .map(|event| event.session.unwrap().as_u32())
            .collect();
        assert_eq!(sessions.len(), 1);
        assert!(history.kinds().iter().all(|kind| *kind <= EventKind::Cart));
    }
}

#[test]
fn every_item_has_a_price_a_name_of_its_own_and_no_event_before_its_launch() {
    let items = SHOP.catalog().items();
    assert_eq!(items.len(), 300);
    let titles: BTreeSet<_> = items.iter().map(|item| item.title.as_deref().unwrap()).collect();
    assert_eq!(titles.len(), 300);
    for item in items {
        let (price, cost) = (item.price.unwrap(), item.cost.unwrap());
        assert!(price >= 0.5 && cost > 0.0 && cost < price, "{item:?}");
        assert_eq!(item.category.as_deref().unwrap().split('/').count(), 2);
    }
    let unavailable = items.iter().filter(|item| !item.available).count();
    assert!((3..30).contains(&unavailable), "{unavailable}");
    for (item, at) in SHOP.events().items.iter().zip(&SHOP.events().times) {
        assert!(*at >= items[*item as usize].launched_at.unwrap());
    }
    // A long tail: the tenth of the items that are seen most have well over a tenth of the views, and not all of them.
    let mut views = vec![0u32; 300];
    for &item in &SHOP.events().items {
        views[item as usize] += 1;
    }
    views.sort_unstable_by(|a, b| b.cmp(a));
    let head = f64::from(views[..30].iter().sum::<u32>()) / f64::from(views.iter().sum::<u32>());
    assert!((0.2..0.7).contains(&head), "{head}");
}

#[test]
fn more_items_than_words_still_have_names_of_their_own() {
    let shop = shop_of(1, 20_000, 30, 1);
    let titles: BTreeSet<_> = shop
        .catalog()
        .items()
        .iter()
        .map(|item| (item.category.clone(), item.title.clone()))
        .collect();
    assert_eq!(titles.len(), 20_000);
    assert_eq!(shop.item_ids().iter().collect::<BTreeSet<_>>().len(), 20_000);
}

#[test]
fn interests_follow_the_taste() {
    let views = events_of(&SHOP, EventKind::View);
    let (mut in_taste, mut strongest, mut second, mut all) = (0u32, 0u32, 0u32, 0u32);
    for (customer, views) in views.iter().enumerate() {
        let tastes = &SHOP.truth.tastes[customer];
        assert!((tastes.iter().map(|taste| taste.weight).sum::<f64>() - 1.0).abs() < 1e-12);
        for &at in views {
            let category = SHOP.truth.category_of[SHOP.events().items[at] as usize];
            let place = tastes.iter().position(|taste| taste.category == category);
            all += 1;
            in_taste += u32::from(place.is_some());
            strongest += u32::from(place == Some(0));
            second += u32::from(place == Some(1));
        }
    }
    let share = f64::from(in_taste) / f64::from(all);
    assert!((0.75..0.95).contains(&share), "{share}");
    assert!(strongest > second);
}

#[test]
fn complements_are_bought_together_as_often_as_stated() {
    let orders = orders(&SHOP);
    let mut sold = BTreeMap::<u32, f64>::new();
    for item in orders.iter().flat_map(|(_, items)| items) {
        *sold.entry(*item).or_default() += 1.0;
    }
    let (mut together, mut stated, mut by_chance) = (0.0, 0.0, 0.0);
    for known in &SHOP.truth.complements {
        let launched = SHOP.catalog().items()[known.with as usize].launched_at.unwrap();
        let with_item = orders
            .iter()
            .filter(|(at, items)| *at >= launched && items.contains(&known.item));
        let (mut n, mut both) = (0.0, 0.0);
        for (_, items) in with_item {
            n += 1.0;
            both += f64::from(u8::from(items.contains(&known.with)));
        }
        together += both;
        stated += n * known.probability;
        by_chance += n * sold.get(&known.with).copied().unwrap_or(0.0) / orders.len() as f64;
    }
    assert!(together > 300.0, "{together}");
    assert!(together / by_chance > 5.0, "lift {}", together / by_chance);
    assert!(
        (0.85..1.25).contains(&(together / stated)),
        "{}",
        together / stated
    );
}

#[test]
fn substitutes_are_looked_at_together_and_bought_alone() {
    let mut viewed = vec![BTreeSet::new(); SHOP.events().n_sessions()];
    for at in 0..SHOP.events().len() {
        if let (EventKind::View, Some(session)) = (SHOP.events().kinds[at], SHOP.events().sessions[at]) {
            viewed[session as usize].insert(SHOP.events().items[at]);
        }
    }
    let orders = orders(&SHOP);
    let (mut either, mut both) = (0.0, 0.0);
    for known in &SHOP.truth.substitutes {
        let pair = [known.item, known.other];
        assert_eq!(
            SHOP.truth.category_of[known.item as usize],
            SHOP.truth.category_of[known.other as usize]
        );
        assert!(
            orders
                .iter()
                .all(|(_, items)| !pair.iter().all(|item| items.contains(item)))
        );
        for items in &viewed {
            match pair.iter().filter(|item| items.contains(item)).count() {
                0 => {}
                1 => either += 1.0,
                _ => both += 1.0,
            }
        }
    }
    // Of those who look at one of a pair, about half look at both: 0.6 each way, less for visits that know what they want.
    let share = both / (either + both);
    assert!((0.25..0.65).contains(&share), "{share}");
}

#[test]
fn who_left_is_gone_and_was_seen_less_before() {
    let left: Vec<(usize, Timestamp)> = SHOP
        .truth
        .left_at
        .iter()
        .enumerate()
        .filter_map(|(customer, at)| at.map(|at| (customer, at)))
        .collect();
    let share = left.len() as f64 / 2_000.0;
    assert!((0.15..0.6).contains(&share), "{share}");
    for at in 0..SHOP.events().len() {
        let customer = SHOP.events().customers[at] as usize;
        if let Some(&signed_up_at) = SHOP.truth.signed_up_at.get(customer) {
            assert!(SHOP.events().times[at] > signed_up_at);
            assert!(SHOP.truth.left_at[customer].is_none_or(|left_at| SHOP.events().times[at] < left_at));
        }
    }
    let views = events_of(&SHOP, EventKind::View);
    let (mut last_days, mut days_before) = (0.0, 0.0);
    for (customer, left_at) in left {
        if left_at.days_since(SHOP.truth.signed_up_at[customer]) < 160.0 {
            continue;
        }
        for &at in &views[customer] {
            let days = left_at.days_since(SHOP.events().times[at]);
            last_days += f64::from(u8::from(days < 20.0));
            days_before += f64::from(u8::from((120.0..140.0).contains(&days)));
        }
    }
    let ratio: f64 = last_days / days_before;
    assert!((0.1..0.5).contains(&ratio), "{ratio}");
}

#[test]
fn who_pauses_is_not_seen_and_comes_back() {
    let (mut paused, mut came_back) = (0u32, 0u32);
    for (customer, views) in events_of(&SHOP, EventKind::View).iter().enumerate() {
        let times: Vec<Timestamp> = views.iter().map(|&at| SHOP.events().times[at]).collect();
        for &(from, to) in &SHOP.truth.pauses[customer] {
            // A visit that began before the pause may last into it.
            let from = from.plus_days(0.25);
            assert!(
                !times.iter().any(|&at| from <= at && at < to),
                "{customer} {from} {to}"
            );
            paused += 1;
            came_back += u32::from(times.iter().any(|&at| at >= to));
        }
    }
    assert!(paused > 1_000 && came_back > paused / 4, "{paused} {came_back}");
}

#[test]
fn the_ends_of_the_ranges_are_shops_too() {
    let small = RawShopParams {
        customers: 40,
        items: 27,
        days: 30,
        ..RawShopParams::default()
    };
    let least = RawShopParams {
        start: Timestamp::MIN,
        visitors_per_customer: 0.0,
        visits_per_month: 0.01,
        activity_shape: 0.1,
        lifetime_days: 1.0,
        decline_days: 0.0,
        pauses_per_year: 0.0,
        pause_days: 1.0,
        popularity_exponent: 0.0,
        exploration: 0.0,
        complement_probability: 0.0,
        co_view_probability: 0.0,
        ..small.clone()
    };
    let most = RawShopParams {
        visitors_per_customer: 10.0,
        visits_per_month: 100.0,
        activity_shape: 100.0,
        lifetime_days: 1e6,
        decline_days: 1e3,
        pauses_per_year: 50.0,
        pause_days: 1e3,
        popularity_exponent: 3.0,
        exploration: 1.0,
        complement_probability: 1.0,
        co_view_probability: 1.0,
        ..small
    };
    for (raw, people) in [(least, 40), (most, 440)] {
        let params = ShopParams::try_from(raw).unwrap();
        let shop = simulate(&params, &Silent);
        assert_eq!(shop.customer_ids().len(), people);
        assert_eq!(shop.catalog().items().len(), 27);
        let times = &shop.events().times;
        assert!(times[0] >= params.raw().start && times[times.len() - 1] < params.end());
        // Whoever signs up looks at something at once.
        let seen: BTreeSet<_> = shop.events().customers.iter().collect();
        assert!(seen.len() * 10 >= people * 9, "{}", seen.len());
    }
}

#[test]
fn what_is_used_up_is_bought_again_at_its_interval() {
    let mut ratios = Vec::new();
    for (customer, purchases) in events_of(&SHOP, EventKind::Purchase).iter().enumerate() {
        let mut last = BTreeMap::new();
        for &at in purchases {
            let (item, bought_at) = (SHOP.events().items[at], SHOP.events().times[at]);
            let Some(days) = SHOP.truth.rhythm_days[item as usize] else {
                continue;
            };
            if let Some(before) = last.insert(item, bought_at) {
                ratios.push(bought_at.days_since(before) / (days * SHOP.truth.rhythm_factors[customer]));
            }
        }
    }
    ratios.sort_by(f64::total_cmp);
    assert!(ratios.len() > 500, "{}", ratios.len());
    let at = |share: f64| ratios[(ratios.len() as f64 * share) as usize];
    assert!((0.93..1.07).contains(&at(0.5)), "{}", at(0.5));
    assert!(at(0.25) > 0.75 && at(0.75) < 1.3, "{} {}", at(0.25), at(0.75));
}

#[test]
fn churn_can_be_ranked_but_not_read_off() {
    let shop = &*SHOP;
    let histories = shop.histories();
    let calendar = Calendar::new("UTC").unwrap();
    let cut_off = shop.params().end().plus_days(-90.0);
    // The simplest thing that could work: days since the last order against the usual gap between orders.
    let mut scored: Vec<(f64, bool)> = shop
        .customer_ids()
        .iter()
        .zip(&shop.truth.left_at)
        .filter_map(|(name, _)| {
            let history = histories.of(histories.customers().find(name)?);
            let orders = baskets(history.before(cut_off), &calendar);
            let (first, last) = (orders.first()?.at, orders.last()?.at);
            let usual = last.days_since(first) / (orders.len() as f64) + 10.0;
            let silent = cut_off.days_since(last);
            let buys = history
                .within(cut_off, shop.params().end())
                .events()
                .any(|event| event.kind == EventKind::Purchase);
            (silent < 360.0).then_some((silent / usual, !buys))
        })
        .collect();
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let churned = scored.iter().filter(|(_, churned)| *churned).count() as f64;
    let stayed = scored.len() as f64 - churned;
    let ranks: f64 = (1u32..)
        .zip(&scored)
        .filter(|(_, (_, churned))| *churned)
        .map(|(rank, _)| f64::from(rank))
        .sum();
    let auc = (ranks - churned * (churned + 1.0) / 2.0) / (churned * stayed);
    assert!((0.65..0.92).contains(&auc), "{auc}");
    let rate = churned / (churned + stayed);
    assert!((0.2..0.7).contains(&rate), "{rate}");
}

#[test]
fn written_tables_read_back_as_the_shop() {
    let shop = shop_of(60, 60, 60, 5);
    let folder = tempfile::tempdir().unwrap();
    let written = write(&shop, &folder.path().join("shop")).unwrap();
    let rows = |path| -> Vec<BTreeMap<String, Field>> {
        let file = std::fs::File::open(path).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let rows = reader.get_row_iter(None).unwrap();
        rows.map(|row| {
            let row = row.unwrap();
            row.get_column_iter()
                .map(|(name, field)| (name.clone(), field.clone()))
                .collect()
        })
        .collect()
    };

    let text = |text: Option<&str>| text.map_or(Field::Null, |text| Field::Str(text.to_owned()));
    let events = rows(&written.events);
    let mut at = 0;
    shop.feed(|event| {
        let row = &events[at];
        assert_eq!(row["event_id"], text(event.event_id));
        assert_eq!(row["customer_id"], text(Some(event.customer_id)));
        assert_eq!(row["item_id"], text(Some(event.item_id)));
        assert_eq!(row["kind"], text(Some(event.kind.name())));
        assert_eq!(
            row["occurred_at"],
            Field::TimestampMicros(event.occurred_at.as_micros())
        );
        assert_eq!(row["quantity"], Field::Long(event.quantity as i64));
        assert_eq!(
            row["unit_price"],
            shop.unit_price(at).map_or(Field::Null, Field::Double)
        );
        assert_eq!(row["order_id"], text(event.order_id));
        assert_eq!(row["session_id"], text(event.session_id));
        at += 1;
        Ok::<(), ()>(())
    })
    .unwrap();
    assert_eq!((events.len(), at), (shop.events().len(), shop.events().len()));

    let items = rows(&written.items);
    assert_eq!(items.len(), 60);
    let third = &shop.catalog().items()[2];
    assert_eq!(items[2]["item_id"], text(Some("i00003")));
    assert_eq!(items[2]["title"], text(third.title.as_deref()));
    assert_eq!(items[2]["price"], Field::Double(third.price.unwrap()));
    assert_eq!(items[2]["available"], Field::Bool(third.available));

    let truth = rows(&written.truth);
    let count = |fact| truth.iter().filter(|row| row["fact"] == text(Some(fact))).count();
    assert_eq!(count("signed_up_at"), 60);
    assert_eq!(count("left_at"), shop.truth.left_at.iter().flatten().count());
    assert_eq!(
        count("taste"),
        shop.truth.tastes.iter().map(Vec::len).sum::<usize>()
    );
    assert_eq!(
        count("rhythm_days"),
        shop.truth.rhythm_days.iter().flatten().count()
    );
    assert_eq!(count("complement"), shop.truth.complements.len());
    assert_eq!(count("substitute"), shop.truth.substitutes.len());
    let complement = shop.truth.complements[0];
    let row = truth
        .iter()
        .find(|row| row["fact"] == text(Some("complement")))
        .unwrap();
    assert_eq!(row["subject"], text(Some("pair")));
    assert_eq!(
        row["item_id"],
        text(Some(&shop.item_ids()[complement.item as usize]))
    );
    assert_eq!(
        row["other_item_id"],
        text(Some(&shop.item_ids()[complement.with as usize]))
    );
    assert_eq!(row["value"], Field::Double(complement.probability));
    assert_eq!(row["customer_id"], Field::Null);
}
