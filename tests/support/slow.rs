//! A disk that waits until the test lets it go on.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use docroot::site::disk::{Effort, Gate};

use super::PATIENCE;

/// A disk whose jobs wait. Clones are the same disk.
#[derive(Clone, Default)]
pub struct SlowDisk(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    /// Whether jobs that look at names wait too.
    holds_looks: bool,
    holds_reads: bool,
    /// How many of the jobs that wait may go on.
    passes: usize,
    /// Jobs that have come so far: looks, then reads.
    looks: usize,
    reads: usize,
    /// What happens before a job, which gets its number, from 1.
    before: Option<Arc<dyn Fn(usize) + Send + Sync>>,
}

impl SlowDisk {
    /// A disk that holds jobs that read.
    pub fn holding_reads() -> SlowDisk {
        let disk = SlowDisk::default();
        disk.state().holds_reads = true;
        disk
    }

    /// A disk that holds every job.
    pub fn holding() -> SlowDisk {
        let disk = SlowDisk::holding_reads();
        disk.state().holds_looks = true;
        disk
    }

    /// What the pool asks before each job.
    pub fn gate(&self) -> Gate {
        let disk = self.clone();
        Arc::new(move |effort| disk.pass(effort))
    }

    /// Does this before each job, which gets its number, from 1. A job that came earlier counts.
    pub fn before_each(&self, before: impl Fn(usize) + Send + Sync + 'static) {
        self.state().before = Some(Arc::new(before));
    }

    /// Lets some jobs go on.
    pub fn let_pass(&self, jobs: usize) {
        self.state().passes += jobs;
        self.0.1.notify_all();
    }

    /// Holds no job any more.
    pub fn open(&self) {
        let mut state = self.state();
        (state.holds_looks, state.holds_reads) = (false, false);
        self.0.1.notify_all();
    }

    /// Holds the jobs that read again.
    pub fn hold_reads(&self) {
        self.state().holds_reads = true;
    }

    /// How many jobs have looked at names, and how many have read.
    pub fn jobs(&self) -> (usize, usize) {
        let state = self.state();
        (state.looks, state.reads)
    }

    /// Waits until so many jobs have come.
    pub fn await_jobs(&self, jobs: usize) {
        let few = |state: &mut State| state.looks + state.reads < jobs;
        let (state, waited) = self
            .0
            .1
            .wait_timeout_while(self.state(), PATIENCE, few)
            .expect("no panic");
        assert!(
            !waited.timed_out(),
            "{} of {jobs} jobs came",
            state.looks + state.reads
        );
    }

    fn pass(&self, effort: Effort) {
        let mut state = self.state();
        match effort {
            Effort::Look => state.looks += 1,
            Effort::Read => state.reads += 1,
        }
        self.0.1.notify_all();
        if let Some(before) = &state.before {
            before(state.looks + state.reads);
        }
        loop {
            let holds = match effort {
                Effort::Look => state.holds_looks,
                Effort::Read => state.holds_reads,
            };
            if !holds {
                return;
            }
            if state.passes > 0 {
                state.passes -= 1;
                return;
            }
            state = self.0.1.wait(state).expect("no panic");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().expect("no panic")
    }
}
