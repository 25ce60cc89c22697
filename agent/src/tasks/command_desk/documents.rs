//! What is too long for a command travels beside it: fetched from the head-end by the hash that was
//! signed, and looked at by nobody before that hash is proven.

use super::hands::Hands;
use super::outcome::Outcome;
use crate::limits::{
    DOCUMENT_ATTEMPTS_MAX, DOCUMENT_BYTES_MAX, DOCUMENT_WITHIN, IMAGE_SILENCE_MAX,
};
use crate::tasks::uplink::{ImagePiece, ImageRoad};
use authority::{Blob, Document};
use head_end::ImageId;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

impl Hands {
    /// The text of a document, or how its command ends. Nothing where the gateway stops meanwhile.
    pub(super) async fn text_of(&self, document: &Document) -> Option<Result<String, Outcome>> {
        let blob = match document {
            Document::Inline(text) => return Some(Ok(text.clone())),
            Document::Blob(blob) => blob,
        };
        if blob.size > DOCUMENT_BYTES_MAX {
            let words = format!("a document has at most {DOCUMENT_BYTES_MAX} bytes; split it");
            return Some(Err(Outcome::failed("too-large", words)));
        }
        let Some(road) = &self.documents else {
            let words = "no [uplink] is configured, so no head-end can send the document";
            return Some(Err(Outcome::failed("not-served", words)));
        };
        let fetched = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return None,
            fetched = fetch(road, blob) => fetched,
        };
        Some(fetched.and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| {
                let words = "the document is not text in UTF-8; write it anew and sign that";
                Outcome::failed("not-text", words)
            })
        }))
    }
}

/// The bytes that were signed for, whoever sent others before.
async fn fetch(road: &ImageRoad, blob: &Blob) -> Result<Vec<u8>, Outcome> {
    let deadline = Instant::now() + DOCUMENT_WITHIN;
    for _ in 0..DOCUMENT_ATTEMPTS_MAX {
        let coming = road.document(ImageId::new(blob.sha256), blob.size).await;
        let Some(mut coming) = coming else {
            let words = "the gateway goes down; order it again";
            return Err(Outcome::failed("not-served", words));
        };
        let bytes = gather(road, &mut coming, blob.size, deadline).await;
        let bytes = bytes.map_err(|words| Outcome::failed("not-served", words))?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        if digest == blob.sha256 {
            return Ok(bytes);
        }
        log::warn!("the bytes of a document are not those that were signed; they are dropped");
    }
    let words = "the bytes that came are not those that were signed, time and again: somebody else \
                 writes to the broker, or the head-end serves another file";
    Err(Outcome::failed("wrong-bytes", words))
}

/// All bytes as they come, or why they did not, in words.
async fn gather(
    road: &ImageRoad,
    coming: &mut mpsc::Receiver<ImagePiece>,
    size: u64,
    deadline: Instant,
) -> Result<Vec<u8>, String> {
    let most = usize::try_from(size).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    let mut why = None;
    while bytes.len() < most {
        let silent = deadline.min(Instant::now() + IMAGE_SILENCE_MAX);
        match timeout_at(silent, coming.recv()).await {
            Ok(Some(Ok(piece))) => bytes.extend_from_slice(&piece),
            // The head-end may be given the file a little later.
            Ok(Some(Err(words))) => why = Some(words),
            Ok(None) => return Err("the uplink has ended".to_owned()),
            Err(_) if Instant::now() >= deadline => {
                return Err(why.unwrap_or_else(|| road.silence()));
            }
            Err(_) => {}
        }
    }
    Ok(bytes)
}
