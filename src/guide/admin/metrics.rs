//! The numbers of a server, and how they are named.
//!
//! Every label has a bounded number of values: clients choose none of them.

use std::time::{Duration, SystemTime};

use crate::observe::exposition::{Exposition, Format, Kind, Label, Number};
use crate::observe::metrics::Snapshot;
use crate::observe::process::Usage;
use crate::observe::tally::{BOUNDS, Totals};
use crate::site::budget::Account;

/// The numbers.
#[derive(Clone, Debug)]
pub struct Facts {
    /// When the server started.
    pub started: SystemTime,
    /// How many workers it has.
    pub workers: usize,
    /// What all threads count together.
    pub counters: Snapshot,
    /// What the workers have counted.
    pub totals: Totals,
    /// The memory that is held for clients, by account, in bytes.
    pub memory: [u64; Account::ALL.len()],
    /// The most memory that may be held.
    pub memory_limit: u64,
    /// The part of the memory that the caches hold.
    pub cached: u64,
    /// How many private copies of files there are.
    pub copies: u64,
    /// What the system says about the process.
    pub usage: Usage,
    /// The maximum number of open descriptors.
    pub most_descriptors: u64,
}

/// The features of this build, in the order of the alphabet.
const FEATURES: [(&str, bool); 8] = [
    ("auth", cfg!(feature = "auth")),
    ("codings", cfg!(feature = "codings")),
    ("config-file", cfg!(feature = "config-file")),
    ("learn", cfg!(feature = "learn")),
    ("live-reload", cfg!(feature = "live-reload")),
    ("sources", cfg!(feature = "sources")),
    ("systemd", cfg!(feature = "systemd")),
    ("tls", cfg!(feature = "tls")),
];

/// Writes the numbers.
pub fn write(facts: &Facts, format: Format) -> String {
    let mut out = Exposition::new(format);
    write_build(&mut out);
    write_process(&mut out, facts);
    write_requests(&mut out, facts);
    write_connections(&mut out, facts);
    write_memory(&mut out, facts);
    write_faults(&mut out, &facts.counters);
    out.finish()
}

/// Writes a family with one sample for each label.
fn write_each<'a>(
    out: &mut Exposition,
    (name, unit): (&'static str, &str),
    kind: Kind,
    help: &str,
    label: &str,
    samples: impl IntoIterator<Item = (&'a str, u64)>,
) {
    let mut family = out.family((name, unit), kind, help);
    for (value, number) in samples {
        family.sample(&[(label, value)], number);
    }
}

fn write_build(out: &mut Exposition) {
    let features = FEATURES.iter().filter(|(_, is_on)| *is_on);
    let features: Vec<&str> = features.map(|(name, _)| *name).collect();
    let features = features.join(",");
    let labels: [Label<'_>; 2] = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("features", &features),
    ];
    let help = "The version of docroot, and the features of the build.";
    out.family(("docroot_build", ""), Kind::Info, help)
        .sample(&labels, 1);
}

/// The names that Prometheus gives to what every process has.
fn write_process(out: &mut Exposition, facts: &Facts) {
    let started = facts.started.duration_since(SystemTime::UNIX_EPOCH);
    let started = started.unwrap_or(Duration::ZERO).as_secs_f64();
    let name = ("process_start_time_seconds", "seconds");
    out.family(
        name,
        Kind::Gauge,
        "When the server started, in seconds since 1970.",
    )
    .sample(&[], Number(started));
    if let Some(bytes) = facts.usage.resident {
        let name = ("process_resident_memory_bytes", "bytes");
        out.family(name, Kind::Gauge, "Resident memory.")
            .sample(&[], bytes);
    }
    if let Some(count) = facts.usage.descriptors {
        out.family(("process_open_fds", ""), Kind::Gauge, "Open descriptors.")
            .sample(&[], count);
    }
    let help = "The most descriptors that may be open.";
    out.family(("process_max_fds", ""), Kind::Gauge, help)
        .sample(&[], facts.most_descriptors);
    out.family(("docroot_workers", ""), Kind::Gauge, "Worker threads.")
        .sample(&[], facts.workers);
}

fn write_requests(out: &mut Exposition, facts: &Facts) {
    let totals = &facts.totals;
    let help = "Responses that have ended, by site, method and status.";
    let mut requests = out.family(("docroot_requests", ""), Kind::Counter, help);
    for (site, method, status, count) in &totals.answers {
        let status = status.to_string();
        requests.sample(
            &[("site", site), ("method", method), ("status", &status)],
            count,
        );
    }
    write_each(
        out,
        ("docroot_sent_bytes", "bytes"),
        Kind::Counter,
        "Bytes of response content that were sent, without heads.",
        "site",
        totals.sent.iter().map(|(site, sent)| (&**site, *sent)),
    );
    let name = ("docroot_request_duration_seconds", "seconds");
    let help = "The time from the first byte of a request to the last byte of its response.";
    out.family(name, Kind::Histogram, help).histogram(
        &BOUNDS,
        &totals.durations,
        totals.duration_sum,
    );
    write_each(
        out,
        ("docroot_cache_lookups", ""),
        Kind::Counter,
        "Uses of cached files (hit) and reads of files that were not cached (miss).",
        "outcome",
        [("hit", totals.cache_hits), ("miss", totals.cache_misses)],
    );
}

fn write_connections(out: &mut Exposition, facts: &Facts) {
    let phases = facts.totals.phases.named();
    write_each(
        out,
        ("docroot_connections", ""),
        Kind::Gauge,
        "Client connections by what they are doing now.",
        "phase",
        phases.map(|(name, count)| (name, count.into())),
    );
    let counters = &facts.counters;
    let help = "Connections that were accepted, including those that were refused.";
    let name = ("docroot_connections_accepted", "");
    out.family(name, Kind::Counter, help)
        .sample(&[], counters.connections_accepted);
    let help = "Connections that were refused.";
    let name = ("docroot_connections_refused", "");
    out.family(name, Kind::Counter, help)
        .sample(&[], counters.connections_refused);
    write_each(
        out,
        ("docroot_tls_handshakes", ""),
        Kind::Counter,
        "TLS handshakes.",
        "outcome",
        [
            ("success", counters.handshakes),
            ("failure", counters.handshakes_failed),
        ],
    );
}

fn write_memory(out: &mut Exposition, facts: &Facts) {
    let accounts = Account::ALL.iter().map(|account| account.name());
    write_each(
        out,
        ("docroot_memory_bytes", "bytes"),
        Kind::Gauge,
        "Memory that is held for clients.",
        "account",
        accounts.zip(facts.memory),
    );
    let help = "The memory that may be held for clients.";
    out.family(("docroot_memory_limit_bytes", "bytes"), Kind::Gauge, help)
        .sample(&[], facts.memory_limit);
    let help = "Memory that the caches hold.";
    out.family(("docroot_cache_bytes", "bytes"), Kind::Gauge, help)
        .sample(&[], facts.cached);
    let help = "Private copies of large files.";
    out.family(("docroot_copies", ""), Kind::Gauge, help)
        .sample(&[], facts.copies);
}

fn write_faults(out: &mut Exposition, counters: &Snapshot) {
    let faults = [
        (
            "docroot_responses_cut",
            "Responses that were cut off.",
            counters.answers_cut,
        ),
        (
            "docroot_requests_unanswered",
            "Requests that were begun and never answered.",
            counters.requests_unanswered,
        ),
        (
            "docroot_log_lines_dropped",
            "Lines of the access log that were dropped.",
            counters.log_lines_dropped,
        ),
        (
            "docroot_panics",
            "Panics of workers. Each closed one connection.",
            counters.worker_panics,
        ),
    ];
    for (name, help, count) in faults {
        out.family((name, ""), Kind::Counter, help)
            .sample(&[], count);
    }
}
