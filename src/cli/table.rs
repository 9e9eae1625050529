//! Aligned columns that fit the terminal.

use std::borrow::Cow;

use super::text;

/// How a column gives way when the terminal is narrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// Never cut.
    Whole,
    /// Cut at its end, but not below so many columns.
    End(usize),
    /// Cut at its start, but not below so many columns: paths.
    Start(usize),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) fit: Fit,
    /// Numbers stand at the right.
    pub(crate) right: bool,
}

impl Column {
    pub(crate) const fn left(title: &'static str, fit: Fit) -> Self {
        Self { title, fit, right: false }
    }

    pub(crate) const fn right(title: &'static str) -> Self {
        Self { title, fit: Fit::Whole, right: true }
    }
}

const GAP: &str = "  ";

/// The lines of a table, title first; no line is longer than `columns` as long as the widths allow it.
/// `None`: as wide as it gets (not a terminal). Cells are expected to be one line without control sequences.
///
/// The rows are made twice, once for the widths and once for the lines, so that none of thousands is kept.
pub(crate) fn render<'c, R: AsRef<[Cow<'c, str>]>>(
    columns: &[Column],
    rows: impl Iterator<Item = R> + Clone,
    max: Option<usize>,
) -> impl Iterator<Item = String> {
    let mut widths = natural(columns, rows.clone());
    if let Some(max) = max {
        shrink(columns, &mut widths, max);
    }
    let titles: Vec<Cow<'_, str>> = columns.iter().map(|column| column.title.into()).collect();
    let title = line(columns, &widths, &titles);
    std::iter::once(title).chain(rows.map(move |row| line(columns, &widths, row.as_ref())))
}

fn natural<'c, R: AsRef<[Cow<'c, str>]>>(columns: &[Column], rows: impl Iterator<Item = R>) -> Vec<usize> {
    let mut widths: Vec<usize> = columns.iter().map(|column| text::width(column.title)).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row.as_ref()) {
            *width = (*width).max(text::width(cell));
        }
    }
    widths
}

/// Takes from the widest column that may give until the line fits.
fn shrink(columns: &[Column], widths: &mut [usize], max: usize) {
    let gaps = GAP.len() * columns.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > max {
        let widest = columns
            .iter()
            .zip(widths.iter_mut())
            .filter(|(column, width)| match column.fit {
                Fit::Whole => false,
                Fit::End(least) | Fit::Start(least) => **width > least,
            })
            .max_by_key(|(_, width)| **width);
        match widest {
            Some((_, width)) => *width -= 1,
            None => return,
        }
    }
}

fn line(columns: &[Column], widths: &[usize], row: &[Cow<'_, str>]) -> String {
    let columns_wide: usize = widths.iter().map(|width| width + GAP.len()).sum();
    let mut line = String::with_capacity(columns_wide);
    for (index, ((column, &width), cell)) in columns.iter().zip(widths).zip(row).enumerate() {
        if index > 0 {
            line.push_str(GAP);
        }
        let wide = text::width(cell);
        let (cell, wide) = if wide <= width {
            (Cow::Borrowed(&**cell), wide)
        } else {
            let cut = match column.fit {
                Fit::Start(_) => text::cut_front(cell, width),
                Fit::End(_) | Fit::Whole => text::cut(cell, width),
            };
            let wide = text::width(&cut);
            (cut, wide)
        };
        let pad = std::iter::repeat_n(' ', width.saturating_sub(wide));
        if column.right {
            line.extend(pad);
            line.push_str(&cell);
        } else {
            line.push_str(&cell);
            line.extend(pad);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] =
        [Column::left("NAME", Fit::End(8)), Column::left("DIR", Fit::Start(10)), Column::right("COST")];

    fn rows() -> Vec<Vec<Cow<'static, str>>> {
        vec![
            vec!["work".into(), "~/projects/claudebot".into(), "$0.12".into()],
            vec!["漢字 session".into(), "~".into(), "".into()],
        ]
    }

    #[test]
    fn columns_are_aligned() {
        assert_eq!(
            render(&COLUMNS, rows().iter(), None).collect::<Vec<_>>(),
            [
                "NAME          DIR                    COST",
                "work          ~/projects/claudebot  $0.12",
                "漢字 session  ~",
            ]
        );
    }

    #[test]
    fn a_narrow_terminal_cuts_the_widest_first() {
        let lines: Vec<String> = render(&COLUMNS, rows().iter(), Some(34)).collect();
        assert_eq!(lines[1], "work          …ts/claudebot  $0.12");
        assert!(lines.iter().all(|line| text::width(line) <= 34), "{lines:#?}");
    }

    #[test]
    fn it_never_cuts_below_the_least_widths() {
        let lines: Vec<String> = render(&COLUMNS, rows().iter(), Some(5)).collect();
        assert_eq!(lines[1], "work      …claudebot  $0.12");
    }
}
