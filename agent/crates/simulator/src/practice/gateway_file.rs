//! The gateway's configuration at the practice site, as an installer would write it.

use simulator::pki::IdentityFiles;

use super::GATEWAY;
use super::meters::{BAUD, ELSTER, LINES, MODBUS_UNIT, Meters, PASSWORD_FILE};
use crate::demo::programs::Programs;
use crate::demo::stage::{Folder, quoted};

pub(super) fn text(
    folder: &Folder,
    programs: &Programs,
    port: u16,
    gateway: &IdentityFiles,
    meters: &Meters,
) -> String {
    let lie = |name: &str| quoted(&folder.text(name));
    let path = |path: &std::path::Path| quoted(&path.display().to_string());
    let mut text = format!(
        "[gateway]\nid = \"{GATEWAY}\"\ndata-folder = {}\nruntime-folder = {}\nmodel-folder = {}\n\
         demonstration = true\n\n[store]\ncommit-every-seconds = 1\n\n[clock]\nstate-file = {}\n\n\
         [uplink]\nhost = \"localhost\"\nport = {port}\nca-file = {}\ncertificate-file = {}\n\
         key-file = {}\ningest-keys-file = {}\n\n[commands]\nroots-file = {}\n",
        lie("data"),
        lie("run"),
        path(&programs.models),
        lie("clock-state"),
        lie("pki/ca.crt"),
        path(&gateway.certificate),
        path(&gateway.key),
        lie("pki/ingest.key.pub"),
        lie("roots.pem"),
    );
    for line in LINES {
        let device = lie(line.id);
        let settings = line.more;
        text.extend([format!(
            "\n[[bus]]\nid = \"{}\"\nlink = \"serial\"\ndevice = {device}\nbaud = {BAUD}\n{settings}",
            line.id
        )]);
    }
    text.extend([format!(
        "\n[[meter]]\nid = \"feeder-1\"\nbus = \"line-1\"\nmodel = \"dlms-generic\"\n\
         dlms = {{ association = \"secured\", client = {}, lower-address = {}, suite = {} }}\n\
         collect = {{ every-seconds = 900 }}\n\
         \n[[meter]]\nid = \"feeder-2\"\nbus = \"line-2\"\nmodel = \"siemens-pac3200\"\n\
         unit = {MODBUS_UNIT}\n\
         \n[[meter]]\nid = \"feeder-3\"\nbus = \"line-3\"\nmodel = \"{ELSTER}\"\naddress = {}\n\
         access = {{ level = 3, password-file = {} }}\ncollect = {{ every-seconds = 900 }}\n",
        Meters::client(),
        Meters::lower_address(),
        Meters::suite().number(),
        quoted(&meters.elster_address()),
        lie(PASSWORD_FILE),
    )]);
    text
}
