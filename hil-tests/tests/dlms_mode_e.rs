//! A DLMS meter of mode E on a kernel pty, signed on at 300 baud between a Modbus and a FLAG meter at
//! 19200: every interval that it wrote is at the head-end once and right, and nobody else on the line
//! notices the other speed.
#![cfg(test)]

use std::path::Path;
use std::time::Duration;

use dlms::security::Secret;
use hil_tests::binaries::brisk_models;
use hil_tests::bus::Bus;
use hil_tests::clock::wait_until;
use hil_tests::dlms::{dlms_scenario, judge_dlms, private};
use hil_tests::flag::{password_file, scenario, with_few_sets};
use hil_tests::hands::{check, json};
use hil_tests::world::{World, wait_for_delivery};
use iec62056_21::codec::Baud;
use iec62056_21::meter::Opening;
use simulator::dlms::{DlmsAccess, DlmsInstrument, DlmsPlace, mode_e};
use simulator::elster::{ElsterModel, Scenario};
use simulator::trouble::FlagTroubles;
use simulator::wire::WireSettings;

const GATEWAY: &str = "pmu-mode-e";
/// The speed of everybody else on the line, and of HDLC.
const BAUD: u32 = 19_200;
const PASSWORD: &str = "0001ABCD";
const WITHIN: Duration = Duration::from_secs(90);

/// The meter of mode E on the line.
fn seat(bus: &Bus) -> DlmsInstrument {
    let access = DlmsAccess {
        passwords: vec![(1, Secret::new(PASSWORD.as_bytes()).expect("a password"))],
        keys: Vec::new(),
    };
    let meter = DlmsInstrument::new(dlms_scenario(bus, 17, "0001777"), access);
    let sign_on = mode_e(Some("001"), Baud::B19200).expect("an address");
    let on_wire = meter.on_mode_e(DlmsPlace::alone(17), sign_on);
    let on_wire = on_wire.expect("an address");
    bus.wire.seat_dlms(on_wire, FlagTroubles::default());
    meter
}

fn entry(password: &Path) -> String {
    format!(
        "\n[[meter]]\nid = \"feeder-e\"\nbus = \"main\"\nmodel = \"dlms-generic\"\n\
         dlms = {{ association = \"reader\", password-file = \"{}\", lower-address = 17, \
         sign-on = \"mode-e\", sign-on-address = \"001\" }}\ncollect = {{ every-seconds = 40 }}\n",
        password.display()
    )
}

#[test]
fn a_meter_signed_on_at_300_baud_is_collected_between_a_modbus_and_a_flag_meter() {
    let Some(mut world) = World::new("a DLMS meter of mode E") else {
        return;
    };
    let settings = WireSettings::plain(BAUD);
    let mut bus = Bus::behind_pty("main", world.folder(), settings, 5);
    bus.seat("eastron-sdm630", 1);
    let flag = Scenario {
        days: 1,
        ..scenario("00054321")
    };
    bus.seat_flag_with(ElsterModel::A1140, flag, |settings, _| {
        settings.opening = Opening::Fixed(BAUD);
    });
    let meter = seat(&bus);
    let mut agent = world.gateway(GATEWAY, &[&bus], 60);
    agent.file.models = with_few_sets(brisk_models(world.folder()));
    let file = password_file(world.folder(), "flag-password", PASSWORD);
    agent.file.flags.extend(bus.flag_lines(&file));
    let password = world.folder().join("password");
    private(&password, PASSWORD.as_bytes());
    agent.file.more.push_str(&entry(&password));
    world.head_end.start();
    agent.start();
    wait_until("the meter of mode E is read", WITHIN, || {
        let meters = agent.meters();
        let mut own = meters.iter().filter(|meter| meter.meter == "feeder-e");
        own.any(|meter| meter.intervals >= 96)
    });
    // Killed while the line may be at another speed.
    agent.kill();
    agent.start();
    let layers = ["sign-on", "link", "association", "identity"];
    check(&agent, "meter ping feeder-e", 0, &layers);
    check(&agent, "meter clock main-321", 0, &[]);
    let meters = json(&agent, "status").to_string();
    let modbus = agent.meters();
    let modbus = modbus.iter().find(|meter| meter.unit == 1).expect(&meters);
    assert_eq!((modbus.silent, modbus.damaged), (0, 0), "{modbus:#?}");
    assert!(modbus.answers > 0, "{modbus:#?}");
    wait_for_delivery(&agent, Duration::from_mins(1));
    agent.stop();
    let summary = world.head_end.stop();
    world.must_agree(&summary);
    assert!(judge_dlms(&world, GATEWAY, "feeder-e", (&meter, &bus)) >= 90);
}
