//! What meters were last programmed with: written down in the same commit as the command's end, and
//! compared with the meters by the drift watch.

use super::hands::Hands;
use super::programming::records_of;
use crate::tasks::bus::program::Intent;
use authority::CommandId;
use metering::MeterId;
use meters::program::ProgramRecord;
use schemes::scheme::fingerprint;
use storage::Remembered;

/// Under these names the store keeps them, by meter.
pub const STANDINGS: &str = "standing/";

/// Whose scheme a command writes.
pub(super) fn written_by(id: CommandId) -> String {
    format!("program/{id}")
}

/// Name, version and fingerprint of what is written; nothing where it is no state that a meter keeps.
pub(super) fn origin(intent: &Intent) -> Option<Remembered> {
    let (version, words) = match intent {
        Intent::Scheme(scheme) | Intent::Calendar(scheme) => (
            scheme.version,
            format!("{}\n{}", scheme.name, fingerprint(scheme)),
        ),
        Intent::Clone(image) => (1, format!("{}\n{}", image.name, image.digest())),
        Intent::WriteSet(set) => (1, format!("{}\n{}", set.name, set.digest())),
        Intent::BillingEnd => return None,
    };
    Some(Remembered {
        version: u64::from(version),
        bytes: words.into_bytes(),
    })
}

/// What a meter was last programmed with, and whether somebody has changed it since.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The scheme's name.
    pub scheme: String,
    /// Its version.
    pub version: u64,
    /// Its fingerprint.
    pub fingerprint: String,
    /// The command.
    pub command: String,
    /// The contents of which somebody was told; none while the meter holds what it should.
    pub told: Option<String>,
    /// The meter's own count of programmings when it was last seen to hold all of it.
    pub programmings: Option<u32>,
    /// What was written.
    pub record: ProgramRecord,
}

impl Standing {
    /// The name under which that of a meter is kept.
    pub fn name(meter: &MeterId) -> String {
        format!("{STANDINGS}{meter}")
    }

    /// As it is kept: lines, an empty one, the record.
    pub fn encode(&self) -> Remembered {
        let number = self.programmings.map(|number| number.to_string());
        let head = [
            "1",
            &self.scheme,
            &self.fingerprint,
            &self.command,
            self.told.as_deref().unwrap_or("-"),
            number.as_deref().unwrap_or("-"),
        ];
        let mut bytes = head.join("\n").into_bytes();
        bytes.extend(b"\n\n");
        bytes.extend(self.record.encode());
        Remembered {
            version: self.version,
            bytes,
        }
    }

    /// From what was kept; nothing if another version of this program kept it.
    pub fn decode(kept: &Remembered) -> Option<Self> {
        let bytes = &kept.bytes;
        let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
        let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
        let mut lines = head.split('\n');
        let mut line = || lines.next();
        if line()? != "1" {
            return None;
        }
        let text = |line: &str| (line != "-").then(|| line.to_owned());
        Some(Self {
            scheme: line()?.to_owned(),
            version: kept.version,
            fingerprint: line()?.to_owned(),
            command: line()?.to_owned(),
            told: text(line()?),
            programmings: line()?.parse().ok(),
            record: ProgramRecord::decode(bytes.get(end + 2..)?).ok()?,
        })
    }
}

impl Hands {
    /// Of all meters that a command has written to.
    pub(super) async fn standings(&self, id: CommandId) -> Vec<(String, Option<Remembered>)> {
        let mut standings = Vec::new();
        let Ok(Some(by)) = self.store.recall(&written_by(id)).await else {
            return standings;
        };
        let words = String::from_utf8_lossy(&by.bytes).into_owned();
        let (scheme, fingerprint) = words.split_once('\n').unwrap_or((&words, ""));
        let prefix = records_of(id);
        let names = self.store.remembered_names(&prefix).await;
        for (name, _) in names.unwrap_or_default() {
            let meter = name.strip_prefix(&prefix).map(str::parse::<MeterId>);
            let (Some(Ok(meter)), Ok(Some(kept))) = (meter, self.store.recall(&name).await) else {
                continue;
            };
            let Ok(record) = ProgramRecord::decode(&kept.bytes) else {
                log::error!(meter:%; "what was written to it cannot be read; it is not watched");
                continue;
            };
            let standing = Standing {
                scheme: scheme.to_owned(),
                version: by.version,
                fingerprint: fingerprint.to_owned(),
                command: id.to_string(),
                told: None,
                programmings: None,
                record,
            };
            standings.push((Standing::name(&meter), Some(standing.encode())));
        }
        standings
    }

    /// What a meter was last programmed with.
    pub(super) async fn standing(&self, meter: &MeterId) -> Option<Standing> {
        let kept = self.store.recall(&Standing::name(meter)).await.ok()??;
        Standing::decode(&kept)
    }
}
