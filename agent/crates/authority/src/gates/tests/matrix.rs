//! Every action, by every role, through every door. The table is the one of
//! `docs/standards/authority.md`; a test compares the two.

use super::testing::{
    House, command, content, entry, gateway, meters, name, now, root, roots, tariff,
};
use crate::people::{Role, RoleRights};
use crate::{
    Action, AuthenticCommand, Blob, CommandId, Document, Door, KeySet, Operation, OperatorKey,
    Policy, RotatedKey, approve_command, authorise, sign_command, sign_shared_command,
};
use metering::Timestamp;
use std::fmt::Write;

/// What each case is called in the table, and the action.
fn actions() -> Vec<(String, Action)> {
    let all = [in_the_library(), at_meters(), at_the_gateway(), clocks()];
    all.into_iter().flatten().map(named).collect()
}

fn document() -> Document {
    Document::Inline("text".to_owned())
}

fn blob() -> Blob {
    let sha256 = [1; 32];
    Blob { sha256, size: 5 }
}

fn in_the_library() -> Vec<Action> {
    let (scheme, list) = (|| name("north/summer"), || name("nightly"));
    let (document, meter) = (document, || "feeder-0".parse().unwrap());
    let of = CommandId::new([1; 16]);
    let program = |count| Action::SchemeProgram {
        scheme: scheme(),
        meters: meters(count),
    };
    let read = Action::SchemeRead {
        scheme: scheme(),
        meters: meters(2),
    };
    let (document, put) = (document(), Document::Blob(blob()));
    let scheme_put = Action::SchemePut {
        document: document.clone(),
    };
    vec![
        scheme_put,
        Action::SchemeRemove { scheme: scheme() },
        read,
        program(1),
        program(2),
        Action::SchemeResume { of },
        Action::SchemeRestore { of },
        tariff(1),
        tariff(2),
        Action::ListPut { document },
        Action::ListRemove { list: list() },
        Action::ListRun { list: list() },
        Action::ListStop { list: list() },
        Action::MeterPut { document: put },
        Action::MeterRemove { meter: meter() },
    ]
}

fn at_meters() -> Vec<Action> {
    let meter = || "feeder-0".parse().unwrap();
    let backfill = Action::ProfileBackfill {
        meter: meter(),
        profile: None,
        from: Timestamp::default(),
        to: Timestamp::from_seconds(1_795_392_000),
    };
    let password = Action::PasswordChange {
        meter: meter(),
        level: 2,
        sealed: vec![1],
    };
    vec![
        Action::BillingReset { meter: meter() },
        backfill,
        Action::MeterRead { meter: meter() },
        Action::MeterInstant { meter: meter() },
        Action::MeterPing { meter: meter() },
        password,
    ]
}

fn at_the_gateway() -> Vec<Action> {
    let rotate = |key, session| Action::KeyRotate { key, session };
    let master = RotatedKey::Master("feeder-0".parse().unwrap());
    let document = document();
    vec![
        rotate(RotatedKey::Receipt, None),
        rotate(master, Some(4)),
        Action::CfgSet { document },
        Action::AgentRestart,
        Action::OtaInstall { image: blob() },
        Action::Nop,
    ]
}

fn clocks() -> Vec<Action> {
    let meter = || "feeder-0".parse().unwrap();
    let to = Timestamp::from_seconds(1_795_392_000);
    let mut all = Vec::new();
    for step_max_s in [30, 31] {
        all.push(Action::GatewayTimeSet { to, step_max_s });
        all.push(Action::MeterTimeSet {
            meter: meter(),
            step_max_s,
        });
        all.push(Action::TimeAdjust {
            meter: meter(),
            step_max_s,
        });
    }
    all
}

fn named(action: Action) -> (String, Action) {
    let what = match &action {
        Action::SchemeProgram { meters, .. } | Action::TariffSet { meters, .. } => {
            format!(" to {}", meters.len())
        }
        Action::GatewayTimeSet { step_max_s, .. } => format!(" own {step_max_s} s"),
        Action::MeterTimeSet { step_max_s, .. } | Action::TimeAdjust { step_max_s, .. } => {
            format!(" {step_max_s} s")
        }
        Action::KeyRotate {
            key: RotatedKey::Receipt,
            ..
        } => " own".to_owned(),
        Action::KeyRotate { .. } => " of a meter".to_owned(),
        _ => String::new(),
    };
    (format!("{}{what}", action.operation()), action)
}

/// Signed alone by viewer, operator, approver, administrator; signed by them and an approver; by a
/// viewer, operator, administrator who is signed in; by them with another administrator; by a list
/// that operator and approver put; by the configuration.
///
/// `x` may, `2` may with a second person, `.` may not.
const TABLE: &str = "
scheme.put               .x.x .x.x .xx xxx . .
scheme.remove            .x.x .x.x .xx xxx . .
scheme.read              .x.x .x.x .xx xxx x .
scheme.program to 1      .x.x .x.x .xx xxx x .
scheme.program to 2      .2.2 .x.x .22 2xx x .
scheme.resume            .2.2 .x.x .22 2xx . .
scheme.restore           .2.2 .x.x .22 2xx . .
tariff.set to 1          .x.x .x.x .xx xxx x .
tariff.set to 2          .2.2 .x.x .22 2xx x .
list.put                 .2.2 .x.x .22 2xx . .
list.remove              .x.x .x.x .xx xxx . .
list.run                 .2.2 .x.x .22 2xx . .
list.stop                .x.x .x.x .xx xxx . .
meter.put                .x.x .x.x .xx xxx . .
meter.remove             .x.x .x.x .xx xxx . .
billing.reset            .x.x .x.x .xx xxx x .
profile.backfill         .x.x .x.x .xx xxx x x
meter.read               .x.x .x.x .xx xxx x x
meter.instant            .x.x .x.x .xx xxx x x
meter.ping               .x.x .x.x .xx xxx x x
password.change          ...2 ...x ..2 22x . .
key.rotate own           ...2 ...x ..2 22x . .
key.rotate of a meter    ...2 ...x ..2 22x . .
cfg.set                  ...2 ...x ..2 22x . .
agent.restart            ...x ...x ..x xxx . .
ota.install              ...2 ...x ..2 22x . .
nop                      xxxx xxxx xxx xxx . .
time.set own 30 s        .x.x .x.x .xx xxx . .
time.set 30 s            .x.x .x.x .xx xxx x x
time.adjust 30 s         .x.x .x.x .xx xxx x x
time.set own 31 s        .2.2 .x.x .22 2xx . .
time.set 31 s            .2.2 .x.x .22 2xx x 2
time.adjust 31 s         .2.2 .x.x .22 2xx x x
";

fn key_of(role: Role) -> OperatorKey {
    let seed = match role {
        Role::Viewer => 100,
        Role::Operator => 101,
        Role::Approver => 102,
        Role::Administrator => 103,
    };
    OperatorKey::ed25519(&[seed; 32])
}

/// One key for each role, and an approver's for the second signature.
fn keys() -> KeySet {
    let mut content = content();
    content.keys = Role::ALL
        .map(|role| entry(key_of(role).public(), role.word(), &[role]))
        .to_vec();
    let second = OperatorKey::ed25519(&[120; 32]).public();
    content
        .keys
        .push(entry(second, "second", &[Role::Approver]));
    let bytes = content.sign(&root()).unwrap();
    KeySet::open(&roots(), &bytes, None, &now()).unwrap()
}

fn verdict(command: AuthenticCommand) -> char {
    let policy = Policy::built_in();
    match authorise(command, &policy, &RoleRights::shipped(), &now()) {
        Ok(_) => 'x',
        Err(rejected) => match rejected.reason.code() {
            Some("need-second-approval") => '2',
            Some("key-not-authorised") => '.',
            other => panic!("{other:?}"),
        },
    }
}

fn by_head_end(action: &Action, role: Role, with_second: bool) -> char {
    let command = command(action.clone());
    let bytes = if with_second {
        let shared = sign_shared_command(&command, &key_of(role)).unwrap();
        approve_command(&shared, &OperatorKey::ed25519(&[120; 32])).unwrap()
    } else {
        sign_command(&command, &key_of(role)).unwrap()
    };
    let opened = keys().open_command(&gateway(), &bytes, false, &now());
    verdict(opened.unwrap())
}

fn by_person(house: &mut House, action: &Action, role: Role, with_second: bool) -> char {
    let command = command(action.clone());
    let opened = AuthenticCommand::by_session(&command, house.of(role)).unwrap();
    verdict(if with_second {
        opened.approved_by(house.find("eda")).unwrap()
    } else {
        opened
    })
}

fn by_list(action: &Action) -> char {
    let document = Document::Inline("list".to_owned());
    let put = command(Action::ListPut { document });
    let bytes = sign_shared_command(&put, &key_of(Role::Operator)).unwrap();
    let bytes = approve_command(&bytes, &key_of(Role::Approver)).unwrap();
    let put = keys()
        .open_command(&gateway(), &bytes, false, &now())
        .unwrap();
    let put = authorise(put, &Policy::built_in(), &RoleRights::shipped(), &now()).unwrap();
    verdict(AuthenticCommand::by_list(&command(action.clone()), &put).unwrap())
}

/// The row of one action; the three doors of people must agree.
fn row(houses: &mut [House; 3], action: &Action) -> String {
    let mut row = String::new();
    for with_second in [false, true] {
        for role in Role::ALL {
            row.push(by_head_end(action, role, with_second));
        }
        row.push(' ');
    }
    for with_second in [false, true] {
        for role in Role::LOCAL {
            let verdicts = houses
                .each_mut()
                .map(|house| by_person(house, action, role, with_second));
            assert!(
                verdicts.iter().all(|one| *one == verdicts[0]),
                "{action:?} {role}"
            );
            row.push(verdicts[0]);
        }
        row.push(' ');
    }
    row.push(by_list(action));
    row.push(' ');
    let own = AuthenticCommand::by_configuration(&command(action.clone())).unwrap();
    row.push(verdict(own));
    row
}

#[test]
fn every_action_by_every_role_through_every_door_is_as_written() {
    let mut houses = [Door::LocalSocket, Door::Web, Door::Console].map(House::new);
    let mut found = String::from("\n");
    for (case, action) in actions() {
        writeln!(found, "{case:24} {}", row(&mut houses, &action)).unwrap();
    }
    assert!(found == TABLE, "{found}");
}

#[test]
fn every_operation_stands_in_the_table() {
    let listed: Vec<Operation> = actions().iter().map(|case| case.1.operation()).collect();
    for operation in Operation::ALL {
        assert!(listed.contains(operation), "{operation}");
    }
}

#[test]
fn the_published_table_is_this_one() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../docs/standards/authority.md"
    );
    let text = std::fs::read_to_string(path).unwrap();
    assert!(
        text.contains(TABLE.trim()),
        "bring the table of {path} in line"
    );
}
