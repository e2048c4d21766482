//! Cookies: what the client sends, and a cookie with any attributes (RFC 6265 sections 4.1 and 4.2).
//!
//! ```text
//! GET  cookies                                    the cookies of the request
//! POST cookies    name=color&value=blue&max-age=60&path=/&same-site=Lax&http-only=1
//!      Set-Cookie: lab-color=blue; Max-Age=60; Path=/; SameSite=Lax; HttpOnly
//! ```
//!
//! The names begin with `lab-`, so no cookie of the site is replaced, and the lab tells only the values of its own.

use crate::guide::fault::Fault;
use crate::guide::lab::answers::{LONGEST_FORM, json, ok, with_content};
use crate::guide::lab::query::Query;
use crate::guide::lab::visit::{Endpoint, Methods, Users, Visit};
use crate::guide::plain::text;
use crate::origin::handler::{Answer, Origin};
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::cookie::{CookieError, SetCookie, cookies};
use crate::semantics::method::Method;
use crate::semantics::trace::Trace;
use crate::text::escape::JsonOctets;

/// `cookies`.
pub const ENDPOINT: Endpoint = Endpoint {
    name: "cookies",
    methods: Methods::GetAndPost,
    users: Users::OwnPages,
    most_content: Some(LONGEST_FORM),
    answer,
};

/// How the names of the lab's cookies begin.
const PREFIX: &str = "lab-";

/// The prefixes with which browsers check the attributes of a cookie. They come before the other one.
const CHECKED: [&str; 2] = ["__Host-", "__Secure-"];

/// The longest value and the longest attribute.
const LONGEST: usize = 200;

/// The longest time that a cookie of the lab stays, in seconds: a day.
const LONGEST_AGE: u64 = 24 * 60 * 60;

/// Whether the name is that of a cookie of the lab.
pub fn is_own(name: &[u8]) -> bool {
    let mut prefixes = CHECKED.iter().map(|prefix| prefix.as_bytes());
    let name = prefixes
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    name.starts_with(PREFIX.as_bytes())
}

fn answer(visit: &Visit<'_>, origin: &mut Origin, _: &mut Trace) -> Result<Answer, Fault> {
    if visit.request.method() == Some(Method::Registered("POST")) {
        return Ok(with_content(
            origin,
            Box::new(|request, held| set(request, &Query::of(&held.bytes))),
        ));
    }
    let shown = cookies(visit.request.fields()).map(|(name, value)| {
        let value = if is_own(name) { value } else { b"***" };
        // What has no name may be a secret.
        format!(
            "{{\"name\":{},\"value\":{}}}",
            JsonOctets(name),
            JsonOctets(value)
        )
    });
    let shown: Vec<String> = shown.collect();
    Ok(json(format!("{{\"cookies\":[{}]}}\n", shown.join(","))))
}

/// Sets the cookie that a form describes.
fn set(request: &Request<'_>, form: &Query<'_>) -> Result<Response, Fault> {
    let text_of = |name| form.text(name, LONGEST);
    let prefix = form.choice("prefix", &CHECKED.map(|prefix| (prefix, prefix)), "")?;
    let name = text_of("name")?.unwrap_or("color");
    let name = name.strip_prefix(PREFIX).unwrap_or(name);
    let ages = |name| {
        form.value(name)
            .map(|_| form.number(name, 0..=LONGEST_AGE, 0))
            .transpose()
    };
    let same_site = [
        ("Strict", Some("Strict")),
        ("Lax", Some("Lax")),
        ("None", Some("None")),
    ];
    let cookie = SetCookie {
        name: format!("{prefix}{PREFIX}{name}"),
        value: text_of("value")?.unwrap_or_default().to_owned(),
        // It fits, because it has a limit.
        expires: ages("expires")?.map(|seconds| request.now.plus(seconds as u32)),
        max_age: ages("max-age")?,
        domain: text_of("domain")?.map(str::to_owned),
        path: text_of("path")?.map(str::to_owned),
        is_secure: form.has("secure"),
        is_http_only: form.has("http-only"),
        same_site: form.choice("same-site", &same_site, None)?,
        is_partitioned: form.has("partitioned"),
    };
    cookie.check().map_err(fault)?;
    let value = cookie.to_string();
    let content = format!("Set-Cookie: {value}\n");
    Ok(text(ok().field("Set-Cookie", value), content))
}

fn fault(fault: CookieError) -> Fault {
    Fault::query(match fault {
        CookieError::Name => {
            "The name must be a token: letters, digits and some signs such as - and _."
        }
        CookieError::Value => {
            "The value must not have spaces, commas, semicolons, quotes or backslashes."
        }
        CookieError::Attribute => "The domain and the path must not have a semicolon.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cookies_of_the_lab_are_its_own() {
        for name in ["lab-a", "__Host-lab-a", "__Secure-lab-"] {
            assert!(is_own(name.as_bytes()), "{name}");
        }
        for name in [
            "",
            "lab",
            "Lab-a",
            "xlab-a",
            "__Host-a",
            "__Host-__Secure-lab-a",
        ] {
            assert!(!is_own(name.as_bytes()), "{name}");
        }
    }
}
