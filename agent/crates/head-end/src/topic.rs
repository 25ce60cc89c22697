//! Topics, built and read strictly.

use crate::limits::TOPIC_BYTES_MAX;
use crate::{ImageId, Stream};
use metering::GatewayId;
use std::fmt;
use std::str::FromStr;

/// The MQTT content type of every publish.
pub const CONTENT_TYPE: &str = "application/vnd.pmu.gw+cbor;v=1";

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Birth and will, retained.
    Presence,
    /// Numbered records.
    Records(Stream),
    /// Signed watermarks from the head-end.
    Watermark,
    /// Backfill requests from the head-end.
    Request,
    /// Signed commands.
    Command,
    /// Wishes for chunks of an image.
    ImageWish,
    /// Chunks of this image from the head-end.
    Image(ImageId),
}

/// A topic of the contract: `gw/v1/{gateway}/up/lp`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Topic {
    /// Whose.
    pub gateway: GatewayId,
    /// About what.
    pub subject: Subject,
}

/// A topic that is not one of the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a topic of the contract, such as gw/v1/pmu-001/up/lp")]
pub struct InvalidTopic(String);

impl Subject {
    /// Direction and word; a subject that needs a further level has it in [`Topic`].
    const fn ending(self) -> (&'static str, &'static str) {
        match self {
            Self::Presence => ("up", "st"),
            Self::Records(stream) => ("up", stream.word()),
            Self::ImageWish => ("up", "want"),
            Self::Watermark => ("dn", "ack"),
            Self::Request => ("dn", "req"),
            Self::Command => ("dn", "cmd"),
            Self::Image(_) => ("dn", "blob"),
        }
    }

    fn from_ending(direction: &str, word: &str, further: Option<&str>) -> Option<Self> {
        match (direction, word, further) {
            ("up", "st", None) => Some(Self::Presence),
            ("up", "want", None) => Some(Self::ImageWish),
            ("up", word, None) => Stream::from_word(word).map(Self::Records),
            ("dn", "ack", None) => Some(Self::Watermark),
            ("dn", "req", None) => Some(Self::Request),
            ("dn", "cmd", None) => Some(Self::Command),
            ("dn", "blob", Some(digits)) => ImageId::from_digits(digits).map(Self::Image),
            _ => None,
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (direction, word) = self.subject.ending();
        write!(f, "gw/v1/{}/{direction}/{word}", self.gateway)?;
        match self.subject {
            Subject::Image(image) => write!(f, "/{image}"),
            _ => Ok(()),
        }
    }
}

impl FromStr for Topic {
    type Err = InvalidTopic;

    fn from_str(text: &str) -> Result<Self, InvalidTopic> {
        let complaint = || InvalidTopic(text.chars().take(TOPIC_BYTES_MAX).collect());
        if text.len() > TOPIC_BYTES_MAX {
            return Err(complaint());
        }
        let mut levels = text.split('/');
        let mut next = || levels.next().unwrap_or_default();
        let (root, version, gateway, direction, word) = (next(), next(), next(), next(), next());
        let further = levels.next();
        let is_whole = levels.next().is_none() && (root, version) == ("gw", "v1");
        let subject = Subject::from_ending(direction, word, further).filter(|_| is_whole);
        match (gateway.parse(), subject) {
            (Ok(gateway), Some(subject)) => Ok(Self { gateway, subject }),
            _ => Err(complaint()),
        }
    }
}

/// What a gateway subscribes to at each connection. Two topics by name: a wildcard would also
/// bring what later versions of the contract send.
pub fn down_filters(gateway: &GatewayId) -> [String; 2] {
    [Subject::Watermark, Subject::Request].map(|subject| {
        let gateway = gateway.clone();
        Topic { gateway, subject }.to_string()
    })
}

/// What a root key signed for all gateways; retained, because each gateway wants the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FleetSubject {
    /// The operators' keys.
    KeySet,
    /// Which commands take whom.
    Policy,
}

impl FleetSubject {
    /// Both.
    pub const ALL: [Self; 2] = [Self::KeySet, Self::Policy];

    /// Its topic. No gateway is called `all`: names have four letters at least.
    pub const fn topic(self) -> &'static str {
        match self {
            Self::KeySet => "gw/v1/all/dn/key",
            Self::Policy => "gw/v1/all/dn/pol",
        }
    }

    /// The subject of a topic.
    pub fn from_topic(topic: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|subject| subject.topic() == topic)
    }
}

/// What a gateway that takes commands subscribes to besides [`down_filters`].
pub fn command_filters(gateway: &GatewayId) -> [String; 3] {
    let (gateway, subject) = (gateway.clone(), Subject::Command);
    let [keys, policy] = FleetSubject::ALL.map(|subject| subject.topic().to_owned());
    [Topic { gateway, subject }.to_string(), keys, policy]
}

/// What a gateway subscribes to while it fetches this image, and no longer.
pub fn image_filter(gateway: &GatewayId, image: ImageId) -> String {
    let (gateway, subject) = (gateway.clone(), Subject::Image(image));
    Topic { gateway, subject }.to_string()
}

/// What a head-end's consumer subscribes to, one filter for each subject so that a flood of
/// telemetry does not delay billing. `share` is the name of a group of consumers.
pub fn ingest_filter(subject: Subject, share: Option<&str>) -> String {
    let (direction, word) = subject.ending();
    let filter = format!("gw/v1/+/{direction}/{word}");
    match share {
        Some(group) => format!("$share/{group}/{filter}"),
        None => filter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: Option<Subject>) {
        let topic = text.parse::<Topic>();
        assert_eq!(topic.as_ref().ok().map(|t| t.subject), expected, "{text}");
        if let Ok(topic) = topic {
            assert_eq!(topic.to_string(), text);
        }
    }

    #[test]
    fn topics_are_read_strictly() {
        check("gw/v1/pmu-001/up/st", Some(Subject::Presence));
        check(
            "gw/v1/pmu-001/up/lp",
            Some(Subject::Records(Stream::Profile)),
        );
        check("gw/v1/pmu-001/up/gap", Some(Subject::Records(Stream::Gap)));
        check("gw/v1/pmu-001/dn/ack", Some(Subject::Watermark));
        check("gw/v1/pmu-001/dn/req", Some(Subject::Request));
        check("gw/v1/pmu-001/dn/cmd", Some(Subject::Command));
        check("gw/v1/pmu-001/up/cmd", None);
        check("gw/v1/all/dn/key", None);
        check("gw/v1/pmu-001/up/want", Some(Subject::ImageWish));
        let image = Subject::Image(ImageId::new([0xa5; 32]));
        let digits = "a5".repeat(32);
        check(&format!("gw/v1/pmu-001/dn/blob/{digits}"), Some(image));
        check(&format!("gw/v1/pmu-001/up/blob/{digits}"), None);
        check(&format!("gw/v1/pmu-001/dn/blob/{digits}/"), None);
        check(&format!("gw/v1/pmu-001/dn/blob/{digits}0"), None);
        check(&format!("gw/v1/pmu-001/dn/ack/{digits}"), None);
        check("gw/v1/pmu-001/dn/blob", None);
        check("gw/v1/pmu-001/dn/blob/+", None);
        check("gw/v1/pmu-001/dn/lp", None);
        check("gw/v1/pmu-001/up/ack", None);
        check(
            "gw/v1/pmu-001/up/rs",
            Some(Subject::Records(Stream::Receipt)),
        );
        check("gw/v2/pmu-001/up/lp", None);
        check("gw/v1/pmu/up/lp", None);
        check("gw/v1/+/up/lp", None);
        check("gw/v1/pmu-001/up/lp/", None);
        check("/gw/v1/pmu-001/up/lp", None);
        check("", None);
    }

    #[test]
    fn the_longest_topic_fits_its_limit() {
        let gateway: GatewayId = "x".repeat(40).parse().unwrap();
        let subject = Subject::Image(ImageId::new([0xff; 32]));
        let topic = Topic { gateway, subject }.to_string();
        check(&topic, Some(subject));
        assert_eq!(topic.len(), 119);
        assert!(topic.len() <= TOPIC_BYTES_MAX);
    }

    #[test]
    fn filters_name_each_subject() {
        let gateway = "pmu-001".parse().unwrap();
        assert_eq!(
            down_filters(&gateway),
            ["gw/v1/pmu-001/dn/ack", "gw/v1/pmu-001/dn/req"]
        );
        assert_eq!(
            command_filters(&gateway),
            [
                "gw/v1/pmu-001/dn/cmd",
                "gw/v1/all/dn/key",
                "gw/v1/all/dn/pol"
            ]
        );
        for subject in FleetSubject::ALL {
            assert_eq!(FleetSubject::from_topic(subject.topic()), Some(subject));
        }
        assert_eq!(FleetSubject::from_topic("gw/v1/pmu-001/dn/key"), None);
        let image = ImageId::new([0x0a; 32]);
        let expected = format!("gw/v1/pmu-001/dn/blob/{}", "0a".repeat(32));
        assert_eq!(image_filter(&gateway, image), expected);
        assert_eq!(ingest_filter(Subject::ImageWish, None), "gw/v1/+/up/want");
        let billing = Subject::Records(Stream::Profile);
        assert_eq!(ingest_filter(billing, None), "gw/v1/+/up/lp");
        assert_eq!(
            ingest_filter(billing, Some("ingest")),
            "$share/ingest/gw/v1/+/up/lp"
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(gw/v1/)?(pmu-001/dn/blob/)?[a-f0-9z/+#é]{0,80}") {
            drop(text.parse::<Topic>());
        }
    }
}
