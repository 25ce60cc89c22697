//! An image from the head-end as a stream of bytes, for the thread that installs it.

use crate::limits::IMAGE_SILENCE_MAX;
use crate::tasks::uplink::{ImagePiece, ImageRoad};
use head_end::ImageId;
use ota::Order;
use std::io::{self, Read};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Blocks while it is read; ends with a fault when somebody cancels or the program stops.
pub(super) struct FromHeadEnd {
    waiting: Waiting,
    pieces: mpsc::Receiver<ImagePiece>,
    /// Of the whole image, what was not read.
    left: u64,
    piece: io::Cursor<Vec<u8>>,
}

/// What a stream is made of.
pub(super) struct Waiting {
    pub(super) road: ImageRoad,
    pub(super) runtime: Handle,
    pub(super) cancel: CancellationToken,
    pub(super) shutdown: CancellationToken,
}

impl FromHeadEnd {
    /// The bytes of an ordered image from `from` on.
    pub(super) fn open(waiting: Waiting, order: &Order, from: u64) -> Self {
        let image = ImageId::new(order.sha256);
        Self {
            pieces: waiting.road.open(image, order.bytes, from),
            waiting,
            left: order.bytes.saturating_sub(from),
            piece: io::Cursor::default(),
        }
    }

    /// The next piece, or why there is none.
    fn next(&mut self) -> io::Result<Vec<u8>> {
        let waiting = &self.waiting;
        let next = async {
            tokio::select! {
                biased;
                () = waiting.cancel.cancelled() => Err("it was cancelled".to_owned()),
                () = waiting.shutdown.cancelled() => Err("the gateway stops".to_owned()),
                next = timeout(IMAGE_SILENCE_MAX, self.pieces.recv()) => match next {
                    Ok(Some(piece)) => piece,
                    Ok(None) => Err("another order took its place".to_owned()),
                    Err(_) => Err(waiting.road.silence()),
                },
            }
        };
        waiting.runtime.block_on(next).map_err(io::Error::other)
    }
}

impl Read for FromHeadEnd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Ok(0);
        }
        let at_end = u64::try_from(self.piece.get_ref().len()).unwrap_or(u64::MAX);
        if self.piece.position() >= at_end {
            self.piece = io::Cursor::new(self.next()?);
        }
        let count = self.piece.read(buffer)?;
        self.left = self
            .left
            .saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }
}
