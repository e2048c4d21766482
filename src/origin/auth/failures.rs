//! Wrong passwords by client network, so that nobody can try many.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How many wrong passwords a network may send before it has to wait.
pub const MOST_FAILURES: u32 = 10;

/// How long it waits. After that, it may send one more; if that is wrong too, it waits again.
pub const WAIT: Duration = Duration::from_secs(60);

/// When the failures of a network are forgotten.
const FORGOTTEN: Duration = Duration::from_secs(15 * 60);

/// How many networks are remembered: about 200 KiB.
const MOST_NETWORKS: usize = 4096;

/// The networks that sent wrong passwords.
#[derive(Debug, Default)]
pub struct Failures(HashMap<IpAddr, Record>);

#[derive(Clone, Copy, Debug)]
struct Record {
    count: u32,
    latest: Instant,
}

impl Failures {
    /// How long a network has to wait. `None`: it may send a password now.
    pub fn wait(&self, network: IpAddr, now: Instant) -> Option<Duration> {
        let record = self.0.get(&network)?;
        let waited = now.saturating_duration_since(record.latest);
        let rest = WAIT.checked_sub(waited).filter(|rest| !rest.is_zero());
        rest.filter(|_| record.count >= MOST_FAILURES)
    }

    /// Notes a wrong password.
    pub fn note(&mut self, network: IpAddr, now: Instant) {
        if !self.0.contains_key(&network) && self.0.len() >= MOST_NETWORKS {
            self.make_room(now);
        }
        let new = Record {
            count: 0,
            latest: now,
        };
        let record = self.0.entry(network).or_insert(new);
        if is_forgotten(record, now) {
            record.count = 0;
        }
        record.count = record.count.saturating_add(1);
        record.latest = now;
    }

    /// Forgets the failures of a network, because it sent a right password.
    pub fn forget(&mut self, network: IpAddr) {
        self.0.remove(&network);
    }

    /// Forgets old records, or the one with the fewest failures.
    fn make_room(&mut self, now: Instant) {
        self.0.retain(|_, record| !is_forgotten(record, now));
        if self.0.len() < MOST_NETWORKS {
            return;
        }
        let least = self
            .0
            .iter()
            .min_by_key(|(_, record)| (record.count, record.latest));
        if let Some(network) = least.map(|(network, _)| *network) {
            self.0.remove(&network);
        }
    }
}

fn is_forgotten(record: &Record, now: Instant) -> bool {
    now.saturating_duration_since(record.latest) >= FORGOTTEN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(number: usize) -> IpAddr {
        let number = u32::try_from(number).expect("a small number");
        std::net::Ipv4Addr::from_bits(number).into()
    }

    fn failed(times: u32, now: Instant) -> Failures {
        let mut failures = Failures::default();
        (0..times).for_each(|_| failures.note(network(1), now));
        failures
    }

    #[test]
    fn a_network_waits_after_some_wrong_passwords() {
        let now = Instant::now();
        assert_eq!(failed(MOST_FAILURES - 1, now).wait(network(1), now), None);
        let mut failures = failed(MOST_FAILURES, now);
        assert_eq!(failures.wait(network(1), now), Some(WAIT));
        assert_eq!(failures.wait(network(2), now), None);
        let second = Duration::from_secs(1);
        assert_eq!(failures.wait(network(1), now + WAIT - second), Some(second));
        assert_eq!(failures.wait(network(1), now + WAIT), None);
        failures.note(network(1), now + WAIT);
        assert_eq!(failures.wait(network(1), now + WAIT), Some(WAIT));
    }

    #[test]
    fn a_right_password_and_time_let_failures_be_forgotten() {
        let now = Instant::now();
        let mut failures = failed(MOST_FAILURES, now);
        failures.forget(network(1));
        failures.note(network(1), now);
        assert_eq!(failures.wait(network(1), now), None);
        let mut failures = failed(MOST_FAILURES, now);
        failures.note(network(1), now + FORGOTTEN);
        assert_eq!(failures.wait(network(1), now + FORGOTTEN), None);
    }

    #[test]
    fn the_table_is_bounded_and_keeps_those_who_wait() {
        let now = Instant::now();
        let mut failures = failed(MOST_FAILURES, now);
        for number in 2..MOST_NETWORKS + 1000 {
            failures.note(network(number), now);
        }
        assert_eq!(failures.0.len(), MOST_NETWORKS);
        assert_eq!(failures.wait(network(1), now), Some(WAIT));
        failures.note(network(0), now + FORGOTTEN);
        assert_eq!(failures.0.len(), 1);
    }
}
