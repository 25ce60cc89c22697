//! The gateway's configuration of a demonstration.

use std::fmt::Write as _;
use std::path::Path;

use simulator::pki::IdentityFiles;

use super::super::cast::{BAUD, Cast, Player, TOTALS};
use super::super::dlms::{ASSOCIATION, CLIENT, Dlms};
use super::super::elster::Elster;
use super::super::keeper::Keeper;
use super::super::limits::{COLLECT_S, INSTANT_S, PAST_DAYS, PERIOD_S, SESSION_S};
use super::super::programs::Programs;
use super::{Folder, GATEWAY};

/// The gateway's configuration, as an installer would write it, but for the short intervals.
pub(super) fn agent_file(
    folder: &Folder,
    cast: &Cast,
    programs: &Programs,
    port: u16,
    gateway: &IdentityFiles,
) -> String {
    let lie = |name: &str| quoted(&folder.text(name));
    let path = |path: &Path| quoted(&path.display().to_string());
    let mut text = format!(
        "[gateway]\nid = \"{GATEWAY}\"\ndata-folder = {}\nruntime-folder = {}\nmodel-folder = {}\n\
         demonstration = true\n\n[store]\ncommit-every-seconds = 1\n\n[clock]\nstate-file = {}\n\n\
         [uplink]\nhost = \"localhost\"\nport = {port}\nca-file = {}\ncertificate-file = {}\n\
         key-file = {}\ningest-keys-file = {}\n\n\
         [[bus]]\nid = \"hall\"\nlink = \"serial\"\ndevice = {}\nbaud = {BAUD}\n\
         session-seconds-max = {SESSION_S}\n",
        lie("data"),
        lie("run"),
        path(&programs.models),
        lie("clock-state"),
        lie("pki/ca.crt"),
        path(&gateway.certificate),
        path(&gateway.key),
        lie("pki/ingest.key.pub"),
        lie("line"),
    );
    for player in &cast.players {
        text.push_str(&meter_section(player));
    }
    for elster in &cast.elsters {
        text.push_str(&elster_section(folder, elster));
    }
    for meter in &cast.dlms {
        text.push_str(&dlms_section(meter));
    }
    text
}

fn meter_section(player: &Player) -> String {
    let list = |codes: &[&str]| {
        let codes: Vec<String> = codes.iter().map(|code| quoted(code)).collect();
        codes.join(", ")
    };
    let mut text = format!(
        "\n[[meter]]\nid = \"{}\"\nbus = \"hall\"\nmodel = \"{}\"\nunit = {}\n\
         profile = {{ period-seconds = {PERIOD_S}, totals = [{}] }}\n\
         instant = {{ every-seconds = {INSTANT_S}, values = [{}] }}\n",
        player.id,
        player.model,
        player.unit,
        list(&TOTALS),
        list(player.instants),
    );
    if let Some(serial) = player.serial()
        && writeln!(text, "serial = {}", quoted(serial)).is_err()
    {
        log::debug!("a string cannot be written to");
    }
    text
}

pub(super) fn password_file(elster: &Elster) -> String {
    format!("{}.password", elster.id)
}

fn elster_section(folder: &Folder, elster: &Elster) -> String {
    format!(
        "\n[[meter]]\nid = \"{}\"\nbus = \"hall\"\nmodel = \"{}\"\naddress = {}\nserial = {}\n\
         access = {{ password-file = {} }}\nclock = {{ basis = {} }}\n\
         collect = {{ every-seconds = {COLLECT_S}, days-max = {} }}\n",
        elster.id,
        elster.model,
        quoted(&elster.address()),
        quoted(&elster.serial()),
        quoted(&folder.text(&password_file(elster))),
        quoted(elster.basis),
        PAST_DAYS + 1,
    )
}

/// Keys are in no file of the configuration: a person brings them.
fn dlms_section(meter: &Dlms) -> String {
    format!(
        "\n[[meter]]\nid = \"{}\"\nbus = \"hall\"\nmodel = \"{}\"\nserial = {}\n\
         dlms = {{ association = \"{ASSOCIATION}\", client = {CLIENT}, lower-address = {}, suite = {} }}\n\
         clock = {{ basis = {} }}\n\
         collect = {{ every-seconds = {COLLECT_S}, days-max = {} }}\n",
        meter.id(),
        meter.model(),
        quoted(meter.serial),
        meter.lower,
        meter.suite.number(),
        quoted(meter.basis),
        PAST_DAYS + 1,
    )
}

/// A basic string of TOML.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.extend(format!("\\u{:04X}", u32::from(c)).chars()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_may_hold_anything() {
        assert_eq!(quoted("/tmp/a b"), "\"/tmp/a b\"");
        assert_eq!(quoted("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000A\"");
    }
}
