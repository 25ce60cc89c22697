//! A web server with one file and bad habits: it breaks off, knows no parts, answers nonsense.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// How it behaves.
#[derive(Debug, Clone, Default)]
pub struct Habits {
    /// Breaks off after so many bytes of each answer.
    pub breaks_after: Option<usize>,
    /// Answers a request for a part with the whole file.
    pub knows_no_parts: bool,
    /// Answers with this first line and nothing else.
    pub says: Option<&'static str>,
}

#[derive(Debug)]
struct Served {
    file: Vec<u8>,
    habits: Habits,
    /// The first byte that each request asked for.
    asked: Vec<usize>,
}

/// The server; it ends with the test.
#[derive(Debug)]
pub struct UpdateServer {
    port: u16,
    served: Arc<Mutex<Served>>,
}

impl UpdateServer {
    /// Serves a file at any path.
    pub fn start(file: &[u8], habits: Habits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let served = Arc::new(Mutex::new(Served {
            file: file.to_vec(),
            habits,
            asked: Vec::new(),
        }));
        let shared = Arc::clone(&served);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || answer(stream, &shared));
            }
        });
        Self { port, served }
    }

    /// Where the file is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/pmu.pmuimg", self.port)
    }

    /// The first byte that each request asked for.
    pub fn asked(&self) -> Vec<usize> {
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.asked.clone()
    }

    /// Behaves otherwise from now on.
    pub fn behave(&self, habits: Habits) {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.habits = habits;
    }
}

fn answer(mut stream: TcpStream, served: &Mutex<Served>) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_exact(&mut byte).is_err() {
            return;
        }
        request.extend_from_slice(&byte);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let from: usize = request
        .lines()
        .find_map(|line| line.strip_prefix("Range: bytes="))
        .and_then(|range| range.trim_end_matches('-').parse().ok())
        .unwrap_or(0);
    let (file, habits) = {
        let mut served = served.lock().unwrap_or_else(PoisonError::into_inner);
        served.asked.push(from);
        (served.file.clone(), served.habits.clone())
    };
    let all = file.len();
    let (head, from) = if let Some(line) = habits.says {
        (format!("{line}\r\n\r\n"), all)
    } else if from == 0 || habits.knows_no_parts {
        (
            format!("HTTP/1.1 200 OK\r\nContent-Length: {all}\r\n\r\n"),
            0,
        )
    } else {
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{}/{all}\r\n\r\n",
            all - 1
        );
        (head, from)
    };
    let body = file.get(from..).unwrap_or_default();
    let length = habits.breaks_after.unwrap_or(all).min(body.len());
    let sent = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body.split_at(length).0));
    if let Err(fault) = sent {
        println!("the updated box hung up: {fault}");
    }
}
