//! HTTP/1.1, as much as fetching one file takes: an address, a request, the head of an answer.

use std::fmt;

/// Bytes of an answer's head.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Where an image is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) is_tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    path: String,
}

/// An address that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no address of an image; write it as http://HOST[:PORT]/PATH or https://...")]
pub(crate) struct NoAddress;

/// Why an answer brings no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoImage {
    #[error("the answer is no HTTP")]
    NotHttp,
    #[error("the server answered {status}; {}", advice(*.status))]
    Status { status: u16 },
    #[error("the server sends the file in chunks of unknown length; serve it as a plain file")]
    Chunked,
    #[error("the server has {found} bytes, the order says {ordered}")]
    Length { found: u64, ordered: u64 },
    #[error("the server sends another part of the file than was asked for")]
    Part,
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, NoAddress> {
        let (is_tls, rest) = match url.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            _ => return Err(NoAddress),
        };
        let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let default = if is_tls { 443 } else { 80 };
        // An IPv6 address stands in brackets.
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| NoAddress)?)
            }
            _ => (place, default),
        };
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let is_host = !host.is_empty() && !host.contains(['@', '?', '#']);
        if !is_host || !is_plain(url) || url.contains('#') {
            return Err(NoAddress);
        }
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self {
            is_tls,
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            path: path.to_owned(),
        })
    }

    /// The request for everything from byte `from` on.
    pub(crate) fn request(&self, from: u64) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        let range = if from == 0 {
            String::new()
        } else {
            format!("Range: bytes={from}-\r\n")
        };
        format!(
            "GET {} HTTP/1.1\r\nHost: {host}:{}\r\nUser-Agent: pmu-agent/{}\r\n\
             Accept-Encoding: identity\r\n{range}Connection: close\r\n\r\n",
            self.path,
            self.port,
            env!("CARGO_PKG_VERSION")
        )
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Reads the head of an answer, up to and with its empty line. The answer: how many bytes of the
/// body come before the one that was asked for.
pub(crate) fn bytes_before(head: &[u8], from: u64, ordered: u64) -> Result<u64, NoImage> {
    let text = std::str::from_utf8(head).map_err(|_| NoImage::NotHttp)?;
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let mut words = first.split(' ');
    if !words.next().is_some_and(|word| word.starts_with("HTTP/1.")) {
        return Err(NoImage::NotHttp);
    }
    let status: u16 = words
        .next()
        .and_then(|word| word.parse().ok())
        .ok_or(NoImage::NotHttp)?;
    let fields: Vec<(&str, &str)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect();
    let field = |wanted: &str| {
        let mut found = fields
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.next().map(|(_, value)| *value)
    };
    if field("transfer-encoding").is_some_and(|value| !value.eq_ignore_ascii_case("identity")) {
        return Err(NoImage::Chunked);
    }
    match status {
        200 => {
            let length = field("content-length").and_then(|value| value.parse().ok());
            whole(length, ordered).map(|()| from)
        }
        206 => {
            let range = field("content-range").ok_or(NoImage::Part)?;
            let range = range.strip_prefix("bytes ").ok_or(NoImage::Part)?;
            let (part, all) = range.split_once('/').ok_or(NoImage::Part)?;
            let first = part.split('-').next().and_then(|value| value.parse().ok());
            if first != Some(from) {
                return Err(NoImage::Part);
            }
            whole(all.parse().ok(), ordered).map(|()| 0)
        }
        status => Err(NoImage::Status { status }),
    }
}

fn whole(found: Option<u64>, ordered: u64) -> Result<(), NoImage> {
    match found {
        Some(found) if found != ordered => Err(NoImage::Length { found, ordered }),
        _ => Ok(()),
    }
}

fn advice(status: u16) -> &'static str {
    match status {
        300..=399 => "the image lies elsewhere, give its final address",
        401 | 403 => "the image must be open to read; its signature protects it",
        404 | 410 => "the image is not there, check the address",
        416 => "the image is shorter than the order says",
        _ => "it is tried again",
    }
}

impl NoImage {
    /// Whether another try may bring the image.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::NotHttp
                | Self::Status {
                    status: 408 | 429 | 500..
                }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::borrow::Borrow;

    #[track_caller]
    fn check_address(url: &str, host: &str, port: u16, request: &str) {
        let address = Address::parse(url).unwrap();
        assert_eq!((address.host.as_str(), address.port), (host, port));
        assert!(
            address.request(0).starts_with(request),
            "{}",
            address.request(0)
        );
    }

    #[test]
    fn addresses_are_taken_apart() {
        check_address(
            "http://a.example/x/y.pmuimg",
            "a.example",
            80,
            "GET /x/y.pmuimg HTTP/1.1\r\nHost: a.example:80\r\n",
        );
        check_address("https://a.example", "a.example", 443, "GET / HTTP/1.1\r\n");
        check_address(
            "http://10.0.0.1:8080/i?v=1",
            "10.0.0.1",
            8080,
            "GET /i?v=1 ",
        );
        check_address(
            "http://[::1]:81/i",
            "::1",
            81,
            "GET /i HTTP/1.1\r\nHost: [::1]:81\r\n",
        );
        check_address("http://[::1]/i", "::1", 80, "GET /i ");
        for wrong in [
            "",
            "a",
            "ftp://a/b",
            "http://",
            "http://:80/",
            "http://a:x/",
            "http://u@a/",
            "http://a/b c",
            "http://a/b\r\nX: y",
            "http://a/#b",
        ] {
            assert_eq!(Address::parse(wrong), Err(NoAddress), "{wrong}");
        }
    }

    #[test]
    fn a_download_goes_on_where_it_was_cut() {
        let address = Address::parse("http://a/b").unwrap();
        assert!(address.request(100).contains("\r\nRange: bytes=100-\r\n"));
        assert!(!address.request(0).contains("Range"));
    }

    #[track_caller]
    fn check(head: &str, from: u64, expected: impl Borrow<Result<u64, NoImage>>) {
        let head = head.replace('\n', "\r\n");
        assert_eq!(
            &bytes_before(head.as_bytes(), from, 1000),
            expected.borrow()
        );
    }

    #[test]
    fn heads_say_where_the_wanted_byte_is() {
        check("HTTP/1.1 200 OK\ncontent-length: 1000\n\n", 0, Ok(0));
        check("HTTP/1.0 200 OK\n\n", 0, Ok(0));
        check("HTTP/1.1 200 OK\nContent-Length: 1000\n\n", 10, Ok(10));
        check(
            "HTTP/1.1 206 Partial\nContent-Range: bytes 10-999/1000\n\n",
            10,
            Ok(0),
        );
        check(
            "HTTP/1.1 206 Partial\nContent-Range: bytes 10-999/*\n\n",
            10,
            Ok(0),
        );
    }

    #[test]
    fn heads_without_the_image_are_refused_with_a_reason() {
        let length = |found| {
            Err(NoImage::Length {
                found,
                ordered: 1000,
            })
        };
        let status = |status| Err(NoImage::Status { status });
        check("HTTP/1.1 200 OK\nContent-Length: 999\n\n", 0, length(999));
        check(
            "HTTP/1.1 206 P\nContent-Range: bytes 10-1999/2000\n\n",
            10,
            length(2000),
        );
        check(
            "HTTP/1.1 206 P\nContent-Range: bytes 0-999/1000\n\n",
            10,
            Err(NoImage::Part),
        );
        check("HTTP/1.1 206 P\n\n", 10, Err(NoImage::Part));
        check("HTTP/1.1 404 Not Found\n\n", 0, status(404));
        check("HTTP/1.1 302 Found\n\n", 0, status(302));
        check(
            "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n",
            0,
            Err(NoImage::Chunked),
        );
        check("SSH-2.0-x\n\n", 0, Err(NoImage::NotHttp));
        check("HTTP/1.1\n\n", 0, Err(NoImage::NotHttp));
    }

    proptest! {
        #[test]
        fn no_head_and_no_address_makes_the_parser_panic(head: Vec<u8>, from: u64, url in "\\PC*") {
            drop(bytes_before(&head, from, 1000));
            drop(Address::parse(&url));
            drop(Address::parse(&format!("http://{url}")));
        }
    }
}
