//! Questions of the storefront, from messages.

use crate::grpc::convert::{known, maybe_instant, refuse};
use crate::grpc::pb;
use crate::log::EventKind;
use crate::serve::{
    CartLine, Context, ContextEvent, Filter, Kind, MAX_SHELVES, RecommendRequest, ServeError,
};

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
    } = message;
    Ok(RecommendRequest {
        kind: known(|| "kind".to_owned(), number, kind)?,
        context: context(customer_id, situation.unwrap_or_default())?,
        count,
        exclude_item_ids,
        filter: filter(conditions.unwrap_or_default()),
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
    let pb::RecommendShelvesRequest { shelves } = message;
    if !(1..=MAX_SHELVES).contains(&shelves.len()) {
        return Err(refuse(
            "shelves",
            format!("must have 1 to {MAX_SHELVES} entries, got {}", shelves.len()),
        ));
    }
    Ok(shelves.into_iter().map(request).collect())
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
    }
}

fn context(customer_id: Option<String>, message: pb::Context) -> Result<Context, ServeError> {
    let pb::Context {
        item_ids,
        cart,
        recent_events,
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
    } = message;
    Filter {
        category_prefixes,
        min_price,
        max_price,
        available_only: available_only.unwrap_or(true),
    }
}
