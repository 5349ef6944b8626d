//! Access control by bearer tokens, as the variable `api_tokens` lists them.

use crate::{did_you_mean, repeated};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use subtle::{Choice, ConstantTimeEq};

/// A scope of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Enqueue tasks, and have calls sent.
    Enqueue,
    /// Read tasks.
    Read,
    /// Cancel tasks, and everything else that changes existing things.
    Operate,
}

/// The accepted tokens. Without any everybody may do everything.
///
/// ```
/// use handoff_wire::{Access, Denied, Scope};
///
/// let access: Access = "0f3a55c1, ci:enqueue+read:9b1d07e2".parse().unwrap();
/// assert!(access.check(Some("Bearer 0f3a55c1"), Scope::Operate).is_ok());
/// let ci = access.check(Some("Bearer 9b1d07e2"), Scope::Read).unwrap();
/// assert_eq!((ci.name, ci.reads), (Some("ci"), true));
/// let denied = access.check(Some("Bearer 9b1d07e2"), Scope::Operate);
/// assert_eq!(denied, Err(Denied::Scope(Some("ci"))));
/// assert_eq!(access.check(None, Scope::Read), Err(Denied::NoToken));
/// assert!("ci:write:9b1d07e2".parse::<Access>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    grants: Vec<Grant>,
}

#[derive(Clone, PartialEq, Eq)]
struct Grant {
    name: Option<String>,
    /// All digests have the same length, so a comparison does not reveal a token's length.
    digest: [u8; 32],
    scopes: Vec<Scope>,
}

/// An admitted caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted<'a> {
    /// The name of its token, if it has one.
    pub name: Option<&'a str>,
    /// Whether it may read tasks.
    pub reads: bool,
}

/// The reason why a request is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied<'a> {
    /// It has no bearer token.
    NoToken,
    /// Its token is not accepted.
    Unknown,
    /// Its token lacks the scope. The text is the token's name, if it has one.
    Scope(Option<&'a str>),
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 3] = [Self::Enqueue, Self::Read, Self::Operate];

    /// The scope's name in `api_tokens`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enqueue => "enqueue",
            Self::Read => "read",
            Self::Operate => "operate",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Access {
    /// Whether everybody may do everything.
    pub fn is_open(&self) -> bool {
        self.grants.is_empty()
    }

    /// Checks whether a request with this header `Authorization` has `scope`.
    ///
    /// # Errors
    /// The reason why it is denied.
    pub fn check(
        &self,
        authorization: Option<&str>,
        scope: Scope,
    ) -> Result<Admitted<'_>, Denied<'_>> {
        if self.is_open() {
            return Ok(Admitted {
                name: None,
                reads: true,
            });
        }
        let token = authorization.and_then(bearer).ok_or(Denied::NoToken)?;
        let digest: [u8; 32] = Sha256::digest(token).into();
        let (mut known, mut allowed) = (Choice::from(0), Choice::from(0));
        let (mut name, mut reads) = (None, false);
        // Compare with all tokens, whichever matches.
        for grant in &self.grants {
            let same = grant.digest.ct_eq(&digest);
            known |= same;
            allowed |= same & Choice::from(u8::from(grant.scopes.contains(&scope)));
            if bool::from(same) {
                name = grant.name.as_deref();
                reads |= grant.scopes.contains(&Scope::Read);
            }
        }
        match (bool::from(known), bool::from(allowed)) {
            (_, true) => Ok(Admitted { name, reads }),
            (true, false) => Err(Denied::Scope(name)),
            (false, false) => Err(Denied::Unknown),
        }
    }
}

/// The token in a header `Authorization`.
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    let token = token.trim_start();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

impl FromStr for Access {
    type Err = String;

    /// Reads the variable. A name may occur twice, with a token each, so that tokens can be
    /// replaced one after the other. A token may occur once.
    ///
    /// The error names the number of the wrong item and never its text, since a misplaced token
    /// must not be printed.
    fn from_str(text: &str) -> Result<Self, String> {
        let items: Vec<_> = crate::items(text).collect();
        if items.is_empty() && !text.trim().is_empty() {
            return Err("it has separators but no token".to_owned());
        }
        let grant = |(i, item)| grant(item).map_err(|reason| format!("item {}: {reason}", i + 1));
        let grants = items.into_iter().enumerate().map(grant);
        let grants: Vec<_> = grants.collect::<Result<_, _>>()?;
        let digests: Vec<_> = grants.iter().map(|grant| grant.digest).collect();
        if let Some((first, again)) = repeated(&digests) {
            let (first, item) = (first + 1, again + 1);
            return Err(format!("item {item}: its token is that of item {first}"));
        }
        Ok(Self { grants })
    }
}

fn grant(item: &str) -> Result<Grant, String> {
    let mut parts = item.split(':');
    let (name, scopes, token) = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(token), None, ..) => (None, Scope::ALL.to_vec(), token),
        (Some(name), Some(list), Some(token), None) => (Some(name), scopes(list)?, token),
        _ => return Err("it is neither a token nor of the form name:scope+scope:token".to_owned()),
    };
    let in_name = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if name.is_some_and(|name| name.is_empty() || !name.bytes().all(in_name)) {
        return Err("its name is not made of letters, digits and -_.".to_owned());
    }
    // The characters of a token by RFC 6750.
    let in_token = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b);
    let bare = token.trim_end_matches('=');
    if bare.is_empty() || !bare.bytes().all(in_token) {
        return Err("its token is not made of letters, digits and -._~+/".to_owned());
    }
    Ok(Grant {
        name: name.map(str::to_owned),
        digest: Sha256::digest(token).into(),
        scopes,
    })
}

fn scopes(list: &str) -> Result<Vec<Scope>, String> {
    let scope = |word| {
        let known = Scope::ALL.into_iter().find(|scope| scope.name() == word);
        known.ok_or_else(|| {
            // The word itself may be a misplaced token, so it is not repeated.
            let meant = did_you_mean(word, Scope::ALL.map(Scope::name));
            let known = "its scopes are not some of enqueue, read and operate, with + between them";
            format!("{known}{meant}")
        })
    };
    let scopes: Vec<_> = list.split('+').map(scope).collect::<Result<_, _>>()?;
    match repeated(&scopes) {
        Some((first, _)) => Err(format!("its scope {} is there twice", scopes[first])),
        None => Ok(scopes),
    }
}

/// Prints no digests.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.grants.iter().map(|g| (&g.name, &g.scopes));
        f.debug_list().entries(shown).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "c2VjcmV0-._~+/==";

    fn access(text: &str) -> Access {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn without_tokens_everybody_may() {
        for text in ["", " ", "\n\t"] {
            assert!(access(text).is_open());
            assert!(access(text).check(None, Scope::Operate).is_ok());
        }
    }

    /// Rows: a header, and whether it may enqueue, read and operate.
    #[test]
    fn a_token_may_what_its_item_says() {
        let text = format!("{SECRET},\n ci:enqueue+read:ci-1 ci:operate:ci-3");
        let access = access(&text);
        let unknown = Err(Denied::Unknown);
        let none = Err(Denied::NoToken);
        let all = Ok(());
        let table = [
            (Some(format!("Bearer {SECRET}")), [all, all, all]),
            (Some(format!("bearer   {SECRET} ")), [all, all, all]),
            (
                Some("Bearer ci-1".to_owned()),
                [all, all, Err(Denied::Scope(Some("ci")))],
            ),
            // Two tokens with the same name: each has its own item's scopes.
            (
                Some("BEARER ci-3".to_owned()),
                [
                    Err(Denied::Scope(Some("ci"))),
                    Err(Denied::Scope(Some("ci"))),
                    all,
                ],
            ),
            (Some("Bearer ci-2".to_owned()), [unknown; 3]),
            (Some("Bearer ci-".to_owned()), [unknown; 3]),
            (Some("Bearer ci-11".to_owned()), [unknown; 3]),
            (Some("Bearer CI-1".to_owned()), [unknown; 3]),
            (Some("Bearer ci:enqueue+read:ci-1".to_owned()), [unknown; 3]),
            (Some("Bearer".to_owned()), [none; 3]),
            (Some("Bearer ".to_owned()), [none; 3]),
            (Some(format!("Basic {SECRET}")), [none; 3]),
            (Some(SECRET.to_owned()), [none; 3]),
            (Some(String::new()), [none; 3]),
            (None, [none; 3]),
        ];
        for (header, expected) in table {
            let found = Scope::ALL.map(|scope| access.check(header.as_deref(), scope).map(drop));
            assert_eq!(found, expected, "{header:?}");
        }
    }

    #[test]
    fn who_is_admitted_is_known_by_name_and_by_what_it_may_read() {
        let text = format!("{SECRET} shop:enqueue:a ops:operate:b both:enqueue+read:c");
        let access = access(&text);
        let admitted = |token: &str, scope| {
            let header = format!("Bearer {token}");
            let admitted = access.check(Some(&header), scope);
            admitted.ok().map(|a| (a.name.map(str::to_owned), a.reads))
        };
        let named = |name: &str, reads| Some((Some(name.to_owned()), reads));
        assert_eq!(admitted(SECRET, Scope::Operate), Some((None, true)));
        assert_eq!(admitted("a", Scope::Enqueue), named("shop", false));
        assert_eq!(admitted("b", Scope::Operate), named("ops", false));
        assert_eq!(admitted("c", Scope::Enqueue), named("both", true));
    }

    #[test]
    fn what_is_malformed_is_said_without_the_token() {
        for (text, part) in [
            (",", "no token"),
            ("good a:SECRET", "item 2: it is neither"),
            ("a:read:SECRET:x", "item 1: it is neither"),
            ("a:SECRET:read", "item 1: its scopes"),
            ("a::SECRET", "item 1: its scopes"),
            ("a:read+:SECRET", "item 1: its scopes"),
            ("a:raed:SECRET", "did you mean \"read\"?"),
            ("a:enqueue+SECRET:x", "item 1: its scopes"),
            ("a:READ:SECRET", "item 1: its scopes"),
            (":read:SECRET", "item 1: its name"),
            ("ä:read:SECRET", "item 1: its name"),
            ("SECRET\u{e9}", "item 1: its token"),
            ("SEC=RET", "item 1: its token"),
            ("==", "item 1: its token"),
            ("a:read:", "item 1: its token"),
            (
                "SECRET b:read:c SECRET",
                "item 3: its token is that of item 1",
            ),
            (
                "a:read:SECRET b:operate:SECRET",
                "item 2: its token is that of item 1",
            ),
            (
                "a:read+operate+read:SECRET",
                "item 1: its scope read is there twice",
            ),
        ] {
            let error = text.parse::<Access>().expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
            assert!(!error.contains("SECRET"), "{error}");
        }
        assert!(!format!("{:?}", access("a:read:SECRET")).contains("SECRET"));
    }
}
