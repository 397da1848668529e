//! The colors can be read, in both schemes.

use std::collections::BTreeMap;

/// The variables of a block of the style sheet.
fn colors(block: &str) -> BTreeMap<&str, [f64; 3]> {
    let lines = block.lines().filter_map(|line| {
        let (name, color) = line.trim().strip_prefix("--")?.split_once(": #")?;
        let color = u32::from_str_radix(color.trim_end_matches(';'), 16).unwrap();
        let part = |shift: u32| f64::from((color >> shift) & 0xff) / 255.0;
        Some((name, [part(16), part(8), part(0)]))
    });
    lines.collect()
}

/// The relative luminance of WCAG 2.
fn luminance(color: [f64; 3]) -> f64 {
    let linear = color.map(|part| match part <= 0.04045 {
        true => part / 12.92,
        false => ((part + 0.055) / 1.055).powf(2.4),
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    one.max(other) / one.min(other)
}

#[test]
fn text_has_a_contrast_of_4_5_and_lines_of_3_in_both_schemes() {
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
    let style = include_str!("../../assets/style.css");
    let blocks: Vec<_> = style.split(":root {").skip(1).map(colors).collect();
    assert_eq!(blocks.len(), 2, "light and dark");
    for colors in blocks {
        for text in ["text", "faint", "link", "good", "warn", "bad"] {
            for back in ["back", "raised"] {
                let contrast = contrast(colors[text], colors[back]);
                assert!(contrast >= 4.5, "{text} on {back}: {contrast:.2}");
            }
        }
        for back in ["back", "raised"] {
            let contrast = contrast(colors["line"], colors[back]);
            assert!(contrast >= 3.0, "line on {back}: {contrast:.2}");
        }
    }
}
