//! The drawing area, the palette and what all pictures share: axes, markers, legends.

use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::*;
use plotters::style::FontTransform;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Failed = DrawingAreaErrorKind<std::io::Error>;
pub(super) type Drawn = Result<(), Failed>;

/// A picture that could not be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the picture could not be drawn: {0}")]
pub struct DrawError(String);

/// A colour on white paper and the one that takes its place in a dark window.
#[derive(Clone, Copy)]
pub(super) struct Paint {
    pub(super) light: RGBColor,
    pub(super) dark: RGBColor,
}

const fn paint(light: (u8, u8, u8), dark: (u8, u8, u8)) -> Paint {
    Paint {
        light: RGBColor(light.0, light.1, light.2),
        dark: RGBColor(dark.0, dark.1, dark.2),
    }
}

/// Text.
pub(super) const INK: Paint = paint((0x1B, 0x1F, 0x24), (0xE6, 0xE9, 0xED));
/// Axes and lines of reference.
pub(super) const MUTED: Paint = paint((0x6A, 0x72, 0x7D), (0x9A, 0xA3, 0xAE));
/// The mesh.
pub(super) const MESH: Paint = paint((0xE3, 0xE6, 0xEA), (0x32, 0x38, 0x40));
/// The colours of models: blue, vermilion, green and purple after Okabe and Ito, which colour-blind readers tell apart,
/// then olive and cyan.
pub(super) const MODELS: [Paint; 6] = [
    paint((0x00, 0x72, 0xB2), (0x5A, 0xB6, 0xEC)),
    paint((0xD5, 0x5E, 0x00), (0xFF, 0x8F, 0x45)),
    paint((0x00, 0x9E, 0x73), (0x3D, 0xD0, 0xA4)),
    paint((0xA8, 0x55, 0x88), (0xE3, 0x9F, 0xC8)),
    paint((0x84, 0x6A, 0x1A), (0xD6, 0xC0, 0x6C)),
    paint((0x1F, 0x9F, 0xB5), (0x6F, 0xDC, 0xEC)),
];
/// Low, medium and high risk.
pub(super) const BANDS: [Paint; 3] = [
    paint((0x4F, 0xA9, 0xDB), (0x4E, 0x9F, 0xCC)),
    paint((0xE0, 0xA1, 0x00), (0xE3, 0xB3, 0x3A)),
    paint((0xB8, 0x3A, 0x00), (0xE8, 0x65, 0x2C)),
];

/// Every colour that a dark window exchanges.
pub(super) fn palette() -> impl Iterator<Item = Paint> {
    [INK, MUTED, MESH].into_iter().chain(MODELS).chain(BANDS)
}

/// A colour as style sheets and the SVG of the drawing crate write it.
pub(super) fn hex(RGBColor(r, g, b): RGBColor) -> String {
    format!("#{r:02X}{g:02X}{b:02X}")
}

/// The colour of the model at a place.
pub(super) fn of_model(at: usize) -> Paint {
    MODELS[at % MODELS.len()]
}

/// Draws a picture of `size` pixels; the page scales it.
pub(super) fn draw(size: (u32, u32), on: impl FnOnce(&Area<'_>) -> Drawn) -> Result<String, DrawError> {
    let mut svg = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        on(&area).and_then(|()| area.present())
    };
    drawn.map_err(|error| DrawError(error.to_string()))?;
    Ok(svg)
}

/// Text of a size in pixels, anchored as said.
pub(super) fn text(size: u32, paint: Paint, h_pos: HPos) -> TextStyle<'static> {
    // The drawing crate divides a size by 1.24 to come from its line height to the em of SVG.
    ("sans-serif", f64::from(size) * 1.24)
        .into_font()
        .color(&paint.light)
        .pos(Pos::new(h_pos, VPos::Center))
}

/// The same text, reading upwards.
pub(super) fn upwards(size: u32, paint: Paint) -> TextStyle<'static> {
    text(size, paint, HPos::Center).transform(FontTransform::Rotate270)
}

/// An axis with ticks where it is told, so that they stand at round numbers.
#[derive(Clone)]
pub(super) struct Axis {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) ticks: Vec<f64>,
}

impl Axis {
    /// 0 to 1 with ticks at every fifth.
    pub(super) fn unit() -> Self {
        Self::evenly(0.0, 1.0, 5)
    }

    /// `from` to `to` in `steps` equal steps.
    pub(super) fn evenly(from: f64, to: f64, steps: u32) -> Self {
        let ticks = (0..=steps)
            .map(|step| from + (to - from) * f64::from(step) / f64::from(steps))
            .collect();
        Self { from, to, ticks }
    }

    /// 0 to at least `most`, with ticks at round numbers: 1, 2 or 5 times a power of ten apart.
    pub(super) fn counts(most: u64, steps: u32) -> Self {
        let apart = (most.max(1) as f64 / f64::from(steps)).max(1.0);
        let power = 10f64.powi(apart.log10().floor() as i32);
        let round = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
        let step = round
            .into_iter()
            .find(|&step| step >= apart - 1e-9)
            .unwrap_or(apart);
        let needed = (most.max(1) as f64 / step).ceil().max(1.0);
        Self::evenly(0.0, needed * step, needed as u32)
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value - self.from) / (self.to - self.from);
        limit.0 + (share * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.from..self.to
    }
}

/// The shape that marks a model, so that colour is not needed to tell it: four filled ones, then hollow ones.
pub(super) fn marker(area: &Area<'_>, (x, y): (i32, i32), at: usize, paint: Paint) -> Drawn {
    let corners = match at % 4 {
        0 if at < 4 => return area.draw(&Circle::new((x, y), 5, paint.light.filled())),
        0 => return area.draw(&Circle::new((x, y), 5, paint.light.stroke_width(2))),
        1 => vec![(x, y - 6), (x + 6, y + 5), (x - 6, y + 5)],
        2 => vec![(x - 5, y - 5), (x + 5, y - 5), (x + 5, y + 5), (x - 5, y + 5)],
        _ => vec![(x, y - 6), (x + 6, y), (x, y + 6), (x - 6, y)],
    };
    if at < 4 {
        return area.draw(&Polygon::new(corners, paint.light.filled()));
    }
    let closed = corners.iter().chain(corners.first()).copied();
    area.draw(&PathElement::new(
        closed.collect::<Vec<_>>(),
        paint.light.stroke_width(2),
    ))
}

/// A straight line of dashes.
pub(super) fn dashed(area: &Area<'_>, from: (i32, i32), to: (i32, i32), paint: Paint) -> Drawn {
    let (dx, dy) = (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
    let length = dx.hypot(dy);
    let at = |along: f64| {
        let share = (along / length.max(1.0)).min(1.0);
        (
            from.0 + (dx * share).round() as i32,
            from.1 + (dy * share).round() as i32,
        )
    };
    let mut along = 0.0;
    while along < length {
        let dash = PathElement::new(vec![at(along), at(along + 6.0)], paint.light.stroke_width(2));
        area.draw(&dash)?;
        along += 11.0;
    }
    Ok(())
}

/// How an entry of a legend is drawn.
pub(super) enum Sign {
    /// The line and marker of the model at a place.
    Model(usize),
    /// A filled box.
    Filled(Paint),
    /// A line of dashes.
    Dashes(Paint),
    /// A point with its interval.
    Interval(Paint),
}

/// Draws a legend at the top of a picture, entries side by side as far as there is room, then below. Returns where it
/// ends.
pub(super) fn legend(area: &Area<'_>, entries: &[(Sign, String)]) -> Result<i32, Failed> {
    let (left, top, right) = (64, 14, area.dim_in_pixel().0 as i32 - 8);
    const LINE: i32 = 20;
    let (mut x, mut y) = (left, top);
    for (sign, words) in entries {
        // 0.6 em a character is enough for the wider of the common sans-serif fonts; no font is at hand to ask.
        let width = 34 + (words.chars().count() as f64 * 13.0 * 0.6).ceil() as i32;
        if x > left && x + width > right {
            x = left;
            y += LINE;
        }
        let middle = x + 12;
        match sign {
            Sign::Model(at) => {
                let paint = of_model(*at);
                let line = PathElement::new(vec![(x, y), (x + 24, y)], paint.light.stroke_width(2));
                area.draw(&line)?;
                marker(area, (middle, y), *at, paint)?;
            }
            Sign::Filled(paint) => {
                let corners = [(x + 4, y - 6), (x + 20, y + 6)];
                area.draw(&Rectangle::new(corners, paint.light.filled()))?;
            }
            Sign::Dashes(paint) => dashed(area, (x, y), (x + 24, y), *paint)?,
            Sign::Interval(paint) => {
                whisker(area, middle, (y - 8, y + 8), *paint)?;
                area.draw(&Circle::new((middle, y), 5, paint.light.filled()))?;
            }
        }
        area.draw(&Text::new(words.clone(), (x + 30, y), text(13, INK, HPos::Left)))?;
        x += width + 14;
    }
    Ok(y + LINE / 2)
}

/// An interval as a vertical line with feet.
pub(super) fn whisker(area: &Area<'_>, x: i32, (low, high): (i32, i32), paint: Paint) -> Drawn {
    let style = paint.light.stroke_width(2);
    for line in [
        [(x, low), (x, high)],
        [(x - 4, low), (x + 4, low)],
        [(x - 4, high), (x + 4, high)],
    ] {
        area.draw(&PathElement::new(line.to_vec(), style))?;
    }
    Ok(())
}

/// The word in a picture that has nothing to show.
pub(super) fn nothing(area: &Area<'_>) -> Drawn {
    let (width, height) = area.dim_in_pixel();
    let middle = ((width / 2) as i32, (height / 2) as i32);
    area.draw(&Text::new("No data", middle, text(16, MUTED, HPos::Center)))
}

/// Where every chart with axes begins: the same room for labels, so that charts one above the other line up.
pub(super) fn frame<'a, 'b>(area: &'a Area<'b>) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut frame = ChartBuilder::on(area);
    frame
        .margin_left(8)
        .margin_right(24)
        .margin_bottom(6)
        .set_label_area_size(LabelAreaPosition::Left, 62)
        .set_label_area_size(LabelAreaPosition::Bottom, 44);
    frame
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;

/// Draws axes, mesh and labels.
pub(super) fn axes(
    chart: &mut Chart<'_, '_>,
    x_name: &str,
    y_name: &str,
    x_label: &dyn Fn(&f64) -> String,
    y_label: &dyn Fn(&f64) -> String,
) -> Drawn {
    chart
        .configure_mesh()
        .axis_style(MUTED.light)
        .bold_line_style(MESH.light)
        .light_line_style(TRANSPARENT)
        .label_style(text(12, INK, HPos::Center))
        .axis_desc_style(text(13, INK, HPos::Center))
        .x_desc(x_name)
        .y_desc(y_name)
        .x_label_formatter(x_label)
        .y_label_formatter(y_label)
        .draw()
}
