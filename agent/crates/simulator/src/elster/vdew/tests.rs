//! Registers, readout and profile of the VDEW style, as text.

use super::*;
use crate::elster::{Incident, Zone};

const NOW: Duration = Duration::from_secs(100);

fn with(model: VdewModel, change: impl FnOnce(&mut Scenario)) -> (VdewMeter, Registers) {
    let mut scenario = Scenario::new(1, "12345678");
    scenario.days = 5;
    change(&mut scenario);
    let meter = VdewMeter::new(model, scenario);
    let registers = Registers {
        model,
        contents: Arc::clone(&meter.truth.contents),
    };
    (meter, registers)
}

fn read(registers: &mut Registers, set: &str) -> Result<String, Refused> {
    let set = DataSet::parse(set).unwrap();
    registers.read_set(Form::National, set, Level::Public, NOW)
}

fn write(registers: &mut Registers, form: Form, set: &str) -> Result<(), Refused> {
    let set = DataSet::parse(set).unwrap();
    registers.write_set(form, set, Level::One, NOW)
}

#[test]
fn registers_are_named_by_their_codes() {
    let (meter, mut registers) = with(VdewModel::A1350, |_| {});
    for (set, expected) in [
        ("0.0.0()", "0.0.0(678)"),
        ("C.1.0(1)", "C.1.0(12345678)"),
        ("0.9.1()", "0.9.1(12:01:40)"),
        ("0.9.2()", "0.9.2(26-05-03)"),
        ("C003()", "C003(260503120140)"),
        ("0.1.0()", "0.1.0(01)"),
        ("F.F()", "F.F(00000000)"),
    ] {
        assert_eq!(read(&mut registers, set).as_deref(), Ok(expected));
    }
    let utc = meter.truth.utc(NOW);
    let total = meter.truth.total(Source::Import, utc) / 3600 / 1000;
    let shown = format!("1.8.0({:06}.{:03}*kWh)", total / 1000, total % 1000);
    assert_eq!(read(&mut registers, "1.8.0()"), Ok(shown));
    for set in [
        "9.9.9()",
        "1.8.9()",
        "8.8.1()",
        "1.8.0*05()",
        "1.8()",
        "3.8.0()",
    ] {
        assert_eq!(read(&mut registers, set), Err(Refused::Identity), "{set}");
    }
    let set = read(&mut registers, "1.6.0*01()").unwrap();
    assert!(
        set.starts_with("1.6.0*01(") && set.contains("*kW)(26"),
        "{set}"
    );
}

#[test]
fn a_readout_holds_every_register_and_its_billing_values() {
    for model in VdewModel::ALL {
        let (meter, mut registers) = with(model, |scenario| scenario.days = 100);
        let text = registers.readout(NOW).unwrap();
        let lines = iec62056_21::codec::DataLines::parse(&text).unwrap();
        let codes: Vec<&str> = lines.sets().map(|set| set.address()).collect();
        for code in ["F.F", "1.8.0", "1.8.0*04", "2.8.4", "8.8.0", "1.6.0*01"] {
            assert!(codes.contains(&code), "{code} of {model:?}");
        }
        assert!(iec62056_21::codec::Readout::new(lines).is_ok());
        assert!(meter.on_wire().is_ok());
    }
}

#[test]
fn a_profile_has_a_header_where_something_changed() {
    let (meter, mut registers) = with(VdewModel::A1500, |scenario| {
        scenario.bills_monthly = false;
        scenario.zone = Zone::UTC;
        scenario.minutes = 15;
        let cut = What::PowerCut { seconds: 3_600 };
        scenario.incidents = vec![Incident::after(scenario.begun(), 2, 8, 10, cut)];
    });
    let text = read(&mut registers, "P.01()").unwrap();
    let utc = meter.truth.utc(NOW);
    let intervals = meter.truth.intervals(meter.truth.begun(), utc);
    let values: Vec<&str> = text.lines().filter(|line| !line.starts_with('P')).collect();
    assert_eq!(values.len(), intervals.len());
    let channel = intervals[0].channels[0].energy / 900 / 1000;
    let shown = format!("({}.{:03})(", channel / 1000, channel % 1000);
    assert!(values[0].starts_with(&shown), "{} {shown}", values[0]);
    let headers: Vec<&str> = text.lines().filter(|line| line.starts_with('P')).collect();
    assert_eq!(
        headers[0],
        "P.01(0260428001500)(0000)(15)(2)(1.5)(kW)(2.5)(kW)"
    );
    assert_eq!(
        headers[2],
        "P.01(0260430001500)(0000)(15)(2)(1.5)(kW)(2.5)(kW)"
    );
    assert_eq!(
        headers[3],
        "P.01(0260430081500)(0084)(15)(2)(1.5)(kW)(2.5)(kW)"
    );
    let part = read(&mut registers, "P.01(02604300800;02604300830)").unwrap();
    assert_eq!(
        part.lines().filter(|line| !line.starts_with('P')).count(),
        2
    );
    assert_eq!(
        read(&mut registers, "P.01(0260430;)"),
        Err(Refused::Words("ERROR06"))
    );
    let (_, mut without) = with(VdewModel::As220, |_| {});
    assert_eq!(read(&mut without, "P.01()"), Err(Refused::Identity));
}

#[test]
fn actions_need_a_password_and_do_what_they_say() {
    let (meter, mut registers) = with(VdewModel::As1440, |scenario| scenario.locks_billing = true);
    let locked = registers.write_set(
        Form::Plain,
        DataSet::parse("S01(1)").unwrap(),
        Level::Public,
        NOW,
    );
    assert_eq!(locked, Err(Refused::Locked));
    assert_eq!(write(&mut registers, Form::Plain, "S01(1)"), Ok(()));
    let again = write(&mut registers, Form::Plain, "S01(1)");
    assert_eq!(again, Err(Refused::Words("ERROR08")));
    assert_eq!(read(&mut registers, "0.1.0()").as_deref(), Ok("0.1.0(02)"));
    assert_eq!(
        write(&mut registers, Form::Formatted, "C003(260503120000)"),
        Ok(())
    );
    assert_eq!(meter.truth.clock_error(meter.truth.utc(NOW)), -100);
    let wrong = write(&mut registers, Form::Formatted, "C003(261303120000)");
    assert_eq!(wrong, Err(Refused::Words("ERROR11")));
    assert_eq!(
        write(&mut registers, Form::Plain, "S99(1)"),
        Err(Refused::Identity)
    );
    assert_eq!(write(&mut registers, Form::Plain, "S08(1)"), Ok(()));
    assert_eq!(
        meter
            .truth
            .intervals(meter.truth.begun(), meter.truth.utc(NOW)),
        []
    );
}
