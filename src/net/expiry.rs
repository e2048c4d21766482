//! What it means for a connection that a deadline has passed.

use crate::net::bench::Bench;
use crate::net::connection::{Closed, Connection, Phase, Turn};
use crate::net::deadline::Waiting;
use crate::net::receiving::is_blank;
use crate::origin::reason::Reason;
use crate::semantics::status::Status;

impl Connection {
    /// Acts upon a deadline that has passed.
    pub fn expire(&mut self, bench: &mut Bench) -> Turn {
        let idle = |_: &mut Connection, _: &mut Bench| Turn::Closed(Closed::Idle);
        let reason = match self.deadline.waiting {
            Waiting::FirstRequest | Waiting::Request => return self.turn(bench, idle),
            Waiting::Close => return Turn::Closed(Closed::Idle),
            Waiting::Handshake => return self.give_up_handshake(bench),
            Waiting::Send => return self.judge_pace(bench),
            Waiting::Head if is_blank(&self.received) => return self.turn(bench, idle),
            Waiting::Head => Reason::HeadDeadline,
            Waiting::Body => Reason::BodyDeadline,
        };
        let method = self.method_so_far(&self.received);
        self.refuse(Status::RequestTimeout, reason, method, &mut bench.desk);
        self.drive_with_refusal(bench)
    }

    /// Sends a refusal that was made between two turns: nothing else was unsent, because more was
    /// awaited, so it stands alone.
    pub(super) fn drive_with_refusal(&mut self, bench: &mut Bench) -> Turn {
        bench.desk.outbox.keep(&mut self.unsent);
        self.drive(bench)
    }

    /// The end of a window: the kernel says that there is room only when a third of its buffer has
    /// left, so what the client has taken is learnt by filling it up again.
    fn judge_pace(&mut self, bench: &mut Bench) -> Turn {
        let mut turn = self.drive(bench);
        // A turn ends before a large socket is full.
        while turn == Turn::Again && self.deadline.waiting == Waiting::Send && !self.pace.is_kept()
        {
            turn = self.drive(bench);
        }
        if matches!(turn, Turn::Closed(_)) || self.deadline.waiting != Waiting::Send {
            return turn;
        }
        if !self.pace.was_kept(turn == Turn::Wait) {
            return Turn::Closed(Closed::TooSlow);
        }
        if let Phase::Send(sending) = &self.phase {
            sending.give_up_copy();
        }
        self.deadline = self.pace.window(bench.desk.now.instant);
        turn
    }
}
