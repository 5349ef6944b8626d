//! Signing webhooks by the Standard Webhooks specification (<https://www.standardwebhooks.com>).

use crate::{items, repeated};
use base64::prelude::{BASE64_STANDARD, Engine};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::str::FromStr;

const PREFIX: &str = "whsec_";
/// The length of a secret in bytes, by the specification.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The secrets of this deployment. All of them sign: while they change, a receiver may know the old
/// one or the new one. The type has no `Debug`, so that it is never printed.
#[derive(Clone, Default)]
pub struct WebhookSecrets(Vec<Vec<u8>>);

impl WebhookSecrets {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes the header `webhook-signature` of a message: one signature for each secret.
    pub fn sign(&self, id: &str, timestamp_s: u64, body: &[u8]) -> String {
        let signed = format!("{id}.{timestamp_s}.");
        let sign = |secret: &Vec<u8>| {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
            mac.update(signed.as_bytes());
            mac.update(body);
            let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
            Some(format!("v1,{signature}"))
        };
        // Every length is valid for a key.
        let signatures: Vec<_> = self.0.iter().filter_map(sign).collect();
        signatures.join(" ")
    }
}

impl FromStr for WebhookSecrets {
    type Err = String;

    /// Reads secrets, each `whsec_` and base64, with commas or white space between them. Errors
    /// don't repeat them.
    fn from_str(text: &str) -> Result<Self, String> {
        let secret = |(i, item): (usize, &str)| {
            let encoded = item.strip_prefix(PREFIX);
            let secret = encoded.and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
            secret
                .filter(|bytes| BYTES.contains(&bytes.len()))
                .ok_or_else(|| {
                    format!(
                        "number {} is not {PREFIX} and then from {} to {} bytes in base64",
                        i + 1,
                        BYTES.start(),
                        BYTES.end()
                    )
                })
        };
        let secrets: Vec<_> = items(text)
            .enumerate()
            .map(secret)
            .collect::<Result<_, _>>()?;
        if let Some((first, again)) = repeated(&secrets) {
            let (first, again) = (first + 1, again + 1);
            return Err(format!("number {again} is number {first} again"));
        }
        Ok(Self(secrets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// The example with which the specification's own libraries are tested.
    #[test]
    fn signs_as_others_do() {
        let secrets: WebhookSecrets = ONE.parse().expect("valid");
        let body = br#"{"test": 2432232314}"#;
        let signature = secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn every_secret_signs() {
        let other = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB";
        let sign = |text: &str| {
            let secrets: WebhookSecrets = text.parse().expect("valid");
            secrets.sign("a", 1, b"b")
        };
        let both = sign(&format!("{ONE}, {other}"));
        assert_eq!(both, format!("{} {}", sign(ONE), sign(other)));
        assert_ne!(sign(ONE), sign(other));
        assert_eq!(sign(""), "");
    }

    #[test]
    fn a_secret_is_there_once() {
        let other = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB";
        let error = format!("{other} {ONE} {ONE}").parse::<WebhookSecrets>();
        assert_eq!(error.err().as_deref(), Some("number 3 is number 2 again"));
    }

    #[test]
    fn what_is_malformed_is_said_without_the_secret() {
        let short = "whsec_QUFBQQ==";
        let bare = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        for wrong in [
            short,
            bare,
            "whsec_",
            "whsec_***",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        ] {
            let error = format!("{ONE} {wrong}").parse::<WebhookSecrets>().err();
            let error = error.expect("an error");
            assert!(error.starts_with("number 2 is not whsec_"), "{error}");
            assert!(wrong == "whsec_" || !error.contains(wrong), "{error}");
        }
    }
}
