//! What was done, in words.

use std::fmt;

use super::task::{Event, Outcome};
use crate::semantics::coding::Coding;
use crate::semantics::variant::SIDECARS;
use crate::text::human::{Grouped, HumanSize};

/// What was done so far. As text, it is the summary, in whole lines.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Tasks that were found.
    found: u64,
    /// Tasks that were done.
    done: u64,
    /// The sidecars that were written, in the order of [`SIDECARS`].
    totals: [Totals; SIDECARS.len()],
    up_to_date: u64,
    no_gain: u64,
    removed: u64,
    failed: u64,
}

/// What was written in one coding.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    files: u64,
    /// Bytes.
    before: u64,
    after: u64,
}

impl Report {
    /// Whether something could not be done.
    pub fn has_failures(&self) -> bool {
        self.failed > 0
    }

    /// How many sidecars were written.
    pub(super) fn written(&self) -> u64 {
        self.totals.iter().map(|totals| totals.files).sum()
    }

    /// A line that shows the progress, without its end.
    pub fn progress(&self) -> String {
        let (done, found) = (Grouped(self.done), Grouped(self.found));
        let read: u64 = self.totals.iter().map(|totals| totals.before).sum();
        format!("compressing: {done} of {found}, {} read", HumanSize(read))
    }

    /// Adds what happened.
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::Found => self.found += 1,
            Event::UpToDate(count) => self.up_to_date += count,
            Event::Did(coding, outcome) => {
                self.done += 1;
                self.note_outcome(*coding, *outcome);
            }
            Event::Removed => self.removed += 1,
            Event::Failed(_) => self.failed += 1,
        }
    }

    fn note_outcome(&mut self, coding: Coding, outcome: Outcome) {
        match outcome {
            Outcome::Written { before, after } => {
                let mut all = self.totals.iter_mut().zip(SIDECARS);
                if let Some((totals, _)) = all.find(|(_, (sidecar, _))| *sidecar == coding) {
                    totals.files += 1;
                    totals.before += before;
                    totals.after += after;
                }
            }
            Outcome::NoGain { removed } => {
                self.no_gain += 1;
                self.removed += u64::from(removed);
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (totals, (_, extension)) in self.totals.iter().zip(SIDECARS) {
            if totals.files > 0 {
                let files = files(totals.files);
                let (before, after) = (HumanSize(totals.before), HumanSize(totals.after));
                writeln!(f, "wrote {files} ({extension}): {before} became {after}")?;
            }
        }
        if self.written() == 0 {
            writeln!(f, "wrote nothing")?;
        }
        for (count, what) in [
            (self.up_to_date, "up to date"),
            (
                self.no_gain,
                "not written, because less than 2 % would be saved",
            ),
            (self.removed, "removed"),
            (self.failed, "failed"),
        ] {
            if count > 0 {
                writeln!(f, "{}: {what}", files(count))?;
            }
        }
        Ok(())
    }
}

fn files(count: u64) -> String {
    match count {
        1 => "1 file".into(),
        count => format!("{} files", Grouped(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(before: u64, after: u64) -> Outcome {
        Outcome::Written { before, after }
    }

    #[test]
    fn a_report_counts_what_happened() {
        let mut report = Report::default();
        assert_eq!(report.to_string(), "wrote nothing\n");
        (0..5).for_each(|_| report.note(&Event::Found));
        report.note(&Event::UpToDate(3));
        report.note(&Event::Did(Coding::Gzip, written(3000, 1000)));
        report.note(&Event::Did(Coding::Gzip, written(2000, 24)));
        report.note(&Event::Did(Coding::Brotli, written(3000, 900)));
        report.note(&Event::Did(Coding::Zstd, Outcome::NoGain { removed: true }));
        report.note(&Event::Removed);
        assert_eq!(report.progress(), "compressing: 4 of 5, 7.8 KiB read");
        let want = "wrote 1 file (br): 2.9 KiB became 900 B\n\
                    wrote 2 files (gz): 4.9 KiB became 1.0 KiB\n\
                    3 files: up to date\n\
                    1 file: not written, because less than 2 % would be saved\n\
                    2 files: removed\n";
        assert_eq!(report.to_string(), want);
        assert_eq!(report.written(), 3);
        assert!(!report.has_failures());
    }
}
