//! One cycle of one poll, or one command: what is still to be read, what came, what did not.

use super::ground::Ground;
use super::piece::Piece;
use super::{Answered, Why};
use crate::Span;
use crate::limits::BUSY_WAITS_MAX;
use metering::{Moment, Timestamp};
use std::collections::VecDeque;

/// Pieces in order; the front one is the one on the line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Job {
    pub(crate) serial: u64,
    pub(crate) mark: Option<Timestamp>,
    /// When the cycle ends, for the order of work. Samples take theirs from the mark.
    pub(crate) deadline: Moment,
    pieces: VecDeque<Piece>,
    pub(crate) got: Vec<Answered>,
    pub(crate) failed: Vec<(Span, Why)>,
    watches: Vec<Watch>,
}

/// A block that was halved. If no half makes trouble, the values are innocent: what lies between
/// them, or the length, was refused, and the block is not put together again.
#[derive(Debug, Clone)]
struct Watch {
    span: Span,
    cut: u16,
    had_trouble: bool,
}

impl Job {
    pub(crate) fn new(
        serial: u64,
        mark: Option<Timestamp>,
        deadline: Moment,
        pieces: Vec<Piece>,
        failed: Vec<(Span, Why)>,
    ) -> Self {
        Self {
            serial,
            mark,
            deadline,
            pieces: pieces.into(),
            got: Vec::new(),
            failed,
            watches: Vec::new(),
        }
    }

    pub(crate) fn front(&self) -> Option<&Piece> {
        self.pieces.front()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Takes the values out of an answer and leaves the padding.
    pub(crate) fn answered(
        &mut self,
        asked: Span,
        words: &[u16],
        taken: Moment,
        ground: &mut Ground,
    ) {
        let Some(piece) = self.pieces.pop_front() else {
            return;
        };
        for &value in piece.values() {
            let from = usize::from(value.address.saturating_sub(asked.address));
            let to = from + usize::from(value.count);
            match words.get(from..to) {
                Some(part) => self.got.push(Answered {
                    span: value,
                    words: part.to_vec(),
                    taken,
                }),
                None => self.failed.push((value, Why::Damaged)),
            }
        }
        for pad in piece.suspects {
            ground.learn_bad_pad(pad);
        }
        self.settle(ground);
    }

    /// A refusal of the front piece with exception 2 or 3. Gives back what is now known to be
    /// refused for good.
    pub(crate) fn refused(
        &mut self,
        pad: Option<Span>,
        exception: u8,
        ground: &mut Ground,
    ) -> Option<Span> {
        let mut piece = self.pieces.pop_front()?;
        piece.is_tight = true;
        let is_refused = match pad {
            Some(pad) => {
                piece.suspects.push(pad);
                false
            }
            None => piece.is_refused(exception),
        };
        if !is_refused {
            let is_erratic = piece.is_erratic();
            self.pieces.push_front(piece);
            if is_erratic {
                self.give_up(Why::Exception(exception));
            }
            return None;
        }
        let span = piece.span();
        for watch in &mut self.watches {
            watch.had_trouble |= watch.span.contains(span);
        }
        if let Some((left, right)) = piece.halves() {
            self.watches.push(Watch {
                span,
                cut: right.span().address,
                had_trouble: false,
            });
            self.pieces.push_front(right);
            self.pieces.push_front(left);
            return None;
        }
        ground.learn_refused(span, exception);
        self.failed.push((span, Why::Refused(exception)));
        self.settle(ground);
        Some(span)
    }

    /// The meter does not know the function: nothing of this table can be read.
    pub(crate) fn table_refused(&mut self, ground: &mut Ground) -> Vec<Span> {
        let Some(front) = self.pieces.front_mut() else {
            return Vec::new();
        };
        if !front.is_refused(1) {
            if front.is_erratic() {
                self.give_up(Why::Exception(1));
            }
            return Vec::new();
        }
        let table = front.span().table;
        ground.learn_refused_table(table);
        let (refused, rest): (VecDeque<Piece>, _) = std::mem::take(&mut self.pieces)
            .into_iter()
            .partition(|piece| piece.span().table == table);
        self.pieces = rest;
        let values: Vec<Span> = refused.iter().flat_map(Piece::values).copied().collect();
        self.failed
            .extend(values.iter().map(|&value| (value, Why::Refused(1))));
        values
    }

    /// Exceptions 5 and 6: how often the front piece has met them now, or `None` if that was
    /// once too often.
    pub(crate) fn busy(&mut self) -> Option<u8> {
        let front = self.pieces.front_mut()?;
        front.busy_answers += 1;
        (front.busy_answers <= BUSY_WAITS_MAX).then_some(front.busy_answers)
    }

    /// A damaged answer: one retry within the cycle.
    pub(crate) fn damaged(&mut self) {
        match self.pieces.front_mut() {
            Some(front) if !front.was_damaged => front.was_damaged = true,
            _ => self.give_up(Why::Damaged),
        }
    }

    /// The front piece is left for the next cycle.
    pub(crate) fn give_up(&mut self, why: Why) {
        if let Some(piece) = self.pieces.pop_front() {
            self.fail(&piece, why);
        }
    }

    /// Everything that has not come is left.
    pub(crate) fn abandon(&mut self, why: Why) {
        for piece in std::mem::take(&mut self.pieces) {
            self.fail(&piece, why);
        }
    }

    fn fail(&mut self, piece: &Piece, why: Why) {
        for watch in &mut self.watches {
            watch.had_trouble |= watch.span.contains(piece.span());
        }
        self.failed
            .extend(piece.values().iter().map(|&value| (value, why)));
    }

    /// Judges the halved blocks of which nothing is left to be read.
    fn settle(&mut self, ground: &mut Ground) {
        let pieces = &self.pieces;
        self.watches.retain(|watch| {
            let is_open = pieces.iter().any(|piece| watch.span.contains(piece.span()));
            if !is_open && !watch.had_trouble {
                ground.learn_cut(watch.span.table, watch.cut);
            }
            is_open
        });
    }
}
