use super::super::{Catalogue, Complaint};
use iec62056_21::codec::Identification;

/// A whole file; each test turns one thing in it.
const GOOD: &str = r#"maker = "Test"
model = "Two"
protocols = ["iec62056-21"]
notes = ["a note"]
disagreements = ["one says this, another that"]

[sources]
AB = "a book"
CD = "a program"

[line]
baud = 9600
data-bits = 7
parity = "even"
stop-bits = 1
fact = "confirmed AB CD"

[session]
log-on = "elster"
read-level = 1
gap-ms = 300
reaction-max-ms = 3000
character-gap-max-ms = 1500
renew-after-s = 270
lapse-s = 300
retry-wait-ms = 2000
attempts = 3
programming-option = "1"
probe = { identity = 878, octets = 3, fact = "confirmed AB CD" }
fact = "confirmed AB CD"

[[identification]]
manufacturer = "GEC"
master-units = ["09"]
fact = "confirmed AB CD"

[[variant]]
id = "large"
words = "many registers"
devices = [{ device = "010", issues = ["02"], fact = "one-source AB" }]
fact = "confirmed AB CD"

[[variant]]
id = "small"
words = "few registers"
fact = "confirmed AB CD"

[[measured]]
word = "import"
code = 1
mask-bit = 0
obis = "1-0:1.8.0"
unit = "Wh"
fact = "confirmed AB CD"

[[measured]]
word = "export"
code = 2
mask-bit = 1
obis = "1-0:2.8.0"
unit = "Wh"
fact = "confirmed AB CD"

[[identity]]
number = 507
octets = 16
layout = { energies = { items = ["import", "-"] } }
content = "totals"
read = 1
fact = "confirmed AB CD: compare them"

[[identity]]
number = 508
variants = ["large"]
octets = 64
layout = { rates = { sources = 667 } }
content = "rates"
read = 1
fact = "confirmed AB CD"

[[identity]]
number = 508
variants = ["small"]
octets = 32
layout = { rates = { sources = 667 } }
content = "rates"
read = 1
fact = "confirmed AB CD"

[[identity]]
number = 667
octets = 8
layout = "source-codes"
content = "what rates measure"
read = 1
fact = "confirmed AB CD"

[[identity]]
number = 543
variants = ["small"]
octets = 51
sets = 12
layout = { set = { parts = [{ like = 507 }, { like = 508 }, { octets = 3, layout = { billing-info = { fields = ["count", "trigger"] } } }] } }
content = "billing sets"
read = 1
fact = "open: not seen"

[[identity]]
number = 695
octets = 14
layout = { log = { event = "power-down", entries = 3, fields = ["start"] } }
content = "power failures"
read = 1
fact = "confirmed AB CD"

[[identity]]
number = 724
octets = 4
layout = { status = { parts = [{ octets = 4, table = "system" }] } }
content = "status"
read = 1
fact = "confirmed AB CD"

[[identity]]
number = 878
octets = 3
layout = "profile-periods"
content = "periods"
read = 1
fact = "confirmed AB CD"

[[identity]]
number = 550
layout = "profile"
content = "profile"
read = 1
fact = "confirmed AB CD"

[[identity]]
number = 551
octets = 4
layout = "profile-window"
content = "window"
read = 1
write = 1
fact = "confirmed AB CD"

[[identity]]
number = 655
layout = "action"
content = "end of billing"
write = 3
arguments = ["01", ""]
fact = "confirmed AB CD"

[status-table.system]
fact = "confirmed AB CD"
bits = [{ bit = 8, words = "phase A failed", event = "meter-phase-failed" }]

[profile]
identity = 550
window = 551
period-coding = "bcd-minutes"
period-codes = [1, 2, 3, 4, 5, 6, 10, 15, 20, 30, 60]
value = "bcd-exponent"
head = "status"
value-fact = "confirmed AB CD"
fact = "confirmed AB CD"
capacity = [{ days = 450, channels = 1, period-minutes = 30, fact = "inferred AB" }]
markers = [{ octet = 0xE4, meaning = "new-day", carries = "time-mask-period", fact = "confirmed AB CD" }]
status = [{ bit = 6, words = "phase failed", flag = "phase-fail", fact = "confirmed AB CD" }]
"#;

fn load(text: &str) -> Result<Catalogue, Vec<Complaint>> {
    Catalogue::parse(&[("models/two.toml", text)])
}

/// Turns `from` into `to` and expects these complaints, each as `line|key|problem|remedy`.
#[track_caller]
fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(GOOD.contains(from), "{from} is not in the file");
    let complaints = load(&GOOD.replacen(from, to, 1)).expect_err("the mistake was not seen");
    let shown: Vec<String> = complaints
        .iter()
        .inspect(|complaint| assert_eq!(complaint.file, "models/two.toml"))
        .map(|c| format!("{}|{}|{}|{}", c.line, c.key, c.problem, c.remedy))
        .collect();
    assert_eq!(shown, expected);
}

fn identification(line: &str) -> Identification {
    Identification::decode(format!("{line}\r\n").as_bytes()).unwrap()
}

#[test]
fn a_good_file_is_a_model_of_its_own_kind() {
    let catalogue = load(GOOD).unwrap();
    assert!(catalogue.model("two").is_none());
    assert_eq!(catalogue.models().count(), 0);
    let model = catalogue.flag_model("two").unwrap();
    let doubts: Vec<String> = model.doubts().iter().map(ToString::to_string).collect();
    assert_eq!(
        doubts,
        [
            "two, device 010: one-source (source AB)",
            "two, identity 507 (totals): confirmed (compare them; source AB CD)",
            "two, identity 543 (billing sets): open (not seen)",
            "two, profile capacity: inferred (source AB)",
            "two, sources disagree: open (one says this, another that)",
        ]
    );
    let row = model.identity("large", 508).unwrap();
    assert_eq!(row.octets, 64);
    assert_eq!(model.identity("small", 508).unwrap().octets, 32);
    assert!(model.identity("large", 543).is_none());
    assert_eq!(model.measured_by_code(2).unwrap().word, "export");
}

#[test]
fn the_identification_tells_model_and_variant() {
    let catalogue = load(GOOD).unwrap();
    let model = catalogue.flag_model("two").unwrap();
    let variant = |line: &str| {
        let identification = identification(line);
        let variant = model.variant_of(&identification).unwrap().id.clone();
        model.fits(&identification).then_some(variant)
    };
    assert_eq!(variant("/GEC5090100100200@000").as_deref(), Some("large"));
    assert_eq!(variant("/GEC5090100100300@000").as_deref(), Some("small"));
    assert_eq!(variant("/GEc5090100140200@000").as_deref(), Some("small"));
    assert_eq!(variant("/GEC5120100100200@000"), None);
    assert_eq!(variant("/ABC5090100100200@000"), None);
    assert_eq!(variant("/GEC509"), None);
}

#[test]
fn of_two_models_that_fit_the_one_that_asks_for_more_comes_first() {
    let any = GOOD
        .replace("manufacturer = \"GEC\"\nmaster-units = [\"09\"]\n", "")
        .replace("Two", "Any");
    let catalogue = Catalogue::parse(&[("any.toml", &any), ("two.toml", GOOD)]).unwrap();
    let ids = |line: &str| -> Vec<String> {
        let fitting = catalogue.flag_models_for(&identification(line));
        fitting.iter().map(|model| model.id.clone()).collect()
    };
    assert_eq!(ids("/GEC5090100100200@000"), ["two", "any"]);
    assert_eq!(ids("/XYZ5"), ["any"]);
}

#[test]
fn unknown_words_are_refused_where_they_stand() {
    check(
        "notes = [",
        "note = [",
        &[
            "4|note|unknown field `note`, expected one of `maker`, `model`, `protocols`, `sources`, \
           `notes`, `disagreements`, `line`, `session`, `identification`, `variant`, `measured`, \
           `energy-exponent`, `demand-exponent`, `identity`, `status-table`, `billing-trigger`, \
           `profile`, `instrumentation`, `instant`, `clock`, `ratios`, `scaling`, `billing-reset`, `refusals`, \
           `vdew`, `programming`, `setting`, `provisional`|correct its spelling or remove it",
        ],
    );
    check(
        "flag = \"phase-fail\"",
        "flag = \"phase-failed\"",
        &[
            "171|flag|`phase-failed` is no flag; use none, missing, power-down, power-up, phase-fail, \
           meter-reset, battery, time-set, short, long, config-changed, reverse-run, dst-active, \
           dst-change, profile-cleared, cover-open, overflow, link-error, not-valid, test-mode, \
           late-sample, gateway-restart, rollover, clock-unsynchronised, implausible, coarse|write \
           it as the other model files do",
        ],
    );
    check(
        "fact = \"inferred AB\"",
        "fact = \"sure AB\"",
        &[
            "169|fact|`sure AB` does not say how sure it is and who says it; write one of confirmed, \
           one-source, inferred, open, then keys of `sources`, then perhaps a colon and a remark\
           |write it as the other model files do",
        ],
    );
}

#[test]
fn a_source_that_is_not_listed_is_refused() {
    check(
        "fact = \"inferred AB\"",
        "fact = \"inferred XY\"",
        &["169|profile capacity|`XY` is no key of `sources`|add it there, or correct it"],
    );
}

#[test]
fn lengths_must_fit_their_layouts() {
    check(
        "octets = 16\n",
        "octets = 17\n",
        &[
            "64|identity 507|its layout has 16 octets, the row says 17|correct one of them",
            "98|identity 543|its parts end at octet 52, the row says 51|correct the parts or the length",
        ],
    );
    check(
        "entries = 3",
        "entries = 4",
        &["108|identity 695|its layout has 18 octets, the row says 14|correct one of them"],
    );
    check(
        "{ like = 508 }",
        "{ at = 3, like = 508 }",
        &["98|identity 543|a part begins at 3, within the one before|correct `at`"],
    );
}

#[test]
fn what_a_row_refers_to_must_exist() {
    check(
        "items = [\"import\", \"-\"]",
        "items = [\"imports\", \"-\"]",
        &[
            "64|identity 507|`imports` is nothing that is measured|use a word of `measured`, or - for what nobody knows",
        ],
    );
    check(
        "table = \"system\"",
        "table = \"systems\"",
        &["116|identity 724|there is no status-table `systems`|add it, perhaps without bits"],
    );
    check(
        "variants = [\"small\"]\noctets = 51",
        "variants = [\"tiny\"]\noctets = 51",
        &["98|identity 543|there is no variant `tiny`|correct its name"],
    );
    check(
        "variants = [\"small\"]\noctets = 32",
        "octets = 32",
        &["81|identity 508|variant large has it twice|name the variants of each row"],
    );
    check(
        "window = 551",
        "window = 552",
        &["160|profile|identity 552 has no row|add its row, or correct the number"],
    );
}

#[test]
fn the_probe_must_be_told_by_its_length() {
    check(
        "probe = { identity = 878, octets = 3,",
        "probe = { identity = 667, octets = 4,",
        &[
            "18|session.probe|identity 724 is answered with as many octets|choose a length that no other answer has",
        ],
    );
}

#[test]
fn numbers_out_of_range_are_refused() {
    check(
        "number = 724",
        "number = 1724",
        &["116|identity 1724|an identity has three digits|use 0 to 999"],
    );
    check(
        "content = \"power failures\"\nread = 1",
        "content = \"power failures\"",
        &[
            "108|identity 695|it can neither be read nor written|give `read` or `write`, with the level it needs",
        ],
    );
    check(
        "arguments = [\"01\", \"\"]",
        "arguments = [\"0x\"]",
        &[
            "148|identity 655|an argument is no hexadecimal number|write it with 0-9 and A-F, as on the wire",
        ],
    );
    check(
        "renew-after-s = 270",
        "renew-after-s = 300",
        &[
            "18|session.renew-after-s|the password lapses before it is renewed|make renew-after-s smaller than lapse-s",
        ],
    );
    check(
        "octet = 0xE4",
        "octet = 0x40",
        &[
            "160|profile.markers|40 is twice there, or no marker|markers are 0xE0 to 0xFF, each once",
        ],
    );
    check(
        "30, 60]",
        "30, 61]",
        &["160|profile.period-codes|a period does not divide an hour|correct the minutes"],
    );
    check(
        "code = 2",
        "code = 1",
        &[
            "56|measured export|word, code and mask-bit must be its own|correct or remove the second one",
        ],
    );
}

#[test]
fn shipped_models_are_told_apart_by_what_their_meters_send() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../config/meter-models");
    let catalogue = Catalogue::load(std::path::Path::new(folder)).unwrap();
    let first = |line: &str| {
        let fitting = catalogue.flag_models_for(&identification(line));
        fitting.first().map_or("none", |model| model.id.as_str())
    };
    assert_eq!(first("/GEC5090100140400@000"), "elster-a1700");
    assert_eq!(first("/GEC5010010010100@000"), "elster-ppm");
    assert_eq!(first("/GEC5\\2123"), "elster-as230");
    assert_eq!(first("/LGZ4ZMD3104407.B32"), "vdew-generic");
    let a1140: Vec<&str> = catalogue
        .flag_models_for(&identification("/GEC5120510010301@000"))
        .iter()
        .map(|model| model.id.as_str())
        .collect();
    assert_eq!(a1140, ["elster-a1120", "elster-a1140", "vdew-generic"]);
}
