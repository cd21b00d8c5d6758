//! Checkpoints of real stores: what comes back, and what does not.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use engine::{Key, Offset, Partition, Table, Write};
use ports::{ErrorKind, POSITION_KEY, Position, Restore, Store, Stores, Usable};
use proptest::prelude::*;

use super::collect::{Collection, UNNAMED_AGE, collect, retire, superfluous};
use super::manifest::{Manifest, Piece, example};
use super::names::{self, Upload};
use super::objects::Objects;
use super::{Settings, catalog};
use crate::RocksStores;

mod upgrade;

const PARTITION: Partition = Partition(7);

/// A place for checkpoints, and stores that come and go.
struct World {
    dir: tempfile::TempDir,
    stores: RocksStores,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let stores = Self::start(dir.path());
        Self { dir, stores }
    }

    fn start(dir: &Path) -> RocksStores {
        let settings = crate::Settings::new(dir.join("state"));
        let interval = Duration::from_millis(10);
        let checkpoints =
            Settings { interval, kept: 2, ..Settings::new(dir.join("kept").display().to_string(), "a") };
        RocksStores::open(settings).unwrap().with_checkpoints(checkpoints, 8).unwrap()
    }

    fn manifest(&self, position: &Position) -> PathBuf {
        self.dir.path().join("kept").join(names::checkpoint(PARTITION, position))
    }

    /// Waits until there is a checkpoint of exactly this position.
    fn await_checkpoint(&self, position: &Position) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.manifest(position).exists() {
            assert!(Instant::now() < deadline, "no checkpoint at {position}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A store with three checkpoints behind it, of which two are kept, at epochs 2 and 3.
    fn with_history(&self) {
        let mut store = self.stores.open(PARTITION).unwrap();
        for epoch in 1..=3 {
            write(&mut *store, epoch);
            self.await_checkpoint(&position(1, epoch));
        }
        self.await_absence(&position(1, 1));
    }

    fn await_absence(&self, position: &Position) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.manifest(position).exists() {
            assert!(Instant::now() < deadline, "the checkpoint at {position} stays");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn restore(&self, wanted: &Usable) -> ports::Result<Restore> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match self.stores.restore(PARTITION, wanted)? {
                Restore::Running { .. } => std::thread::sleep(Duration::from_millis(5)),
                other => return Ok(other),
            }
            assert!(Instant::now() < deadline, "the restore does not end");
        }
    }

    /// The file of the place that holds the newest file of this kind of a checkpoint.
    fn object(&self, position: &Position, end: &str) -> PathBuf {
        let bytes = fs::read(self.manifest(position)).unwrap();
        let manifest = Manifest::from_bytes("m", &bytes).unwrap();
        let piece = manifest.files.iter().rfind(|piece| piece.name.ends_with(end)).unwrap();
        self.dir.path().join("kept").join(&piece.object)
    }
}

fn position(timeline: u32, epoch: u64) -> Position {
    Position {
        app: "a".into(),
        timeline,
        epoch,
        next: Offset(epoch * 10),
        changelog: Offset(epoch * 2),
        control: Offset(1),
        clock: engine::Timestamp(0),
        writer: "a.one".into(),
    }
}

fn wanted(epoch: u64, changelog: u64) -> Usable {
    Usable { target: position(1, epoch), changelog: Offset(changelog) }
}

fn put(table: Table, key: impl Into<Key>, value: impl Into<Bytes>) -> Write {
    Write::Put { table, key: key.into(), value: value.into() }
}

fn write(store: &mut dyn Store, epoch: u64) {
    let at = position(1, epoch).to_string();
    let writes = [
        put(Table::State, format!("customer-{epoch}"), vec![1; 100_000]),
        put(Table::Meta, POSITION_KEY, at),
    ];
    store.write(&writes).unwrap();
}

fn customers(stores: &RocksStores) -> Vec<Key> {
    let store = stores.open(PARTITION).unwrap();
    store.scan(Table::State).unwrap().into_iter().map(|(key, _)| key).collect()
}

#[test]
fn the_newest_checkpoint_that_is_not_ahead_and_that_the_changelog_reaches_comes_back() {
    let world = World::new();
    world.with_history();
    world.stores.remove(PARTITION).unwrap();
    assert_eq!(world.restore(&wanted(9, 0)).unwrap(), Restore::Done(position(1, 3)));
    assert_eq!(customers(&world.stores), ["customer-1", "customer-2", "customer-3"]);
    assert_eq!(world.restore(&wanted(2, 0)).unwrap(), Restore::Done(position(1, 2)));
    assert_eq!(customers(&world.stores), ["customer-1", "customer-2"]);
    assert_eq!(world.restore(&wanted(9, 6)).unwrap(), Restore::Done(position(1, 3)));

    let nothing = Restore::Nothing { refused: Vec::new() };
    assert_eq!(world.restore(&wanted(9, 7)).unwrap(), nothing, "the changelog begins later");
    assert_eq!(world.restore(&wanted(1, 0)).unwrap(), nothing, "all are ahead of the commit");
    let elsewhere = Usable { target: position(2, 9), changelog: Offset(0) };
    assert_eq!(world.restore(&elsewhere).unwrap(), nothing, "they are of another timeline");
    assert_eq!(customers(&world.stores).len(), 3, "the store stays if nothing takes its place");
    assert!(world.stores.has_checkpoint(PARTITION).unwrap());
    assert!(!world.stores.has_checkpoint(Partition(0)).unwrap());
}

/// What was done to the newest of two checkpoints, and what is said about it.
#[test]
fn a_damaged_checkpoint_is_refused_with_its_reason_and_an_older_one_serves() {
    type Damage = fn(&World);
    let cases: [(Damage, &str); 6] = [
        (|world| flip(&world.object(&position(1, 3), ".sst")), "its hash does not fit"),
        (|world| cut(&world.object(&position(1, 3), ".sst")), "bytes of"),
        (|world| fs::remove_file(world.object(&position(1, 3), ".sst")).unwrap(), "it is not there"),
        (|world| flip(&world.manifest(&position(1, 3))), "manifest"),
        (|world| cut(&world.manifest(&position(1, 3))), "it cannot be read"),
        (
            |world| other_format(&world.manifest(&position(1, 3))),
            "it has format 9, this version reads formats 1 to 2",
        ),
    ];
    for (damage, reason) in cases {
        let world = World::new();
        world.with_history();
        world.stores.remove(PARTITION).unwrap();
        damage(&world);
        assert_eq!(world.restore(&wanted(9, 0)).unwrap(), Restore::Done(position(1, 2)), "{reason}");
        assert_eq!(customers(&world.stores), ["customer-1", "customer-2"], "{reason}");
        // The older one is out of the changelog's reach: then there is none, and why.
        let Restore::Nothing { refused } = world.restore(&wanted(9, 5)).unwrap() else { panic!("{reason}") };
        assert!(refused.len() == 1 && refused[0].contains(reason), "{refused:?} for {reason}");
    }
}

fn flip(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}

fn cut(file: &Path) {
    let bytes = fs::read(file).unwrap();
    fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
}

fn other_format(file: &Path) {
    let manifest = Manifest::from_bytes("m", &fs::read(file).unwrap()).unwrap();
    fs::write(file, Manifest { format: 9, ..manifest }.to_bytes()).unwrap();
}

#[test]
fn files_that_did_not_change_are_sent_once_and_another_process_builds_on_what_is_there() {
    let world = World::new();
    world.with_history();
    let first = world.object(&position(1, 2), ".sst");
    let named = |epoch| {
        let bytes = fs::read(world.manifest(&position(1, epoch))).unwrap();
        Manifest::from_bytes("m", &bytes).unwrap()
    };
    let holds = |manifest: &Manifest| manifest.files.iter().any(|piece| first.ends_with(&piece.object));
    let before = named(3);
    assert!(holds(&named(2)) && holds(&before));
    let World { dir, stores } = world;
    drop(stores);
    let world = World { stores: World::start(dir.path()), dir };
    let mut store = world.stores.open(PARTITION).unwrap();
    write(&mut *store, 4);
    world.await_checkpoint(&position(1, 4));
    let bytes = fs::read(world.manifest(&position(1, 4))).unwrap();
    let last = Manifest::from_bytes("m", &bytes).unwrap();
    assert!(holds(&last));
    assert_eq!(last.parent, Some(names::checkpoint(PARTITION, &position(1, 3))));
    assert_eq!(last.rules.object, before.rules.object, "the rules did not change");
}

#[test]
fn an_upload_that_ended_half_way_is_no_checkpoint_and_is_removed_when_it_is_old() {
    let objects = Objects::in_memory();
    let upload = Upload { began: 1000, nonce: 1 };
    let object = names::file(&blake3::hash(b"abc"), upload);
    objects.create(&object, b"abc".to_vec()).unwrap();
    assert_eq!(catalog::candidates(&objects, PARTITION, &wanted(9, 0)).unwrap().0.len(), 0);
    let age = i64::try_from(UNNAMED_AGE.as_millis()).unwrap();
    assert_eq!(collect(&objects, 1000 + age).unwrap().files, 0, "it may still be under way");
    assert_eq!(collect(&objects, 1001 + age).unwrap().files, 1);
    assert_eq!(objects.size(&object).unwrap(), None);
}

#[test]
fn nothing_is_removed_while_a_manifest_cannot_be_read() {
    let objects = Objects::in_memory();
    let object = names::file(&blake3::hash(b"abc"), Upload { began: 0, nonce: 1 });
    objects.create(&object, b"abc".to_vec()).unwrap();
    objects.create("apps/b/checkpoints/00000/x.json", b"{".to_vec()).unwrap();
    let error = collect(&objects, i64::MAX).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Corrupt);
    assert!(error.message.contains("apps/b/checkpoints/00000/x.json"), "{error}");
    assert!(objects.size(&object).unwrap().is_some());
}

#[test]
fn the_last_checkpoint_stays_and_earlier_timelines_go_once_the_present_one_has_enough() {
    let name = |timeline, epoch| names::checkpoint(PARTITION, &position(timeline, epoch));
    let manifests = [name(3, 9), name(2, 8), name(2, 7), name(1, 6), name(1, 5)];
    let gone = |timeline, keep| superfluous(&manifests, timeline, keep);
    assert_eq!(gone(1, 0), [&name(1, 5)], "later timelines are not touched");
    assert_eq!(gone(2, 3), [""; 0], "two are fewer than three");
    assert_eq!(gone(2, 2), [&name(1, 6), &name(1, 5)]);
    assert_eq!(gone(3, 1), [&name(2, 8), &name(2, 7), &name(1, 6), &name(1, 5)]);
}

const HOUR: i64 = 60 * 60 * 1000;

/// One deployment of two partitions that sends checkpoints while old ones and files go.
#[derive(Default)]
struct Senders {
    now: i64,
    nonce: u64,
    epochs: [u64; 2],
    newest: [Option<(String, Manifest)>; 2],
}

impl Senders {
    /// Sends a checkpoint of which one file was in the one before, as `upload::Job` does. Between two steps others act.
    fn send(&mut self, objects: &Objects, partition: u32, between: &mut dyn FnMut(&Objects, &mut i64)) {
        let slot = partition as usize;
        self.nonce += 1;
        self.epochs[slot] += 1;
        let upload = Upload { began: self.now, nonce: self.nonce };
        let mut files: Vec<Piece> =
            self.newest[slot].iter().flat_map(|(_, manifest)| manifest.files.last().cloned()).collect();
        for number in 0..2 {
            between(objects, &mut self.now);
            let contents = format!("{} {number}", self.nonce).into_bytes();
            let hash = blake3::hash(&contents);
            let piece = Piece {
                name: format!("{number}.sst"),
                object: names::file(&hash, upload),
                bytes: contents.len() as u64,
                blake3: hash.to_hex().to_string(),
            };
            assert!(objects.create(&piece.object, contents).unwrap());
            files.push(piece);
        }
        between(objects, &mut self.now);
        let at = position(1, self.epochs[slot]);
        let rules = files[files.len() - 1].clone();
        let manifest = Manifest { partition, position: at.to_string(), rules, files, ..example() };
        let name = names::checkpoint(Partition(partition), &at);
        assert!(objects.create(&name, manifest.to_bytes()).unwrap());
        self.newest[slot] = Some((name, manifest));
        between(objects, &mut self.now);
        retire(objects, "a", Partition(partition), 1, 2).unwrap();
    }
}

/// Everything that a kept manifest names is there.
fn is_whole(objects: &Objects) {
    for partition in [Partition(0), Partition(1)] {
        for name in catalog::manifests(objects, "a", partition).unwrap() {
            let manifest = catalog::read(objects, &name).unwrap().manifest;
            for piece in manifest.pieces() {
                assert!(objects.size(&piece.object).unwrap().is_some(), "{name} names {}", piece.object);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever steps of collections fall between whatever steps of uploads, and however slow either is.
    #[test]
    fn what_a_kept_manifest_names_is_never_removed(
        sends in proptest::collection::vec((0u32..2, 0i64..60), 1..12),
        script in proptest::collection::vec((0u8..6, 0i64..50), 0..120),
    ) {
        let objects = Objects::in_memory();
        let mut senders = Senders::default();
        let mut script = script.into_iter();
        // A collection may be at work over several uploads.
        let mut listed: Option<Collection> = None;
        let mut marked: Option<Collection> = None;
        for (partition, pause) in sends {
            senders.now += pause * HOUR;
            let mut left = 5 * HOUR;
            senders.send(&objects, partition, &mut |objects, now| {
                let Some((act, wait)) = script.next() else { return };
                // An upload gives itself up after six hours.
                let wait = (wait * HOUR / 10).min(left);
                left -= wait;
                *now += wait;
                match act {
                    0 => listed = Some(Collection::list(objects, *now).unwrap()),
                    1 => marked = listed.take().map(|collection| collection.mark(objects).unwrap()).or_else(|| marked.take()),
                    2 | 3 => {
                        if let Some(collection) = &mut marked {
                            collection.remove_next(objects).unwrap();
                        }
                    },
                    4 => drop(collect(objects, *now).unwrap()),
                    _ => {},
                }
                is_whole(objects);
            });
            is_whole(&objects);
        }
        // What is left is named, once everything is old.
        collect(&objects, senders.now + 100 * HOUR).unwrap();
        let mut named = BTreeMap::new();
        for object in objects.list(names::APPS).unwrap() {
            let manifest = catalog::read(&objects, &object.name).unwrap().manifest;
            named.extend(manifest.pieces().map(|piece| (piece.object.clone(), ())));
        }
        let left: Vec<_> = objects.list(names::FILES).unwrap().into_iter().map(|file| file.name).collect();
        prop_assert_eq!(left, named.into_keys().collect::<Vec<_>>());
    }
}
