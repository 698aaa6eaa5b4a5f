//! The reliability curve: what was predicted against what happened.

use plotters::prelude::*;

use super::canvas::{Area, Axis, DrawError, Drawn, INK, MODELS, MUTED, Sign};
use super::canvas::{axes, dashed, draw, frame, legend, nothing, whisker};
use super::data::Reliability;
use super::words::{count, percent};

/// Draws the curve with the 95 % interval of each bin, the diagonal, and the spread of the probabilities beneath.
///
/// # Errors
/// [`DrawError`] when the drawing crate fails.
pub fn reliability_curve(data: &Reliability) -> Result<String, DrawError> {
    draw((640, 600), |area| {
        let bins: Vec<_> = data
            .bins
            .iter()
            .filter(|bin| bin.rows > 0 && bin.predicted.is_finite() && bin.observed.is_finite())
            .collect();
        if bins.is_empty() {
            return nothing(area);
        }
        let blue = MODELS[0];
        let entries = [
            (Sign::Interval(blue), "churned, with 95 % interval".to_owned()),
            (Sign::Dashes(MUTED), "as predicted".to_owned()),
        ];
        let top = legend(area, &entries)?;
        let (upper, lower) = area.split_vertically(430);
        let mut chart = frame(&upper)
            .margin_top(top + 8)
            .build_cartesian_2d(Axis::unit(), Axis::unit())?;
        axes(&mut chart, "", "customers who churned", &|p| percent(*p), &|p| {
            percent(*p)
        })?;
        let at = |x: f64, y: f64| chart.backend_coord(&(x, y));
        dashed(area, at(0.0, 0.0), at(1.0, 1.0), MUTED)?;
        let points: Vec<_> = bins.iter().map(|bin| at(bin.predicted, bin.observed)).collect();
        area.draw(&PathElement::new(points.clone(), blue.light.stroke_width(2)))?;
        for (bin, &point) in bins.iter().zip(&points) {
            let interval = bin.interval();
            let ends = (
                at(bin.predicted, interval.low).1,
                at(bin.predicted, interval.high).1,
            );
            whisker(area, point.0, ends, blue)?;
            area.draw(&Circle::new(point, 5, blue.light.filled()))?;
        }
        spread(area, &lower, data)
    })
}

/// The histogram of the probabilities, on the axis of the curve.
fn spread(area: &Area<'_>, below: &Area<'_>, data: &Reliability) -> Drawn {
    let counts = &data.scores.counts;
    let most = counts.iter().copied().max().unwrap_or(0);
    let mut chart = frame(below)
        .margin_top(8)
        .build_cartesian_2d(Axis::unit(), Axis::counts(most, 3))?;
    // Counts of customers are whole and far below 2^53.
    axes(
        &mut chart,
        "predicted probability to churn",
        "customers",
        &|p| percent(*p),
        &|n| count(*n as u64),
    )?;
    let width = 1.0 / counts.len().max(1) as f64;
    for (bin, &customers) in counts.iter().enumerate().filter(|bin| *bin.1 > 0) {
        let (left, top) = chart.backend_coord(&(bin as f64 * width, customers as f64));
        let (right, bottom) = chart.backend_coord(&((bin + 1) as f64 * width, 0.0));
        let corners = [(left, top), ((right - 1).max(left + 1), bottom)];
        area.draw(&Rectangle::new(corners, MUTED.light.filled()))?;
    }
    let (from, to) = (chart.backend_coord(&(0.0, 0.0)), chart.backend_coord(&(1.0, 0.0)));
    area.draw(&PathElement::new(vec![from, to], INK.light.stroke_width(1)))
}
