//! A meter gets a new key.

use dlms::codec::ActionResult;
use dlms::conversation::{KeyRole, Session, SessionFault};
use dlms::security::{Key, Suite};

use crate::keeper::Keeper;
use crate::meter::{LOW, MASTER, MASTER_TWO, PROOF_ONLY, SUITE_TWO, SUITE_ZERO};
use crate::terms;
use crate::wire::{Far, Wire};

fn key(suite: Suite, octet: u8) -> Key {
    Key::new(suite, &vec![octet; suite.key_octets()]).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_key_arrives_wrapped_and_is_never_seen_on_the_wire() {
    for (client, suite, master) in [
        (SUITE_ZERO, Suite::Zero, MASTER.as_slice()),
        (SUITE_TWO, Suite::Two, MASTER_TWO.as_slice()),
    ] {
        let master = Key::new(suite, master).unwrap();
        let mut wire = Wire::new(Far::wrapper(1024));
        let mut keeper = Keeper::default();
        let terms = terms::wrapper(client);
        let session = Session::open(&mut wire.guard, &mut keeper, &terms).await;
        let mut session = session.unwrap();
        let fresh = key(suite, 0xA7);
        for role in [KeyRole::Encryption, KeyRole::Authentication] {
            let result = session.transfer_key(role, &fresh, &master).await;
            assert_eq!(result.unwrap(), ActionResult::Success);
        }
        assert!(session.close().await.fault.is_none());
        let taken = wire.far.lock().unwrap().device().store_mut().keys.clone();
        let wanted = vec![0xA7; suite.key_octets()];
        assert_eq!(taken.get(&(client, 0)), Some(&wanted));
        assert_eq!(taken.get(&(client, 2)), Some(&wanted));
        let asked = wire.asked.lock().unwrap();
        let is_seen = |octets: &Vec<u8>| octets.windows(8).any(|part| part == [0xA7; 8]);
        assert!(!asked.iter().any(is_seen));
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_under_another_master_key_is_refused_by_the_meter() {
    let mut wire = Wire::new(Far::wrapper(1024));
    let mut keeper = Keeper::default();
    let terms = terms::wrapper(SUITE_ZERO);
    let session = Session::open(&mut wire.guard, &mut keeper, &terms).await;
    let mut session = session.unwrap();
    let (fresh, other) = (key(Suite::Zero, 0xA7), key(Suite::Zero, 0x11));
    let result = session.transfer_key(KeyRole::Encryption, &fresh, &other);
    assert_ne!(result.await.unwrap(), ActionResult::Success);
    assert!(session.close().await.fault.is_none());
    assert!(
        wire.far
            .lock()
            .unwrap()
            .device()
            .store_mut()
            .keys
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn no_key_is_sent_where_nothing_protects_the_answer() {
    for client in [LOW, PROOF_ONLY] {
        let mut wire = Wire::new(Far::wrapper(1024));
        let mut keeper = Keeper::default();
        let terms = terms::wrapper(client);
        let session = Session::open(&mut wire.guard, &mut keeper, &terms).await;
        let mut session = session.unwrap();
        let before = wire.asked.lock().unwrap().len();
        let (fresh, master) = (key(Suite::Zero, 0xA7), key(Suite::Zero, 0x11));
        let refused = session.transfer_key(KeyRole::Encryption, &fresh, &master);
        let refused = refused.await.unwrap_err();
        assert!(
            matches!(refused, SessionFault::NotAgreed { .. }),
            "{refused:?}"
        );
        assert_eq!(wire.asked.lock().unwrap().len(), before);
        assert!(session.close().await.fault.is_none());
    }
}
