//! Why the head-end cannot be reached, in an installer's words: what is wrong, and what to do.

use rustls::{AlertDescription, CertificateError};
use std::error::Error;
use std::io;

/// Silence at the other end.
pub(super) const NO_ANSWER: &str =
    "`uplink.host` does not answer; look at the network and at firewalls on the way";
const NO_TLS_1_3: &str =
    "the broker speaks no TLS 1.3; renew the broker, or use a build with the feature `tls12`";

/// What this fault means, if it is one that a person can do something about.
pub(super) fn in_words(fault: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(fault);
    while let Some(fault) = next {
        let tls = fault.downcast_ref::<rustls::Error>();
        let io = fault.downcast_ref::<io::Error>();
        let wrapped = io.and_then(|io| io.get_ref()?.downcast_ref::<rustls::Error>());
        let words = tls.or(wrapped).and_then(tls_words);
        if let Some(words) = words.or_else(|| io.and_then(io_words)) {
            return Some(words);
        }
        next = fault.source();
    }
    None
}

fn tls_words(fault: &rustls::Error) -> Option<String> {
    let words = match fault {
        rustls::Error::InvalidCertificate(fault) => certificate_words(fault)?,
        rustls::Error::AlertReceived(alert) => alert_words(*alert)?,
        rustls::Error::InvalidMessage(_) => {
            "what answers at `uplink.port` does not speak TLS; name the broker's TLS port (8883 by custom)"
        }
        rustls::Error::PeerIncompatible(_) => NO_TLS_1_3,
        _ => return None,
    };
    Some(format!("{words} ({fault})"))
}

/// The broker's certificate is not believed.
fn certificate_words(fault: &CertificateError) -> Option<&'static str> {
    Some(match fault {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the broker's certificate was not signed by the authority in `uplink.ca-file`; ask the \
             head-end for the certificate of its authority, or somebody else answers in its place"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the broker's certificate is not valid yet; most likely this gateway's clock is behind: \
             set it, and look after its time source"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the broker's certificate has expired, or this gateway's clock is ahead; compare the \
             clock (`pmuctl status`), then tell the head-end"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the broker's certificate is made out to another name than `uplink.host`; use the name \
             that stands in it"
        }
        _ => return None,
    })
}

/// The broker does not believe our certificate.
fn alert_words(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::UnknownCA | AlertDescription::DecryptError => {
            "the broker does not know who signed `uplink.certificate-file`; have the head-end's \
             authority sign this gateway's certificate"
        }
        AlertDescription::CertificateExpired => {
            "the broker says that `uplink.certificate-file` has expired; install a new one"
        }
        AlertDescription::CertificateRevoked => {
            "the broker says that `uplink.certificate-file` was revoked; ask the head-end why before \
             you install a new one"
        }
        AlertDescription::CertificateRequired
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied => {
            "the broker refuses `uplink.certificate-file`; it must be a client certificate that the \
             head-end's authority signed"
        }
        AlertDescription::ProtocolVersion => NO_TLS_1_3,
        _ => return None,
    })
}

fn io_words(fault: &io::Error) -> Option<String> {
    let words = match fault.kind() {
        io::ErrorKind::ConnectionRefused => {
            "nothing listens at `uplink.host` and `uplink.port`; the broker is down, or one of the two is wrong"
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "there is no way to `uplink.host`; look at the network cable, the modem and the routes"
        }
        io::ErrorKind::TimedOut => NO_ANSWER,
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => "the connection was cut on the way",
        // The resolver's faults have no kind of their own.
        _ if fault.to_string().contains("failed to lookup address") => {
            "the name in `uplink.host` cannot be resolved; look at the name and at the name server"
        }
        _ => return None,
    };
    Some(format!("{words} ({fault})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fault: &(dyn Error + 'static), expected: &str) {
        let words = in_words(fault).unwrap_or_default();
        assert!(words.contains(expected), "{words}");
    }

    fn wrapped(fault: rustls::Error) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, fault)
    }

    #[test]
    fn a_certificate_that_is_not_believed_says_whose_it_is() {
        let fault = |error| wrapped(rustls::Error::InvalidCertificate(error));
        check(&fault(CertificateError::UnknownIssuer), "uplink.ca-file");
        check(&fault(CertificateError::NotValidYet), "clock is behind");
        check(
            &fault(CertificateError::NotValidForName),
            "another name than `uplink.host`",
        );
        let alert = |alert| wrapped(rustls::Error::AlertReceived(alert));
        check(
            &alert(AlertDescription::UnknownCA),
            "uplink.certificate-file",
        );
        check(&alert(AlertDescription::CertificateExpired), "has expired");
    }

    #[test]
    fn a_road_that_leads_nowhere_says_where_to_look() {
        check(
            &io::Error::from(io::ErrorKind::ConnectionRefused),
            "nothing listens",
        );
        check(
            &io::Error::from(io::ErrorKind::NetworkUnreachable),
            "network cable",
        );
        check(
            &io::Error::other("failed to lookup address information: Name or service not known"),
            "name server",
        );
    }

    #[test]
    fn what_we_have_no_words_for_keeps_its_own() {
        assert_eq!(in_words(&io::Error::other("something new")), None);
        assert_eq!(in_words(&wrapped(rustls::Error::DecryptError)), None);
    }
}
