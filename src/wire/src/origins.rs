//! Origins: the pages of other origins that may call, as the variable `cors_origins` lists them.

use crate::{items, repeated};
use std::str::FromStr;

/// The origins whose pages may call. If it is empty, only this application's own pages may.
///
/// ```
/// use handoff_wire::Origins;
///
/// let origins: Origins = "https://app.example.org, http://localhost:5173".parse().unwrap();
/// assert!(origins.allow("https://app.example.org"));
/// assert!(!origins.allow("https://app.example.org.evil.net"));
/// assert!("*".parse::<Origins>().unwrap().allow("https://anybody.net"));
/// assert!("https://app.example.org/".parse::<Origins>().is_err());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    listed: Vec<String>,
}

impl Origins {
    /// Whether no other origin is allowed.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// Whether all origins are allowed.
    pub fn is_any(&self) -> bool {
        self.listed.iter().any(|listed| listed == "*")
    }

    /// Whether pages of this origin, as browsers send it, may call.
    pub fn allow(&self, origin: &str) -> bool {
        self.is_any() || self.listed.iter().any(|listed| listed == origin)
    }
}

impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let listed: Vec<_> = items(text).map(str::to_owned).collect();
        if listed.len() > 1 && listed.iter().any(|origin| origin == "*") {
            return Err("\"*\" allows all origins and stands alone".to_owned());
        }
        if let Some((first, _)) = repeated(&listed) {
            let origin = &listed[first];
            return Err(format!("the origin {origin:?} is there twice"));
        }
        match listed.iter().find(|origin| !is_origin(origin)) {
            Some(wrong) => Err(format!(
                "{wrong:?} is not an origin: it has a scheme, a host in lower case, and no path"
            )),
            None => Ok(Self { listed }),
        }
    }
}

/// Whether a text is an origin in the browsers' form.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else {
        return text == "*";
    };
    let in_scheme = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
    let in_host = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._:[]".contains(&b);
    let fits = |part: &str, fits: fn(u8) -> bool| !part.is_empty() && part.bytes().all(fits);
    fits(scheme, in_scheme) && fits(host, in_host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_are_listed() {
        for good in [
            "",
            "*",
            "https://a.example",
            "http://localhost:5173 https://a.example,\nhttp://[::1]:80",
            "capacitor://localhost",
        ] {
            assert!(good.parse::<Origins>().is_ok(), "{good}");
        }
        for bad in [
            "a.example",
            "https://",
            "://a",
            "https://a.example/",
            "https://a.example/path",
            "https://*.example",
            "https://A.example",
            "https://user@a.example",
            "null",
            "* https://a.example",
            "* *",
            "https://a.example http://a.example https://a.example",
        ] {
            let error = bad.parse::<Origins>().expect_err(bad);
            assert!(error.contains("origin"), "{error}");
        }
    }

    #[test]
    fn an_origin_is_allowed_as_a_whole() {
        let origins: Origins = "https://a.example http://b.example:8080"
            .parse()
            .expect("valid");
        for (origin, allowed) in [
            ("https://a.example", true),
            ("http://b.example:8080", true),
            ("http://a.example", false),
            ("https://a.example:443", false),
            ("https://b.example", false),
            ("https://a.example.net", false),
            ("https://xa.example", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(origins.allow(origin), allowed, "{origin}");
        }
        assert!(!Origins::default().allow("https://a.example"));
    }
}
