//! A block on its way to becoming a request: which lengths it may have just now.

use super::ground::{Ground, hull};
use crate::Span;
use crate::limits::{REFUSALS_BELIEVED, REFUSALS_MAX};

/// Values that are asked for in one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    span: Span,
    /// In the order of their addresses, at least one.
    values: Vec<Span>,
    /// Paddings that were refused with this piece; its values may be innocent.
    pub(crate) suspects: Vec<Span>,
    /// Refusals without padding in a row, and the exception they all had.
    refusals: u8,
    exception: u8,
    /// Refusals without padding in all.
    all_refusals: u8,
    pub(crate) is_tight: bool,
    pub(crate) was_damaged: bool,
    pub(crate) busy_answers: u8,
}

/// Answer lengths of the last two requests to a meter, in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Recent {
    last: Option<u16>,
    before: Option<u16>,
}

impl Recent {
    pub(crate) fn push(&mut self, count: u16) {
        self.before = self.last;
        self.last = Some(count);
    }

    /// 0 = differs from both, 1 = as the one before the last, 2 = as the last.
    fn clash(self, count: u16) -> u8 {
        if self.last == Some(count) {
            2
        } else {
            u8::from(self.before == Some(count))
        }
    }
}

/// How a piece goes onto the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Read this.
    Read { span: Span, pad: Option<Span> },
    /// As `Read`, but its length cannot be told from the probe's, or from the last answer's.
    Unvaried { span: Span },
    /// No length differs from the last one's: a probe goes between.
    ProbeBetween,
}

impl Piece {
    pub(crate) fn new(value: Span) -> Self {
        Self {
            span: value,
            values: vec![value],
            suspects: Vec::new(),
            refusals: 0,
            exception: 0,
            all_refusals: 0,
            is_tight: false,
            was_damaged: false,
            busy_answers: 0,
        }
    }

    pub(crate) fn span(&self) -> Span {
        self.span
    }

    pub(crate) fn values(&self) -> &[Span] {
        &self.values
    }

    pub(crate) fn extend(&mut self, value: Span, whole: Span) {
        self.values.push(value);
        self.span = whole;
    }

    /// One more refusal without padding. True once it is to be believed: a copy of another
    /// request's exception looks the same, but a repeat does not meet it again.
    pub(crate) fn is_refused(&mut self, exception: u8) -> bool {
        self.refusals = if self.exception == exception {
            self.refusals + 1
        } else {
            1
        };
        self.exception = exception;
        self.all_refusals += 1;
        self.refusals >= REFUSALS_BELIEVED
    }

    /// Whether its refusals contradict each other so long that the cycle goes on without it.
    pub(crate) fn is_erratic(&self) -> bool {
        self.all_refusals >= REFUSALS_MAX
    }

    /// Its two halves, or `None` where it is a single value.
    pub(crate) fn halves(&self) -> Option<(Self, Self)> {
        let (left, right) = self.values.split_at_checked(self.values.len() / 2)?;
        Some((Self::of(left)?, Self::of(right)?))
    }

    fn of(values: &[Span]) -> Option<Self> {
        let (first, rest) = values.split_first()?;
        let mut piece = Self::new(*first);
        for value in rest {
            let whole = hull(piece.span, *value)?;
            piece.extend(*value, whole);
        }
        Some(piece)
    }

    /// The best length there is: unlike the last two (a copy of an answer may come two exchanges
    /// late), else unlike the last; of these, made of values that are known to exist; of these,
    /// the shortest. One register is the probe's length and nobody else's.
    pub(crate) fn shape(&self, ground: &Ground, recent: Recent) -> Shape {
        let is_single = self.span.count == 1;
        let tight = (!is_single).then_some((self.span, None, true));
        let padded = (!self.is_tight || is_single)
            .then(|| ground.paddings(self.span))
            .into_iter()
            .flatten()
            .filter(|padded| !self.suspects.contains(&padded.pad))
            .map(|padded| (padded.whole, Some(padded.pad), padded.is_known));
        let best = tight
            .into_iter()
            .chain(padded)
            .min_by_key(|(whole, _, is_known)| (recent.clash(whole.count), !is_known, whole.count));
        match best {
            None => Shape::Unvaried { span: self.span },
            Some((whole, _, _)) if recent.clash(whole.count) == 2 => Shape::ProbeBetween,
            Some((span, pad, _)) => Shape::Read { span, pad },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Table;

    fn span(address: u16, count: u16) -> Span {
        Span {
            table: Table::Input,
            address,
            count,
        }
    }

    fn recent(before: u16, last: u16) -> Recent {
        let mut recent = Recent::default();
        recent.push(before);
        recent.push(last);
        recent
    }

    #[track_caller]
    fn check(value: Span, holes: &[Span], max: u16, recent: Recent, expected: Shape) {
        let ground = Ground::new(max, holes.to_vec(), vec![value, span(900, 1)]);
        assert_eq!(Piece::new(value).shape(&ground, recent), expected);
    }

    fn read(address: u16, count: u16, pad: Option<Span>) -> Shape {
        Shape::Read {
            span: span(address, count),
            pad,
        }
    }

    #[test]
    fn lengths_differ_from_the_last_two() {
        let value = span(10, 4);
        check(value, &[], 125, Recent::default(), read(10, 4, None));
        check(
            value,
            &[],
            125,
            recent(9, 4),
            read(10, 5, Some(span(14, 1))),
        );
        check(
            value,
            &[],
            125,
            recent(4, 5),
            read(10, 6, Some(span(14, 2))),
        );
        check(value, &[], 125, recent(5, 6), read(10, 4, None));
    }

    #[test]
    fn padding_respects_holes_and_the_end_of_the_table() {
        let value = span(10, 4);
        let behind = [span(14, 1)];
        check(
            value,
            &behind,
            125,
            recent(9, 4),
            read(9, 5, Some(span(9, 1))),
        );
        let both = [span(14, 1), span(9, 1)];
        check(value, &both, 125, recent(9, 4), Shape::ProbeBetween);
        check(value, &both, 125, recent(4, 1), read(10, 4, None));
        check(value, &[], 4, recent(9, 4), Shape::ProbeBetween);
        let last = span(65_532, 4);
        check(
            last,
            &[],
            125,
            recent(9, 4),
            read(65_531, 5, Some(span(65_531, 1))),
        );
        let first = span(0, 4);
        check(first, &[span(4, 9)], 125, recent(9, 4), Shape::ProbeBetween);
    }

    #[test]
    fn one_register_is_the_probes_length_alone() {
        check(
            span(10, 1),
            &[],
            125,
            Recent::default(),
            read(10, 2, Some(span(11, 1))),
        );
        let alone = [span(9, 1), span(11, 1)];
        let shape = Shape::Unvaried { span: span(10, 1) };
        check(span(10, 1), &alone, 125, Recent::default(), shape);
    }

    #[test]
    fn padding_prefers_values_that_exist() {
        let ground = Ground::new(125, vec![], vec![span(10, 4), span(8, 2)]);
        let shape = Piece::new(span(10, 4)).shape(&ground, recent(9, 4));
        assert_eq!(
            shape,
            read(8, 6, Some(span(8, 2))),
            "pairs only, and known ones"
        );
    }
}
