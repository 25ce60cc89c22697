use super::*;
use crate::gates::tests::testing::{command, gateway, meters, name};
use crate::{Blob, Document, RotatedKey};
use proptest::prelude::*;

#[test]
fn an_id_is_written_and_read_as_a_uuid() {
    let at = Timestamp::from_millis(0x0193_6f2a_7c00);
    let id = CommandId::of_time(at, [0xff; 10]);
    let text = "01936f2a-7c00-7fff-bfff-ffffffffffff";
    assert_eq!(id.to_string(), text);
    assert_eq!(text.parse(), Ok(id));
    assert_eq!(text.to_ascii_uppercase().parse(), Ok(id));
    for wrong in [
        "",
        "01936f2a7c007fffbfffffffffffffff",
        &text[1..],
        "01936f2a-7c00-7fff-bfff-fffffffffffg",
    ] {
        assert!(wrong.parse::<CommandId>().is_err(), "{wrong}");
    }
}

#[test]
fn times_are_of_whole_seconds_on_the_wire() {
    let mut with_millis = command(Action::Nop);
    with_millis.issued = Timestamp::from_millis(with_millis.issued.millis() + 417);
    let found = Command::decode(&with_millis.encode().unwrap()).unwrap();
    assert_eq!(found, command(Action::Nop));
}

#[test]
fn a_command_that_no_reader_would_take_is_not_written() {
    let refused = |change: &dyn Fn(&mut Command)| {
        let mut command = command(Action::Nop);
        change(&mut command);
        command.encode().unwrap_err().to_string()
    };
    assert!(refused(&|c| c.number = 0).contains("`n`"));
    assert!(refused(&|c| c.expires = Timestamp::default()).contains("`exp`"));
    assert!(refused(&|c| c.bounds.attempts = Some(11)).contains("`lim`"));
    assert!(refused(&|c| c.action = program(0)).contains("`meters`"));
    assert!(refused(&|c| c.action = program(257)).contains("`meters`"));
    let twice = Action::SchemeProgram {
        scheme: name("a"),
        meters: [meters(1), meters(1)].concat(),
    };
    assert!(refused(&|c| c.action = twice.clone()).contains("`meters`"));
    let nothing = Blob {
        sha256: [0; 32],
        size: 0,
    };
    let install = Action::OtaInstall { image: nothing };
    assert!(refused(&|c| c.action = install.clone()).contains("`blob`"));
}

fn program(count: usize) -> Action {
    Action::SchemeProgram {
        scheme: name("north/summer"),
        meters: meters(count),
    }
}

#[test]
fn the_largest_list_of_meters_fits_the_envelope() {
    let long = |n: usize| format!("{n:0>40}").parse().unwrap();
    let action = Action::SchemeProgram {
        scheme: name("north/summer"),
        meters: (0..256).map(long).collect(),
    };
    let bytes = command(action).encode().unwrap();
    assert!(bytes.len() < 12_000, "{}", bytes.len());
}

fn any_document() -> impl Strategy<Value = Document> {
    let blob = (any::<[u8; 32]>(), 1..=crate::limits::BLOB_BYTES_MAX);
    prop_oneof![
        "[ -~é]{1,80}".prop_map(Document::Inline),
        blob.prop_map(|(sha256, size)| Document::Blob(Blob { sha256, size })),
    ]
}

fn any_action() -> impl Strategy<Value = Action> {
    let meter = || "[a-z0-9][a-z0-9-]{0,39}".prop_map(|text| text.parse().unwrap());
    let library = || "[a-z0-9]{1,20}(/[a-z0-9]{1,10}){0,3}".prop_map(|text| name(&text));
    let of = || any::<[u8; 16]>().prop_map(CommandId::new);
    let time = || (0..253_402_300_799_u64).prop_map(Timestamp::from_seconds);
    prop_oneof![
        any_document().prop_map(|document| Action::SchemePut { document }),
        any_document().prop_map(|document| Action::CfgSet { document }),
        library().prop_map(|list| Action::ListRun { list }),
        of().prop_map(|of| Action::SchemeResume { of }),
        (library(), 1..9_usize).prop_map(|(scheme, count)| Action::TariffSet {
            scheme,
            meters: meters(count)
        }),
        (time(), any::<u32>())
            .prop_map(|(to, step_max_s)| Action::GatewayTimeSet { to, step_max_s }),
        (meter(), any::<u32>())
            .prop_map(|(meter, step_max_s)| Action::TimeAdjust { meter, step_max_s }),
        (meter(), 1..4_u8, prop::collection::vec(any::<u8>(), 1..60)).prop_map(
            |(meter, level, sealed)| Action::PasswordChange {
                meter,
                level,
                sealed
            }
        ),
        (
            meter(),
            prop::option::of(any::<[u8; 6]>()),
            0..1_000_000_u64,
            1..1_000_000_u64
        )
            .prop_map(|(meter, profile, from, length)| Action::ProfileBackfill {
                meter,
                profile: profile.map(metering::Obis::new),
                from: Timestamp::from_seconds(from),
                to: Timestamp::from_seconds(from + length),
            }),
        (meter(), prop::option::of(0..1_000_u64)).prop_map(|(meter, session)| Action::KeyRotate {
            key: RotatedKey::Encryption(meter),
            session,
        }),
        meter().prop_map(|meter| Action::MeterPing { meter }),
        Just(Action::Nop),
    ]
}

prop_compose! {
    fn any_command()(
        action in any_action(),
        id in any::<[u8; 16]>(),
        epoch in any::<[u8; 8]>(),
        number in 1..=crate::limits::NUMBER_MAX,
        begin in 0..4_000_000_000_u64,
        life in 0..86_400_u64,
        version in prop::option::of(any::<u64>()),
        sha256 in prop::option::of(any::<[u8; 32]>()),
        has_precondition in any::<bool>(),
        attempts in prop::option::of(1..=10_u8),
        window in prop::option::of((0..1000_u64, 1..1000_u64)),
    ) -> Command {
        let at = Timestamp::from_seconds;
        Command {
            id: CommandId::new(id),
            gateway: gateway(),
            epoch,
            number,
            issued: at(begin),
            not_before: at(begin),
            expires: at(begin + life),
            action,
            precondition: has_precondition.then_some(ObjectState { version, sha256 }),
            bounds: Bounds {
                window: window.map(|(from, length)| (at(from), at(from + length))),
                attempts,
                done_by: None,
            },
        }
    }
}

proptest! {
    #[test]
    fn every_command_survives_the_wire(command in any_command()) {
        let bytes = command.encode().unwrap();
        prop_assert_eq!(Command::decode(&bytes), Ok(command.clone()));
        prop_assert_eq!(Command::names(&bytes), Some((command.id, command.number)));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(Command::decode(&bytes));
        prop_assert!(Command::names(&bytes).is_none() || !bytes.is_empty());
    }
}
