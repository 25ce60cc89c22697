//! The gateway's schemes: texts that operators have put there.

use super::hands::Hands;
use super::outcome::Outcome;
use super::trust::beside;
use crate::tasks::storekeeper::Beside;
use authority::{Document, LibraryName};
use metering::scheme::Scheme;
use schemes::scheme::{canonical_text, fingerprint, parse_scheme};
use storage::Remembered;

const PREFIX: &str = "scheme/";

impl Hands {
    /// Keeps a scheme that came with the command or beside it. Nothing where the gateway stops meanwhile.
    pub(super) async fn put_scheme_of(&self, document: &Document) -> Option<Outcome> {
        Some(match self.text_of(document).await? {
            Ok(text) => self.put_scheme(&text).await,
            Err(outcome) => outcome,
        })
    }

    /// Keeps a scheme under its own name; what is no scheme is refused with all that is wrong.
    async fn put_scheme(&self, text: &str) -> Outcome {
        let scheme = match parse_scheme("scheme", text) {
            Ok(scheme) => scheme,
            Err(complaints) => return Outcome::failed("bad-scheme", complaints.to_string()),
        };
        let value = Remembered {
            version: u64::from(scheme.version),
            bytes: canonical_text(&scheme).into_bytes(),
        };
        let name = format!("{PREFIX}{}", scheme.name);
        match self.store.remember(beside(&name, value)).await {
            Ok(()) => Outcome::succeeded(format!(
                "scheme {} version {} is kept; its fingerprint is {}",
                scheme.name,
                scheme.version,
                fingerprint(&scheme)
            )),
            Err(error) => Outcome::failed("not-kept", error.to_string()),
        }
    }

    pub(super) async fn remove_scheme(&self, scheme: &LibraryName) -> Outcome {
        let name = format!("{PREFIX}{scheme}");
        match self.store.recall(&name).await {
            Ok(Some(_)) => {}
            Ok(None) => {
                return Outcome::failed("no-such-scheme", format!("there is no scheme `{scheme}`"));
            }
            Err(error) => return Outcome::failed("not-kept", error.to_string()),
        }
        let gone = Beside {
            records: Vec::new(),
            values: vec![(name, None)],
        };
        match self.store.remember(gone).await {
            Ok(()) => Outcome::succeeded(format!("scheme {scheme} is removed")),
            Err(error) => Outcome::failed("not-kept", error.to_string()),
        }
    }

    /// A scheme of the library.
    pub(super) async fn scheme(&self, name: &LibraryName) -> Result<Scheme, Outcome> {
        let kept = self.store.recall(&format!("{PREFIX}{name}")).await;
        let kept = kept.map_err(|error| Outcome::failed("not-kept", error.to_string()))?;
        let kept = kept.ok_or_else(|| {
            let words = format!("there is no scheme `{name}`; put it with scheme.put first");
            Outcome::failed("no-such-scheme", words)
        })?;
        let text = String::from_utf8_lossy(&kept.bytes).into_owned();
        parse_scheme("scheme", &text)
            .map_err(|complaints| Outcome::failed("bad-scheme", complaints.to_string()))
    }
}
