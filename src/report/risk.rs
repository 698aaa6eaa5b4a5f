//! How the risk is spread over the customers of today.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::canvas::{Axis, BANDS, DrawError, INK, Sign};
use super::canvas::{axes, dashed, draw, frame, legend, nothing, text};
use super::data::RiskDistribution;
use super::words::{count, percent};

/// Draws customers by probability, in the colours of the bands. A bin that a limit cuts has the colour of its middle.
///
/// # Errors
/// [`DrawError`] when the drawing crate fails.
pub fn risk_distribution(data: &RiskDistribution) -> Result<String, DrawError> {
    draw((640, 400), |area| {
        let counts = &data.scores.counts;
        let most = counts.iter().copied().max().unwrap_or(0);
        if most == 0 {
            return nothing(area);
        }
        let all = data.bands.iter().sum::<u64>().max(1) as f64;
        let entries: Vec<_> = ["low", "medium", "high"]
            .iter()
            .zip(BANDS)
            .zip(data.bands)
            .map(|((band, paint), customers)| {
                let share = percent(customers as f64 / all);
                (
                    Sign::Filled(paint),
                    format!("{band}: {} ({share})", count(customers)),
                )
            })
            .collect();
        let top = legend(area, &entries)?;
        let mut chart = frame(area)
            .margin_top(top + 26)
            .build_cartesian_2d(Axis::unit(), Axis::counts(most, 4))?;
        // Counts of customers are whole and far below 2^53.
        axes(
            &mut chart,
            "predicted probability to churn",
            "customers",
            &|p| percent(*p),
            &|n| count(*n as u64),
        )?;
        let width = 1.0 / counts.len() as f64;
        for (bin, &customers) in counts.iter().enumerate().filter(|bin| *bin.1 > 0) {
            let middle = (bin as f64 + 0.5) * width;
            let band = usize::from(middle >= data.low_below) + usize::from(middle > data.high_above);
            let (left, top) = chart.backend_coord(&(bin as f64 * width, customers as f64));
            let (right, bottom) = chart.backend_coord(&((bin + 1) as f64 * width, 0.0));
            let corners = [(left, top.min(bottom - 1)), ((right - 1).max(left + 1), bottom)];
            area.draw(&Rectangle::new(corners, BANDS[band].light.filled()))?;
        }
        let (_, floor) = chart.backend_coord(&(0.0, 0.0));
        for limit in [data.low_below, data.high_above] {
            let (x, _) = chart.backend_coord(&(limit.clamp(0.0, 1.0), 0.0));
            dashed(area, (x, top + 16), (x, floor), INK)?;
            area.draw(&Text::new(
                percent(limit),
                (x, top + 8),
                text(12, INK, HPos::Center),
            ))?;
        }
        Ok(())
    })
}
