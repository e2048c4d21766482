//! Where the lines are written.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;

/// Where the lines are written.
pub type Sink = Box<dyn Write + Send>;

/// The standard output as a sink. It is unbuffered, because the writer writes whole batches.
pub fn standard_output() -> Sink {
    match io::stdout().as_fd().try_clone_to_owned() {
        Ok(descriptor) => Box::new(File::from(descriptor)),
        // No descriptor is free. The buffered handle needs none.
        Err(_) => Box::new(io::stdout()),
    }
}

/// Why a write failed, and how many bytes were written before.
pub(super) struct WriteError {
    pub(super) written: usize,
    pub(super) cause: io::Error,
}

/// Like [`Write::write_all`], but an error says how many bytes were written.
pub(super) fn write_whole(sink: &mut Sink, bytes: &[u8]) -> Result<(), WriteError> {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        let cause = match sink.write(rest) {
            Ok(0) => ErrorKind::WriteZero.into(),
            Ok(taken) => {
                written += taken;
                continue;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => error,
        };
        return Err(WriteError { written, cause });
    }
    Ok(())
}
