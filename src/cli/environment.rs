//! The environment as a source of options.
//!
//! `DOCROOT_SOME_NAME` sets `--some-name`. docroot reads the variable only if the option was not
//! typed. An empty variable counts as unset, and so does the address of a service, `tcp://192.0.2.1:80`:
//! Kubernetes sets `DOCROOT_PORT` to such a value if a service has the name docroot. `DOCROOT_PATH`
//! names the directory or the single file to serve.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::given::{Said, Value};
use super::options::{Kind, Mode, OptionDef, options, quoted};
use super::settings::Settings;
use super::unknown;
use crate::observe::notice::WARNING;

/// The variables whose names begin so are for docroot.
const PREFIX: &str = "DOCROOT_";

/// Names what to serve if no path is typed.
pub const PATH: &str = "DOCROOT_PATH";

/// The variables of the process.
pub struct Environment {
    /// Names and values.
    variables: Vec<(OsString, OsString)>,
}

impl Environment {
    /// An environment with these names and values.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Environment {
        let mut variables: Vec<_> = variables.into_iter().collect();
        variables.sort();
        Environment { variables }
    }

    /// Applies the first variable of the option that is set. Returns its name and what it says. An error names the
    /// variable.
    pub fn apply(
        &self,
        option: &OptionDef,
        settings: &mut Settings,
    ) -> Result<Option<(String, Said)>, String> {
        for name in option.variables() {
            if let Some(value) = self.value(&name) {
                let said = said(option, value).and_then(|said| {
                    said.apply(option, settings)?;
                    Ok(said)
                });
                let said = said.map_err(|what| format!("the variable {name}: {what}"))?;
                return Ok(Some((name, said)));
            }
        }
        Ok(None)
    }

    /// The directory or the single file to serve.
    pub fn path(&self) -> Option<PathBuf> {
        self.value(PATH).map(PathBuf::from)
    }

    /// The value of a variable that counts as set.
    fn value(&self, name: &str) -> Option<&OsStr> {
        let found = self.variables.iter().find(|(key, _)| key == name);
        let value = found.map(|(_, value)| value.as_os_str());
        value.filter(|value| !value.is_empty() && !is_service(value))
    }

    /// What to tell about variables that are meant for docroot and that docroot does not read, one
    /// line each.
    pub fn warnings(&self) -> Vec<String> {
        let known = known();
        let ours = self.variables.iter().filter(|(_, value)| !value.is_empty());
        let ours = ours.filter_map(|(name, value)| {
            let name = name.to_string_lossy();
            let is_ours = name.starts_with(PREFIX)
                && !known.iter().any(|known| *known == *name)
                && !is_of_kubernetes(&name, value);
            is_ours.then_some(name)
        });
        ours.map(|name| {
            let shown = quoted(OsStr::new(&*name));
            let warning = format!("{WARNING}unknown variable {shown}");
            let short = name.strip_prefix(PREFIX).unwrap_or_default();
            unknown::variable(warning, short, PATH)
        })
        .collect()
    }

    /// What to tell about variables of options that do not count as set, one line each.
    pub fn ignored(&self) -> Vec<String> {
        let known = known();
        let variables = self.variables.iter();
        let ignored = variables.filter(|(name, value)| {
            let name = name.to_str();
            is_service(value) && name.is_some_and(|name| known.iter().any(|known| known == name))
        });
        ignored
            .map(|(name, value)| {
                let (name, value) = (name.to_string_lossy(), quoted(value));
                format!("the variable {name} is ignored: {value} is the address of a service")
            })
            .collect()
    }
}

/// Every variable that docroot reads.
fn known() -> Vec<String> {
    let options = options(Mode::Serve);
    let of_options = options.flat_map(|(_, option)| option.variables());
    of_options.chain([PATH.to_owned()]).collect()
}

/// Whether a value is the address of a service, as Kubernetes and Docker set it.
fn is_service(value: &OsStr) -> bool {
    ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.as_encoded_bytes().starts_with(scheme.as_bytes()))
}

/// Whether Kubernetes sets such a variable for a service whose name begins with docroot:
///
/// ```text
/// DOCROOT_SERVICE_HOST   DOCROOT_SERVICE_PORT   DOCROOT_SERVICE_PORT_HTTP   DOCROOT_PORT
/// DOCROOT_PORT_8080_TCP  DOCROOT_PORT_8080_TCP_PROTO  ..._PORT  ..._ADDR
/// ```
fn is_of_kubernetes(name: &str, value: &OsStr) -> bool {
    is_service(value)
        || name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || name
            .split_once("_PORT_")
            .is_some_and(|(_, rest)| is_port_of_service(rest))
}

/// Whether this is a number, a protocol and perhaps a part of an address: `8080_TCP_ADDR`.
fn is_port_of_service(text: &str) -> bool {
    let parts: Vec<&str> = text.split('_').collect();
    match parts[..] {
        [number, protocol] | [number, protocol, "PROTO" | "PORT" | "ADDR"] => {
            number.parse::<u16>().is_ok() && ["TCP", "UDP", "SCTP"].contains(&protocol)
        }
        _ => false,
    }
}

/// What the value of a variable says about an option.
fn said(option: &OptionDef, value: &OsStr) -> Result<Said, String> {
    let text = |text: &OsStr| Said::Values(vec![Value::Text(text.to_owned())]);
    Ok(match (option.kind, is_on(value)) {
        (Kind::Switch(_), Some(true)) => Said::Values(Vec::new()),
        (Kind::Switch(_), Some(false)) => Said::Off,
        (Kind::Switch(_), None) => {
            let shown = quoted(value);
            return Err(format!(
                "invalid value {shown}: write 1 for on or 0 for off"
            ));
        }
        // A number counts, and a word means once or not at all.
        (Kind::Count(_), Some(is_on)) => text(OsStr::new(if is_on { "1" } else { "0" })),
        // The value is optional, so 1 means the option without one.
        (_, Some(is_on)) => match (option.bare, is_on) {
            (Some(bare), true) => text(OsStr::new(bare)),
            (Some(_), false) => Said::Off,
            (None, _) => text(value),
        },
        (_, None) => text(value),
    })
}

/// Whether a word turns a switch on or off; `None` if it is neither.
fn is_on(word: &OsStr) -> Option<bool> {
    let word = word.to_str()?.to_ascii_lowercase();
    match word.as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let owned = |&(name, value): &(&str, &str)| (name.into(), value.into());
        Environment::new(variables.iter().map(owned))
    }

    #[track_caller]
    fn check_warning(name: &str, value: &str, want: Option<&str>) {
        let got = environment(&[(name, value)]).warnings();
        let begin = "warning: unknown variable ";
        let want: Vec<String> = want.iter().map(|want| format!("{begin}{want}")).collect();
        assert_eq!(got, want, "{name}={value}");
    }

    #[test]
    fn a_variable_that_no_option_has_is_told_with_the_nearest_one() {
        let prot = "'DOCROOT_PROT'; did you mean DOCROOT_PORT?";
        check_warning("DOCROOT_PROT", "80", Some(prot));
        let hidden = "'DOCROOT_HIDDEN'; did you mean DOCROOT_INCLUDE_HIDDEN?";
        check_warning("DOCROOT_HIDDEN", "1", Some(hidden));
        let paths = "'DOCROOT_PATHS'; did you mean DOCROOT_PATH?";
        check_warning("DOCROOT_PATHS", "/srv", Some(paths));
        check_warning("DOCROOT_XYZ", "1", Some("'DOCROOT_XYZ'"));
        check_warning("DOCROOT_", "1", Some("'DOCROOT_'"));
        check_warning("DOCROOT_A\n\u{202e}", "1", Some("'DOCROOT_A\\n\\u{202e}'"));
        // These options have no variable.
        check_warning("DOCROOT_MAN", "1", Some("'DOCROOT_MAN'"));
        check_warning("DOCROOT_PROT", "", None); // it counts as unset
        check_warning("DOCROOT_PORT", "80", None);
        check_warning("DOCROOT_PATH", "/srv", None);
        check_warning("DOCROOTS_PROT", "1", None);
        check_warning("PATH", "/bin", None);
    }

    #[test]
    fn a_variable_that_other_servers_would_have_leads_to_that_of_docroot() {
        let check = |name: &str, want: &str| {
            check_warning(name, "1", Some(&format!("'{name}'; {want}")));
        };
        let mean = |name: &str, ours: &str| check(name, &format!("did you mean {ours}?"));
        for word in [
            "DIR",
            "DIRECTORY",
            "ROOT",
            "FOLDER",
            "WWW",
            "PUBLIC",
            "SERVE",
            "DOCUMENT_ROOT",
        ] {
            mean(&format!("DOCROOT_{word}"), "DOCROOT_PATH");
        }
        mean("DOCROOT_HOST", "DOCROOT_BIND"); // the second name of --bind
        mean("DOCROOT_HOTS", "DOCROOT_BIND");
        mean("DOCROOT_ADDRESS", "DOCROOT_BIND");
        mean("DOCROOT_ADDR", "DOCROOT_BIND");
        mean("DOCROOT_LISTEN", "DOCROOT_PORT");
        mean("DOCROOT_CONFIG_FILE", "DOCROOT_CONFIG");
        mean("DOCROOT_SPA_FILE", "DOCROOT_SPA");
        mean("DOCROOT_TLS", "DOCROOT_TLS_SELF_SIGNED");
        mean("DOCROOT_LOG_LEVEL", "DOCROOT_LOG_FORMAT");
        let done = "leave it out: docroot does this anyway, unless told DOCROOT_NO_COMPRESS";
        check("DOCROOT_GZIP", done);
        let never = "docroot passes no request on to another server";
        check("DOCROOT_PROXY", never);
    }

    #[test]
    fn what_kubernetes_sets_for_a_service_is_no_mistake() {
        for name in [
            "DOCROOT_SERVICE_HOST",
            "DOCROOT_SERVICE_PORT",
            "DOCROOT_SERVICE_PORT_HTTP",
            "DOCROOT_PORT",
            "DOCROOT_PORT_8080_TCP",
            "DOCROOT_PORT_8080_TCP_ADDR",
            "DOCROOT_PORT_8080_TCP_PORT",
            "DOCROOT_PORT_8080_TCP_PROTO",
            "DOCROOT_PORT_53_UDP_ADDR",
            "DOCROOT_PORT_9_SCTP_PROTO",
            "DOCROOT_WEB_SERVICE_HOST", // the service docroot-web
            "DOCROOT_WEB_PORT_80_TCP_ADDR",
        ] {
            check_warning(name, "x", None);
        }
        check_warning("DOCROOT_WEB_PORT", "tcp://10.0.0.1:80", None);
        for name in [
            "DOCROOT_PORT_8080",
            "DOCROOT_PORT_X_TCP",
            "DOCROOT_PORT_80_TCP_NAME",
            "DOCROOT_PORT_80_TCP_ADDR_X",
            "DOCROOT_PORT_80_ICMP",
        ] {
            assert_eq!(environment(&[(name, "x")]).warnings().len(), 1, "{name}");
        }
    }

    #[test]
    fn the_address_of_a_service_is_told_as_ignored() {
        let address = "tcp://10.0.0.1:80";
        let variables = [("DOCROOT_PORT", address), ("DOCROOT_SERVICE_PORT", "80")];
        let want =
            "the variable DOCROOT_PORT is ignored: 'tcp://10.0.0.1:80' is the address of a service";
        assert_eq!(environment(&variables).ignored(), [want]);
        assert_eq!(environment(&[("DOCROOT_PORT", "80")]).ignored(), [""; 0]);
    }
}
