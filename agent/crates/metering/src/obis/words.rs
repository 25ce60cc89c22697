//! What a code means, in a person's words (IEC 62056-6-1, electricity).

use super::Obis;

/// Value group C below 20, or its last digit with a phase before it.
fn quantity(group: u8) -> Option<&'static str> {
    Some(match group {
        1 => "active, from the grid",
        2 => "active, to the grid",
        3 => "reactive, from the grid",
        4 => "reactive, to the grid",
        5 => "reactive, quadrant I",
        6 => "reactive, quadrant II",
        7 => "reactive, quadrant III",
        8 => "reactive, quadrant IV",
        9 => "apparent, from the grid",
        10 => "apparent, to the grid",
        11 => "current",
        12 => "voltage",
        13 => "power factor",
        14 => "frequency",
        15 => "active, both directions added",
        16 => "active, net, positive from the grid",
        _ => return None,
    })
}

/// Phases are counted in steps of twenty from 20 on.
fn split(group: u8) -> Option<(u8, &'static str)> {
    Some(match group {
        1..=20 => (group, ""),
        21..=40 => (group - 20, " L1"),
        41..=60 => (group - 40, " L2"),
        61..=80 => (group - 60, " L3"),
        91 => (11, " of the neutral"),
        _ => return None,
    })
}

pub(super) fn words(code: Obis) -> Option<String> {
    let [1, _, group, kind, rate, _] = code.groups() else {
        return None;
    };
    let (base, phase) = split(group)?;
    let what = quantity(base)?;
    let is_flow = matches!(base, 1..=10 | 15 | 16);
    let noun = match (kind, is_flow) {
        (2, true) => "cumulative maximum demand",
        (5, true) => "average power of the interval",
        (6, true) => "maximum demand",
        (7, true) => "power",
        (8, true) => "energy",
        (29, true) => "energy of the interval",
        (7, false) => "",
        _ => return None,
    };
    let mut text = match what.split_once(", ") {
        Some((sort, way)) => format!("{sort} {noun}{phase}, {way}"),
        None => format!("{what}{phase}"),
    };
    let has_rates = matches!(kind, 2 | 6 | 8);
    if rate > 0 && has_rates {
        text.push_str(", rate ");
        text.push_str(&rate.to_string());
    }
    (rate == 0 || has_rates).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, expected: Option<&str>) {
        let code: Obis = code.parse().unwrap();
        assert_eq!(words(code).as_deref(), expected);
    }

    #[test]
    fn codes_are_said_in_words() {
        check("1-0:1.8.0", Some("active energy, from the grid"));
        check("1-0:2.8.1", Some("active energy, to the grid, rate 1"));
        check(
            "1-0:1.29.0",
            Some("active energy of the interval, from the grid"),
        );
        check(
            "1-0:16.7.0",
            Some("active power, net, positive from the grid"),
        );
        check(
            "1-0:36.7.0",
            Some("active power L1, net, positive from the grid"),
        );
        check("1-0:43.7.0", Some("reactive power L2, from the grid"));
        check("1-0:72.7.0", Some("voltage L3"));
        check("1-0:91.7.0", Some("current of the neutral"));
        check("1-0:13.7.0", Some("power factor"));
        check(
            "1-0:1.5.0",
            Some("active average power of the interval, from the grid"),
        );
        check(
            "1-0:1.6.2",
            Some("active maximum demand, from the grid, rate 2"),
        );
    }

    #[test]
    fn what_we_have_no_words_for_is_not_guessed() {
        for code in [
            "0-0:96.1.0",
            "1-0:0.8.0",
            "1-0:255.7.0",
            "1-0:81.7.4",
            "1-0:14.8.0",
            "1-0:12.7.1",
        ] {
            check(code, None);
        }
    }

    #[test]
    fn no_code_makes_it_panic() {
        for group in 0..=255 {
            for kind in [0, 7, 8, 29, 255] {
                drop(words(Obis::new([1, 0, group, kind, 0, 255])));
            }
        }
    }
}
