//! The security set-up (class 64) of an association: what the meter wants protected, and with which
//! suite. Keys are not in it; nobody can read those.

use dlms::codec::{Attribute, Data, LogicalName, Outcome};

/// The attributes that are read: policy, suite, the client's title and the meter's.
const NUMBERS: [i8; 4] = [2, 3, 4, 5];

/// A security set-up, as far as the meter says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecuritySetup {
    /// What has to be protected, in the numbers of its version.
    pub policy: Option<u8>,
    /// The suite.
    pub suite: Option<u8>,
    /// The title of the client that it heard last.
    pub client_title: Option<String>,
    /// Its own.
    pub meter_title: Option<String>,
    version: u8,
}

impl SecuritySetup {
    /// What is asked for, of the object with this name.
    pub fn asked(name: LogicalName) -> [Attribute; 4] {
        NUMBERS.map(|number| Attribute {
            class: 64,
            name,
            number,
        })
    }

    /// From the answers, in that order. What is refused or makes no sense is left out.
    pub fn read(version: u8, answers: &[Outcome]) -> Self {
        let given = |place: usize| answers.get(place).and_then(|answer| answer.as_ref().ok());
        let small = |place| given(place).and_then(Data::integer);
        let small = |place| small(place).and_then(|number| u8::try_from(number).ok());
        let title = |place| {
            let octets = given(place).and_then(Data::octets);
            let octets = octets.filter(|octets| octets.len() == 8)?;
            let digits = octets.iter().map(|octet| format!("{octet:02X}"));
            Some(digits.collect::<String>())
        };
        Self {
            policy: small(0),
            suite: small(1),
            client_title: title(2),
            meter_title: title(3),
            version,
        }
    }

    /// In words; `configured` is the suite that the gateway uses, none where it ciphers nothing.
    /// Empty if the meter says nothing.
    pub fn words(&self, configured: Option<u8>) -> String {
        let policy = self.policy.map(|policy| self.policy_words(policy));
        let suite = self.suite.map(|suite| format!("suite {suite}"));
        let client = self.client_title.as_ref();
        let client = client.map(|title| format!("title of the client {title}"));
        let meter = self.meter_title.as_ref();
        let meter = meter.map(|title| format!("title of the meter {title}"));
        let parts = [policy, suite, client, meter, self.difference(configured)];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        parts.join(", ")
    }

    fn policy_words(&self, policy: u8) -> String {
        // Version 0 counts four policies; version 1 has bits for requests and for answers.
        let names: &[(u8, &str)] = match (self.version, policy) {
            (_, 0) => return "policy 0: nothing has to be protected".to_owned(),
            (0, _) => &[(0, "authenticated"), (1, "encrypted")],
            _ => &[
                (2, "requests authenticated"),
                (3, "requests encrypted"),
                (4, "requests signed"),
                (5, "answers authenticated"),
                (6, "answers encrypted"),
                (7, "answers signed"),
            ],
        };
        let set = names.iter().filter(|(bit, _)| policy & (1 << bit) != 0);
        let set: Vec<&str> = set.map(|(_, name)| *name).collect();
        if set.is_empty() {
            return format!("policy {policy}");
        }
        format!("policy {policy}: {}", set.join(" and "))
    }

    fn difference(&self, configured: Option<u8>) -> Option<String> {
        let is_protected = self.policy? != 0;
        match (configured, self.suite) {
            (Some(ours), Some(theirs)) if ours != theirs => {
                Some(format!("but suite {ours} is configured"))
            }
            (None, _) if is_protected => {
                Some("but the configured association ciphers nothing".to_owned())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlms::codec::AccessResult;

    #[track_caller]
    fn check(version: u8, (policy, suite): (u8, u8), configured: Option<u8>, expected: &str) {
        let answers = [
            Ok(Data::Enum(policy)),
            Ok(Data::Enum(suite)),
            Err(AccessResult::ReadWriteDenied),
            Ok(Data::OctetString(b"PMU\0\0\0\0\x01".to_vec())),
        ];
        let read = SecuritySetup::read(version, &answers);
        assert_eq!(read.words(configured), expected);
    }

    #[test]
    fn policy_and_suite_are_told_and_compared_with_what_is_configured() {
        let title = "title of the meter 504D550000000001";
        let both = "policy 3: authenticated and encrypted";
        check(0, (3, 0), Some(0), &format!("{both}, suite 0, {title}"));
        let other = "but suite 2 is configured";
        check(
            0,
            (3, 0),
            Some(2),
            &format!("{both}, suite 0, {title}, {other}"),
        );
        let plain = "but the configured association ciphers nothing";
        check(
            0,
            (3, 0),
            None,
            &format!("{both}, suite 0, {title}, {plain}"),
        );
        let nothing = "policy 0: nothing has to be protected";
        check(1, (0, 0), None, &format!("{nothing}, suite 0, {title}"));
        let bits = "policy 36: requests authenticated and answers authenticated";
        check(1, (36, 1), Some(1), &format!("{bits}, suite 1, {title}"));
        assert_eq!(SecuritySetup::read(0, &[]).words(None), "");
    }
}
