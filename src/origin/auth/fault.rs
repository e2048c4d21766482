//! Why users cannot be read. Each message is one line: what is wrong, then what to do. None has a hash or a
//! password in it.

use std::fmt;
use std::io;
use std::path::PathBuf;

#[cfg(feature = "auth")]
use crate::origin::auth::hash::HashError;
use crate::semantics::protection::NameError;
use crate::text::escape::Name;

/// Why users cannot be read.
#[derive(Debug)]
pub enum AuthError {
    /// This program was built without passwords.
    NotBuiltIn,
    /// The file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// The path does not name a regular file.
    NotRegular(PathBuf),
    /// The file has more than 1 MiB.
    TooLarge(PathBuf),
    /// The file has no user.
    Empty(PathBuf),
    /// A line of the file is wrong.
    Line {
        /// The file.
        file: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        fault: LineError,
    },
    /// The hash of a user whom an option names cannot be checked.
    #[cfg(feature = "auth")]
    Option(Box<str>, HashError),
    /// A rule is for the users of a file, and there is no file.
    NoFile,
    /// The system gave no random bytes.
    Random,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineError {
    /// It is not UTF-8.
    NotUtf8,
    /// The name and the hash are not separated by a colon.
    NoColon,
    /// The name.
    Name(NameError),
    /// The hash.
    #[cfg(feature = "auth")]
    Hash(HashError),
    /// The user occurs twice in the file.
    Twice,
    /// The user is in an option too.
    InOption,
}

/// The message for an option of passwords in a build without them.
pub const NOT_BUILT_IN: &str = "this docroot was built without passwords: \
     to get them, run cargo install --path . --features auth";

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuthError::NotBuiltIn => f.write_str(NOT_BUILT_IN),
            AuthError::Unreadable(path, fault) => write!(
                f,
                "{} cannot be read: {fault}; give --auth-file a readable file with lines USER:HASH",
                Name::of(path)
            ),
            AuthError::NotRegular(path) => write!(
                f,
                "{} is not a regular file: give --auth-file a file with lines USER:HASH",
                Name::of(path)
            ),
            AuthError::TooLarge(path) => write!(
                f,
                "{} is larger than 1 MiB: name a password file",
                Name::of(path)
            ),
            AuthError::Empty(path) => write!(
                f,
                "{} has no user: add a line USER:HASH; docroot hash-password makes the hash",
                Name::of(path)
            ),
            AuthError::Line { file, line, fault } => {
                write!(f, "line {line} of {}: {fault}", Name::of(file))
            }
            #[cfg(feature = "auth")]
            AuthError::Option(name, fault) => {
                write!(
                    f,
                    "the user {}: {}",
                    Name(name.as_bytes()),
                    fault.in_option()
                )
            }
            AuthError::NoFile => f.write_str(
                "a rule of --auth has a pattern but no user: name the users' file with --auth-file, or write \
                 'PATTERN USER:HASH'",
            ),
            AuthError::Random => f.write_str(
                "the system has no random bytes yet: try again when it has finished booting",
            ),
        }
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineError::NotUtf8 => f.write_str("the line is not UTF-8: convert the file"),
            LineError::NoColon => f.write_str(
                "there is no colon: write USER:HASH; docroot hash-password makes the hash",
            ),
            LineError::Name(fault) => fault.fmt(f),
            #[cfg(feature = "auth")]
            LineError::Hash(fault) => fault.fmt(f),
            LineError::Twice => {
                f.write_str("an earlier line has the same user: remove one of the two lines")
            }
            LineError::InOption => {
                f.write_str("--auth names the same user: remove this line or the option")
            }
        }
    }
}

impl std::error::Error for AuthError {}
