//! Which component answers a path: exact routes before wildcards, the longest wildcard first, as Spin does.

use anyhow::{Result, bail, ensure};

use crate::manifest::{HttpTrigger, Route};

/// The public routes of an application.
#[derive(Debug)]
pub(crate) struct Routes {
    exact: Vec<(String, String)>,
    /// Prefixes without the trailing `/...`, longest first.
    wildcard: Vec<(String, String)>,
}

impl Routes {
    /// Takes the routes of a manifest, or says which one is wrong.
    pub(crate) fn new(triggers: &[HttpTrigger]) -> Result<Self> {
        let mut routes = Self {
            exact: Vec::new(),
            wildcard: Vec::new(),
        };
        for trigger in triggers {
            let Route::Public(route) = &trigger.route else {
                continue;
            };
            ensure!(
                route.starts_with('/'),
                "[[trigger.http]] route {route:?}: a route must begin with /"
            );
            let (kind, path) = match route.strip_suffix("/...") {
                Some(prefix) => (&mut routes.wildcard, prefix),
                None => (&mut routes.exact, route.as_str()),
            };
            if path
                .split('/')
                .any(|segment| segment.starts_with([':', '*']) || segment.contains("..."))
            {
                bail!(
                    "[[trigger.http]] route {route:?}: this host knows \"/path\" and \"/path/...\"; \
                     let the component take the path apart"
                );
            }
            ensure!(
                !kind.iter().any(|(known, _)| known == path),
                "[[trigger.http]] route {route:?} is there twice; keep one"
            );
            kind.push((path.to_owned(), trigger.component.clone()));
        }
        routes
            .wildcard
            .sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Ok(routes)
    }

    /// Whether a component has a public route.
    pub(crate) fn has(&self, component: &str) -> bool {
        let mut routes = self.exact.iter().chain(&self.wildcard);
        routes.any(|(_, name)| name == component)
    }

    /// The name of the component that answers this path, and the part of the path that its route leaves open.
    pub(crate) fn find<'a>(&'a self, path: &'a str) -> Option<(&'a str, &'a str)> {
        if let Some((_, component)) = self.exact.iter().find(|(route, _)| route == path) {
            return Some((component, ""));
        }
        self.wildcard.iter().find_map(|(prefix, component)| {
            let below = path.strip_prefix(prefix.as_str())?;
            let fits = below.is_empty() || below.starts_with('/');
            fits.then_some((component.as_str(), below))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(list: &[&str]) -> Result<Routes> {
        let triggers: Vec<HttpTrigger> = list
            .iter()
            .map(|route| HttpTrigger {
                route: Route::Public((*route).to_owned()),
                component: (*route).to_owned(),
            })
            .collect();
        Routes::new(&triggers)
    }

    #[test]
    fn exact_before_wildcard_and_the_longest_wildcard_first() {
        let routes =
            routes(&["/a/...", "/a/b", "/a/b/...", "/gather", "/a/b/c/d/..."]).expect("routes");
        let rows = [
            ("/a", Some(("/a/...", ""))),
            ("/a/", Some(("/a/...", "/"))),
            ("/a/x/y", Some(("/a/...", "/x/y"))),
            ("/a/b", Some(("/a/b", ""))),
            ("/a/b/", Some(("/a/b/...", "/"))),
            ("/a/b/c", Some(("/a/b/...", "/c"))),
            ("/a/b/c/d", Some(("/a/b/c/d/...", ""))),
            ("/a/bc", Some(("/a/...", "/bc"))),
            ("/ab", None),
            ("/gather", Some(("/gather", ""))),
            ("/gather/x", None),
            ("/", None),
            ("", None),
        ];
        for (path, expected) in rows {
            assert_eq!(routes.find(path), expected, "{path}");
        }
    }

    #[test]
    fn a_bare_wildcard_takes_everything() {
        let routes = routes(&["/..."]).expect("routes");
        for path in ["/", "/x", "/x/y"] {
            assert_eq!(routes.find(path), Some(("/...", path)));
        }
    }

    #[test]
    fn unknown_kinds_of_route_are_refused() {
        for route in ["/:id", "/a/*", "/.../a", "/a/...b"] {
            let error = routes(&[route]).expect_err(route).to_string();
            assert!(error.contains(route), "{error}");
        }
    }
}
