use super::*;
use proptest::prelude::*;

/// A whole file; each test turns one thing in it.
const GOOD: &str = r#"maker = "Test"
model = "One"
protocols = ["modbus-rtu"]
certainty = "read-in-source"
sources = ["test"]
table = "holding"
line = { baud = 9600, parity = "none", stop-bits = 1, certainty = "unverified" }
limits = { max-count = 40, min-gap-ms = 30, turnaround-ms = 50, timeout-ms = 300 }
probe = { address = 0 }
hole = [{ from = 90, to = 99 }]
identify = [
    { what = "serial", address = 50, encoding = "u32" },
    { what = "text", address = 52, encoding = "text", count = 2, equals = ["B23", "B24"] },
]
register = [
    { obis = "1-0:1.8.0", address = 0, encoding = "u32", unit = "kWh", scale = -2 },
    { obis = "1-0:32.7.0", address = 2, encoding = "f32", unit = "V", digits = 1 },
    { obis = "1-0:21.8.0", address = 4, encoding = "u32", unit = "kWh", scale = -2, remark = "odd" },
]
"#;

fn load(text: &str) -> Result<Catalogue, Vec<Complaint>> {
    Catalogue::parse(&[("models/one.toml", text)])
}

/// Turns `from` into `to` and expects these complaints, each as `line|key|problem|remedy`.
#[track_caller]
fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(GOOD.contains(from), "{from} is not in the file");
    let complaints = load(&GOOD.replacen(from, to, 1)).expect_err("the mistake was not seen");
    let shown: Vec<String> = complaints
        .iter()
        .inspect(|complaint| assert_eq!(complaint.file, "models/one.toml"))
        .map(|c| format!("{}|{}|{}|{}", c.line, c.key, c.problem, c.remedy))
        .collect();
    assert_eq!(shown, expected);
}

#[test]
fn a_good_file_is_a_model() {
    let catalogue = load(GOOD).unwrap();
    let model = catalogue.model("one").unwrap();
    let codes = |list: Vec<&Register>| -> Vec<String> {
        list.iter()
            .map(|register| register.obis.to_string())
            .collect()
    };
    assert_eq!(codes(model.totals().collect()), ["1-0:1.8.0"]);
    assert_eq!(codes(model.instants().collect()), ["1-0:32.7.0"]);
    let phase = "1-0:21.8.0".parse().unwrap();
    assert!(model.total(phase).is_some());
    assert!(model.total("1-0:32.7.0".parse().unwrap()).is_none());
    assert_eq!(model.holes[0].to_string(), "holding 0x005A+10");
    assert_eq!(model.registers[0].exponent, 1);
    assert_eq!(model.registers[1].exponent, -1);
    let doubts: Vec<String> = model.doubts().iter().map(ToString::to_string).collect();
    assert_eq!(
        doubts,
        [
            "one, line: unverified",
            "one, 1-0:21.8.0: read-in-source (odd)"
        ]
    );
}

#[test]
fn mistakes_of_form_name_line_and_key() {
    check(
        "maker = \"Test\"\n",
        "",
        &["1|maker|missing field `maker`|add the key; the other model files show how"],
    );
    check(
        "baud = 9600",
        "speed = 9600, baud = 9600",
        &[
            "7|speed|unknown field `speed`, expected one of `baud`, `parity`, `stop-bits`, `unit`, `certainty`, `remark`|correct its spelling or remove it",
        ],
    );
    check(
        "baud = 9600",
        "baud = \"9600\"",
        &[
            "7|baud|invalid type: string \"9600\", expected u32|write it as the other model files do",
        ],
    );
    check(
        "parity = \"none\"",
        "parity = \"mark\"",
        &[
            "7|parity|unknown variant `mark`, expected one of `none`, `even`, `odd`|write it as the other model files do",
        ],
    );
    check(
        "table = \"holding\"",
        "table = \"coils\"",
        &[
            "6|table|unknown variant `coils`, expected `holding` or `input`|write it as the other model files do",
        ],
    );
    check(
        "address = 2,",
        "address = 70000,",
        &[
            "17|address|invalid value: integer `70000`, expected u16|write it as the other model files do",
        ],
    );
    check(
        "protocols = [\"modbus-rtu\"]",
        "protocols = [",
        &[
            "4|certainty|unexpected `=` in array, expected value, `]`|write it as the other model files do",
        ],
    );
    check(
        "[\"test\"]",
        "[]",
        &["5|sources|the list is empty|say where the facts come from"],
    );
}

#[test]
fn mistakes_of_meaning_say_what_to_do() {
    check(
        "1-0:1.8.0",
        "1-0:1.8.256",
        &[
            "16|register.obis|`1-0:1.8.256` is not an OBIS code; write it as A-B:C.D.E or A-B:C.D.E*F|correct the code",
        ],
    );
    check(
        "unit = \"V\"",
        "unit = \"volt\"",
        &[
            "17|register 1-0:32.7.0|`volt` is not a unit; use W, VA, var, Wh, VAh, varh (also with k or M), A, V, Hz, deg, s, C, % or 1|correct the unit",
        ],
    );
    check(
        "1-0:21.8.0",
        "1-0:1.8.0",
        &[
            "18|register 1-0:1.8.0|the quantity stands twice|remove one, or give one `alternative = true`",
        ],
    );
    check(
        "address = 4,",
        "address = 3,",
        &[
            "18|register 1-0:21.8.0|holding 0x0003+2 overlaps holding 0x0002+2 of 1-0:32.7.0|correct the addresses",
        ],
    );
    check(
        "address = 4,",
        "address = 99,",
        &[
            "18|register 1-0:21.8.0|holding 0x0063+2 lies in the hole holding 0x005A+10|correct the hole or remove the register",
        ],
    );
    check(
        "address = 4,",
        "address = 65535,",
        &[
            "18|register 1-0:21.8.0|holding 0xFFFF+2 runs past register 65535|correct address and encoding",
        ],
    );
}

#[test]
fn limits_and_line_are_checked() {
    check(
        "from = 90, to = 99",
        "from = 99, to = 90",
        &["10|hole|99 to 90 is no range|give the first and the last bad register"],
    );
    check(
        "baud = 9600",
        "baud = 1",
        &["7|line.baud|1 is no line speed|use 300 to 921600"],
    );
    check(
        "stop-bits = 1",
        "stop-bits = 3",
        &["7|line.stop-bits|3 stop bits do not exist|use 1 or 2"],
    );
    check(
        "stop-bits = 1",
        "stop-bits = 1, unit = 0",
        &["7|line.unit|0 is no unit address|use 1 to 247"],
    );
    check(
        "max-count = 40",
        "max-count = 126",
        &["8|limits.max-count|126 registers is out of range|use 4 (one 64-bit value) to 125"],
    );
    check(
        "timeout-ms = 300",
        "timeout-ms = 30",
        &["8|limits|timeout-ms is shorter than turnaround-ms|make it at least twice as long"],
    );
    check(
        "encoding = \"text\", count = 2",
        "encoding = \"text\"",
        &["13|identify text|the length of the text is not known|give `count`, 1 to 32 registers"],
    );
    check(
        "encoding = \"u32\" }",
        "encoding = \"u32\", count = 2 }",
        &["12|identify serial|a number has its own length|remove `count`"],
    );
    check(
        "[\"B23\", \"B24\"]",
        "7",
        &[
            "13|identify text|`equals` is not what such a register can say|give numbers for u16 to u64 and texts for text",
        ],
    );
}

#[test]
fn scales_and_decimals_belong_to_their_encodings() {
    let voltage = |problem: &str| format!("17|register 1-0:32.7.0|{problem}");
    check(
        "digits = 1",
        "scale = -1",
        &[&voltage(
            "the scale travels with the number|write `digits = n` for n decimals",
        )],
    );
    check(
        ", digits = 1",
        "",
        &[&voltage(
            "the decimals are not known|add `digits`, the decimals the maker guarantees",
        )],
    );
    check(
        "digits = 1",
        "digits = 10",
        &[&voltage("10 is out of range|use 0 to 9")],
    );
    check(
        "digits = 1",
        "digits = -1",
        &[&voltage("-1 is out of range|use 0 to 9")],
    );
    check(
        "digits = 1",
        "digits = 1, multiplier = 5",
        &[&voltage(
            "5 cannot be applied|use a whole number from 1, and only with whole numbers",
        )],
    );
    check(
        "digits = 1",
        "digits = 1, scale-register = { address = 8, kind = \"sunssf\" }",
        &[&voltage(
            "only a whole number can have a scale register|remove `scale-register`",
        )],
    );
    let energy = |problem: &str| format!("16|register 1-0:1.8.0|{problem}");
    check(
        "scale = -2",
        "digits = 2",
        &[&energy(
            "a whole number has a scale, no digits|write `scale = -n` for n decimals",
        )],
    );
    check(
        ", scale = -2",
        "",
        &[&energy(
            "the whole number has no scale|add `scale`, the power of ten it is multiplied by",
        )],
    );
    check(
        "scale = -2",
        "scale = -10",
        &[&energy("-10 is out of range|use -9 to 9")],
    );
    check(
        "scale = -2",
        "scale = -2, rollover = 0",
        &[&energy(
            "0 is no rollover|give one more than the highest raw number of a total that is a whole number",
        )],
    );
}

#[test]
fn every_mistake_is_told_at_once() {
    let text = GOOD
        .replace("baud = 9600", "baud = 1")
        .replace("unit = \"V\"", "unit = \"volt\"");
    assert_eq!(load(&text).unwrap_err().len(), 2);
}

#[test]
fn a_file_as_a_whole_can_be_wrong() {
    let complaints =
        |name: &str, text: &str| Catalogue::parse(&[(name, text)]).unwrap_err()[0].to_string();
    assert_eq!(
        complaints("One.toml", GOOD),
        "One.toml: the file's name is no model name; use a-z, 0-9 and - before .toml"
    );
    let huge = " ".repeat(MODEL_FILE_BYTES_MAX + 1);
    assert_eq!(
        complaints("a.toml", &huge),
        "a.toml: the file is too large; keep it below 131072 bytes"
    );
    let empty = GOOD.split("register = [").next().unwrap();
    assert_eq!(
        complaints("a.toml", empty),
        "a.toml: the model has no value; add a `register` or a `sunspec` block"
    );
    let absent = Catalogue::load(Path::new("/nonexistent-folder")).unwrap_err();
    assert!(absent[0].remedy.contains("gateway.model-folder"));
}

#[test]
fn rollover_is_kept_in_the_scale_of_the_channel() {
    let text = GOOD.replacen(
        "scale = -2",
        "scale = -2, multiplier = 5, rollover = 100000000",
        1,
    );
    let catalogue = load(&text).unwrap();
    assert_eq!(
        catalogue.model("one").unwrap().registers[0].rollover,
        Some(500_000_000)
    );
}

#[test]
fn an_alternative_is_never_chosen() {
    let text = GOOD.replacen("1-0:21.8.0\"", "1-0:1.8.0\", alternative = true", 1);
    let catalogue = load(&text).unwrap();
    let model = catalogue.model("one").unwrap();
    assert_eq!(model.totals().count(), 1);
    assert_eq!(
        model
            .register("1-0:1.8.0".parse().unwrap())
            .unwrap()
            .address,
        0
    );
}

#[test]
fn another_meter_is_noticed() {
    let catalogue = load(GOOD).unwrap();
    let model = catalogue.model("one").unwrap();
    let text = |text: &str| Some(IdentityValue::Text(text.into()));
    let serial = Some(IdentityValue::Number(1234));
    let check =
        |answers: &[Option<IdentityValue>], expected| model.check_identity(answers, expected);
    assert_eq!(
        check(&[serial.clone(), text("B24")], Some("001234")),
        IdentityCheck::Matches
    );
    assert_eq!(check(&[None, text("B24")], None), IdentityCheck::Matches);
    let wrong = |found: &str| IdentityCheck::WrongModel {
        expected: "B23 or B24".into(),
        found: found.into(),
    };
    assert_eq!(check(&[serial.clone(), text("B21")], None), wrong("B21"));
    assert_eq!(check(std::slice::from_ref(&serial), None), wrong("nothing"));
    let found = |found: &str| IdentityCheck::WrongSerial {
        expected: "99".into(),
        found: found.into(),
    };
    assert_eq!(check(&[serial, text("B23")], Some("99")), found("1234"));
    assert_eq!(check(&[None, text("B23")], Some("99")), found("nothing"));
    let nameless = GOOD.replacen("what = \"serial\"", "what = \"firmware\"", 1);
    let catalogue = load(&nameless).unwrap();
    let model = catalogue.model("one").unwrap();
    assert!(!model.has_serial());
    let answers = [None, text("B23")];
    assert_eq!(
        model.check_identity(&answers, Some("99")),
        IdentityCheck::SerialNotKnown
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        fuzz_model(&text);
    }

    #[test]
    fn no_damaged_file_makes_the_reader_panic(at in 0..GOOD.len(), length in 0_usize..40, put in "[-0-9a-z\"{}\\[\\],=. \n]{0,8}") {
        let end = (at + length).min(GOOD.len());
        fuzz_model(&format!("{}{put}{}", &GOOD[..at], &GOOD[end..]));
    }
}
