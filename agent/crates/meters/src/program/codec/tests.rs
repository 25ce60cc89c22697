use super::*;
use crate::catalogue::Phase;
use crate::modbus::WriteFunction;
use crate::program::Place;
use crate::program::plan::{Announcement, Guard, PagePlan, PlanItem, Role, Subject};
use crate::program::record::{BackupPage, PageRecord, RecordWork};
use proptest::prelude::*;

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        (any::<u16>(), 0_u16..8, any::<bool>()).prop_map(|(address, count, single)| {
            let function = if single {
                WriteFunction::Single
            } else {
                WriteFunction::Several
            };
            Place::Registers {
                address,
                count,
                function,
            }
        }),
        any::<u16>().prop_map(|address| Place::Coil { address }),
        (any::<u16>(), any::<u16>(), 0_u16..200).prop_map(|(identity, first, octets)| {
            Place::Packets {
                identity,
                first,
                octets,
            }
        }),
    ]
}

fn item() -> impl Strategy<Value = (PlanItem, Vec<u8>)> {
    (
        place(),
        place(),
        any::<bool>(),
        0..5_usize,
        any::<u8>(),
        ".{0,9}",
    )
        .prop_map(|(place, witness, acts, phase, octet, name)| {
            let role = if acts {
                Role::Act { witness, at: 3 }
            } else {
                Role::Keep
            };
            let watched = if acts { witness } else { place };
            let item = PlanItem {
                name: name.clone(),
                phase: Phase::ALL[phase],
                place,
                role,
                wanted: vec![octet; place.octets()],
                words: name,
                clears_profile: acts,
            };
            (item, vec![!octet; watched.octets()])
        })
}

fn record() -> impl Strategy<Value = ProgramRecord> {
    let items = proptest::collection::vec(item(), 0..6);
    (
        items,
        place(),
        ".{0,9}",
        any::<Option<u32>>(),
        any::<bool>(),
    )
        .prop_map(|(mut items, place, name, counter_before, is_restoring)| {
            items.sort_by_key(|(item, _)| item.phase);
            let (items, before) = items.into_iter().unzip();
            let guard = Guard {
                name: name.clone(),
                place,
                octets: vec![1, 2],
            };
            let word = |octets| Announcement {
                name: name.clone(),
                place,
                octets,
            };
            let plan = PagePlan {
                guards: vec![guard.clone()],
                provisional: is_restoring.then_some(guard),
                backup: vec![(name.clone(), place)],
                unlock: vec![word(None)],
                items,
                apply: vec![word(Some(vec![7]))],
                counter: Some(place),
            };
            let page = |held| BackupPage {
                name: name.clone(),
                place,
                held,
            };
            let backup = vec![page(Ok(vec![3; 70])), page(Err("ERR2".to_owned()))];
            let subject = Subject {
                model: "m".to_owned(),
                meter: name.clone(),
                firmware: counter_before.map(|_| name.clone()),
            };
            let work = PageRecord {
                plan,
                before,
                backup,
                counter_before,
                is_restoring,
            };
            ProgramRecord {
                subject,
                work: RecordWork::Pages(Box::new(work)),
            }
        })
}

proptest! {
    #[test]
    fn a_record_comes_back_as_it_was(record in record()) {
        let octets = record.encode();
        prop_assert_eq!(ProgramRecord::decode(&octets), Ok(record));
    }

    #[test]
    fn a_damaged_record_is_none(record in record(), place: prop::sample::Index, bit in 0..8_u8) {
        let mut octets = record.encode();
        let place = place.index(octets.len());
        octets[place] ^= 1 << bit;
        prop_assert!(ProgramRecord::decode(&octets).is_err());
        octets.truncate(place);
        prop_assert!(ProgramRecord::decode(&octets).is_err());
    }

    #[test]
    fn anything_else_is_refused_in_words(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        crate::program::fuzz_record(&octets);
    }
}

#[test]
fn the_form_is_kept() {
    let record = ProgramRecord {
        subject: Subject {
            model: "m".to_owned(),
            meter: "1".to_owned(),
            firmware: None,
        },
        work: RecordWork::Pages(Box::new(PageRecord {
            plan: PagePlan {
                items: vec![PlanItem {
                    name: "p".to_owned(),
                    phase: Phase::Tariff,
                    place: Place::Packets {
                        identity: 667,
                        first: 1,
                        octets: 2,
                    },
                    role: Role::Keep,
                    wanted: vec![1, 2],
                    words: String::new(),
                    clears_profile: false,
                }],
                ..PagePlan::default()
            },
            before: vec![vec![3, 4]],
            backup: Vec::new(),
            counter_before: Some(9),
            is_restoring: true,
        })),
    };
    let octets = record.encode();
    let digits = octets.iter().flat_map(|octet| [octet >> 4, octet & 0xf]);
    let hex: String = digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect();
    assert_eq!(
        hex,
        concat!(
            "504d557701",
            "000000016d",
            "0000000131",
            "00",
            "00",
            "01",
            "00000000",
            "00",
            "00000000",
            "00000000",
            "00000001",
            "0000000170",
            "01",
            "00029b00010002",
            "00",
            "000000020102",
            "00000000",
            "00",
            "00000000",
            "00",
            "00000001",
            "000000020304",
            "00000000",
            "01",
            "00000009",
            "14f8b8b871434f27"
        )
    );
}
