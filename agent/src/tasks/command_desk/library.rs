//! The gateway's schemes: texts that operators have put there. Pages of golden meters and recorded
//! writes are among them, by what they say that they are.

use super::hands::Hands;
use super::outcome::Outcome;
use super::trust::beside;
use crate::tasks::bus::program::Intent;
use crate::tasks::storekeeper::Beside;
use authority::{Document, LibraryName};
use metering::scheme::Scheme;
use meters::catalogue::Complaint;
use meters::program::{GoldenImage, PageForm, WriteSet};
use schemes::scheme::{canonical_text, fingerprint, parse_scheme};
use std::sync::Arc;
use storage::Remembered;

/// Under these names the store keeps them.
pub(super) const PREFIX: &str = "scheme/";

/// What the library keeps under one name.
pub(super) enum Kept {
    Scheme(Arc<Scheme>),
    Clone(Arc<GoldenImage>),
    WriteSet(Arc<WriteSet>),
}

impl Kept {
    /// From a text, or all that is wrong with it.
    fn parse(text: &str) -> Result<Self, Outcome> {
        let bad = |words: String| Outcome::failed("bad-scheme", words);
        match PageForm::of(text) {
            None => match parse_scheme("scheme", text) {
                Ok(scheme) => Ok(Self::Scheme(Arc::new(scheme))),
                Err(complaints) => Err(bad(complaints.to_string())),
            },
            Some(PageForm::GoldenImage) => match GoldenImage::parse("image", text) {
                Ok(image) => Ok(Self::Clone(Arc::new(image))),
                Err(complaints) => Err(bad(joined(&complaints))),
            },
            Some(PageForm::WriteSet) => match WriteSet::parse("write set", text) {
                Ok(set) => Ok(Self::WriteSet(Arc::new(set))),
                Err(complaints) => Err(bad(joined(&complaints))),
            },
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Scheme(scheme) => scheme.name.as_str(),
            Self::Clone(image) => &image.name,
            Self::WriteSet(set) => &set.name,
        }
    }

    /// As it is kept: its version, its text, and what it is, with what stands for it.
    fn shown(&self) -> (u32, String, String) {
        match self {
            Self::Scheme(scheme) => {
                let words = format!(
                    "scheme {} version {} is kept; its fingerprint is {}",
                    scheme.name,
                    scheme.version,
                    fingerprint(scheme)
                );
                (scheme.version, canonical_text(scheme), words)
            }
            Self::Clone(image) => {
                let (name, pages, digest) = (&image.name, image.pages.len(), image.digest());
                let words = format!(
                    "golden image {name}, {pages} pages of {}, is kept; its digest is {digest}",
                    image.meter
                );
                (1, image.to_text(), words)
            }
            Self::WriteSet(set) => {
                let (name, writes, digest) = (&set.name, set.writes.len(), set.digest());
                let words =
                    format!("write set {name}, {writes} writes, is kept; its digest is {digest}");
                (1, set.to_text(), words)
            }
        }
    }
}

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
        let kept = match Kept::parse(text) {
            Ok(kept) => kept,
            Err(outcome) => return outcome,
        };
        // Only so it can be ordered.
        if let Err(error) = kept.name().parse::<LibraryName>() {
            return Outcome::failed("bad-scheme", error.to_string());
        }
        let (version, text, words) = kept.shown();
        let value = Remembered {
            version: u64::from(version),
            bytes: text.into_bytes(),
        };
        let name = format!("{PREFIX}{}", kept.name());
        match self.store.remember(beside(&name, value)).await {
            Ok(()) => Outcome::succeeded(words),
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

    /// What the library keeps under a name.
    async fn kept(&self, name: &LibraryName) -> Result<Kept, Outcome> {
        let kept = self.store.recall(&format!("{PREFIX}{name}")).await;
        let kept = kept.map_err(|error| Outcome::failed("not-kept", error.to_string()))?;
        let kept = kept.ok_or_else(|| {
            let words = format!("there is no scheme `{name}`; put it with scheme.put first");
            Outcome::failed("no-such-scheme", words)
        })?;
        Kept::parse(&String::from_utf8_lossy(&kept.bytes))
    }

    /// What is to be written to meters: all of it, or the calendar alone, which only a scheme has.
    pub(super) async fn intent(
        &self,
        name: &LibraryName,
        is_calendar: bool,
    ) -> Result<Intent, Outcome> {
        Ok(match self.kept(name).await? {
            Kept::Scheme(scheme) if is_calendar => Intent::Calendar(scheme),
            Kept::Scheme(scheme) => Intent::Scheme(scheme),
            Kept::Clone(_) | Kept::WriteSet(_) if is_calendar => {
                let words = format!(
                    "`{name}` holds pages, and no calendar that is known; order scheme.program"
                );
                return Err(Outcome::failed("does-not-fit", words));
            }
            Kept::Clone(image) => Intent::Clone(image),
            Kept::WriteSet(set) => Intent::WriteSet(set),
        })
    }
}

fn joined(complaints: &[Complaint]) -> String {
    let complaints: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    complaints.join("\n")
}
