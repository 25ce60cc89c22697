use super::super::Catalogue;
use super::*;
use proptest::prelude::*;

const FILE: &str = r#"
maker = "M"
model = "X"
protocols = ["modbus-rtu"]
certainty = "documented"
sources = ["a list"]
table = "holding"
line = { baud = 9600, parity = "none", stop-bits = 1 }
limits = { max-count = 40, min-gap-ms = 0, turnaround-ms = 50, timeout-ms = 300 }
probe = { address = 0 }
hole = [{ from = 900, to = 901 }]
register = [{ obis = "1-0:1.8.0", address = 0, encoding = "u32", unit = "Wh", scale = 0 }]
"#;

const PERIOD: &str = r#"
[[setting]]
name = "demand-period"
what = "demand-period"
address = 2
encoding = "f32"
unit = "min"
allowed = [0, 5, 15, 30, 60]
phase = "destructive"
source = "manual, page 28"
unlock = [{ address = 24, encoding = "f32", password = true }]
apply = [{ table = "coil", address = 7, value = 1 }]
"#;

fn read(settings: &str) -> Result<Vec<Setting>, Vec<String>> {
    let text = format!("{FILE}{settings}");
    match Catalogue::parse(&[("x.toml", &text)]) {
        Ok(catalogue) => Ok(catalogue.model("x").unwrap().settings.clone()),
        Err(complaints) => Err(complaints.iter().map(ToString::to_string).collect()),
    }
}

fn one(settings: &str) -> Setting {
    read(settings).unwrap().remove(0)
}

#[track_caller]
fn check(change: (&str, &str), complaint: &str) {
    assert!(PERIOD.contains(change.0), "{change:?}");
    let told = read(&PERIOD.replace(change.0, change.1)).unwrap_err();
    assert!(told.iter().any(|line| line.contains(complaint)), "{told:?}");
}

#[test]
fn a_setting_says_where_how_and_what() {
    let setting = one(PERIOD);
    assert_eq!(setting.place.to_string(), "holding 0x0002+2");
    assert_eq!(setting.function, WriteFunction::Several);
    assert_eq!(setting.takes(), "0, 5, 15, 30, 60 min");
    let value = setting.parse("30").unwrap();
    assert_eq!(setting.words_of(&value), "30 min");
    assert_eq!(setting.encode(&value).unwrap(), [0x41F0, 0]);
    assert_eq!(setting.decode(&[0x41F0, 0]), Some(value));
    assert!(matches!(setting.unlock[0].value, PokeValue::Password(_)));
    assert_eq!(setting.apply[0].value, PokeValue::Words(vec![1]));
    for wrong in ["7", "0.5", "x", "", "-5", "30 min"] {
        assert!(setting.parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn each_mistake_is_told_with_its_line_and_remedy() {
    check(
        ("name = \"demand-period\"", "name = \"Demand\""),
        "x.toml:15: setting.name",
    );
    check(
        ("encoding = \"f32\"\nunit", "unit"),
        "x.toml:14: setting demand-period: what stands there",
    );
    check(
        ("allowed = [0, 5, 15, 30, 60]\n", ""),
        "what it takes is not said",
    );
    check(
        ("allowed = [0, 5", "allowed = [\"0.5\""),
        "what it takes is not said",
    );
    check(
        (
            "phase = \"destructive\"",
            "phase = \"setting\"\nclears-profile = true",
        ),
        "loses load profiles",
    );
    check(("manual, page 28", " "), "nobody says so");
    check(
        ("unit = \"min\"", "unit = \"min\"\nfunction = 5"),
        "function 5 writes no such place",
    );
    check(("address = 2\n", "address = 899\n"), "lies in the hole");
    check(
        ("address = 2\n", "address = 65535\n"),
        "runs past register 65535",
    );
    check(
        ("unit = \"min\"", "unit = \"min\"\nscale = 1"),
        "scale and digits",
    );
    check(
        ("password = true", "value = 1, password = true"),
        "what goes along",
    );
    check(
        ("address = 7, value = 1", "address = 7, value = 2"),
        "what goes along",
    );
    check(
        ("what = \"demand-period\"", "what = \"colour\""),
        "unknown variant `colour`",
    );
    check(("unit = \"min\"", "units = \"min\""), "units");
    let twice = read(&format!("{PERIOD}{PERIOD}")).unwrap_err();
    assert!(
        twice.iter().any(|line| line.contains("stands twice")),
        "{twice:?}"
    );
    assert!(
        twice.iter().any(|line| line.contains("overlaps")),
        "{twice:?}"
    );
}

#[test]
fn tables_and_switches_are_written_as_they_are() {
    let rest = "phase = \"tariff\"\nsource = \"s\"\n";
    let table = one(&format!(
        "[[setting]]\nname = \"days\"\nwhat = \"calendar\"\naddress = 100\ncount = 3\n{rest}"
    ));
    let value = table.parse("0001 00ff 1234").unwrap();
    assert_eq!(table.encode(&value).unwrap(), [1, 0xff, 0x1234]);
    assert!(table.parse("0001").is_err());
    let switch = one(&format!(
        "[[setting]]\nname = \"tou\"\nwhat = \"other\"\ntable = \"coil\"\naddress = 9\n{rest}"
    ));
    assert_eq!(switch.function, WriteFunction::Coil);
    assert_eq!(switch.encode(&switch.parse("on").unwrap()).unwrap(), [1]);
}

#[test]
fn a_scale_is_that_of_the_registers() {
    let ratio = one(
        "[[setting]]\nname = \"ct\"\nwhat = \"current-ratio\"\naddress = 100\nencoding = \"u16\"\nscale = -1\ndigits = 1\nminimum = 1\nmaximum = \"6000.0\"\nfunction = 6\nphase = \"destructive\"\nsource = \"s\"\n",
    );
    let value = ratio.parse("12.5").unwrap();
    assert_eq!(ratio.encode(&value).unwrap(), [125]);
    assert_eq!(ratio.decode(&[125]), Some(value));
    assert_eq!(ratio.takes(), "1.0 to 6000.0 1");
}

proptest! {
    #[test]
    fn a_number_comes_back_as_it_was(steps in -99_999_i64..=99_999, digits in 0_u8..=3) {
        use super::super::encoding::{Encoding, Order};
        let text = decimal_text(steps, digits);
        prop_assert_eq!(parse_decimal(&text, digits), Some(steps));
        for encoding in [Encoding::F32, Encoding::F64, Encoding::I32, Encoding::I64] {
            let layout = Layout { encoding, words: Order::LowFirst, bytes: Order::HighFirst };
            let scale = -i8::try_from(digits).unwrap();
            let scale = if encoding.is_integer() { scale } else { 0 };
            let setting = Setting {
                place: SettingPlace::Registers { address: 0, count: encoding.count() },
                form: SettingForm::Number { layout, scale },
                digits, range: None, allowed: Vec::new(), ..one(PERIOD)
            };
            let words = setting.encode(&SettingValue::Number(steps)).unwrap();
            prop_assert_eq!(setting.decode(&words), Some(SettingValue::Number(steps)));
        }
    }
}
