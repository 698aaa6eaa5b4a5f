//! DOOR: the server's configuration, from TOML to checked values.
//!
//! Enters: a TOML file, or none. Leaves: [`Config`]. Every value has a default that serves an ordinary shop, and a key
//! that nobody knows is an error. What a model is and how it was trained stands in its bundle, not here.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::rules::RawPlacements;
use crate::serve::{RawAdmission, RawCache, RawModels, RawRules, RawServeConfig};
use crate::serve::{ServeConfig, ServeConfigError};

/// A server's configuration as written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawConfig {
    /// The process: where it listens, what it watches, how it stops.
    pub server: RawServer,
    /// The cache of rankings.
    pub cache: RawCache,
    /// How many requests are answered at once.
    pub admission: RawAdmission,
    /// Rules that hold for every answer.
    pub rules: RawRules,
    /// Models kept beside the current one.
    pub models: RawModels,
    /// What places on the shop's pages show.
    pub placements: RawPlacements,
}

/// `[server]` as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawServer {
    /// Address to listen on.
    pub listen: String,
    /// Folder of the trained bundles.
    pub registry: PathBuf,
    /// Seconds between two looks at the registry's `current`.
    pub reload_seconds: f64,
    /// Seconds that requests in flight may take after the order to stop.
    pub drain_seconds: f64,
}

impl Default for RawServer {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:50051".to_owned(),
            registry: PathBuf::from("models/registry"),
            reload_seconds: 2.0,
            drain_seconds: 20.0,
        }
    }
}

/// A server's configuration, checked.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `server.listen` | `127.0.0.1:50051` | address and port; port 0 takes a free one | an IP address and a port |
/// | `server.registry` | `models/registry` | folder of the trained bundles | a path |
/// | `server.reload_seconds` | 2 | time between two looks at which bundle is current | 0.05 to 3600 |
/// | `server.drain_seconds` | 20 | time that requests in flight have after the order to stop | 0 to 3600 |
///
/// The other sections are those of [`ServeConfig`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Folder of the trained bundles.
    pub registry: PathBuf,
    /// Time between two looks at the registry's `current`.
    pub reload_interval: Duration,
    /// Time that requests in flight have after the order to stop.
    pub drain: Duration,
    /// Cache, admission, rules.
    pub serve: ServeConfig,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The text is no TOML, or has a key or a type that a configuration has not.
    #[error("the configuration {origin} is not valid")]
    Malformed {
        /// The file, or "(defaults)".
        origin: String,
        /// Line, column and what was expected.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// An address that is not one.
    #[error(
        "server.listen = {listen:?} is not an IP address and a port, such as 127.0.0.1:50051 or [::1]:50051"
    )]
    Listen {
        /// The value.
        listen: String,
    },
    /// A time outside its range.
    #[error("{key} = {value} is not between {least} and 3600 seconds")]
    Seconds {
        /// The key.
        key: &'static str,
        /// The value.
        value: f64,
        /// The least accepted value.
        least: f64,
    },
    /// A value of the serving sections is outside its range.
    #[error("the configuration {origin} has a value that cannot be used")]
    Serve {
        /// The file, or "(defaults)".
        origin: String,
        /// The key, its value and the rule.
        #[source]
        source: ServeConfigError,
    },
}

impl Config {
    /// The configuration in a file, or the defaults when there is none.
    ///
    /// # Errors
    /// [`ConfigError`] with the file, the key and the rule.
    pub fn read(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else {
            return Self::parse("", "(defaults)");
        };
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// The configuration in a text; `origin` names it in errors.
    ///
    /// # Errors
    /// [`ConfigError`] with the origin, the key and the rule.
    pub fn parse(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let RawConfig {
            server,
            cache,
            admission,
            rules,
            models,
            placements,
        } = toml::from_str(text).map_err(|source| ConfigError::Malformed {
            origin: origin.to_owned(),
            source: Box::new(source),
        })?;
        let serve = RawServeConfig {
            cache,
            admission,
            rules,
            models,
            placements,
        };
        Ok(Self {
            listen: parse_listen(&server.listen)?,
            registry: server.registry,
            reload_interval: seconds("server.reload_seconds", server.reload_seconds, 0.05)?,
            drain: seconds("server.drain_seconds", server.drain_seconds, 0.0)?,
            serve: serve.try_into().map_err(|source| ConfigError::Serve {
                origin: origin.to_owned(),
                source,
            })?,
        })
    }
}

/// An address and a port.
///
/// # Errors
/// [`ConfigError::Listen`].
pub fn parse_listen(listen: &str) -> Result<SocketAddr, ConfigError> {
    listen.parse().map_err(|_| ConfigError::Listen {
        listen: listen.to_owned(),
    })
}

fn seconds(key: &'static str, value: f64, least: f64) -> Result<Duration, ConfigError> {
    if (least..=3600.0).contains(&value) {
        Ok(Duration::from_secs_f64(value))
    } else {
        Err(ConfigError::Seconds { key, value, least })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_serves_and_a_section_changes_what_it_names() {
        let config = Config::parse("", "none").unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:50051");
        let config = Config::parse("[server]\nlisten = '[::1]:0'\n[cache]\nentries = 7", "x").unwrap();
        assert_eq!((config.listen.port(), config.serve.raw().cache.entries), (0, 7));
    }

    #[test]
    fn a_wrong_value_names_its_key() {
        let message = |text: &str| {
            format!(
                "{:#}",
                anyhow::Error::from(Config::parse(text, "s.toml").unwrap_err())
            )
        };
        assert!(message("[server]\nlisten = 'localhost'").contains("server.listen = \"localhost\""));
        assert!(message("[server]\nreload_seconds = 0").contains("server.reload_seconds = 0"));
        assert!(message("[server]\ndrain_seconds = nan").contains("server.drain_seconds"));
        assert!(message("[servre]").contains("servre"));
        assert!(message("[cache]\nttl_seconds = 0").contains("cache.ttl_seconds"));
    }
}
