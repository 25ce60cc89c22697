//! What is read, written and executed.

use dlms::codec::{
    AccessResult, ActionResult, Asked, Attribute, Column, Conformance, Data, Selection,
};
use dlms::conversation::{Remedy, Session, SessionFault, Terms};

use crate::keeper::Keeper;
use crate::meter::{
    CALENDAR, CALENDAR_NAME, CLOCK, ECHO, ENERGY, ENERGY_UNIT, LOW, NAME, PROFILE, PUBLIC, ROWS,
    SUITE_TWO, SUITE_ZERO, attribute, row, row_time,
};
use crate::terms;
use crate::wire::{Far, TestLine, Wire};

async fn on_all(octets: u16, check: impl AsyncFn(&mut Session<'_, TestLine, Keeper>)) {
    for client in [LOW, SUITE_ZERO, SUITE_TWO] {
        for is_hdlc in [false, true] {
            let (far, terms) = if is_hdlc {
                (Far::hdlc(octets), terms::hdlc(client, 2))
            } else {
                (Far::wrapper(octets), terms::wrapper(client))
            };
            let terms = Terms {
                pdu_octets: octets,
                ..terms
            };
            let mut wire = Wire::new(far);
            let mut keeper = Keeper::default();
            let mut session = Session::open(&mut wire.guard, &mut keeper, &terms)
                .await
                .unwrap();
            check(&mut session).await;
            assert!(session.close().await.fault.is_none());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_profile_is_read_in_blocks() {
    on_all(300, async |session| {
        let rows = session.get(PROFILE).await.unwrap().unwrap();
        let wanted: Vec<Data> = (1..=ROWS).map(row).collect();
        assert_eq!(rows, Data::Array(wanted));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn rows_are_selected_by_place_and_by_time() {
    on_all(1024, async |session| {
        let entries = Asked {
            attribute: PROFILE,
            selection: Some(Selection::entries(3, 5)),
        };
        let rows = session.get(entries).await.unwrap();
        assert_eq!(rows, Ok(Data::Array((3..=5).map(row).collect())));
        let range = Asked {
            attribute: PROFILE,
            selection: Some(Selection::Range {
                by: Column {
                    attribute: CLOCK,
                    index: 0,
                },
                from: Data::OctetString(row_time(96).to_vec()),
                to: Data::OctetString(row_time(98).to_vec()),
                columns: Vec::new(),
            }),
        };
        let rows = session.get(range).await.unwrap();
        assert_eq!(rows, Ok(Data::Array((96..=98).map(row).collect())));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_list_has_an_outcome_for_each() {
    on_all(128, async |session| {
        let unknown = attribute(3, [1, 0, 9, 9, 9, 255], 2);
        let mut list: Vec<Asked> = vec![ENERGY.into(), unknown.into(), ENERGY_UNIT.into()];
        // So many that requests and answers must be parted.
        list.extend(vec![Asked::from(NAME); 20]);
        let got = session.get_list(&list).await.unwrap();
        assert_eq!(got.len(), list.len());
        assert_eq!(got[0], Ok(Data::DoubleLongUnsigned(12_345_678)));
        assert_eq!(got[1], Err(AccessResult::ObjectUndefined));
        assert!(
            got[3..]
                .iter()
                .all(|name| { *name == Ok(Data::OctetString(b"PMUTEST000000001".to_vec())) })
        );
    })
    .await;
}

fn calendar(days: u8) -> Data {
    let day = |number| {
        Data::Structure(vec![
            Data::Unsigned(number),
            Data::Array(vec![Data::OctetString(vec![number; 10]); 4]),
        ])
    };
    Data::Array((1..=days).map(day).collect())
}

#[tokio::test(start_paused = true)]
async fn values_are_written_in_one_piece_or_in_blocks() {
    on_all(256, async |session| {
        let name = Data::OctetString(b"v7".to_vec());
        let done = session.set(CALENDAR_NAME, &name).await.unwrap();
        assert_eq!(done, AccessResult::Success);
        let done = session.set(CALENDAR, &calendar(40)).await.unwrap();
        assert_eq!(done, AccessResult::Success);
        assert_eq!(session.get(CALENDAR).await.unwrap(), Ok(calendar(40)));
        assert_eq!(session.get(CALENDAR_NAME).await.unwrap(), Ok(name.clone()));
        let denied = session.set(ENERGY, &calendar(40)).await.unwrap();
        assert_eq!(denied, AccessResult::ReadWriteDenied);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_list_is_written_in_one_piece_or_in_blocks() {
    on_all(256, async |session| {
        for days in [1, 30] {
            let list: Vec<(Asked, Data)> = vec![
                (CALENDAR.into(), calendar(days)),
                (ENERGY.into(), Data::Unsigned(1)),
                (CALENDAR_NAME.into(), Data::OctetString(vec![days])),
            ];
            let results = session.set_list(&list).await.unwrap();
            let denied = AccessResult::ReadWriteDenied;
            assert_eq!(
                results,
                [AccessResult::Success, denied, AccessResult::Success]
            );
            assert_eq!(session.get(CALENDAR).await.unwrap(), Ok(calendar(days)));
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn methods_take_and_return_values_of_any_length() {
    on_all(256, async |session| {
        for days in [0, 1, 30] {
            let (result, returned) = session.act(ECHO, Some(&calendar(days))).await.unwrap();
            assert_eq!(result, ActionResult::Success);
            assert_eq!(returned, Some(Ok(calendar(days))));
        }
        let unknown = dlms::codec::Method { number: 9, ..ECHO };
        let (result, _) = session.act(unknown, None).await.unwrap();
        assert_eq!(result, ActionResult::ObjectUndefined);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_was_not_agreed_is_not_asked() {
    let terms = Terms {
        conformance: Conformance::GET,
        ..terms::wrapper(LOW)
    };
    let mut wire = Wire::new(Far::wrapper(256));
    let mut keeper = Keeper::default();
    let mut session = Session::open(&mut wire.guard, &mut keeper, &terms)
        .await
        .unwrap();
    let entries = Asked {
        attribute: PROFILE,
        selection: Some(Selection::entries(1, 1)),
    };
    let fault = session.get(entries).await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        "a read: meter has not agreed to the selection of rows"
    );
    assert_eq!(fault.remedy(), Remedy::GiveUp);
    assert!(session.set(CLOCK, &Data::Null).await.is_err());
    assert!(session.act(ECHO, None).await.is_err());
    // Without lists one after the other.
    let both: [Asked; 2] = [ENERGY.into(), NAME.into()];
    assert_eq!(session.get_list(&both).await.unwrap().len(), 2);
    assert!(session.close().await.fault.is_none());
    assert_eq!(wire.log().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_may_do_what_it_is_allowed_to() {
    let mut wire = Wire::new(Far::wrapper(1024));
    let mut keeper = Keeper::default();
    let terms = terms::wrapper(PUBLIC);
    let mut session = Session::open(&mut wire.guard, &mut keeper, &terms)
        .await
        .unwrap();
    let denied = session.set(CLOCK, &Data::Null).await.unwrap();
    assert_eq!(denied, AccessResult::ReadWriteDenied);
    assert!(matches!(
        session.act(ECHO, None).await,
        Err(SessionFault::NotAgreed { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_when_its_time_is_up() {
    let mut wire = Wire::new(Far::hdlc(1024));
    let mut keeper = Keeper::default();
    let terms = Terms {
        hold_max: std::time::Duration::from_secs(5),
        ..terms::hdlc(LOW, 1)
    };
    let mut session = Session::open(&mut wire.guard, &mut keeper, &terms)
        .await
        .unwrap();
    let fault = loop {
        if let Err(fault) = session.get(ENERGY).await {
            break fault;
        }
    };
    assert!(matches!(fault, SessionFault::TimeUp { .. }));
    assert!(session.close().await.fault.is_none());
}

/// So that the attribute's name is used as it is written.
#[test]
fn attributes_show_their_names() {
    let energy: Attribute = ENERGY;
    assert_eq!(energy.to_string(), "3/1-0:1.8.0*255/2");
}
