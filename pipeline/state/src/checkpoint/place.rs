//! The place of checkpoints, for those who look after it: lists, verifies, and hands a savepoint on to a deployment.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::Partition;
use ports::{Error, ErrorKind, Part, Position, Result, Savepoint, Savepoints};
use rules::{Generation, RuleKey, SavepointId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::collect::{Collected, collect};
use super::manifest::Manifest;
use super::names;
use super::objects::Objects;
use super::upload::{Named, outputs};
use super::{Settings, catalog, service};

/// The most bytes of a rule book that are read into memory.
const BOOK_BYTES_MAX: u64 = 1 << 30;

/// The checkpoints and savepoints of a deployment. Clones share the connection.
#[derive(Clone)]
pub struct Place {
    pub(super) objects: Arc<Objects>,
    pub(super) settings: Settings,
}

/// A checkpoint, or a part of a savepoint, as it is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The name of its manifest.
    pub name: String,
    /// The partition.
    pub partition: Partition,
    /// Where it stands.
    pub position: Position,
    /// How many bytes it consists of.
    pub bytes: u64,
    /// When it was taken, in milliseconds since 1970.
    pub taken: i64,
}

/// A rule book as a savepoint has it.
#[derive(Debug, Clone)]
pub struct Book {
    /// The rules in force in their stored form, see [`rules::ActiveRule::to_bytes`].
    pub entries: Vec<(RuleKey, Vec<u8>)>,
    /// The generation that the next new meaning gets.
    pub next: Generation,
}

impl Place {
    /// Opens the place that the settings name.
    ///
    /// # Errors
    /// The settings do not serve. Nothing is sent yet.
    pub fn open(settings: &Settings) -> Result<Self> {
        let objects = Arc::new(Objects::open(&settings.location, &settings.options)?);
        Ok(Self { objects, settings: settings.clone() })
    }

    /// The same place, for another deployment.
    #[must_use]
    pub fn of(&self, app: &str) -> Self {
        let settings = Settings { app: app.to_owned(), ..self.settings.clone() };
        Self { objects: Arc::clone(&self.objects), settings }
    }

    /// The names of all manifests of checkpoints, by partition, the newest first.
    pub fn checkpoints(&self) -> Result<Vec<String>> {
        let folder = format!("{}/{}/checkpoints", names::APPS, self.settings.app);
        let mut partitions: Vec<Partition> = Vec::new();
        for object in self.objects.list(&folder)? {
            let partition = object.name.rsplit('/').nth(1).and_then(|text| text.parse().ok()).map(Partition);
            if let Some(partition) = partition.filter(|partition| partitions.last() != Some(partition)) {
                partitions.push(partition);
            }
        }
        let mut found = Vec::new();
        for partition in partitions {
            found.extend(catalog::manifests(&self.objects, &self.settings.app, partition)?);
        }
        Ok(found)
    }

    /// What a manifest says.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if it is damaged or not there.
    pub fn kept(&self, name: &str) -> Result<Kept> {
        kept(&catalog::read(&self.objects, name)?)
    }

    /// Reads everything back that a manifest names and compares it with what was sent; answers its bytes. `came` is
    /// told of each piece.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] says what is damaged or missing.
    pub fn verify(&self, name: &str, mut came: impl FnMut(u64)) -> Result<u64> {
        let named = catalog::read(&self.objects, name)?;
        kept(&named)?;
        for piece in named.manifest.pieces() {
            catalog::fetch(&self.objects, piece, |chunk| {
                came(chunk.len() as u64);
                Ok(())
            })?;
        }
        Ok(named.manifest.bytes())
    }

    /// Removes files that nothing names any more, of whatever deployment.
    pub fn collect(&self) -> Result<Collected> {
        collect(&self.objects, service::millis())
    }

    /// The manifests of a savepoint's parts.
    pub fn parts(&self, savepoint: SavepointId) -> Result<Vec<String>> {
        let folder = format!("{}/{savepoint}", names::savepoints(&self.settings.app));
        Ok(self.objects.list(&folder)?.into_iter().map(|object| object.name).collect())
    }

    /// Removes a savepoint. Its files go when they are old and nothing else names them.
    pub fn remove(&self, savepoint: SavepointId) -> Result<()> {
        self.parts(savepoint)?.iter().try_for_each(|part| self.objects.delete(part))
    }

    /// The rules that were in force at the line of a savepoint.
    pub fn book(&self, savepoint: SavepointId) -> Result<Book> {
        let name = self.parts(savepoint)?.into_iter().next().ok_or_else(|| unknown(savepoint))?;
        let manifest = catalog::read(&self.objects, &name)?.manifest;
        let mut bytes = Vec::new();
        if manifest.rules.bytes > BOOK_BYTES_MAX {
            return Err(Error::new(ErrorKind::Refused, format!("the rule book of {name} is too large")));
        }
        catalog::fetch(&self.objects, &manifest.rules, |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })?;
        read_book(&bytes).map_err(|error| {
            Error::new(ErrorKind::Corrupt, format!("the rule book of {name} cannot be read: {error}"))
        })
    }

    /// The greatest timeline of which a checkpoint is kept; 0 if there is none.
    pub fn timeline(&self) -> Result<u32> {
        let names = self.checkpoints()?;
        Ok(names.iter().filter_map(|name| names::standing(name)).map(|(at, _)| at).max().unwrap_or(0))
    }

    /// The topics that whoever took this savepoint read and wrote.
    pub fn topics(&self, savepoint: SavepointId) -> Result<(String, Vec<String>)> {
        let name = self.parts(savepoint)?.into_iter().next().ok_or_else(|| unknown(savepoint))?;
        let manifest = catalog::read(&self.objects, &name)?.manifest;
        Ok((manifest.events, manifest.outputs))
    }

    /// Hands a savepoint of this deployment on: each part becomes a checkpoint at the given position, whose app and
    /// timeline it has from then on. Nothing is copied; the files are named once more.
    ///
    /// # Errors
    /// A position that is taken, a file that is not there.
    pub fn hand_on(
        &self,
        savepoint: SavepointId,
        to: &Settings,
        positions: &BTreeMap<Partition, Position>,
    ) -> Result<()> {
        let mut made = Vec::new();
        for name in self.parts(savepoint)? {
            let part = catalog::read(&self.objects, &name)?;
            let partition = Partition(part.manifest.partition);
            let Some(position) = positions.get(&partition) else { continue };
            let manifest = Manifest {
                format: super::manifest::FORMAT,
                position: position.to_string(),
                parent: Some(name.clone()),
                savepoint: None,
                events: to.topics.events.clone(),
                outputs: outputs(&to.topics),
                ..part.manifest
            };
            let target = names::checkpoint(partition, position);
            if !self.objects.create(&target, manifest.to_bytes())? {
                return Err(Error::new(ErrorKind::Refused, format!("{target} is there already")));
            }
            made.push(manifest);
        }
        // A savepoint that was removed meanwhile may have taken its files along.
        for piece in made.iter().flat_map(Manifest::pieces) {
            if self.objects.size(&piece.object)? != Some(piece.bytes) {
                let message = format!("{} of savepoint {savepoint} is missing or cut", piece.object);
                return Err(Error::new(ErrorKind::Corrupt, message));
            }
        }
        Ok(())
    }

    /// Takes back what [`Self::hand_on`] made, if what was to follow did not happen.
    pub fn take_back(&self, positions: &BTreeMap<Partition, Position>) -> Result<()> {
        positions.iter().try_for_each(|(partition, position)| {
            self.objects.delete(&names::checkpoint(*partition, position))
        })
    }

    fn savepoint(&self, id: SavepointId, names: &[String]) -> Result<Savepoint> {
        let (mut parts, mut partitions) = (Vec::new(), 0);
        for name in names {
            let named = catalog::read(&self.objects, name)?;
            let Kept { partition, position, bytes, taken, .. } = kept(&named)?;
            partitions = partitions.max(named.manifest.partitions);
            parts.push(Part { partition, position, bytes, taken });
        }
        parts.sort_by_key(|part| part.partition);
        Ok(Savepoint { id, partitions, parts })
    }
}

impl Savepoints for Place {
    fn list(&self) -> Result<Vec<Savepoint>> {
        let mut by_id: BTreeMap<SavepointId, Vec<String>> = BTreeMap::new();
        for object in self.objects.list(&names::savepoints(&self.settings.app))? {
            if let Some(id) = names::savepoint_of(&object.name) {
                by_id.entry(id).or_default().push(object.name);
            }
        }
        let mut found =
            by_id.iter().map(|(id, names)| self.savepoint(*id, names)).collect::<Result<Vec<_>>>()?;
        found.sort_by_key(|savepoint| std::cmp::Reverse(savepoint.taken()));
        Ok(found)
    }

    fn find(&self, id: SavepointId) -> Result<Option<Savepoint>> {
        let names = self.parts(id)?;
        if names.is_empty() { Ok(None) } else { self.savepoint(id, &names).map(Some) }
    }
}

fn unknown(savepoint: SavepointId) -> Error {
    Error::new(ErrorKind::Gone, format!("there is no savepoint {savepoint}"))
}

fn kept(named: &Named) -> Result<Kept> {
    let Named { name, manifest } = named;
    Ok(Kept {
        name: name.clone(),
        partition: Partition(manifest.partition),
        position: manifest.position(name)?,
        bytes: manifest.bytes(),
        taken: manifest.taken,
    })
}

fn read_book(bytes: &[u8]) -> std::result::Result<Book, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        next_generation: u64,
    }
    #[derive(Deserialize)]
    struct Line<'a> {
        key: String,
        #[serde(borrow)]
        entry: &'a RawValue,
    }
    let mut lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let head: Head = serde_json::from_slice(lines.next().unwrap_or_default())?;
    let entries = lines
        .map(|line| {
            let line: Line<'_> = serde_json::from_slice(line)?;
            let key = line.key.parse().map_err(|_| serde::de::Error::custom("a key is not a rule's"))?;
            Ok((key, line.entry.get().as_bytes().to_vec()))
        })
        .collect::<std::result::Result<_, serde_json::Error>>()?;
    Ok(Book { entries, next: Generation(head.next_generation) })
}
