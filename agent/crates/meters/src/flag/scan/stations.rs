//! Places at which a DLMS meter may be, likeliest first.

use super::addresses::WishedAddresses;
use super::places::Configured;
use crate::catalogue::Catalogue;
use crate::catalogue::dlms::{DlmsModel, LevelModel};
use crate::flag::limits::LOWERS_MAX;
use ::dlms::hdlc::Address;
use std::fmt;

/// The client that proves nothing (Green Book).
pub(super) const PUBLIC: u16 = 16;
/// The client that most meters know besides.
const MANAGEMENT: u16 = 1;
/// The logical device that every meter has.
const MANAGEMENT_DEVICE: u16 = 1;
/// Clients that are tried behind the wrapper, where a meter may leave a stranger without an answer.
const CLIENTS: [u16; 5] = [PUBLIC, MANAGEMENT, 2, 32, 48];
/// Lower addresses that meters are shipped with.
const LOWERS: [u16; 3] = [16, 17, 1];

/// Where DLMS meters are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StationWish {
    /// Nowhere.
    #[default]
    None,
    /// On HDLC.
    Hdlc,
    /// On HDLC, and behind the wrapper: the line is a TCP connection.
    HdlcAndWrapper,
}

/// Where a DLMS meter is asked, and as whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Station {
    /// On HDLC.
    Hdlc {
        /// The client that asks.
        client: u16,
        /// The meter's address.
        address: Address,
    },
    /// Behind the wrapper of a TCP connection.
    Wrapper {
        /// The client that asks.
        client: u16,
        /// The logical device.
        server: u16,
    },
}

impl Station {
    /// A meter on HDLC, as a client that its model knows: the public one, if there is one.
    pub fn of_model(model: &DlmsModel, address: Address) -> Self {
        let public = model.associations.iter();
        let mut public = public.filter(|known| known.level == LevelModel::None);
        let known = public.next().or(model.associations.first());
        let client = known.map_or(PUBLIC, |known| known.client);
        Self::Hdlc { client, address }
    }

    /// What the configuration calls it; none of a meter that is asked without a lower address, where
    /// all meters of a line may answer.
    pub fn address(self) -> Option<String> {
        match self {
            Self::Hdlc { address, .. } => address.physical().map(|_| address.to_string()),
            Self::Wrapper { server, .. } => Some(format!("wrapper {server}")),
        }
    }

    /// Whether a model's meters are reached there. One for any maker fits wherever it knows the road:
    /// how long an address is written is each maker's own.
    pub(super) fn fits(self, model: &DlmsModel) -> bool {
        match self {
            Self::Hdlc { .. } if model.is_of_any_maker() => model.hdlc.is_some(),
            Self::Hdlc { address, .. } => model
                .hdlc
                .as_ref()
                .is_some_and(|place| place.address(address.physical()) == Some(address)),
            Self::Wrapper { server, .. } => model
                .wrapper
                .as_ref()
                .is_some_and(|place| place.server == server),
        }
    }

    fn public(address: Address) -> Self {
        Self::Hdlc {
            client: PUBLIC,
            address,
        }
    }
}

/// `address 1/17 in 2 octets`, `wrapper 1 as client 16`.
impl fmt::Display for Station {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hdlc { client, address } => {
                let octets = address.octets().len();
                let plural = if octets == 1 { "" } else { "s" };
                write!(f, "address {address} in {octets} octet{plural}")?;
                if *client != PUBLIC {
                    write!(f, " as client {client}")?;
                }
                Ok(())
            }
            Self::Wrapper { client, server } => {
                write!(f, "wrapper {server} as client {client}")
            }
        }
    }
}

/// Both ways to write an address of two parts.
fn both(upper: u16, lower: u16) -> impl Iterator<Item = Station> {
    let small = |number: u16| u8::try_from(number).ok();
    let two = small(upper)
        .zip(small(lower))
        .and_then(|(upper, lower)| Address::two(upper, lower));
    let four = Address::four(upper, lower);
    two.into_iter().chain(four).map(Station::public)
}

/// Meters of the models: each says where it is commonly found.
pub(super) fn of_models(catalogue: &Catalogue) -> impl Iterator<Item = Station> {
    catalogue.dlms_models().filter_map(|model| {
        let address = model.hdlc.as_ref()?.address(None)?;
        Some(Station::of_model(model, address))
    })
}

/// Behind the wrapper.
pub(super) fn wrapped() -> impl Iterator<Item = Station> {
    CLIENTS.into_iter().map(|client| Station::Wrapper {
        client,
        server: MANAGEMENT_DEVICE,
    })
}

/// On HDLC, where meters commonly are, or are said to be.
pub(super) fn likely(wished: &WishedAddresses, known: &Configured) -> Vec<Station> {
    let named = wished.stations();
    let wished = named.iter().flat_map(|(upper, lower)| both(*upper, *lower));
    let alone = Address::one(1).map(Station::public).into_iter();
    let shipped = LOWERS
        .iter()
        .flat_map(|lower| both(MANAGEMENT_DEVICE, *lower));
    let public: Vec<Station> = known
        .stations
        .iter()
        .copied()
        .chain(wished)
        .chain(alone)
        .chain(shipped)
        .collect();
    // A meter may not answer a client that it does not know.
    let others = public.iter().filter_map(|station| match station {
        Station::Hdlc {
            client: PUBLIC,
            address,
        } => Some(Station::Hdlc {
            client: MANAGEMENT,
            address: *address,
        }),
        _ => None,
    });
    let others: Vec<Station> = others.collect();
    public.into_iter().chain(others).collect()
}

/// Every other lower address of one octet, written in both ways.
pub(super) fn possible() -> Vec<Station> {
    let lowers = 1..=LOWERS_MAX;
    let pairs = lowers.flat_map(|lower| both(MANAGEMENT_DEVICE, lower));
    let (two, four): (Vec<Station>, Vec<Station>) = pairs.partition(|station| match station {
        Station::Hdlc { address, .. } => address.octets().len() == 2,
        Station::Wrapper { .. } => false,
    });
    two.into_iter().chain(four).collect()
}
