//! How well each model ranked at each instant of the past.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::canvas::{Axis, DrawError, INK, MUTED, Sign};
use super::canvas::{axes, dashed, draw, frame, legend, marker, nothing, of_model, text, whisker};
use super::data::{AucByFold, ModelAuc};
use super::words::label;

/// Draws the AUC of every model at every instant with its interval, models side by side.
///
/// # Errors
/// [`DrawError`] when the drawing crate fails.
pub fn auc_by_fold(data: &AucByFold) -> Result<String, DrawError> {
    let shown = |auc: &&ModelAuc| {
        [auc.auc, auc.interval.low, auc.interval.high]
            .iter()
            .all(|v| v.is_finite())
    };
    let values = || {
        data.folds
            .iter()
            .flat_map(|fold| fold.models.iter().filter(shown))
    };
    let mut models: Vec<&str> = data.models.iter().map(String::as_str).collect();
    for auc in values() {
        if !models.contains(&auc.model.as_str()) {
            models.push(&auc.model);
        }
    }
    draw((640, 440), |area| {
        if values().next().is_none() {
            return nothing(area);
        }
        let entries: Vec<_> = models
            .iter()
            .enumerate()
            .filter(|(_, model)| values().any(|auc| auc.model == **model))
            .map(|(at, model)| (Sign::Model(at), label(model, 24)))
            .chain([(Sign::Dashes(MUTED), "chance".to_owned())])
            .collect();
        let top = legend(area, &entries)?;
        let low = values()
            .map(|auc| auc.interval.low.min(auc.auc))
            .fold(0.5, f64::min);
        let high = values()
            .map(|auc| auc.interval.high.max(auc.auc))
            .fold(0.5, f64::max);
        // Whole tenths around chance and all values.
        let from = (low.clamp(0.0, 1.0) * 10.0).floor();
        let to = (high.clamp(0.0, 1.0) * 10.0 + 0.2)
            .ceil()
            .min(10.0)
            .max(from + 1.0);
        let y_axis = Axis::evenly(from / 10.0, to / 10.0, (to - from) as u32);
        let folds = data.folds.len() as f64;
        let x_axis = Axis {
            from: 0.0,
            to: folds,
            ticks: Vec::new(),
        };
        let mut chart = frame(area)
            .margin_top(top + 8)
            .build_cartesian_2d(x_axis, y_axis)?;
        axes(&mut chart, "", "AUC", &|_| String::new(), &|auc| {
            format!("{auc:.1}")
        })?;
        let at = |x: f64, y: f64| chart.backend_coord(&(x, y.clamp(0.0, 1.0)));
        dashed(area, at(0.0, 0.5), at(folds, 0.5), MUTED)?;
        // A name of 12 px needs about 7 px a character; where there is no room, every second or third one stands.
        let room = f64::from(at(1.0, 0.5).0 - at(0.0, 0.5).0);
        let longest = data
            .folds
            .iter()
            .map(|fold| label(&fold.label, 16).chars().count())
            .max();
        let every = ((longest.unwrap_or(0) as f64 * 7.0 + 6.0) / room).ceil().max(1.0) as usize;
        for (place, fold) in data.folds.iter().enumerate() {
            let (x, y) = at(place as f64 + 0.5, from / 10.0);
            if place.is_multiple_of(every) {
                let name = label(&fold.label, 16);
                area.draw(&Text::new(name, (x, y + 16), text(12, INK, HPos::Center)))?;
            }
            let step = (room / (models.len() + 1) as f64).min(26.0);
            for auc in fold.models.iter().filter(shown) {
                let model = models.iter().position(|model| *model == auc.model).unwrap_or(0);
                let aside = (model as f64 - (models.len() - 1) as f64 / 2.0) * step;
                let height = |auc: f64| at(0.0, auc).1;
                let x = x + aside.round() as i32;
                let paint = of_model(model);
                whisker(
                    area,
                    x,
                    (height(auc.interval.low), height(auc.interval.high)),
                    paint,
                )?;
                marker(area, (x, height(auc.auc)), model, paint)?;
            }
        }
        Ok(())
    })
}
