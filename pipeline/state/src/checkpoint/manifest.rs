//! A manifest: what a checkpoint of one partition consists of.
//!
//! Format: `{"manifest":{…},"blake3":"…"}`, JSON, where the hash is that of the manifest's bytes as they stand between
//! the colon and the comma. Inside, `format` comes first. It is written after all that it names, and never again.

use blake3::Hash;
use ports::{Error, ErrorKind, Position, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The format that this version writes. It reads format 1 as well, which had no savepoints and no topics.
pub(crate) const FORMAT: u32 = 2;

/// A checkpoint of one partition, or the part of a savepoint that is its.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    /// The format of this document.
    pub(crate) format: u32,
    /// The version of the program that wrote it.
    pub(crate) engine: String,
    /// The partition.
    pub(crate) partition: u32,
    /// How many partitions the deployment has.
    pub(crate) partitions: u32,
    /// Where the checkpoint stands, as the text of a [`Position`].
    pub(crate) position: String,
    /// What the store inside says of itself; another position after a restore or a fork.
    pub(crate) stored: String,
    /// When it was taken, in milliseconds since 1970.
    pub(crate) taken: i64,
    /// The manifest that this one builds on.
    pub(crate) parent: Option<String>,
    /// The savepoint that it is a part of. Since format 2.
    #[serde(default)]
    pub(crate) savepoint: Option<String>,
    /// The topic that the deployment read. Since format 2; empty before.
    #[serde(default)]
    pub(crate) events: String,
    /// The topics that the deployment wrote, its control topic among them. Since format 2; none before.
    #[serde(default)]
    pub(crate) outputs: Vec<String>,
    /// The rules in force: a line of JSON each, `{"key", "entry"}`, after one with `{"nextGeneration"}`.
    pub(crate) rules: Piece,
    /// The store's files.
    pub(crate) files: Vec<Piece>,
}

/// One file of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Piece {
    /// Its name in the store's folder.
    pub(crate) name: String,
    /// The object that holds it.
    pub(crate) object: String,
    /// Its size.
    pub(crate) bytes: u64,
    /// The hash of its contents, in hexadecimal digits.
    pub(crate) blake3: String,
}

#[derive(Serialize, Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    manifest: &'a RawValue,
    blake3: String,
}

#[derive(Deserialize)]
struct Head {
    format: u32,
}

impl Manifest {
    /// The document.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let text = serde_json::to_string(self).expect("its fields are texts and numbers");
        let blake3 = blake3::hash(text.as_bytes()).to_hex().to_string();
        let manifest = RawValue::from_string(text).expect("it was written as JSON");
        serde_json::to_vec(&Document { manifest: &manifest, blake3 }).expect("as above")
    }

    /// Reads a document back.
    ///
    /// # Errors
    /// Damage, or a format that this version does not know; the message begins with `name`.
    pub(crate) fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self> {
        let corrupt = |problem: String| Error::new(ErrorKind::Corrupt, format!("manifest {name}: {problem}"));
        let unread = |error: serde_json::Error| corrupt(format!("it cannot be read: {error}"));
        let document: Document<'_> = serde_json::from_slice(bytes).map_err(unread)?;
        let text = document.manifest.get();
        if blake3::hash(text.as_bytes()).to_hex().as_str() != document.blake3 {
            return Err(corrupt("its hash does not fit".to_owned()));
        }
        let head: Head = serde_json::from_str(text).map_err(unread)?;
        if !(1..=FORMAT).contains(&head.format) {
            let problem = format!("it has format {}, this version reads formats 1 to {FORMAT}", head.format);
            return Err(corrupt(problem));
        }
        serde_json::from_str(text).map_err(unread)
    }

    /// Where the checkpoint stands.
    pub(crate) fn position(&self, name: &str) -> Result<Position> {
        self.position
            .parse()
            .map_err(|error| Error::new(ErrorKind::Corrupt, format!("manifest {name}: {error}")))
    }

    /// Everything that it names: the store's files and the rules.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.files.iter().chain([&self.rules])
    }

    /// How many bytes it names.
    pub(crate) fn bytes(&self) -> u64 {
        self.pieces().map(|piece| piece.bytes).sum()
    }
}

impl Piece {
    /// The hash of its contents.
    pub(crate) fn hash(&self) -> Option<Hash> {
        Hash::from_hex(&self.blake3).ok()
    }
}

#[cfg(test)]
pub(crate) fn example() -> Manifest {
    let piece = |name: &str| Piece {
        name: name.to_owned(),
        object: format!("sst/{name}"),
        bytes: 3,
        blake3: blake3::hash(b"abc").to_hex().to_string(),
    };
    let position = "v=1;app=a;timeline=1;epoch=7;next=100;changelog=20;control=3;clock=-5;writer=a.one";
    Manifest {
        format: FORMAT,
        engine: "0.1.0".to_owned(),
        partition: 2,
        partitions: 4,
        position: position.to_owned(),
        stored: position.to_owned(),
        taken: 1000,
        parent: None,
        savepoint: None,
        events: "events".to_owned(),
        outputs: vec!["a.alerts".to_owned()],
        rules: piece("rules"),
        files: vec![piece("000012.sst")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change here is a change of the stored format and needs a new format number.
    #[test]
    fn the_text_is_fixed_and_reads_back() {
        let hash = blake3::hash(b"abc").to_hex();
        let position = "v=1;app=a;timeline=1;epoch=7;next=100;changelog=20;control=3;clock=-5;writer=a.one";
        let manifest = format!(
            r#"{{"format":2,"engine":"0.1.0","partition":2,"partitions":4,"position":"{position}","stored":"{position}","taken":1000,"parent":null,"savepoint":null,"events":"events","outputs":["a.alerts"],"rules":{{"name":"rules","object":"sst/rules","bytes":3,"blake3":"{hash}"}},"files":[{{"name":"000012.sst","object":"sst/000012.sst","bytes":3,"blake3":"{hash}"}}]}}"#
        );
        let document =
            format!(r#"{{"manifest":{manifest},"blake3":"{}"}}"#, blake3::hash(manifest.as_bytes()));
        assert_eq!(String::from_utf8(example().to_bytes()).unwrap(), document);
        assert_eq!(Manifest::from_bytes("m", document.as_bytes()).unwrap(), example());
    }

    /// Written by the version that knew format 1.
    #[test]
    fn format_1_is_read() {
        let manifest = r#"{"format":1,"engine":"0.1.0","partition":2,"partitions":4,"position":"p","stored":"s","taken":1000,"parent":null,"rules":{"name":"rules","object":"o","bytes":3,"blake3":"h"},"files":[]}"#;
        let document =
            format!(r#"{{"manifest":{manifest},"blake3":"{}"}}"#, blake3::hash(manifest.as_bytes()));
        let read = Manifest::from_bytes("m", document.as_bytes()).unwrap();
        assert_eq!((read.format, read.partitions, read.savepoint, read.outputs.len()), (1, 4, None, 0));
    }

    #[test]
    fn damage_and_other_formats_are_told_apart() {
        let bytes = example().to_bytes();
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert!(Manifest::from_bytes("m", &damaged).is_err(), "byte {place}");
            assert!(Manifest::from_bytes("m", &bytes[..place]).is_err(), "cut at {place}");
        }
        let other = Manifest { format: 9, ..example() }.to_bytes();
        let error = Manifest::from_bytes("m", &other).unwrap_err();
        assert!(error.message.contains("it has format 9, this version reads formats 1 to 2"), "{error}");
    }
}
