//! How the engine serves: cache, admission, rules.

use serde::{Deserialize, Serialize};

use crate::rules::{PlacementError, Placements, RawPlacements};

/// The sections `[cache]`, `[admission]`, `[rules]`, `[models]` and `[placements]` of a server's configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawServeConfig {
    /// The cache of rankings.
    pub cache: RawCache,
    /// How many requests at once.
    pub admission: RawAdmission,
    /// What an answer may hold.
    pub rules: RawRules,
    /// Models beside the current one.
    pub models: RawModels,
    /// What places on the shop's pages show; those of the same name in a recipe give way.
    pub placements: RawPlacements,
}

/// Which entries a full cache drops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CachePolicy {
    /// The least recently used.
    #[default]
    Lru,
    /// The least frequently used, recent ones weighing more; a newcomer has to earn its place.
    TinyLfu,
}

/// `[cache]` as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawCache {
    /// Most bytes that cached rankings take, in MiB; 0 switches the cache off.
    pub max_mebibytes: u64,
    /// Most cached rankings; 0 switches the cache off.
    pub entries: u64,
    /// Age at which a ranking is made anew.
    pub ttl_seconds: u64,
    /// Which entries a full cache drops.
    pub policy: CachePolicy,
    /// Most remembered answers that another model makes before it serves; 0 makes none.
    pub warm_answers: usize,
    /// Longest time that they may take, by which another model serves later; 0 makes none.
    pub warm_seconds: f64,
}

impl Default for RawCache {
    fn default() -> Self {
        Self {
            max_mebibytes: 256,
            entries: 100_000,
            ttl_seconds: 600,
            policy: CachePolicy::Lru,
            warm_answers: 20_000,
            warm_seconds: 5.0,
        }
    }
}

/// `[admission]` as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawAdmission {
    /// Requests that are answered at once; one more is refused.
    pub max_in_flight: usize,
}

impl Default for RawAdmission {
    fn default() -> Self {
        Self { max_in_flight: 1_024 }
    }
}

/// `[rules]` as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawRules {
    /// What the customer bought within so many days is not recommended as something that she may like; 0 allows all.
    pub exclude_bought_days: f64,
}

impl Default for RawRules {
    fn default() -> Self {
        Self {
            exclude_bought_days: 3_650.0,
        }
    }
}

/// `[models]` as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawModels {
    /// How many models beside the current one stay loaded for requests that name a version.
    pub pinned: u64,
}

impl Default for RawModels {
    fn default() -> Self {
        Self { pinned: 1 }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ServeConfigError {
    /// A value is out of range.
    #[error("{key} = {value} is not {rule}")]
    Value {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// A placement cannot be used.
    #[error(transparent)]
    Placements(#[from] PlacementError),
}

/// How the engine serves, checked.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `cache.max_mebibytes` | 256 | most memory of cached rankings, in MiB | 0 (off) to 1 048 576 |
/// | `cache.entries` | 100 000 | most cached rankings | 0 (off) or more |
/// | `cache.ttl_seconds` | 600 | age at which a ranking is made anew | 1 to 604 800 |
/// | `cache.policy` | `lru` | which entries a full cache drops | `lru`, `tiny_lfu` |
/// | `cache.warm_answers` | 20 000 | most remembered answers that another model makes before it serves | 0 (off) or more |
/// | `cache.warm_seconds` | 5 | longest time that they may take, by which another model serves later | 0 (off) to 60 |
/// | `admission.max_in_flight` | 1024 | requests answered at once; one more is refused | 1 or more |
/// | `rules.exclude_bought_days` | 3650 | what was bought within so many days is not recommended as something to like | 0 to 36 500 |
/// | `models.pinned` | 1 | models beside the current one that stay loaded for requests naming a version | 0 to 16 |
/// | `placements.<name>` | none | kind, fallback and rules of a place; see [`crate::rules::Rules`] | |
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServeConfig {
    raw: RawServeConfig,
    placements: Placements,
}

impl ServeConfig {
    /// The configuration as written.
    #[must_use]
    pub fn raw(&self) -> &RawServeConfig {
        &self.raw
    }

    /// What places on the shop's pages show.
    #[must_use]
    pub fn placements(&self) -> &Placements {
        &self.placements
    }
}

impl TryFrom<RawServeConfig> for ServeConfig {
    type Error = ServeConfigError;

    fn try_from(raw: RawServeConfig) -> Result<Self, ServeConfigError> {
        let refuse = |key, value: String, rule| Err(ServeConfigError::Value { key, value, rule });
        let RawServeConfig {
            cache,
            admission,
            rules,
            models,
            placements,
        } = &raw;
        if cache.max_mebibytes > 1 << 20 {
            return refuse(
                "cache.max_mebibytes",
                cache.max_mebibytes.to_string(),
                "between 0 and 1048576",
            );
        }
        if !(1..=604_800).contains(&cache.ttl_seconds) {
            return refuse(
                "cache.ttl_seconds",
                cache.ttl_seconds.to_string(),
                "between 1 and 604800",
            );
        }
        if !(0.0..=60.0).contains(&cache.warm_seconds) {
            return refuse(
                "cache.warm_seconds",
                cache.warm_seconds.to_string(),
                "between 0 and 60",
            );
        }
        if admission.max_in_flight == 0 {
            return refuse("admission.max_in_flight", "0".to_owned(), "1 or more");
        }
        if !(0.0..=36_500.0).contains(&rules.exclude_bought_days) {
            return refuse(
                "rules.exclude_bought_days",
                rules.exclude_bought_days.to_string(),
                "between 0 and 36500",
            );
        }
        if models.pinned > 16 {
            return refuse("models.pinned", models.pinned.to_string(), "between 0 and 16");
        }
        let placements = Placements::try_from(placements.clone())?;
        Ok(Self { raw, placements })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_pass_their_own_check() {
        assert_eq!(
            ServeConfig::try_from(RawServeConfig::default()),
            Ok(ServeConfig::default())
        );
    }

    #[test]
    fn a_bad_value_names_its_key() {
        let refused = |text: &str| {
            let raw: RawServeConfig = toml::from_str(text).unwrap();
            ServeConfig::try_from(raw).unwrap_err().to_string()
        };
        assert_eq!(
            refused("[admission]\nmax_in_flight = 0"),
            "admission.max_in_flight = 0 is not 1 or more"
        );
        assert!(refused("[cache]\nttl_seconds = 0").starts_with("cache.ttl_seconds = 0"));
        assert!(refused("[cache]\nwarm_seconds = inf").starts_with("cache.warm_seconds = inf"));
        assert!(refused("[rules]\nexclude_bought_days = nan").starts_with("rules.exclude_bought_days = NaN"));
        let placement = refused("[placements.page]\nkind = 'similar'\ndiversity = 2");
        assert!(
            placement.starts_with("placements.page.diversity = 2 "),
            "{placement}"
        );
        assert!(
            toml::from_str::<RawServeConfig>("[cache]\nsize = 3").is_err(),
            "unknown keys are errors"
        );
        let policy: RawServeConfig = toml::from_str("[cache]\npolicy = 'tiny_lfu'").unwrap();
        assert_eq!(policy.cache.policy, CachePolicy::TinyLfu);
    }
}
