//! What the fuzz targets call: bytes as anybody may send them.

use crate::{EncodeError, ImageAnswer, ImageWish, Message, Presence, Request, Topic, Watermarks};

/// Bytes on an `up` topic. What is accepted must survive being written and read again; that it
/// may be written in another form (keys in another order, groups joined) is no fault.
///
/// # Panics
/// If it does not survive.
pub fn fuzz_up(bytes: &[u8]) {
    drop(Presence::decode(bytes));
    if let Ok(wish) = ImageWish::decode(bytes) {
        let again = wish.encode().map(|bytes| ImageWish::decode(&bytes));
        assert!(
            matches!(again, Ok(Ok(again)) if again == wish),
            "an accepted wish survives"
        );
        let wanted: usize = wish.chunks().map(|(_, length)| length).sum();
        assert_eq!(
            u64::try_from(wanted),
            Ok(wish.length),
            "its chunks cover it"
        );
    }
    let Ok(message) = Message::decode(bytes) else {
        return;
    };
    let again = message.encode().map(|bytes| Message::decode(&bytes));
    assert!(
        matches!(again, Ok(Ok(ref again)) if *again == message),
        "an accepted envelope survives"
    );
    // Our own form may be larger than the one received, but it is always the same.
    let Some(first) = rewritten(&message) else {
        return;
    };
    assert_eq!(rewritten(&first), Some(first), "our own form is stable");
}

/// The message with its body in our own form; nothing where it has none.
fn rewritten(message: &Message) -> Option<Message> {
    let body = message.open().ok()?;
    match body.encode() {
        Ok(body) => {
            let again = Message {
                body,
                ..message.clone()
            };
            assert!(again.open().is_ok(), "an accepted body survives");
            Some(again)
        }
        Err(error) => {
            assert!(matches!(error, EncodeError::TooLarge { .. }), "{error}");
            None
        }
    }
}

/// Bytes on a `dn` topic, and as a topic.
///
/// # Panics
/// If what is accepted does not survive.
pub fn fuzz_down(bytes: &[u8]) {
    if let Ok(request) = Request::decode(bytes) {
        let again = request.encode().map(|bytes| Request::decode(&bytes));
        assert!(
            matches!(again, Ok(Ok(ref again)) if *again == request),
            "an accepted request survives"
        );
    }
    if let Ok(watermarks) = Watermarks::decode(bytes) {
        let again = watermarks.encode().map(|bytes| Watermarks::decode(&bytes));
        assert!(
            matches!(again, Ok(Ok(ref again)) if *again == watermarks),
            "an accepted watermark survives"
        );
    }
    if let Ok(answer) = ImageAnswer::decode(bytes) {
        let again = answer.encode().map(|bytes| ImageAnswer::decode(&bytes));
        assert!(
            matches!(again, Ok(Ok(ref again)) if *again == answer),
            "an accepted answer with bytes of an image survives"
        );
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(text.parse::<Topic>());
    }
}
