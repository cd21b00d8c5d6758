//! Sets of `distinct` values that have grown too large to be kept one by one: a sketch stands for them.
//!
//! A set over a sliding window stays exact, since its values must be able to leave; they are kept with their moments anyway.

use rules::{Aggregate, Function, Window};

use super::GroupRun;
use crate::apply::Failure;
use crate::bucket::Bucket;
use crate::hit::Brought;
use crate::scalar::Hash;
use crate::sketch::Sketch;
use crate::stored;
use crate::view::after;
use crate::write::Table;

/// Up to so many values are counted exactly.
pub const DISTINCT_EXACT_MAX: u64 = 10_000;

impl GroupRun<'_, '_> {
    /// Adds values to a set that is estimated.
    pub(super) fn add_to_sketch(&mut self, bucket: &mut Bucket, brought: &Brought) -> Result<(), Failure> {
        let Brought::Members { added, .. } = brought else { return Ok(()) };
        let mut sketch = self.sketch(bucket)?;
        let changes = added.iter().filter(|value| sketch.add(value)).count();
        if changes > 0 {
            self.put_sketch(bucket, &sketch);
        }
        Ok(())
    }

    /// Goes over to an estimate where a set of values has grown too large.
    pub(super) fn bound_set(&mut self, aggregate: &Aggregate, bucket: &mut Bucket) -> Result<(), Failure> {
        let is_plain = aggregate.function == Function::Distinct && aggregate.entity_path.is_none();
        let is_sliding = matches!(aggregate.window, Window::Sliding(_));
        if is_plain && !is_sliding && !bucket.estimated && bucket.members > DISTINCT_EXACT_MAX {
            let sketch = self.sketch(bucket)?;
            self.remove_set(bucket.set)?;
            self.put_sketch(bucket, &sketch);
        }
        Ok(())
    }

    /// Joins a set with that of a bucket, of which one at least is estimated.
    pub(super) fn join_sketches(&mut self, other: &Bucket, bucket: &mut Bucket) -> Result<(), Failure> {
        let mut sketch = self.sketch(bucket)?;
        sketch.join(&self.sketch(other)?);
        self.remove_set(other.set)?;
        self.run.view.delete(Table::State, self.keys.sketch(other.set));
        self.remove_set(bucket.set)?;
        bucket.members = bucket.members.max(other.members);
        self.put_sketch(bucket, &sketch);
        Ok(())
    }

    /// The sketch of a set, made of its members where they are kept one by one.
    fn sketch(&mut self, bucket: &Bucket) -> Result<Sketch, Failure> {
        if bucket.estimated {
            let key = self.keys.sketch(bucket.set);
            return Ok(self.run.get(self.customer, Table::State, &key)?.unwrap_or_default());
        }
        let mut sketch = Sketch::default();
        let (mut from, to) = self.keys.members(bucket.set);
        while let Some((key, _)) = self.run.view.first(Table::State, &from, &to)? {
            from = after(&key);
            let member: Hash = key.last_chunk().copied().ok_or_else(|| self.run.damaged(self.customer))?;
            sketch.add(&member);
        }
        Ok(sketch)
    }

    fn put_sketch(&mut self, bucket: &mut Bucket, sketch: &Sketch) {
        bucket.estimated = true;
        // Values never leave, so neither does the number fall where counting ends and the estimate begins.
        bucket.members = bucket.members.max(sketch.estimate());
        self.run.view.put(Table::State, self.keys.sketch(bucket.set), stored::to_bytes(sketch));
    }
}
