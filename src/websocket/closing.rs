//! RFC 6455 sections 5.5.1, 7.1 and 7.1.7: the closing handshake.
//!
//! Each end sends one Close frame. When both have, the server closes the connection first. Either end may
//! begin. If a client breaks the protocol, the server sends Close and closes without an answer.
//!
//! ```text
//!             send Close                 receive Close
//!     Open ---------------> CloseSent ------------------+
//!      | |                                              v
//!      | +--- fail, send Close ---------------------> Closed
//!      |                                                ^
//!      +----------------> CloseReceived ----------------+
//!         receive Close                   send Close
//! ```

use super::close::{Close, CloseCode};
use super::frame::Opcode;

/// How far the closing handshake of a connection is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Closing {
    /// No Close frame has crossed.
    #[default]
    Open,
    /// The server has sent a Close frame. Messages that the client sent before it saw the frame may arrive.
    CloseSent,
    /// The client has sent a Close frame, and waits for one.
    CloseReceived,
    /// The handshake is over, or the connection failed. The server closes the connection.
    Closed,
}

/// What happens in a closing handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseEvent {
    /// The server sends a Close frame.
    Sent,
    /// A Close frame arrives.
    Received,
    /// The server sends a Close frame because the client broke the protocol. It reads nothing more
    /// (section 7.1.7).
    Failed,
}

impl Closing {
    /// The state after `event`, by the graph above. A frame that must not be sent any more, or that is no
    /// longer read, changes nothing.
    pub fn after(self, event: CloseEvent) -> Closing {
        match (self, event) {
            (_, CloseEvent::Failed) => Closing::Closed,
            (Closing::Open, CloseEvent::Sent) => Closing::CloseSent,
            (Closing::Open, CloseEvent::Received) => Closing::CloseReceived,
            (Closing::CloseSent, CloseEvent::Received) => Closing::Closed,
            (Closing::CloseReceived, CloseEvent::Sent) => Closing::Closed,
            (state, _) => state,
        }
    }

    /// Whether the server may send such a frame.
    ///
    /// After its own Close it sends no data (section 5.5.1), but it still answers pings (section 5.5.2).
    /// After the client's Close it may complete a message that it has begun, and need not answer pings.
    pub fn may_send(self, opcode: Opcode) -> bool {
        match self {
            Closing::Open => true,
            Closing::CloseSent => matches!(opcode, Opcode::Ping | Opcode::Pong),
            Closing::CloseReceived => matches!(opcode, Opcode::Continuation | Opcode::Close),
            Closing::Closed => false,
        }
    }

    /// Whether the server reads what arrives. After a Close of the client nothing counts any more.
    pub fn may_receive(self) -> bool {
        matches!(self, Closing::Open | Closing::CloseSent)
    }
}

/// Section 5.5.1: the status code of the answer to a Close frame is the one that was received. `None` is
/// an empty payload.
///
/// Only clients send 1010, so the answer to it is 1000.
pub fn answer(received: Option<&Close>) -> Option<CloseCode> {
    received.map(|close| match close.code.is_for_servers() {
        true => close.code,
        false => CloseCode::NORMAL,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is allowed in a state, and the states after sending, receiving and failing.
    #[track_caller]
    fn check(state: Closing, receives: bool, sends: &[Opcode], after: [Closing; 3]) {
        use Opcode::*;
        let events = [CloseEvent::Sent, CloseEvent::Received, CloseEvent::Failed];
        assert_eq!(events.map(|event| state.after(event)), after);
        assert_eq!(state.may_receive(), receives);
        let all = [Continuation, Text, Binary, Close, Ping, Pong].into_iter();
        let may_send: Vec<Opcode> = all.filter(|opcode| state.may_send(*opcode)).collect();
        assert_eq!(may_send, sends);
    }

    #[test]
    fn each_end_sends_one_close_frame() {
        use Closing::*;
        use Opcode::{Binary, Close, Continuation, Ping, Pong, Text};
        let all = [Continuation, Text, Binary, Close, Ping, Pong];
        check(Open, true, &all, [CloseSent, CloseReceived, Closed]);
        // 5.5.1: no data after a Close. 5.5.2: but pongs.
        check(CloseSent, true, &[Ping, Pong], [CloseSent, Closed, Closed]);
        let rest = [Continuation, Close]; // 5.5.1: the rest of a message, then Close
        check(CloseReceived, false, &rest, [Closed, CloseReceived, Closed]);
        check(Closed, false, &[], [Closed, Closed, Closed]);
        assert_eq!(Closing::default(), Open);
    }

    #[test]
    fn the_answer_repeats_the_code() {
        let close = |code| Close {
            code,
            reason: "bye".into(),
        };
        assert_eq!(answer(None), None); // 7.1.5
        let code = CloseCode::GOING_AWAY;
        assert_eq!(answer(Some(&close(code))), Some(code)); // 5.5.1
        let code = CloseCode::MANDATORY_EXTENSION;
        assert_eq!(answer(Some(&close(code))), Some(CloseCode::NORMAL)); // 7.4.1
    }
}
