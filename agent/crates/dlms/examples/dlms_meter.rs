//! A meter that independent programs can read: over the wrapper, or over HDLC, both on TCP.
//!
//! `dlms_meter wrapper|hdlc [APDU-OCTETS]` takes a free port of the loopback and says it first.

use std::io::Write as _;
use std::io::{Error, Result};

use dlms::hdlc::Address;
use dlms::meter::{Device, LinkSettings, Station, WrapperServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the meter of the tests"
)]
#[path = "../tests/support/meter.rs"]
mod meter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let road = words.next().unwrap_or_default();
    let octets = words.next().and_then(|word| word.parse().ok());
    let device = meter::device(octets.unwrap_or(1024));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(
        std::io::stdout().lock(),
        "{}",
        listener.local_addr()?.port()
    )?;
    match road.as_str() {
        "wrapper" => serve_wrapper(&listener, device).await,
        "hdlc" => serve_hdlc(&listener, device).await,
        _ => Err(Error::other("say `wrapper` or `hdlc`")),
    }
}

async fn serve_wrapper(listener: &TcpListener, mut device: Device<meter::TestStore>) -> Result<()> {
    let began = Instant::now();
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut server = WrapperServer::new(1);
        let mut chunk = [0; 512];
        while let Some(octets) = read(&mut stream, &mut chunk).await {
            let Some(said) = server.hear(&mut device, octets, began.elapsed()) else {
                break;
            };
            if stream.write_all(&said).await.is_err() {
                break;
            }
        }
        server.close(&mut device);
    }
}

async fn serve_hdlc(listener: &TcpListener, device: Device<meter::TestStore>) -> Result<()> {
    let began = Instant::now();
    let address = Address::two(1, 17).ok_or(Error::other("no address"))?;
    let alone = Address::one(1).ok_or(Error::other("no address"))?;
    let far = Address::four(1, 17).ok_or(Error::other("no address"))?;
    let settings = LinkSettings {
        addresses: vec![address, alone, far],
        parameters: meter::wide(),
        ..LinkSettings::new(address)
    };
    let mut station = Station::new(settings, device);
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut chunk = [0; 512];
        while let Some(octets) = read(&mut stream, &mut chunk).await {
            for octet in octets {
                let Some(said) = station.hear(*octet, began.elapsed()) else {
                    continue;
                };
                tokio::time::sleep(said.after).await;
                if stream.write_all(&said.octets).await.is_err() {
                    break;
                }
            }
        }
        station.restart();
    }
}

async fn read<'a>(stream: &mut TcpStream, chunk: &'a mut [u8]) -> Option<&'a [u8]> {
    match stream.read(chunk).await {
        Ok(0) | Err(_) => None,
        Ok(count) => chunk.get(..count),
    }
}
