//! What a received message is, before anything is done with it. Pure.

use super::receipts::ReadReceipt;
use head_end::{Body, DecodeError, ImageWish, Message, Presence, Stream, Subject, Topic};
use metering::GatewayId;

/// A message as the broker handed it over: anybody may have written it.
#[derive(Debug, Clone, Copy)]
pub struct Mail<'a> {
    /// Where it was published.
    pub topic: &'a [u8],
    /// What it says.
    pub payload: &'a [u8],
    /// Whether the broker kept it from an earlier time.
    pub is_retained: bool,
}

/// A message of the contract.
#[derive(Debug)]
pub(super) enum Sorted {
    /// Birth or will.
    Presence(GatewayId, Presence),
    /// A numbered record.
    Record(Box<Record>),
    /// It wants bytes of an image.
    Wish(GatewayId, ImageWish),
}

/// A numbered record and what it says.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) gateway: GatewayId,
    pub(super) message: Message,
    pub(super) body: Body,
    /// What a receipt says, once somebody has looked whether it is proven.
    pub(super) receipt: Option<ReadReceipt>,
}

/// Why a message is dropped.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("its topic is not one of the contract")]
    Topic,
    #[error("it is not meant for a head-end")]
    Downwards,
    #[error("it is a message that the broker kept; only births are retained")]
    Retained,
    #[error("it says stream {said} on the topic of {found}")]
    OtherStream { said: Stream, found: Stream },
    #[error("{0}")]
    Decode(#[from] DecodeError),
}

/// Reads a message.
pub(super) fn sort(mail: Mail<'_>) -> Result<Sorted, Refused> {
    let topic = std::str::from_utf8(mail.topic).map_err(|_| Refused::Topic)?;
    let topic: Topic = topic.parse().map_err(|_| Refused::Topic)?;
    let found = match topic.subject {
        Subject::Presence => {
            let presence = Presence::decode(mail.payload)?;
            return Ok(Sorted::Presence(topic.gateway, presence));
        }
        Subject::ImageWish if mail.is_retained => return Err(Refused::Retained),
        Subject::ImageWish => {
            let wish = ImageWish::decode(mail.payload)?;
            return Ok(Sorted::Wish(topic.gateway, wish));
        }
        Subject::Records(stream) => stream,
        Subject::Watermark | Subject::Request | Subject::Command | Subject::Image(_) => {
            return Err(Refused::Downwards);
        }
    };
    if mail.is_retained {
        return Err(Refused::Retained);
    }
    let message = Message::decode(mail.payload)?;
    let said = message.stream;
    if said != found {
        return Err(Refused::OtherStream { said, found });
    }
    let body = message.open()?;
    Ok(Sorted::Record(Box::new(Record {
        gateway: topic.gateway,
        message,
        body,
        receipt: None,
    })))
}

/// What the fuzz target for received messages calls.
pub fn fuzz_mail(topic: &[u8], payload: &[u8], is_retained: bool) {
    drop(sort(Mail {
        topic,
        payload,
        is_retained,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(topic: &str, payload: &[u8], is_retained: bool, expected: &str) {
        let mail = Mail {
            topic: topic.as_bytes(),
            payload,
            is_retained,
        };
        let found = sort(mail).map(|sorted| match sorted {
            Sorted::Presence(gateway, presence) => format!("{gateway} {}", presence.session()),
            Sorted::Record(record) => format!("{} {}", record.gateway, record.message.number),
            Sorted::Wish(gateway, wish) => format!("{gateway} wants {}", wish.from),
        });
        let found = found.unwrap_or_else(|refused| refused.to_string());
        assert!(
            found.contains(expected),
            "`{found}` instead of `{expected}`"
        );
    }

    fn vector(name: &str) -> Vec<u8> {
        let path = format!(
            "{}/../../../docs/uplink/vectors/{name}.hex",
            env!("CARGO_MANIFEST_DIR")
        );
        let text = std::fs::read_to_string(path).unwrap();
        let digits: Vec<u8> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(|line| line.bytes().filter(u8::is_ascii_hexdigit))
            .collect();
        let pairs = digits
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).unwrap());
        pairs
            .map(|pair| u8::from_str_radix(pair, 16).unwrap())
            .collect()
    }

    #[test]
    fn messages_of_the_contract_are_told_apart() {
        check(
            "gw/v1/pmu-001/up/lp",
            &vector("lp-day"),
            false,
            "pmu-001 1288",
        );
        check("gw/v1/pmu-001/up/st", &vector("st-birth"), true, "pmu-001 ");
        check(
            "gw/v1/pmu-001/up/gap",
            &vector("gap-dropped"),
            false,
            "pmu-001 ",
        );
        let wish = vector("want");
        check("gw/v1/pmu-001/up/want", &wish, false, "pmu-001 wants 4096");
    }

    #[test]
    fn all_else_is_refused_for_its_reason() {
        let day = vector("lp-day");
        check("gw/v1/pmu-001/up/lp", &day, true, "that the broker kept");
        let wish = vector("want");
        check("gw/v1/pmu-001/up/want", &wish, true, "that the broker kept");
        check("gw/v1/pmu-001/up/want", &day, false, "");
        check(
            "gw/v1/pmu-001/up/ev",
            &day,
            false,
            "stream lp on the topic of ev",
        );
        check("gw/v2/pmu-001/up/lp", &day, false, "topic");
        check("gw/v1/PMU/up/lp", &day, false, "topic");
        check(
            "gw/v1/pmu-001/dn/ack",
            &vector("ack-signed"),
            false,
            "not meant for a head-end",
        );
        check(
            "gw/v1/pmu-001/up/lp",
            &day[..day.len() - 1],
            false,
            "not the CBOR map",
        );
        check("gw/v1/pmu-001/up/lp", &vec![0; 300_000], false, "more than");
        check("gw/v1/pmu-001/up/st", &day, false, "");
    }

    proptest! {
        #[test]
        fn no_message_makes_the_reader_panic(topic in "gw/v1/pmu-001/up/(lp|ev|tm|st|gap|want)|.*",
                                             payload: Vec<u8>, is_retained: bool) {
            fuzz_mail(topic.as_bytes(), &payload, is_retained);
        }

        #[test]
        fn a_damaged_block_is_never_read_with_other_rows(at in 0..500_usize, bit in 0..8_u8) {
            let mut day = vector("lp-day");
            let at = at % day.len();
            day[at] ^= 1 << bit;
            fuzz_mail(b"gw/v1/pmu-001/up/lp", &day, false);
        }
    }
}
