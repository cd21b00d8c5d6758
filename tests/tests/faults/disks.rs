//! Local disks that are lost or full.

use tests::harness::arena::Arena;
use tests::harness::disk::SmallDisk;
use tests::harness::fault_table::{conclude, rounds};
use tests::harness::kafka::broker;
use tests::harness::skip;

#[test]
fn a_lost_disk_is_rebuilt_under_load() {
    let Some((broker, _lease)) = broker("a_lost_disk_is_rebuilt_under_load") else { return };
    let mut arena = Arena::new("lost-disk", &broker.bootstrap, &broker.bootstrap, 1);
    let recoveries: Vec<_> = (0..rounds(1, 20))
        .map(|_| {
            arena.pause(700);
            arena.disturb(|arena| {
                arena.take(0).kill9();
                std::fs::remove_dir_all(arena.folder(0).join("state")).unwrap();
                arena.start(0);
            })
        })
        .collect();
    conclude("kill -9 and the local disk lost", &recoveries, arena);
}

#[test]
fn a_full_disk_stops_a_worker_and_loses_nothing() {
    let test = "a_full_disk_stops_a_worker_and_loses_nothing";
    let Some((broker, _lease)) = broker(test) else { return };
    let Some(disk) = SmallDisk::mount() else {
        return skip(test, "this process may not mount a tmpfs");
    };
    let mut arena = Arena::new("full-disk", &broker.bootstrap, &broker.bootstrap, 1);
    let recovery = arena.disturb(|arena| {
        assert_eq!(arena.take(0).stop(), Some(0));
        arena.start_at(0, &disk.path().join("data"));
    });
    let after_full = arena.disturb(|arena| {
        let filler = disk.path().join("filler");
        // Whatever fits: the error is the point.
        drop(std::fs::write(&filler, vec![0; 64 << 20]));
        assert_eq!(arena.take(0).wait(), Some(3), "a full disk ends the worker with an error");
        std::fs::remove_file(filler).unwrap();
        disk.enlarge();
        arena.start_at(0, &disk.path().join("data"));
    });
    conclude("the local disk full, then enlarged", &[recovery, after_full][1..], arena);
}
