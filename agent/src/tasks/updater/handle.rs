//! How the front desk reaches the updater.

use super::order_note::{OrderNote, Source};
use crate::adapters::image_source::Address;
use crate::front::{Permitted, going_down, refusal};
use bootloader_verify::from_hex;
use desk::{Answer, Refusal, UpdateStatus, UpdateWish};
use ota::Order;
use std::path::PathBuf;
use tokio::sync::{mpsc, oneshot};

/// A wish, and where its answer goes.
pub(super) struct UpdateAsk {
    pub(super) wish: UpdateWish,
    pub(super) who: String,
    pub(super) reply: oneshot::Sender<Result<UpdateStatus, Refusal>>,
}

/// A way to the updater.
#[derive(Clone)]
pub struct UpdaterHandle(mpsc::Sender<UpdateAsk>);

impl UpdaterHandle {
    pub(super) fn new(asks: mpsc::Sender<UpdateAsk>) -> Self {
        Self(asks)
    }

    /// A way to nobody, for gateways that are never updated.
    pub fn without_task() -> Self {
        Self(mpsc::channel(1).0)
    }

    /// Hands a wish over; answered when it has begun, not when it is done.
    pub async fn ask(&self, permitted: &Permitted, wish: UpdateWish) -> Result<Answer, Refusal> {
        let (reply, answer) = oneshot::channel();
        let who = permitted.who().to_owned();
        let ask = UpdateAsk { wish, who, reply };
        if self.0.send(ask).await.is_err() {
            return Err(going_down());
        }
        let status = answer.await.map_err(|_| going_down())??;
        Ok(Answer::Update(Box::new(status)))
    }
}

/// The order of a wish that is one.
pub(super) fn order_of(wish: UpdateWish) -> Result<OrderNote, Refusal> {
    let (source, sha256, bytes) = match wish {
        UpdateWish::Install {
            file,
            sha256,
            bytes,
        } => (Source::File(PathBuf::from(file)), sha256, bytes),
        UpdateWish::Fetch {
            url: None,
            sha256,
            bytes,
        } => (Source::HeadEnd, sha256, bytes),
        UpdateWish::Fetch {
            url: Some(url),
            sha256,
            bytes,
        } => {
            Address::parse(&url).map_err(|fault| {
                refusal(fault.to_string(), "take the address of the `.pmuimg` file")
            })?;
            (Source::Address(url), sha256, bytes)
        }
        _ => {
            return Err(refusal(
                "this is no order".to_owned(),
                "order an image with its SHA-256 and its length",
            ));
        }
    };
    let sha256 = from_hex(&sha256).ok_or_else(|| {
        refusal(
            "the SHA-256 is not 64 hexadecimal digits".to_owned(),
            "take it from `sha256sum` of the image file",
        )
    })?;
    Ok(OrderNote {
        order: Order { sha256, bytes },
        source,
        kept: 0,
    })
}
