//! Where spans are sent: the variables `otlp_endpoint`, `otlp_headers` and `otlp_service`.

use crate::target::decode;
use crate::url::check_url;

/// The longest name of a service, in bytes.
const SERVICE_MAX: usize = 255;

/// The path of traces below an endpoint of OTLP over HTTP.
const TRACES: &str = "/v1/traces";

/// A collector that takes spans by OTLP over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector {
    /// Where spans are posted.
    pub url: String,
    /// Further headers, such as a key of the receiver.
    pub headers: Vec<(String, String)>,
    /// The application's name in spans: the resource attribute `service.name`.
    pub service: String,
}

impl Collector {
    /// Reads the variables. No endpoint: nothing is sent.
    ///
    /// ```
    /// use handoff_wire::Collector;
    ///
    /// let read = |endpoint: &str| Collector::read(endpoint, "x-key=a", "shop");
    /// let collector = read("http://127.0.0.1:4318/").unwrap().unwrap();
    /// assert_eq!(collector.url, "http://127.0.0.1:4318/v1/traces");
    /// assert_eq!(read(""), Ok(None));
    /// assert!(read("localhost:4318").is_err());
    /// ```
    ///
    /// # Errors
    /// If the endpoint is no URL that may be called, a header is not written `name=value`, or the
    /// service has no name. The text shows no value.
    pub fn read(endpoint: &str, headers: &str, service: &str) -> Result<Option<Self>, String> {
        let endpoint = endpoint.trim();
        if endpoint.is_empty() {
            return Ok(None);
        }
        // The reason of `check_url` shows the URL, which may hold a secret.
        if check_url(endpoint).is_err() || endpoint.contains('?') {
            return Err(
                "the endpoint is no absolute http or https URL, or has a user name, a query or a fragment"
                    .to_owned(),
            );
        }
        let base = endpoint.trim_end_matches('/');
        let url = match base.ends_with(TRACES) {
            true => base.to_owned(),
            false => format!("{base}{TRACES}"),
        };
        let items = headers.split(',').map(str::trim);
        let items = items.filter(|item| !item.is_empty()).enumerate();
        let header = |(i, item): (usize, &str)| {
            let (name, value) = item.split_once('=').unwrap_or_default();
            let name = name.trim();
            let value = decode(value.trim()).unwrap_or_default();
            let in_name = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            let in_value = |b: u8| matches!(b, b' '..=b'~');
            if name.is_empty() || !name.bytes().all(in_name) || !value.bytes().all(in_value) {
                return Err(format!("header {} is not written name=value", i + 1));
            }
            Ok((name.to_ascii_lowercase(), value))
        };
        let headers = items.map(header).collect::<Result<_, _>>()?;
        let service = service.trim();
        let is_name = (1..=SERVICE_MAX).contains(&service.len());
        if !is_name || service.chars().any(char::is_control) {
            return Err(format!(
                "the service must have a name of at most {SERVICE_MAX} bytes, without control characters"
            ));
        }
        Ok(Some(Self {
            url,
            headers,
            service: service.to_owned(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_completed_and_headers_are_read() {
        let read = |endpoint: &str, headers: &str| Collector::read(endpoint, headers, " a b ");
        let url = |endpoint: &str| read(endpoint, "").map(|found| found.map(|found| found.url));
        let full = Ok(Some("https://o.example/a/v1/traces".to_owned()));
        assert_eq!(url(" https://o.example/a "), full);
        assert_eq!(url("https://o.example/a/v1/traces"), full);
        let found =
            read("http://o.example", "X-Key = a=b ,, other=Basic%20a%2C").map(Option::unwrap);
        let headers = [("x-key", "a=b"), ("other", "Basic a,")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(found.map(|found| found.headers), Ok(headers.to_vec()));
        for (endpoint, headers) in [
            ("o.example", ""),
            ("http://u:hunter2@o.example", ""),
            ("http://o.example/hunter2#a", ""),
            ("http://o.example?a=hunter2", ""),
            ("http://o.example", "hunter2"),
            ("http://o.example", "a b=c"),
            ("http://o.example", "a=\u{1}"),
        ] {
            let error = read(endpoint, headers).expect_err(endpoint);
            assert!(!error.contains("hunter2"), "{error}");
        }
        let named = |service: &str| Collector::read("http://o.example", "", service);
        let found = named(" a b ").map(|found| found.map(|found| found.service));
        assert_eq!(found, Ok(Some("a b".to_owned())));
        for service in ["", " ", "a\nb", &"é".repeat(128)] {
            assert!(named(service).is_err(), "{service}");
        }
    }
}
