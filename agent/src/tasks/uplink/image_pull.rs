//! What is asked for of an image, and what is taken. Pure: no IO.
//!
//! Nobody is believed here: bytes are taken where they were asked for and in the length that was
//! asked for; whether they are the right ones, the installation finds out.

use crate::limits::{IMAGE_ASK_AGAIN_AFTER, IMAGE_ASK_AGAIN_AFTER_MAX};
use bootloader_verify::limits::BLOCK_U64;
use head_end::limits::{CHUNK_BYTES_MAX, WISH_CHUNKS_MAX};
use head_end::{ImageChunk, ImageId, ImageWish};
use std::collections::BTreeMap;
use tokio::time::{Duration, Instant};

/// One image on its way.
#[derive(Debug)]
pub(super) struct Pull {
    image: ImageId,
    total: u64,
    /// The first byte that was not handed on.
    next: u64,
    /// Everything before was asked for.
    asked_to: u64,
    /// Asked for and not there: first byte and length.
    missing: BTreeMap<u64, usize>,
    /// There, and not handed on because of what is missing before.
    held: BTreeMap<u64, Vec<u8>>,
    ask_again_at: Instant,
    patience: Duration,
}

/// What became of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taking {
    Taken,
    /// It is there already: it was asked for twice, or the broker sent it twice.
    Late,
    Refused(&'static str),
}

impl Pull {
    pub(super) fn new(image: ImageId, total: u64, from: u64, now: Instant) -> Self {
        Self {
            image,
            total,
            next: from,
            asked_to: from,
            missing: BTreeMap::new(),
            held: BTreeMap::new(),
            ask_again_at: now,
            patience: IMAGE_ASK_AGAIN_AFTER,
        }
    }

    pub(super) fn image(&self) -> ImageId {
        self.image
    }

    /// What to ask for now, where `room` more chunks can be handed on and at most `window` may be
    /// under way.
    pub(super) fn wish(&mut self, room: usize, window: usize, now: Instant) -> Option<ImageWish> {
        if let Some((first, _)) = self.missing.first_key_value()
            && now >= self.ask_again_at
        {
            let from = *first;
            self.patience = (self.patience * 2).min(IMAGE_ASK_AGAIN_AFTER_MAX);
            self.ask_again_at = now + self.patience;
            return Some(self.wish_of(from, self.asked_to - from));
        }
        let under_way = self.missing.len() + self.held.len();
        let free = room
            .min(window)
            .min(WISH_CHUNKS_MAX)
            .saturating_sub(under_way);
        // One at a time would cost a message each; half a window at a time costs no speed.
        let is_worth_it = free * 2 >= window.min(WISH_CHUNKS_MAX) || under_way == 0;
        let bytes = u64::try_from(free * CHUNK_BYTES_MAX).unwrap_or(0);
        let bytes = self
            .up_to_the_verdict(bytes)
            .min(self.total - self.asked_to);
        if bytes == 0 || !is_worth_it {
            return None;
        }
        let wish = self.wish_of(self.asked_to, bytes);
        self.asked_to += bytes;
        self.missing.extend(wish.chunks());
        self.patience = IMAGE_ASK_AGAIN_AFTER;
        self.ask_again_at = now + self.patience;
        Some(wish)
    }

    /// The manifest decides whether anything more is wanted: it is asked for alone.
    fn up_to_the_verdict(&self, bytes: u64) -> u64 {
        if self.asked_to < BLOCK_U64 {
            bytes.min(BLOCK_U64 - self.asked_to)
        } else if self.next < BLOCK_U64 {
            0
        } else {
            bytes
        }
    }

    fn wish_of(&self, from: u64, length: u64) -> ImageWish {
        ImageWish {
            image: self.image,
            total: self.total,
            from,
            length,
        }
    }

    /// Takes a chunk that somebody sent.
    pub(super) fn take(&mut self, chunk: ImageChunk, now: Instant) -> Taking {
        if chunk.total != self.total {
            return Taking::Refused("a chunk of an image of another length was dropped");
        }
        match self.missing.get(&chunk.at) {
            Some(length) if *length == chunk.bytes.len() => {
                self.missing.remove(&chunk.at);
                self.held.insert(chunk.at, chunk.bytes);
                self.patience = IMAGE_ASK_AGAIN_AFTER;
                self.ask_again_at = now + self.patience;
                Taking::Taken
            }
            Some(_) => Taking::Refused("a chunk of another length than was asked for was dropped"),
            None if chunk.at < self.asked_to => Taking::Late,
            None => Taking::Refused("a chunk that nobody asked for was dropped"),
        }
    }

    /// The next bytes, in order, if they are there.
    pub(super) fn ready(&mut self) -> Option<Vec<u8>> {
        let bytes = self.held.remove(&self.next)?;
        self.next += u64::try_from(bytes.len()).unwrap_or(0);
        Some(bytes)
    }

    /// A new connection: whatever was under way on the old one is asked for anew at once.
    pub(super) fn connected(&mut self, now: Instant) {
        self.patience = IMAGE_ASK_AGAIN_AFTER / 2;
        self.ask_again_at = now;
    }

    /// All of it was handed on.
    pub(super) fn is_complete(&self) -> bool {
        self.next >= self.total
    }
}

#[cfg(test)]
mod tests;
