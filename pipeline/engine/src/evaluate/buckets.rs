//! The buckets of a group as they are stored: by time.

use super::GroupRun;
use crate::apply::Failure;
use crate::bucket::Bucket;
use crate::key::bucket_time;
use crate::stored;
use crate::stream::Timestamp;
use crate::view::after;
use crate::write::Table;

impl GroupRun<'_, '_> {
    pub(super) fn bucket(&mut self, key: Timestamp) -> Result<Option<Bucket>, Failure> {
        let key = self.keys.bucket(key);
        self.run.get(self.customer, Table::State, &key)
    }

    pub(super) fn put_bucket(&mut self, key: Timestamp, bucket: &Bucket) {
        self.run.view.put(Table::State, self.keys.bucket(key), stored::to_bytes(bucket));
    }

    /// Removes a window with the set that belongs to it.
    pub(super) fn remove_bucket(&mut self, key: Timestamp, bucket: &Bucket) -> Result<(), Failure> {
        self.remove_set(bucket.set)?;
        if bucket.estimated {
            self.run.view.delete(Table::State, self.keys.sketch(bucket.set));
        }
        self.run.view.delete(Table::State, self.keys.bucket(key));
        Ok(())
    }

    /// The group's earliest bucket.
    pub(super) fn first_bucket(&mut self) -> Result<Option<(Timestamp, Bucket)>, Failure> {
        self.first_bucket_from(Timestamp(i64::MIN))
    }

    /// The group's earliest bucket at or after a time.
    pub(super) fn first_bucket_from(
        &mut self,
        from: Timestamp,
    ) -> Result<Option<(Timestamp, Bucket)>, Failure> {
        let (from, to) = (self.keys.bucket(from), self.keys.buckets_end());
        let Some((key, bytes)) = self.run.view.first(Table::State, &from, &to)? else { return Ok(None) };
        let at = bucket_time(&key).ok_or_else(|| self.run.damaged(self.customer))?;
        Ok(Some((at, self.run.decode(self.customer, &bytes)?)))
    }

    /// The buckets with `from <= time <= to`.
    pub(super) fn buckets(
        &mut self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, Bucket)>, Failure> {
        let (mut from, to) = (self.keys.bucket(from), after(&self.keys.bucket(to)));
        let mut found = Vec::new();
        while let Some((key, bytes)) = self.run.view.first(Table::State, &from, &to)? {
            let at = bucket_time(&key).ok_or_else(|| self.run.damaged(self.customer))?;
            found.push((at, self.run.decode(self.customer, &bytes)?));
            from = after(&key);
        }
        Ok(found)
    }
}
