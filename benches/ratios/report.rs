//! What was measured, as the table that the README quotes.

use std::{fmt, process::ExitCode};

/// The bound of a number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(bound) => write!(f, "≤ {bound}"),
            Self::AtLeast(bound) => write!(f, "≥ {bound}"),
        }
    }
}

/// Rows of the table.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<String>,
    missed: usize,
}

impl Report {
    /// One number with its bound; `how` tells what it is made of.
    pub(crate) fn add(&mut self, what: &str, value: f64, bound: Bound, how: &str) {
        let verdict = if bound.holds(value) {
            ""
        } else {
            " **missed**"
        };
        self.missed += usize::from(!bound.holds(value));
        let row = format!("| {what} | {value:.2}{verdict} | {bound} | {how} |");
        println!("{row}");
        self.rows.push(row);
    }

    /// One number that no bound is set for.
    pub(crate) fn tell(&mut self, what: &str, value: f64, how: &str) {
        let row = format!("| {what} | {value:.2} | | {how} |");
        println!("{row}");
        self.rows.push(row);
    }

    /// Prints the table; 1 if a bound was missed.
    pub(crate) fn print(self) -> ExitCode {
        println!("\n| What | Measured | Bound | Made of |\n|---|---|---|---|");
        for row in &self.rows {
            println!("{row}");
        }
        if self.missed == 0 {
            ExitCode::SUCCESS
        } else {
            println!("\n{} missed", self.missed);
            ExitCode::FAILURE
        }
    }
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    assert!(!values.is_empty(), "nothing was measured");
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    }
}
