//! Invocation counters: never twice, whatever happens.

use dlms::codec::{Data, ServiceError};
use dlms::conversation::{Remedy, Session, SessionFault};
use dlms::security::CounterKeeper;

use crate::keeper::Keeper;
use crate::meter::{ENERGY, PUBLIC, SUITE_ZERO, attribute};
use crate::terms;
use crate::wire::{Far, Wire};

/// The counters of the ciphered APDUs that were sent, in their order.
fn counters(asked: &[Vec<u8>]) -> Vec<u32> {
    asked
        .iter()
        .filter_map(|request| match request[8] {
            0xc8 | 0xcb => Some(&request[11..15]),
            0x60 => {
                // The initiate request of 31 octets, authenticated and encrypted.
                let at = request
                    .windows(3)
                    .position(|part| part == [0x21, 31, 0x30])?;
                Some(&request[at + 3..at + 7])
            }
            _ => None,
        })
        .map(|octets| u32::from_be_bytes(octets.try_into().unwrap()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn counters_are_reserved_before_they_are_used() {
    let disk = Keeper::at(100);
    disk.0.lock().unwrap().block = Some(3);
    let mut wire = Wire::new(Far::wrapper(1024));
    let terms = terms::wrapper(SUITE_ZERO);
    for _ in 0..4 {
        // Each time the process is another one; the disk is the same.
        let mut keeper = disk.clone();
        let mut session = Session::open(&mut wire.guard, &mut keeper, &terms)
            .await
            .unwrap();
        for _ in 0..5 {
            session.get(ENERGY).await.unwrap().unwrap();
            let heard = wire.far.lock().unwrap().device().heard_from(SUITE_ZERO);
            assert!(heard.unwrap() <= disk.next());
        }
        // Killed: what was reserved and not used is lost.
        drop(session);
    }
    let used = counters(&wire.asked.lock().unwrap());
    assert!(used.len() >= 4 * 7, "{used:?}");
    assert!(
        used[0] == 101 && used.windows(2).all(|pair| pair[0] < pair[1]),
        "{used:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_cannot_write_sends_nothing() {
    let mut keeper = Keeper::default();
    keeper.0.lock().unwrap().is_full = true;
    let mut wire = Wire::new(Far::wrapper(1024));
    let fault = Session::open(&mut wire.guard, &mut keeper, &terms::wrapper(SUITE_ZERO))
        .await
        .map(drop)
        .unwrap_err();
    assert_eq!(
        fault.to_string(),
        "invocation counters cannot be kept: disk full"
    );
    assert_eq!(counters(&wire.asked.lock().unwrap()), []);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_forgets_is_found_out() {
    let mut keeper = Keeper::at(100);
    {
        let mut disk = keeper.0.lock().unwrap();
        disk.block = Some(4);
        disk.forgets = true;
    }
    let mut wire = Wire::new(Far::wrapper(1024));
    let mut session = Session::open(&mut wire.guard, &mut keeper, &terms::wrapper(SUITE_ZERO))
        .await
        .unwrap();
    session.get(ENERGY).await.unwrap().unwrap();
    let fault = session.get(ENERGY).await.unwrap_err();
    assert!(matches!(fault, SessionFault::Counter(_)), "{fault:?}");
    let used = counters(&wire.asked.lock().unwrap());
    assert_eq!(used, [101, 103, 104]);
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_counters_are_used_up_sends_nothing() {
    let mut keeper = Keeper::at(u32::MAX - 200);
    keeper.0.lock().unwrap().block = Some(10);
    let mut wire = Wire::new(Far::wrapper(1024));
    let fault = Session::open(&mut wire.guard, &mut keeper, &terms::wrapper(SUITE_ZERO))
        .await
        .map(drop)
        .unwrap_err();
    assert_eq!(fault.remedy(), Remedy::AskOperator);
    assert_eq!(counters(&wire.asked.lock().unwrap()), []);
}

#[tokio::test(start_paused = true)]
async fn a_lost_counter_is_read_as_public_client() {
    let mut wire = Wire::new(Far::wrapper(1024));
    let terms = terms::wrapper(SUITE_ZERO);
    let mut keeper = Keeper::at(70_000);
    let session = Session::open(&mut wire.guard, &mut keeper, &terms).await;
    assert!(session.unwrap().close().await.fault.is_none());
    // The disk was lost: it begins anew.
    let mut keeper = Keeper::default();
    let fault = Session::open(&mut wire.guard, &mut keeper, &terms)
        .await
        .map(drop)
        .unwrap_err();
    let SessionFault::Exception { exception, .. } = &fault else {
        panic!("{fault:?}");
    };
    assert_eq!(exception.error, ServiceError::InvocationCounter);
    assert_eq!(fault.remedy(), Remedy::ReadCounter);
    let public = terms::wrapper(PUBLIC);
    let mut session = Session::open(&mut wire.guard, &mut keeper, &public)
        .await
        .unwrap();
    let client = u8::try_from(SUITE_ZERO).unwrap();
    let counter = session
        .get(attribute(1, [0, 0, 43, 1, client, 255], 2))
        .await;
    let Ok(Ok(Data::DoubleLongUnsigned(used))) = counter else {
        panic!("{counter:?}");
    };
    assert!(session.close().await.fault.is_none());
    keeper.raise(used).await.unwrap();
    let session = Session::open(&mut wire.guard, &mut keeper, &terms).await;
    assert!(session.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_recorded_session_of_the_meter_is_not_believed() {
    // What the meter said once, played again to the same requests.
    let terms = terms::wrapper(SUITE_ZERO);
    let mut keeper = Keeper::default();
    let mut wire = Wire::new(Far::wrapper(1024));
    let session = Session::open(&mut wire.guard, &mut keeper, &terms).await;
    assert!(session.unwrap().close().await.fault.is_none());
    let heard = keeper.0.lock().unwrap().heard;
    assert!(heard.is_some_and(|heard| heard > 1000), "{heard:?}");
    // A meter with the keys, whose counter stands where it stood before.
    let mut again = Wire::new(Far::wrapper(1024));
    let fault = Session::open(&mut again.guard, &mut keeper, &terms)
        .await
        .map(drop)
        .unwrap_err();
    assert!(matches!(fault, SessionFault::Security { .. }), "{fault:?}");
    assert_eq!(fault.remedy(), Remedy::OpenAgain);
}
