//! Against an implementation that we did not write: its meter for our client, its client for our
//! meter.

use std::time::Duration;

use dlms::codec::{AccessResult, Asked, Data, Selection};
use dlms::conversation::Session;
use dlms_cosem_rs::acse::AuthMechanism;
use dlms_cosem_rs::axdr as their;
use dlms_cosem_rs::client::{AssociationStep, ClientConfig, ClientSession, Response};
use dlms_cosem_rs::codec::{Encode, Writer};
use dlms_cosem_rs::cosem::{AttributeAccess, MethodAccess};
use dlms_cosem_rs::obis::Obis;
use dlms_cosem_rs::security::{
    Key, KeyRing, KeyUsage, RandomSource, RustCryptoProvider, Secret, SecurityPolicy,
    SecuritySuite, SystemTitle,
};
use dlms_cosem_rs::server::{ObjectStore, Server, ServerConfig, StoreResult};
use dlms_cosem_rs::xdlms::{AttributeDescriptor, DataAccessResult, SelectiveAccess};

use crate::keeper::Keeper;
use crate::meter::{
    self, AUTH, AUTH_TWO, CALENDAR, CALENDAR_NAME, ENERGY, KEY, KEY_TWO, LOW, METER_TITLE,
    PASSWORD, PROFILE, PUBLIC, SUITE_ONE, SUITE_TWO, SUITE_ZERO, row,
};
use crate::terms;
use crate::wire::{Far, Wire};

/// Octets that count up: for tests alone.
struct Counting;

impl RandomSource for Counting {
    fn fill(&self, out: &mut [u8]) -> dlms_cosem_rs::Result<()> {
        for (place, octet) in (0x31..).zip(out) {
            *octet = place;
        }
        Ok(())
    }
}

/// Holds what our test meter holds, as octets.
#[derive(Default)]
struct Objects {
    calendar: Vec<u8>,
    name: Vec<u8>,
}

const ANSWER: DataAccessResult = DataAccessResult::OtherReason;

impl ObjectStore for Objects {
    fn get_attribute(
        &self,
        class: u16,
        name: Obis,
        number: i8,
        selection: Option<SelectiveAccess<'_>>,
        writer: &mut dyn Writer,
    ) -> StoreResult<()> {
        let is = |wanted: dlms::codec::Attribute| {
            (class, name.0, number) == (wanted.class, wanted.name.0, wanted.number)
        };
        let octets = if is(ENERGY) {
            Data::DoubleLongUnsigned(12_345_678).encode()
        } else if is(CALENDAR) {
            self.calendar.clone()
        } else if is(CALENDAR_NAME) {
            self.name.clone()
        } else if is(PROFILE) {
            let (from, to) = match selection {
                Some(selection) => {
                    let fields = selection.parameters.as_structure().ok_or(ANSWER)?;
                    let field = |place| {
                        let value = fields.get(place).ok()?;
                        u32::try_from(value.as_u64()?).ok()
                    };
                    (field(0).ok_or(ANSWER)?, field(1).ok_or(ANSWER)?)
                }
                None => (1, 100),
            };
            Data::Array((from..=to).map(row).collect()).encode()
        } else {
            return Err(DataAccessResult::ObjectUndefined);
        };
        writer.write_bytes(&octets).map_err(|_| ANSWER)
    }

    fn set_attribute(
        &mut self,
        class: u16,
        _: Obis,
        number: i8,
        _: Option<SelectiveAccess<'_>>,
        value: their::Data<'_>,
    ) -> StoreResult<()> {
        let mut octets = Vec::new();
        value.encode(&mut octets).map_err(|_| ANSWER)?;
        match (class, number) {
            (20, 9) => self.calendar = octets,
            (20, 6) => self.name = octets,
            _ => return Err(DataAccessResult::ReadWriteDenied),
        }
        Ok(())
    }

    fn attribute_access(&self, _: u16, _: Obis, _: i8) -> AttributeAccess {
        AttributeAccess::READ | AttributeAccess::WRITE
    }

    fn method_access(&self, _: u16, _: Obis, _: i8) -> MethodAccess {
        MethodAccess::ACCESS
    }
}

fn suite(client: u16) -> SecuritySuite {
    match client {
        SUITE_ONE => SecuritySuite::Suite1,
        SUITE_TWO => SecuritySuite::Suite2,
        _ => SecuritySuite::Suite0,
    }
}

fn ring(client: u16) -> KeyRing {
    match client {
        PUBLIC | LOW => KeyRing::default(),
        SUITE_TWO => KeyRing::new_256(KEY_TWO, AUTH_TWO),
        _ => KeyRing::new(KEY, AUTH),
    }
}

fn mechanism(client: u16) -> AuthMechanism {
    match client {
        PUBLIC => AuthMechanism::None,
        LOW => AuthMechanism::Low,
        _ => AuthMechanism::HighGmac,
    }
}

fn policy(client: u16) -> SecurityPolicy {
    match client {
        PUBLIC | LOW => SecurityPolicy::NONE,
        client => SecurityPolicy::authenticated_encrypted(suite(client)),
    }
}

/// Their meter, behind our wrapper.
fn their_meter(client: u16) -> Far {
    let config = ServerConfig {
        system_title: Some(SystemTitle(METER_TITLE.0)),
        mechanism: mechanism(client),
        password: Some(Secret::new(PASSWORD).unwrap()),
        security: policy(client),
        max_pdu_size: 400,
        invocation_counter: 5,
        ..ServerConfig::default()
    };
    let provider = RustCryptoProvider::with_rng(ring(client), Counting);
    let mut server: Box<Server<Objects, _, 8192>> =
        Box::new(Server::new(config, Objects::default(), provider));
    let ports = dlms::wrapper::Ports {
        source: 1,
        destination: client,
    };
    Far::Other(Box::new(move |request| {
        let mut out = vec![0; 4096];
        let count = server.handle(&request[8..], &mut out).unwrap();
        dlms::wrapper::wrap(ports, &out[..count]).unwrap()
    }))
}

#[tokio::test(start_paused = true)]
async fn our_client_reads_and_writes_a_meter_that_we_did_not_write() {
    for client in [PUBLIC, LOW, SUITE_ZERO, SUITE_ONE, SUITE_TWO] {
        for has_dedicated_key in [false, true] {
            let mut terms = terms::wrapper(client);
            if let Some(ciphering) = &mut terms.ciphering {
                ciphering.has_dedicated_key = has_dedicated_key;
            }
            let mut wire = Wire::new(their_meter(client));
            let mut keeper = Keeper::at(77);
            let mut session = Session::open(&mut wire.guard, &mut keeper, &terms)
                .await
                .unwrap();
            let energy = session.get(ENERGY).await.unwrap();
            assert_eq!(energy, Ok(Data::DoubleLongUnsigned(12_345_678)));
            let rows = session.get(PROFILE).await.unwrap();
            assert_eq!(rows, Ok(Data::Array((1..=100).map(row).collect())));
            let asked = Asked {
                attribute: PROFILE,
                selection: Some(Selection::entries(5, 60)),
            };
            let rows = session.get(asked).await.unwrap();
            assert_eq!(rows, Ok(Data::Array((5..=60).map(row).collect())));
            let unknown = meter::attribute(3, [9; 6], 2);
            let list = [ENERGY.into(), unknown.into(), PROFILE.into()];
            let got = session.get_list(&list).await.unwrap();
            assert_eq!(got[1], Err(AccessResult::ObjectUndefined));
            assert_eq!(got[2], Ok(Data::Array((1..=100).map(row).collect())));
            let long = Data::Array((1..=60).map(row).collect());
            let name = Data::OctetString(b"v7".to_vec());
            let done = session.set(CALENDAR, &long).await.unwrap();
            assert_eq!(done, AccessResult::Success);
            let done = session.set(CALENDAR_NAME, &name).await.unwrap();
            assert_eq!(done, AccessResult::Success);
            assert_eq!(session.get(CALENDAR).await.unwrap(), Ok(long));
            let both = [
                (CALENDAR.into(), Data::Array((1..=70).map(row).collect())),
                (CALENDAR_NAME.into(), name.clone()),
            ];
            let results = session.set_list(&both).await.unwrap();
            assert_eq!(results, [AccessResult::Success; 2]);
            assert!(session.close().await.fault.is_none());
        }
    }
}

/// Their client, whose APDUs our meter takes.
struct Their {
    session: Box<ClientSession<RustCryptoProvider<Counting>, 4096>>,
    device: dlms::meter::Device<meter::TestStore>,
    client: u16,
    now: Duration,
}

impl Their {
    fn new(client: u16, is_dedicated: bool) -> Self {
        let mut ring = ring(client);
        if is_dedicated {
            let octets = vec![0x77; suite(client).key_len()];
            ring.set(KeyUsage::Dedicated, Key::from_slice(&octets).unwrap());
        }
        let config = ClientConfig {
            system_title: Some(SystemTitle(*b"HES\0\0\0\0\x09")),
            mechanism: mechanism(client),
            password: (client == LOW).then(|| Secret::new(PASSWORD).unwrap()),
            security: policy(client).with_dedicated(is_dedicated),
            max_pdu_size: 350,
            invocation_counter: 40,
            ..ClientConfig::default()
        };
        let provider = RustCryptoProvider::with_rng(ring, Counting);
        Self {
            session: Box::new(ClientSession::new(config, provider)),
            device: meter::device(350),
            client,
            now: Duration::ZERO,
        }
    }

    fn ask(&mut self, request: &[u8]) -> Vec<u8> {
        self.now += Duration::from_secs(1);
        self.device.take(self.client, request, self.now).unwrap()
    }

    fn open(&mut self) {
        let mut out = [0; 4096];
        let count = self.session.associate_request(&mut out).unwrap();
        let answer = self.ask(&out[..count]);
        let mut step = self.session.handle_associate_response(&answer).unwrap();
        if step == AssociationStep::HlsReplyRequired {
            let count = self.session.hls_reply_request(&mut out).unwrap();
            let answer = self.ask(&out[..count]);
            step = self.session.handle_hls_reply_response(&answer).unwrap();
        }
        assert_eq!(step, AssociationStep::Established);
    }

    /// The octets of a value, all blocks together.
    fn read(&mut self, attribute: dlms::codec::Attribute) -> Vec<u8> {
        let mut out = [0; 4096];
        let name = Obis(attribute.name.0);
        let descriptor = AttributeDescriptor::new(attribute.class, name, attribute.number);
        let mut count = self
            .session
            .get_request(descriptor, None, &mut out)
            .unwrap();
        let mut value = Vec::new();
        loop {
            let answer = self.ask(&out[..count]);
            let mut buffer = [0; 4096];
            match self.session.handle_response(&answer, &mut buffer).unwrap() {
                Response::Data(data) => {
                    data.encode(&mut value).unwrap();
                    return value;
                }
                Response::Block { last, number, data } => {
                    value.extend_from_slice(data);
                    if last {
                        return value;
                    }
                    count = self
                        .session
                        .get_next_block_request(number, &mut out)
                        .unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn write(&mut self, attribute: dlms::codec::Attribute, value: &[u8]) {
        let mut out = [0; 4096];
        let name = Obis(attribute.name.0);
        let descriptor = AttributeDescriptor::new(attribute.class, name, attribute.number);
        let mut sender = self.session.set_transfer(descriptor, None, value).unwrap();
        loop {
            let count = self
                .session
                .next_block_request(&mut sender, &mut out)
                .unwrap();
            let answer = self
                .device
                .take(self.client, &out[..count], self.now)
                .unwrap();
            let mut buffer = [0; 4096];
            match self.session.handle_response(&answer, &mut buffer).unwrap() {
                Response::BlockAccepted { .. } => {}
                Response::Ok => return,
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn our_meter_is_read_and_written_by_a_client_that_we_did_not_write() {
    for client in [PUBLIC, LOW, SUITE_ZERO, SUITE_ONE, SUITE_TWO] {
        for is_dedicated in [false, true] {
            if is_dedicated && [PUBLIC, LOW].contains(&client) {
                continue;
            }
            let mut their = Their::new(client, is_dedicated);
            their.open();
            let energy = Data::DoubleLongUnsigned(12_345_678).encode();
            assert_eq!(their.read(ENERGY), energy);
            let rows = Data::Array((1..=meter::ROWS).map(row).collect());
            assert_eq!(their.read(PROFILE), rows.encode());
            if client != PUBLIC {
                let long = Data::Array((1..=60).map(row).collect()).encode();
                their.write(CALENDAR, &long);
                assert_eq!(their.read(CALENDAR), long);
            }
        }
    }
}
