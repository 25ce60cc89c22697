//! Which of the meters that a scan finds are configured already.

use super::super::dlms::DlmsBook;
use super::super::flag::FlagBook;
use super::Bus;
use iec62056_21::codec::MeterAddress;
use meters::dlms::DlmsPlace;
use meters::flag::{Configured, FoundMeter, ScanProtocol, Station};

impl Bus {
    /// What is looked for first.
    pub(super) fn configured(&self) -> Configured {
        let addresses = self
            .flags
            .iter()
            .filter_map(|book| book.flag.address.clone());
        Configured {
            outstations: addresses.collect(),
            units: self
                .books
                .iter()
                .map(super::super::book::Book::unit)
                .collect(),
            stations: self.dlms.iter().filter_map(station).collect(),
        }
    }

    /// The configured meter that a found one is.
    pub(super) fn configured_as(&self, found: &FoundMeter) -> Option<String> {
        let address = found.address.as_deref();
        match found.protocol {
            ScanProtocol::Flag => {
                let address = address.and_then(|text| MeterAddress::new(text).ok());
                let is_it = |book: &&FlagBook| match (&book.flag.address, &address) {
                    (Some(own), Some(address)) => own.names_same(address),
                    (None, None) => true,
                    _ => false,
                };
                let mut books = self.flags.iter();
                books.find(is_it).map(|book| book.id().to_string())
            }
            ScanProtocol::Modbus => {
                let unit = address.and_then(|text| text.parse().ok());
                let mut books = self.books.iter();
                let book = books.find(|book| Some(book.unit()) == unit)?;
                Some(book.id().to_string())
            }
            ScanProtocol::Dlms => {
                let is_it = |book: &&DlmsBook| {
                    let own = station(book).and_then(Station::address);
                    let is_there = own.is_some() && own.as_deref() == address;
                    let mut said = found.serial.iter().chain([&found.identification]);
                    is_there || said.any(|said| book.expects(said))
                };
                let mut books = self.dlms.iter();
                books.find(is_it).map(|book| book.id().to_string())
            }
        }
    }
}

/// Where a configured DLMS meter is asked.
fn station(book: &DlmsBook) -> Option<Station> {
    let model = &book.dlms.model;
    match book.dlms.place {
        DlmsPlace::Hdlc { lower } => {
            let address = model.hdlc.as_ref()?.address(lower)?;
            Some(Station::of_model(model, address))
        }
        DlmsPlace::Wrapper => Some(Station::Wrapper {
            client: book.dlms.client.unwrap_or(book.dlms.association.client),
            server: model.wrapper.as_ref()?.server,
        }),
    }
}
