//! Clients that ask until they are told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use super::until;

/// How a client asks once. It panics if its request is lost.
pub type Ask = Box<dyn FnMut() + Send>;

/// Clients that ask, each on a thread of its own.
pub struct Load {
    stop: Arc<AtomicBool>,
    answers: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts these clients.
    pub fn of(clients: impl IntoIterator<Item = Ask>) -> Load {
        let (stop, answers) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let start = |mut ask: Ask| {
            let (stop, answers) = (Arc::clone(&stop), Arc::clone(&answers));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    ask();
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let threads = clients.into_iter().map(start).collect();
        Load {
            stop,
            answers,
            threads,
        }
    }

    fn answers(&self) -> usize {
        self.answers.load(Ordering::Relaxed)
    }

    /// Waits for more answers. A client that has lost one has panicked.
    pub fn until_more(&self) {
        let before = self.answers();
        until("more answers", || {
            let lost = self.threads.iter().any(JoinHandle::is_finished);
            assert!(!lost, "a request was lost");
            self.answers() > before + 100
        });
    }

    /// Stops the clients, and returns how many answers they got.
    pub fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("no request was lost");
        }
        self.answers.load(Ordering::Relaxed)
    }
}
