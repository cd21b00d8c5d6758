//! Which partitions are this member's, and how far each has come. Pure bookkeeping: it says what is to be told to
//! the caller and to librdkafka, others do it.
//!
//! A rebalance is answered to librdkafka at once and without partitions; a partition enters librdkafka's assignment
//! when it is started. So a partition that takes long to prepare holds up neither the group nor the other
//! partitions, which librdkafka pauses while it waits for an answer.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Offset, Partition};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Given by the group; what it has committed is not known yet.
    New,
    /// Told to the caller.
    Told,
    /// Being delivered; the offset is the next that is expected.
    Started(Offset),
}

/// The partitions of a member.
#[derive(Debug, Default)]
pub(super) struct Assignment {
    member: String,
    phases: BTreeMap<Partition, Phase>,
    // Asked back and not given up yet. They stay the member's, and are delivered no further.
    revoked: BTreeSet<Partition>,
    // What is to be taken out of librdkafka's assignment once all are given up.
    leaving: Vec<Partition>,
}

impl Assignment {
    /// The member id under which the partitions were given.
    pub(super) fn member(&self) -> &str {
        &self.member
    }

    /// The group gave partitions to the member of this id.
    pub(super) fn assign(&mut self, member: String, partitions: &[Partition]) {
        self.member = member;
        for partition in partitions {
            self.phases.insert(*partition, Phase::New);
        }
    }

    /// All partitions that are this member's, be they asked back or not told yet.
    pub(super) fn all(&self) -> Vec<Partition> {
        self.phases.keys().copied().collect()
    }

    /// What is in librdkafka's assignment.
    pub(super) fn started(&self) -> Vec<Partition> {
        let started = self.phases.iter().filter(|(_, phase)| matches!(phase, Phase::Started(_)));
        started.map(|(partition, _)| *partition).chain(self.leaving.iter().copied()).collect()
    }

    /// Whether librdkafka waits for partitions to be given up.
    pub(super) fn is_revoking(&self) -> bool {
        !self.revoked.is_empty()
    }

    /// Partitions of which the caller does not know yet.
    pub(super) fn untold(&self) -> Vec<Partition> {
        let new = self.phases.iter().filter(|(_, phase)| **phase == Phase::New);
        new.map(|(partition, _)| *partition).collect()
    }

    /// The caller knows of the partition.
    pub(super) fn told(&mut self, partition: Partition) {
        self.phases.insert(partition, Phase::Told);
    }

    /// Whether the partition can be started.
    pub(super) fn can_start(&self, partition: Partition) -> bool {
        self.phases.get(&partition) == Some(&Phase::Told) && !self.revoked.contains(&partition)
    }

    /// The partition is delivered from this offset on.
    pub(super) fn start(&mut self, partition: Partition, from: Offset) {
        self.phases.insert(partition, Phase::Started(from));
    }

    /// Whether the partition is this member's, be it asked back.
    pub(super) fn holds(&self, partition: Partition) -> bool {
        self.phases.get(&partition).is_some_and(|phase| *phase != Phase::New)
    }

    /// The next offset that is expected of a partition which is delivered.
    pub(super) fn expected(&self, partition: Partition) -> Option<Offset> {
        match self.phases.get(&partition) {
            Some(Phase::Started(next)) if !self.revoked.contains(&partition) => Some(*next),
            _ => None,
        }
    }

    /// The group asks for partitions. Answers those to be told to the caller.
    pub(super) fn revoke(&mut self, partitions: &[Partition]) -> Vec<Partition> {
        let mut tell = Vec::new();
        for partition in partitions {
            match self.phases.get(partition) {
                Some(Phase::New) => drop(self.phases.remove(partition)),
                Some(Phase::Told | Phase::Started(_)) => {
                    self.revoked.insert(*partition);
                    tell.push(*partition);
                },
                None => {},
            }
        }
        tell
    }

    /// The caller gives a partition up. Answers the partitions to be taken out of librdkafka's assignment, once
    /// nothing more is asked back; an answer is due even if there are none.
    pub(super) fn release(&mut self, partition: Partition) -> Option<Vec<Partition>> {
        if let Some(Phase::Started(_)) = self.phases.remove(&partition) {
            self.leaving.push(partition);
        }
        self.revoked.remove(&partition);
        self.revoked.is_empty().then(|| std::mem::take(&mut self.leaving))
    }

    /// The group took partitions. Answers those to be told to the caller, and those to be taken out of librdkafka's
    /// assignment.
    pub(super) fn lose(&mut self, partitions: &[Partition]) -> (Vec<Partition>, Vec<Partition>) {
        let mut tell = Vec::new();
        let mut leaving = std::mem::take(&mut self.leaving);
        for partition in partitions {
            self.revoked.remove(partition);
            match self.phases.remove(partition) {
                Some(Phase::Started(_)) => {
                    leaving.push(*partition);
                    tell.push(*partition);
                },
                Some(Phase::Told) => tell.push(*partition),
                Some(Phase::New) | None => {},
            }
        }
        (tell, leaving)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Partition = Partition(1);
    const TWO: Partition = Partition(2);

    fn assigned() -> Assignment {
        let mut assignment = Assignment::default();
        assignment.assign("m".into(), &[ONE, TWO]);
        for partition in assignment.untold() {
            assignment.told(partition);
        }
        assignment
    }

    #[test]
    fn a_partition_is_held_once_the_caller_knows_of_it() {
        let mut assignment = Assignment::default();
        assignment.assign("m".into(), &[ONE]);
        assert_eq!((assignment.untold(), assignment.holds(ONE)), (vec![ONE], false));
        assignment.told(ONE);
        assert!(assignment.holds(ONE) && assignment.can_start(ONE) && assignment.untold().is_empty());
    }

    #[test]
    fn a_rebalance_is_answered_when_the_last_partition_is_given_up() {
        let mut assignment = assigned();
        assignment.start(ONE, Offset(5));
        assert_eq!(assignment.revoke(&[ONE, TWO]), [ONE, TWO]);
        assert_eq!(assignment.expected(ONE), None);
        assert!(assignment.holds(ONE), "its work can still be committed");
        assert_eq!(assignment.release(ONE), None);
        assert_eq!(assignment.release(TWO), Some(vec![ONE]));
        assert!(!assignment.holds(ONE));
    }

    #[test]
    fn a_partition_that_goes_before_the_caller_knew_is_not_told() {
        let mut assignment = Assignment::default();
        assignment.assign("m".into(), &[ONE]);
        assert_eq!(assignment.revoke(&[ONE]), []);
        assert!(assignment.untold().is_empty());
    }

    #[test]
    fn lost_partitions_leave_at_once_with_those_half_given_up() {
        let mut assignment = assigned();
        assignment.start(ONE, Offset(0));
        assignment.start(TWO, Offset(0));
        assignment.revoke(&[ONE, TWO]);
        assert_eq!(assignment.release(ONE), None);
        assert_eq!(assignment.lose(&[ONE, TWO]), (vec![TWO], vec![ONE, TWO]));
    }
}
