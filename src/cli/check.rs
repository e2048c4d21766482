//! What `docroot check` finds: what keeps a server from its start, and what its operator may not want.
//!
//! ```text
//! error: www does not exist: name an existing directory or file
//! warning: other users can access the private key key.pem (its mode is 644); run chmod 600 on it
//! 1 error, 1 warning
//! ```

use rustix::process::geteuid;

use crate::cli::launch::{Check, OutputFormat};
use crate::cli::signals;
use crate::cli::warnings::{Surroundings, WITHOUT_HISTORY, Warning, warnings};
use crate::net::check::{Checked, check};
use crate::net::config::Config;
use crate::net::privileges::confine::Confined;
use crate::observe::notice::WARNING;
use crate::text::append;
use crate::text::escape::{JsonString, Name};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    /// The server would not start.
    Error,
    /// The operator may not want this.
    Warning,
    /// The operator should know.
    Note,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    severity: Severity,
    /// One line: what it is, then what to do.
    text: String,
}

impl Finding {
    fn new(severity: Severity, text: impl ToString) -> Finding {
        let text = text.to_string();
        Finding { severity, text }
    }

    /// A line that a server prints at its start.
    fn of_line(line: impl ToString) -> Finding {
        let line = line.to_string();
        match line.strip_prefix(WARNING) {
            Some(text) => Finding::new(Severity::Warning, text),
            None => Finding::new(Severity::Note, line),
        }
    }
}

/// Everything that was found, the worst first.
#[derive(Debug)]
pub struct Report(Vec<Finding>);

impl Report {
    /// Checks a server.
    pub fn of(request: &Check) -> Report {
        let config = &request.launch.config;
        let checked = check(config, signals::DESCRIPTORS);
        let mut findings = faults(request, &checked);
        let taken = checked.taken.iter();
        findings.extend(taken.map(|fault| Finding::new(Severity::Note, fault)));
        let told = request.launch.told();
        findings.extend(told.iter().map(Finding::of_line));
        let surroundings = Surroundings::inspect(config);
        let known = warnings(config, &surroundings);
        findings.extend(known.iter().map(Finding::of_line));
        findings.extend(further(config, &surroundings, &known));
        findings.extend(checked.notices.iter().map(Finding::of_line));
        // What does not start reads nothing.
        let starts = checked.faults.is_empty();
        let confined = checked.confined.iter().filter(|_| starts);
        let confined = confined.filter_map(Confined::told);
        findings.extend(confined.map(Finding::of_line));
        findings.sort_by_key(|finding| finding.severity);
        Report(findings)
    }

    /// A server would not even begin to start, because of a mistake in its arguments or its configuration file.
    pub fn of_mistake(mistake: &str) -> Report {
        Report(vec![Finding::new(Severity::Error, mistake)])
    }

    /// The exit status.
    pub fn status(&self, is_strict: bool) -> u8 {
        match self.0.first().map(|finding| finding.severity) {
            Some(Severity::Error) => 2,
            Some(Severity::Warning) if is_strict => 1,
            _ => 0,
        }
    }

    /// The text to print.
    pub fn print(&self, format: OutputFormat) -> Vec<u8> {
        match format {
            OutputFormat::Text => self.text(),
            OutputFormat::Json => self.json(),
        }
    }

    /// One line for each finding, then how many there are.
    fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for Finding { severity, text } in &self.0 {
            append(&mut out, format_args!("{}: {text}\n", severity.name()));
        }
        let counts = [Severity::Error, Severity::Warning].map(|severity| {
            let count = self.count(severity);
            let plural = if count == 1 { "" } else { "s" };
            format!("{count} {}{plural}", severity.name())
        });
        append(&mut out, format_args!("{}\n", counts.join(", ")));
        out
    }

    /// One JSON object.
    fn json(&self) -> Vec<u8> {
        let [errors, warnings] = [Severity::Error, Severity::Warning].map(|one| self.count(one));
        let mut out = Vec::new();
        append(
            &mut out,
            format_args!("{{\"errors\":{errors},\"warnings\":{warnings},\"findings\":["),
        );
        for (number, Finding { severity, text }) in self.0.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            let (severity, text) = (severity.name(), JsonString(text.as_bytes()));
            append(
                &mut out,
                format_args!("{comma}{{\"severity\":\"{severity}\",\"text\":{text}}}"),
            );
        }
        out.extend_from_slice(b"]}\n");
        out
    }

    fn count(&self, severity: Severity) -> usize {
        let is_one = |finding: &&Finding| finding.severity == severity;
        self.0.iter().filter(is_one).count()
    }
}

/// Why the server would not start.
fn faults(request: &Check, checked: &Checked) -> Vec<Finding> {
    let launch = &request.launch;
    let told = |fault| launch.root_source.start_message(fault, &launch.config.root);
    let faults = checked.faults.iter();
    faults
        .map(|fault| Finding::new(Severity::Error, told(fault)))
        .collect()
}

/// What a server does not warn about at each start.
fn further(config: &Config, surroundings: &Surroundings, known: &[Warning]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if geteuid().is_root() && !known.contains(&Warning::Root) {
        findings.push(Finding::new(
            Severity::Warning,
            "docroot would run as root; add --user with the name of a user that can read only the served files",
        ));
    }
    // If clients can read it, the server warns too.
    let histories = surroundings.histories.iter();
    for root in histories.filter(|_| !config.site.hidden) {
        let root = Name::of(root);
        let text = format!("{root} has a .git folder, which docroot hides; {WITHOUT_HISTORY}");
        findings.push(Finding::new(Severity::Warning, text));
    }
    findings
}
