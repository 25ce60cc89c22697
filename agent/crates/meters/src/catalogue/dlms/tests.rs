use super::super::{Catalogue, Complaint};
use super::{DlmsWhat, RegisterClass};
use proptest::prelude::*;

/// A whole file; each test turns one thing in it.
const GOOD: &str = r#"maker = "Test"
model = "Three"
protocols = ["dlms"]
disagreements = ["one says this, another that"]

[sources]
AB = "a book"

[line]
baud = 9600
data-bits = 8
parity = "none"
stop-bits = 1
opening = "direct"
fact = "confirmed AB"

[hdlc]
address-octets = 2
upper = 1
lower = 17
fact = "confirmed AB"

[[association]]
name = "reader"
client = 2
level = "low"
fact = "one-source AB"

[[association]]
name = "secured"
client = 3
level = "gmac"
suites = [0, 2]
fact = "confirmed AB"

[[object]]
what = "serial"
name = "0-0:96.1.0"
content = "serial number"
fact = "confirmed AB"

[[object]]
what = "counter"
name = "0-0:43.1.3"
association = "secured"
content = "counter"
fact = "confirmed AB"

[clock]
name = "0-0:1.0.0"
deviation = "to-utc"
fact = "confirmed AB"

[[register]]
name = "1-1:1.8.0"
class = "register"
obis = "1-0:1.8.0"
default = true
fact = "confirmed AB"

[[profile]]
name = "1-0:99.1.0"
what = "load"
content = "load profile"
codes = "status"
fact = "open: the rows"

[codes.status]
fact = "confirmed AB"
bits = [{ bit = 7, words = "supply failed", flag = "power-down", fact = "inferred AB" }]
codes = [{ code = 3, words = "cover opened" }]
"#;

fn load(text: &str) -> Result<Catalogue, Vec<Complaint>> {
    Catalogue::parse(&[("models/three.toml", text)])
}

/// Turns `from` into `to` and expects these complaints, each as `line|key|problem|remedy`.
#[track_caller]
fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(GOOD.contains(from), "{from} is not in the file");
    let complaints = load(&GOOD.replacen(from, to, 1)).expect_err("the mistake was not seen");
    let shown: Vec<String> = complaints
        .iter()
        .inspect(|complaint| assert_eq!(complaint.file, "models/three.toml"))
        .map(|c| format!("{}|{}|{}|{}", c.line, c.key, c.problem, c.remedy))
        .collect();
    assert_eq!(shown, expected);
}

#[test]
fn a_good_file_is_a_model_of_its_own_kind() {
    let catalogue = load(GOOD).unwrap();
    assert!(catalogue.model("three").is_none() && catalogue.flag_model("three").is_none());
    let model = catalogue.dlms_model("three").unwrap();
    let doubts: Vec<String> = model.doubts().iter().map(ToString::to_string).collect();
    assert_eq!(
        doubts,
        [
            "three, association reader: one-source (source AB)",
            "three, profile 1-0:99.1.0 (load profile): open (the rows)",
            "three, codes status bit 7: inferred (source AB)",
            "three, sources disagree: open (one says this, another that)",
        ]
    );
    let hdlc = model.hdlc.as_ref().unwrap();
    assert_eq!(hdlc.address(None).unwrap().to_string(), "1/17");
    assert_eq!(hdlc.address(Some(20)).unwrap().to_string(), "1/20");
    assert_eq!(hdlc.address(Some(128)), None);
    let register = model.default_registers().next().unwrap();
    assert_eq!(register.code().to_string(), "1-0:1.8.0");
    assert_eq!(register.attribute(3).to_string(), "3/1-1:1.8.0*255/3");
    let serial = model.object(DlmsWhat::Serial).unwrap();
    assert_eq!(serial.asked().to_string(), "1/0-0:96.1.0*255/2");
    assert!(model.counter_of("secured").is_some() && model.counter_of("reader").is_none());
    let profile = model.load_profile().unwrap();
    assert_eq!(
        model.codes_of(profile).unwrap().codes[0].words,
        "cover opened"
    );
}

#[test]
fn unknown_words_are_refused_where_they_stand() {
    let unknown = "1|models|unknown field `models`, expected one of `maker`, `model`, `protocols`, \
        `sources`, `notes`, `disagreements`, `line`, `hdlc`, `wrapper`, `association`, `object`, \
        `clock`, `writing`, `register`, `profile`, `codes`|correct its spelling or remove it";
    check(
        "maker = \"Test\"\n",
        "models = 1\nmaker = \"Test\"\n",
        &[unknown],
    );
    let level = "32|level|unknown variant `high`, expected one of `none`, `low`, `gmac`|write it as \
        the other model files do";
    check("level = \"gmac\"", "level = \"high\"", &[level]);
    let code = "38|name|`0-0:96.1` is not an OBIS code; write it as A-B:C.D.E or A-B:C.D.E*F|write \
        it as the other model files do";
    check("\"0-0:96.1.0\"", "\"0-0:96.1\"", &[code]);
}

#[test]
fn a_source_that_is_not_listed_is_refused() {
    let problem = "70|codes status bit 7|`XY` is no key of `sources`|add it there, or correct it";
    check("inferred AB", "inferred XY", &[problem]);
}

#[test]
fn a_place_on_the_line_must_be_one() {
    let octets = "17|hdlc.address-octets|an address of 3 octets does not exist|use 1, 2 or 4";
    check("address-octets = 2", "address-octets = 3", &[octets]);
    let lower = "17|hdlc.lower|200 does not fit into the address|use at most 127, or more octets";
    check("lower = 17", "lower = 200", &[lower]);
    let serial = "17|hdlc.lower-from-serial|199 does not fit into the address|use at most 127, or \
        more octets";
    check("lower = 17", "lower-from-serial = 100", &[serial]);
    let none =
        "0||nothing says where such a meter is found|add a table `hdlc`, or `wrapper`, or both";
    let place = "[hdlc]\naddress-octets = 2\nupper = 1\nlower = 17\nfact = \"confirmed AB\"\n";
    check(place, "", &[none]);
    let line =
        "9|line|no setting of a line|use 300 to 921600 baud, 7 or 8 data bits, 1 or 2 stop bits";
    check("baud = 9600", "baud = 96", &[line]);
}

#[test]
fn who_may_talk_must_be_said_once_and_wholly() {
    let client = "23|association reader|200 is no address of a client|use 1 to 127";
    check("client = 2", "client = 200", &[client]);
    let keys = "29|association secured|a proof by GMAC needs keys of a suite|give `suites`, for \
        example [0]";
    check("suites = [0, 2]\n", "", &[keys]);
    let suite = "29|association secured|there are suites 0, 1 and 2|correct `suites`";
    check("suites = [0, 2]", "suites = [0, 3]", &[suite]);
    check(
        "name = \"secured\"",
        "name = \"reader\"",
        &[
            "29|association reader|there are two of this name|remove one",
            "42|object 0-0:43.1.3|there is no association `secured`|add it, or correct the name",
        ],
    );
}

#[test]
fn a_client_that_stands_twice_is_said_to_be_an_alternative() {
    let twice = |line, name, other| {
        format!(
            "{line}|association {name}|client 3 is that of `{other}` too|correct it, or write \
             instead-of = \"{other}\""
        )
    };
    let expected = [
        twice(23, "reader", "secured"),
        twice(29, "secured", "reader"),
    ];
    check(
        "client = 2",
        "client = 3",
        &expected.each_ref().map(String::as_str),
    );
    let alternative = GOOD.replacen("client = 2", "client = 3", 1).replacen(
        "suites = [0, 2]",
        "suites = [0, 2]\ninstead-of = \"reader\"",
        1,
    );
    let catalogue = load(&alternative).unwrap();
    let model = catalogue.dlms_model("three").unwrap();
    let secured = model.association("secured").unwrap();
    assert_eq!(secured.instead_of.as_deref(), Some("reader"));
    let other = "29|association secured|client 3 has no association `reader`|correct or remove \
        `instead-of`";
    check(
        "suites = [0, 2]",
        "suites = [0, 2]\ninstead-of = \"reader\"",
        &[other],
    );
}

#[test]
fn a_table_says_which_bits_nobody_has_to_be_told_of() {
    let of = |more: &str| {
        let text = GOOD.replacen("[codes.status]", &format!("[codes.status]\n{more}"), 1);
        let catalogue = load(&text).unwrap();
        let table = &catalogue.dlms_model("three").unwrap().codes["status"];
        [1 << 7, 1 << 9, 1 << 63, u64::MAX].map(|status| table.unknown_bits(status).count_ones())
    };
    assert_eq!(of(""), [0, 1, 1, 63]);
    assert_eq!(of("unremarkable = [9, 63]"), [0, 0, 0, 61]);
    assert_eq!(of("other-bits = \"unremarkable\""), [0, 0, 0, 0]);
    let twice = "68|codes.status|a bit is twice there, or is none|use 0 to 63, each once";
    check(
        "[codes.status]",
        "[codes.status]\nunremarkable = [7]",
        &[twice],
    );
}

#[test]
fn objects_tell_which_meter_it_is_and_whose_counter() {
    let nothing = "0||nothing tells which meter it is|add an `object` with what = \"serial\" or \
        \"device-name\"";
    check("what = \"serial\"", "what = \"other\"", &[nothing]);
    let whose = "42|object 0-0:43.1.3|whose counter it is does not stand there|give `association`";
    check("association = \"secured\"\n", "", &[whose]);
}

#[test]
fn profiles_and_tables_must_fit_together() {
    let table =
        "61|profile 1-0:99.1.0|there is no table `codes.bits`|add the table, or correct the name";
    check("codes = \"status\"", "codes = \"bits\"", &[table]);
    let bit = "68|codes.status|a bit is twice there, or is none|use 0 to 63, each once";
    check("bit = 7", "bit = 64", &[bit]);
}

#[test]
fn a_class_of_a_register_has_its_attributes() {
    for (number, class) in [
        (3, RegisterClass::Register),
        (4, RegisterClass::Extended),
        (5, RegisterClass::Demand),
    ] {
        assert_eq!(RegisterClass::of(number), Some(class));
        assert_eq!(class.number(), number);
        assert!(!class.value_attributes().contains(&class.scaler_attribute()));
    }
    assert_eq!(RegisterClass::of(7), None);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(from in 0_usize..1800, length in 0_usize..40, put in ".{0,12}") {
        let end = (from + length).min(GOOD.len());
        let text = [GOOD.get(..from).unwrap_or(GOOD), &put, GOOD.get(end..).unwrap_or("")].concat();
        super::super::fuzz_model(&text);
    }
}

#[test]
fn what_a_meter_takes_is_said_in_numbers_that_can_be() {
    let clock = "[clock]\n";
    let writing =
        |keys: &str| format!("[writing]\n{keys}\nfact = \"open: nobody asked\"\n\n{clock}");
    let catalogue = load(&GOOD.replacen(clock, &writing("switches = 10"), 1)).unwrap();
    let takes = catalogue.dlms_model("three").unwrap().takes();
    assert_eq!((takes.switches, takes.seasons), (Some(10), None));
    let doubts = catalogue.dlms_model("three").unwrap().doubts();
    assert!(doubts.iter().any(|doubt| doubt.about == "writing"));
    check(
        clock,
        &writing("seasons = 0\nname-octets = 65"),
        &[
            "49|writing.seasons|0 is out of range|use 1 to 255, or leave it out where it is not \
             known",
            "49|writing.name-octets|65 is out of range|use 1 to 64, or leave it out where it is \
             not known",
        ],
    );
}
