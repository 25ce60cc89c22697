//! One read of registers: the crate encodes and decodes, the guard converses.

use std::sync::Arc;
use std::time::Duration;

use line::{Answer, GuardedLine, Line, LineFault, Pattern, Peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;
use tokio_modbus::client::{Context, Reader, rtu, tcp};
use tokio_modbus::slave::Slave;

use super::exception::{Exception, ExceptionRemedy};
use super::expected::ExpectedAnswer;
use super::expected_tcp::ExpectedTcpAnswer;
use crate::limits::{PIPE_OCTETS, READ_REGISTERS_MAX};
use crate::{Span, Table};

/// Octets of a read request on a serial line: unit, function, address, count, checksum.
const RTU_REQUEST_OCTETS: usize = 8;
/// Octets of a read request over Modbus TCP: header, function, address, count.
const TCP_REQUEST_OCTETS: usize = 12;

/// The registers a meter answered, proven to belong to their request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadAnswer {
    /// One word per register, as many as were asked for.
    pub words: Vec<u16>,
    /// When the last octet of the request had left.
    pub left_at: Instant,
    /// When the last octet of the answer was read.
    pub arrived_at: Instant,
}

/// Why a read brought no registers.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadFault {
    /// The line brought no answer.
    #[error("line brought no answer")]
    Line(#[from] LineFault),
    /// The meter refused.
    #[error("meter refused: {0}")]
    Exception(Exception),
    /// No single request can ask for this. Nothing was sent.
    #[error(
        "{span} of unit {unit} cannot be read at once; use 1 to 125 registers, none above 65535, and unit 1 to 247"
    )]
    Unreadable {
        /// The unit asked for.
        unit: u8,
        /// The registers asked for.
        span: Span,
    },
    /// No single request can write this. Nothing was sent.
    #[error(
        "unit {unit} cannot be written so; use unit 1 to 247 and 1 to 123 registers, none above 65535"
    )]
    Unwritable {
        /// The unit asked for.
        unit: u8,
    },
    /// The answer fitted its request, and yet could not be decoded.
    #[error("meter broke the protocol: {reason}")]
    Breach {
        /// What the decoder says.
        reason: String,
    },
}

/// What to do about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadRemedy {
    /// As the line says.
    Line(line::Remedy),
    /// As the exception says.
    Meter(ExceptionRemedy),
    /// Do not ask this again.
    GiveUp,
}

impl ReadFault {
    /// What to do about it.
    pub fn remedy(&self) -> ReadRemedy {
        match self {
            Self::Line(fault) => ReadRemedy::Line(fault.remedy()),
            Self::Exception(exception) => ReadRemedy::Meter(exception.remedy()),
            Self::Unreadable { .. } | Self::Unwritable { .. } | Self::Breach { .. } => {
                ReadRemedy::GiveUp
            }
        }
    }

    pub(super) fn breach(reason: &impl ToString) -> Self {
        Self::Breach {
            reason: reason.to_string(),
        }
    }
}

/// Reads registers on a serial line, or on a serial server that passes RTU frames over TCP
/// (then with [`line::LineTiming::serial_server`]).
pub async fn read_registers<L: Line>(
    guard: &mut GuardedLine<L>,
    unit: u8,
    span: Span,
    min_gap: Duration,
) -> Result<ReadAnswer, ReadFault> {
    if !(1..=247).contains(&unit) {
        return Err(ReadFault::Unreadable { unit, span });
    }
    readable(unit, span)?;
    let (near, mut far) = tokio::io::duplex(PIPE_OCTETS);
    let mut client = rtu::attach_slave(near, Slave(unit));
    let carry = async move {
        let request: [u8; RTU_REQUEST_OCTETS] = take_request(&mut far).await?;
        let expected =
            ExpectedAnswer::of_frame(&request).map_err(|error| ReadFault::breach(&error))?;
        let answer = ask_line(guard, unit, min_gap, &request, expected).await?;
        hand_back(&mut far, &answer.bytes).await?;
        Ok(answer)
    };
    // On a fault the far end is dropped: the client gives up, and its complaint is ignored.
    let (asked, carried) = tokio::join!(ask_client(&mut client, span), carry);
    conclude(span, carried, asked)
}

/// The numbers of the requests on one Modbus TCP connection, and on its successors.
///
/// Keep it while a connection is reopened: the number is what tells a late answer.
#[derive(Debug, Clone, Default)]
pub struct TransactionIds(u16);

impl TransactionIds {
    pub(super) fn next(&mut self) -> u16 {
        self.0 = self.0.wrapping_add(1);
        self.0
    }
}

/// Reads registers over Modbus TCP.
///
/// The crate begins to count its requests at each attachment, so its number is replaced by our
/// own on the wire, and put back for it.
pub async fn read_registers_tcp<L: Line>(
    guard: &mut GuardedLine<L>,
    ids: &mut TransactionIds,
    unit: u8,
    span: Span,
    min_gap: Duration,
) -> Result<ReadAnswer, ReadFault> {
    readable(unit, span)?;
    let (near, mut far) = tokio::io::duplex(PIPE_OCTETS);
    let mut client = tcp::attach_slave(near, Slave(unit));
    let carry = async move {
        let mut request: [u8; TCP_REQUEST_OCTETS] = take_request(&mut far).await?;
        let theirs = renumber(&mut request, ids.next().to_be_bytes());
        let expected =
            ExpectedTcpAnswer::of_frame(&request).map_err(|error| ReadFault::breach(&error))?;
        let answer = ask_line(guard, unit, min_gap, &request, expected).await?;
        let mut bytes = answer.bytes.clone();
        renumber(&mut bytes, theirs);
        hand_back(&mut far, &bytes).await?;
        Ok(answer)
    };
    let (asked, carried) = tokio::join!(ask_client(&mut client, span), carry);
    conclude(span, carried, asked)
}

fn readable(unit: u8, span: Span) -> Result<(), ReadFault> {
    let fits = (1..=READ_REGISTERS_MAX).contains(&span.count) && span.end() <= 0x1_0000;
    if fits {
        Ok(())
    } else {
        Err(ReadFault::Unreadable { unit, span })
    }
}

type Asked = tokio_modbus::Result<Vec<u16>>;

async fn ask_client(client: &mut Context, span: Span) -> Asked {
    match span.table {
        Table::Holding => {
            client
                .read_holding_registers(span.address, span.count)
                .await
        }
        Table::Input => client.read_input_registers(span.address, span.count).await,
    }
}

async fn take_request<const N: usize>(far: &mut DuplexStream) -> Result<[u8; N], ReadFault> {
    let mut request = [0; N];
    far.read_exact(&mut request)
        .await
        .map_err(|error| ReadFault::breach(&error))?;
    Ok(request)
}

pub(super) async fn ask_line<L: Line>(
    guard: &mut GuardedLine<L>,
    unit: u8,
    min_gap: Duration,
    request: &[u8],
    expected: impl Pattern + 'static,
) -> Result<Answer, ReadFault> {
    let peer = Peer(u32::from(unit));
    Ok(guard
        .exchange(peer, min_gap, request, Arc::new(expected))
        .await?)
}

/// The same for a request whose length is known only when it is made.
pub(super) async fn take_frame(
    far: &mut DuplexStream,
    octets: usize,
) -> Result<Vec<u8>, ReadFault> {
    let mut request = vec![0; octets];
    far.read_exact(&mut request)
        .await
        .map_err(|error| ReadFault::breach(&error))?;
    Ok(request)
}

pub(super) async fn hand_back(far: &mut DuplexStream, frame: &[u8]) -> Result<(), ReadFault> {
    far.write_all(frame)
        .await
        .map_err(|error| ReadFault::breach(&error))
}

/// Puts another transaction number into a frame and returns the one that was there.
pub(super) fn renumber(frame: &mut [u8], number: [u8; 2]) -> [u8; 2] {
    match frame.first_chunk_mut::<2>() {
        Some(place) => std::mem::replace(place, number),
        None => number,
    }
}

fn conclude(
    span: Span,
    carried: Result<Answer, ReadFault>,
    asked: Asked,
) -> Result<ReadAnswer, ReadFault> {
    let carried = carried?;
    match asked {
        Ok(Ok(words)) if words.len() == usize::from(span.count) => Ok(ReadAnswer {
            words,
            left_at: carried.left_at,
            arrived_at: carried.arrived_at,
        }),
        Ok(Ok(words)) => Err(ReadFault::breach(&format!(
            "{} registers for {span}",
            words.len()
        ))),
        Ok(Err(code)) => Err(ReadFault::Exception(Exception::from_code(code.into()))),
        Err(error) => Err(ReadFault::breach(&error)),
    }
}
