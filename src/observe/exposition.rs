//! Metrics as programs read them: the text format of Prometheus, version 0.0.4, and OpenMetrics 1.0.
//!
//! ```text
//! # HELP docroot_sent_bytes_total Bytes of content.        # HELP docroot_sent_bytes Bytes of content.
//! # TYPE docroot_sent_bytes_total counter                  # TYPE docroot_sent_bytes counter
//!                                                          # UNIT docroot_sent_bytes bytes
//! docroot_sent_bytes_total{site="*"} 12                    docroot_sent_bytes_total{site="*"} 12
//!                                                          # EOF
//! ```

use std::fmt::{self, Display, Write};
use std::time::Duration;

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The text format of Prometheus.
    Text,
    /// OpenMetrics.
    OpenMetrics,
}

impl Format {
    /// The formats that are offered, each with its media type. The first is for clients that name none.
    ///
    /// Prometheus 3 asks for OpenMetrics with the parameter `escaping`: how to write a name with more than
    /// letters, digits, `_` and `:`. No name has more, so three of the four ways change nothing. `dots` would,
    /// because it doubles each `_`. A client that asks for it gets the next format of its list.
    pub const OFFERED: [(Format, &str); 5] = [
        (Format::Text, "text/plain; version=0.0.4; charset=utf-8"),
        (
            Format::OpenMetrics,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
        (
            Format::OpenMetrics,
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        ),
        (
            Format::OpenMetrics,
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
        (
            Format::OpenMetrics,
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=values",
        ),
    ];
}

/// What the samples of a family are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number that only grows.
    Counter,
    /// A number that is true now.
    Gauge,
    /// The number 1, with what does not change as labels.
    Info,
    /// How often values were in which range.
    Histogram,
}

/// A name and its value.
pub type Label<'a> = (&'a str, &'a str);

/// Metrics that are written.
#[derive(Debug)]
pub struct Exposition {
    format: Format,
    text: String,
}

impl Exposition {
    /// Nothing yet.
    pub fn new(format: Format) -> Exposition {
        Exposition {
            format,
            text: String::new(),
        }
    }

    /// Begins a family. `name` is without the ending that its kind adds, and ends with the `unit`, if there is one.
    pub fn family<'a>(
        &'a mut self,
        (name, unit): (&'static str, &str),
        kind: Kind,
        help: &str,
    ) -> Family<'a> {
        let ending = match kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        // In OpenMetrics, the ending belongs to the sample and not to the family.
        let (of_family, kind) = match (self.format, kind) {
            (Format::OpenMetrics, Kind::Info) => ("", "info"),
            (Format::OpenMetrics, Kind::Counter) => ("", "counter"),
            (Format::Text, Kind::Counter) => (ending, "counter"),
            (Format::Text, Kind::Info) => (ending, "gauge"),
            (_, Kind::Gauge) => ("", "gauge"),
            (_, Kind::Histogram) => ("", "histogram"),
        };
        let help = Escaped(help);
        self.line(format_args!("# HELP {name}{of_family} {help}"));
        self.line(format_args!("# TYPE {name}{of_family} {kind}"));
        if self.format == Format::OpenMetrics && !unit.is_empty() {
            self.line(format_args!("# UNIT {name} {unit}"));
        }
        Family {
            exposition: self,
            name,
            ending,
        }
    }

    /// The text.
    pub fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a string never fails.
        writeln!(self.text, "{line}").unwrap_or_default();
    }
}

/// A family whose samples are written.
#[derive(Debug)]
pub struct Family<'a> {
    exposition: &'a mut Exposition,
    name: &'static str,
    ending: &'static str,
}

impl Family<'_> {
    /// Writes a sample.
    pub fn sample(&mut self, labels: &[Label<'_>], value: impl Display) {
        let (name, ending) = (self.name, self.ending);
        let labels = Labels(labels);
        self.exposition
            .line(format_args!("{name}{ending}{labels} {value}"));
    }

    /// Writes the samples of a histogram: how many values are in each bucket, and beyond the last bound.
    pub fn histogram(&mut self, bounds: &[Duration], counts: &[u64], sum: Duration) {
        let name = self.name;
        let bounds = bounds.iter().map(|bound| Number(bound.as_secs_f64()));
        let bounds = bounds.chain([Number(f64::INFINITY)]);
        let mut count = 0;
        for (bound, in_bucket) in bounds.zip(counts) {
            count += in_bucket;
            self.exposition
                .line(format_args!("{name}_bucket{{le=\"{bound}\"}} {count}"));
        }
        let sum = Number(sum.as_secs_f64());
        self.exposition.line(format_args!("{name}_sum {sum}"));
        self.exposition.line(format_args!("{name}_count {count}"));
    }
}

/// A number with a fraction, as OpenMetrics writes the bounds of buckets: `0.5`, `1.0`, `+Inf`.
#[derive(Clone, Copy, Debug)]
pub struct Number(pub f64);

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 == f64::INFINITY {
            true => f.write_str("+Inf"),
            // `Debug` of a number writes at least one digit behind the point.
            false => write!(f, "{:?}", self.0),
        }
    }
}

struct Labels<'a>(&'a [Label<'a>]);

impl Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, others)) = self.0.split_first() else {
            return Ok(());
        };
        write!(f, "{{{}=\"{}\"", first.0, Escaped(first.1))?;
        for (name, value) in others {
            write!(f, ",{name}=\"{}\"", Escaped(value))?;
        }
        f.write_char('}')
    }
}

/// The text between quotes.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                char => f.write_char(char)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format) -> String {
        let mut all = Exposition::new(format);
        all.family(("a_bytes", "bytes"), Kind::Counter, "Help.")
            .sample(&[("x", "q\"\\\n"), ("y", "")], 7);
        all.family(("build", ""), Kind::Info, "Help.")
            .sample(&[("version", "1")], 1);
        let bounds = [Duration::from_millis(5), Duration::from_secs(1)];
        all.family(("d_seconds", "seconds"), Kind::Histogram, "Help.")
            .histogram(&bounds, &[1, 0, 2], Duration::from_millis(2500));
        all.finish()
    }

    #[test]
    fn the_text_format_names_samples() {
        let want = r#"# HELP a_bytes_total Help.
# TYPE a_bytes_total counter
a_bytes_total{x="q\"\\\n",y=""} 7
# HELP build_info Help.
# TYPE build_info gauge
build_info{version="1"} 1
# HELP d_seconds Help.
# TYPE d_seconds histogram
d_seconds_bucket{le="0.005"} 1
d_seconds_bucket{le="1.0"} 1
d_seconds_bucket{le="+Inf"} 3
d_seconds_sum 2.5
d_seconds_count 3
"#;
        assert_eq!(written(Format::Text), want);
    }

    #[test]
    fn openmetrics_names_families_and_units() {
        let want = r#"# HELP a_bytes Help.
# TYPE a_bytes counter
# UNIT a_bytes bytes
a_bytes_total{x="q\"\\\n",y=""} 7
# HELP build Help.
# TYPE build info
build_info{version="1"} 1
# HELP d_seconds Help.
# TYPE d_seconds histogram
# UNIT d_seconds seconds
d_seconds_bucket{le="0.005"} 1
d_seconds_bucket{le="1.0"} 1
d_seconds_bucket{le="+Inf"} 3
d_seconds_sum 2.5
d_seconds_count 3
# EOF
"#;
        assert_eq!(written(Format::OpenMetrics), want);
    }
}
