//! One HTTP/2 connection that asks gRPC questions, far cheaper than answering them is: without a runtime, tasks and locks,
//! heads encoded once, answers measured and not decoded. Whoever owns it reads and writes; nothing blocks.
//!
//! What is checked of each answer: HTTP status 200, a message that is not empty, gRPC status 0.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::Context;
use loona_hpack::Decoder;

use super::wire::{FRAME_HEAD, FrameHead, Heads, Question, flag, frame, frame_head, kind};

/// What an HTTP/2 connection begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Settings of HTTP/2.
const ENABLE_PUSH: u16 = 2;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;

/// Answers are never held back: the widest window that there is, opened again when half of it is used.
const WINDOW: u32 = (1 << 31) - 1;

/// The window of a connection before anybody opens it wider.
const FIRST_WINDOW: u32 = 65_535;

/// Bytes that are read at once.
const READ: usize = 256 << 10;

/// Bytes of gRPC's frame before the message.
const FRAMING: usize = 5;

/// Begins what is said of a connection that broke.
pub const TRANSPORT: &str = "transport";

/// A connection; `T` is what the caller wants to know again when the answer is there.
pub struct Connection<T> {
    stream: TcpStream,
    outgoing: Vec<u8>,
    sent: usize,
    incoming: Vec<u8>,
    filled: usize,
    /// Bytes of messages read since the window was opened.
    consumed: u32,
    /// Bytes of messages that the server still takes.
    allowance: i64,
    /// Streams that the server takes at a time.
    most_streams: usize,
    heads: Heads,
    decoder: Decoder<'static>,
    /// A head that goes on in the next frame: of which stream, whether it ends it, and the bytes.
    unfinished: Option<(u32, bool, Vec<u8>)>,
    /// Streams in the order of their numbers, from `oldest` on; those that have ended leave gaps.
    streams: VecDeque<Option<Exchange<T>>>,
    oldest: u32,
    under_way: usize,
    waiting: VecDeque<(Question, T)>,
}

/// A question that was sent.
#[derive(Debug)]
struct Exchange<T> {
    tag: T,
    length: usize,
    status: Option<tonic::Code>,
    failure: Option<String>,
}

/// An answer, or what went wrong.
pub type Outcome<T> = (T, Result<(), String>);

impl<T> Connection<T> {
    /// Connects and introduces itself.
    pub fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut outgoing = PREFACE.to_vec();
        let mut settings = Vec::new();
        for (setting, value) in [(ENABLE_PUSH, 0), (INITIAL_WINDOW_SIZE, WINDOW)] {
            settings.extend(setting.to_be_bytes());
            settings.extend(value.to_be_bytes());
        }
        frame(&mut outgoing, kind::SETTINGS, 0, 0, &settings);
        frame(
            &mut outgoing,
            kind::WINDOW_UPDATE,
            0,
            0,
            &(WINDOW - FIRST_WINDOW).to_be_bytes(),
        );
        Ok(Self {
            stream,
            outgoing,
            sent: 0,
            incoming: vec![0; READ],
            filled: 0,
            consumed: 0,
            allowance: i64::from(FIRST_WINDOW),
            most_streams: usize::MAX,
            heads: Heads::new(address.to_string()),
            decoder: Decoder::new(),
            unfinished: None,
            streams: VecDeque::new(),
            oldest: 1,
            under_way: 0,
            waiting: VecDeque::new(),
        })
    }

    /// The socket, to wait for.
    pub fn socket(&self) -> &TcpStream {
        &self.stream
    }

    /// Questions that were asked and not answered.
    pub fn under_way(&self) -> usize {
        self.under_way + self.waiting.len()
    }

    /// Whether something waits for the socket to take it.
    pub fn has_unsent(&self) -> bool {
        self.sent < self.outgoing.len()
    }

    /// Asks, as soon as the server takes another stream; [`Self::flush`] sends.
    pub fn ask(&mut self, question: Question, tag: T) {
        self.waiting.push_back((question, tag));
        self.send_waiting();
    }

    fn send_waiting(&mut self) {
        while self.under_way < self.most_streams {
            let fits = |waiting: &(Question, T)| waiting.0.framed.len() as i64 <= self.allowance;
            if !self.waiting.front().is_some_and(fits) {
                return;
            }
            let Some((question, tag)) = self.waiting.pop_front() else {
                return;
            };
            let stream = self.oldest + 2 * u32::try_from(self.streams.len()).unwrap_or(u32::MAX);
            let head_at = self.outgoing.len();
            frame_head(&mut self.outgoing, 0, kind::HEADERS, flag::END_HEADERS, stream);
            self.heads.encode(question.call, &mut self.outgoing);
            let length = self.outgoing.len() - head_at - FRAME_HEAD;
            self.outgoing[head_at + 2] = u8::try_from(length).expect("a head is less than 256 bytes");
            frame(
                &mut self.outgoing,
                kind::DATA,
                flag::END_STREAM,
                stream,
                &question.framed,
            );
            self.allowance -= question.framed.len() as i64;
            self.under_way += 1;
            self.streams.push_back(Some(Exchange {
                tag,
                length: 0,
                status: None,
                failure: None,
            }));
        }
    }

    /// Sends what the socket takes.
    pub fn flush(&mut self, ended: &mut Vec<Outcome<T>>) {
        while self.sent < self.outgoing.len() {
            match self.stream.write(&self.outgoing[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.break_down(&error.to_string(), ended),
            }
        }
        self.outgoing.clear();
        self.sent = 0;
    }

    /// Reads what is there, and tells what ended with it.
    pub fn read(&mut self, ended: &mut Vec<Outcome<T>>) {
        loop {
            if self.filled == self.incoming.len() {
                self.incoming.resize(2 * self.filled, 0);
            }
            let room = self.incoming.len() - self.filled;
            match self.stream.read(&mut self.incoming[self.filled..]) {
                Ok(0) => return self.break_down("the server hung up", ended),
                Ok(read) => {
                    self.filled += read;
                    if let Err(error) = self.take_frames(ended) {
                        return self.break_down(&error, ended);
                    }
                    if read < room {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.break_down(&error.to_string(), ended),
            }
        }
    }

    fn take_frames(&mut self, ended: &mut Vec<Outcome<T>>) -> Result<(), String> {
        let incoming = std::mem::take(&mut self.incoming);
        let mut at = 0;
        let mut outcome = Ok(());
        while let Some(head) = FrameHead::read(&incoming[at..self.filled]) {
            let begin = at + FRAME_HEAD;
            let Some(payload) = incoming[..self.filled].get(begin..begin + head.length) else {
                break;
            };
            outcome = self.take_frame(head, payload, ended);
            if outcome.is_err() {
                break;
            }
            at = begin + head.length;
        }
        self.incoming = incoming;
        self.incoming.copy_within(at..self.filled, 0);
        self.filled -= at;
        self.send_waiting();
        outcome
    }

    fn take_frame(
        &mut self,
        head: FrameHead,
        payload: &[u8],
        ended: &mut Vec<Outcome<T>>,
    ) -> Result<(), String> {
        match head.kind {
            kind::DATA => {
                let body = unpadded(head, payload)?.len();
                if let Some(exchange) = self.exchange(head.stream) {
                    exchange.length += body;
                }
                self.open_window(head.length);
                if head.has(flag::END_STREAM) {
                    self.end(head.stream, ended);
                }
            }
            kind::HEADERS => {
                let skipped = if head.has(flag::PRIORITY) { 5 } else { 0 };
                let block = unpadded(head, payload)?
                    .get(skipped..)
                    .ok_or("a short HEADERS frame")?;
                self.unfinished = Some((head.stream, head.has(flag::END_STREAM), block.to_vec()));
                if head.has(flag::END_HEADERS) {
                    self.take_head(ended)?;
                }
            }
            kind::CONTINUATION => {
                if let Some((_, _, block)) = &mut self.unfinished {
                    block.extend_from_slice(payload);
                }
                if head.has(flag::END_HEADERS) {
                    self.take_head(ended)?;
                }
            }
            kind::RST_STREAM => {
                let code = word(payload).unwrap_or_default();
                if let Some(exchange) = self.exchange(head.stream) {
                    exchange.failure = Some(format!("stream reset, code {code}"));
                }
                self.end(head.stream, ended);
            }
            kind::SETTINGS if !head.has(flag::ACK) => {
                for setting in payload.chunks_exact(6) {
                    if u16::from_be_bytes([setting[0], setting[1]]) == MAX_CONCURRENT_STREAMS {
                        self.most_streams = word(&setting[2..]).unwrap_or(u32::MAX) as usize;
                    }
                }
                frame(&mut self.outgoing, kind::SETTINGS, flag::ACK, 0, &[]);
            }
            kind::PING if !head.has(flag::ACK) => {
                frame(&mut self.outgoing, kind::PING, flag::ACK, 0, payload)
            }
            kind::GOAWAY => return Err("the server says goodbye".to_owned()),
            // A question fits into any stream's first window: only the connection's counts.
            kind::WINDOW_UPDATE if head.stream == 0 => {
                self.allowance += i64::from(word(payload).unwrap_or_default());
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads the fields of a head or of trailers. Also of a stream that nobody knows: what they say is remembered.
    fn take_head(&mut self, ended: &mut Vec<Outcome<T>>) -> Result<(), String> {
        let Some((stream, ends, block)) = self.unfinished.take() else {
            return Err("a CONTINUATION without HEADERS".to_owned());
        };
        let (mut failure, mut status) = (None, None);
        self.decoder
            .decode_with_cb(&block, |name, value| match &*name {
                b":status" if &*value != b"200" => {
                    failure = Some(format!("HTTP {}", String::from_utf8_lossy(&value)));
                }
                b"grpc-status" => status = Some(tonic::Code::from_bytes(&value)),
                _ => {}
            })
            .map_err(|error| format!("a head cannot be read: {error:?}"))?;
        if let Some(exchange) = self.exchange(stream) {
            exchange.failure = exchange.failure.take().or(failure);
            exchange.status = exchange.status.or(status);
        }
        if ends {
            self.end(stream, ended);
        }
        Ok(())
    }

    fn place(&self, stream: u32) -> usize {
        // Numbers of streams are odd; one below the oldest wraps to where nothing is.
        (stream.wrapping_sub(self.oldest) / 2) as usize
    }

    fn exchange(&mut self, stream: u32) -> Option<&mut Exchange<T>> {
        let place = self.place(stream);
        self.streams.get_mut(place)?.as_mut()
    }

    fn end(&mut self, stream: u32, ended: &mut Vec<Outcome<T>>) {
        let place = self.place(stream);
        let Some(exchange) = self.streams.get_mut(place).and_then(Option::take) else {
            return;
        };
        self.under_way -= 1;
        while let Some(None) = self.streams.front() {
            self.streams.pop_front();
            self.oldest += 2;
        }
        ended.push(exchange.judge());
    }

    fn open_window(&mut self, read: usize) {
        self.consumed += u32::try_from(read).unwrap_or(u32::MAX);
        if self.consumed > WINDOW / 2 {
            frame(
                &mut self.outgoing,
                kind::WINDOW_UPDATE,
                0,
                0,
                &self.consumed.to_be_bytes(),
            );
            self.consumed = 0;
        }
    }

    /// Everything under way failed, and so will everything asked from now on: nothing is written any more.
    fn break_down(&mut self, why: &str, ended: &mut Vec<Outcome<T>>) {
        let lost = self.streams.drain(..).flatten().map(|exchange| exchange.tag);
        let waiting = self.waiting.drain(..).map(|waiting| waiting.1);
        ended.extend(
            lost.chain(waiting)
                .map(|tag| (tag, Err(format!("{TRANSPORT}: {why}")))),
        );
        self.under_way = 0;
        self.outgoing.clear();
        self.sent = 0;
        self.stream.shutdown(std::net::Shutdown::Both).ok();
    }
}

impl<T> Exchange<T> {
    fn judge(self) -> Outcome<T> {
        let outcome = match (self.failure, self.status) {
            (Some(failure), _) => Err(failure),
            (None, None) => Err("no gRPC status".to_owned()),
            (None, Some(tonic::Code::Ok)) if self.length > FRAMING => Ok(()),
            (None, Some(tonic::Code::Ok)) => Err("an empty message".to_owned()),
            (None, Some(code)) => Err(format!("{code:?}")),
        };
        (self.tag, outcome)
    }
}

/// The payload of a frame without its padding.
fn unpadded(head: FrameHead, payload: &[u8]) -> Result<&[u8], String> {
    if !head.has(flag::PADDED) {
        return Ok(payload);
    }
    let (&padding, rest) = payload.split_first().ok_or("a frame without its padding")?;
    let end = rest
        .len()
        .checked_sub(usize::from(padding))
        .ok_or("a frame shorter than its padding")?;
    Ok(&rest[..end])
}

fn word(payload: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(payload.get(..4)?.try_into().ok()?))
}
