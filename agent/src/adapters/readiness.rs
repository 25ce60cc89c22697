//! What this machine lacks for a configuration: ports that are not there, files that cannot be
//! read. Only looks; opens no port.

use super::tls;
use crate::config::Settings;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// One line for each thing that is missing, with what to do.
pub fn lacks(settings: &Settings) -> Vec<String> {
    let mut found = Vec::new();
    for bus in &settings.buses {
        if let Some(device) = bus.link.device()
            && let Some(problem) = port_problem(device)
        {
            let device = device.display();
            found.push(format!("bus {}: {device}: {problem}", bus.id));
        }
    }
    if let Some(uplink) = &settings.uplink {
        let files = [
            tls::client_config(uplink).err(),
            tls::ingest_keys(uplink).err(),
        ];
        found.extend(files.into_iter().flatten().map(|fault| fault.to_string()));
    }
    found
}

fn port_problem(device: &Path) -> Option<&'static str> {
    match std::fs::metadata(device) {
        Ok(found) if found.file_type().is_char_device() => None,
        Ok(_) => {
            Some("this is no serial port; `ls -l /dev/serial/by-path` shows those that are there")
        }
        Err(_) => Some(
            "there is no such port; plug the adapter in, or take a name from \
             `ls -l /dev/serial/by-path`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_none_is_said() {
        assert_eq!(port_problem(Path::new("/dev/null")), None);
        let missing = port_problem(Path::new("/nonexistent/ttyUSB0"));
        assert!(missing.is_some_and(|words| words.contains("plug the adapter in")));
        let folder = port_problem(Path::new("/"));
        assert!(folder.is_some_and(|words| words.contains("no serial port")));
    }
}
