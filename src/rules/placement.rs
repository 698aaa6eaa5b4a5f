//! The recipe section `[placements]`: what each place on the shop's pages shows.

use std::collections::BTreeMap;

use crate::id::{IdError, check_name};
use serde::{Deserialize, Serialize};

use crate::rules::kind::Kind;
use crate::rules::params::{RawRules, Rules, RulesError};

/// Most items that a placement may ask for.
pub const MAX_COUNT: u32 = 500;

/// `[placements.<name>]` as written: the kind, and its rules beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPlacement {
    /// What is asked for.
    pub kind: Kind,
    /// What fills the places that are left, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<Kind>,
    /// How many items where the request does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// The rules. Unknown keys end up here and are refused, which a test holds.
    #[serde(flatten)]
    pub rules: RawRules,
}

/// `[placements]` as written.
pub type RawPlacements = BTreeMap<String, RawPlacement>;

/// Why a placement cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlacementError {
    /// Its name cannot be one.
    #[error("the placement's name {name:?} {source}")]
    Name {
        /// The name.
        name: String,
        /// The rule that it breaks.
        #[source]
        source: IdError,
    },
    /// Its count is out of range.
    #[error("placements.{name}.count = {count} is not between 1 and {MAX_COUNT}")]
    Count {
        /// Which placement.
        name: String,
        /// The count.
        count: u32,
    },
    /// A kind comes twice.
    #[error("placements.{name}.fallback names {} twice, or after it was the kind", .kind.name())]
    Fallback {
        /// Which placement.
        name: String,
        /// The kind.
        kind: Kind,
    },
    /// Its rules cannot be used.
    #[error("placements.{name}.{source}")]
    Rules {
        /// Which placement.
        name: String,
        /// Why.
        #[source]
        source: Box<RulesError>,
    },
}

/// A checked placement.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `kind` | required | what is asked for | a [`Kind`] |
/// | `fallback` | none | what fills the places that are left, in this order | kinds, each once |
/// | `count` | the request says | how many items | 1 to 500 |
/// | rules | | see [`Rules`] | |
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    raw: RawPlacement,
    rules: Rules,
}

impl Placement {
    /// The placement as written.
    #[must_use]
    pub fn raw(&self) -> &RawPlacement {
        &self.raw
    }

    /// What is asked for.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.raw.kind
    }

    /// What fills the places that are left, in this order.
    #[must_use]
    pub fn fallback(&self) -> &[Kind] {
        &self.raw.fallback
    }

    /// How many items where the request does not say.
    #[must_use]
    pub fn count(&self) -> Option<u32> {
        self.raw.count
    }

    /// Its rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    fn checked(name: &str, raw: RawPlacement) -> Result<Self, PlacementError> {
        let name = || name.to_owned();
        if let Some(count) = raw.count.filter(|count| !(1..=MAX_COUNT).contains(count)) {
            return Err(PlacementError::Count { name: name(), count });
        }
        for (at, &kind) in raw.fallback.iter().enumerate() {
            if kind == raw.kind || raw.fallback[..at].contains(&kind) {
                return Err(PlacementError::Fallback { name: name(), kind });
            }
        }
        let rules = Rules::try_from(raw.rules.clone());
        let rules = rules.map_err(|source| PlacementError::Rules {
            name: name(),
            source: Box::new(source),
        })?;
        Ok(Self { raw, rules })
    }
}

/// All placements, checked, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placements {
    by_name: BTreeMap<String, Placement>,
}

impl Placements {
    /// The placement of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Placement> {
        self.by_name.get(name)
    }

    /// Every placement with its name, in the order of the names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Placement)> {
        self.by_name
            .iter()
            .map(|(name, placement)| (name.as_str(), placement))
    }

    /// The placements as written.
    #[must_use]
    pub fn raw(&self) -> RawPlacements {
        self.by_name
            .iter()
            .map(|(name, placement)| (name.clone(), placement.raw.clone()))
            .collect()
    }
}

impl TryFrom<RawPlacements> for Placements {
    type Error = PlacementError;

    fn try_from(raw: RawPlacements) -> Result<Self, PlacementError> {
        let checked = raw.into_iter().map(|(name, raw)| {
            if let Err(source) = check_name(&name) {
                return Err(PlacementError::Name { name, source });
            }
            let placement = Placement::checked(&name, raw)?;
            Ok((name, placement))
        });
        Ok(Self {
            by_name: checked.collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::params::FILTER;

    fn read(text: &str) -> Result<Placements, String> {
        let raw: RawPlacements = toml::from_str(text).map_err(|error| error.to_string())?;
        Placements::try_from(raw).map_err(|error| error.to_string())
    }

    const SHELF: &str = r#"
        [page]
        kind = "cross-sell"
        fallback = ["similar", "trending"]
        count = 6
        filter = 'item.price <= 1.6 * context.price'
        diversity = 0
        max_per_category = 2
        boosts = [{ name = "spring", when = 'item.leaf = "tulips"', factor = 1.5 }]
        slots = [{ name = "own", when = "item.id starts_with 'OWN'", share = 0.25 }]
    "#;

    #[test]
    fn a_placement_is_read_and_written_back() {
        let placements = read(SHELF).unwrap();
        let page = placements.find("page").unwrap();
        assert_eq!((page.kind(), page.count()), (Kind::CrossSell, Some(6)));
        assert_eq!(page.fallback(), [Kind::Similar, Kind::Trending]);
        assert_eq!(page.rules().names().collect::<Vec<_>>(), ["spring", "own"]);
        let written = toml::to_string(&placements.raw()).unwrap();
        assert_eq!(read(&written).unwrap(), placements);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let refused = |line: &str| read(&format!("[page]\nkind = 'similar'\n{line}")).unwrap_err();
        for (line, message) in [
            ("filtr = 'true'", "unknown field `filtr`"),
            (
                "boosts = [{ name = 'a', when = 'true', factor = 2, to = 3 }]",
                "unknown field `to`",
            ),
            ("fallback = ['trendy']", "unknown variant `trendy`"),
            ("count = 0", "placements.page.count = 0 is not between 1 and 500"),
            (
                "fallback = ['trending', 'trending']",
                "placements.page.fallback names trending twice",
            ),
            (
                "fallback = ['similar']",
                "placements.page.fallback names similar twice",
            ),
            (
                "diversity = 1.5",
                "placements.page.diversity = 1.5 is not between 0 and 1",
            ),
            (
                "rotation = nan",
                "placements.page.rotation = NaN is not between 0 and 1",
            ),
            (
                "max_per_category = 0",
                "placements.page.max_per_category = 0 is not between 1 and 500",
            ),
            (
                "category_level = 17",
                "category_level = 17 is not between 0 and 16",
            ),
            (
                "filter = 'item.prise > 1'",
                "placements.page.filter: line 1, column 1: there is no attribute `item.prise`",
            ),
            (
                "boosts = [{ name = 'spring', when = 'item.id', factor = 2 }]",
                "placements.page.boosts.spring.when: line 1, column 1: this is a text",
            ),
            (
                "boosts = [{ name = 'a', when = 'true', factor = -1 }]",
                "placements.page.boosts.a.factor = -1 is not between 0 and 1000",
            ),
            (
                "boosts = [{ name = 'a', when = 'true', factor = 1 }]\nslots = [{ name = 'a', when = 'true', share = 1 }]",
                "the name \"a\" in slots is taken",
            ),
            (
                "slots = [{ name = 'filter', when = 'true', share = 1 }]",
                "the name \"filter\" in slots is taken",
            ),
            (
                "slots = [{ name = '', when = 'true', share = 1 }]",
                "the name \"\" in slots must not be empty",
            ),
            (
                "slots = [{ name = 'a', when = 'true', share = 0 }]",
                "slots.a.share = 0 is not between",
            ),
            (
                "slots = [{ name = 'a', when = 'true', share = 0.7 }, { name = 'b', when = 'true', share = 0.7 }]",
                "the shares of all slots sum to 1.4, more than 1",
            ),
        ] {
            let error = refused(line);
            assert!(error.contains(message), "{line}: {error}");
        }
        assert!(
            read("['']\nkind = 'similar'")
                .unwrap_err()
                .contains("must not be empty")
        );
        assert!(read("[page]\ncount = 3").unwrap_err().contains("kind"));
    }

    #[test]
    fn a_request_wins_over_its_placement_and_switches_rules_off() {
        let rules = |text: &str| Rules::try_from(toml::from_str::<RawRules>(text).unwrap()).unwrap();
        let base = rules(
            "filter = 'item.price > 1'\ndiversity = 0.3\nrotation = 0.5\n\
             boosts = [{ name = 'spring', when = 'true', factor = 2 }, { name = 'own', when = 'true', factor = 3 }]",
        );
        let request = rules(
            "filter = 'item.price < 9'\ndiversity = 0\nslots = [{ name = 'new', when = 'true', share = 0.5 }]",
        );
        let none: [&str; 0] = [];
        let both = request.over(&base, &none);
        assert_eq!(both.names().collect::<Vec<_>>(), ["spring", "own", "new"]);
        assert_eq!((both.diversity, both.rotation), (Some(0.0), Some(0.5)));
        let shown: Vec<String> = both.filters.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["item.price > 1.0", "item.price < 9.0"]);

        let fewer = request.over(&base, &["spring", FILTER, "autumn"]);
        assert_eq!(fewer.names().collect::<Vec<_>>(), ["own", "new"]);
        assert_eq!(fewer.filters.len(), 1);

        let instead = rules("boosts = [{ name = 'own', when = 'true', factor = 9 }]").over(&base, &none);
        let factors: Vec<f64> = instead.boosts.iter().map(|boost| boost.factor).collect();
        assert_eq!(factors, [2.0, 9.0]);
        assert_eq!(Rules::default().over(&base, &none), base);
        assert!(Rules::default().keeps_order() && !base.keeps_order());
    }
}
