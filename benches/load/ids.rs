//! Names that a bundle knows: what is asked for really exists.

use anyhow::Context;
use rapport::bundle::Registry;
use rapport::log::EventKind;

/// Customers that are looked at, at most: a large shop's first ones are as good as all.
const MOST: usize = 100_000;

/// The ids of a bundle.
#[derive(Clone, Debug)]
pub struct Ids {
    pub customers: Vec<String>,
    /// Those of the customers who bought and sent nothing back: they surely have a churn score. Empty where the bundle has no
    /// churn model.
    pub buyers: Vec<String>,
    pub items: Vec<String>,
}

impl Ids {
    /// Of the registry's current bundle.
    pub fn of_current(registry: &Registry) -> anyhow::Result<Self> {
        let folder = registry.root().display();
        let version = registry
            .current()?
            .with_context(|| format!("{folder} has no current bundle"))?;
        let parts = registry.open(&version)?.parts;
        let customers = parts.histories.customers();
        let named = customers.rows().zip(customers.names()).take(MOST);
        let keeps = |row| {
            let kinds = parts.histories.of(row).kinds();
            kinds.contains(&EventKind::Purchase) && !kinds.contains(&EventKind::Return)
        };
        let mut ids = Self {
            customers: Vec::new(),
            buyers: Vec::new(),
            items: parts
                .histories
                .items()
                .names()
                .take(MOST)
                .map(str::to_owned)
                .collect(),
        };
        for (row, name) in named {
            ids.customers.push(name.to_owned());
            if parts.churn.is_ok() && keeps(row) {
                ids.buyers.push(name.to_owned());
            }
        }
        Ok(ids)
    }
}
