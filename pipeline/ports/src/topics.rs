//! The topics of a deployment: their names, what they must be like, and what is wrong with those that are there.

use std::collections::BTreeMap;

use engine::Origin;

/// The names of a deployment's topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    /// Events of customers, keyed by customer.
    pub events: String,
    /// Rules, one partition, kept for ever.
    pub controls: String,
    /// Alerts; an alert is in the partition number of its event.
    pub alerts: String,
    /// Alerts of rules on trial.
    pub alerts_shadow: String,
    /// Changes of state.
    pub changelog: String,
    /// Records that could not be evaluated.
    pub dead_letters: String,
    /// Events that came too late for a rule.
    pub late: String,
}

/// How long records are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// Never removed.
    Forever,
    /// As the operator has set it; not looked at.
    Any,
}

/// What a topic must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: String,
    /// Its number of partitions.
    pub partitions: u32,
    /// How long its records are kept.
    pub retention: Retention,
}

/// What a topic is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicState {
    /// Its name.
    pub name: String,
    /// Its number of partitions; none if there is no such topic.
    pub partitions: Option<u32>,
    /// Its settings by Kafka's names, as far as the log has them: `cleanup.policy`, `retention.ms`, `retention.bytes`.
    pub settings: BTreeMap<String, String>,
}

impl Topics {
    /// Where alerts of an origin go.
    pub fn alerts_of(&self, origin: Origin) -> &str {
        match origin {
            Origin::Live | Origin::Bootstrap => &self.alerts,
            Origin::Shadow => &self.alerts_shadow,
        }
    }

    /// The default names of a deployment: `events`, which producers know, and the rest under the deployment's name.
    pub fn of(app: &str) -> Self {
        Self {
            events: "events".to_owned(),
            controls: format!("{app}.controls"),
            alerts: format!("{app}.alerts"),
            alerts_shadow: format!("{app}.alerts-shadow"),
            changelog: format!("{app}.changelog"),
            dead_letters: format!("{app}.dead-letters"),
            late: format!("{app}.late"),
        }
    }

    /// What each topic must be like, with this many partitions of events.
    pub fn specs(&self, partitions: u32) -> Vec<TopicSpec> {
        let spec =
            |name: &String, partitions, retention| TopicSpec { name: name.clone(), partitions, retention };
        vec![
            spec(&self.events, partitions, Retention::Any),
            spec(&self.controls, 1, Retention::Forever),
            spec(&self.alerts, partitions, Retention::Any),
            spec(&self.alerts_shadow, partitions, Retention::Any),
            // For ever unless checkpoints bound what a recovery has to read, see below.
            spec(&self.changelog, partitions, Retention::Forever),
            spec(&self.dead_letters, partitions, Retention::Any),
            spec(&self.late, partitions, Retention::Any),
        ]
    }

    /// What each topic must be like where checkpoints are kept: the changelog may then forget what lies before them, and
    /// how much is the operator's choice.
    pub fn specs_with_checkpoints(&self, partitions: u32) -> Vec<TopicSpec> {
        let mut specs = self.specs(partitions);
        for spec in specs.iter_mut().filter(|spec| spec.name == self.changelog) {
            spec.retention = Retention::Any;
        }
        specs
    }
}

/// What is wrong with a topic, each with the setting to change; empty if it serves.
pub fn findings(spec: &TopicSpec, state: &TopicState) -> Vec<String> {
    let name = &spec.name;
    let Some(partitions) = state.partitions else {
        return vec![format!("topic `{name}` does not exist: create it with `tocsin topics create`")];
    };
    let mut findings = Vec::new();
    if partitions != spec.partitions {
        findings.push(format!(
            "topic `{name}` has {partitions} partitions, {} are needed: set `partitions` to that of the event topic, \
             or create the topic anew",
            spec.partitions
        ));
    }
    let setting = |key: &str| state.settings.get(key).map(String::as_str);
    if setting("cleanup.policy").is_some_and(|policy| policy != "delete") {
        findings.push(format!(
            "topic `{name}` is compacted, which would lose records: set cleanup.policy=delete"
        ));
    }
    if spec.retention == Retention::Forever {
        for key in ["retention.ms", "retention.bytes"] {
            if setting(key).is_some_and(|value| value != "-1") {
                findings.push(format!("topic `{name}` must keep its records for ever: set {key}=-1"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(partitions: Option<u32>, settings: &[(&str, &str)]) -> TopicState {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        TopicState { name: "a.controls".into(), partitions, settings }
    }

    #[test]
    fn a_changelog_may_forget_where_checkpoints_are_kept() {
        let settings = [("retention.ms", "1000")];
        let topics = Topics::of("a");
        let faults = |specs: Vec<TopicSpec>| {
            let spec = specs.into_iter().find(|spec| spec.name == topics.changelog).unwrap();
            findings(&spec, &state(Some(4), &settings)).len()
        };
        assert_eq!((faults(topics.specs(4)), faults(topics.specs_with_checkpoints(4))), (1, 0));
    }

    #[test]
    fn each_fault_names_the_setting_to_change() {
        let spec = Topics::of("a").specs(4).remove(1);
        assert_eq!(
            findings(&spec, &state(Some(1), &[("retention.ms", "-1"), ("cleanup.policy", "delete")])),
            [""; 0]
        );
        let faults =
            findings(&spec, &state(Some(2), &[("retention.ms", "1000"), ("cleanup.policy", "compact")]));
        assert_eq!(faults.len(), 3);
        for (fault, setting) in faults.iter().zip(["partitions", "cleanup.policy=delete", "retention.ms=-1"])
        {
            assert!(fault.contains(setting), "{fault}");
        }
        assert!(findings(&spec, &state(None, &[]))[0].contains("topics create"));
    }
}
