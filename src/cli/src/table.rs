//! Tables that fit the terminal.

use crate::clean;
use crate::failure::Failure;
use crate::output::{Output, Style, Text};

/// The space between two columns.
const GAP: usize = 2;
/// A column that is cut keeps so much, if it can.
const LEAST: usize = 8;
/// Free text with less room than this stands on a line of its own.
const ROOM: usize = 24;
/// The space before it there.
const INDENT: usize = 4;

/// A table. Its last column may be free text, such as an error.
pub(crate) struct Table {
    heads: Vec<&'static str>,
    /// The column that is cut last: ids and names are for use in further commands.
    key: usize,
    /// How many of the last columns are free text, or belong to it.
    texts: usize,
    rows: Vec<Vec<Text>>,
}

impl Table {
    /// A table of short columns. The first is the key.
    pub(crate) fn new(heads: &[&'static str]) -> Self {
        Self {
            heads: heads.to_vec(),
            key: 0,
            texts: 0,
            rows: Vec::new(),
        }
    }

    /// A table whose last column is free text.
    pub(crate) fn with_text(heads: &[&'static str], key: usize) -> Self {
        Self::with_texts(heads, key, 1)
    }

    /// The same, where so many of the last columns stand below a row together.
    pub(crate) fn with_texts(heads: &[&'static str], key: usize, texts: usize) -> Self {
        Self {
            key,
            texts,
            ..Self::new(heads)
        }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [Text; N]) {
        self.rows.push(cells.to_vec());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Leaves out rows that do not fit into so many lines.
    pub(crate) fn shorten(&mut self, lines: usize) {
        self.rows.truncate(lines.saturating_sub(1));
    }

    /// How many lines it takes, without free text.
    pub(crate) fn height(&self) -> usize {
        self.rows.len() + 1
    }

    /// Prints it, with the heads of the columns or without.
    pub(crate) fn print(&self, out: &mut Output, heads: bool) -> Result<(), Failure> {
        let lines = self.lines(out.width, heads);
        lines.iter().try_for_each(|line| out.styled(line))
    }

    fn lines(&self, most: Option<usize>, heads: bool) -> Vec<Vec<Text>> {
        let natural = self.natural();
        let text = (self.texts > 0).then(|| natural.len() - 1);
        let before: usize = natural
            .iter()
            .take(text.unwrap_or(0))
            .map(|width| width + GAP)
            .sum();
        let room = most.map(|most| most.saturating_sub(before));
        // Texts that belong together are for use in further commands: they are not cut.
        let is_whole = self.texts > 1;
        let is_below = text.is_some_and(|text| {
            room.is_some_and(|room| (is_whole || room < ROOM) && natural[text] > room)
        });
        let columns = natural.len() - if is_below { self.texts } else { 0 };
        let widths = cut(&natural[..columns], most, self.key);
        let bold = self.heads.iter().map(|head| Text::new(Style::Bold, head));
        let heads = heads.then(|| bold.collect::<Vec<_>>());
        let mut lines: Vec<_> = heads
            .iter()
            .map(|row| padded(&row[..columns], &widths))
            .collect();
        for row in &self.rows {
            lines.push(padded(&row[..columns], &widths));
            let below = row[columns..].iter().filter(|text| !text.text.is_empty());
            let most = most.filter(|_| !is_whole);
            lines.extend(below.map(|text| indented(text, most)));
        }
        lines
    }

    /// The widths that the columns need.
    fn natural(&self) -> Vec<usize> {
        let heads = self.heads.iter().map(|head| clean::width(head));
        let mut widths: Vec<_> = heads.collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(clean::width(&cell.text));
            }
        }
        widths
    }
}

/// The widths in so many columns of the terminal. The last ones are cut first, and the key last.
fn cut(natural: &[usize], most: Option<usize>, key: usize) -> Vec<usize> {
    let mut widths = natural.to_vec();
    let total = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
    let mut over = most.map_or(0, |most| total.saturating_sub(most));
    for (least, of_key) in [(LEAST, false), (0, false), (0, true)] {
        for (i, width) in widths.iter_mut().enumerate().rev() {
            if of_key == (i == key) {
                let less = over.min(width.saturating_sub(least));
                *width -= less;
                over -= less;
            }
        }
    }
    widths
}

/// The cells of a row in the widths of their columns. The last one ends where its text does.
fn padded(row: &[Text], widths: &[usize]) -> Vec<Text> {
    let last = row.len().saturating_sub(1);
    let cells = row.iter().zip(widths).enumerate();
    let cells = cells.map(|(i, (cell, &width))| {
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

fn indented(text: &Text, most: Option<usize>) -> Vec<Text> {
    let most = most.unwrap_or(usize::MAX);
    let indent = INDENT.min(most);
    let fitting = clean::fit(&text.text, most - indent);
    let style = text.style;
    let text = format!("{}{fitting}", " ".repeat(indent));
    vec![Text { text, style }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(most: Option<usize>) -> Vec<String> {
        let mut table = Table::with_text(&["ID", "STATE", "ERROR"], 0);
        let refused = "connection refused by the other side";
        table.row(["a-1".into(), "failed".into(), refused.into()]);
        table.row(["日本-2".into(), "queued".into(), "\u{1b}[2J".into()]);
        let lines = table.lines(most, false).into_iter();
        lines
            .map(|line| line.into_iter().map(|cell| cell.text).collect())
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
    fn text_without_room_has_a_line_of_its_own() {
        assert_eq!(
            lines(Some(42))[0],
            "a-1     failed  connection refused by the…"
        );
        assert_eq!(
            lines(Some(30)),
            [
                "a-1     failed",
                "    connection refused by the…",
                "日本-2  queued",
                "    \\u{1b}[2J",
            ]
        );
    }

    #[test]
    fn texts_that_belong_together_stand_below_together() {
        let mut table = Table::with_texts(&["COUNT", "SUCH AS", "CAUSE"], 1, 2);
        table.row([
            "7".into(),
            "a-1".into(),
            "connection refused by the other side".into(),
        ]);
        let lines = table.lines(Some(30), false).into_iter();
        let lines = lines.map(|line| line.into_iter().map(|cell| cell.text).collect::<String>());
        let lines: Vec<_> = lines.collect();
        assert_eq!(
            lines,
            ["7", "    a-1", "    connection refused by the other side"]
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_keys_stay() {
        for most in 4..60 {
            for line in lines(Some(most)) {
                assert!(clean::width(&line) <= most, "{most}: {line:?}");
            }
        }
        assert!(
            lines(Some(10))[2].starts_with("日本-2"),
            "{:?}",
            lines(Some(10))
        );
    }
}
