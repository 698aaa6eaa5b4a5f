//! The gains chart: how many leavers a campaign reaches that contacts the customers at highest risk first.

use plotters::prelude::*;

use super::canvas::{Axis, DrawError, INK, MUTED, Sign};
use super::canvas::{axes, dashed, draw, frame, legend, marker, nothing, of_model};
use super::data::{Gains, GainsLine};
use super::words::{label, percent};

/// Draws a line a model, the diagonal of a random order, and the line of the perfect one.
///
/// # Errors
/// [`DrawError`] when the drawing crate fails.
pub fn gains_chart(data: &Gains) -> Result<String, DrawError> {
    draw((640, 520), |area| {
        let finite = |line: &GainsLine| line.points.iter().all(|(x, y)| x.is_finite() && y.is_finite());
        let lines: Vec<_> = data
            .lines
            .iter()
            .enumerate()
            .filter(|(_, line)| !line.points.is_empty() && finite(line))
            .collect();
        if lines.is_empty() {
            return nothing(area);
        }
        let mut entries: Vec<_> = lines
            .iter()
            .map(|(at, line)| {
                let name = label(&line.model, 24);
                let quality = line.gini.filter(|gini| gini.is_finite());
                let quality = quality.map(|gini| format!(" (ranking quality {})", percent(gini)));
                (Sign::Model(*at), name + &quality.unwrap_or_default())
            })
            .collect();
        entries.push((Sign::Dashes(MUTED), "random order".to_owned()));
        entries.push((Sign::Dashes(INK), "perfect order".to_owned()));
        let top = legend(area, &entries)?;
        let mut chart = frame(area)
            .margin_top(top + 8)
            .build_cartesian_2d(Axis::unit(), Axis::unit())?;
        axes(
            &mut chart,
            "customers contacted, highest risk first",
            "leavers among them",
            &|share| percent(*share),
            &|share| percent(*share),
        )?;
        let at = |(x, y): (f64, f64)| chart.backend_coord(&(x.clamp(0.0, 1.0), y.clamp(0.0, 1.0)));
        dashed(area, at((0.0, 0.0)), at((1.0, 1.0)), MUTED)?;
        if data.positive_rate > 0.0 && data.positive_rate <= 1.0 {
            let corner = at((data.positive_rate, 1.0));
            dashed(area, at((0.0, 0.0)), corner, INK)?;
            dashed(area, corner, at((1.0, 1.0)), INK)?;
        }
        // The first model last, so that it is on top.
        for (place, line) in lines.into_iter().rev() {
            let paint = of_model(place);
            let points: Vec<_> = std::iter::once((0.0, 0.0))
                .chain(line.points.iter().copied())
                .map(at)
                .collect();
            area.draw(&PathElement::new(points.clone(), paint.light.stroke_width(2)))?;
            for &point in points.iter().skip(1) {
                marker(area, point, place, paint)?;
            }
        }
        Ok(())
    })
}
