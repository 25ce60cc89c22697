//! What is brought on a stick to a gateway, and what it is given back. Anybody may have written it.

use crate::adapters::replace;
use crate::limits::{BROUGHT_BYTES_MAX, PASSWORDS_MAX};
use crate::provision::{Complaint, Key, Text, Texts};
use anyhow::Result;
use metering::GatewayId;
use rustix::fs::OFlags;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Reads what was brought in a folder. Whatever cannot be read is complained about.
pub fn brought(folder: &Path, complaints: &mut Vec<Complaint>) -> Texts {
    let mut read = |name: &str| match read_brought(&folder.join(name)) {
        Ok(found) => found,
        Err(complaint) => {
            complaints.push(complaint);
            None
        }
    };
    Texts {
        wish: read("provision.toml"),
        ca: read("ca.pem"),
        ingest: read("ingest-keys.pem"),
        operators: read("operators.pem"),
        certificate: read("client.pem"),
        meters: read("meters.toml"),
        passwords: passwords(&folder.join("passwords"), complaints),
    }
}

/// Passwords of meters, a file each, by the names of the files. No complaint shows one.
fn passwords(folder: &Path, complaints: &mut Vec<Complaint>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let file = entry.path().display().to_string();
        let is_name = (1..=60).contains(&name.len())
            && !name.starts_with('.')
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !is_name {
            let remedy = "name it after its meter: letters, digits, . _ and -";
            complaints.push(Complaint::whole(
                &file,
                "has no name that can be used",
                remedy,
            ));
            continue;
        }
        if found.len() >= PASSWORDS_MAX {
            let problem = format!("is one of more than {PASSWORDS_MAX}");
            complaints.push(Complaint::whole(
                &file,
                problem,
                "bring them in several runs",
            ));
            break;
        }
        match read_brought(&entry.path()) {
            Ok(text) => found.extend(text.map(|text| (name, text.text))),
            Err(complaint) => complaints.push(complaint),
        }
    }
    found
}

/// A link on a stick could lead to a secret of this box, and a pipe would never end.
fn read_brought(path: &Path) -> Result<Option<Text>, Complaint> {
    let file = path.display().to_string();
    let complain = |problem: &str, remedy: &str| Complaint::whole(&file, problem, remedy);
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    let opened = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let problem = format!("cannot be read: {error}");
            return Err(complain(&problem, "put a plain file there"));
        }
    };
    let is_file = opened.metadata().is_ok_and(|found| found.is_file());
    let mut bytes = Vec::new();
    let length = opened
        .take(BROUGHT_BYTES_MAX.saturating_add(1))
        .read_to_end(&mut bytes);
    let length = length.ok().and_then(|length| u64::try_from(length).ok());
    if !is_file || length.is_none() {
        return Err(complain(
            "is no file that can be read",
            "put a plain file there",
        ));
    }
    if length > Some(BROUGHT_BYTES_MAX) {
        let problem = format!("is longer than {BROUGHT_BYTES_MAX} bytes");
        return Err(complain(&problem, "put the right file there"));
    }
    match String::from_utf8(bytes) {
        // Editors of Windows begin a text with a mark of its encoding.
        Ok(text) => Ok(Some(Text {
            text: text.trim_start_matches('\u{feff}').to_owned(),
            file,
        })),
        Err(_) => Err(complain(
            "is no text in UTF-8",
            "save it as UTF-8, or as PEM",
        )),
    }
}

/// Puts the request for a certificate into the folder, unless one for this key lies there. `false`:
/// the folder takes nothing.
pub fn hand_out(folder: &Path, id: &GatewayId, key: &Key) -> Result<(PathBuf, String, bool)> {
    let path = folder.join(format!("{id}.csr.pem"));
    if let Ok(Some(found)) = read_brought(&path)
        && key.has_requested(id, &found.text)
    {
        return Ok((path, found.text, true));
    }
    let request = key.request(id)?;
    let is_written = replace::write_new(&path, &request, true).is_ok();
    Ok((path, request, is_written))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_cannot_be_read_of_a_stick_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("secret"), "a secret of this box").unwrap();
        symlink(at("secret"), at("ca.pem")).unwrap();
        fs::create_dir(at("client.pem")).unwrap();
        fs::write(at("operators.pem"), [0xff, 0xfe, b'[', 0]).unwrap();
        let long = usize::try_from(BROUGHT_BYTES_MAX).unwrap() + 1;
        fs::write(at("meters.toml"), vec![b'#'; long]).unwrap();
        fs::write(at("provision.toml"), "\u{feff}[gateway]\r\n").unwrap();
        let mut complaints = Vec::new();
        let texts = brought(folder.path(), &mut complaints);
        assert_eq!(texts.wish.unwrap().text, "[gateway]\r\n");
        let words: Vec<String> = complaints
            .iter()
            .map(|found| found.problem.clone())
            .collect();
        assert!(words[0].starts_with("cannot be read: "), "{words:?}");
        let rest = [
            "is no text in UTF-8",
            "is no file that can be read",
            "is longer than 1048576 bytes",
        ];
        assert_eq!(words[1..], rest);
    }

    #[test]
    fn a_request_that_fits_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let [key, other] = [(); 2].map(|()| Key::generate().unwrap());
        let id: GatewayId = "pmu-014".parse().unwrap();
        let (path, first, is_written) = hand_out(folder.path(), &id, &key).unwrap();
        assert!(is_written && path.ends_with("pmu-014.csr.pem"));
        assert_eq!(hand_out(folder.path(), &id, &key).unwrap().1, first);
        let (_, second, _) = hand_out(folder.path(), &id, &other).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), second);
        // A folder that takes nothing: the request is shown instead.
        let full = tempfile::tempdir().unwrap();
        fs::create_dir_all(full.path().join("pmu-014.csr.pem/x")).unwrap();
        assert!(!hand_out(full.path(), &id, &key).unwrap().2);
    }
}
