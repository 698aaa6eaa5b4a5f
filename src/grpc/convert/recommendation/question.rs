//! Questions of the storefront, from messages.

use crate::grpc::convert::{known, maybe_instant, refuse};
use crate::grpc::pb;
use crate::log::EventKind;
use crate::rules::{Kind, RawBoost, RawRules, RawSlot};
use crate::serve::{CartLine, Context, ContextEvent, Filter, MAX_SHELVES, RecommendRequest, ServeError};

/// The question of one ranking.
pub(in crate::grpc) fn request(message: pb::RecommendRequest) -> Result<RecommendRequest, ServeError> {
    let pb::RecommendRequest {
        customer_id,
        context: situation,
        kind: number,
        placement,
        count,
        exclude_item_ids,
        filter: conditions,
        with_reasons,
        with_attributes,
        model_version,
        as_of,
        rules: wishes,
    } = message;
    // Left out, the placement names the kind.
    let kind = match number {
        0 => None,
        number => Some(known(|| "kind".to_owned(), number, kind)?),
    };
    let Wishes {
        rules,
        without,
        fallback,
        window_days,
    } = wishes.map(self::wishes).transpose()?.unwrap_or_default();
    let conditions = conditions.unwrap_or_default();
    let rules = RawRules {
        filter: conditions.expression.clone(),
        ..rules
    };
    Ok(RecommendRequest {
        kind,
        context: context(customer_id, situation.unwrap_or_default())?,
        count,
        exclude_item_ids,
        filter: filter(conditions),
        rules,
        without,
        fallback,
        window_days,
        with_reasons,
        with_attributes,
        placement,
        model_version,
        as_of: maybe_instant(|| "as_of".to_owned(), as_of)?,
    })
}

/// The questions of several rankings. The outer error refuses the call, an inner one only its shelf.
pub(in crate::grpc) fn shelf_requests(
    message: pb::RecommendShelvesRequest,
) -> Result<Vec<Result<RecommendRequest, ServeError>>, ServeError> {
    let pb::RecommendShelvesRequest {
        shelves,
        customer_id,
        context,
    } = message;
    if !(1..=MAX_SHELVES).contains(&shelves.len()) {
        return Err(refuse(
            "shelves",
            format!("must have 1 to {MAX_SHELVES} entries, got {}", shelves.len()),
        ));
    }
    let shelf = |mut shelf: pb::RecommendRequest| {
        shelf.customer_id = shelf.customer_id.or_else(|| customer_id.clone());
        shelf.context = shelf.context.or_else(|| context.clone());
        request(shelf)
    };
    Ok(shelves.into_iter().map(shelf).collect())
}

/// The question how a ranking comes about: the ranking, and the items asked about.
pub(in crate::grpc) fn explain_request(
    message: pb::ExplainRecommendationRequest,
) -> Result<(RecommendRequest, Vec<String>), ServeError> {
    let pb::ExplainRecommendationRequest {
        request: asked,
        item_ids,
    } = message;
    let asked = asked.ok_or_else(|| refuse("request", "is required"))?;
    let within = |error| match error {
        ServeError::InvalidArgument { field, rule } => ServeError::InvalidArgument {
            field: format!("request.{field}"),
            rule,
        },
        other => other,
    };
    Ok((request(asked).map_err(within)?, item_ids))
}

pub(super) fn kind(kind: pb::RecommendationKind) -> Option<Kind> {
    match kind {
        pb::RecommendationKind::Unspecified => None,
        pb::RecommendationKind::YouMayLike => Some(Kind::YouMayLike),
        pb::RecommendationKind::Similar => Some(Kind::Similar),
        pb::RecommendationKind::CrossSell => Some(Kind::CrossSell),
        pb::RecommendationKind::UpSell => Some(Kind::UpSell),
        pb::RecommendationKind::BuyAgain => Some(Kind::BuyAgain),
        pb::RecommendationKind::Trending => Some(Kind::Trending),
        pb::RecommendationKind::NewArrivals => Some(Kind::NewArrivals),
    }
}

/// A kind for the wire.
pub(in crate::grpc) fn wire_kind(kind: Kind) -> pb::RecommendationKind {
    match kind {
        Kind::YouMayLike => pb::RecommendationKind::YouMayLike,
        Kind::Similar => pb::RecommendationKind::Similar,
        Kind::CrossSell => pb::RecommendationKind::CrossSell,
        Kind::UpSell => pb::RecommendationKind::UpSell,
        Kind::BuyAgain => pb::RecommendationKind::BuyAgain,
        Kind::Trending => pb::RecommendationKind::Trending,
        Kind::NewArrivals => pb::RecommendationKind::NewArrivals,
    }
}

/// What a request wishes beside relevance.
#[derive(Default)]
struct Wishes {
    rules: RawRules,
    without: Vec<String>,
    fallback: Vec<Kind>,
    window_days: Option<f64>,
}

fn wishes(message: pb::Rules) -> Result<Wishes, ServeError> {
    let pb::Rules {
        without,
        exclude_bought_days,
        boosts,
        slots,
        max_per_category,
        category_level,
        diversity,
        rotation,
        min_relevance,
        margin_weight,
        fallback,
        window_days,
    } = message;
    let boost = |pb::Boost { name, when, factor }| RawBoost { name, when, factor };
    let slot = |pb::Slots { name, when, share }| RawSlot { name, when, share };
    let fallback = fallback
        .into_iter()
        .enumerate()
        .map(|(at, number)| known(|| format!("rules.fallback[{at}]"), number, kind))
        .collect::<Result<_, _>>()?;
    Ok(Wishes {
        rules: RawRules {
            filter: None,
            exclude_bought_days,
            max_per_category,
            category_level,
            diversity,
            rotation,
            min_relevance,
            margin_weight,
            boosts: boosts.into_iter().map(boost).collect(),
            slots: slots.into_iter().map(slot).collect(),
        },
        without,
        fallback,
        window_days,
    })
}

fn context(customer_id: Option<String>, message: pb::Context) -> Result<Context, ServeError> {
    let pb::Context {
        item_ids,
        cart,
        recent_events,
        just_shown_item_ids,
    } = message;
    let recent_events = recent_events
        .into_iter()
        .enumerate()
        .map(|(at, happened)| event(customer_id.as_deref(), at, happened))
        .collect::<Result<_, _>>()?;
    Ok(Context {
        customer_id,
        item_ids,
        cart: cart.into_iter().map(cart_line).collect(),
        recent_events,
        just_shown: just_shown_item_ids,
    })
}

fn cart_line(message: pb::CartLine) -> CartLine {
    let pb::CartLine {
        item_id,
        quantity,
        unit_price,
    } = message;
    CartLine {
        item_id,
        quantity: narrow(quantity.unwrap_or(1.0)),
        unit_price: unit_price.map(narrow),
    }
}

fn event(asker: Option<&str>, at: usize, message: pb::Event) -> Result<ContextEvent, ServeError> {
    let pb::Event {
        event_id,
        customer_id,
        item_id,
        kind,
        occurred_at,
        quantity,
        unit_price,
        order_id,
        session_id,
    } = message;
    let field = |name: &str| format!("context.recent_events[{at}].{name}");
    if let Some(who) = customer_id.as_deref()
        && Some(who) != asker
    {
        return Err(refuse(
            field("customer_id"),
            format!("must be left out or be the request's customer_id, got {who:?}"),
        ));
    }
    Ok(ContextEvent {
        event_id,
        item_id,
        kind: known(|| field("kind"), kind, event_kind)?,
        occurred_at: maybe_instant(|| field("occurred_at"), occurred_at)?,
        quantity: narrow(quantity.unwrap_or(1.0)),
        unit_price: unit_price.map(narrow),
        order_id,
        session_id,
    })
}

/// The domain's width of a number. What is too large becomes infinite, which its checks refuse.
fn narrow(number: f64) -> f32 {
    number as f32
}

fn event_kind(kind: pb::EventKind) -> Option<EventKind> {
    match kind {
        pb::EventKind::Unspecified => None,
        pb::EventKind::View => Some(EventKind::View),
        pb::EventKind::Cart => Some(EventKind::Cart),
        pb::EventKind::Purchase => Some(EventKind::Purchase),
        pb::EventKind::Return => Some(EventKind::Return),
    }
}

fn filter(message: pb::Filter) -> Filter {
    let pb::Filter {
        category_prefixes,
        min_price,
        max_price,
        available_only,
        // One of the rules.
        expression: _,
    } = message;
    Filter {
        category_prefixes,
        min_price,
        max_price,
        available_only: available_only.unwrap_or(true),
    }
}
