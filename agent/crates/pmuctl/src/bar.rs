//! How far something is, drawn in one line.

/// Characters of a bar, by the width of the terminal.
pub(crate) fn width(columns: usize) -> usize {
    (columns / 4).clamp(8, 40)
}

/// A bar of so many characters: `[####....]`. Full only where all is done.
pub(crate) fn bar(part: u64, whole: u64, width: usize, is_utf8: bool) -> String {
    let (full, empty) = if is_utf8 { ('█', '░') } else { ('#', '.') };
    let room = u64::try_from(width).unwrap_or(u64::MAX);
    let filled = part.min(whole).saturating_mul(room) / whole.max(1);
    let filled = usize::try_from(filled).unwrap_or(width).min(width);
    let mut text = String::from("[");
    text.extend(std::iter::repeat_n(full, filled));
    text.extend(std::iter::repeat_n(empty, width.saturating_sub(filled)));
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(part: u64, whole: u64, expected: &str) {
        assert_eq!(bar(part, whole, 8, false), expected, "{part} of {whole}");
    }

    #[test]
    fn a_bar_is_full_only_at_the_end() {
        check(0, 5000, "[........]");
        check(2500, 5000, "[####....]");
        check(4999, 5000, "[#######.]");
        check(5000, 5000, "[########]");
        check(9, 5, "[########]");
        check(0, 0, "[........]");
        assert_eq!(bar(1, 2, 4, true), "[██░░]");
    }

    proptest! {
        #[test]
        fn a_bar_is_always_as_wide_as_it_should_be(part: u64, whole: u64, width in 0_usize..200) {
            let drawn = bar(part, whole, width, true).chars().count();
            prop_assert_eq!(drawn, width + 2);
        }
    }
}
