//! News that any thread publishes, and that connections of all workers read.
//!
//! ```text
//! publisher -> Topic [item, item, item] -> Reader -> waker -> worker -> connection
//! ```
//!
//! A publisher never waits for a reader: a topic keeps a fixed number of items and drops the oldest. A reader
//! that falls further behind is told how many items it has missed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

/// A topic. Clones are the same topic.
pub struct Topic<T>(Arc<Mutex<State<T>>>);

struct State<T> {
    /// The most items to keep.
    most: usize,
    /// The last items, the oldest first, and when each was published.
    items: VecDeque<(Instant, Arc<T>)>,
    /// How many items are older than those.
    dropped: u64,
    /// When the last of those was published. Before there is one: when the topic began.
    complete_since: Instant,
    /// Readers that wait for the next item.
    waiting: BTreeMap<u64, Waker>,
    /// The number of the last reader.
    last_reader: u64,
}

/// What reads a topic, on a connection.
pub struct Reader<T> {
    topic: Topic<T>,
    number: u64,
    /// The number of the next item, counted from the topic's first.
    next: u64,
    waker: Waker,
}

/// What [`Reader::poll`] returns.
#[derive(Debug, PartialEq, Eq)]
pub enum News<T> {
    /// The next item.
    Item(Arc<T>),
    /// So many items were dropped before the reader came to them.
    Missed(u64),
    /// The reader has come to the end. Its waker is used at the next item.
    Nothing,
}

impl<T> Topic<T> {
    /// A topic that begins `now` and keeps this many items.
    pub fn new(most: usize, now: Instant) -> Topic<T> {
        Topic(Arc::new(Mutex::new(State {
            most,
            items: VecDeque::new(),
            dropped: 0,
            complete_since: now,
            waiting: BTreeMap::new(),
            last_reader: 0,
        })))
    }

    /// Publishes an item `now`, and wakes the readers that wait.
    pub fn publish(&self, item: T, now: Instant) {
        let mut state = self.lock();
        state.items.push_back((now, Arc::new(item)));
        if state.items.len() > state.most
            && let Some((at, _)) = state.items.pop_front()
        {
            state.dropped += 1;
            state.complete_since = at;
        }
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
    }

    /// A reader of what is published from now on.
    pub fn reader(&self, waker: Waker) -> Reader<T> {
        let mut state = self.lock();
        let next = state.dropped + state.items.len() as u64;
        self.reader_at(&mut state, next, waker)
    }

    /// A reader of what the topic has kept, and of what is published from now on.
    pub fn reader_of_all(&self, waker: Waker) -> Reader<T> {
        let mut state = self.lock();
        let next = state.dropped;
        self.reader_at(&mut state, next, waker)
    }

    /// A reader of what was published after `since`, and from now on. Also returns whether the topic goes back
    /// that far.
    pub fn reader_since(&self, since: Instant, waker: Waker) -> (Reader<T>, bool) {
        let mut state = self.lock();
        let is_complete = since >= state.complete_since;
        let earlier = state.items.iter().take_while(|(at, _)| *at <= since);
        let next = state.dropped + earlier.count() as u64;
        (self.reader_at(&mut state, next, waker), is_complete)
    }

    fn reader_at(&self, state: &mut State<T>, next: u64, waker: Waker) -> Reader<T> {
        state.last_reader += 1;
        Reader {
            topic: self.clone(),
            number: state.last_reader,
            next,
            waker,
        }
    }

    /// Ignores poisoning, because no panic leaves the state half-written.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Topic<T> {
    fn clone(&self) -> Topic<T> {
        Topic(Arc::clone(&self.0))
    }
}

impl<T> Reader<T> {
    /// The next news. It does not wait.
    pub fn poll(&mut self) -> News<T> {
        let mut state = self.topic.lock();
        let missed = state.dropped.saturating_sub(self.next);
        if missed > 0 {
            self.next = state.dropped;
            return News::Missed(missed);
        }
        let index = usize::try_from(self.next - state.dropped).unwrap_or(usize::MAX);
        match state.items.get(index) {
            Some((_, item)) => {
                self.next += 1;
                News::Item(Arc::clone(item))
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

    fn topic() -> (Topic<u32>, Instant) {
        let now = Instant::now();
        (Topic::new(3, now), now)
    }

    #[test]
    fn readers_get_what_is_published_after_they_begin() {
        let (topic, now) = topic();
        topic.publish(1, now);
        let mut early = topic.reader(Waker::noop().clone());
        topic.publish(2, now);
        let mut late = topic.reader(Waker::noop().clone());
        topic.publish(3, now);
        assert_eq!(
            [early.poll(), early.poll(), early.poll()],
            [item(2), item(3), News::Nothing]
        );
        assert_eq!([late.poll(), late.poll()], [item(3), News::Nothing]);
    }

    #[test]
    fn a_slow_reader_is_told_what_it_missed() {
        let (topic, now) = topic();
        let mut reader = topic.reader(Waker::noop().clone());
        for number in 1..=3 {
            topic.publish(number, now);
        }
        assert_eq!(reader.poll(), item(1));
        for number in 4..=7 {
            topic.publish(number, now);
        }
        assert_eq!(
            [
                reader.poll(),
                reader.poll(),
                reader.poll(),
                reader.poll(),
                reader.poll()
            ],
            [News::Missed(3), item(5), item(6), item(7), News::Nothing]
        );
    }

    #[test]
    fn a_reader_is_woken_once_for_each_time_it_waits() {
        let (topic, now) = topic();
        let rings = Arc::<Rings>::default();
        let count = || rings.0.load(Ordering::SeqCst);
        let mut reader = topic.reader(Waker::from(Arc::clone(&rings)));
        topic.publish(1, now);
        assert_eq!((count(), reader.poll()), (0, item(1)));
        assert_eq!(
            (reader.poll(), reader.poll()),
            (News::Nothing, News::Nothing)
        );
        topic.publish(2, now);
        topic.publish(3, now);
        assert_eq!(count(), 1);
        while reader.poll() != News::Nothing {}
        drop(reader);
        assert!(topic.lock().waiting.is_empty(), "it leaves nothing behind");
        topic.publish(4, now);
        assert_eq!(count(), 1);
    }

    #[test]
    fn a_reader_can_begin_in_the_past() {
        let (topic, begin) = topic();
        let at = |seconds| begin + Duration::from_secs(seconds);
        topic.publish(1, at(1));
        topic.publish(2, at(2));
        let waker = || Waker::noop().clone();
        let first_since = |since| {
            let (mut reader, is_complete) = topic.reader_since(since, waker());
            (reader.poll(), is_complete)
        };
        assert_eq!(first_since(at(0)), (item(1), true));
        assert_eq!(
            first_since(at(1)),
            (item(2), true),
            "1 was published no later"
        );
        assert_eq!(first_since(at(2)), (News::Nothing, true));
        let before = begin
            .checked_sub(Duration::from_secs(1))
            .expect("the machine runs longer");
        assert_eq!(
            first_since(before),
            (item(1), false),
            "the topic had not begun"
        );
        topic.publish(3, at(3));
        topic.publish(4, at(4));
        assert_eq!(first_since(at(0)), (item(2), false), "1 was dropped");
        assert_eq!(first_since(at(1)), (item(2), true));
    }

    #[test]
    fn readers_on_other_threads_get_everything_in_order() {
        let topic = Topic::new(1000, Instant::now());
        let mut readers: Vec<Reader<u32>> = (0..4)
            .map(|_| topic.reader(Waker::noop().clone()))
            .collect();
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
            (0..1000).for_each(|number| topic.publish(number, Instant::now()));
        });
    }
}
