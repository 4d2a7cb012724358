//! META.json, by which PGXN distributes the extension.

use serde_json::Value;
use std::path::PathBuf;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../META.json")
}

#[test]
fn it_is_valid_and_of_this_version() {
    pgxn_meta::dist::Distribution::load(path()).expect("META.json follows PGXN's schema");
    let meta: Value = serde_json::from_slice(&std::fs::read(path()).unwrap()).unwrap();
    let manifest = include_str!("../../Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("version = ")).unwrap().trim_matches('"');
    assert_eq!(meta["version"], version);
    assert_eq!(meta["provides"]["cvm_count"]["version"], version);
    for name in ["file", "docfile"] {
        let file = meta["provides"]["cvm_count"][name].as_str().unwrap();
        assert!(path().with_file_name("").join(file).exists(), "{file} is not there");
    }
}

#[test]
fn a_broken_one_is_refused() {
    let mut meta: Value = serde_json::from_slice(&std::fs::read(path()).unwrap()).unwrap();
    meta["license"] = "none at all".into();
    assert!(pgxn_meta::dist::Distribution::try_from(meta).is_err());
}
