//! Draws rows and their bars.

use std::path::Path;

use anyhow::{Context, Result, bail};
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::table::Row;

/// The height of a row: a line of text, and the bar below it.
const ROW: i32 = 46;
const WIDTH: i32 = 900;
/// The space on the left and on the right, and above and below the rows.
const SIDE: i32 = 24;
const TOP: i32 = 56;
const BOTTOM: i32 = 40;

const INK: RGBColor = RGBColor(31, 35, 40);
const GRID: RGBColor = RGBColor(208, 215, 222);
const MET: RGBColor = RGBColor(31, 111, 235);
const MISSED: RGBColor = RGBColor(188, 76, 0);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws how many times better than its bar each row is, on a logarithmic axis. Rows whose bar is
/// not a number are left out.
///
/// # Errors
/// No row has a number as its bar, or the file cannot be written.
pub fn draw(rows: &[Row], path: &Path) -> Result<()> {
    let rows: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((row, row.margin.filter(|margin| margin.is_normal())?)))
        .collect();
    if rows.is_empty() {
        bail!("no row has a number as its bar, so there is nothing to draw");
    }
    let exponents = rows.iter().map(|(_, margin)| margin.log2());
    let axis = Axis {
        low: exponents.clone().fold(-1.0, f64::min).floor(),
        high: exponents.fold(1.0, f64::max).ceil(),
    };
    let height = TOP + BOTTOM + ROW * i32::try_from(rows.len())?;
    let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
    let area = SVGBackend::new(path, size).into_drawing_area();
    (|| {
        // The picture has a background, so a dark page needs no other picture.
        area.fill(&WHITE)?;
        grid(&area, &axis, height)?;
        for (index, (row, margin)) in (0..).zip(&rows) {
            bar(&area, &axis, TOP + index * ROW, row, *margin)?;
        }
        area.present()
    })()
    .with_context(|| format!("cannot write {}", path.display()))
}

/// The powers of two at the ends of the axis.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    fn x(&self, exponent: f64) -> i32 {
        let width = f64::from(WIDTH - 2 * SIDE);
        SIDE + ((exponent - self.low) / (self.high - self.low) * width) as i32
    }
}

fn font(size: i32, color: &RGBColor) -> TextStyle<'_> {
    ("sans-serif", size).into_font().color(color)
}

fn grid(area: &Area<'_>, axis: &Axis, height: i32) -> Result<(), Failure> {
    let title = "How many times better than its bar each figure is (1: the bar is met exactly)";
    area.draw(&Text::new(title, (SIDE, 16), font(16, &INK)))?;
    for exponent in axis.low as i32..=axis.high as i32 {
        let x = axis.x(exponent.into());
        let width = if exponent == 0 { 2 } else { 1 };
        let color = if exponent == 0 { INK } else { GRID };
        let line = [(x, TOP - 8), (x, height - BOTTOM)];
        area.draw(&PathElement::new(line, color.stroke_width(width)))?;
        let label = match exponent {
            0.. => format!("{}×", 1_u64 << exponent),
            _ => format!("1/{}×", 1_u64 << -exponent),
        };
        area.draw(&Text::new(
            label,
            (x - 8, height - BOTTOM + 10),
            font(13, &INK),
        ))?;
    }
    Ok(())
}

fn bar(area: &Area<'_>, axis: &Axis, y: i32, row: &Row, margin: f64) -> Result<(), Failure> {
    let text = format!("{}: {} (bar {})", row.what, row.figure, row.bar);
    area.draw(&Text::new(text, (SIDE, y), font(14, &INK)))?;
    let color = if row.met == Some(false) { MISSED } else { MET };
    // A bar of no width would not be visible.
    let (from, to) = (axis.x(0.0), axis.x(margin.log2()));
    let (left, right) = (from.min(to) - 1, from.max(to) + 1);
    area.draw(&Rectangle::new(
        [(left, y + 20), (right, y + 34)],
        color.filled(),
    ))
}

type Failure = DrawingAreaErrorKind<std::io::Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_missed_its_bar_has_another_color() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("rows.svg");
        let rows = [
            Row::at_most("small < large", 2.0, 8.0),
            Row::at_least("missed", 0.5, 1.0),
            Row::stated("without a bar", "7"),
        ];
        draw(&rows, &path)?;
        let picture = std::fs::read_to_string(path)?;
        assert!(
            picture.contains("small &lt; large: 2.00 (bar ≤ 8)"),
            "{picture}"
        );
        assert!(!picture.contains("without a bar"), "{picture}");
        let bars = |color| picture.matches(color).count();
        assert_eq!((bars("#1F6FEB"), bars("#BC4C00")), (1, 1));
        Ok(())
    }

    #[test]
    fn without_a_bar_there_is_an_error() {
        let error = draw(&[Row::stated("x", "1")], Path::new("/x.svg")).expect_err("no bar");
        assert!(error.to_string().contains("nothing to draw"), "{error}");
    }
}
