use super::*;

fn image(octets: &[u8]) -> GoldenImage {
    let page = ClonePage {
        name: "seasons".to_owned(),
        identity: 610,
        octets: u16::try_from(octets.len()).unwrap(),
        phase: Phase::Tariff,
        clears_profile: false,
    };
    GoldenImage {
        name: "golden".to_owned(),
        model: "elster-a1700".to_owned(),
        variant: "tou-16".to_owned(),
        firmware: "/GEC5090100140400@000".to_owned(),
        meter: "4711".to_owned(),
        pages: vec![(page, octets.to_vec())],
    }
}

#[test]
fn an_image_comes_back_and_a_changed_one_does_not() {
    let golden = image(&[1, 2, 0xff, 0]);
    let text = golden.to_text();
    assert_eq!(GoldenImage::parse("golden.toml", &text), Ok(golden.clone()));
    for (from, to, complaint) in [
        ("0102ff00", "0102ff01", "are not those that were read"),
        ("0102ff00", "0102ff", "are not those that were read"),
        ("0102ff00", "0102fg00", "no 1 to 65535 octets"),
        ("packet = 1", "packet = 2", "no such packet"),
        ("\"tariff\"", "\"password\"", "does not travel in a file"),
        ("variant = \"tou-16\"\n", "", "which variant it is of"),
        (
            "pmu-golden-image/1",
            "pmu-golden-image/2",
            "no form that is known",
        ),
        ("phase = \"tariff\"", "phase = \"never\"", "never"),
        ("source = ", "sauce = ", "sauce"),
    ] {
        assert!(text.contains(from), "{from}: {text}");
        let told = GoldenImage::parse("golden.toml", &text.replace(from, to)).unwrap_err();
        assert!(
            told.iter().any(|one| one.to_string().contains(complaint)),
            "{told:?}"
        );
        assert!(told[0].to_string().starts_with("golden.toml"), "{told:?}");
    }
}

#[test]
fn differences_are_stretches_with_their_place() {
    let (one, other) = (image(&[1, 2, 3, 4, 5, 6]), image(&[1, 9, 8, 4, 5, 7]));
    let told: Vec<String> = one
        .differences(&other)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "seasons (610) from octet 1: 0203 | 0908",
            "seasons (610) from octet 5: 06 | 07"
        ]
    );
    assert!(one.differences(&one).is_empty());
    assert_ne!(one.digest(), other.digest());
    let none = GoldenImage {
        pages: Vec::new(),
        ..one.clone()
    };
    assert_eq!(none.differences(&one).len(), 1);
    assert_eq!(one.differences(&none).len(), 1);
}
