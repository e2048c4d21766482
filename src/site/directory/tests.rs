use super::places::{LARGE, MOST_WAITING};
use super::progress::SMALL_SHARE;
use super::reading::{LONGEST_PAUSE, STALLED};
use super::scanned::STEP;
use super::*;
use crate::site::budget::Account;
use crate::site::held_listing::LEAST_HELD;
use crate::site::listing::{Format, Renderer, Shown};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Duration;

use crate::site::disk::tests::BusyPool;
use crate::site::options::{Allowances, Budgets, SiteOptions};
use crate::site::queue::tests::counting;
use crate::site::root::{LinkPolicy, Root};

const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A root with so many files, and an allowance of memory.
struct Rig {
    folder: Rc<tempfile::TempDir>,
    readings: Readings,
    site: Site,
    memory: Allowances,
    network: IpAddr,
    now: Instant,
}

impl Rig {
    fn new(files: usize, memory: u64) -> Rig {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..files {
            touch(folder.path(), &format!("file{number}"));
        }
        let [rig] = Rig::of_workers(folder, memory);
        rig
    }

    /// Workers of one server.
    fn of_workers<const N: usize>(folder: tempfile::TempDir, memory: u64) -> [Rig; N] {
        let options = SiteOptions {
            memory,
            ..SiteOptions::default()
        };
        let budgets = Budgets::new(&options, N);
        let folder = Rc::new(folder);
        [(); N].map(|()| Rig::of_worker(Rc::clone(&folder), &options, budgets.part()))
    }

    fn of_worker(folder: Rc<tempfile::TempDir>, options: &SiteOptions, memory: Allowances) -> Rig {
        let options = options.clone();
        let root = Root::open(folder.path(), LinkPolicy::default()).expect("a root");
        Rig {
            readings: Readings::default(),
            site: Site::new(Arc::new(root), Arc::new(options), memory.clone()),
            memory,
            folder,
            network: CLIENT,
            now: Instant::now(),
        }
    }

    fn join(&mut self, query: &str) -> SharedReading {
        let query = ListingQuery::parse(query.as_bytes());
        self.readings
            .join(b"", &query, self.network, self.site.turn())
    }

    fn next_turn(&mut self) {
        self.readings.end_turn();
        self.site.look_again();
        self.readings.make_room(&self.site, self.now);
    }

    fn step(&mut self, reading: &SharedReading) -> Read {
        self.step_with(reading, &mut ReadingWakes::default(), Waker::noop())
    }

    fn step_with(
        &mut self,
        reading: &SharedReading,
        wakes: &mut ReadingWakes,
        waker: &Waker,
    ) -> Read {
        let (readings, site) = (&mut self.readings, &mut self.site);
        let caller = Caller {
            network: self.network,
            now: self.now,
            wakers: waker,
        };
        readings.advance(&mut reading.borrow_mut(), site, caller, wakes)
    }

    /// How many steps a reading of the folder takes, and how many files it finds.
    fn steps(&mut self, query: &str) -> (usize, u64) {
        let reading = self.join(query);
        let mut steps = 1;
        while matches!(self.step(&reading), Read::More) {
            steps += 1;
        }
        (steps, entries(&self.read(&reading)))
    }

    /// Reads to the end, in turns of their own.
    fn read(&mut self, reading: &SharedReading) -> Rc<HeldListing> {
        loop {
            match self.step(reading) {
                Read::More => self.next_turn(),
                Read::Done(outcome) => return outcome.expect("readable"),
                _ => panic!("there is memory"),
            }
        }
    }
}

fn touch(folder: &Path, name: &str) {
    fs::write(folder.join(name), name).expect("a file");
}

fn folder_of_long_names() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for number in 0..4 * STEP {
        touch(folder.path(), &format!("{number:0>255}"));
    }
    folder
}

/// Two workers, their readings, which wait for memory in this order, and the charges for all memory.
fn two_workers_that_wait() -> ([Rig; 2], [SharedReading; 2], [Charge; 2]) {
    let mut rigs: [Rig; 2] = Rig::of_workers(folder_of_long_names(), 1 << 20);
    let all = rigs.each_ref().map(|rig| {
        let memory = &rig.memory.memory;
        memory.charge_anyway(Account::Listings, 1 << 20)
    });
    let readings = rigs.each_mut().map(|rig| {
        let reading = rig.join("");
        assert!(matches!(rig.step(&reading), Read::More));
        assert!(matches!(rig.step(&reading), Read::Waits));
        reading
    });
    (rigs, readings, all)
}

fn entries(held: &HeldListing) -> u64 {
    held.listing()
        .expect("nobody needs its memory")
        .totals()
        .entries()
}

#[test]
fn a_listing_says_what_the_server_may_not_read() {
    let mut rig = Rig::new(0, 1 << 20);
    let mut root = Root::open(rig.folder.path(), LinkPolicy::default()).expect("a root");
    // Not root, and not the user who runs the tests.
    root.assume_user(rustix::process::geteuid().as_raw() + 1);
    let options = Arc::new(SiteOptions::default());
    rig.site = Site::new(Arc::new(root), options, rig.memory.clone());
    for (name, mode) in [("a closed one", 0o600), ("an open one", 0o604)] {
        touch(rig.folder.path(), name);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(rig.folder.path().join(name), mode).expect("a mode");
    }
    let reading = rig.join("");
    let held = rig.read(&reading);
    let listing = held.listing().expect("nobody needs its memory");
    let query = ListingQuery::default();
    let mut page = Vec::new();
    let mut renderer = Renderer::new(b"", b"/", query, Shown::as_plain(Format::Html), &listing);
    renderer.pull(&listing, &mut page, usize::MAX);
    let page = String::from_utf8(page).expect("UTF-8");
    assert!(
        page.contains("a closed one</a></td><td>no access</td>"),
        "{page}"
    );
    assert!(page.contains("an open one</a></td><td>11 B</td>"), "{page}");
}

#[test]
fn clients_of_one_turn_share_a_reading() {
    let mut rig = Rig::new(3, 1 << 20);
    let (one, other) = (rig.join(""), rig.join("format=json"));
    assert!(Rc::ptr_eq(&one, &other), "the entries are the same");
    assert!(!Rc::ptr_eq(&one, &rig.join("sort=size")));
    let held = rig.read(&one);
    // It has ended, but began in this turn.
    assert!(Rc::ptr_eq(&one, &rig.join("")));
    rig.next_turn();
    let later = rig.join("");
    assert!(!Rc::ptr_eq(&one, &later));
    assert!(Rc::ptr_eq(&held, &rig.read(&later)), "nothing has changed");
    touch(rig.folder.path(), "new");
    rig.next_turn();
    let changed = rig.join("");
    let changed = rig.read(&changed);
    assert_eq!((entries(&held), entries(&changed)), (3, 4));
}

#[test]
fn queries_that_nobody_uses_are_forgotten() {
    let mut rig = Rig::new(3, 1 << 20);
    let upper = rig.join("q=A");
    assert!(Rc::ptr_eq(&upper, &rig.join("q=a")), "case does not matter");
    for number in 0..10 * LEAST_KNOWN {
        let reading = rig.join(&format!("q={number}"));
        rig.read(&reading);
        rig.next_turn();
        assert!(rig.readings.known.len() <= LEAST_KNOWN + 1, "{number}");
    }
    assert!(Rc::ptr_eq(&upper, &rig.join("q=a")), "it is in use");
}

#[test]
fn who_comes_during_a_reading_sees_what_changed_since_it_began() {
    let mut rig = Rig::new(2 * STEP, 1 << 20);
    let first = rig.join("");
    assert!(matches!(rig.step(&first), Read::More));
    rig.next_turn();
    let second = rig.join("");
    assert!(!Rc::ptr_eq(&first, &second));
    touch(rig.folder.path(), "new");
    // It has not begun, so whoever comes now may share it.
    rig.next_turn();
    assert!(Rc::ptr_eq(&second, &rig.join("")));
    // Its clients advance the first one too.
    assert_eq!(entries(&rig.read(&second)), 2 * STEP as u64 + 1);
    assert!(matches!(rig.step(&first), Read::Done(Ok(_))));
}

#[test]
fn a_small_directory_needs_no_memory_and_a_large_one_waits_for_it() {
    let mut rig = Rig::new(STEP - 10, 1 << 20);
    let memory = rig.memory.memory.clone();
    let _all = memory.charge(Account::Listings, 1 << 20).expect("free");
    let small = rig.join("");
    assert!(matches!(rig.step(&small), Read::Done(Ok(_))));
    drop(small);
    let mut rig = Rig::new(2 * STEP, 1 << 20);
    let memory = rig.memory.memory.clone();
    let all = memory.charge(Account::Listings, 1 << 20).expect("free");
    let large = rig.join("");
    assert!(matches!(rig.step(&large), Read::More));
    assert!(matches!(rig.step(&large), Read::Waits));
    drop(all);
    let held = rig.read(&large);
    assert!(
        !memory.has_room(Account::Listings, 1 << 20),
        "it holds some"
    );
    drop((held, large));
    rig.next_turn();
    assert!(memory.has_room(Account::Listings, 1 << 20));
}

#[test]
fn a_slow_client_gives_way_to_who_needs_memory() {
    const FREE: u64 = 200 << 10;
    let mut rig = Rig::new(0, 2 << 20);
    for number in 0..6 * STEP {
        touch(rig.folder.path(), &format!("{number:0>255}"));
    }
    let [first, second] = ["", "order=desc"].map(|query| {
        let reading = rig.join(query);
        rig.read(&reading)
    });
    let memory = rig.memory.memory.clone();
    let rest = (2 << 20) - first.bytes() - second.bytes() - FREE;
    let _rest = memory.charge(Account::Listings, rest).expect("free");
    rig.now += LEAST_HELD / 2;
    let third = rig.join("sort=size");
    assert!(matches!(rig.step(&third), Read::More));
    assert!(matches!(rig.step(&third), Read::Waits), "too early");
    assert!(first.listing().is_some() && second.listing().is_some());
    rig.now += LEAST_HELD / 2;
    let third = rig.read(&third);
    assert_eq!(entries(&third), 6 * STEP as u64);
    let left = [&first, &second].map(|held| held.listing().is_some());
    assert_eq!(left.iter().filter(|left| **left).count(), 1, "{left:?}");
}

#[test]
fn the_network_that_holds_most_gives_way() {
    let mut rig = Rig::new(2 * STEP, 1 << 20);
    rig.network = [10, 0, 0, 1].into();
    let reading = rig.join("");
    let old = rig.read(&reading);
    rig.now += Duration::from_secs(1);
    rig.network = [10, 0, 0, 2].into();
    let queries = ["sort=size", "sort=modified"];
    let greedy = queries.map(|query| {
        let reading = rig.join(query);
        rig.read(&reading)
    });
    rig.now += LEAST_HELD;
    let take_back = |rig: &Rig| rig.readings.held.take_back(rig.now, 1);
    take_back(&rig);
    assert!(old.listing().is_some());
    let left = greedy.each_ref().map(|held| held.listing().is_some());
    assert_eq!(left.iter().filter(|left| **left).count(), 1, "{left:?}");
    // Now both hold the same, and the oldest one gives way.
    take_back(&rig);
    assert!(old.listing().is_none());
    take_back(&rig);
    assert!(!rig.readings.held.has_old(rig.now));
}

#[test]
fn a_listing_of_a_directory_that_has_changed_can_be_taken_back() {
    let mut rig = Rig::new(2 * STEP, 1 << 20);
    let reading = rig.join("");
    let before = rig.read(&reading);
    touch(rig.folder.path(), "new");
    rig.next_turn();
    let reading = rig.join("");
    let after = rig.read(&reading);
    rig.now += LEAST_HELD;
    let both = before.bytes() + after.bytes();
    rig.readings.held.take_back(rig.now, both);
    assert!(before.listing().is_none() && after.listing().is_none());
}

#[test]
fn a_listing_that_a_new_client_shares_is_not_old() {
    let mut rig = Rig::new(2 * STEP, 1 << 20);
    let reading = rig.join("");
    let held = rig.read(&reading);
    rig.now += LEAST_HELD;
    rig.next_turn();
    let reading = rig.join("");
    assert!(Rc::ptr_eq(&held, &rig.read(&reading)));
    assert!(!rig.readings.held.has_old(rig.now));
}

#[test]
fn nothing_is_taken_back_in_vain() {
    let mut rig = Rig::new(2 * STEP, 1 << 20);
    let reading = rig.join("");
    let held = rig.read(&reading);
    let memory = rig.memory.memory.clone();
    let _rest = memory.charge(Account::Listings, (1 << 20) - held.bytes());
    rig.now += LEAST_HELD;
    let second = rig.join("order=desc");
    assert!(matches!(rig.step(&second), Read::More));
    assert!(matches!(rig.step(&second), Read::Waits));
    assert!(held.listing().is_some());
}

#[test]
fn memory_that_another_worker_needs_is_given_back() {
    let mut rig = Rig::new(2 * STEP, 1 << 20);
    let reading = rig.join("");
    let held = rig.read(&reading);
    rig.now += LEAST_HELD;
    rig.readings.make_room(&rig.site, rig.now);
    assert!(held.listing().is_some(), "nobody waits");
    rig.site.memory.budget().want(1 << 20);
    rig.readings.make_room(&rig.site, rig.now);
    assert!(held.listing().is_none());
}

#[test]
fn who_has_no_listing_leaves_it_to_others_to_give_memory_back() {
    let mut rig = Rig::new(2 * STEP, 1 << 20);
    let reading = rig.join("");
    assert!(matches!(rig.step(&reading), Read::More));
    rig.site.memory.budget().want(1 << 20);
    rig.readings.make_room(&rig.site, rig.now);
    assert!(rig.site.memory.budget().is_wanted());
}

#[test]
fn of_readings_that_need_memory_only_the_first_keeps_what_it_has_read() {
    let mut rig = Rig::new(2 * STEP, 1 << 20);
    let memory = rig.memory.memory.clone();
    let all = memory.charge(Account::Listings, 1 << 20).expect("free");
    let [first, second] = ["", "order=desc"].map(|query| rig.join(query));
    for reading in [&first, &second] {
        assert!(matches!(rig.step(reading), Read::More));
        assert!(matches!(rig.step(reading), Read::Waits));
    }
    assert!(first.borrow().progress.is_some() && second.borrow().progress.is_none());
    drop(all);
    assert!(
        matches!(rig.step(&second), Read::Waits),
        "the other is first"
    );
    rig.read(&first);
    assert_eq!(entries(&rig.read(&second)), 2 * STEP as u64);
}

#[test]
fn readings_of_all_workers_end_although_memory_is_short() {
    const WORKERS: usize = 8;
    let folder = folder_of_long_names();
    let mut rigs: [Rig; WORKERS] = Rig::of_workers(folder, 2 << 20);
    let mut readings: Vec<_> = rigs.iter_mut().map(|rig| Some(rig.join(""))).collect();
    let mut waits = 0;
    for _ in 0..100 {
        for (rig, reading) in rigs.iter_mut().zip(&mut readings) {
            match reading.as_ref().map(|reading| rig.step(reading)) {
                // The client has received it.
                Some(Read::Done(outcome)) => drop((outcome.expect("readable"), reading.take())),
                Some(Read::Waits) => waits += 1,
                _ => {}
            }
            rig.next_turn();
        }
    }
    assert!(waits > 0, "there is memory for all");
    let left = readings.iter().flatten().count();
    assert_eq!(left, 0, "{left} of {WORKERS} wait for ever");
}

/// One more than are read at once.
const FIVE_QUERIES: [&str; LARGE + 1] = [
    "",
    "order=desc",
    "sort=size",
    "sort=modified",
    "sort=size&order=desc",
];

#[test]
fn a_worker_with_many_readings_gets_its_turn() {
    let mut rig = Rig::new(2 * STEP, 1 << 20);
    let memory = rig.memory.memory.clone();
    let all = memory.charge(Account::Listings, 1 << 20).expect("free");
    let other = (rig.site.memory.short_readings().enter([10, 0, 0, 9].into())).expect("a turn");
    let readings = FIVE_QUERIES.map(|query| rig.join(query));
    let poll = |rig: &mut Rig| {
        for reading in &readings {
            rig.step(reading);
        }
    };
    for _ in 0..20 {
        poll(&mut rig);
    }
    let turn = || {
        let mut readings = readings.iter();
        readings.find_map(|reading| reading.borrow().turn.as_ref().map(Ticket::number))
    };
    let first = turn().expect("one waits for its turn");
    for _ in 0..20 {
        poll(&mut rig);
    }
    assert_eq!(turn(), Some(first), "it keeps its place in the queue");
    drop((other, all));
    for reading in &readings {
        while !matches!(rig.step(reading), Read::Done(_)) {
            poll(&mut rig);
        }
    }
}

#[test]
fn a_reading_that_gets_no_memory_passes_its_turn_on() {
    let ([mut one, mut other], readings, all) = two_workers_that_wait();
    let has_turn = |at: usize| {
        let reading = readings[at].borrow();
        reading.turn.as_ref().is_some_and(Ticket::has_place)
    };
    assert!(has_turn(0) && !has_turn(1));
    // It is advanced all the time, and reads nothing.
    for _ in 0..10 {
        one.now += LONGEST_PAUSE / 8;
        one.readings.make_room(&one.site, one.now);
        one.step(&readings[0]);
    }
    assert!(!has_turn(0) && has_turn(1));
    drop(all);
    other.read(&readings[1]);
    one.read(&readings[0]);
}

#[test]
fn a_reading_that_is_not_the_newest_is_not_forgotten() {
    let mut rig = Rig::new(2 * STEP, 1 << 20);
    let first = rig.join("");
    assert!(matches!(rig.step(&first), Read::More));
    rig.next_turn();
    drop(rig.join(""));
    rig.next_turn();
    rig.readings.sweep();
    assert!(!rig.readings.is_empty());
    drop(first);
    rig.readings.sweep();
    assert!(rig.readings.is_empty());
}

#[test]
fn a_reading_that_nobody_advances_does_not_keep_the_turn() {
    let ([mut one, mut other], readings, all) = two_workers_that_wait();
    drop(all);
    assert!(matches!(other.step(&readings[1]), Read::Waits));
    one.now += 2 * STALLED;
    one.readings.make_room(&one.site, one.now);
    assert!(readings[0].borrow().progress.is_none());
    other.read(&readings[1]);
}

#[test]
fn the_network_that_keeps_least_may_wait_for_memory_with_what_it_has_read() {
    let mut rig = Rig::new(2 * STEP, 1 << 20);
    let reading = rig.join("sort=size");
    let _kept = rig.read(&reading);
    let greedy = rig.join("");
    assert!(matches!(rig.step(&greedy), Read::More));
    rig.network = [10, 0, 0, 2].into();
    let modest = rig.join("order=desc");
    assert!(matches!(rig.step(&modest), Read::More));
    let memory = rig.memory.memory.clone();
    let _all = memory.charge_anyway(Account::Listings, 1 << 20);
    for reading in [&modest, &greedy] {
        assert!(matches!(rig.step(reading), Read::Waits));
    }
    assert!(
        greedy.borrow().progress.is_none(),
        "it came first but keeps more"
    );
    assert!(modest.borrow().progress.is_some());
}

#[test]
fn a_network_that_keeps_much_needs_places_for_small_directories() {
    let mut rig = Rig::new(0, 4 << 20);
    for number in 0..STEP - 10 {
        touch(rig.folder.path(), &format!("{number:0>255}"));
    }
    let memory = rig.memory.memory.clone();
    let _all = memory.charge_anyway(Account::Listings, 4 << 20);
    let mut kept = Vec::new();
    while rig.readings.held.share(CLIENT) <= SMALL_SHARE {
        let reading = rig.join(&format!("q={}", "0".repeat(kept.len() + 1)));
        kept.push(rig.read(&reading));
    }
    let next = rig.join("order=desc");
    assert!(matches!(rig.step(&next), Read::More));
    assert!(matches!(rig.step(&next), Read::Waits), "it keeps its share");
    rig.network = [10, 0, 0, 2].into();
    let other = rig.join("sort=size");
    assert!(matches!(rig.step(&other), Read::Done(Ok(_))));
}

#[test]
fn a_reading_that_nobody_advances_loses_its_place() {
    let mut rig = Rig::new(3 * STEP, 64 << 20);
    let stuck = many_of_one_network(&mut rig, LARGE - 1);
    let all = rig.join("");
    assert!(matches!(rig.step(&all), Read::WaitsForPlace));
    rig.now += STALLED;
    rig.next_turn();
    assert!(matches!(rig.step(&all), Read::WaitsForPlace), "too early");
    rig.now += STALLED / 2;
    rig.next_turn();
    assert_eq!(entries(&rig.read(&all)), 3 * STEP as u64);
    assert_eq!(
        entries(&rig.read(&stuck[0])),
        3 * STEP as u64,
        "it begins again"
    );
}

#[test]
fn only_a_few_large_directories_are_read_at_once() {
    let mut rig = Rig::new(3 * STEP, 64 << 20);
    let all = FIVE_QUERIES.map(|query| rig.join(query));
    let mut waits = 0;
    for reading in &all {
        waits += usize::from(matches!(rig.step(reading), Read::WaitsForPlace));
    }
    assert_eq!(waits, 2, "the last place is for another network");
    let [.., first_waiting, last] = &all;
    for waiting in [first_waiting, last] {
        assert!(waiting.borrow().progress.is_none(), "it holds nothing");
    }
    for reading in &all {
        assert_eq!(entries(&rig.read(reading)), 3 * STEP as u64);
    }
}

/// Readings of one network, after a step of each. Each has a query of its own, which all files match.
fn many_of_one_network(rig: &mut Rig, count: usize) -> Vec<SharedReading> {
    let word = |number: usize, bit: usize| match number >> bit & 1 {
        0 => "f",
        _ => "file",
    };
    (0..count)
        .map(|number| {
            let words: Vec<_> = (0..16).map(|bit| word(number, bit)).collect();
            let reading = rig.join(&format!("q={}", words.join("+")));
            rig.step(&reading);
            reading
        })
        .collect()
}

#[test]
fn a_network_that_fills_the_queue_does_not_make_another_wait() {
    let mut rig = Rig::new(2 * STEP, 64 << 20);
    let many = many_of_one_network(&mut rig, LARGE + MOST_WAITING);
    let newest = many.last().expect("many");
    assert!(matches!(rig.step(newest), Read::WaitsForPlace));
    rig.network = [10, 0, 0, 2].into();
    let other = rig.join("");
    assert!(matches!(rig.step(&other), Read::More));
    rig.network = CLIENT;
    assert!(matches!(
        rig.step(newest),
        Read::Done(Err(DiskError::ListingsBusy))
    ));
    rig.network = [10, 0, 0, 2].into();
    assert_eq!(entries(&rig.read(&other)), 2 * STEP as u64);
    // The next ones wait for the first of these.
    let next: Vec<_> = ["order=desc", "sort=modified"]
        .into_iter()
        .map(|query| rig.join(query))
        .collect();
    assert!(matches!(rig.step(&next[0]), Read::More));
    assert!(matches!(rig.step(&next[1]), Read::WaitsForPlace));
    assert_eq!(entries(&rig.read(&next[0])), 2 * STEP as u64);
    assert_eq!(entries(&rig.read(&next[1])), 2 * STEP as u64);
    rig.network = CLIENT;
    assert!(
        matches!(rig.step(newest), Read::WaitsForPlace),
        "there is room"
    );
}

#[test]
fn a_network_with_many_readings_waiting_takes_no_first_steps() {
    let mut rig = Rig::new(2 * STEP, 64 << 20);
    let many = many_of_one_network(&mut rig, 2 * LARGE - 1);
    let next = rig.join("order=desc");
    assert!(matches!(rig.step(&next), Read::WaitsForPlace));
    assert!(next.borrow().progressed.is_none(), "it has not begun");
    rig.network = [10, 0, 0, 2].into();
    let other = rig.join("sort=size");
    assert!(matches!(rig.step(&other), Read::More));
    drop((many, other));
    rig.next_turn();
    assert_eq!(entries(&rig.read(&next)), 2 * STEP as u64);
}

#[test]
fn who_shares_a_reading_does_not_share_the_wait_of_its_network() {
    let mut rig = Rig::new(2 * STEP, 64 << 20);
    let _many = many_of_one_network(&mut rig, 2 * LARGE);
    let shared = rig.join("");
    assert!(matches!(rig.step(&shared), Read::WaitsForPlace));
    rig.next_turn();
    rig.network = [10, 0, 0, 2].into();
    let joined = rig.join("");
    assert!(Rc::ptr_eq(&shared, &joined));
    assert_eq!(entries(&rig.read(&joined)), 2 * STEP as u64);
    rig.network = CLIENT;
    assert!(matches!(rig.step(&shared), Read::Done(Ok(_))));
}

/// Two clients that share a reading: one that has waited since its first step, and one that came later.
#[test]
fn each_client_of_a_reading_is_woken_once_when_it_gets_a_place() {
    let mut rig = Rig::new(2 * STEP, 64 << 20);
    let placed = many_of_one_network(&mut rig, LARGE - 1);
    let waits = rig.join("");
    let woken = [1, 2].map(|steps| {
        let (waker, woken) = counting();
        let mut wakes = ReadingWakes::default();
        for _ in 0..steps {
            let step = rig.step_with(&waits, &mut wakes, &waker);
            assert!(matches!(step, Read::WaitsForPlace));
        }
        woken
    });
    let count = || woken.each_ref().map(|woken| woken.load(Ordering::Relaxed));
    assert_eq!(count(), [0, 0]);
    rig.read(&placed[0]);
    assert_eq!(count(), [1, 1]);
    assert!(matches!(rig.step(&waits), Read::More));
}

#[test]
fn who_shares_a_reading_is_not_refused_because_its_network_has_too_many_waiting() {
    let mut rig = Rig::new(2 * STEP, 64 << 20);
    let _many = many_of_one_network(&mut rig, LARGE + MOST_WAITING);
    let shared = rig.join("");
    assert!(matches!(
        rig.step(&shared),
        Read::Done(Err(DiskError::ListingsBusy))
    ));
    rig.network = [10, 0, 0, 2].into();
    assert!(Rc::ptr_eq(&shared, &rig.join("")));
    assert_eq!(entries(&rig.read(&shared)), 2 * STEP as u64);
}

#[test]
fn who_shares_a_reading_is_not_refused_because_that_has_lost_its_turn() {
    let mut rig = Rig::new(2 * STEP, 64 << 20);
    let many = many_of_one_network(&mut rig, LARGE + MOST_WAITING);
    let newest = many.last().expect("many");
    rig.network = [10, 0, 0, 2].into();
    let other = rig.join("");
    assert!(matches!(rig.step(&other), Read::More));
    let standing = newest.borrow().place.as_ref().map(Ticket::standing);
    assert_eq!(standing, Some(Standing::Displaced));
    rig.network = [10, 0, 0, 3].into();
    assert!(matches!(rig.step(newest), Read::WaitsForPlace));
    rig.read(&other);
    assert_eq!(entries(&rig.read(newest)), 2 * STEP as u64);
}

/// A reading of one network that has given its place up, and whose clients are of two networks.
#[test]
fn who_shares_a_reading_is_not_refused_because_that_has_lost_its_place() {
    let mut rig = Rig::new(3 * STEP, 64 << 20);
    let shared = rig.join("");
    assert!(matches!(rig.step(&shared), Read::More));
    let many = many_of_one_network(&mut rig, LARGE + MOST_WAITING - 1);
    rig.now += 2 * STALLED;
    for reading in many
        .iter()
        .filter(|reading| reading.borrow().progress.is_some())
    {
        rig.step(reading);
    }
    rig.next_turn();
    assert!(shared.borrow().place.is_none(), "its place was wanted");
    let last = rig.join("order=desc");
    assert!(matches!(rig.step(&last), Read::WaitsForPlace));
    rig.network = [10, 0, 0, 2].into();
    assert!(!matches!(rig.step(&shared), Read::Done(_)));
}

/// A rig whose disk threads are busy, and all that may wait for them but one is there.
fn with_busy_disk(files: usize) -> (Rig, BusyPool) {
    let mut rig = Rig::new(files, 64 << 20);
    let mut busy = BusyPool::new(rig.site.root().file_system(b""));
    rig.site.use_disk_threads(busy.pool.clone());
    assert!(busy.submit(1) && busy.submit(1));
    (rig, busy)
}

/// Makes disk threads do the steps of this reading.
fn leave_to_disk_threads(rig: &mut Rig, reading: &SharedReading) {
    let mut reading = reading.borrow_mut();
    if reading.progress.is_none() {
        reading.progress = Some(reading.begin(&rig.site, rig.now));
    }
    reading.progress.as_mut().expect("it has begun").is_slow = true;
}

#[test]
fn who_shares_a_reading_is_not_refused_because_of_another_network() {
    let (mut rig, mut busy) = with_busy_disk(3);
    let reading = rig.join("");
    leave_to_disk_threads(&mut rig, &reading);
    rig.network = [10, 0, 0, 1].into();
    assert!(matches!(rig.step(&reading), Read::WaitsForDisk));
    assert!(busy.submit(3), "the step is displaced");
    assert!(matches!(rig.step(&reading), Read::Displaced));
    leave_to_disk_threads(&mut rig, &reading);
    let refused = rig.step(&reading);
    assert!(matches!(refused, Read::Done(Err(DiskError::DiskBusy))));
    leave_to_disk_threads(&mut rig, &reading);
    rig.network = [10, 0, 0, 2].into();
    assert!(matches!(rig.step(&reading), Read::WaitsForDisk));
}

#[test]
fn a_reading_waits_for_the_earlier_one_although_a_client_is_refused() {
    let (mut rig, mut busy) = with_busy_disk(3);
    rig.network = [10, 0, 0, 1].into();
    let earlier = rig.join("");
    leave_to_disk_threads(&mut rig, &earlier);
    assert!(matches!(rig.step(&earlier), Read::WaitsForDisk));
    rig.next_turn();
    let later = rig.join("");
    assert!(busy.submit(3), "the step is displaced");
    assert!(matches!(rig.step(&later), Read::Displaced));
    leave_to_disk_threads(&mut rig, &earlier);
    let refused = rig.step(&later);
    assert!(matches!(refused, Read::Done(Err(DiskError::DiskBusy))));
    assert!(later.borrow().earlier.is_some(), "it has not ended");
}

#[test]
fn a_reading_that_has_begun_goes_on_however_many_wait_for_the_disk() {
    let (mut rig, mut busy) = with_busy_disk(2 * STEP);
    assert!(busy.submit(1) && !busy.submit(1));
    rig.network = [10, 0, 0, 1].into();
    let reading = rig.join("");
    assert!(matches!(rig.step(&reading), Read::More));
    leave_to_disk_threads(&mut rig, &reading);
    assert!(matches!(rig.step(&reading), Read::WaitsForDisk));
}

/// Adds a link that a worker does not follow, because the kernel does not know its target.
fn add_unknown_link(rig: &Rig) {
    let target = rig.folder.path().join("never looked up");
    symlink(target, rig.folder.path().join("file link")).expect("a link");
}

/// The worker itself opens the directory, and must wait for an entry.
#[test]
fn a_first_step_takes_no_more_room_than_other_jobs() {
    let (mut rig, mut busy) = with_busy_disk(0);
    add_unknown_link(&rig);
    let waiting = busy.pool.waiting();
    let reading = rig.join("");
    assert!(matches!(rig.step(&reading), Read::WaitsForDisk));
    assert_eq!(busy.pool.waiting(), waiting + 1);
    rig.network = [10, 0, 0, 1].into();
    let refused = rig.join("order=desc");
    let step = rig.step(&refused);
    assert!(matches!(step, Read::Done(Err(DiskError::DiskBusy))));
    assert!(
        busy.submit(3),
        "a job of the network that has the most goes"
    );
    assert_eq!(busy.pool.waiting(), waiting + 1);
}

#[test]
fn first_steps_that_wait_for_the_disk_stay_within_the_memory() {
    let mut rig = Rig::new(0, 4 << 20);
    add_unknown_link(&rig);
    let busy = BusyPool::with(1000, rig.site.root().file_system(b""));
    rig.site.use_disk_threads(busy.pool.clone());
    let folder = fs::canonicalize(rig.folder.path()).expect("a path");
    let descriptors = || {
        let all = fs::read_dir("/proc/self/fd")
            .expect("descriptors")
            .flatten();
        let targets = all.filter_map(|entry| fs::read_link(entry.path()).ok());
        targets.filter(|target| *target == folder).count()
    };
    let before = descriptors();
    let many = many_of_one_network(&mut rig, 100);
    let waits = many.iter().filter(|reading| {
        let reading = reading.borrow();
        reading.progress.as_ref().is_some_and(Progress::is_away)
    });
    assert!(
        (7..100).contains(&waits.count()),
        "as many as there is memory for"
    );
    assert_eq!(rig.memory.memory.budget().excess(), 0);
    assert_eq!(descriptors(), before);
    rig.network = [10, 0, 0, 2].into();
    let other = rig.join("");
    assert!(
        matches!(rig.step(&other), Read::WaitsForDisk),
        "it has its share"
    );
}

#[test]
fn a_reading_that_waits_long_for_a_place_does_not_lose_it_at_once() {
    let mut rig = Rig::new(2 * STEP, 64 << 20);
    let many = many_of_one_network(&mut rig, LARGE + 1);
    let (placed, [waits, _]) = many.split_at(LARGE - 1) else {
        panic!("two wait");
    };
    rig.now += STALLED / 2;
    rig.next_turn();
    rig.now += STALLED;
    for reading in placed {
        rig.step(reading);
    }
    rig.next_turn();
    rig.read(&placed[0]);
    rig.next_turn();
    assert!(waits.borrow().place.as_ref().is_some_and(Ticket::has_place));
}

#[test]
fn a_step_reads_fewer_entries_if_they_are_links() {
    const ENTRIES: usize = 100;
    const CHAIN: usize = 20;
    let (mut plain, mut links) = (Rig::new(ENTRIES, 1 << 20), Rig::new(0, 1 << 20));
    for number in 0..ENTRIES {
        match number % CHAIN {
            0 => touch(links.folder.path(), &number.to_string()),
            _ => {
                let link = links.folder.path().join(number.to_string());
                symlink((number - 1).to_string(), link).expect("a link");
            }
        }
    }
    assert_eq!(plain.steps(""), (1, ENTRIES as u64));
    // A link at the end of a chain of ten costs at least two system calls for each.
    let (steps, files) = links.steps("");
    assert_eq!(files, ENTRIES as u64);
    assert!(steps >= ENTRIES * CHAIN / STEP, "{steps}");
}

#[test]
fn a_step_reads_fewer_entries_if_the_filter_is_costly() {
    let [mut rig] = Rig::of_workers(folder_of_long_names(), 4 << 20);
    let files = 4 * STEP as u64;
    assert_eq!(rig.steps("q=0"), (5, files));
    rig.next_turn();
    // Sixteen words cost four system calls for each name,.
    let (steps, found) = rig.steps(&format!("q={}", "0+".repeat(16)));
    assert_eq!(found, files);
    assert!(steps >= 5 * 4, "{steps}");
}
