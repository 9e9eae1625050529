//! What an edit changes, line by line.

/// A line of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'t> {
    Same(&'t str),
    Removed(&'t str),
    Added(&'t str),
}

/// More steps than this are not taken to find the smallest difference: all lines are replaced then.
const MOST_STEPS: usize = 1 << 20;

/// The smallest difference between two texts that are not too large.
pub(super) fn lines<'t>(old: &'t str, new: &'t str) -> Vec<Line<'t>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = (&old[head..], &new[head..]);
    let tail = rest.0.iter().rev().zip(rest.1.iter().rev()).take_while(|(a, b)| a == b).count();
    let (middle_old, middle_new) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut lines: Vec<_> = old[..head].iter().map(|line| Line::Same(line)).collect();
    middle(middle_old, middle_new, &mut lines);
    lines.extend(old[old.len() - tail..].iter().map(|line| Line::Same(line)));
    lines
}

/// By the longest common subsequence.
fn middle<'t>(old: &[&'t str], new: &[&'t str], lines: &mut Vec<Line<'t>>) {
    let width = new.len() + 1;
    if (old.len() + 1).saturating_mul(width) > MOST_STEPS {
        lines.extend(old.iter().map(|line| Line::Removed(line)));
        lines.extend(new.iter().map(|line| Line::Added(line)));
        return;
    }
    // How many lines the rests from here on have in common.
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            common[i * width + j] = if a == b {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        let both = i < old.len() && j < new.len();
        if both && old[i] == new[j] {
            lines.push(Line::Same(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (both && common[(i + 1) * width + j] >= common[i * width + j + 1]) {
            lines.push(Line::Removed(old[i]));
            i += 1;
        } else {
            lines.push(Line::Added(new[j]));
            j += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(old: &str, new: &str) -> String {
        let line = |line: &Line<'_>| match line {
            Line::Same(text) => format!(" {text}\n"),
            Line::Removed(text) => format!("-{text}\n"),
            Line::Added(text) => format!("+{text}\n"),
        };
        lines(old, new).iter().map(line).collect()
    }

    #[test]
    fn only_what_changed_is_marked() {
        assert_eq!(shown("a\nb\nc", "a\nx\nc"), " a\n-b\n+x\n c\n");
        assert_eq!(shown("", "a\nb"), "+a\n+b\n");
        assert_eq!(shown("a\nb\nc\nd", "b\nd\ne"), "-a\n b\n-c\n d\n+e\n");
        assert_eq!(shown("same", "same"), " same\n");
    }

    #[test]
    fn much_is_replaced_whole() {
        let numbered = |from: usize| (from..from + 3000).map(|n| format!("{n}\n")).collect::<String>();
        let lines = lines(&numbered(0), &numbered(5000)).len();
        assert_eq!(lines, 6000);
    }

    proptest! {
        #[test]
        fn both_sides_come_back(old in "([ab]\n){0,8}", new in "([ab]\n){0,8}") {
            let lines = lines(&old, &new);
            let side = |keep: &dyn Fn(&Line<'_>) -> Option<String>| lines.iter().filter_map(keep).collect::<String>();
            let before = side(&|line| match line {
                Line::Same(text) | Line::Removed(text) => Some(format!("{text}\n")),
                Line::Added(_) => None,
            });
            let after = side(&|line| match line {
                Line::Same(text) | Line::Added(text) => Some(format!("{text}\n")),
                Line::Removed(_) => None,
            });
            prop_assert_eq!((before, after), (old, new));
        }
    }
}
