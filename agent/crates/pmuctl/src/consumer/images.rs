//! Images for gateways that update themselves: who wants what, and how fast each is served.

use crate::adapters::image_folder::ImageFolder;
use crate::limits::{IMAGE_LOOK_EVERY, IMAGE_QUEUE_MAX, IMAGE_READERS_MAX};
use head_end::limits::{CHUNK_BYTES_MAX, WISH_CHUNKS_MAX};
use head_end::{ImageAnswer, ImageChunk, ImageId, ImageWish, NoChunk, TokenBucket};
use metering::{GatewayId, Moment};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::Bound;
use std::time::Duration;

/// The images and their readers.
#[derive(Debug)]
pub struct Images {
    folder: ImageFolder,
    looked_at: Option<Moment>,
    /// Between two chunks of one gateway.
    pace: Duration,
    readers: BTreeMap<GatewayId, Reader>,
    /// Who was served last: the others come first.
    last: Option<GatewayId>,
}

/// A gateway that fetches an image.
#[derive(Debug)]
struct Reader {
    image: ImageId,
    total: u64,
    /// First byte and length of what is still to be sent.
    due: VecDeque<(u64, usize)>,
    no: Option<NoChunk>,
    bucket: TokenBucket,
    asked_at: Moment,
    /// What a person was told of it last.
    told: &'static str,
}

/// A message that is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) gateway: GatewayId,
    pub(super) image: ImageId,
    pub(super) answer: ImageAnswer,
    /// What a person should read.
    pub(super) remark: Option<String>,
}

impl Images {
    /// Serves a folder; a gateway gets at most so many bytes a second.
    pub fn new(folder: ImageFolder, bytes_per_second: u64) -> Self {
        let chunk = u64::try_from(CHUNK_BYTES_MAX).unwrap_or(u64::MAX);
        let pace = chunk.saturating_mul(1000) / bytes_per_second.max(1);
        Self {
            folder,
            looked_at: None,
            pace: Duration::from_millis(pace),
            readers: BTreeMap::new(),
            last: None,
        }
    }

    /// Which folder, and how many images are in it.
    pub(super) fn text(&self) -> String {
        let (folder, count) = (self.folder.path().display(), self.folder.count());
        format!("{count} images of {folder} are served to gateways")
    }

    /// A gateway wants something. An answer is due at once only where there is no room for it.
    pub(super) fn wish(&mut self, gateway: GatewayId, wish: &ImageWish, now: Moment) {
        let no = self.reason_against(wish, now);
        if !self.readers.contains_key(&gateway) && self.readers.len() >= IMAGE_READERS_MAX {
            let idle = self.readers.iter().min_by_key(|(_, it)| it.asked_at);
            if let Some(idle) = idle.map(|(gateway, _)| gateway.clone()) {
                self.readers.remove(&idle);
            }
        }
        let burst = u32::try_from(WISH_CHUNKS_MAX).unwrap_or(1);
        let pace = self.pace;
        let reader = self.readers.entry(gateway).or_insert_with(|| Reader {
            image: wish.image,
            total: wish.total,
            due: VecDeque::new(),
            no: None,
            bucket: TokenBucket::new(burst, pace),
            asked_at: now,
            told: "",
        });
        if reader.image != wish.image {
            reader.image = wish.image;
            reader.due.clear();
            reader.told = "";
        }
        reader.total = wish.total;
        reader.asked_at = now;
        reader.no = no;
        if reader.no.is_some() {
            reader.due.clear();
            return;
        }
        for chunk in wish.chunks() {
            if reader.due.len() < IMAGE_QUEUE_MAX && !reader.due.contains(&chunk) {
                reader.due.push_back(chunk);
            }
        }
    }

    /// Why a wish cannot be served. A folder is looked through again for an image that is not
    /// known, but not for each wish.
    fn reason_against(&mut self, wish: &ImageWish, now: Moment) -> Option<NoChunk> {
        let is_known = self.folder.length(wish.image).is_some();
        let is_late = |at: Moment| now.since(at) >= IMAGE_LOOK_EVERY;
        if !is_known && self.looked_at.is_none_or(is_late) {
            self.looked_at = Some(now);
            // A folder that cannot be read has no image; the next look may find it again.
            drop(self.folder.look());
        }
        match self.folder.length(wish.image) {
            None => Some(NoChunk::NotHeld),
            Some(length) if length != wish.total => Some(NoChunk::OtherLength),
            Some(_) => None,
        }
    }

    /// Whether somebody waits for something.
    pub(super) fn is_waited_for(&self) -> bool {
        self.readers
            .values()
            .any(|reader| reader.no.is_some() || !reader.due.is_empty())
    }

    /// The next message, in turn among the gateways, each at its pace.
    pub(super) fn next(&mut self, now: Moment) -> io::Result<Option<Due>> {
        let after = self.last.clone().map_or(Bound::Unbounded, Bound::Excluded);
        let behind = self.readers.range((after, Bound::Unbounded));
        let mut turn: Vec<GatewayId> = behind.map(|(gateway, _)| gateway.clone()).collect();
        let before = self.readers.keys().take(self.readers.len() - turn.len());
        turn.extend(before.cloned());
        for gateway in turn {
            let Some(reader) = self.readers.get_mut(&gateway) else {
                continue;
            };
            let waits = reader.no.is_some() || !reader.due.is_empty();
            if !waits || !reader.bucket.take(now) {
                continue;
            }
            self.last = Some(gateway.clone());
            return reader.answer(gateway, &mut self.folder);
        }
        Ok(None)
    }
}

impl Reader {
    fn answer(&mut self, gateway: GatewayId, folder: &mut ImageFolder) -> io::Result<Option<Due>> {
        let chunk = match (self.no.take(), self.due.pop_front()) {
            (None, Some((at, length))) => folder
                .read(self.image, at, length)?
                .map(|bytes| (at, length, bytes))
                .ok_or(NoChunk::NotHeld),
            (no, _) => Err(no.unwrap_or(NoChunk::NotHeld)),
        };
        let (answer, words) = match chunk {
            Ok((at, length, bytes)) => {
                let end = at.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
                let words = if end >= self.total {
                    "has been sent all of image"
                } else {
                    "fetches image"
                };
                let total = self.total;
                (ImageAnswer::Chunk(ImageChunk { at, total, bytes }), words)
            }
            Err(no) => {
                self.due.clear();
                let words = match no {
                    NoChunk::OtherLength => "ordered another length than is there of image",
                    _ => "wants an image that is not there:",
                };
                (ImageAnswer::No(no), words)
            }
        };
        let is_news = words != self.told;
        self.told = words;
        let image = self.image;
        let remark = is_news.then(|| format!("{gateway}: {words} {image}"));
        Ok(Some(Due {
            gateway,
            image,
            answer,
            remark,
        }))
    }
}

#[cfg(test)]
mod tests;
