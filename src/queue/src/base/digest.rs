//! Digests, which replace texts of any length in keys.

use sha2::Digest;
use sha2::Sha256;

/// Computes a digest of 128 bits in hexadecimal.
pub(crate) fn digest(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().take(16).map(|b| format!("{b:02x}")).collect()
}

/// Whether this is the name of a period or a waitlist: a digest and a number.
pub(crate) fn is_name(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    text.split_once('.').is_some_and(|(digest, period)| {
        digest.len() == 32 && hex(digest) && period.len() <= 15 && digits(period)
    })
}
