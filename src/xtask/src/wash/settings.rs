//! Settings of `wash dev`. The end-to-end tests compile this file, too, so that they start it the same way.

/// Variables of the environment of `wash dev`, which it merges into `.wash/config.yaml`.
pub(crate) fn settings(
    address: &str,
    redis: Option<&str>,
    variables: &[(&str, &str)],
) -> Vec<(String, String)> {
    let mut dev = vec![("address", quoted(address))];
    dev.extend(redis.map(|url| ("wasi_keyvalue_redis_url", quoted(url))));
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, quoted(value)))
        .collect();
    let config = table(&[("config", table(&variables))]);
    vec![
        // It was built already.
        ("WASH_BUILD".into(), table(&[("command", quoted("true"))])),
        ("WASH_DEV".into(), table(&dev)),
        ("WASH_WORKLOAD".into(), table(&[("environment", config)])),
    ]
}

fn table(entries: &[(&str, String)]) -> String {
    let entries: Vec<_> = entries
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!("{{{}}}", entries.join(","))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_tables() {
        let found = settings(
            "127.0.0.1:0",
            Some("redis://:a\"b\\c@h"),
            &[("queues", "a b"), ("x", "{\"a\":1}")],
        );
        let found: Vec<_> = found
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            found,
            [
                r#"WASH_BUILD={command="true"}"#,
                r#"WASH_DEV={address="127.0.0.1:0",wasi_keyvalue_redis_url="redis://:a\"b\\c@h"}"#,
                r#"WASH_WORKLOAD={environment={config={queues="a b",x="{\"a\":1}"}}}"#,
            ]
        );
    }
}
