//! Checkpoints of earlier formats: files that were written once and stay as they are.
//!
//! `fixtures/format-1` is a place for checkpoints with one of partition 7 of the deployment `a`, at epoch 3. Its store has format 1,
//! its manifest format 1: that of the first version, which knew neither savepoints nor topics.
//! [`write_the_fixture_of_format_1`] wrote it.

use std::path::PathBuf;

use super::*;

/// Where the files are. Asked at run time: a target folder that several checkouts share keeps the paths of one of them.
fn fixture() -> PathBuf {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    PathBuf::from(folder).join("src/checkpoint/fixtures/format-1")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The format of a manifest, and the one that it builds on.
fn manifest(path: &Path) -> (u32, Option<String>) {
    let manifest = Manifest::from_bytes("m", &fs::read(path).unwrap()).unwrap();
    (manifest.format, manifest.parent)
}

#[test]
fn a_checkpoint_of_format_1_comes_back_and_the_next_one_builds_on_it() {
    let dir = tempfile::tempdir().unwrap();
    copy(&fixture(), &dir.path().join("kept"));
    let stores = World::start(dir.path());
    let world = World { dir, stores };
    let old = world.manifest(&position(1, 3));
    assert_eq!(manifest(&old), (1, None));
    assert_eq!(world.restore(&wanted(9, 0)).unwrap(), Restore::Done(position(1, 3)));
    assert_eq!(customers(&world.stores), ["customer-1", "customer-2", "customer-3"]);
    let mut store = world.stores.open(PARTITION).unwrap();
    write(&mut *store, 4);
    world.await_checkpoint(&position(1, 4));
    let (format, parent) = manifest(&world.manifest(&position(1, 4)));
    assert_eq!((format, parent), (2, Some(names::checkpoint(PARTITION, &position(1, 3)))));
}

/// Makes a checkpoint as this version does, and its manifest one of format 1: what that did not know is left out.
#[test]
#[ignore = "writes the files that are kept; cargo test --workspace write_the_fixture -- --ignored"]
fn write_the_fixture_of_format_1() {
    let world = World::new();
    let mut store = world.stores.open(PARTITION).unwrap();
    let customers = (1..=3).map(|number| put(Table::State, format!("customer-{number}"), "1"));
    let at = put(Table::Meta, POSITION_KEY, position(1, 3).to_string());
    store.write(&customers.chain([at]).collect::<Vec<_>>()).unwrap();
    world.await_checkpoint(&position(1, 3));
    let path = world.manifest(&position(1, 3));
    let text = String::from_utf8(fs::read(&path).unwrap()).unwrap();
    let (_, document) = text.split_once(r#"{"manifest":"#).unwrap();
    let (manifest, _) = document.rsplit_once(r#","blake3":"#).unwrap();
    let (before, unknown) = manifest.split_once(r#","savepoint":"#).unwrap();
    let (_, after) = unknown.split_once(r#","rules":"#).unwrap();
    let old = format!(r#"{before},"rules":{after}"#).replacen(r#""format":2"#, r#""format":1"#, 1);
    let document = format!(r#"{{"manifest":{old},"blake3":"{}"}}"#, blake3::hash(old.as_bytes()));
    fs::write(&path, document).unwrap();
    copy(&world.dir.path().join("kept"), &fixture());
}
