//! The table: the measured values, their bars, and whether the bars were met.

use std::fmt;

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// The measured quantity.
    pub what: String,
    /// The result.
    pub figure: String,
    /// The bar.
    pub bar: String,
    /// Whether the bar was met; `None` for a row without a bar.
    pub met: Option<bool>,
    /// How many times better than the bar the result is; less than 1 if the bar was not met. `None`
    /// for a row whose bar is not a number.
    pub margin: Option<f64>,
    /// Additional details.
    pub note: String,
}

impl Row {
    /// A row without a bar.
    pub fn stated(what: impl Into<String>, figure: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            figure: figure.into(),
            bar: "stated".to_owned(),
            met: None,
            margin: None,
            note: String::new(),
        }
    }

    /// A row whose result has to be at least `bar`.
    pub fn at_least(what: impl Into<String>, figure: f64, bar: f64) -> Self {
        Self {
            bar: format!("≥ {bar}"),
            met: Some(figure >= bar),
            margin: Some(figure / bar),
            ..Self::stated(what, format!("{figure:.2}"))
        }
    }

    /// A row whose result must not be greater than `bar`.
    pub fn at_most(what: impl Into<String>, figure: f64, bar: f64) -> Self {
        Self {
            bar: format!("≤ {bar}"),
            met: Some(figure <= bar),
            margin: Some(bar / figure),
            ..Self::stated(what, format!("{figure:.2}"))
        }
    }

    /// Adds a note.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// Rows, printed as Markdown.
#[derive(Debug)]
pub struct Table<'a>(pub &'a [Row]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| row | figure | bar | met | details |")?;
        writeln!(f, "|---|---|---|---|---|")?;
        for row in self.0 {
            let met = match row.met {
                Some(true) => "yes",
                Some(false) => "NO",
                None => "",
            };
            writeln!(
                f,
                "| {} | {} | {} | {met} | {} |",
                row.what, row.figure, row.bar, row.note
            )?;
        }
        Ok(())
    }
}

/// The median; 0 if there are no values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_whether_its_bar_was_met() {
        assert_eq!(Row::at_least("x", 0.7, 0.7).met, Some(true));
        assert_eq!(Row::at_most("x", 1.31, 1.3).met, Some(false));
        let table = Table(&[Row::at_most("x", 1.31, 1.3)]).to_string();
        assert!(table.ends_with("| x | 1.31 | ≤ 1.3 | NO |  |\n"), "{table}");
    }

    #[test]
    fn one_outlier_does_not_move_the_median() {
        assert_eq!(median(vec![9000.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(Vec::new()), 0.0);
    }
}
