use super::*;
use clap::CommandFactory;
use std::time::Duration;

fn parsed(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(line.split_whitespace())
}

#[track_caller]
fn check(line: &str, is_right: bool) {
    let parsed = parsed(line);
    assert_eq!(parsed.is_ok(), is_right, "{line}: {:?}", parsed.err());
}

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn commands_of_the_head_end_are_read() {
    check("pmuctl head-end holes --ledger books", true);
    check(
        "pmuctl head-end export --ledger books --local Europe/Berlin --separator ;",
        true,
    );
    let receive = "pmuctl head-end receive --host b --ca a --certificate c --key k --ledger l";
    check(
        &format!("{receive} --signing-key s --for 60s --share ingest"),
        true,
    );
    check(&format!("{receive} --no-ack"), true);
    check(receive, false);
    check(&format!("{receive} --no-ack --share a/b"), false);
}

#[test]
fn commands_at_the_gateway_are_read() {
    check("pmuctl status --json", true);
    check("pmuctl --socket /tmp/desk.sock meter read feeder-1", true);
    check("pmuctl meter read feeder-1 billing", true);
    check("pmuctl meter read feeder-1 everything", false);
    check("pmuctl meter read Feeder_1", false);
    check(
        "pmuctl meter profile feeder-1 --from 2026-11-23 --csv",
        true,
    );
    check(
        "pmuctl meter profile feeder-1 --channel 1-0:1.29.0 --from-meter",
        true,
    );
    check("pmuctl meter profile feeder-1 --channel import", false);
    check("pmuctl meter profile feeder-1 --csv --json", false);
    check("pmuctl meter collect feeder-1 --all --again", true);
    check(
        "pmuctl meter collect feeder-1 --all --from 2026-11-23",
        false,
    );
    check("pmuctl meter instant feeder-1 --watch --every 2s", true);
    check("pmuctl meter backup feeder-1 --out a.json --force", true);
    check("pmuctl meter backup feeder-1", false);
    check("pmuctl meter compare a.json b.json", true);
    check("pmuctl meter compare a.json --meter feeder-1", true);
    check("pmuctl meter compare a.json b.json --meter feeder-1", false);
    check("pmuctl bus trace rs485-1 show", true);
    check("pmuctl bus trace rs485-1 maybe", false);
    check("pmuctl bus listen rs485-1 --for 5m --out a.txt", true);
    check("pmuctl bus listen rs485-1 --force", false);
    check("pmuctl clone read a1 --out g.toml --page 610:200=c", true);
    check("pmuctl clone read a1 --out g.toml --page 610", false);
    check("pmuctl clone read a1", false);
    check("pmuctl clone diff a.toml", false);
    check("pmuctl clone diff a.toml --meter a1", true);
    check("pmuctl clone diff a.toml b.toml --meter a1", false);
    check(
        "pmuctl write-set import r.txt --out s.toml --like g.toml",
        true,
    );
    check("pmuctl write-set import r.txt", false);
    check("pmuctl write-set diff a.toml", false);
    check("pmuctl jobs", true);
    check("pmuctl job cancel 3", true);
    check("pmuctl job cancel", false);
    check("pmuctl", false);
}

#[test]
fn keys_are_brought_in_files_and_never_typed() {
    check("pmuctl meter keys status", true);
    check("pmuctl meter keys status feeder-7 --json", true);
    let import = "pmuctl meter keys import feeder-7 --suite 2 --encryption-key-file a";
    check(&format!("{import} --authentication-key-file b"), true);
    let all = format!("{import} --authentication-key-file b --key-encryption-key-file c --replace");
    check(&all, true);
    check(import, false);
    check(&all.replace("--suite 2", "--suite 3"), false);
    check(&all.replace("--suite 2", ""), false);
    check(&format!("{all} --encryption-key 00010203"), false);
    check("pmuctl meter keys import Feeder_7 --suite 0", false);
    check_direct(
        "pmuctl --direct /dev/ttyUSB0 meter keys status",
        "cannot be used with `meter keys`",
    );
}

#[test]
fn a_new_meter_is_described_in_words_that_fit_its_protocol() {
    let add = "pmuctl meter add feeder-4 --bus main --model elster-a1700";
    check(add, true);
    check(
        &format!("{add} --address 004 --serial 12345678 --yes"),
        true,
    );
    check(&format!("{add} --unit 4"), true);
    check(&format!("{add} --unit 4 --address 004"), false);
    check(&format!("{add} --unit 256"), false);
    check(&format!("{add} --address 0!4"), false);
    check(&format!("{add} --serial a\"b"), false);
    check(&format!("{add} --level 4"), false);
    check("pmuctl meter add feeder-4 --bus main --model ../x", false);
    check("pmuctl meter add feeder-4 --bus main", false);
}

#[test]
fn a_scan_without_a_kind_looks_for_both() {
    let Command::Bus(BusCommand::Scan(scan)) =
        parsed("pmuctl bus scan main --address 1-20,001 --address 7 --baud 300 --for 90s")
            .unwrap()
            .command
    else {
        panic!("a scan");
    };
    let wish = scan.wish();
    assert!(wish.modbus && wish.flag);
    assert_eq!(wish.addresses, ["1-20", "001", "7"]);
    assert_eq!(wish.bauds, [300]);
    assert_eq!(wish.seconds_max, 90);
    assert_eq!(whole_seconds(Duration::ZERO), 1);
}

#[track_caller]
fn check_direct(line: &str, complaint: &str) {
    let arguments = parsed(line).unwrap();
    let said = arguments.direct_complaint().unwrap_or_default();
    assert!(said.contains(complaint), "{line}: {said}");
    assert_eq!(said.is_empty(), complaint.is_empty(), "{line}: {said}");
}

#[test]
fn options_of_a_port_stand_before_or_behind_the_command() {
    for line in [
        "pmuctl --direct /dev/ttyUSB0 --baud 300 --model elster-a1700 meter ping direct",
        "pmuctl meter ping direct --direct /dev/ttyUSB0 --baud 300 --model elster-a1700",
    ] {
        let arguments = parsed(line).unwrap();
        assert_eq!(arguments.direct.baud, Some(300), "{line}");
        assert_eq!(arguments.direct.model.as_deref(), Some("elster-a1700"));
        assert_eq!(arguments.direct_complaint(), None);
    }
    // A scan has a --baud of its own, of the same meaning.
    for line in [
        "pmuctl --direct 10.0.0.7:4001 --baud 300 bus scan direct",
        "pmuctl --direct 10.0.0.7:4001 bus scan direct --baud 300",
    ] {
        let arguments = parsed(line).unwrap();
        assert_eq!(arguments.direct.baud, Some(300), "{line}");
        let Command::Bus(BusCommand::Scan(scan)) = &arguments.command else {
            panic!("a scan");
        };
        assert_eq!(scan.baud, [300], "{line}");
    }
}

#[test]
fn options_that_would_mean_nothing_are_refused() {
    check_direct("pmuctl meter ping feeder-1 --baud 300", "--baud");
    check_direct("pmuctl meter ping feeder-1 --framing 7E1", "--framing");
    check_direct("pmuctl bus scan main --baud 300 --optical on", "--optical");
    check_direct("pmuctl bus scan main --baud 300", "");
    check_direct(
        "pmuctl meter add a --bus main --model elster-a1700 --address 1",
        "",
    );
    let port = "--direct /dev/ttyUSB0";
    check_direct(&format!("pmuctl {port} store verify"), "`store`");
    check_direct(
        &format!("pmuctl {port} meter add a --bus main --model elster-a1700"),
        "`meter add`",
    );
    check_direct(&format!("pmuctl {port} meter list"), "");
    check("pmuctl --direct /dev/ttyUSB0 --socket /tmp/a status", false);
    check("pmuctl --direct /dev/ttyUSB0 --framing 9X1 status", false);
    check("pmuctl --direct ttyUSB0 status", false);
}

#[test]
fn orders_are_signed_approved_and_sent_in_words_of_the_contract() {
    let sign = "pmuctl command sign --key anna.pem --gateway pmu-001";
    let offline = format!("{sign} --epoch 0011223344556677 --number 3");
    check(&format!("{offline} nop"), true);
    check(
        &format!(
            "{offline} --shared --expires-in 2h tariff.set --scheme north/summer --meter feeder-1 feeder-2 --out a.cbor"
        ),
        true,
    );
    check(
        &format!("{offline} tariff.set --scheme north/summer"),
        false,
    );
    check(&format!("{offline} scheme.put summer.toml"), true);
    check(
        &format!("{offline} scheme.resume 01936f2a-7c00-7abc-8def-0123456789ab"),
        true,
    );
    check(&format!("{offline} scheme.resume 7"), false);
    check(&format!("{offline} time.set feeder-1 --step-max 30"), true);
    check(
        &format!("{offline} time.set --to 2026-11-29T12:00:00Z --step-max 30"),
        true,
    );
    check(&format!("{offline} time.set --step-max 30"), false);
    check(&format!("{offline} time.set feeder-1"), false);
    check(&format!("{offline} key.rotate receipt"), true);
    check(&format!("{offline} key.rotate master"), false);
    check(&format!("{offline} key.rotate master feeder-1"), true);
    check(
        &format!("{offline} password.change feeder-1 --access-level 2 --sealed p"),
        true,
    );
    check(
        &format!("{offline} profile.backfill feeder-1 --from 2026-11-01 --to 2026-11-02"),
        true,
    );
    check(&format!("{offline} relay.open feeder-1"), false);
    check(
        &format!("{sign} --epoch 00112233445566 --number 3 nop"),
        false,
    );
    check(&format!("{sign} --epoch 0011223344556677 nop"), false);
    check(
        &format!("{sign} nop --host broker --ca a --certificate c --tls-key k"),
        true,
    );
    check(
        "pmuctl command approve a.cbor --key ben.pem --out b.cbor --yes",
        true,
    );
    check("pmuctl command show a.cbor --key-set k", false);
}

#[test]
fn commands_are_sent_and_watched_with_and_without_keys() {
    check("pmuctl command send", false);
    let broker = "--host broker --ca a --certificate c --tls-key k";
    check(
        &format!("pmuctl command send a b --within 5m --receipts r {broker}"),
        true,
    );
    check(
        &format!("pmuctl command send a --no-wait --receipts r {broker}"),
        false,
    );
    check(&format!("pmuctl command send a --keys k {broker}"), true);
    check(
        &format!("pmuctl command send a --keys k --key f {broker}"),
        false,
    );
    check(
        &format!("pmuctl command send a --no-wait --key f {broker}"),
        false,
    );
    check(
        &format!("pmuctl command watch --gateway pmu-001 --key f {broker}"),
        true,
    );
    check(
        &format!("pmuctl command watch --gateway pmu-001 --for 60s {broker}"),
        true,
    );
    check(
        &format!("pmuctl command status 01936f2a-7c00-7abc-8def-0123456789ab {broker}"),
        true,
    );
}

#[test]
fn every_operation_of_the_contract_can_be_signed() {
    let command = Arguments::command();
    let sign = command
        .find_subcommand("command")
        .and_then(|command| command.find_subcommand("sign"))
        .unwrap();
    for operation in ::authority::Operation::ALL {
        assert!(
            sign.find_subcommand(operation.word()).is_some(),
            "{operation}"
        );
    }
}

#[test]
fn keys_sets_and_proofs_are_named_by_their_files() {
    check("pmuctl key new --out anna.pem --who Anna", true);
    check("pmuctl key new", false);
    check(
        "pmuctl key seal --gateway pmu-001 --meter m-1 --key k --from p --out s",
        true,
    );
    check(
        "pmuctl key seal --gateway pmu-001 --meter m-1 --access-level 4 --key k --from p --out s",
        false,
    );
    check("pmuctl key show anna.pem --json", true);
    check(
        "pmuctl keyset sign --root r --from k.toml --out k.cbor",
        true,
    );
    check("pmuctl keyset show k.cbor", false);
    check("pmuctl policy show p.cbor --root r", true);
    check(
        "pmuctl policy publish p.cbor --root r --host b --ca a --certificate c --tls-key k",
        true,
    );
    check(
        "pmuctl receipt verify --gateway pmu-001 --key g.pub a b",
        true,
    );
    check("pmuctl receipt verify --gateway pmu-001 --key g.pub", false);
    check("pmuctl audit verify a.jsonl", true);
    check("pmuctl audit verify a.jsonl --seal s", false);
    check(
        "pmuctl audit verify a.jsonl --seal s --gateway pmu-001 --key k",
        true,
    );
    check_direct(
        "pmuctl --direct /dev/ttyUSB0 command show a",
        "cannot be used with `command`",
    );
}

#[test]
fn roll_outs_and_schemes_are_read() {
    let broker = "--host broker --ca a --certificate c --tls-key k";
    let sign = "pmuctl rollout sign --key a.pem --gateways north.txt";
    check(&format!("{sign} {broker} nop"), true);
    check(
        &format!("{sign} --shared --folder north {broker} tariff.set --scheme a --meter b"),
        true,
    );
    check(sign, false);
    check(
        &format!("{sign} --after a --after b --after-state a.json {broker} nop"),
        true,
    );
    check(&format!("{sign} --after-state a.json {broker} nop"), false);
    let run = format!("pmuctl rollout run north --keys keys {broker}");
    check(
        &format!("{run} --state s.json --waves 1,10 --stop 5 --at-a-time 50"),
        true,
    );
    check(&format!("{run} --state s.json --stop 101"), false);
    check(&run, false);
    check(
        &format!("pmuctl rollout run north --state s.json {broker}"),
        false,
    );
    check(
        "pmuctl scheme validate a.toml --limits b.toml --on 2027-01-05",
        true,
    );
    check("pmuctl scheme validate a.toml", false);
    check("pmuctl scheme rate-at a.toml 2027-01-05 17:00", true);
    check("pmuctl scheme rate-at a.toml 2027-02-30 17:00", false);
    check("pmuctl scheme year a.toml 2027", false);
    check("pmuctl meters import a.csv --into b.csv --out c.csv", true);
    check("pmuctl meters tree a.csv --json", true);
}
