//! A screen of a terminal as a picture.

use std::fmt::Write;

use vt100::{Cell, Color, Screen};

/// The size of a cell and of the space around the screen, in the units of the picture.
const WIDTH: f32 = 8.4;
const HEIGHT: u16 = 18;
const MARGIN: u16 = 16;

/// The colors of the picture do not depend on the page around it, so a dark page needs no other
/// picture.
const BACKGROUND: &str = "#161b22";
const FOREGROUND: &str = "#e6edf3";
const PALETTE: [&str; 16] = [
    "#484f58", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4",
    "#6e7681", "#ffa198", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#ffffff",
];

/// How a cell looks.
#[derive(PartialEq)]
struct Style {
    fill: String,
    background: Option<String>,
    is_bold: bool,
    is_dim: bool,
}

impl Style {
    fn of(cell: &Cell) -> Self {
        let (mut front, mut back) = (cell.fgcolor(), cell.bgcolor());
        let is_inverse = cell.inverse();
        if is_inverse {
            std::mem::swap(&mut front, &mut back);
        }
        let defaults = if is_inverse {
            (BACKGROUND, Some(FOREGROUND))
        } else {
            (FOREGROUND, None)
        };
        Self {
            fill: color(front).unwrap_or_else(|| defaults.0.to_owned()),
            background: color(back).or_else(|| defaults.1.map(str::to_owned)),
            is_bold: cell.bold(),
            is_dim: cell.dim(),
        }
    }
}

/// The value of a color; `None` for the default color.
fn color(color: Color) -> Option<String> {
    match color {
        Color::Default => None,
        Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
        Color::Idx(index @ 0..16) => Some(PALETTE[usize::from(index)].to_owned()),
        // A cube of six steps for each of red, green and blue.
        Color::Idx(index @ 16..232) => {
            let step = |divisor: u8| match (index - 16) / divisor % 6 {
                0 => 0,
                step => 55 + step * 40,
            };
            Some(format!("#{:02x}{:02x}{:02x}", step(36), step(6), step(1)))
        }
        Color::Idx(index) => {
            let gray = 8 + (index - 232) * 10;
            Some(format!("#{gray:02x}{gray:02x}{gray:02x}"))
        }
    }
}

/// The picture of the rows of `screen` up to the last one with text.
pub(crate) fn picture(screen: &Screen, title: &str) -> String {
    let (rows, columns) = screen.size();
    let lines = screen.contents().trim_end().lines().count();
    let used = u16::try_from(lines).unwrap_or(u16::MAX).min(rows.get());
    let width = f32::from(columns.get()) * WIDTH + f32::from(2 * MARGIN);
    let height = used * HEIGHT + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height}\" role=\"img\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" \
         font-size=\"14\">\n<title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n",
        escape(title)
    );
    for row in 0..used {
        let mut column = 0;
        while column < columns.get() {
            column = run(&mut svg, screen, row, column, columns.get());
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Writes the cells from `start` that look the same; returns the column after them.
fn run(svg: &mut String, screen: &Screen, row: u16, start: u16, columns: u16) -> u16 {
    let Some(style) = screen.cell(row, start).map(Style::of) else {
        return columns;
    };
    let mut text = String::new();
    let mut end = start;
    while let Some(cell) = screen
        .cell(row, end)
        .filter(|cell| Style::of(cell) == style)
    {
        match cell.contents() {
            _ if cell.is_wide_continuation() => {}
            "" => text.push(' '),
            contents => text.push_str(contents),
        }
        end += 1;
        if end == columns {
            break;
        }
    }
    let x = f32::from(start) * WIDTH + f32::from(MARGIN);
    let y = row * HEIGHT + MARGIN;
    let length = f32::from(end - start) * WIDTH;
    if let Some(background) = &style.background {
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y}\" width=\"{length:.1}\" height=\"{HEIGHT}\" fill=\"{background}\"/>"
        );
    }
    let shown = text.trim_end();
    if !shown.is_empty() {
        let indent = shown.len() - shown.trim_start().len();
        let cells = shown.chars().count();
        let visible = shown.trim_start();
        let x = x + indent as f32 * WIDTH;
        let length = (cells - indent) as f32 * WIDTH;
        let bold = if style.is_bold {
            " font-weight=\"bold\""
        } else {
            ""
        };
        let dim = if style.is_dim { " opacity=\"0.6\"" } else { "" };
        // The length keeps columns aligned in any font.
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{}\" fill=\"{}\"{bold}{dim} textLength=\"{length:.1}\" \
             lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\">{}</text>",
            y + 14,
            style.fill,
            escape(visible)
        );
    }
    end
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(written: &str) -> vt100::Parser {
        let size = |size: u16| size.try_into().expect("is not zero");
        let mut parser = vt100::Parser::new(size(5), size(20), 0);
        parser.process(written.as_bytes());
        parser
    }

    #[test]
    fn text_keeps_its_place_and_its_color() {
        let picture = picture(screen("a\r\n  \x1b[1;32m<ok>\x1b[0m b").screen(), "t & t");
        assert!(picture.contains("<title>t &amp; t</title>"), "{picture}");
        let ok = "<text x=\"32.8\" y=\"48\" fill=\"#3fb950\" font-weight=\"bold\" \
                  textLength=\"33.6\" lengthAdjust=\"spacingAndGlyphs\" \
                  xml:space=\"preserve\">&lt;ok&gt;</text>";
        assert!(picture.contains(ok), "{picture}");
    }

    #[test]
    fn rows_without_text_at_the_end_are_left_out() {
        assert!(picture(screen("a\r\nb").screen(), "t").contains("viewBox=\"0 0 200 68\""));
    }

    #[test]
    fn inverse_text_has_a_background() {
        let picture = picture(screen("\x1b[7mx\x1b[0m").screen(), "t");
        let fill = format!("fill=\"{FOREGROUND}\"/>");
        assert!(picture.contains(&fill), "{picture}");
    }

    #[test]
    fn colors_of_the_cube_are_calculated() {
        assert_eq!(color(Color::Idx(196)).as_deref(), Some("#ff0000"));
        assert_eq!(color(Color::Idx(255)).as_deref(), Some("#eeeeee"));
    }
}
