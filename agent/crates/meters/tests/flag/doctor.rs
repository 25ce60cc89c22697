//! Broken set-ups: each is named right, and what is tried to find out costs a bounded time.

use crate::world::{PEER, catalogue, guarded, reach};
use iec62056_21::codec::{MeterAddress, Password};
use meters::doctor::Finding;
use meters::flag::{Credentials, ExaminedMeter, Ping, PingLayer, Setting, Site, ping};
use simulator::broken::Broken;
use std::sync::Arc;
use std::time::Duration;

async fn run(broken: Broken) -> (Ping, Finding) {
    let set_up = broken.set_up(5).unwrap();
    let configured = &set_up.configured;
    let mut line = guarded(&set_up.wire, configured.line);
    let reach = reach(configured.line);
    let meter = ExaminedMeter {
        model: Arc::new(catalogue().flag_model("elster-a1140").unwrap().clone()),
        peer: PEER,
        address: Some(MeterAddress::new(&configured.address).unwrap()),
        setting: Setting::own(&reach),
        credentials: Credentials::Password(Password::new(&configured.password).unwrap()),
        level: 1,
        serial: Some(configured.serial.clone()),
    };
    let mut site = Site {
        line: &mut line,
        reach,
        set_dtr: None,
        tcp: None,
    };
    let limit = Duration::from_secs(90);
    let began = tokio::time::Instant::now();
    let found = ping(&mut site, &meter, catalogue(), limit, &|| false).await;
    let took = began.elapsed();
    assert!(
        took <= limit + Duration::from_secs(15),
        "{broken:?}: {took:?}"
    );
    let finding = found.finding(&reach);
    (found, finding)
}

/// The code of the message, the layer that does not hold, and what the message says to do.
#[track_caller]
fn check(
    broken: Broken,
    found: &(Ping, Finding),
    code: &str,
    layer: Option<PingLayer>,
    next: &str,
) {
    let (ping, finding) = found;
    let message = finding.message();
    let told = message.as_ref().map_or("healthy", |message| message.code);
    assert_eq!(told, code, "{broken:?}: {finding:?}\n{ping:#?}");
    let bad = ping.steps.iter().find(|step| !step.is_well);
    assert_eq!(bad.map(|step| step.layer), layer, "{broken:?}: {ping:#?}");
    let text = message.map_or_else(String::new, |message| {
        format!("{} {}", message.happened, message.next)
    });
    assert!(text.contains(next), "{broken:?}: {text}");
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_the_line_is_found_by_trying() {
    use PingLayer::{Line, SignOn};
    for (broken, code, layer, next) in [
        (Broken::WrongBaud, "C01", Line, "4800"),
        (Broken::WrongFraming, "C01", Line, "7E1"),
        (Broken::NoParity, "C02", Line, "8N1"),
        (Broken::OpensSlowly, "C01", Line, "300"),
        (Broken::EchoOnly, "C03", Line, ""),
        (Broken::Silent, "C01", Line, ""),
        (Broken::WrongAddress, "C01", Line, ""),
        (Broken::TwoOnOneAddress, "C04", SignOn, "345"),
    ] {
        let found = run(broken).await;
        check(broken, &found, code, Some(layer), next);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_behind_the_sign_on_is_told() {
    use PingLayer::{Identity, Password};
    for (broken, code, layer) in [
        (Broken::WrongSerial, "C05", Some(Identity)),
        (Broken::WrongPassword, "C06", Some(Password)),
        (Broken::LockedOut, "C06", Some(Password)),
        (Broken::LevelTooLow, "C07", Some(Password)),
        (Broken::ClockOff, "healthy", None),
        (Broken::ClockInvalid, "healthy", None),
        (Broken::ProfileMissing, "healthy", None),
    ] {
        let found = run(broken).await;
        check(broken, &found, code, layer, "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_line_is_told_from_a_wrong_setting() {
    for (broken, code) in [
        (Broken::Noise, "C11"),
        (Broken::WrongCheck, "C11"),
        (Broken::LinkDrops, "C08"),
        (Broken::Late, "C01"),
    ] {
        let (ping, finding) = run(broken).await;
        let message = finding.message().unwrap();
        assert_eq!(message.code, code, "{broken:?}: {finding:?}\n{ping:#?}");
    }
}
