//! What the browser of a learner reports.
//!
//! ```text
//! 1764240000000                       the class, by when it began
//! 0f3a5b7c9d1e2f4061728394a5b6c7d8    a number that the browser has chosen at random for this class
//! 07-conditional/weak-tag             every experiment that is done, one a line
//! 08-ranges/resume-download
//! ```

use crate::guide::class::experiments::{Done, number_of};

/// The longest report in bytes. With every experiment, it has half of that.
pub const LONGEST_REPORT: u64 = 8 * 1024;

/// The length of a learner's number in hexadecimal digits.
const DIGITS: usize = 32;

/// A report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// When the class began, in milliseconds since 1970.
    pub class: u64,
    /// Who has done them: a random number.
    pub learner: u128,
    /// What this learner has done.
    pub done: Done,
}

impl Report {
    /// Reads a report. `None` if it is none. Names of other experiments do not count: they are of another edition
    /// of the book.
    pub fn parse(text: &[u8]) -> Option<Report> {
        let mut lines = str::from_utf8(text).ok()?.lines();
        let class = lines.next()?;
        let learner = lines.next()?;
        let is_number = class.bytes().all(|byte| byte.is_ascii_digit());
        let is_learner = learner.len() == DIGITS && learner.bytes().all(|b| b.is_ascii_hexdigit());
        (is_number && is_learner).then_some(())?;
        Some(Report {
            class: class.parse().ok()?,
            learner: u128::from_str_radix(learner, 16).ok()?,
            done: lines.filter_map(number_of).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guide::class::experiments::EXPERIMENTS;

    const LEARNER: &str = "0f3a5b7c9d1e2f4061728394a5b6c7d8";

    #[test]
    fn a_report_is_read() {
        let text = format!(
            "17\n{LEARNER}\n{}\nno/such\n\n{}\n",
            EXPERIMENTS[3], EXPERIMENTS[0]
        );
        let want = Report {
            class: 17,
            learner: 0x0f3a_5b7c_9d1e_2f40_6172_8394_a5b6_c7d8,
            done: [0, 3].into_iter().collect(),
        };
        assert_eq!(Report::parse(text.as_bytes()), Some(want));
        let none = format!("17\n{LEARNER}");
        assert!(Report::parse(none.as_bytes()).is_some_and(|report| report.done.is_empty()));
        let all = format!("{}\n{LEARNER}\n{}", u64::MAX, EXPERIMENTS.join("\n"));
        assert!(all.len() as u64 <= LONGEST_REPORT / 2, "{}", all.len());
    }

    #[test]
    fn other_texts_are_none() {
        for text in [
            "",
            "17",
            "17\n",
            &format!("-1\n{LEARNER}"),
            &format!("+1\n{LEARNER}"),
            &format!("99999999999999999999\n{LEARNER}"),
            &format!("17\n{LEARNER}0"),
            &format!("17\n+{}", &LEARNER[1..]),
            &format!("{LEARNER}\n17"),
        ] {
            assert_eq!(Report::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Report::parse(b"17\n\xff"), None);
    }
}
