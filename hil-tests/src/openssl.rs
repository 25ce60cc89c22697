//! A certificate authority made with the openssl command line: not our own code on both sides.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::run;

/// `openssl req` would make every certificate an authority by its own configuration.
const CONFIG: &str = "[req]\ndistinguished_name = name\nprompt = no\n[name]\nCN = unnamed\n";

/// An authority and its folder.
#[derive(Debug, Clone)]
pub struct Authority {
    folder: PathBuf,
    name: String,
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Common name.
    pub name: String,
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// A pair of keys that signs watermarks.
#[derive(Debug, Clone)]
pub struct IngestKey {
    /// The private half.
    pub private: PathBuf,
    /// The public half, as gateways want it.
    pub public: PathBuf,
}

impl Authority {
    /// A new authority in the folder.
    pub fn new(folder: &Path, name: &str) -> Self {
        let authority = Self {
            folder: folder.to_path_buf(),
            name: name.to_owned(),
        };
        std::fs::write(folder.join("openssl.cnf"), CONFIG).expect("a file");
        let subject = format!("/CN={name}");
        let mut request = authority.request(&subject, name);
        request.args(["-days", "3650"]);
        request.args(["-addext", "basicConstraints=critical,CA:TRUE"]);
        request.args(["-addext", "keyUsage=critical,keyCertSign,cRLSign"]);
        run("making a certificate authority", &mut request);
        authority
    }

    /// Its certificate.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join(format!("{}.pem", self.name))
    }

    /// A certificate for a broker on this machine.
    pub fn server(&self, name: &str) -> Identity {
        self.issue(
            name,
            &[
                "extendedKeyUsage=serverAuth",
                // The last is this machine as a virtual one sees it.
                "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:10.0.2.2",
            ],
            365,
        )
    }

    /// A certificate for a client.
    pub fn client(&self, name: &str) -> Identity {
        self.client_for_days(name, 365)
    }

    /// A certificate for a client that is valid for so many days.
    pub fn client_for_days(&self, name: &str, days: u32) -> Identity {
        self.issue(name, &["extendedKeyUsage=clientAuth"], days)
    }

    /// Signs the request of a client, as an authority would: into this file.
    pub fn sign_request(&self, request: &Path, certificate: &Path) {
        let extensions = self.folder.join("client.cnf");
        std::fs::write(&extensions, "extendedKeyUsage = clientAuth\n").expect("a file");
        let mut sign = Command::new("openssl");
        sign.args(["x509", "-req", "-days", "365", "-in"])
            .arg(request);
        sign.arg("-CA").arg(self.certificate());
        sign.arg("-CAkey")
            .arg(self.folder.join(format!("{}.key", self.name)));
        sign.arg("-CAcreateserial").arg("-extfile").arg(extensions);
        sign.arg("-out").arg(certificate);
        run("signing a request", &mut sign);
    }

    fn issue(&self, name: &str, extensions: &[&str], days: u32) -> Identity {
        let mut request = self.request(&format!("/CN={name}"), name);
        let days = days.to_string();
        request.args(["-days", &days]);
        request.arg("-CA").arg(self.certificate());
        request
            .arg("-CAkey")
            .arg(self.folder.join(format!("{}.key", self.name)));
        request.args(["-addext", "keyUsage=critical,digitalSignature"]);
        for extension in extensions {
            request.args(["-addext", extension]);
        }
        run("making a certificate", &mut request);
        Identity {
            name: name.to_owned(),
            certificate: self.folder.join(format!("{name}.pem")),
            key: self.folder.join(format!("{name}.key")),
        }
    }

    fn request(&self, subject: &str, name: &str) -> Command {
        let mut request = Command::new("openssl");
        request.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ]);
        request.args(["-sha256", "-nodes", "-subj", subject]);
        request.arg("-config").arg(self.folder.join("openssl.cnf"));
        request
            .arg("-keyout")
            .arg(self.folder.join(format!("{name}.key")));
        request
            .arg("-out")
            .arg(self.folder.join(format!("{name}.pem")));
        request
    }
}

/// An Ed25519 pair for watermarks.
pub fn ingest_key(folder: &Path, name: &str) -> IngestKey {
    let private = folder.join(format!("{name}.key"));
    let public = folder.join(format!("{name}.pub"));
    let mut make = Command::new("openssl");
    make.args(["genpkey", "-algorithm", "ed25519", "-out"])
        .arg(&private);
    run("making a signing key", &mut make);
    let mut publish = Command::new("openssl");
    publish
        .args(["pkey", "-pubout", "-in"])
        .arg(&private)
        .arg("-out")
        .arg(&public);
    run("publishing a signing key", &mut publish);
    IngestKey { private, public }
}
