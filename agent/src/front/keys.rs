//! Keys of meters: taken in, and told of. No answer has an octet of one.

use super::{Front, Permitted, refusal};
use crate::tasks::keykeeper::{KeyInfo, KeyRoom, KeySet, KeyTrouble, Taken};
use crate::tasks::storekeeper::{Record, Urgency};
use authority::SecretOctets;
use desk::{Answer, KeyOrigin, KeyStanding, KeyStatus, KeyText, KeysStatus, KeysWish, Refusal};
use dlms::security::Suite;
use metering::{MeterId, Timestamp};
use storage::keys::{KeyKind, OldKey, Origin, Standing};

impl Front {
    pub(super) async fn ask_keys(
        &self,
        permitted: &Permitted,
        wish: KeysWish,
    ) -> Result<Answer, Refusal> {
        match wish {
            KeysWish::Status { meter } => self.keys_status(meter.as_deref()).await,
            KeysWish::Import {
                meter,
                suite,
                encryption,
                authentication,
                key_encryption,
                replace,
            } => {
                if encryption.is_some() != authentication.is_some() {
                    return Err(refusal(
                        "one of encryption key and authentication key came without the other"
                            .to_owned(),
                        "bring both; no session does with one of them",
                    ));
                }
                let all = [
                    (KeyKind::Encryption, encryption),
                    (KeyKind::Authentication, authentication),
                    (KeyKind::Wrapping, key_encryption),
                ];
                let given = all
                    .iter()
                    .filter_map(|(kind, text)| Some((*kind, text.as_ref()?)));
                let keys: Vec<_> = given
                    .map(|(kind, text)| key(kind, text))
                    .collect::<Result<_, _>>()?;
                if keys.is_empty() {
                    return Err(refusal("no key came".to_owned(), "bring at least one"));
                }
                let old = if replace {
                    OldKey::Goes
                } else {
                    OldKey::StaysUntilProven
                };
                let set = KeySet {
                    meter: meter_id(&meter)?,
                    suite: suite_of(suite)?,
                    keys,
                    old,
                };
                self.import_keys(permitted, set).await
            }
        }
    }

    async fn keys_status(&self, meter: Option<&str>) -> Result<Answer, Refusal> {
        let meter = meter.map(meter_id).transpose()?;
        let now = self.clock.now().utc;
        let seen = self.keys.ask(move |room| {
            let infos = room.infos(meter.as_ref(), now)?;
            let title = room.has_file().then(|| room.title()).transpose()?;
            Ok((room.master_fault(), title, infos))
        });
        let (fault, title, infos) = seen.await.map_err(|trouble| key_refusal(&trouble))?;
        Ok(Answer::Keys(Box::new(KeysStatus {
            master_key_fault: fault.map(|fault| fault.to_string()),
            system_title: title.map(|title| title.to_string()),
            keys: infos.iter().map(|info| key_status(info, now)).collect(),
        })))
    }

    async fn import_keys(&self, permitted: &Permitted, set: KeySet) -> Result<Answer, Refusal> {
        let (meter, now) = (set.meter.clone(), self.clock.now().utc);
        let taken = self
            .keys
            .ask(move |room: &mut KeyRoom| room.take_in(&set, now))
            .await
            .map_err(|trouble| key_refusal(&trouble))?;
        let words: Vec<String> = taken
            .iter()
            .map(|(kind, taken)| format!("{kind} {}", taken_words(*taken)))
            .collect();
        let words = words.join(", ");
        let record = Record::Audit {
            who: permitted.who().to_owned(),
            what: "meter keys imported".to_owned(),
            detail: format!("{meter}: {words}"),
        };
        self.store.keep(vec![record], Urgency::Soon).await;
        let stranger = if self.bus_of(meter.as_str()).is_ok() {
            ""
        } else {
            "; no meter of this name is configured yet"
        };
        Ok(Answer::Done(format!(
            "{meter}: {words}{stranger}; remove the key files, the gateway needs them no longer"
        )))
    }
}

fn meter_id(text: &str) -> Result<MeterId, Refusal> {
    text.parse().map_err(|_| {
        refusal(
            "this is no name of a meter".to_owned(),
            "use 1 to 40 of a-z, 0-9 and -",
        )
    })
}

fn suite_of(number: u8) -> Result<Suite, Refusal> {
    let all = [Suite::Zero, Suite::One, Suite::Two];
    let known = all.into_iter().find(|suite| suite.number() == number);
    known.ok_or_else(|| {
        refusal(
            format!("there is no security suite {number}"),
            "use 0, 1 or 2, as the meter's settings have it",
        )
    })
}

fn key(kind: KeyKind, text: &KeyText) -> Result<(KeyKind, SecretOctets), Refusal> {
    let secret = SecretOctets::from_hex(text.reveal());
    secret.map(|secret| (kind, secret)).map_err(|fault| {
        refusal(
            format!("the {kind}: {fault}"),
            "nothing was taken in; mend its file and import again",
        )
    })
}

fn taken_words(taken: Taken) -> &'static str {
    match taken {
        Taken::Alone => "taken in",
        Taken::BesideTheOld => {
            "taken in (tried first; the old one stays until the meter has proven this one)"
        }
        Taken::Known => "was there already (tried again at once)",
    }
}

fn key_refusal(trouble: &KeyTrouble) -> Refusal {
    let remedy = if matches!(trouble, KeyTrouble::InDoubt { .. }) {
        "`pmuctl meter keys status` shows what is there; --replace drops keys that are in doubt"
    } else {
        "`pmuctl meter keys status` shows what is there"
    };
    refusal(trouble.with_causes(), remedy)
}

fn key_status(info: &KeyInfo, now: Timestamp) -> KeyStatus {
    let age_ms = u64::try_from(now.millis_since(info.since)).unwrap_or(0);
    let is_counted = info.kind == KeyKind::Encryption;
    KeyStatus {
        meter: info.meter.to_string(),
        kind: info.kind.to_string(),
        origin: match info.origin {
            Origin::Imported => KeyOrigin::Imported,
            Origin::Generated => KeyOrigin::Generated,
        },
        since: info.since.to_string(),
        age_days: age_ms / MS_PER_DAY,
        standing: match info.standing {
            Standing::Current => KeyStanding::Current,
            Standing::Next => KeyStanding::Next,
            Standing::DoubtfulOld => KeyStanding::DoubtfulOld,
            Standing::DoubtfulNew => KeyStanding::DoubtfulNew,
        },
        counter_used_ppm: info.counter.filter(|_| is_counted).map(used_ppm),
        is_counted,
        refusals: info.refusals,
        rests_until: info.rests_until.map(|until| until.to_string()),
    }
}

const MS_PER_DAY: u64 = 24 * 60 * 60 * 1000;

/// Millionths of the 2^32 counters that a key has.
fn used_ppm(counter: u32) -> u32 {
    u32::try_from((u64::from(counter) * 1_000_000) >> 32).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_told_as_its_share_of_all_that_there_are() {
        for (counter, ppm) in [(0, 0), (1 << 31, 500_000), (u32::MAX, 999_999)] {
            assert_eq!(used_ppm(counter), ppm);
        }
    }

    #[test]
    fn garbage_is_refused_without_being_repeated() {
        let text = |digits: &str| KeyText::new(digits.to_owned().into());
        for garbage in ["", "c0ff\u{e9}", "c0f", &"00".repeat(65), "0xc0ffee"] {
            let refused = key(KeyKind::Encryption, &text(garbage)).unwrap_err();
            let words = refused.to_string();
            assert!(words.contains("the encryption key"), "{words}");
            assert!(garbage.is_empty() || !words.contains(garbage), "{words}");
        }
        assert!(suite_of(3).is_err());
        assert!(meter_id("../keys").is_err());
    }
}
