//! Tables that fit the terminal.

use crate::clean;
use crate::failure::Failure;
use crate::output::{Output, Style, Text};

/// The space between two columns.
const GAP: usize = 2;
/// A column that is cut keeps so much.
const LEAST: usize = 8;

pub(crate) struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<Text>>,
}

impl Table {
    pub(crate) fn new(heads: &[&'static str]) -> Self {
        Self {
            heads: heads.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [Text; N]) {
        self.rows.push(cells.to_vec());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many lines it takes.
    pub(crate) fn height(&self) -> usize {
        self.rows.len() + 1
    }

    /// The widths of the columns in so many columns of the terminal: the last ones are cut first.
    fn widths(&self, most: Option<usize>) -> Vec<usize> {
        let heads = self.heads.iter().map(|head| clean::width(head));
        let mut widths: Vec<_> = heads.collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(clean::width(&cell.text));
            }
        }
        let gaps = GAP * widths.len().saturating_sub(1);
        let total = widths.iter().sum::<usize>() + gaps;
        let mut over = most.map_or(0, |most| total.saturating_sub(most));
        // What is left over after the first round is taken in the second, to the last column.
        for least in [LEAST, 0] {
            for width in widths.iter_mut().rev() {
                let cut = over.min(width.saturating_sub(least));
                *width -= cut;
                over -= cut;
            }
        }
        widths
    }

    /// Prints it, with the heads of the columns or without.
    pub(crate) fn print(&self, out: &mut Output, heads: bool) -> Result<(), Failure> {
        let widths = self.widths(out.width);
        let bold = self.heads.iter().map(|head| Text::new(Style::Bold, head));
        let heads = heads.then(|| bold.collect::<Vec<_>>());
        for row in heads.iter().chain(&self.rows) {
            out.styled(&padded(row, &widths))?;
        }
        Ok(())
    }
}

/// The cells of a row in the widths of their columns. The last one ends where its text does.
fn padded(row: &[Text], widths: &[usize]) -> Vec<Text> {
    let last = row.len().saturating_sub(1);
    let cells = row
        .iter()
        .zip(widths)
        .enumerate()
        .map(|(i, (cell, &width))| {
            let mut text = clean::fit(&cell.text, width);
            let style = cell.style;
            if i < last {
                let space = (width + GAP).saturating_sub(clean::width(&text));
                text.extend(std::iter::repeat_n(' ', space));
            }
            Text { text, style }
        });
    cells.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["ID", "STATE", "ERROR"]);
        table.row([
            "a-1".into(),
            "failed".into(),
            "connection refused by the other side".into(),
        ]);
        table.row(["日本-2".into(), "queued".into(), "\u{1b}[2J".into()]);
        table
    }

    fn lines(most: Option<usize>) -> Vec<String> {
        let table = table();
        let widths = table.widths(most);
        let rows = table.rows.iter().map(|row| padded(row, &widths));
        rows.map(|row| row.into_iter().map(|cell| cell.text).collect())
            .collect()
    }

    #[test]
    fn columns_stand_below_each_other() {
        assert_eq!(
            lines(None),
            [
                "a-1     failed  connection refused by the other side",
                "日本-2  queued  \\u{1b}[2J",
            ]
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        assert_eq!(lines(Some(30))[0], "a-1     failed  connection re…");
        for most in 4..60 {
            for line in lines(Some(most)) {
                assert!(clean::width(&line) <= most, "{most}: {line:?}");
            }
        }
    }
}
