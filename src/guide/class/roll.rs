//! How many learners of a class have done which experiment of the textbook, without names.
//!
//! ```text
//! 0f3a...: {weak-tag, resume}      a learner is a random number that a browser has made, and its experiments
//! 192.0.2.7: 2 learners            an address only limits how much it reports; nothing connects it with a learner
//! ```
//!
//! All of this is in memory, in tables that are as large from the beginning as they may become. Whoever uses the
//! class can report whatever he likes, but only for a few learners, and not often.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::guide::class::experiments::{Done, EXPERIMENTS};
use crate::guide::class::report::Report;

/// How many learners a class may have.
pub const MOST_LEARNERS: usize = 1000;

/// How many learners may report from one address: browsers of a machine that several people use. The /64 of IPv6 is no
/// unit here, because a whole class has the same.
pub const MOST_OF_ADDRESS: u32 = 8;

/// How many reports an address may send in each [`PERIOD`]. A learner does an experiment in a minute.
pub const MOST_REPORTS: u32 = 30;

/// See [`MOST_REPORTS`].
pub const PERIOD: Duration = Duration::from_secs(10);

/// What a class has done since it began.
pub struct Roll {
    /// When the server started.
    started: Instant,
    /// The same in milliseconds since 1970.
    started_at: u64,
    /// When the class began, in milliseconds since 1970. It tells one class from another.
    began: u64,
    learners: HashMap<u128, Done>,
    addresses: HashMap<IpAddr, Visits>,
}

/// What came from an address.
#[derive(Clone, Copy)]
struct Visits {
    /// How many learners it has brought.
    learners: u32,
    /// When the period began, and how many reports came since then.
    period: Instant,
    reports: u32,
}

/// Why a report does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncounted {
    /// It is for another class than the one that began then.
    OtherClass(u64),
    /// The address reports too often.
    TooOften,
    /// The address reports for too many learners.
    ManyLearners,
    /// The class has as many learners as it may, or as many addresses.
    Full,
}

impl Roll {
    /// Nobody has done anything when the server starts.
    pub fn new(started: Instant, at: SystemTime) -> Roll {
        let since_1970 = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let started_at = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        Roll {
            started,
            started_at,
            began: started_at,
            learners: HashMap::with_capacity(MOST_LEARNERS),
            addresses: HashMap::with_capacity(MOST_LEARNERS),
        }
    }

    /// When the class began, in milliseconds since 1970. No other class of this server has the same number.
    pub fn began(&self) -> u64 {
        self.began
    }

    /// How many learners have done something.
    pub fn learners(&self) -> usize {
        self.learners.len()
    }

    /// How many learners have done each experiment, in the order of the book.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; EXPERIMENTS.len()];
        for done in self.learners.values() {
            for (number, count) in counts.iter_mut().enumerate() {
                *count += usize::from(done.has(number));
            }
        }
        counts
    }

    /// Begins another class `now`: nobody has done anything.
    pub fn clear(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.started).as_millis();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        self.began = self.started_at.saturating_add(passed).max(self.began + 1);
        self.learners.clear();
        self.addresses.clear();
    }

    /// Counts what a learner has done, in place of what it had reported before. Without any experiment, the learner
    /// is forgotten. Returns whether anything changes.
    pub fn count(
        &mut self,
        report: &Report,
        from: IpAddr,
        now: Instant,
    ) -> Result<bool, Uncounted> {
        self.visit(from, now)?;
        if report.class != self.began {
            return Err(Uncounted::OtherClass(self.began));
        }
        if report.done.is_empty() {
            return Ok(self.learners.remove(&report.learner).is_some());
        }
        if let Some(done) = self.learners.get_mut(&report.learner) {
            let before = std::mem::replace(done, report.done);
            return Ok(before != report.done);
        }
        if self.learners.len() >= MOST_LEARNERS {
            return Err(Uncounted::Full);
        }
        let visits = self.addresses.get_mut(&from).ok_or(Uncounted::Full)?;
        if visits.learners >= MOST_OF_ADDRESS {
            return Err(Uncounted::ManyLearners);
        }
        visits.learners += 1;
        self.learners.insert(report.learner, report.done);
        Ok(true)
    }

    /// Notes that a report has come.
    fn visit(&mut self, from: IpAddr, now: Instant) -> Result<(), Uncounted> {
        if self.addresses.len() >= MOST_LEARNERS && !self.addresses.contains_key(&from) {
            return Err(Uncounted::Full);
        }
        let new = Visits {
            learners: 0,
            period: now,
            reports: 0,
        };
        let visits = self.addresses.entry(from).or_insert(new);
        if now.saturating_duration_since(visits.period) >= PERIOD {
            (visits.period, visits.reports) = (now, 0);
        }
        visits.reports = visits.reports.saturating_add(1);
        match visits.reports > MOST_REPORTS {
            true => Err(Uncounted::TooOften),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    struct Class {
        roll: Roll,
        now: Instant,
    }

    impl Class {
        fn new() -> Class {
            let now = Instant::now();
            let roll = Roll::new(now, UNIX_EPOCH + Duration::from_secs(1));
            Class { roll, now }
        }

        /// A report of a learner who has done these experiments.
        fn report(&mut self, from: u32, learner: u128, done: &[usize]) -> Result<bool, Uncounted> {
            let report = Report {
                class: self.roll.began(),
                learner,
                done: done.iter().copied().collect(),
            };
            let from = Ipv4Addr::from_bits(from).into();
            self.roll.count(&report, from, self.now)
        }

        /// The numbers of the experiments that somebody has done, and how many have.
        fn done(&self) -> Vec<(usize, usize)> {
            let counts = self.roll.counts().into_iter().enumerate();
            counts.filter(|(_, count)| *count > 0).collect()
        }
    }

    #[test]
    fn a_report_replaces_what_the_learner_had() {
        let mut class = Class::new();
        assert_eq!(class.report(1, 10, &[0]), Ok(true));
        assert_eq!(class.report(1, 10, &[0]), Ok(false));
        assert_eq!(class.report(1, 10, &[0, 3]), Ok(true));
        assert_eq!(class.report(2, 11, &[3]), Ok(true));
        assert_eq!(class.done(), [(0, 1), (3, 2)]);
        assert_eq!(class.roll.learners(), 2);
        // The learner no longer wants to be counted.
        assert_eq!(class.report(1, 10, &[]), Ok(true));
        assert_eq!(class.report(1, 10, &[]), Ok(false));
        assert_eq!(class.done(), [(3, 1)]);
    }

    #[test]
    fn another_class_begins_with_nothing() {
        let mut class = Class::new();
        assert_eq!(class.roll.began(), 1000);
        let old = Report {
            class: 1000,
            learner: 10,
            done: [0].into_iter().collect(),
        };
        let from = Ipv4Addr::LOCALHOST.into();
        assert_eq!(class.roll.count(&old, from, class.now), Ok(true));
        class.roll.clear(class.now);
        assert_eq!(class.roll.began(), 1001, "no two are the same");
        assert_eq!((class.roll.learners(), class.done()), (0, vec![]));
        let refused = class.roll.count(&old, from, class.now);
        assert_eq!(refused, Err(Uncounted::OtherClass(1001)));
        class.roll.clear(class.now + Duration::from_secs(5));
        assert_eq!(class.roll.began(), 6000);
    }

    #[test]
    fn an_address_reports_seldom_and_for_few_learners() {
        let mut class = Class::new();
        for learner in 0..u128::from(MOST_OF_ADDRESS) {
            assert_eq!(class.report(1, learner, &[0]), Ok(true));
        }
        assert_eq!(class.report(1, 99, &[0]), Err(Uncounted::ManyLearners));
        assert_eq!(class.report(1, 0, &[1]), Ok(true), "known ones may go on");
        assert_eq!(class.report(2, 99, &[0]), Ok(true), "others too");
        for _ in MOST_OF_ADDRESS + 2..MOST_REPORTS {
            assert_eq!(class.report(1, 0, &[1]), Ok(false));
        }
        assert_eq!(class.report(1, 0, &[2]), Err(Uncounted::TooOften));
        assert_eq!(class.report(2, 99, &[1]), Ok(true));
        class.now += PERIOD;
        assert_eq!(class.report(1, 0, &[2]), Ok(true));
    }

    #[test]
    fn the_tables_never_grow() {
        let mut class = Class::new();
        let capacity = (
            class.roll.learners.capacity(),
            class.roll.addresses.capacity(),
        );
        for number in 0..MOST_LEARNERS as u32 {
            assert_eq!(class.report(number, number.into(), &[0]), Ok(true));
        }
        // Neither a new address nor a new learner of a known one.
        assert_eq!(class.report(5000, 5000, &[0]), Err(Uncounted::Full));
        assert_eq!(class.report(1, 5000, &[0]), Err(Uncounted::Full));
        assert_eq!(class.report(1, 1, &[1]), Ok(true));
        let after = (
            class.roll.learners.capacity(),
            class.roll.addresses.capacity(),
        );
        assert_eq!(after, capacity);
        class.roll.clear(class.now);
        assert_eq!(class.report(5000, 5000, &[0]), Ok(true));
    }
}
