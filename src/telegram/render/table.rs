//! Tables: columns side by side where a telephone has room for them, else each row as a record.

use pulldown_cmark::Alignment;
use teloxide_core::types::MessageEntityKind;
use unicode_width::UnicodeWidthStr;

use super::rich::{Rich, pre};
use super::writer::{Span, Writer};

/// Columns of a telephone's screen in a fixed-width font.
const SCREEN: usize = 40;
const BETWEEN: &str = "  ";

#[derive(Debug)]
pub(crate) struct Table {
    alignments: Vec<Alignment>,
    /// The header is the first one.
    rows: Vec<Vec<Rich>>,
}

impl Table {
    pub(crate) const fn new(alignments: Vec<Alignment>) -> Self {
        Self { alignments, rows: Vec::new() }
    }

    pub(crate) fn start_row(&mut self) {
        self.rows.push(Vec::with_capacity(self.alignments.len()));
    }

    pub(crate) fn add_cell(&mut self, mut cell: Rich) {
        if cell.text.contains('\t') {
            cell.text = cell.text.replace('\t', " ");
        }
        if let Some(row) = self.rows.last_mut() {
            row.push(cell);
        }
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        let widths = self.widths();
        let width = widths.iter().sum::<usize>() + BETWEEN.len() * widths.len().saturating_sub(1);
        if width <= SCREEN && !self.has_links() {
            out.pre(pre(""), &self.aligned(&widths));
        } else {
            out.settle();
            self.write_records(out);
        }
    }

    /// Of each column.
    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.alignments.len()];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.text.width().max(*width);
            }
        }
        widths
    }

    /// In a block of code a link could not be followed.
    fn has_links(&self) -> bool {
        let mut entities = self.rows.iter().flatten().flat_map(|cell| &cell.entities);
        entities.any(|entity| matches!(entity.kind, MessageEntityKind::TextLink { .. }))
    }

    fn aligned(&self, widths: &[usize]) -> String {
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            let cells = row.iter().zip(widths).zip(&self.alignments);
            let cells: Vec<_> =
                cells.map(|((cell, &width), &alignment)| padded(&cell.text, width, alignment)).collect();
            text.push_str(cells.join(BETWEEN).trim_end());
            text.push('\n');
            if number == 0 {
                let rules: Vec<_> = widths.iter().map(|&width| "─".repeat(width)).collect();
                text.push_str(&rules.join(BETWEEN));
                text.push('\n');
            }
        }
        text
    }

    fn write_records(&self, out: &mut Writer) {
        let Some((header, rows)) = self.rows.split_first() else { return };
        if rows.is_empty() {
            for name in header {
                out.gap(1);
                write_name(out, name);
            }
        }
        for row in rows {
            for (name, cell) in header.iter().zip(row) {
                if cell.text.is_empty() {
                    continue;
                }
                out.gap(1);
                if !name.text.is_empty() {
                    write_name(out, name);
                    out.write(": ");
                }
                out.append(cell);
            }
            out.gap(2);
        }
    }
}

/// The name of a column in bold, unless it has styles of its own.
fn write_name(out: &mut Writer, name: &Rich) {
    if !name.entities.is_empty() {
        return out.append(name);
    }
    out.open(Span::Bold);
    out.write(&name.text);
    out.close(Span::Bold);
}

fn padded(text: &str, width: usize, alignment: Alignment) -> String {
    let room = width.saturating_sub(text.width());
    let left = match alignment {
        Alignment::None | Alignment::Left => 0,
        Alignment::Center => room / 2,
        Alignment::Right => room,
    };
    [&" ".repeat(left), text, &" ".repeat(room - left)].concat()
}
