//! What threads share.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a value that no panic leaves half-changed. So a mutex that is poisoned is locked like any other.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
