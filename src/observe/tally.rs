//! What each worker counts for the metrics (`--admin`).
//!
//! A worker counts in memory of its own, so that counting costs a few instructions and no worker waits for the memory of
//! another one. Whoever reads the metrics adds up the workers.
//!
//! ```text
//! worker 1: Tally { site "*": GET 200, GET 404; durations; phases }   only worker 1 writes
//! worker 2: Tally { ... }                                             only worker 2 writes
//! ```

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::observe::topic::{Capacity, Reader, Topic};
use crate::observe::wire::Phases;
use crate::semantics::method::Method;
use crate::sync::lock;

/// A counter that one thread changes and others read. It needs no atomic addition.
#[derive(Debug, Default)]
pub struct OwnCounter(AtomicU64);

impl OwnCounter {
    /// Increases the counter. Only the thread of its worker may do so.
    pub fn add(&self, amount: u64) {
        let value = self.0.load(Ordering::Relaxed);
        self.0.store(value.wrapping_add(amount), Ordering::Relaxed);
    }

    /// The current value.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A method as the metrics name it. Clients choose among any number of others, so those are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MethodLabel(u8);

/// Their names. The last one stands for all other methods, and for requests whose method is not known.
const METHODS: [&str; 10] = [
    "GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "CONNECT", "TRACE", "other",
];

impl MethodLabel {
    /// Any method without a name of its own.
    pub const OTHER: MethodLabel = MethodLabel(METHODS.len() as u8 - 1);

    /// The label of a method; `None` if the server does not know it.
    pub fn of(method: Option<Method>) -> MethodLabel {
        match method {
            Some(Method::Get) => MethodLabel(0),
            Some(Method::Head) => MethodLabel(1),
            Some(method) => {
                let mut names = METHODS.iter();
                let place = names.position(|name| *name == method.token());
                place.map_or(MethodLabel::OTHER, |place| MethodLabel(place as u8))
            }
            None => MethodLabel::OTHER,
        }
    }
}

/// The statuses that a response can have.
const FIRST_STATUS: u16 = 100;
const STATUSES: usize = 500;

/// What a worker counts of one site. Aligned, so that no other worker's memory shares a cache line with it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct SiteTally {
    /// Responses by method and status. Made when the first response to the method is counted.
    responses: [OnceLock<Box<[OwnCounter]>>; METHODS.len()],
    /// Bytes of content that were sent.
    sent: OwnCounter,
}

impl SiteTally {
    fn count(&self, method: MethodLabel, status: u16, sent: u64) {
        let responses = self.responses.get(usize::from(method.0));
        let place = status.checked_sub(FIRST_STATUS).map(usize::from);
        if let (Some(responses), Some(place)) = (responses, place)
            && let Some(counter) = responses.get_or_init(none_counted).get(place)
        {
            counter.add(1);
        }
        self.sent.add(sent);
    }

    /// The method, the status and the number of the responses that were counted.
    fn responses(&self) -> impl Iterator<Item = (&'static str, u16, u64)> {
        let by_method = METHODS.iter().zip(&self.responses);
        by_method.flat_map(|(method, responses)| {
            let counters = responses
                .get()
                .into_iter()
                .flat_map(|responses| responses.iter());
            let statuses = FIRST_STATUS..;
            let counted = statuses.zip(counters.map(OwnCounter::value));
            counted.filter_map(|(status, count)| (count > 0).then_some((*method, status, count)))
        })
    }
}

fn none_counted() -> Box<[OwnCounter]> {
    (0..STATUSES).map(|_| OwnCounter::default()).collect()
}

/// The upper bounds of the buckets for durations. Cached files take less than a millisecond, downloads minutes.
pub const BOUNDS: [Duration; 13] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_secs(60),
];

/// How much is kept of the answers of workers: that there was one.
const ANSWERS: Capacity = Capacity { items: 1, bytes: 0 };

/// What one worker counts.
#[repr(align(128))]
pub struct Tally {
    /// How many durations are in each bucket. The last one has no bound.
    durations: [OwnCounter; BOUNDS.len() + 1],
    /// The sum of the durations in nanoseconds.
    duration_sum: OwnCounter,
    /// Uses of cached files, and files that were read because they were not cached.
    cache_hits: OwnCounter,
    cache_misses: OwnCounter,
    /// Whether somebody wants to know the phases.
    is_asked: AtomicBool,
    /// What the connections did when somebody asked last.
    phases: Mutex<Phases>,
    /// Has an item for each answer of a worker. All workers of a server share it.
    answers: Topic<()>,
    /// Only a start, a reload and a reader lock it.
    sites: Mutex<Sites>,
}

/// The sites by their names. None is removed, so the place of a site is its number for ever.
#[derive(Debug)]
struct Sites(Vec<(Arc<str>, Arc<SiteTally>)>);

impl Default for Sites {
    /// What stands for no site.
    fn default() -> Sites {
        Sites(vec![("".into(), Arc::default())])
    }
}

impl Tally {
    /// Those of so many workers of a server that starts `now`.
    pub fn of_workers(workers: usize, now: Instant) -> Vec<Arc<Tally>> {
        let answers = Topic::new(ANSWERS, now);
        let tally = |_| Tally {
            durations: Default::default(),
            duration_sum: OwnCounter::default(),
            cache_hits: OwnCounter::default(),
            cache_misses: OwnCounter::default(),
            is_asked: AtomicBool::default(),
            phases: Mutex::default(),
            answers: answers.clone(),
            sites: Mutex::default(),
        };
        (0..workers).map(tally).map(Arc::new).collect()
    }

    /// What has an item for each answer of a worker from `now` on, this one or another one of its server.
    pub fn answers(&self, now: Instant, waker: Waker) -> Reader<()> {
        self.answers.reader_since(Some(now), waker)
    }

    /// The number of the site with this name. A site that comes back after a reload goes on with its counters.
    pub fn number_of(&self, name: &str) -> SiteNumber {
        let sites = &mut lock(&self.sites).0;
        let known = sites.iter().position(|(known, _)| **known == *name);
        let place = known.unwrap_or_else(|| {
            sites.push((name.into(), Arc::default()));
            sites.len() - 1
        });
        SiteNumber::try_from(place).unwrap_or_default()
    }

    /// Notes that the worker is asked what its connections do. Returns whether it was not asked yet, so that it must be
    /// told.
    pub fn ask_for_phases(&self) -> bool {
        !self.is_asked.swap(true, Ordering::Relaxed)
    }

    /// Whether the worker has been asked and has not answered.
    pub fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::Acquire)
    }

    /// Answers what the connections do `now`, and wakes who waits for that.
    pub fn tell_phases(&self, phases: Phases, now: Instant) {
        *lock(&self.phases) = phases;
        self.is_asked.store(false, Ordering::Release);
        self.answers.publish((), 0, now);
    }

    /// Counts a use of a cached file, or a file that was read because it was not cached.
    pub fn count_lookup(&self, is_hit: bool) {
        match is_hit {
            true => self.cache_hits.add(1),
            false => self.cache_misses.add(1),
        }
    }

    /// Counts the time from the first byte of a request to the last byte of its response.
    fn count_duration(&self, duration: Duration) {
        let place = BOUNDS.partition_point(|bound| *bound < duration);
        self.durations[place].add(1);
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.duration_sum.add(nanoseconds);
    }
}

/// A worker's own end of its tally.
pub struct Counting {
    tally: Arc<Tally>,
    /// The sites by [`SiteNumber`].
    sites: Vec<Arc<SiteTally>>,
}

/// The number of a site in the tally of a worker. 0 stands for requests that reached none.
pub type SiteNumber = u16;

impl Counting {
    /// For the sites that have a number now.
    pub fn new(tally: Arc<Tally>) -> Counting {
        let known = lock(&tally.sites);
        let sites = known.0.iter().map(|(_, tally)| Arc::clone(tally));
        let sites = sites.collect();
        drop(known);
        Counting { sites, tally }
    }

    /// The tally.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Counts a response that has ended.
    pub fn count(
        &self,
        (site, method): (SiteNumber, MethodLabel),
        status: u16,
        sent: u64,
        duration: Duration,
    ) {
        // A reload changes no number, so a response that was under way is counted for its own site.
        if let Some(tally) = self.sites.get(usize::from(site)).or(self.sites.first()) {
            tally.count(method, status, sent);
        }
        self.tally.count_duration(duration);
    }
}

/// What all workers have counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Responses by site, method and status.
    pub answers: Vec<(Arc<str>, &'static str, u16, u64)>,
    /// Bytes of content that were sent, by site.
    pub sent: Vec<(Arc<str>, u64)>,
    /// How many durations are in each bucket of [`BOUNDS`], and beyond the last bound.
    pub durations: [u64; BOUNDS.len() + 1],
    /// The sum of the durations.
    pub duration_sum: Duration,
    /// Uses of cached files.
    pub cache_hits: u64,
    /// Files that were read because they were not cached.
    pub cache_misses: u64,
    /// What the connections do.
    pub phases: Phases,
}

impl Totals {
    /// Adds up what the workers have counted.
    pub fn of<'a>(tallies: impl IntoIterator<Item = &'a Arc<Tally>>) -> Totals {
        let mut totals = Totals::default();
        for tally in tallies {
            totals.add(tally);
        }
        totals
    }

    fn add(&mut self, tally: &Tally) {
        for (name, site) in &lock(&tally.sites).0 {
            add_to(&mut self.sent, name, site.sent.value());
            for (method, status, count) in site.responses() {
                let same = |(site, of, with, _): &&mut (Arc<str>, &str, u16, u64)| {
                    *site == *name && *of == method && *with == status
                };
                match self.answers.iter_mut().find(same) {
                    Some((.., total)) => *total += count,
                    None => self.answers.push((Arc::clone(name), method, status, count)),
                }
            }
        }
        for (total, count) in self.durations.iter_mut().zip(&tally.durations) {
            *total += count.value();
        }
        self.duration_sum += Duration::from_nanos(tally.duration_sum.value());
        self.cache_hits += tally.cache_hits.value();
        self.cache_misses += tally.cache_misses.value();
        self.phases.add(&lock(&tally.phases));
    }
}

fn add_to(sums: &mut Vec<(Arc<str>, u64)>, name: &Arc<str>, amount: u64) {
    match sums.iter_mut().find(|(known, _)| known == name) {
        Some((_, sum)) => *sum += amount,
        None => sums.push((Arc::clone(name), amount)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::topic::News;
    use std::task::Wake;

    fn tally() -> Arc<Tally> {
        let mut one = Tally::of_workers(1, Instant::now());
        one.pop().expect("a worker")
    }

    /// After a start or a reload with these sites.
    fn counting(tally: &Arc<Tally>, names: &[&str]) -> Counting {
        for name in names {
            tally.number_of(name);
        }
        Counting::new(Arc::clone(tally))
    }

    #[test]
    fn the_workers_are_added_up() {
        let tallies = Tally::of_workers(2, Instant::now());
        let get = MethodLabel::of(Some(Method::Get));
        for tally in &tallies {
            let counting = counting(tally, &["*", "a.example"]);
            counting.count((1, get), 200, 10, Duration::from_micros(100));
            counting.count((2, get), 200, 1, Duration::from_micros(101));
            counting.count((2, MethodLabel::OTHER), 501, 0, Duration::from_secs(61));
            tally.count_lookup(true);
            tally.count_lookup(false);
        }
        let totals = Totals::of(&tallies);
        let answers: Vec<_> = totals
            .answers
            .iter()
            .map(|(site, method, status, count)| (&**site, *method, *status, *count))
            .collect();
        assert_eq!(
            answers,
            [
                ("*", "GET", 200, 2),
                ("a.example", "GET", 200, 2),
                ("a.example", "other", 501, 2)
            ]
        );
        let sent: Vec<_> = totals
            .sent
            .iter()
            .map(|(site, sent)| (&**site, *sent))
            .collect();
        assert_eq!(sent, [("", 0), ("*", 20), ("a.example", 2)]);
        assert_eq!(totals.durations[0], 2, "a bound belongs to its bucket");
        assert_eq!(
            (totals.durations[1], totals.durations[BOUNDS.len()]),
            (2, 2)
        );
        let sum = 2 * (Duration::from_micros(201) + Duration::from_secs(61));
        assert_eq!(totals.duration_sum, sum);
        assert_eq!((totals.cache_hits, totals.cache_misses), (2, 2));
    }

    /// Whichever worker it is, and once for each answer.
    #[test]
    fn an_answer_wakes_who_waits_for_it() {
        #[derive(Default)]
        struct Rings(AtomicU64);
        impl Wake for Rings {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let now = Instant::now();
        let tallies = Tally::of_workers(2, now);
        let rings = Arc::<Rings>::default();
        let mut answers = tallies[0].answers(now, Arc::clone(&rings).into());
        let rung = || rings.0.load(Ordering::SeqCst);
        assert!(tallies.iter().all(|tally| tally.ask_for_phases()));
        assert!(!tallies[0].ask_for_phases(), "it has been asked");
        for (answered, tally) in (1..).zip(&tallies) {
            assert_eq!(answers.poll(), News::Nothing);
            tally.tell_phases(Phases::default(), now + Duration::from_secs(1));
            assert_eq!(rung(), answered);
            assert!(!tally.is_asked());
            assert_ne!(answers.poll(), News::Nothing);
        }
        assert_eq!(answers.poll(), News::Nothing);
        drop(answers);
        tallies[0].tell_phases(Phases::default(), now);
        assert_eq!(rung(), 2, "nobody waits");
    }

    /// A client chooses the method, and a handler the status.
    #[test]
    fn no_client_makes_a_label() {
        let tally = tally();
        let counting = counting(&tally, &["*"]);
        for method in Method::all().map(Some).chain([None]) {
            for status in [0, 99, 100, 599, 600, u16::MAX] {
                counting.count((1, MethodLabel::of(method)), status, 0, Duration::ZERO);
                counting.count((u16::MAX, MethodLabel::OTHER), status, 0, Duration::ZERO);
            }
        }
        let totals = Totals::of([&tally]);
        let names: Vec<_> = totals.sent.iter().map(|(site, _)| &**site).collect();
        assert_eq!(names, ["", "*"]);
        let statuses = totals.answers.iter().map(|(.., status, _)| *status);
        assert!(
            statuses
                .into_iter()
                .all(|status| [100, 599].contains(&status))
        );
        assert_eq!(totals.answers.len(), 2 * METHODS.len() + 2);
        for method in [Method::Options, Method::Registered("PATCH"), Method::Trace] {
            let label = MethodLabel::of(Some(method));
            assert_eq!(METHODS[usize::from(label.0)], method.token());
        }
    }

    /// What a site has counted stays when a reload changes the order of the sites, or leaves one out for a while.
    #[test]
    fn a_site_that_comes_back_goes_on() {
        let tally = tally();
        for names in [&["*", "a", "b"][..], &["*", "b", "a"], &["*"], &["*", "b"]] {
            let counting = counting(&tally, names);
            for name in names {
                let number = tally.number_of(name);
                counting.count((number, MethodLabel::OTHER), 200, 1, Duration::ZERO);
            }
        }
        // A response that began while the site was there.
        let number = tally.number_of("a");
        counting(&tally, &["*", "b"]).count((number, MethodLabel::OTHER), 200, 1, Duration::ZERO);
        let totals = Totals::of([&tally]);
        let sent: Vec<_> = totals
            .sent
            .iter()
            .map(|(site, sent)| (&**site, *sent))
            .collect();
        assert_eq!(sent, [("", 0), ("*", 4), ("a", 3), ("b", 3)]);
    }
}
