//! Images from the head-end: the updater's thread says what it wants, the uplink brings it, over
//! as many connections as it takes. What lies between them is bounded.

use super::image_pull::{Pull, Taking};
use super::session::Session;
use super::{UplinkView, lost_view};
use crate::adapters::mqtt::Outbound;
use crate::limits::{COMMANDS_AT_ONCE, IMAGE_STEP};
use head_end::limits::WISH_CHUNKS_MAX;
use head_end::{ImageAnswer, ImageId, NoChunk, Subject, Topic, image_filter};
use metering::GatewayId;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

/// Bytes in order, or why there are none now, in words.
pub type ImagePiece = Result<Vec<u8>, String>;

/// The updater's way to the uplink, on which the newest wish counts, and the command desk's, on which
/// each has its turn: documents are short, so an image waits for them.
#[derive(Debug, Clone)]
pub struct ImageRoad {
    orders: watch::Sender<Option<ImageOrder>>,
    documents: mpsc::Sender<ImageOrder>,
    view: watch::Receiver<UplinkView>,
}

/// What the updater and the command desk want, for the uplink.
#[derive(Debug)]
pub struct ImageOrders {
    images: watch::Receiver<Option<ImageOrder>>,
    documents: mpsc::Receiver<ImageOrder>,
}

#[derive(Debug, Clone)]
struct ImageOrder {
    image: ImageId,
    total: u64,
    from: u64,
    pieces: mpsc::Sender<ImagePiece>,
}

/// A way for images; `view` tells whoever waits how the uplink is.
pub fn image_road(view: watch::Receiver<UplinkView>) -> (ImageRoad, ImageOrders) {
    let (orders, images) = watch::channel(None);
    let (documents, wanted) = mpsc::channel(COMMANDS_AT_ONCE);
    let road = ImageRoad {
        orders,
        documents,
        view,
    };
    let documents = wanted;
    (road, ImageOrders { images, documents })
}

impl ImageRoad {
    /// Asks for an image of `total` bytes from byte `from` on. Dropping what is returned ends it.
    pub(crate) fn open(&self, image: ImageId, total: u64, from: u64) -> mpsc::Receiver<ImagePiece> {
        let (pieces, coming) = mpsc::channel(WISH_CHUNKS_MAX);
        self.orders.send_replace(Some(ImageOrder {
            image,
            total,
            from,
            pieces,
        }));
        coming
    }

    /// Asks for a document of `total` bytes, in its turn; none without an uplink. Dropping what is returned
    /// ends it.
    pub(crate) async fn document(
        &self,
        image: ImageId,
        total: u64,
    ) -> Option<mpsc::Receiver<ImagePiece>> {
        let (pieces, coming) = mpsc::channel(WISH_CHUNKS_MAX);
        let order = ImageOrder {
            image,
            total,
            from: 0,
            pieces,
        };
        self.documents.send(order).await.ok()?;
        Some(coming)
    }

    /// Why nothing comes, as far as is known here.
    pub(crate) fn silence(&self) -> String {
        lost_view(&self.view.borrow()).map_or_else(
            || {
                "the head-end does not answer; it must serve images, as `pmuctl head-end receive \
                 --images` does"
                    .to_owned()
            },
            |why| format!("the head-end is not connected: {why}"),
        )
    }
}

/// The uplink's share: what is fetched, over all connections.
#[derive(Debug, Default)]
pub(super) struct Images {
    orders: Option<ImageOrders>,
    fetch: Option<Fetch>,
    /// An image that waits until a document is there.
    paused: Option<Fetch>,
    /// The document that is wanted next.
    document: Option<ImageOrder>,
    /// What was fetched before: its last chunks may still be under way.
    before: Option<ImageId>,
    /// Subscribed or about to be, on this connection.
    filter: Option<(ImageId, String)>,
    /// The broker has granted it.
    is_granted: bool,
}

#[derive(Debug)]
struct Fetch {
    pull: Pull,
    pieces: mpsc::Sender<ImagePiece>,
    /// The broker passes chunks on.
    is_open: bool,
    is_document: bool,
}

impl Images {
    pub(super) fn of(orders: ImageOrders) -> Self {
        Self {
            orders: Some(orders),
            ..Self::default()
        }
    }

    /// Returns when something may be due. May be dropped at any time.
    pub(super) async fn due(&mut self) {
        let is_fetching = self.fetch.is_some();
        let has_document = self.document.is_some();
        let (mut images, mut documents) = match &mut self.orders {
            Some(orders) => (Some(&mut orders.images), Some(&mut orders.documents)),
            None => (None, None),
        };
        let ordered = async {
            if let Some(orders) = &mut images
                && orders.changed().await.is_ok()
            {
                orders.mark_changed();
            } else {
                // Nobody orders, or will: never.
                std::future::pending::<()>().await;
            }
        };
        let wanted = async {
            match &mut documents {
                Some(documents) if !has_document => match documents.recv().await {
                    Some(order) => order,
                    None => std::future::pending().await,
                },
                _ => std::future::pending().await,
            }
        };
        let step = async {
            if is_fetching {
                sleep(IMAGE_STEP).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = ordered => {}
            order = wanted => self.document = Some(order),
            () = step => {}
        }
    }

    /// The connection is gone, and its subscription with it.
    pub(super) fn disconnected(&mut self) {
        self.filter = None;
        self.is_granted = false;
        if let Some(fetch) = &mut self.fetch {
            fetch.is_open = false;
        }
    }

    /// Whether this is the filter of what is fetched.
    pub(super) fn is_filter(&self, filter: &str) -> bool {
        self.filter.as_ref().is_some_and(|(_, ours)| ours == filter)
    }

    /// The broker's word on the subscription.
    pub(super) fn subscribed(&mut self, granted: bool) {
        self.is_granted = granted;
        let Some(fetch) = &mut self.fetch else { return };
        if granted {
            fetch.is_open = true;
            fetch.pull.connected(Instant::now());
        } else {
            let why = "the broker refuses the subscription: its rules must let this gateway read \
                       gw/v1/<id>/dn/blob/#";
            fetch.say(why.to_owned());
        }
    }

    /// Takes what somebody sent; the answer: why it was dropped, if that is worth an event.
    pub(super) fn take(&mut self, image: ImageId, payload: &[u8]) -> Option<String> {
        let fetch = match &mut self.fetch {
            Some(fetch) if fetch.pull.image() == image => fetch,
            _ if self.before == Some(image) || is_of(self.paused.as_ref(), image) => return None,
            _ => return Some("bytes of an image that was not ordered were dropped".to_owned()),
        };
        match ImageAnswer::decode(payload) {
            Err(fault) => Some(format!("bytes of an image that cannot be read: {fault}")),
            Ok(ImageAnswer::Chunk(chunk)) => match fetch.pull.take(chunk, Instant::now()) {
                Taking::Refused(why) => Some(why.to_owned()),
                Taking::Taken | Taking::Late => None,
            },
            Ok(ImageAnswer::No(why)) => {
                fetch.say(words(&why));
                None
            }
        }
    }

    /// Looks for new orders, and whether the present one is done with.
    fn look(&mut self) {
        let is_over = |fetch: &Fetch| fetch.pieces.is_closed() || fetch.pull.is_complete();
        if self.fetch.as_ref().is_some_and(is_over) {
            self.before = self.fetch.take().map(|fetch| fetch.pull.image());
        }
        if let Some(order) = self.new_image() {
            let is_busy = self.fetch.as_ref().is_some_and(|fetch| fetch.is_document);
            if is_busy {
                self.paused = Some(Fetch::of(order, false));
            } else {
                self.begin(order, false);
            }
        }
        let is_free = self.fetch.as_ref().is_none_or(|fetch| !fetch.is_document);
        if is_free && let Some(order) = self.document.take() {
            if let Some(image) = self.fetch.take() {
                self.paused = Some(image);
            }
            self.begin(order, true);
        }
        if self.fetch.is_none()
            && let Some(mut image) = self.paused.take()
        {
            image.is_open = self.is_open_for(image.pull.image());
            self.fetch = Some(image);
        }
    }

    fn new_image(&mut self) -> Option<ImageOrder> {
        let orders = self.orders.as_mut().map(|orders| &mut orders.images)?;
        if !orders.has_changed().unwrap_or(false) {
            return None;
        }
        orders.borrow_and_update().clone()
    }

    /// The same may be wanted again before its subscription is ended: it is not asked for twice then.
    fn is_open_for(&self, wanted: ImageId) -> bool {
        let filter = self.filter.as_ref();
        self.is_granted && filter.is_some_and(|(image, _)| *image == wanted)
    }

    fn begin(&mut self, order: ImageOrder, is_document: bool) {
        if let Some(fetch) = &self.fetch {
            self.before = Some(fetch.pull.image());
        }
        let is_open = self.is_open_for(order.image);
        self.fetch = Some(Fetch {
            is_open,
            ..Fetch::of(order, is_document)
        });
    }
}

fn is_of(fetch: Option<&Fetch>, image: ImageId) -> bool {
    fetch.is_some_and(|fetch| fetch.pull.image() == image)
}

impl Fetch {
    fn of(order: ImageOrder, is_document: bool) -> Self {
        Self {
            pull: Pull::new(order.image, order.total, order.from, Instant::now()),
            pieces: order.pieces,
            is_open: false,
            is_document,
        }
    }

    /// Tells whoever waits; nobody needs to hear it twice.
    fn say(&self, why: String) {
        if self.pieces.try_send(Err(why)).is_err() {
            log::debug!("the updater has not read what it was told before");
        }
    }

    /// Hands on what is there in order, as far as there is room.
    fn deliver(&mut self) {
        while let Ok(room) = self.pieces.try_reserve()
            && let Some(bytes) = self.pull.ready()
        {
            room.send(Ok(bytes));
        }
    }
}

impl Session<'_> {
    /// Goes on with the image that is fetched. Records go first: while some wait to be sent, one
    /// chunk at a time is under way.
    pub(super) fn fetch(&mut self) {
        self.up.images.look();
        self.keep_subscription();
        let is_backlogged = self.lanes.is_backlogged();
        let may_ask = self.may_ask();
        let Some(fetch) = &mut self.up.images.fetch else {
            return;
        };
        fetch.deliver();
        let window = if is_backlogged { 1 } else { WISH_CHUNKS_MAX };
        let room = fetch.pieces.capacity();
        if !fetch.is_open || !may_ask {
            return;
        }
        let Some(wish) = fetch.pull.wish(room, window, Instant::now()) else {
            return;
        };
        match wish.encode() {
            Ok(payload) => self.say_wish(payload),
            Err(fault) => log::error!(fault:%; "a wish for an image cannot be written"),
        }
    }

    /// Subscribes to what is fetched, and to nothing that is not.
    fn keep_subscription(&mut self) {
        if !self.is_open() {
            return;
        }
        let wanted = self.up.images.fetch.as_ref().map(|it| it.pull.image());
        let has = self.up.images.filter.as_ref().map(|(image, _)| *image);
        if wanted == has {
            return;
        }
        self.up.images.is_granted = false;
        if let Some((_, filter)) = self.up.images.filter.take() {
            self.unsubscribe(&filter);
        }
        if let Some(image) = wanted {
            let filter = image_filter(&self.up.gateway, image);
            if self.subscribe(&filter) {
                self.up.images.filter = Some((image, filter));
            }
        }
    }

    fn say_wish(&mut self, payload: Vec<u8>) {
        let topic = topic_of_wishes(&self.up.gateway);
        let message = Outbound {
            topic: &topic,
            payload,
            retain: false,
            // Later it is asked for again.
            expires_after: Some(Duration::from_mins(1)),
        };
        self.publish_unnamed(message);
    }
}

fn topic_of_wishes(gateway: &GatewayId) -> String {
    let (gateway, subject) = (gateway.clone(), Subject::ImageWish);
    Topic { gateway, subject }.to_string()
}

/// For the installer. Not signed: it ends nothing.
fn words(why: &NoChunk) -> String {
    match why {
        NoChunk::NotHeld => {
            "the head-end has no such image; put its file into the folder that it serves".to_owned()
        }
        NoChunk::OtherLength => {
            "the head-end's image has another length than the order says; compare both".to_owned()
        }
        NoChunk::Busy => "the head-end serves too many gateways now".to_owned(),
        NoChunk::Other(_) => "the head-end cannot send the image now".to_owned(),
    }
}

#[cfg(test)]
mod tests;
