//! The labelled rows before an instant, or the rule that refuses.

use std::collections::HashSet;

use crate::churn::features::{LeftOut, Norms, Schema};
use crate::churn::sample::{Sampling, Snapshot, snapshot};
use crate::churn::thin::{MAX_ROWS, Pupils};
use crate::churn::{ChurnError, ChurnParams, Outcome, Shop};
use crate::history::{Histories, purchase_days};
use crate::progress::Progress;
use crate::time::{Calendar, Timestamp};

/// The labelled rows before an instant, from which models of several schemas can be fitted.
pub(in crate::churn) struct Lessons {
    pub(super) params: ChurnParams,
    pub(super) data_end: Timestamp,
    pub(super) norms: Norms,
    pub(super) schema: Schema,
    pub(super) left_out: Vec<LeftOut>,
    /// Newest first.
    pub(super) cut_offs: Vec<Timestamp>,
    pub(super) snapshots: Vec<Snapshot>,
    /// Customers who ever bought.
    pub(super) purchasers: usize,
    /// Days from the first purchase to the end of the data.
    pub(super) days: f64,
    /// Which outcome there is too little of to learn from, where there is.
    pub(super) too_few: Option<ChurnError>,
}

impl Lessons {
    pub(in crate::churn) fn gather(
        histories: &Histories,
        shop: Shop<'_>,
        params: &ChurnParams,
        data_end: Timestamp,
        progress: &dyn Progress,
    ) -> Result<Self, ChurnError> {
        let (purchasers, first) = check_log(histories, shop.calendar, params, data_end)?;
        let cut_offs = cut_offs(first, data_end, params);
        let oldest = cut_offs.last().copied().unwrap_or(data_end);
        let norms = Norms::of(histories, shop.calendar, data_end, params);
        let needed_since = oldest.plus_days(-f64::from(params.horizon_days()) / 2.0);
        let (schema, left_out) = Schema::of(histories, shop.categories, &norms, data_end, needed_since);
        let sampling = Sampling {
            histories,
            shop,
            params,
            norms: &norms,
            pupils: Pupils::of(purchasers, cut_offs.len(), MAX_ROWS),
        };
        progress.begin("churn features", cut_offs.len() as u64);
        let snapshots = cut_offs
            .iter()
            .map(|&cut_off| {
                let taken = snapshot(sampling, cut_off);
                progress.advance(1);
                taken
            })
            .collect();
        progress.end();
        let mut lessons = Self {
            params: params.clone(),
            data_end,
            norms,
            schema,
            left_out,
            cut_offs,
            snapshots,
            purchasers,
            days: data_end.days_since(first),
            too_few: None,
        };
        lessons.too_few = lessons.check_outcomes().err();
        Ok(lessons)
    }

    /// Training rows.
    pub(super) fn n_rows(&self) -> usize {
        self.snapshots.iter().map(|s| s.churned.len()).sum()
    }

    /// Training rows that churned.
    pub(super) fn n_churned(&self) -> usize {
        let outcomes = self.snapshots.iter().flat_map(|s| &s.churned);
        outcomes.filter(|&&churned| churned).count()
    }

    /// Places of cut-offs whose outcomes do not overlap, newest first.
    pub(super) fn apart(&self) -> Vec<usize> {
        let horizon = f64::from(self.params.horizon_days());
        let mut places: Vec<usize> = Vec::new();
        for (at, cut_off) in self.cut_offs.iter().enumerate() {
            let last = places.last().map(|&place| self.cut_offs[place]);
            if last.is_none_or(|last| cut_off.plus_days(horizon) <= last) {
                places.push(at);
            }
        }
        places
    }

    /// Why no model can be learned at all.
    pub(super) fn refusal(&self) -> ChurnError {
        self.too_few.clone().unwrap_or(ChurnError::NobodyReturned {
            data_end: self.data_end,
        })
    }

    /// Both outcomes must have been seen in enough different customers: the same customer at twelve cut-offs is one
    /// witness.
    fn check_outcomes(&self) -> Result<(), ChurnError> {
        for (outcome, wanted) in [(Outcome::Churned, true), (Outcome::Stayed, false)] {
            let customers: HashSet<_> = self
                .snapshots
                .iter()
                .flat_map(|s| s.customers.iter().zip(&s.churned))
                .filter(|row| *row.1 == wanted)
                .map(|row| *row.0)
                .collect();
            let needed = self.params.raw().min_outcomes as usize;
            if customers.len() < needed {
                return Err(ChurnError::TooFewOfOutcome {
                    outcome,
                    found: customers.len(),
                    needed,
                    horizon_days: self.params.horizon_days(),
                });
            }
        }
        Ok(())
    }
}

/// Applies the rules that need no sample; returns how many customers bought, and the first purchase.
fn check_log(
    histories: &Histories,
    calendar: &Calendar,
    params: &ChurnParams,
    data_end: Timestamp,
) -> Result<(usize, Timestamp), ChurnError> {
    let raw = params.raw();
    let (mut purchasers, mut period) = (0, None::<(Timestamp, Timestamp)>);
    for customer in histories.customers().rows() {
        let days = purchase_days(histories.of(customer).before(data_end), calendar);
        if let (Some(first), Some(last)) = (days.first(), days.last()) {
            purchasers += 1;
            period = Some(period.map_or((first.at, last.at), |(from, to)| {
                (from.min(first.at), to.max(last.at))
            }));
        }
    }
    let (Some((first, last)), true) = (period, purchasers >= raw.min_purchasers as usize) else {
        return Err(ChurnError::TooFewPurchasers {
            found: purchasers,
            needed: raw.min_purchasers as usize,
            data_end,
        });
    };
    let days = data_end.days_since(first);
    let needed = 2 * params.horizon_days();
    if days < f64::from(needed) {
        return Err(ChurnError::HistoryTooShort { days, needed });
    }
    let days = data_end.days_since(last);
    if days > f64::from(raw.max_days_since_purchase) {
        return Err(ChurnError::NoRecentPurchase {
            days,
            allowed: raw.max_days_since_purchase,
            data_end,
        });
    }
    Ok((purchasers, first))
}

/// Training cut-offs, newest first: the newest one whose horizon is over at `data_end`, then evenly back while a
/// horizon of history lies before.
fn cut_offs(first: Timestamp, data_end: Timestamp, params: &ChurnParams) -> Vec<Timestamp> {
    let horizon = f64::from(params.horizon_days());
    let spacing = f64::from(params.cut_off_spacing_days());
    (0..params.raw().max_cut_offs)
        .map(|step| data_end.plus_days(-horizon - f64::from(step) * spacing))
        .take_while(|cut_off| cut_off.days_since(first) >= horizon)
        .collect()
}
