//! The page on Postgres shows the tables as `/readyz` makes them.

use std::fs;
use std::path::Path;

#[test]
fn the_page_has_the_schema() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = fs::read_to_string(folder.join("src/spin/postgres/schema.sql"));
    let page = fs::read_to_string(folder.join("../../docs/deploy/postgres.md"));
    let schema = schema.expect("the schema");
    assert!(page.expect("the page").contains(&schema), "{schema}");
}
