//! A password in a file of its own, that only its owner and group may read.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use zeroize::Zeroizing;

/// A password has 64 characters at most; what is longer is the wrong file.
const PASSWORD_FILE_OCTETS_MAX: u64 = 256;
const NANOS_PER_S: i128 = 1_000_000_000;

/// What is wrong with such a file. Nothing of what it holds gets into it.
pub(super) struct Trouble {
    pub(super) problem: String,
    pub(super) remedy: String,
}

/// The line that stands in a file, and when that was written, nanoseconds since 1970.
pub(super) fn private_line(place: &Path) -> Result<(Zeroizing<String>, i128), Trouble> {
    let cannot_be_read = |error: std::io::Error| Trouble {
        problem: format!("cannot be read: {error}"),
        remedy: "put the password into it, for the user pmu alone: chmod 600".to_owned(),
    };
    let file = fs::File::open(place).map_err(cannot_be_read)?;
    let about = file.metadata().map_err(cannot_be_read)?;
    let written = i128::from(about.mtime()) * NANOS_PER_S + i128::from(about.mtime_nsec());
    if about.mode() & 0o007 != 0 {
        return Err(Trouble {
            problem: "may be read by every user of this machine".to_owned(),
            remedy: format!("chmod 640 {}", place.display()),
        });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(PASSWORD_FILE_OCTETS_MAX)
        .read_to_string(&mut text)
        .map_err(cannot_be_read)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    Ok((Zeroizing::new(line.to_owned()), written))
}
