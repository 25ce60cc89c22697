//! What is wrong with the files that there are, and what can be used of them.

use super::super::complaint::{Complaint, Notes};
use super::super::identity::{Measure, authorities};
use super::super::wish::Wish;
use super::{Kept, Text, Texts};
use authority::{IngestKeys, KeyFileError};
use rustls::RootCertStore;

/// What can be used of the files.
#[derive(Default)]
pub(super) struct Usable {
    pub(super) wish: Option<Wish>,
    pub(super) roots: Option<RootCertStore>,
    pub(super) ingest: Option<IngestKeys>,
    pub(super) operators: Option<IngestKeys>,
}

/// A certificate that fits.
pub(super) struct Fitting {
    /// How long it does.
    pub(super) words: String,
    /// By this box's clock it has not begun.
    pub(super) is_early: bool,
}

/// The certificate, or why there is none.
pub(super) type Certificate = Result<Fitting, String>;

pub(super) fn usable(texts: &Texts, complaints: &mut Vec<Complaint>) -> Usable {
    let mut usable = Usable::default();
    if let Some(found) = &texts.wish {
        match Wish::parse(&found.file, &found.text) {
            Ok(wish) => usable.wish = Some(wish),
            Err(mut found) => complaints.append(&mut found.0),
        }
    }
    if let Some(found) = &texts.ca {
        match authorities(&found.file, &found.text) {
            Ok(roots) => usable.roots = Some(roots),
            Err(complaint) => complaints.push(complaint),
        }
    }
    usable.ingest = keys(texts.ingest.as_ref(), complaints);
    usable.operators = keys(texts.operators.as_ref(), complaints);
    usable
}

fn keys(found: Option<&Text>, complaints: &mut Vec<Complaint>) -> Option<IngestKeys> {
    let found = found?;
    let error = match IngestKeys::parse(&found.text) {
        Ok(keys) => return Some(keys),
        Err(KeyFileError::Empty) => {
            let remedy = "put the public keys there, as PEM";
            complaints.push(Complaint::whole(&found.file, "holds no key", remedy));
            return None;
        }
        Err(error) => error.to_string(),
    };
    // `line 3: this is not …; write …`
    let line = error
        .strip_prefix("line ")
        .and_then(|rest| rest.split_once(": "));
    let line = line.and_then(|(line, words)| Some((line.parse().ok()?, words)));
    let (line, words) = line.unwrap_or((0, &error));
    let (problem, remedy) = words
        .split_once("; ")
        .unwrap_or((words, "replace the file"));
    complaints.push(Complaint {
        line,
        ..Complaint::whole(&found.file, problem, remedy)
    });
    None
}

/// Operators' root keys are taken once: who could change them could give all other orders.
pub(super) fn taken_once(brought: &Texts, kept: &Kept, complaints: &mut Vec<Complaint>) {
    let (Some(new), Some(old)) = (&brought.operators, &kept.texts.operators) else {
        return;
    };
    let ids = |text: &str| {
        let mut ids: Vec<_> = IngestKeys::parse(text).ok()?.ids().collect();
        ids.sort();
        Some(ids)
    };
    let (Some(new_ids), Some(old_ids)) = (ids(&new.text), ids(&old.text)) else {
        return;
    };
    if new_ids != old_ids {
        let old_ids: Vec<String> = old_ids.iter().map(ToString::to_string).collect();
        let problem = format!(
            "other root keys were taken before ({}), and they are taken once",
            old_ids.join(", ")
        );
        let remedy = "take the file out of the folder; a box for other operators is flashed anew";
        complaints.push(Complaint::whole(&new.file, problem, remedy));
    }
}

/// Readings of one gateway are never sent in the name of another.
pub(super) fn same_gateway(
    wish: &Wish,
    texts: &Texts,
    kept: &Kept,
    complaints: &mut Vec<Complaint>,
) {
    let old = kept.texts.wish.as_ref();
    let old = old.and_then(|old| Wish::parse(&old.file, &old.text).ok());
    let Some(old) = old.filter(|old| old.gateway != wish.gateway) else {
        return;
    };
    let (Some(found), true) = (&texts.wish, kept.has_store || kept.agent.is_some()) else {
        return;
    };
    let mut notes = Notes::new(&found.file, &found.text);
    let at = found.text.find(wish.gateway.as_str()).unwrap_or(0);
    let problem = format!(
        "this box is {} already, and this is for {}",
        old.gateway, wish.gateway
    );
    let remedy = "bring this box's own folder; a box that is to be another gateway is flashed anew";
    notes.note(&(at..at), "gateway.id", problem, remedy);
    complaints.extend(notes.finish::<()>(None).err().unwrap_or_default().0);
}

/// The certificate: its words if it fits, or why it does not. One that was brought and does not
/// fit is a mistake; one that was taken before may have expired since.
pub(super) fn certificate(
    texts: &Texts,
    brought: &Texts,
    kept: &Kept,
    usable: &Usable,
    now: u64,
    complaints: &mut Vec<Complaint>,
) -> Certificate {
    let Some(found) = &texts.certificate else {
        return Err("has not come back from the authority yet".to_owned());
    };
    let (Some(id), Some(roots)) = (
        usable.wish.as_ref().map(|wish| &wish.gateway),
        &usable.roots,
    ) else {
        return Err("cannot be checked without provision.toml and ca.pem".to_owned());
    };
    let checked = match &kept.key {
        Some(key) => Measure {
            id,
            key,
            roots,
            now,
        }
        .check(&found.file, &found.text),
        None => Err(Complaint::whole(
            &found.file,
            "cannot be this box's, which has made no key yet",
            format!("remove it; {id}.csr.pem of this box lies in the folder after this run"),
        )),
    };
    match checked {
        Ok(validity) => {
            let until = i64::try_from(validity.until).ok();
            let until = until.and_then(|until| jiff::Timestamp::from_second(until).ok());
            let until = until.map_or_else(String::new, |at| at.strftime("%Y-%m-%d").to_string());
            Ok(Fitting {
                words: format!("valid until {until}"),
                is_early: validity.is_early,
            })
        }
        Err(complaint) if brought.certificate.is_some() => {
            complaints.push(complaint);
            Err(String::new())
        }
        Err(complaint) => Err(complaint.problem),
    }
}
