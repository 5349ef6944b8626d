//! A request's head, as far as it is read here: the first line is the target, the second the content type.

use super::{lines, text};
use handoff_input::{Target, may_be_json};

/// Path and parameters are parts of what was sent, and nothing is lost.
pub fn run(bytes: &[u8]) {
    let Some([target, kind]) = text(bytes).map(lines) else {
        return;
    };
    let read = Target::new(target);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    assert_eq!(read.path(), path);
    let parameters: usize = read
        .query()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    let between = query.matches('&').count();
    let equals = read
        .query()
        .filter(|(name, value)| query.contains(&format!("{name}={value}")))
        .count();
    assert!(parameters + between <= query.len() && query.len() <= parameters + between + equals);

    let plain = kind.trim().to_ascii_lowercase();
    if may_be_json(kind) {
        assert!(plain.starts_with("application/"), "{kind:?}");
    } else {
        assert!(
            !plain.starts_with("application/json;") && plain != "application/json",
            "{kind:?}"
        );
    }
}
