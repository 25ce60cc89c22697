//! The clients of a simulated meter that the gateway can be, and the terms of each.

use ::dlms::conversation::Terms;
use ::dlms::security::{Keys, Secret, Suite, SystemTitle};
use line::{DataBits, LineSettings, Parity, Peer, StopBits};
use meters::catalogue::dlms::DlmsModel;
use meters::dlms::{DlmsCredentials, DlmsPlace, DlmsWish, dlms_terms};
use simulator::dlms::{DlmsAccess, PUBLIC};
use std::time::Duration;

pub(crate) const LOWER: u16 = 17;
pub(crate) const READER: u16 = 2;
pub(crate) const SUITE_ZERO: u16 = 1;
pub(crate) const SUITE_TWO: u16 = 3;
pub(crate) const SERIAL: &str = "00012345";

/// The line that such meters are on.
pub(crate) const LINE: LineSettings = LineSettings {
    baud: 9600,
    parity: Parity::None,
    data_bits: DataBits::Eight,
    stop_bits: StopBits::One,
};

fn keys(client: u16) -> Keys {
    match client {
        SUITE_TWO => Keys::new(Suite::Two, &[0x42; 32], &[0x24; 32]),
        _ => Keys::new(Suite::Zero, &[7; 16], &[9; 16]),
    }
    .unwrap()
}

fn password() -> Secret {
    Secret::new(b"12345678").unwrap()
}

/// Whom the meter lets in, beside the public client.
pub(crate) fn access() -> DlmsAccess {
    DlmsAccess {
        passwords: vec![(READER, password())],
        keys: [SUITE_ZERO, SUITE_TWO]
            .map(|client| (client, keys(client)))
            .to_vec(),
    }
}

/// The terms of a session as this client.
pub(crate) fn terms(model: &DlmsModel, place: DlmsPlace, client: u16, hold_max: Duration) -> Terms {
    let (association, credentials) = match client {
        PUBLIC => ("public", DlmsCredentials::None),
        READER => ("reader", DlmsCredentials::Password(password())),
        _ => {
            let title = SystemTitle(*b"PMU\0\0\0\0\x01");
            ("secured", DlmsCredentials::Keys(keys(client), title))
        }
    };
    let wish = DlmsWish {
        peer: Peer(1000),
        place,
        association: association.to_owned(),
        client: Some(client),
        hold_max,
        pdu_octets: None,
    };
    dlms_terms(model, &wish, &credentials).unwrap()
}
