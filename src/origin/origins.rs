//! The sites of a server, each for its own hosts (RFC 9110 sections 7.2 and 7.4).
//!
//! ```text
//! Host: docs.example      the site for docs.example
//! Host: a.example         the site for *.example
//! Host: other             the first site
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::http1::allowed_hosts::HostPattern;
use crate::observe::tally::Tally;
use crate::origin::handler::Origin;
use crate::semantics::date::HttpDate;
use crate::semantics::host::Host;
use crate::semantics::rules::Rules;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};

/// The origins of one worker: the first one, and one for each further site.
pub struct Origins {
    first: Origin,
    /// The most specific hosts come first.
    others: Vec<(HostPattern, Origin)>,
}

impl Origins {
    /// Origins for these hosts. `first` answers for all others.
    pub fn new(first: Origin, mut others: Vec<(HostPattern, Origin)>) -> Origins {
        // A stable sort: of two equal patterns, the first one counts.
        others.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.precision()));
        Origins { first, others }
    }

    /// The origin that answers for a host.
    pub fn of(&mut self, host: Option<Host<'_>>) -> &mut Origin {
        let matches = |(pattern, _): &&mut (HostPattern, Origin)| {
            host.is_some_and(|host| pattern.matches(host))
        };
        match self.others.iter_mut().find(matches) {
            Some((_, origin)) => origin,
            None => &mut self.first,
        }
    }

    /// The same, with the step that says so.
    pub fn of_noted(&mut self, host: Option<Host<'_>>, trace: &mut Trace) -> &mut Origin {
        self.note(host, trace);
        self.of(host)
    }

    /// Adds the step that says which site answers for a host, if there are several.
    fn note(&self, host: Option<Host<'_>>, trace: &mut Trace) {
        const SITE: Clause = clause!("RFC 9110 section 7.4", "of");
        trace.note_if(|| {
            let host = host.filter(|_| !self.others.is_empty())?;
            let mut patterns = self.others.iter().map(|(pattern, _)| pattern);
            Some(match patterns.find(|pattern| pattern.matches(host)) {
                Some(pattern) => {
                    let pattern = Evidence::Value(Quote::of(pattern.to_string().as_bytes()));
                    Step::new(SITE, "the site for this host answers").with(pattern)
                }
                None => Step::new(
                    SITE,
                    "no other site is for this host, so the first one answers",
                ),
            })
        });
    }

    /// The operator's rules, which all sites share.
    pub fn rules(&self) -> &Rules {
        &self.first.rules
    }

    /// The origin that answers if the host is not known.
    pub fn first(&mut self) -> &mut Origin {
        &mut self.first
    }

    /// Counts in `tally` how the caches are used, and gives each site its number there. For operators, the site of
    /// all other hosts is `*`.
    pub fn count_in(&mut self, tally: &Arc<Tally>) {
        self.first.number = tally.number_of("*");
        for (host, origin) in &mut self.others {
            origin.number = tally.number_of(&host.to_string());
        }
        self.all().for_each(|origin| origin.site.count_in(tally));
    }

    /// Whether the server is shutting down.
    pub fn is_draining(&self) -> bool {
        self.first.is_draining
    }

    /// Tells every origin that the server is shutting down.
    pub fn begin_drain(&mut self) {
        self.all().for_each(|origin| origin.is_draining = true);
    }

    /// Begins a turn of the worker's loop, see [`Origin::begin_turn`].
    pub fn begin_turn(&mut self, now: HttpDate, instant: Instant) -> bool {
        let mut is_due = false;
        for origin in self.all() {
            is_due |= origin.begin_turn(now, instant);
        }
        is_due
    }

    /// Ends a turn of the worker's loop, see [`Origin::end_turn`].
    pub fn end_turn(&mut self) -> Option<Duration> {
        self.all().filter_map(Origin::end_turn).min()
    }

    /// Forgets which cached files were compared with the disk in this turn.
    pub fn look_again(&mut self) {
        self.all().for_each(|origin| origin.site.look_again());
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Origin> {
        let others = self.others.iter_mut().map(|(_, origin)| origin);
        std::iter::once(&mut self.first).chain(others)
    }
}
