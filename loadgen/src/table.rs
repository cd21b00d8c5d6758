//! Tables of plain text: labels to the left, figures to the right.

use crate::latency::Summary;

/// Lines of `label  value`, the values aligned.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<(String, String)>);

impl Table {
    /// Adds a line.
    pub(crate) fn row(&mut self, label: &str, value: impl Into<String>) -> &mut Self {
        self.0.push((label.to_owned(), value.into()));
        self
    }

    /// The text, under a heading.
    pub(crate) fn render(&self, heading: &str) -> String {
        let width = self.0.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
        let mut text = format!("{heading}\n");
        for (label, value) in &self.0 {
            text.push_str(format!("  {label:width$}  {value}").trim_end());
            text.push('\n');
        }
        text
    }
}

/// A table of latencies, one line each; a collection without any says so.
pub(crate) fn latencies(rows: &[(&str, Option<&Summary>)]) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut text = format!(
        "{:width$}  {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n",
        "  latency, ms",
        "count",
        "mean",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
        width = width + 2
    );
    for (name, summary) in rows {
        text.push_str(&match summary {
            None => format!("  {name:width$}  {:>9}\n", "none"),
            Some(it) => format!(
                "  {name:width$}  {:>9} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>9.2}\n",
                it.count, it.mean_ms, it.p50_ms, it.p90_ms, it.p99_ms, it.p999_ms, it.max_ms
            ),
        });
    }
    text
}

/// A count with a blank between thousands.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A rate or another great figure: rounded to a whole, grouped.
pub(crate) fn rounded(figure: f64) -> String {
    let whole = format!("{figure:.0}");
    whole.parse().map_or(whole, grouped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_line_up() {
        let summary = Summary {
            count: 12_345,
            mean_ms: 15.5,
            p50_ms: 14.1,
            p90_ms: 20.0,
            p99_ms: 35.25,
            p999_ms: 101.0,
            max_ms: 1_234.5,
        };
        let expected = [
            "  latency, ms        count      mean       p50       p90       p99     p99.9       max\n",
            "  alerts             12345     15.50     14.10     20.00     35.25    101.00   1234.50\n",
            "  event answers       none\n",
        ];
        assert_eq!(latencies(&[("alerts", Some(&summary)), ("event answers", None)]), expected.concat());
    }

    #[test]
    fn labels_line_up() {
        let mut table = Table::default();
        table.row("lost", "0").row("expected", "1 000");
        assert_eq!(table.render("alerts"), "alerts\n  lost      0\n  expected  1 000\n");
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1 000", "1 234 567"]);
        assert_eq!(rounded(1_499.6), "1 500");
    }
}
