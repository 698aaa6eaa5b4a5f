//! The RFM heat map: customers and their mean risk by recency and frequency.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::canvas::{DrawError, INK, MESH, MUTED};
use super::canvas::{draw, nothing, text, upwards};
use super::data::RfmGrid;
use super::words::{count, percent};

/// From low to high risk: yellow to dark red in nine steps, ever darker, so that order is seen without colour (Brewer's
/// YlOrRd). The same in a dark window: what a colour means does not change with it.
const STEPS: [RGBColor; 9] = [
    RGBColor(0xFF, 0xFF, 0xCC),
    RGBColor(0xFF, 0xED, 0xA0),
    RGBColor(0xFE, 0xD9, 0x76),
    RGBColor(0xFE, 0xB2, 0x4C),
    RGBColor(0xFD, 0x8D, 0x3C),
    RGBColor(0xFC, 0x4E, 0x2A),
    RGBColor(0xE3, 0x1A, 0x1C),
    RGBColor(0xBD, 0x00, 0x26),
    RGBColor(0x80, 0x00, 0x26),
];
/// From this step on, white is read more easily than black.
const WHITE_FROM: usize = 6;
const CELL: (i32, i32) = (92, 62);
const LEFT: i32 = 96;
const TOP: i32 = 14;

/// Draws the map: rows by recency, the latest buyers at the top; columns by frequency; the colour is the mean risk.
///
/// # Errors
/// [`DrawError`] when the drawing crate fails.
pub fn rfm_map(data: &RfmGrid) -> Result<String, DrawError> {
    draw((640, 400), |area| {
        if data.cells.iter().flatten().all(Option::is_none) {
            return nothing(area);
        }
        for (recency, row) in data.cells.iter().enumerate() {
            for (frequency, cell) in row.iter().enumerate() {
                let left = LEFT + frequency as i32 * CELL.0;
                let top = TOP + (4 - recency as i32) * CELL.1;
                let corners = [(left, top), (left + CELL.0 - 2, top + CELL.1 - 2)];
                let (x, y) = (left + CELL.0 / 2 - 1, top + CELL.1 / 2 - 1);
                let Some(cell) = cell.filter(|cell| cell.mean_risk.is_finite()) else {
                    area.draw(&Rectangle::new(corners, MESH.light.stroke_width(1)))?;
                    area.draw(&Text::new("–", (x, y), text(14, MUTED, HPos::Center)))?;
                    continue;
                };
                let step = step_of(cell.mean_risk);
                let ink = if step >= WHITE_FROM { WHITE } else { BLACK };
                area.draw(&Rectangle::new(corners, STEPS[step].filled()))?;
                let of = |size| text(size, INK, HPos::Center).color(&ink);
                area.draw(&Text::new(percent(cell.mean_risk), (x, y - 10), of(17)))?;
                area.draw(&Text::new(count(cell.customers), (x, y + 13), of(13)))?;
            }
            let y = TOP + (4 - recency as i32) * CELL.1 + CELL.1 / 2;
            let name = (recency + 1).to_string();
            area.draw(&Text::new(
                name.clone(),
                (LEFT - 14, y),
                text(13, INK, HPos::Center),
            ))?;
            let x = LEFT + recency as i32 * CELL.0 + CELL.0 / 2;
            let below = TOP + 5 * CELL.1 + 12;
            area.draw(&Text::new(name, (x, below), text(13, INK, HPos::Center)))?;
        }
        let (middle, below) = (TOP + 5 * CELL.1 / 2, TOP + 5 * CELL.1 + 36);
        let recency = "recency (5: bought latest)";
        area.draw(&Text::new(recency, (LEFT - 44, middle), upwards(13, INK)))?;
        let frequency = "frequency (5: bought most often)";
        let centre = LEFT + 5 * CELL.0 / 2;
        area.draw(&Text::new(
            frequency,
            (centre, below),
            text(13, INK, HPos::Center),
        ))?;
        scale(area)
    })
}

/// The key of the colours.
fn scale(area: &super::canvas::Area<'_>) -> super::canvas::Drawn {
    let left = LEFT + 5 * CELL.0 + 14;
    let height = 5 * CELL.1 - 2;
    for (step, colour) in STEPS.iter().enumerate() {
        let (top, bottom) = (9 - step as i32 - 1, 9 - step as i32);
        let corners = [
            (left, TOP + height * top / 9),
            (left + 16, TOP + height * bottom / 9),
        ];
        area.draw(&Rectangle::new(corners, colour.filled()))?;
    }
    for quarter in 0..=4 {
        let y = TOP + height * (4 - quarter) / 4;
        let words = percent(f64::from(quarter) / 4.0);
        area.draw(&Text::new(words, (left + 22, y), text(12, INK, HPos::Left)))?;
    }
    Ok(())
}

fn step_of(risk: f64) -> usize {
    // Within 0 and 9, which a usize holds.
    ((risk.clamp(0.0, 1.0) * STEPS.len() as f64) as usize).min(STEPS.len() - 1)
}
