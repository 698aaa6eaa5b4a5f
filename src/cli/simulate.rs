//! `rapport simulate`: a shop with known truth, as files.

use std::path::PathBuf;

use super::Usage;
use super::output::{self, Format};
use super::progress::Bars;
use crate::simulate::{RawShopParams, ShopParams, simulate, write};

/// Make a log of a shop whose truth is known.
///
/// Writes events.parquet and items.parquet, which train and evaluate read without a recipe, and truth.parquet: what the
/// log was made from (tastes, complements, substitutes, repurchase rhythms, who left and when).
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder for the three files; made when it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    shop: ShopArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How large the shop is.
#[derive(Debug, clap::Args)]
pub struct ShopArgs {
    /// Customers who sign up.
    #[arg(long, value_name = "N", default_value_t = RawShopParams::default().customers)]
    customers: u32,
    /// Items of the catalogue.
    #[arg(long, value_name = "M", default_value_t = RawShopParams::default().items)]
    items: u32,
    /// Days that the log covers.
    #[arg(long, value_name = "D", default_value_t = RawShopParams::default().days)]
    days: u32,
    /// Seed of everything random: the same seed makes the same shop.
    #[arg(long, value_name = "S", default_value_t = RawShopParams::default().seed)]
    seed: u64,
}

impl ShopArgs {
    /// The checked parameters of the shop.
    ///
    /// # Errors
    /// The argument that is outside its range.
    pub fn params(&self) -> anyhow::Result<ShopParams> {
        let &Self {
            customers,
            items,
            days,
            seed,
        } = self;
        let raw = RawShopParams {
            customers,
            items,
            days,
            seed,
            ..RawShopParams::default()
        };
        raw.try_into()
            .map_err(|error: crate::simulate::ShopParamsError| Usage(error.to_string()).into())
    }
}

/// Runs `rapport simulate`.
///
/// # Errors
/// An argument out of range, or a folder that cannot be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let shop = simulate(&args.shop.params()?, &Bars::default());
    let written = write(&shop, &args.out)?;
    let left = shop.truth.left_at.iter().flatten().count();
    match Format::from_flag(args.json) {
        Format::Json => output::print_json(&serde_json::json!({
            "customers": shop.truth.left_at.len(),
            "items": shop.item_ids().len(),
            "events": shop.events().len(),
            "orders": shop.events().n_orders(),
            "customers_who_left": left,
            "events_file": written.events,
            "items_file": written.items,
            "truth_file": written.truth,
        })),
        Format::Text => output::print(&format!(
            "A shop of {} customers ({} of them left before the end) and {} items: {} events, {} orders.\n\
             \x20 {}\n  {}\n  {}",
            output::count(shop.truth.left_at.len() as u64),
            output::count(left as u64),
            output::count(shop.item_ids().len() as u64),
            output::count(shop.events().len() as u64),
            output::count(shop.events().n_orders() as u64),
            written.events.display(),
            written.items.display(),
            written.truth.display(),
        )),
    }
}
