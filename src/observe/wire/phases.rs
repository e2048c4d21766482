//! How many connections a worker has in each phase, for a picture of the workers.

use std::time::SystemTime;

use super::super::json::milliseconds;

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The TLS handshake.
    Handshake,
    /// It waits for a request.
    Idle,
    /// A request arrives.
    Reading,
    /// A response is being made.
    Answering,
    /// A response is being sent.
    Sending,
    /// Another protocol uses it, such as WebSocket.
    Upgraded,
    /// It is being closed.
    Closing,
}

/// Every phase with its name, in the order of [`Phase`].
const NAMES: [&str; 7] = [
    "handshake",
    "idle",
    "reading",
    "answering",
    "sending",
    "upgraded",
    "closing",
];

/// How many connections are in each phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases([u32; NAMES.len()]);

impl Phases {
    /// Each phase by its name, with the number of connections in it.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u32)> {
        NAMES.into_iter().zip(self.0)
    }

    /// Adds those of another worker.
    pub fn add(&mut self, others: &Phases) {
        for (count, more) in self.0.iter_mut().zip(others.0) {
            *count += more;
        }
    }
}

impl FromIterator<Phase> for Phases {
    fn from_iter<I: IntoIterator<Item = Phase>>(phases: I) -> Phases {
        let mut counts = Phases::default();
        for phase in phases {
            counts.0[phase as usize] += 1;
        }
        counts
    }
}

/// The event of a worker with this number.
pub(super) fn worker(number: usize, phases: Phases, at: SystemTime) -> String {
    let at = milliseconds(at);
    let counts: Vec<String> = phases
        .named()
        .map(|(name, count)| format!("\"{name}\":{count}"))
        .collect();
    let counts = counts.join(",");
    format!("{{\"worker\":{{\"number\":{number},\"at\":{at},\"phases\":{{{counts}}}}}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_is_counted_under_its_name() {
        let phases = [
            Phase::Idle,
            Phase::Closing,
            Phase::Idle,
            Phase::Handshake,
            Phase::Upgraded,
        ];
        let text = worker(3, phases.into_iter().collect(), SystemTime::UNIX_EPOCH);
        let want = "{\"worker\":{\"number\":3,\"at\":0,\"phases\":{\"handshake\":1,\"idle\":2,\"reading\":0,\
                    \"answering\":0,\"sending\":0,\"upgraded\":1,\"closing\":1}}}";
        assert_eq!(text, want);
    }
}
