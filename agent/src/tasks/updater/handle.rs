//! How the front desk reaches the updater.

use super::order_note::{OrderNote, Source};
use super::signed::OrderStand;
use crate::adapters::image_source::Address;
use crate::front::{Permitted, going_down, refusal};
use crate::limits::UPDATE_ASKS_MAX;
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

/// A question of whoever carries out a command.
pub(super) struct OrderAsk {
    pub(super) order: Order,
    /// Who stands behind it, where it is to be begun.
    pub(super) begin_for: Option<String>,
    pub(super) reply: oneshot::Sender<Result<OrderStand, Refusal>>,
}

/// Whatever is asked of the updater.
pub(super) enum Ask {
    Wish(UpdateAsk),
    Order(OrderAsk),
}

/// What is asked, for the task.
pub struct UpdaterAsks(pub(super) mpsc::Receiver<Ask>);

/// A way to the updater.
#[derive(Debug, Clone)]
pub struct UpdaterHandle(mpsc::Sender<Ask>);

/// A way to an updater that is made later.
pub fn updater_road() -> (UpdaterHandle, UpdaterAsks) {
    let (asks, asked) = mpsc::channel(UPDATE_ASKS_MAX);
    (UpdaterHandle(asks), UpdaterAsks(asked))
}

impl UpdaterHandle {
    /// Begins an order of the head-end, unless it is under way or done; how it stands then.
    pub(crate) async fn begin(&self, order: Order, who: String) -> Result<OrderStand, Refusal> {
        self.ask_order(order, Some(who)).await
    }

    /// How an order of the head-end stands.
    pub(crate) async fn stand(&self, order: Order) -> Result<OrderStand, Refusal> {
        self.ask_order(order, None).await
    }

    async fn ask_order(
        &self,
        order: Order,
        begin_for: Option<String>,
    ) -> Result<OrderStand, Refusal> {
        let (reply, answer) = oneshot::channel();
        let ask = OrderAsk {
            order,
            begin_for,
            reply,
        };
        if self.0.send(Ask::Order(ask)).await.is_err() {
            return Err(going_down());
        }
        answer.await.map_err(|_| going_down())?
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
        if self.0.send(Ask::Wish(ask)).await.is_err() {
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
