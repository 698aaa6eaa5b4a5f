//! Questions as they travel: gRPC messages in frames of HTTP/2.

use std::sync::Arc;

use prost::Message;
use rapport::grpc::pb;

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Call {
    Recommend,
    ScoreCustomer,
}

impl Call {
    /// How many there are.
    pub const COUNT: usize = 2;

    fn path(self) -> &'static str {
        match self {
            Self::Recommend => "/rapport.v1.RecommendationService/Recommend",
            Self::ScoreCustomer => "/rapport.v1.ChurnService/ScoreCustomer",
        }
    }
}

/// A question in the bytes in which it travels; clones share them.
#[derive(Clone, Debug)]
pub struct Question {
    /// Of whom.
    pub call: Call,
    /// gRPC's frame: not compressed, length, message.
    pub framed: Arc<[u8]>,
}

impl Question {
    /// A ranking.
    pub fn recommend(request: &pb::RecommendRequest) -> Self {
        Self::new(Call::Recommend, request)
    }

    /// A churn score.
    pub fn score(request: &pb::ScoreCustomerRequest) -> Self {
        Self::new(Call::ScoreCustomer, request)
    }

    fn new(call: Call, message: &impl Message) -> Self {
        let length = u32::try_from(message.encoded_len()).expect("a question is small");
        let mut framed = vec![0];
        framed.extend(length.to_be_bytes());
        framed.extend(message.encode_to_vec());
        Self {
            call,
            framed: framed.into(),
        }
    }
}

/// The heads of one connection's requests. The first request of a kind names its fields and has the server remember them
/// (HPACK, RFC 7541 §6.2.1); later ones are a few indices.
#[derive(Debug)]
pub struct Heads {
    authority: String,
    remembered: Vec<(&'static str, String)>,
    encoded: [Option<Vec<u8>>; Call::COUNT],
}

/// Fields of HPACK's static table, whole: `:method: POST` and `:scheme: http`.
const POST_HTTP: [u8; 2] = [0x83, 0x86];

/// Entries of the static table; the server's newest memory comes next.
const STATIC: usize = 61;

impl Heads {
    /// Of a connection to this host and port.
    pub fn new(authority: String) -> Self {
        Self {
            authority,
            remembered: Vec::new(),
            encoded: [None, None],
        }
    }

    /// The head of a call, to be sent at once: encoding changes what the server remembers.
    pub fn encode(&mut self, call: Call, into: &mut Vec<u8>) {
        if let Some(encoded) = &self.encoded[call as usize] {
            into.extend_from_slice(encoded);
            return;
        }
        let mut head = POST_HTTP.to_vec();
        let known = self.remembered.len();
        // With the places of their names in the static table; 0 for a name that is not there.
        self.field(&mut head, 4, ":path", call.path().to_owned());
        self.field(&mut head, 1, ":authority", self.authority.clone());
        self.field(&mut head, 31, "content-type", "application/grpc".to_owned());
        self.field(&mut head, 0, "te", "trailers".to_owned());
        into.extend_from_slice(&head);
        if self.remembered.len() == known {
            self.encoded[call as usize] = Some(head);
        } else {
            // Whatever was remembered before has moved.
            self.encoded = [None, None];
        }
    }

    fn field(&mut self, head: &mut Vec<u8>, static_name: u8, name: &'static str, value: String) {
        let field = (name, value);
        if let Some(at) = self.remembered.iter().position(|known| *known == field) {
            let index = STATIC + self.remembered.len() - at;
            head.push(0x80 | u8::try_from(index).expect("a handful of fields is remembered"));
            return;
        }
        head.push(0x40 | static_name);
        if static_name == 0 {
            string(head, name);
        }
        string(head, &field.1);
        self.remembered.push(field);
    }
}

/// A text of HPACK, not compressed.
fn string(head: &mut Vec<u8>, text: &str) {
    let length = u8::try_from(text.len()).ok().filter(|&length| length < 127);
    head.push(length.expect("names and values are short"));
    head.extend_from_slice(text.as_bytes());
}

/// Kinds of frames (RFC 9113 §6).
pub mod kind {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// Flags of frames.
pub mod flag {
    pub const END_STREAM: u8 = 0x1;
    pub const ACK: u8 = 0x1;
    pub const END_HEADERS: u8 = 0x4;
    pub const PADDED: u8 = 0x8;
    pub const PRIORITY: u8 = 0x20;
}

/// Bytes of a frame's head.
pub const FRAME_HEAD: usize = 9;

/// The head of a frame.
#[derive(Clone, Copy, Debug)]
pub struct FrameHead {
    pub length: usize,
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
}

impl FrameHead {
    /// The head at the beginning of these bytes, when it is all there.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let head: [u8; FRAME_HEAD] = bytes.get(..FRAME_HEAD)?.try_into().ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        Some(Self {
            length: u32::from_be_bytes([0, a, b, c]) as usize,
            kind,
            flags,
            stream: u32::from_be_bytes(stream) & (u32::MAX >> 1),
        })
    }

    pub fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Appends a frame.
pub fn frame(into: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    frame_head(into, payload.len(), kind, flags, stream);
    into.extend_from_slice(payload);
}

/// Appends the head of a frame.
pub fn frame_head(into: &mut Vec<u8>, length: usize, kind: u8, flags: u8, stream: u32) {
    let length = u32::try_from(length).expect("frames are small").to_be_bytes();
    into.extend_from_slice(&length[1..]);
    into.extend_from_slice(&[kind, flags]);
    into.extend_from_slice(&stream.to_be_bytes());
}
