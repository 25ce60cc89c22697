use super::*;
use crate::catalogue::Catalogue;
use crate::program::{FlagGround, flag_plan, settings_plan};
use metering::scheme::{Calendar, Demand, MdRegister, ProfilePlan, Ratios, TouRegister};
use std::path::Path;

fn catalogue() -> Catalogue {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../config/meter-models");
    Catalogue::load(&folder).unwrap()
}

fn demand(period_minutes: u16) -> Demand {
    Demand {
        period_minutes,
        ..Demand::default()
    }
}

#[test]
fn demand_and_ratios_become_settings_of_a_shipped_model() {
    let catalogue = catalogue();
    let model = catalogue.model("siemens-pac3200").unwrap();
    let scheme = Scheme {
        demand: Some(demand(15)),
        ratios: Some(Ratios {
            ct_primary: Some(800),
            ct_secondary: Some(5),
            ..Ratios::default()
        }),
        ..Scheme::default()
    };
    let wanted = scheme_settings(model, &scheme).unwrap();
    let told: Vec<String> = wanted
        .iter()
        .map(|one| format!("{} {:?}", one.name, one.value))
        .collect();
    assert_eq!(
        told,
        [
            "demand-period Number(15)",
            "current-primary Number(800)",
            "current-secondary Number(5)"
        ]
    );
    assert!(settings_plan(model, "FEEDER", &wanted, &[]).is_ok());
    let other = catalogue.model("orno-we-504").unwrap();
    let misfits = scheme_settings(other, &scheme).unwrap_err();
    assert!(
        misfits[0].to_string().contains("declares no place for it"),
        "{misfits:?}"
    );
    let odd = Scheme {
        demand: Some(demand(90)),
        ..Scheme::default()
    };
    let misfits = scheme_settings(model, &odd).unwrap_err();
    assert!(
        misfits[0].to_string().contains("use 1 to 60 min"),
        "{misfits:?}"
    );
    let calendar = Scheme {
        calendar: Some(Calendar::default()),
        ..Scheme::default()
    };
    assert!(scheme_settings(model, &calendar).is_err());
}

#[test]
fn a_scheme_becomes_what_is_published_of_an_a1700_and_no_more() {
    let catalogue = catalogue();
    let model = catalogue.flag_model("elster-a1700").unwrap();
    let source = |text: &str| text.parse::<Source>().unwrap();
    let tou = |number, text| TouRegister {
        number,
        source: source(text),
        rate: 1,
        name: None,
    };
    let scheme = Scheme {
        tou: vec![tou(1, "1-0:1.8.0"), tou(3, "customer-1")],
        demand: Some(Demand {
            sub_periods: Some(3),
            registers: vec![MdRegister {
                number: 2,
                source: source("1-0:9.8.0"),
                ..MdRegister::default()
            }],
            ..demand(15)
        }),
        profile: Some(ProfilePlan {
            period_minutes: 15,
            days_wanted: None,
            channels: vec!["1-0:1.8.0".parse().unwrap(), "1-0:5.8.0".parse().unwrap()],
        }),
        ratios: Some(Ratios {
            ct_primary: Some(800),
            ct_secondary: Some(5),
            ..Ratios::default()
        }),
        ..Scheme::default()
    };
    let wanted = scheme_flag(model, &scheme).unwrap();
    let told: Vec<String> = wanted
        .iter()
        .map(|one| format!("{} = {}", one.name, one.value))
        .collect();
    assert_eq!(
        told,
        [
            "rate-sources = import-wh - customer-1",
            "demand-sources = - vah",
            "profile-channels = import-wh q1-varh",
            "periods = profile 15 min, demand 3 x 5 min",
            "current-ratio = 800.00/5.00"
        ]
    );
    let ground = FlagGround {
        model,
        variant: "tou-16",
        meter: "1",
        firmware: None,
        operator: None,
    };
    assert!(flag_plan(ground, &wanted, &[], false).is_ok());
    let calendar = Scheme {
        calendar: Some(Calendar::default()),
        ..scheme
    };
    let misfits = scheme_flag(model, &calendar).unwrap_err();
    assert_eq!(
        misfits[0].to_string(),
        "calendar: nobody has published its layout; clone it from a golden meter, or record a write set"
    );
}
