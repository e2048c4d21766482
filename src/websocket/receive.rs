//! RFC 6455 sections 5.4 and 6.2: frames become messages. Control frames may come between the frames of a
//! message.
//!
//! ```text
//! 01 83 .. 48656c     Begin(Text), Data(3)       the first frame of a text: Hel
//! 89 80 ..            Ping
//! 80 82 .. 6c6f       Data(2), End               the last frame: lo
//! ```
//!
//! Content is appended to a buffer of the caller, who may empty it at any time. So an idle connection holds no
//! buffer, and a message of any length passes through a small one.

use std::mem;

use super::close::Close;
use super::control::ControlPayload;
use super::deflate::{Decompressor, TAIL};
use super::error::Error;
use super::frame::{FrameHeader, MAX_CONTROL, Opcode, ParsedHeader};
use super::mask::Mask;
use super::message::{Message, MessageKind, MessageLimits};
use super::negotiation::DeflateContext;

/// What a client has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message begins.
    Begin(MessageKind),
    /// So many bytes of its content were appended. They are neither masked nor compressed, and those of a
    /// text are valid so far.
    Data(usize),
    /// The message is complete.
    End,
    /// Answer it with a pong that has the same payload (section 5.5.2).
    Ping(ControlPayload),
    /// The answer to a ping, or a sign of life (section 5.5.3).
    Pong(ControlPayload),
    /// The client sends nothing more. What follows is ignored (section 5.5.1).
    Close(Option<Close>),
}

/// The result of one call of [`Receiver::receive`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// How many bytes of the input were consumed. Pass the others again, with more after them.
    pub consumed: usize,
    /// What they say. `None`: more bytes must arrive. If there is an event, call it again.
    pub event: Option<Event>,
}

/// The longest part of the input that is not consumed before it is complete: a control frame with its header of six
/// bytes. The caller must have room for so many bytes.
pub const MAX_WAITING: usize = 6 + MAX_CONTROL;

/// How many bytes are decompressed at a time.
const INFLATE_PIECE: usize = 4096;

/// Turns the bytes of a client into events, however they are cut.
#[derive(Debug)]
pub struct Receiver {
    state: State,
    limits: MessageLimits,
    compression: Option<DeflateContext>,
    /// Made for the first compressed message. Dropped after each message if its context is not taken over.
    decompressor: Option<Box<Decompressor>>,
}

/// What the receiver expects next.
///
/// ```text
///           text, binary            payload, FIN not set
///   Idle ----------------> Payload -----------------------> Fragmented
///    ^                     |     ^                            |
///    |        payload, FIN |     +----------------------------+
///    |                     v               continuation
///    +----------------- Ending
///
///   Idle, Fragmented -- ping, pong --> the same
///   Idle, Fragmented -- close -------> Closed
///   any state -- error --------------> Closed
/// ```
#[derive(Debug)]
enum State {
    /// The first frame of a message.
    Idle,
    /// The payload of a data frame.
    Payload(Message, Payload),
    /// The next frame of a message.
    Fragmented(Message),
    /// The message is complete, but some of its content may still be in the decompressor.
    Ending(Message, TailTaken),
    /// Nothing any more.
    Closed,
}

/// The rest of the payload of a data frame.
#[derive(Debug)]
struct Payload {
    left: u64,
    mask: Mask,
    is_final: bool,
}

/// How many bytes of [`TAIL`] the decompressor has consumed.
type TailTaken = usize;

/// One step of the receiver.
struct Step {
    next: State,
    consumed: usize,
    outcome: Outcome,
}

enum Outcome {
    Wait,
    Again,
    Event(Event),
}

impl Receiver {
    /// A receiver for a new connection. `compression` is how the client may compress messages, if the handshake
    /// agreed on it.
    pub fn new(limits: MessageLimits, compression: Option<DeflateContext>) -> Receiver {
        Receiver {
            state: State::Idle,
            limits,
            compression,
            decompressor: None,
        }
    }

    /// Whether it holds a decompressor, which takes [`super::deflate::DECOMPRESSOR`] bytes.
    pub fn holds_decompressor(&self) -> bool {
        self.decompressor.is_some()
    }

    /// Whether it expects the first frame of a message, and keeps nothing for it.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle) && !self.holds_decompressor()
    }

    /// Reads the next event of `input`. Content is appended to `out`. After an error, all input is ignored,
    /// and what was appended to `out` since the last event does not count.
    pub fn receive(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Received, Error> {
        let mut consumed = 0;
        loop {
            let state = mem::replace(&mut self.state, State::Closed);
            let step = self.step(state, &input[consumed..], out)?;
            self.state = step.next;
            consumed += step.consumed;
            let event = match step.outcome {
                Outcome::Again => continue,
                Outcome::Wait => None,
                Outcome::Event(event) => Some(event),
            };
            return Ok(Received { consumed, event });
        }
    }

    /// Every transition, by the graph above.
    fn step(&mut self, state: State, input: &[u8], out: &mut Vec<u8>) -> Result<Step, Error> {
        match state {
            State::Idle => self.frame(None, input),
            State::Fragmented(message) => self.frame(Some(message), input),
            State::Payload(message, payload) => self.payload(message, payload, input, out),
            State::Ending(message, tail) => self.ending(message, tail, out),
            State::Closed => Ok(Step {
                next: State::Closed,
                consumed: input.len(),
                outcome: Outcome::Wait,
            }),
        }
    }

    /// The header of a data frame, or a whole control frame.
    fn frame(&mut self, current: Option<Message>, input: &[u8]) -> Result<Step, Error> {
        let Some(parsed) = ParsedHeader::parse(input, self.compression.is_some())? else {
            return Ok(Step::wait(between(current)));
        };
        if parsed.header.opcode.is_control() {
            return control(parsed, between(current), input);
        }
        let begins = current.is_none();
        let mut message = self.message_of(parsed.header, current)?;
        message.announce(parsed.header.length)?;
        let outcome = match begins {
            true => Outcome::Event(Event::Begin(message.kind)),
            false => Outcome::Again,
        };
        let payload = Payload {
            left: parsed.header.length,
            mask: parsed.mask,
            is_final: parsed.header.is_final,
        };
        Ok(Step {
            next: within(message, payload),
            consumed: parsed.size,
            outcome,
        })
    }

    /// Section 5.4: the message that a data frame belongs to.
    fn message_of(&self, header: FrameHeader, current: Option<Message>) -> Result<Message, Error> {
        let compression = self.compression.filter(|_| header.is_compressed);
        let begin = |kind| Message::new(kind, compression, self.limits);
        match (header.opcode, current) {
            (Opcode::Continuation, Some(message)) => Ok(message),
            (Opcode::Continuation, None) => Err(Error::UnexpectedContinuation),
            (_, Some(_)) => Err(Error::UnfinishedMessage),
            (Opcode::Text, None) => Ok(begin(MessageKind::Text)),
            (_, None) => Ok(begin(MessageKind::Binary)),
        }
    }

    /// As much of the payload of a data frame as has arrived.
    fn payload(
        &mut self,
        mut message: Message,
        mut payload: Payload,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Step, Error> {
        let left = usize::try_from(payload.left).unwrap_or(usize::MAX);
        let masked = &input[..left.min(input.len())];
        if masked.is_empty() {
            return Ok(Step::wait(State::Payload(message, payload)));
        }
        let start = out.len();
        let consumed = match message.compression {
            Some(compression) => {
                let mut piece = [0; INFLATE_PIECE];
                let piece = &mut piece[..masked.len().min(INFLATE_PIECE)];
                piece.copy_from_slice(&masked[..piece.len()]);
                payload.mask.apply(piece);
                message.append_compressed(piece, self.decompressor(compression), out)?
            }
            None => {
                message.append(masked, payload.mask, out)?;
                masked.len()
            }
        };
        payload.left -= consumed as u64;
        payload.mask = payload.mask.after(consumed);
        Ok(Step {
            next: within(message, payload),
            consumed,
            outcome: data(out.len() - start),
        })
    }

    /// The end of a message (RFC 7692 section 7.2.2). A compressed one is over when the decompressor produces
    /// nothing more. Then it has consumed the tail, because it had room.
    fn ending(
        &mut self,
        mut message: Message,
        mut tail: TailTaken,
        out: &mut Vec<u8>,
    ) -> Result<Step, Error> {
        if let Some(compression) = message.compression {
            let start = out.len();
            let decompressor = self.decompressor(compression);
            tail += message.append_compressed(&TAIL[tail..], decompressor, out)?;
            let produced = out.len() - start;
            if produced > 0 {
                return Ok(Step {
                    next: State::Ending(message, tail),
                    consumed: 0,
                    outcome: data(produced),
                });
            }
            if !compression.is_taken_over {
                self.decompressor = None;
            }
        }
        message.end()?;
        Ok(Step {
            next: State::Idle,
            consumed: 0,
            outcome: Outcome::Event(Event::End),
        })
    }

    fn decompressor(&mut self, compression: DeflateContext) -> &mut Decompressor {
        let make = || Box::new(Decompressor::new(compression));
        self.decompressor.get_or_insert_with(make)
    }
}

/// The state between two frames.
fn between(message: Option<Message>) -> State {
    message.map_or(State::Idle, State::Fragmented)
}

/// The state when so much of a payload is left.
fn within(message: Message, payload: Payload) -> State {
    match (payload.left, payload.is_final) {
        (0, true) => State::Ending(message, 0),
        (0, false) => State::Fragmented(message),
        _ => State::Payload(message, payload),
    }
}

/// Section 5.5: a control frame, once all of it has arrived.
fn control(parsed: ParsedHeader, next: State, input: &[u8]) -> Result<Step, Error> {
    // The length is at most 125, or the header would be invalid.
    let end = parsed.size + parsed.header.length as usize;
    let Some(masked) = input.get(parsed.size..end) else {
        return Ok(Step::wait(next));
    };
    let payload = ControlPayload::unmasked(masked, parsed.mask)?;
    let (next, event) = match parsed.header.opcode {
        Opcode::Ping => (next, Event::Ping(payload)),
        Opcode::Pong => (next, Event::Pong(payload)),
        _ => (State::Closed, Event::Close(Close::parse(payload.bytes())?)),
    };
    Ok(Step {
        next,
        consumed: end,
        outcome: Outcome::Event(event),
    })
}

/// The outcome of a step that appended so much content.
fn data(length: usize) -> Outcome {
    match length {
        0 => Outcome::Again,
        length => Outcome::Event(Event::Data(length)),
    }
}

impl Step {
    fn wait(next: State) -> Step {
        Step {
            next,
            consumed: 0,
            outcome: Outcome::Wait,
        }
    }
}

#[cfg(test)]
mod tests;
