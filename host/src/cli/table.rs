//! Tables of text, trimmed to the width of a terminal.

use comfy_table::{ContentArrangement, Row, Table, presets};

/// The lines of a table without frame. With a `width`, cells are cut so that every row is one line; without,
/// nothing is.
pub(super) fn render(headers: &[&str], rows: &[Vec<String>], width: Option<u16>) -> Vec<String> {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_truncation_indicator("…");
    if let Some(width) = width {
        table
            .set_width(width)
            .set_content_arrangement(ContentArrangement::Dynamic);
    }
    table.set_header(headers);
    for cells in rows {
        let mut row = Row::from(cells.iter().map(|cell| printable(cell)));
        row.max_height(1);
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt().lines().map(str::to_owned).collect()
}

/// Text that keeps to its line and cannot steer a terminal: source code and file names come from anywhere.
pub(super) fn printable(text: &str) -> String {
    let replace = |c: char| match c {
        '\n' | '\t' | '\r' => ' ',
        c if c.is_control() || is_bidi_control(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(replace).collect()
}

/// Characters that make text look like other text.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<String>> {
        vec![
            vec!["Cart".into(), "shop/cart.py:3".into()],
            vec![
                "a_very_long_name_of_a_function".into(),
                "shop/deep/down/order.py:120".into(),
            ],
        ]
    }

    #[test]
    fn columns_line_up_and_nothing_is_cut_without_a_terminal() {
        let lines = render(&["name", "place"], &rows(), None);
        assert_eq!(
            lines,
            [
                "name                            place",
                "Cart                            shop/cart.py:3",
                "a_very_long_name_of_a_function  shop/deep/down/order.py:120",
            ]
        );
    }

    #[test]
    fn rows_are_cut_to_the_terminal() {
        let lines = render(&["name", "place"], &rows(), Some(40));
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(
            lines.iter().all(|line| line.chars().count() <= 40),
            "{lines:?}"
        );
        assert!(lines[2].contains('…'), "{lines:?}");
    }

    #[test]
    fn text_cannot_steer_the_terminal() {
        assert_eq!(
            printable("a\u{1b}[31mb\nc\u{202e}d"),
            "a\u{fffd}[31mb c\u{fffd}d"
        );
    }
}
