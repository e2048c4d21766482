//! Passwords: who asks, and whether they may read what they ask for (RFC 7617, RFC 9110 section 11).
//!
//! ```text
//! needed -> a rule protects the path -> login -> remembered? --> is the look at the file recent? --> the answer
//!                                          |                       |                                  ^
//!                                          |                       +--> a thread "users" looks -------+
//!                                          +--> the thread "password" checks it ----------------------+
//! ```
//!
//! A check takes long, so no worker makes it. The thread has a bounded queue in which client networks
//! take turns. A look at the password file may wait for the disk, so no worker makes it either. Its threads
//! are others, so that a user whose password is known never waits for the checks of strangers.
//!
//! Passwords are behind the feature `auth`. Without it, [`Guard`] is a type without values, so the code that
//! uses one can never run.

// Whether a path needs a password, and whether a user may read it.
pub(super) mod needed;
// Responses to those who may not.
pub(super) mod refuse;
// Why users cannot be read.
pub mod fault;

// The replacement in a build without passwords.
#[cfg(not(feature = "auth"))]
mod absent;
#[cfg(not(feature = "auth"))]
pub use absent::Guard;
// The replacement of `login` in such a build.
#[cfg(not(feature = "auth"))]
pub(super) mod no_login;

// Hashes of passwords.
#[cfg(feature = "auth")]
pub mod hash;
// Users and their hashes.
#[cfg(feature = "auth")]
mod users;
// The password file, and when it is read again.
#[cfg(feature = "auth")]
mod users_file;
// Wrong passwords by network.
#[cfg(feature = "auth")]
mod failures;
// Pairs that were right a moment ago.
#[cfg(feature = "auth")]
mod remembered;
// Checks passwords.
#[cfg(feature = "auth")]
mod guard;
// Lets a request wait for the check of its password.
#[cfg(feature = "auth")]
pub(super) mod login;
#[cfg(feature = "auth")]
pub use guard::Guard;
