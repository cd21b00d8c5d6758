//! `tocsin topics …`

use crate::config::Config;
use crate::failure::Failure;
use crate::roles::{connect, create_missing_topics, topic_faults};

/// Makes the topics that are missing.
pub(crate) fn create_topics(config: &Config) -> Result<(), Failure> {
    let log = connect(config)?;
    for name in create_missing_topics(log.as_ref(), config)? {
        println!("created  {name}");
    }
    verify(&topic_faults(log.as_ref(), config)?)
}

/// Says what is wrong with the topics.
pub(crate) fn verify_topics(config: &Config) -> Result<(), Failure> {
    let log = connect(config)?;
    verify(&topic_faults(log.as_ref(), config)?)
}

fn verify(faults: &[String]) -> Result<(), Failure> {
    if faults.is_empty() {
        println!("all topics serve");
        return Ok(());
    }
    Err(Failure::no(faults.join("\n")))
}
