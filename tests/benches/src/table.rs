//! The table that the program prints, and the numbers in it.

use comfy_table::{Table, presets};
use serde::Serialize;

/// One line: what was measured for this host and for its peer, and what was wanted.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// What was done.
    pub(crate) work: String,
    /// The measurement of this host, with its unit.
    pub(crate) ours: String,
    /// That of the alternative; `-` where the target is no ratio, or the alternative is not installed.
    pub(crate) peer: String,
    /// How many times better this host is; below 1 it is worse.
    pub(crate) ratio: Option<f64>,
    /// What was wanted.
    pub(crate) target: String,
    /// Whether it was met; `None` where that cannot be said.
    pub(crate) met: Option<bool>,
}

impl Row {
    /// A line about this host alone.
    pub(crate) fn alone(work: &str, ours: String, target: &str, met: bool) -> Self {
        Self {
            work: work.to_owned(),
            ours,
            peer: "-".to_owned(),
            ratio: None,
            target: target.to_owned(),
            met: Some(met),
        }
    }

    /// A line that compares; the ratio says how many times better this host is, and is to be at least `least`.
    pub(crate) fn compared(work: &str, ours: String, peer: String, ratio: f64, least: f64) -> Self {
        Self {
            work: work.to_owned(),
            ours,
            peer,
            ratio: Some(ratio),
            target: format!("at least {least:.2}x"),
            met: Some(ratio >= least),
        }
    }

    /// A line whose peer is not here.
    pub(crate) fn without_peer(work: &str, ours: String, target: &str) -> Self {
        Self {
            work: work.to_owned(),
            ours,
            peer: "not installed".to_owned(),
            ratio: None,
            target: target.to_owned(),
            met: None,
        }
    }
}

/// The table.
pub(crate) fn render(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["work", "ours", "peer", "ratio", "target", "met"]);
    for row in rows {
        let ratio = row
            .ratio
            .map_or("-".to_owned(), |ratio| format!("{ratio:.2}x"));
        let met = row.met.map_or("-", |met| if met { "yes" } else { "no" });
        table.add_row([
            row.work.as_str(),
            row.ours.as_str(),
            row.peer.as_str(),
            ratio.as_str(),
            row.target.as_str(),
            met,
        ]);
    }
    table
}

/// The value below which this part of the values is; 0 of none.
pub(crate) fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let index = (values.len().saturating_sub(1) as f64 * part).round() as usize;
    values.get(index).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_held_against_its_target() {
        let row = |ratio| Row::compared("x", String::new(), String::new(), ratio, 0.8).met;
        assert_eq!((row(0.8), row(0.79)), (Some(true), Some(false)));
    }

    #[test]
    fn quantiles_are_values_of_the_list() {
        let mut values: Vec<f64> = (1..=101).rev().map(f64::from).collect();
        assert_eq!(quantile(&mut values, 0.5), 51.0);
        assert_eq!(quantile(&mut values, 1.0), 101.0);
        assert_eq!(quantile(&mut [], 0.5), 0.0);
    }
}
