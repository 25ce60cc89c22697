//! The local commands as a person uses them: the process, its socket, its exit code.

#![cfg(test)]

use desk::{Answer, AuditPiece, Refusal, Request, VerifyResult};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::JoinHandle;

/// A gateway that answers one question and says what it was.
fn gateway(socket: &Path, answer: Vec<u8>) -> JoinHandle<Request> {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut line = Vec::new();
        BufReader::new(&stream)
            .read_until(b'\n', &mut line)
            .unwrap();
        stream.write_all(&answer).unwrap();
        desk::decode(&line).unwrap()
    })
}

fn pmuctl(socket: &Path, arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pmuctl"))
        .args(arguments.split_whitespace())
        .env("PMU_SOCKET", socket)
        .output()
        .unwrap()
}

#[track_caller]
fn check(arguments: &str, answer: &Result<Answer, Refusal>, asked: &Request, code: i32) -> String {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("desk.sock");
    let gateway = gateway(&socket, desk::encode(answer).unwrap());
    let output = pmuctl(&socket, arguments);
    assert_eq!(&gateway.join().unwrap(), asked);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[test]
fn an_answer_is_shown_in_words_or_in_json() {
    let verified = Answer::Verified(VerifyResult {
        checked: 9,
        faults: Vec::new(),
    });
    let answer = Ok(verified.clone());
    assert_eq!(
        check("store verify", &answer, &Request::StoreVerify, 0),
        "9 checked, all sound\n"
    );
    let json = check("store verify --json", &answer, &Request::StoreVerify, 0);
    assert_eq!(serde_json::from_str::<Answer>(&json).unwrap(), verified);
}

#[test]
fn what_is_not_well_is_seen_in_the_exit_code() {
    let faults = vec!["chunk 3 is damaged".to_owned()];
    let answer = Ok(Answer::Verified(VerifyResult { checked: 9, faults }));
    check("store verify", &answer, &Request::StoreVerify, 1);
    let refusal = Err(Refusal {
        problem: "there is no meter `feeder-9`".to_owned(),
        remedy: "`pmuctl meter list` shows the names".to_owned(),
    });
    let asked = Request::ReadMeter {
        meter: "feeder-9".to_owned(),
    };
    let text = check("meter read feeder-9", &refusal, &asked, 1);
    assert_eq!(
        text,
        "pmuctl: there is no meter `feeder-9`; `pmuctl meter list` shows the names\n"
    );
}

#[test]
fn without_a_gateway_it_says_so() {
    let output = pmuctl(Path::new("/nonexistent/desk.sock"), "status");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("does not run here, or you are not in group pmu"),
        "{text}"
    );
}

#[test]
fn a_gateway_that_hangs_up_or_babbles_is_no_answer() {
    for answer in [Vec::new(), b"half a line".to_vec(), b"{}\n".to_vec()] {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("desk.sock");
        let gateway = gateway(&socket, answer);
        let output = pmuctl(&socket, "status");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(gateway.join().unwrap(), Request::Status);
    }
}

#[test]
fn a_wrong_command_line_has_an_exit_code_of_its_own() {
    let nowhere = Path::new("/nonexistent/desk.sock");
    assert_eq!(pmuctl(nowhere, "meter reed").status.code(), Some(64));
    assert_eq!(pmuctl(nowhere, "").status.code(), Some(64));
    assert_eq!(pmuctl(nowhere, "--help").status.code(), Some(0));
}

#[test]
fn a_piece_of_the_audit_chain_and_its_seal_go_into_two_new_files() {
    let folder = tempfile::tempdir().unwrap();
    let (out, seal) = (folder.path().join("a.jsonl"), folder.path().join("a.seal"));
    let words = format!(
        "audit export --from 7 --count 3 --out {} --seal {}",
        out.display(),
        seal.display()
    );
    let piece = |last, seal: Option<&str>| {
        Ok(Answer::Audit(Box::new(AuditPiece {
            first: 7,
            last,
            lines: "lines\n".to_owned(),
            seal: seal.map(str::to_owned),
        })))
    };
    let asked = Request::Audit { from: 7, count: 3 };
    let none = check(&words, &piece(6, None), &asked, 1);
    assert!(none.contains("the newest one is 6"), "{none}");
    let unsigned = check(&words, &piece(9, None), &asked, 1);
    assert!(unsigned.contains("no key to sign with"), "{unsigned}");
    assert!(!out.exists() && !seal.exists());
    let said = check(&words, &piece(9, Some("0aff")), &asked, 0);
    assert!(said.contains("records 7 to 9 in "), "{said}");
    assert_eq!(std::fs::read(&out).unwrap(), b"lines\n");
    assert_eq!(std::fs::read(&seal).unwrap(), [0x0a, 0xff]);
    check(&words, &piece(9, Some("0b")), &asked, 1);
    assert_eq!(
        std::fs::read(&seal).unwrap(),
        [0x0a, 0xff],
        "nothing is overwritten"
    );
}
