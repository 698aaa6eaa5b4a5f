//! Which features a model uses: those that its log can tell.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Norms;
use super::catalogue::{FEATURES, Feature, Needs};
use crate::catalog::Categories;
use crate::history::Histories;
use crate::log::EventKind;
use crate::time::Timestamp;

/// A change of what a code computes changes this number, and with it every hash.
const MEANING: u32 = 1;

/// An ordered choice of features, by their places in [`FEATURES`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schema {
    places: Vec<usize>,
}

/// A group of features that a log cannot tell, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LeftOut {
    /// What the features need.
    pub needs: &'static str,
    /// Why the log does not serve.
    pub why: String,
    /// Codes of the features.
    pub features: Vec<&'static str>,
}

impl Schema {
    /// The features that the log can tell for all of these training cut-offs, and what had to be left out.
    ///
    /// A kind of event serves when it was logged from `first_needed` on: were views counted only from the middle of the
    /// training time on, no views would mean "not logged" for one customer and "not interested" for another.
    #[must_use]
    pub fn of(
        histories: &Histories,
        categories: &Categories,
        norms: &Norms,
        data_end: Timestamp,
        first_needed: Timestamp,
    ) -> (Self, Vec<LeftOut>) {
        let seen = Seen::of(histories, data_end);
        let since = |what: &str, first: Option<Timestamp>| match first {
            None => Some(format!("the log has no {what}")),
            Some(at) if at > first_needed => Some(format!(
                "{what} are logged only since {at}, and needed since {first_needed}"
            )),
            Some(_) => None,
        };
        let refused = |needs: Needs| match needs {
            Needs::Purchases => None,
            Needs::Prices => (!seen.prices).then(|| "no purchase has a price".to_owned()),
            Needs::Returns => {
                if seen.prices {
                    since("returns", seen.first[usize::from(EventKind::Return.code())])
                } else {
                    Some("no purchase has a price".to_owned())
                }
            }
            Needs::Views => since("views", seen.first[usize::from(EventKind::View.code())]),
            Needs::Carts => since("cart events", seen.first[usize::from(EventKind::Cart.code())]),
            Needs::Rhythm => norms
                .buying
                .is_none()
                .then(|| "no customer has come back yet".to_owned()),
            Needs::Categories => categories.is_empty().then(|| "no item has a category".to_owned()),
        };
        let mut left_out = Vec::new();
        let mut places = Vec::new();
        for (needs, name) in [
            (Needs::Purchases, "purchases"),
            (Needs::Prices, "prices"),
            (Needs::Returns, "returns"),
            (Needs::Views, "views"),
            (Needs::Carts, "cart events"),
            (Needs::Categories, "categories"),
            (Needs::Rhythm, "repeat purchases"),
        ] {
            let group: Vec<usize> = (0..FEATURES.len())
                .filter(|&at| FEATURES[at].needs == needs)
                .collect();
            match refused(needs) {
                None => places.extend(group),
                Some(why) => left_out.push(LeftOut {
                    needs: name,
                    why,
                    features: group.iter().map(|&at| FEATURES[at].code).collect(),
                }),
            }
        }
        places.sort_unstable();
        (Self { places }, left_out)
    }

    /// A schema of the features at these places of [`FEATURES`].
    pub(crate) fn only(places: &[usize]) -> Self {
        Self {
            places: places.to_vec(),
        }
    }

    /// The schema with these codes; the first unknown one otherwise.
    ///
    /// # Errors
    /// The code that names no feature, or names one twice.
    pub fn from_codes<'a>(codes: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut places = Vec::new();
        for code in codes {
            match FEATURES.iter().position(|feature| feature.code == code) {
                Some(place) if !places.contains(&place) => places.push(place),
                _ => return Err(code.to_owned()),
            }
        }
        Ok(Self { places })
    }

    /// The features in order.
    pub fn features(&self) -> impl ExactSizeIterator<Item = &'static Feature> {
        self.places.iter().map(|&at| &FEATURES[at])
    }

    /// Places in [`FEATURES`], in order.
    pub(crate) fn places(&self) -> &[usize] {
        &self.places
    }

    /// Number of features.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is no feature.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Digest of the features' codes, scales and meaning: models with equal hashes read equal columns.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(format!("meaning {MEANING}\n"));
        for feature in self.features() {
            hasher.update(format!("{} {:?}\n", feature.code, feature.transform));
        }
        hasher.finalize()[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// What the log holds before an instant.
struct Seen {
    /// First event of each kind.
    first: [Option<Timestamp>; 4],
    prices: bool,
}

impl Seen {
    fn of(histories: &Histories, end: Timestamp) -> Self {
        let mut seen = Self {
            first: [None; 4],
            prices: false,
        };
        for customer in histories.customers().rows() {
            for event in histories.of(customer).before(end).events() {
                let first = &mut seen.first[usize::from(event.kind.code())];
                *first = Some(first.map_or(event.at, |at| at.min(event.at)));
                seen.prices |= event.kind == EventKind::Purchase && event.amount() > 0.0;
            }
        }
        seen
    }
}
