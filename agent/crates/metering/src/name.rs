//! Names given by people: meters, buses, the gateway itself.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The form every name has; its complaint shows the right one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{found}` is not a name; use {min} to {max} of a-z, 0-9 and -, beginning with a letter or digit"
)]
pub struct InvalidName {
    found: String,
    min: usize,
    max: usize,
}

fn parse(text: &str, min: usize, max: usize) -> Result<Arc<str>, InvalidName> {
    let well_formed = (min..=max).contains(&text.len())
        && !text.starts_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if well_formed {
        Ok(Arc::from(text))
    } else {
        let found = text.chars().take(60).collect();
        Err(InvalidName { found, min, max })
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $min:literal ..= $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                parse(text, $min, $max).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// One physical meter, by the name its installer gave it.
    MeterId, 1..=40
);
name!(
    /// One line with its meters: an RS485 port, a serial server, a Modbus TCP host.
    BusId, 1..=40
);
name!(
    /// This gateway: also its certificate's common name, MQTT client id and topic level.
    GatewayId, 4..=40
);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, good: bool) {
        assert_eq!(text.parse::<MeterId>().is_ok(), good, "{text:?}");
    }

    #[test]
    fn names_are_short_lower_case_words() {
        check("feeder-3", true);
        check("7", true);
        check("", false);
        check("-a", false);
        check("Feeder", false);
        check("a/b", false);
        check("a+", false);
        check(&"x".repeat(40), true);
        check(&"x".repeat(41), false);
    }

    #[test]
    fn a_gateway_name_fits_a_topic_level() {
        assert!("pmu".parse::<GatewayId>().is_err());
        assert!("pmu-001".parse::<GatewayId>().is_ok());
    }

    #[test]
    fn the_complaint_shows_the_right_form() {
        assert_eq!(
            "A B".parse::<MeterId>().unwrap_err().to_string(),
            "`A B` is not a name; use 1 to 40 of a-z, 0-9 and -, beginning with a letter or digit"
        );
    }
}
