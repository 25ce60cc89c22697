//! The gateway's side: model, terms, counters in memory.

use std::num::NonZeroU32;
use std::time::Duration;

use dlms::conversation::Terms;
use dlms::security::{CounterBlock, CounterFault, CounterKeeper, Keys, Suite, SystemTitle};
use hil_tests::binaries::models;
use line::Peer;
use meters::catalogue::Catalogue;
use meters::catalogue::dlms::DlmsModel;
use meters::dlms::{DlmsCredentials, DlmsPlace, DlmsWish, dlms_terms};

pub(super) const LOWER: u16 = 17;
/// The client with the keys of suite 2, as `gurux_client.py` has it.
pub(super) const CLIENT: u16 = 4;
pub(super) const ENCRYPTION: [u8; 32] = [0x42; 32];
pub(super) const AUTHENTICATION: [u8; 32] = [0x24; 32];

/// The generic model on a line with several meters, with frames of this size.
pub(super) fn model(information_octets: u16) -> DlmsModel {
    let catalogue = Catalogue::load(&models()).unwrap();
    let mut model = catalogue.dlms_model("dlms-generic").unwrap().clone();
    let hdlc = model.hdlc.as_mut().expect("a place on HDLC");
    hdlc.address_octets = 2;
    hdlc.information_octets = information_octets;
    model
}

pub(super) fn keys() -> Keys {
    Keys::new(Suite::Two, &ENCRYPTION, &AUTHENTICATION).unwrap()
}

/// All APDUs authenticated and encrypted with AES-256.
pub(super) fn terms(model: &DlmsModel) -> Terms {
    let wish = DlmsWish {
        peer: Peer(1),
        place: DlmsPlace::Hdlc { lower: Some(LOWER) },
        association: "secured".to_owned(),
        client: Some(CLIENT),
        hold_max: Duration::from_hours(1),
        pdu_octets: None,
    };
    let title = SystemTitle(*b"PMU\0\0\0\0\x01");
    dlms_terms(model, &wish, &DlmsCredentials::Keys(keys(), title)).unwrap()
}

/// Counters that only go up; a new one begins above all that were used in this run.
#[derive(Debug)]
pub(super) struct Counters {
    next: u32,
    heard: Option<u32>,
}

impl Counters {
    pub(super) fn from(first: u32) -> Self {
        Self {
            next: first,
            heard: None,
        }
    }
}

impl CounterKeeper for Counters {
    async fn reserve(&mut self, count: NonZeroU32) -> Result<CounterBlock, CounterFault> {
        let first = self.next;
        self.next += count.get();
        Ok(CounterBlock {
            first,
            last: self.next - 1,
        })
    }

    async fn raise(&mut self, used: u32) -> Result<(), CounterFault> {
        self.next = self.next.max(used + 1);
        Ok(())
    }

    async fn heard(&mut self) -> Result<Option<u32>, CounterFault> {
        Ok(self.heard)
    }

    async fn note_heard(&mut self, counter: u32) -> Result<(), CounterFault> {
        self.heard = Some(counter);
        Ok(())
    }
}
