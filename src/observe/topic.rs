//! A topic: any thread publishes items, and connections of all workers read them.
//!
//! ```text
//! publisher -> Topic [item, item, item] -> Reader -> waker -> worker -> connection
//! ```
//!
//! A publisher never waits. A topic keeps a limited number of items and bytes, and drops the oldest items. A
//! reader that fell behind is told how many it has missed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;
use std::time::Instant;

use crate::sync::lock;

/// A topic. Clones are the same topic.
pub struct Topic<T>(Arc<Shared<T>>);

struct Shared<T> {
    state: Mutex<State<T>>,
    /// How many readers there are.
    readers: AtomicUsize,
}

/// How much a topic keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// How many items.
    pub items: usize,
    /// How many bytes all items may have together. The last item is kept whatever its size.
    pub bytes: usize,
}

/// An item that is kept.
struct Kept<T> {
    item: Arc<T>,
    published: Instant,
    /// Its size in bytes.
    size: usize,
}

struct State<T> {
    capacity: Capacity,
    /// The last items, the oldest first.
    items: VecDeque<Kept<T>>,
    /// The size of all of them.
    bytes: usize,
    /// How many items are older than those.
    dropped: u64,
    /// When the newest dropped item was published; before the first drop, when the topic began.
    complete_since: Instant,
    /// Readers that wait for the next item.
    waiting: BTreeMap<u64, Waker>,
    /// Publishers that want to know of each new reader.
    publishers: Vec<Waker>,
    /// The number of the last reader.
    last_reader: u64,
}

/// What reads a topic, on a connection.
pub struct Reader<T> {
    topic: Topic<T>,
    number: u64,
    /// Whether it begins later than it was asked to.
    has_gap: bool,
    /// The number of the next item, counted from the topic's first.
    next: u64,
    waker: Waker,
}

/// What [`Reader::poll`] returns.
#[derive(Debug, PartialEq, Eq)]
pub enum News<T> {
    /// The next item.
    Item(Arc<T>),
    /// Items were dropped before the reader came to them: so many, if that is known.
    Gap(Option<u64>),
    /// Nothing new. The next item wakes the reader.
    Nothing,
}

impl<T> Topic<T> {
    /// Whether what is published in one of the two is read in the other.
    pub fn is_same(&self, other: &Topic<T>) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// A topic that begins `now`.
    pub fn new(capacity: Capacity, now: Instant) -> Topic<T> {
        let state = State {
            capacity,
            items: VecDeque::new(),
            bytes: 0,
            dropped: 0,
            complete_since: now,
            waiting: BTreeMap::new(),
            publishers: Vec::new(),
            last_reader: 0,
        };
        Topic(Arc::new(Shared {
            state: Mutex::new(state),
            readers: AtomicUsize::new(0),
        }))
    }

    /// Whether somebody reads the topic. An item need not be made if nobody does.
    pub fn has_readers(&self) -> bool {
        self.readers() > 0
    }

    /// How many readers there are.
    pub fn readers(&self) -> usize {
        self.0.readers.load(Ordering::Relaxed)
    }

    /// How many readers there have been so far.
    pub fn readers_so_far(&self) -> u64 {
        self.lock().last_reader
    }

    /// Wakes a publisher for each new reader, so that it can tell how things are.
    pub fn wake_for_readers(&self, publisher: Waker) {
        self.lock().publishers.push(publisher);
    }

    /// Publishes an item of `size` bytes `now`, and wakes the readers that wait. Returns the number of the item, from 1.
    pub fn publish(&self, item: T, size: usize, now: Instant) -> u64 {
        let mut state = self.lock();
        state.items.push_back(Kept {
            item: Arc::new(item),
            published: now,
            size,
        });
        state.bytes += size;
        while state.is_too_full() {
            state.drop_oldest();
        }
        let number = state.dropped + state.items.len() as u64;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
        number
    }

    /// The kept items after this number, each with its number.
    pub fn after(&self, number: u64) -> Vec<(u64, Arc<T>)> {
        let state = self.lock();
        let numbers = state.dropped + 1..;
        let items = state.items.iter().map(|kept| Arc::clone(&kept.item));
        let numbered = numbers.zip(items);
        numbered.filter(|(item, _)| *item > number).collect()
    }

    /// A reader of what was published after `since`, and from now on. If the topic does not go back that far,
    /// the reader begins with [`News::Gap`]. `None` means: longer ago than the clock can tell.
    pub fn reader_since(&self, since: Option<Instant>, waker: Waker) -> Reader<T> {
        let mut state = self.lock();
        let has_gap = since.is_none_or(|since| since < state.complete_since);
        let is_earlier = |kept: &&Kept<T>| since.is_some_and(|since| kept.published <= since);
        let earlier = state.items.iter().take_while(is_earlier);
        let next = state.dropped + earlier.count() as u64;
        state.last_reader += 1;
        self.0.readers.fetch_add(1, Ordering::Relaxed);
        state.publishers.iter().for_each(Waker::wake_by_ref);
        Reader {
            topic: self.clone(),
            number: state.last_reader,
            has_gap,
            next,
            waker,
        }
    }

    /// Ignores poisoning, because a panic cannot leave the state half-written.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        let state = &self.0.state;
        lock(state)
    }
}

impl<T> State<T> {
    fn is_too_full(&self) -> bool {
        let is_full = self.items.len() > self.capacity.items || self.bytes > self.capacity.bytes;
        is_full && self.items.len() > 1
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.items.pop_front() {
            self.bytes -= oldest.size;
            self.dropped += 1;
            self.complete_since = oldest.published;
        }
    }
}

impl<T> Clone for Topic<T> {
    fn clone(&self) -> Topic<T> {
        Topic(Arc::clone(&self.0))
    }
}

impl<T> Reader<T> {
    /// The number of the last item that it has read or missed.
    pub fn last_read(&self) -> u64 {
        self.next
    }

    /// The next news. It does not wait.
    pub fn poll(&mut self) -> News<T> {
        let mut state = self.topic.lock();
        let missed = state.dropped.saturating_sub(self.next);
        self.next += missed;
        if std::mem::take(&mut self.has_gap) {
            return News::Gap(None);
        }
        if missed > 0 {
            return News::Gap(Some(missed));
        }
        let index = usize::try_from(self.next - state.dropped).unwrap_or(usize::MAX);
        match state.items.get(index) {
            Some(kept) => {
                self.next += 1;
                News::Item(Arc::clone(&kept.item))
            }
            None => {
                let waker = || self.waker.clone();
                state.waiting.entry(self.number).or_insert_with(waker);
                News::Nothing
            }
        }
    }
}

impl<T> Drop for Reader<T> {
    fn drop(&mut self) {
        self.topic.lock().waiting.remove(&self.number);
        self.topic.0.readers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::thread;
    use std::time::Duration;

    #[derive(Default)]
    struct Rings(AtomicUsize);

    impl Wake for Rings {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn item(number: u32) -> News<u32> {
        News::Item(Arc::new(number))
    }

    const CAPACITY: Capacity = Capacity {
        items: 3,
        bytes: 100,
    };

    fn topic() -> (Topic<u32>, Instant) {
        let now = Instant::now();
        (Topic::new(CAPACITY, now), now)
    }

    fn reader(topic: &Topic<u32>, since: Instant) -> Reader<u32> {
        topic.reader_since(Some(since), Waker::noop().clone())
    }

    #[track_caller]
    fn check(reader: &mut Reader<u32>, want: &[News<u32>]) {
        let news: Vec<News<u32>> = want.iter().map(|_| reader.poll()).collect();
        assert_eq!(news, want);
    }

    #[test]
    fn readers_get_what_is_published_after_they_begin() {
        let (topic, begin) = topic();
        let at = |seconds| begin + Duration::from_secs(seconds);
        topic.publish(1, 1, at(1));
        let mut early = reader(&topic, at(1));
        topic.publish(2, 1, at(2));
        let mut late = reader(&topic, at(2));
        topic.publish(3, 1, at(3));
        check(&mut early, &[item(2), item(3), News::Nothing]);
        check(&mut late, &[item(3), News::Nothing]);
    }

    #[test]
    fn a_slow_reader_is_told_what_it_missed() {
        let (topic, now) = topic();
        let mut reader = reader(&topic, now);
        let later = now + Duration::from_secs(1);
        for number in 1..=3 {
            topic.publish(number, 1, later);
        }
        check(&mut reader, &[item(1)]);
        for number in 4..=7 {
            topic.publish(number, 1, later);
        }
        let want = [News::Gap(Some(3)), item(5), item(6), item(7), News::Nothing];
        check(&mut reader, &want);
    }

    #[test]
    fn a_reader_is_woken_once_for_each_time_it_waits() {
        let (topic, now) = topic();
        let later = now + Duration::from_secs(1);
        let rings = Arc::<Rings>::default();
        let count = || rings.0.load(Ordering::SeqCst);
        let mut reader = topic.reader_since(Some(now), Waker::from(Arc::clone(&rings)));
        topic.publish(1, 1, later);
        assert_eq!(count(), 0, "it does not wait yet");
        check(&mut reader, &[item(1), News::Nothing, News::Nothing]);
        topic.publish(2, 1, later);
        topic.publish(3, 1, later);
        assert_eq!(count(), 1);
        check(&mut reader, &[item(2), item(3), News::Nothing]);
        drop(reader);
        assert!(topic.lock().waiting.is_empty(), "it leaves nothing behind");
        topic.publish(4, 1, later);
        assert_eq!(count(), 1);
    }

    #[test]
    fn large_items_displace_others() {
        let (topic, now) = topic();
        let mut reader = reader(&topic, now);
        let later = now + Duration::from_secs(1);
        for (number, size) in [(1, 60), (2, 40), (3, 1)] {
            topic.publish(number, size, later);
        }
        check(&mut reader, &[News::Gap(Some(1)), item(2), item(3)]);
        topic.publish(4, 1000, later);
        check(&mut reader, &[item(4), News::Nothing]);
        topic.publish(5, 1, later);
        assert_eq!(topic.lock().bytes, 1);
    }

    #[test]
    fn a_topic_knows_whether_it_is_read() {
        let (topic, now) = topic();
        assert!(!topic.has_readers());
        let first = reader(&topic, now);
        let second = reader(&topic, now);
        drop(first);
        assert!(topic.has_readers());
        drop(second);
        assert!(!topic.has_readers());
    }

    #[test]
    fn a_reader_can_begin_in_the_past() {
        let (topic, begin) = topic();
        let at = |seconds| begin + Duration::from_secs(seconds);
        topic.publish(1, 1, at(1));
        topic.publish(2, 1, at(2));
        check(&mut reader(&topic, begin), &[item(1), item(2)]);
        check(&mut reader(&topic, at(1)), &[item(2), News::Nothing]);
        check(&mut reader(&topic, at(2)), &[News::Nothing]);
        topic.publish(3, 1, at(3));
        topic.publish(4, 1, at(4));
        // The first one was dropped.
        let want = [News::Gap(None), item(2), item(3), item(4), News::Nothing];
        check(&mut reader(&topic, begin), &want);
        check(&mut reader(&topic, at(1)), &want[1..]);
        let mut of_old = topic.reader_since(None, Waker::noop().clone());
        check(&mut of_old, &want);
    }

    #[test]
    fn readers_on_other_threads_get_everything_in_order() {
        let begin = Instant::now();
        let capacity = Capacity {
            items: 1000,
            bytes: 1000,
        };
        let topic = Topic::new(capacity, begin);
        let mut readers: Vec<Reader<u32>> = (0..4).map(|_| reader(&topic, begin)).collect();
        thread::scope(|scope| {
            for reader in &mut readers {
                scope.spawn(move || {
                    for number in 0..1000 {
                        let mut news = reader.poll();
                        while news == News::Nothing {
                            thread::yield_now();
                            news = reader.poll();
                        }
                        assert_eq!(news, item(number));
                    }
                });
            }
            let later = begin + Duration::from_secs(1);
            for number in 0..1000 {
                topic.publish(number, 1, later);
            }
        });
    }
}
