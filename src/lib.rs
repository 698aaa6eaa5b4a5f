//! Rapport learns offline from an online shop's interaction log and answers over gRPC: what a customer may like, and
//! whether she is about to leave.
//!
//! **One idea**: a customer is a history, and every answer is a pure function of (model, history, now). A model stores
//! no customer; it stores what turns any history into a ranking or a risk. So a known customer, and a visitor with
//! three clicks in the request, take the same path, and every answer can be replayed.
//!
//! ```text
//!              offline                                                        online
//!  log ─► history ─► recommend::fit ─┐                          ┌─► serve ─► grpc ─► storefront, CRM
//!               └──► churn::fit ─────┴─► bundle ─► registry ────┤
//!                         measure  ◄── evaluate                 └─► score ─► CSV / Parquet for the CRM
//! ```
//!
//! Outside data is raw, inside data is checked. There are four doors, and each turns a raw type into a checked one
//! exactly once: the command line with its recipe and configuration, the interaction log, the bundle on disk, the wire.
//!
//! | room | what it is for |
//! |---|---|
//! | [`mod@column`] | long arrays in memory of their own or in a mapped file |
//! | [`id`] | names from outside, dense rows inside, and the bijection between them |
//! | [`time`] | instants and the shop's calendar |
//! | [`progress`] | how long work tells how far it is |
//! | [`numeric`] | kernels on plain slices, without a word of the domain |
//! | [`catalog`] | what is known of an item: title, category, price, availability |
//! | [`log`] | DOOR: the interaction log, from CSV, JSON Lines and Parquet, with its lint report |
//! | [`history`] | the customers' histories in columns, baskets, profiles, the customer × item matrix |
//! | [`measure`] | pure metrics of rankings, classifiers and calibration, with intervals |
//! | [`recommend`] | models that rank items for a history |
//! | [`churn`] | who will leave, how surely and why; segments, values, retention plans, and a watch over the scores |
//! | [`rules`] | what a shop decides beside relevance: filters, campaigns, diversity, placements |
//! | [`recipe`] | DOOR: the TOML file that says how a log is read and what is fitted |
//! | [`bundle`] | DOOR: trained models on disk, and the registry of their versions |
//! | [`simulate`] | a shop whose truth is known |
//! | [`train`], [`evaluate`], [`tune`] | the batch jobs that make models, judge them and find their settings |
//! | [`serve`] | answers from memory: index, engine, cache |
//! | [`report`] | a backtest as a page with pictures |
//! | [`score`], [`export`] | the engine's answers for every customer, and the files that jobs write |
//! | [`config`] | DOOR: the server's configuration |
//! | [`grpc`] | DOOR: the wire |
//! | [`telemetry`], [`cli`] | the command |
//!
//! Imports run from the bottom of this table to its top, never back; `recommend` and `churn` do not know each other,
//! nor do `train` and `serve`. `tests/it/layering.rs` holds these rules.

pub mod bundle;
pub mod catalog;
pub mod churn;
pub mod cli;
pub mod column;
pub mod config;
pub mod evaluate;
pub mod export;
pub mod grpc;
pub mod history;
pub mod id;
pub mod log;
pub mod measure;
pub mod numeric;
pub mod progress;
pub mod recipe;
pub mod recommend;
pub mod report;
pub mod rules;
pub mod score;
pub mod serve;
pub mod simulate;
pub mod telemetry;
pub mod time;
pub mod train;
pub mod tune;
