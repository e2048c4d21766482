//! How much a client may use, and how long it may take. `net::limits` holds the defaults and the
//! reason for each.

use super::definition::{Group, Kind, OptionDef, Scope, store};
use crate::cli::units::{count, deadline, duration, head_size, show_duration, show_size, size};
use crate::net::limits::Limits;
use crate::site::options::SiteOptions;

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Limits and deadlines",
    options: &[
        CONNECTIONS,
        HEAD,
        TARGET,
        FIELDS,
        BODY,
        RANGES,
        RATE,
        MEMORY,
        CACHE,
        HANDSHAKE_TIME,
        HEAD_TIME,
        BODY_TIME,
        IDLE_TIME,
        SEND_TIME,
        LINGER_TIME,
        DRAIN_TIME,
    ],
};

const CONNECTIONS: OptionDef = OptionDef::new(
    "max-connections",
    Kind::Text("N", |settings, text| {
        let place = &mut settings.config.limits.max_connections;
        store(place, count(text, 1..=1 << 20))
    }),
    "The maximum number of open connections. Beyond it, docroot answers 503",
)
.default(|_| {
    let most = Limits::MAX_CONNECTIONS;
    format!("as many as the limit of open files allows, at most {most}")
});

const HEAD: OptionDef = OptionDef::new(
    "max-head",
    Kind::Text("SIZE", |settings, text| {
        store(&mut settings.config.limits.max_head, head_size(text))
    }),
    "The maximum size of a request's head. Beyond it, docroot answers 431",
)
.default(|settings| show_size(settings.config.limits.max_head as u64))
.scope(Scope::Answer);

const TARGET: OptionDef = OptionDef::new(
    "max-target",
    Kind::Text("SIZE", |settings, text| {
        store(&mut settings.config.limits.max_target, head_size(text))
    }),
    "The maximum size of a request's target. Beyond it, docroot answers 414",
)
.default(|settings| show_size(settings.config.limits.max_target as u64))
.scope(Scope::Answer);

const FIELDS: OptionDef = OptionDef::new(
    "max-fields",
    Kind::Text("N", |settings, text| {
        let place = &mut settings.config.limits.max_fields;
        store(place, count(text, 1..=1 << 16))
    }),
    "The maximum number of field lines in a request. Beyond it, docroot answers 431",
)
.default(|settings| settings.config.limits.max_fields.to_string())
.scope(Scope::Answer);

const BODY: OptionDef = OptionDef::new(
    "max-body",
    Kind::Text("SIZE", |settings, text| {
        store(&mut settings.config.limits.max_body, size(text))
    }),
    "The maximum size of a request body that docroot reads and discards. If a body is larger, docroot \
     answers without reading the rest and closes the connection",
)
.default(|settings| show_size(settings.config.limits.max_body))
.scope(Scope::Answer);

const RANGES: OptionDef = OptionDef::new(
    "max-ranges",
    Kind::Text("N", |settings, text| {
        let place = &mut settings.config.limits.max_ranges;
        store(place, count(text, 0..=usize::from(u16::MAX)))
    }),
    "The maximum number of ranges in a request. Beyond it, docroot sends the whole file",
)
.default(|settings| settings.config.limits.max_ranges.to_string())
.scope(Scope::Answer);

const RATE: OptionDef = OptionDef::new(
    "min-rate",
    Kind::Text("SIZE", |settings, text| {
        store(&mut settings.config.limits.min_rate, size(text))
    }),
    "The minimum rate at which a client must receive, in bytes per second. If it is slower, docroot \
     closes the connection. With 0, one byte per --send-timeout is enough",
)
.default(|settings| show_size(settings.config.limits.min_rate));

const MEMORY: OptionDef = OptionDef::new(
    "memory",
    Kind::Text("SIZE", |settings, text| {
        store(&mut settings.config.site.memory, size(text))
    }),
    "The memory for everything that docroot holds for clients. If it is used up, files are read \
     from the disk in pieces and long work waits",
)
.default(|settings| show_size(settings.config.site.memory))
.scope(Scope::Answer);

const CACHE: OptionDef = OptionDef::new(
    "cache-memory",
    Kind::Text("SIZE", |settings, text| {
        settings.cache_memory = Some(size(text)?);
        Ok(())
    }),
    "The part of --memory for cached files and compressed responses, at most half of it by default. \
     Copies of files that are being sent may use as much again. 0 turns the cache off",
)
.default(|settings| {
    let half = settings.config.site.memory / 2;
    show_size(half.min(SiteOptions::CACHE_MEMORY))
})
.scope(Scope::Answer);

const HANDSHAKE_TIME: OptionDef = OptionDef::new(
    "handshake-timeout",
    Kind::Text("TIME", |settings, text| {
        store(&mut settings.config.deadlines.handshake, deadline(text))
    }),
    "The maximum time for a TLS handshake",
)
.default(|settings| show_duration(settings.config.deadlines.handshake));

const HEAD_TIME: OptionDef = OptionDef::new(
    "head-timeout",
    Kind::Text("TIME", |settings, text| {
        store(&mut settings.config.deadlines.head, deadline(text))
    }),
    "The maximum time for a client to send a request's head",
)
.default(|settings| show_duration(settings.config.deadlines.head));

const BODY_TIME: OptionDef = OptionDef::new(
    "body-timeout",
    Kind::Text("TIME", |settings, text| {
        store(&mut settings.config.deadlines.body, deadline(text))
    }),
    "The maximum time for a client to send a request's body",
)
.default(|settings| show_duration(settings.config.deadlines.body));

const IDLE_TIME: OptionDef = OptionDef::new(
    "idle-timeout",
    Kind::Text("TIME", |settings, text| {
        store(&mut settings.config.deadlines.idle, duration(text))
    }),
    "The maximum time that a connection stays open between requests",
)
.default(|settings| show_duration(settings.config.deadlines.idle));

const SEND_TIME: OptionDef = OptionDef::new(
    "send-timeout",
    Kind::Text("TIME", |settings, text| {
        store(&mut settings.config.deadlines.send, deadline(text))
    }),
    "The time over which --min-rate is measured",
)
.default(|settings| show_duration(settings.config.deadlines.send));

const LINGER_TIME: OptionDef = OptionDef::new(
    "linger-timeout",
    Kind::Text("TIME", |settings, text| {
        store(&mut settings.config.deadlines.linger, duration(text))
    }),
    "The maximum time for a client to read the last response before docroot closes the connection",
)
.default(|settings| show_duration(settings.config.deadlines.linger));

const DRAIN_TIME: OptionDef = OptionDef::new(
    "drain-timeout",
    Kind::Text("TIME", |settings, text| {
        store(&mut settings.config.deadlines.drain, duration(text))
    }),
    "The maximum time to finish responses at shutdown",
)
.default(|settings| show_duration(settings.config.deadlines.drain));
