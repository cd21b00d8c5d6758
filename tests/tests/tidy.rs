//! The house rules that can be seen from outside: which crate may use which, and how large a file may grow.
#![allow(clippy::unwrap_used, reason = "tests panic when something is wrong")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, MetadataCommand, Package};
use tests::workload::root;

/// The edges between our crates. `tests` may use all.
const EDGES: &[(&str, &[&str])] = &[
    ("rules", &[]),
    ("bootstrap", &["engine", "ports", "rules"]),
    ("engine", &["rules"]),
    ("ports", &["engine", "rules"]),
    ("connectors", &["engine", "ports", "rules"]),
    ("simulated", &["engine", "ports", "rules"]),
    ("state", &["engine", "ports", "rules"]),
    ("worker", &["engine", "ports", "rules"]),
    ("api", &["engine", "ports", "rules"]),
    ("loadgen", &[]),
    ("oracle", &["rules"]),
    ("scenario", &["engine", "ports", "rules", "worker"]),
    ("simulation", &["engine", "oracle", "ports", "rules", "simulated", "worker"]),
    ("cli", &["api", "bootstrap", "connectors", "engine", "ports", "rules", "scenario", "state", "worker"]),
];

/// Who alone may use what.
const OWNERS: &[(&str, &[&str])] = &[
    ("parquet", &["bootstrap"]),
    ("rdkafka", &["connectors", "loadgen", "tests"]),
    ("rdkafka-sys", &["connectors", "loadgen"]),
    ("rocksdb", &["connectors", "state"]),
    ("axum", &["api", "cli"]),
    ("tokio", &["api", "cli", "state"]),
    ("sqlx", &["api"]),
    ("object_store", &["bootstrap", "state"]),
    ("ring", &["api"]),
    ("anyhow", &["loadgen"]),
];

/// The licences that may be in the binary.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "BSL-1.0",
    "CC0-1.0",
    "Unlicense",
    "0BSD",
    "MIT-0",
    "CDLA-Permissive-2.0",
];

fn packages() -> (Vec<Package>, BTreeSet<String>) {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).exec().unwrap();
    let ours = metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    (metadata.packages, ours)
}

#[test]
fn crates_use_each_other_as_the_map_says() {
    let (packages, ours) = packages();
    let edges: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    for package in
        packages.iter().filter(|package| ours.contains(package.name.as_str()) && package.name != "tests")
    {
        let allowed =
            edges.get(package.name.as_str()).unwrap_or_else(|| panic!("{} is not on the map", package.name));
        let used = package.dependencies.iter().filter(|used| ours.contains(&used.name));
        for used in used.filter(|used| used.kind == DependencyKind::Normal) {
            assert!(allowed.contains(&used.name.as_str()), "{} must not use {}", package.name, used.name);
        }
    }
}

#[test]
fn libraries_of_the_rim_are_used_where_they_belong() {
    let (packages, ours) = packages();
    for package in packages.iter().filter(|package| ours.contains(package.name.as_str())) {
        for (library, owners) in OWNERS {
            let uses = package
                .dependencies
                .iter()
                .any(|used| used.name == *library && used.kind == DependencyKind::Normal);
            assert!(
                !uses || owners.contains(&package.name.as_str()),
                "{} must not use {library}",
                package.name
            );
        }
    }
}

#[test]
fn everything_comes_from_the_registry_under_a_free_licence() {
    let (packages, ours) = packages();
    for package in packages.iter().filter(|package| !ours.contains(package.name.as_str())) {
        let source = package.source.as_ref().unwrap_or_else(|| panic!("{} has no source", package.name));
        assert!(source.is_crates_io(), "{} comes from {source}", package.name);
        let licence = package.license.clone().unwrap_or_else(|| panic!("{} names no licence", package.name));
        // An SPDX expression, or the older form with a slash: any one alternative suffices.
        let free = licence.split(" OR ").flat_map(|part| part.split('/')).any(|alternative| {
            let parts = alternative.trim_matches(['(', ')']).split(" AND ");
            parts.into_iter().all(|part| {
                let part = part.trim_matches(['(', ')', ' ']);
                LICENCES.contains(&part.split(" WITH ").next().unwrap().trim())
            })
        });
        assert!(free, "{} is under {licence}", package.name);
    }
}

#[test]
fn no_file_holds_a_second_idea() {
    let mut large = Vec::new();
    for file in sources(&root()) {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        if code.lines().count() > 700 {
            large.push(format!("{}: {} lines", file.display(), code.lines().count()));
        }
    }
    assert!(large.is_empty(), "files over 700 lines without their tests:\n{}", large.join("\n"));
}

#[test]
fn pure_crates_forbid_the_world() {
    for folder in ["rules", "pipeline/engine", "pipeline/ports", "pipeline/connectors/simulated"] {
        let head = std::fs::read_to_string(root().join(folder).join("src/lib.rs")).unwrap();
        assert!(head.contains("#![deny(clippy::disallowed_methods, clippy::disallowed_types)]"), "{folder}");
        let forbidden = std::fs::read_to_string(root().join(folder).join("clippy.toml")).unwrap();
        for world in ["SystemTime::now", "Instant::now", "thread::spawn", "env::var", "fs::File", "TcpStream"]
        {
            assert!(forbidden.contains(world), "{folder} does not forbid {world}");
        }
    }
}

#[test]
fn unsafe_code_stands_in_its_own_modules() {
    for file in sources(&root()) {
        let text = std::fs::read_to_string(&file).unwrap();
        // Put together, so that this file does not find itself.
        let word = ["unsafe", " {"].concat();
        let own = [
            "kafka/ffi.rs",
            "reference/batch.rs",
            "rules/src/simd/avx2.rs",
            "rules/src/simd/avx512.rs",
            "rules/tests/allocation.rs",
            "made/counting.rs",
        ];
        let allowed = own.iter().any(|own| file.ends_with(own));
        assert!(allowed || !text.contains(&word), "{} holds unsafe code", file.display());
    }
}

fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
