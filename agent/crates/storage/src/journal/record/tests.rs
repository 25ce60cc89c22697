use super::*;
use proptest::prelude::*;

fn command() -> AcceptedCommand {
    AcceptedCommand {
        id: [1; 16],
        signer: [2; 8],
        number: 300,
        digest: [3; 32],
        envelope: vec![0xD2, 0x84],
        door: 4,
        who: "anna, ben".to_owned(),
        what: "tariff.set".to_owned(),
        at: Timestamp::from_millis(1_800_000_000_123),
    }
}

fn executing() -> CommandProgress {
    CommandProgress {
        state: CommandState::Executing,
        step: 3,
        steps: 12,
        note: "step 3".to_owned(),
        proof: vec![9; 32],
        ..CommandProgress::accepted(Timestamp::from_millis(1_800_000_000_123))
    }
}

#[track_caller]
fn check_refused(change: impl FnOnce(&mut CommandProgress), why: Damage) {
    let mut progress = executing();
    change(&mut progress);
    let row = progress.encode(7);
    assert_eq!(CommandProgress::decode(7, &row), Err(why));
}

/// Rows of earlier gateways must be readable for ever: these bytes never change.
/// They were computed in Python from the description in the code.
#[test]
fn the_form_on_disk_never_changes() {
    let hex = |row: Vec<u8>| {
        row.iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .concat()
    };
    assert_eq!(hex(command().encode(7)), COMMAND_ROW);
    assert_eq!(hex(executing().encode(7)), PROGRESS_ROW);
}

const COMMAND_ROW: &str = "01010101010101010101010101010101010202020202020202ac0203030303030303030303030303\
    0303030303030303030303030303030303030304fba0f1c2b13409616e6e612c2062656e0a746172\
    6966662e73657402d284c79ed4b5";
const PROGRESS_ROW: &str = "0103030cfba0f1c2b134000673746570203320090909090909090909090909090909090909090909\
    090909090909090909090900270b81f5";

#[test]
fn a_row_read_in_another_place_is_not_believed() {
    assert_eq!(
        AcceptedCommand::decode(7, &command().encode(7)),
        Ok(command())
    );
    assert_eq!(
        CommandProgress::decode(7, &executing().encode(7)),
        Ok(executing())
    );
    assert_eq!(
        AcceptedCommand::decode(8, &command().encode(7)),
        Err(Damage::Checksum)
    );
    assert_eq!(
        CommandProgress::decode(8, &executing().encode(7)),
        Err(Damage::Checksum)
    );
    let mut swapped = command().encode(7);
    swapped[5] ^= 1;
    assert_eq!(AcceptedCommand::decode(7, &swapped), Err(Damage::Checksum));
}

#[test]
fn progress_that_cannot_be_is_not_believed() {
    check_refused(|progress| progress.step = 13, Damage::Content("progress"));
    check_refused(
        |progress| progress.state = CommandState::Received,
        Damage::Content("progress"),
    );
    check_refused(
        |progress| progress.state = CommandState::Succeeded,
        Damage::Content("progress"),
    );
    check_refused(
        |progress| progress.receipt = vec![1],
        Damage::Content("progress"),
    );
    check_refused(|progress| progress.entry = 1, Damage::Content("progress"));
    check_refused(
        |progress| progress.proof = vec![0; PROOF_BYTES_MAX + 1],
        Damage::Content("count"),
    );
}

#[test]
fn an_envelope_beyond_the_cap_is_refused_and_a_long_name_is_cut() {
    let mut large = command();
    large.envelope = vec![0; ENVELOPE_BYTES_MAX + 1];
    assert!(matches!(large.fitted(), Err(StoreError::Unfit { .. })));
    let mut named = command();
    named.who = "ä".repeat(COMMAND_NAME_BYTES_MAX);
    let named = named.fitted().unwrap();
    assert_eq!(named.who.len(), COMMAND_NAME_BYTES_MAX);
    assert_eq!(AcceptedCommand::decode(1, &named.encode(1)), Ok(named));
}

proptest! {
    #[test]
    fn commands_survive(
        id: [u8; 16], signer: [u8; 8], number: u64, digest: [u8; 32], door: u8, millis: u64,
        envelope in prop::collection::vec(any::<u8>(), 0..2000), who in ".{0,40}", what in "[a-z.]{0,20}",
    ) {
        let at = Timestamp::from_millis(millis);
        let command = AcceptedCommand { id, signer, number, digest, envelope, door, who, what, at };
        prop_assert_eq!(AcceptedCommand::decode(9, &command.encode(9)), Ok(command));
    }

    #[test]
    fn no_bytes_make_the_decoders_panic(bytes: Vec<u8>) {
        fuzz_command(&bytes);
    }

    #[test]
    fn damage_behind_a_good_checksum_is_an_error_or_another_record(position: prop::sample::Index, byte: u8) {
        for row in [command().encode(1), executing().encode(1)] {
            let mut content = row[1..row.len() - 4].to_vec();
            let at = position.index(content.len());
            content[at] = byte;
            fuzz_command(&content);
        }
    }
}
