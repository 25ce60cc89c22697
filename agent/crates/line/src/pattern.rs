//! What the exact answer to a request looks like.

use std::fmt;

/// The answer that a request allows; known before the request is sent.
pub trait Pattern: Send + Sync + fmt::Debug {
    /// Searches `heard` for the answer, at every offset.
    fn find(&self, heard: &[u8]) -> Find;

    /// Octets of the longest answer that fits.
    fn longest(&self) -> usize;

    /// Octets that are still to come, if `heard` is nothing but the beginning of the answer and
    /// shows its length; else none. Nothing rests on it but how often the line is looked at.
    fn missing(&self, _heard: &[u8]) -> usize {
        0
    }

    /// Whether only a mark says where the answer ends. Then it counts when the line has fallen
    /// silent behind it, and not before: damage may look like the mark.
    fn is_marked(&self) -> bool {
        false
    }

    /// Searches the answer in all that was heard until the line fell silent. An answer that only
    /// a mark ends is damaged if something follows it that it cannot explain.
    fn find_settled(&self, heard: &[u8]) -> Find {
        self.find(heard)
    }

    /// Searches the answer after its request was given up, when others use the line. What is too
    /// short to be told from a part of their messages must not be found here.
    fn find_late(&self, heard: &[u8]) -> Find {
        self.find(heard)
    }
}

/// What a search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Find {
    /// The answer, proven by its checksum.
    Found {
        /// Octets before it.
        at: usize,
        /// Its octets.
        len: usize,
    },
    /// Its header is right and all octets are there, but the checksum is wrong.
    Damaged {
        /// Octets before it.
        at: usize,
        /// Its octets.
        len: usize,
    },
    /// Neither, so far.
    NotYet,
}

/// What stands at one place of what was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The answer, of this length.
    Whole(usize),
    /// The answer with a wrong checksum, of this length.
    Damaged(usize),
    /// So far it could become the answer.
    Begun,
    /// Something else.
    Other,
}

/// Searches at every offset for what `shape` says of the octets from there on.
///
/// A whole answer counts behind a damaged one, but not within one that is still coming: octets
/// inside a frame may look like a frame. For the same reason damage counts only if nothing
/// before it could still become the answer.
pub fn search(heard: &[u8], shape: impl Fn(&[u8]) -> Shape) -> Find {
    let mut damaged = Find::NotYet;
    for at in 0..heard.len() {
        let Some(rest) = heard.get(at..) else { break };
        match shape(rest) {
            Shape::Whole(len) => return Find::Found { at, len },
            Shape::Begun => break,
            Shape::Damaged(len) if damaged == Find::NotYet => damaged = Find::Damaged { at, len },
            Shape::Damaged(_) | Shape::Other => {}
        }
    }
    damaged
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `A`, one octet, then its copy as checksum; or `B`, four octets, `b`.
    fn shape(rest: &[u8]) -> Shape {
        match rest {
            [b'A', value, check, ..] if value == check => Shape::Whole(3),
            [b'A', _, _, ..] => Shape::Damaged(3),
            [b'A'] | [b'A', _] => Shape::Begun,
            [b'B', _, _, _, _, b'b', ..] => Shape::Whole(6),
            [b'B', rest @ ..] if rest.len() < 5 => Shape::Begun,
            [b'B', ..] => Shape::Damaged(6),
            _ => Shape::Other,
        }
    }

    #[track_caller]
    fn check(heard: &str, expected: Find) {
        assert_eq!(search(heard.as_bytes(), shape), expected, "{heard:?}");
    }

    #[test]
    fn the_answer_counts_wherever_it_stands() {
        check("Axx", Find::Found { at: 0, len: 3 });
        check("..Axx..", Find::Found { at: 2, len: 3 });
        check("AxyAzz", Find::Found { at: 3, len: 3 });
        check("AAxx", Find::Found { at: 1, len: 3 });
    }

    #[test]
    fn nothing_counts_within_an_answer_that_is_still_coming() {
        check("BAxx", Find::NotYet);
        check("B.Axy", Find::NotYet);
        check("BAxx.b", Find::Found { at: 0, len: 6 });
        check("BAxx..", Find::Found { at: 1, len: 3 });
    }

    #[test]
    fn damage_counts_unless_the_answer_may_still_come_around_it() {
        check(".Axy.", Find::Damaged { at: 1, len: 3 });
        check("AxyA", Find::Damaged { at: 0, len: 3 });
        check("", Find::NotYet);
        check("..A", Find::NotYet);
    }
}
