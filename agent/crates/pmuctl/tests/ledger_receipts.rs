//! What commands came to, by the ledger of the reference head-end.
#![cfg(test)]

use authority::{CommandId, CommandState, Receipt, SigningKey, sign_receipt};
use metering::{GatewayId, Timestamp};
use std::fs;
use std::path::Path;
use std::process::Command;
use storage::ledger::{Delivery, Ledger, ReceivedReceipt, StateOfCommand};

#[track_caller]
fn says(folder: &Path, line: &str, code: i32) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pmuctl"))
        .current_dir(folder)
        .args(line.split_whitespace())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{line}: {text}");
    text
}

fn delivery(number: u64, id: u8, state: CommandState) -> Delivery {
    let gateway: GatewayId = "pmu-001".parse().unwrap();
    let at = Timestamp::from_seconds(1_795_000_000 + number);
    let receipt = Receipt {
        next_key: None,
        id: CommandId::new([id; 16]),
        number: 1,
        state,
        at,
        step: 0,
        steps: 0,
        code: None,
        text: None,
        now: None,
        evidence: None,
        proof: None,
    };
    let signed = sign_receipt(&SigningKey::from_seed(&[1; 32]), &gateway, &receipt).unwrap();
    Delivery {
        gateway,
        epoch: [1; 8],
        stream: storage::Stream::Receipts,
        number,
        hash: [u8::try_from(number).unwrap(); 32],
        rows: Vec::new(),
        rev: 0,
        lost: Vec::new(),
        receipt: Some(ReceivedReceipt {
            said: StateOfCommand {
                id: [id; 16],
                state: storage::CommandState::from_word(state.word()).unwrap(),
                at,
            },
            is_proven: number > 1,
            signed,
        }),
        at,
    }
}

#[test]
fn the_ledger_says_what_commands_came_to() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    fs::create_dir(place.join("ledger")).unwrap();
    let mut ledger = Ledger::open(&place.join("ledger")).unwrap();
    let all = [
        delivery(1, 1, CommandState::Executing),
        delivery(2, 1, CommandState::Failed),
        delivery(3, 2, CommandState::Executing),
    ];
    ledger.commit_all(&all).unwrap();
    ledger.close().unwrap();

    let shown = says(place, "head-end receipts --ledger ledger --out kept", 0);
    let [ended, open] = [1, 2].map(|id| CommandId::new([id; 16]).to_string());
    let first = shown.lines().next().unwrap();
    assert!(
        first.starts_with(&format!("pmu-001  {ended}  failed  since ")),
        "{shown}"
    );
    assert!(first.ends_with("  proven"), "{shown}");
    assert_eq!(shown.lines().count(), 5, "{shown}");

    // The files are those that prove it without a ledger.
    let public = SigningKey::from_seed(&[1; 32]).public_pem().unwrap();
    fs::write(place.join("pmu-001.pem"), public).unwrap();
    let files = fs::read_dir(place.join("kept")).unwrap();
    let files: Vec<String> = files
        .map(|file| format!("kept/{}", file.unwrap().file_name().to_str().unwrap()))
        .collect();
    assert_eq!(files.len(), 3);
    let line = format!(
        "receipt verify --gateway pmu-001 --key pmu-001.pem {}",
        files.join(" ")
    );
    assert!(!says(place, &line, 0).contains("NOT PROVEN"));

    let status =
        |id: &str, code| says(place, &format!("command status {id} --ledger ledger"), code);
    assert!(status(&ended, 1).contains("failed"));
    assert!(status(&open, 75).contains("the command is executing"));
    let unknown = CommandId::new([9; 16]).to_string();
    assert!(status(&unknown, 75).contains("no receipt of the command"));
    let value = says(place, "head-end receipts --ledger ledger --json", 0);
    let value: serde_json::Value = serde_json::from_str(&value).unwrap();
    assert_eq!(value["commands"].as_array().unwrap().len(), 2);

    // What was set aside is not overlooked.
    let mut ledger = Ledger::open(&place.join("ledger")).unwrap();
    let gateway = "pmu-001".parse().unwrap();
    assert!(
        ledger
            .set_aside_receipt(&gateway, [3; 32], b"forged")
            .unwrap()
    );
    ledger.close().unwrap();
    let shown = says(place, "head-end receipts --ledger ledger", 1);
    assert!(
        shown.contains("ALARM pmu-001: 1 receipts were set aside"),
        "{shown}"
    );
}

#[test]
fn a_folder_without_keys_is_refused_before_anything_is_received() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    fs::create_dir(place.join("keys")).unwrap();
    let receive = "head-end receive --host localhost --ca x --certificate x --key x --no-ack \
         --name x --ledger ledger --receipt-keys keys";
    assert!(says(place, receive, 1).contains("keys: holds no key"));
    fs::write(place.join("keys/PMU 1.pem"), "").unwrap();
    assert!(says(place, receive, 1).contains("name the file like its gateway, pmu-001.pem"));
    assert!(!place.join("ledger").exists());
}
