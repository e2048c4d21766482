//! An access log that a test reads.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex};

/// A sink that can be read, be stuck, or fail.
#[derive(Clone, Default)]
pub struct Page(Arc<(Mutex<State>, Condvar)>);

/// What it holds and what befalls it.
#[derive(Default)]
pub struct State {
    bytes: Vec<u8>,
    pub is_stuck: bool,
    pub fails: bool,
    /// Writes that have come, whatever became of them.
    writes: usize,
}

impl Page {
    /// Makes it stuck, or fail, or neither.
    pub fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.0.lock().expect("no panic"));
        self.0.1.notify_all();
    }

    /// How often it was written to.
    pub fn writes(&self) -> usize {
        self.0.0.lock().expect("no panic").writes
    }

    /// The lines so far; each is whole and printable.
    pub fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.0.lock().expect("no panic").bytes.clone());
        let text = text.expect("a log is ASCII");
        assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
        let printable = |byte: u8| matches!(byte, b' '..=b'~' | b'\n');
        assert!(text.bytes().all(printable), "{text:?}");
        text.lines().map(str::to_owned).collect()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (state, changed) = &*self.0;
        let mut state = state.lock().expect("no panic");
        state.writes += 1;
        let mut state = changed
            .wait_while(state, |state| state.is_stuck)
            .expect("no panic");
        if state.fails {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
