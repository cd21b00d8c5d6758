//! A quick hash for tables that are asked often. It is no secret, so whoever may choose keys can choose ones that collide:
//! it serves where a table is no larger than what its owner has posted.

use std::hash::{BuildHasherDefault, Hasher};

/// Two odd constants with bits all over, from the digits of the golden ratio and of pi.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
const START: u64 = 0x243F_6A88_85A3_08D3;

/// Mixes what it is given, eight bytes at a step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mixer(u64);

impl Default for Mixer {
    fn default() -> Self {
        Self(START)
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
        self.write_usize(bytes.len());
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(value.into());
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(value.into());
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write_u64(&mut self, value: u64) {
        let product = u128::from(self.0 ^ value) * u128::from(SPREAD);
        let [low, high] = [product & u128::from(u64::MAX), product >> 64];
        self.0 = u64::try_from(low ^ high).unwrap_or_default().rotate_left(23) ^ START;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// For tables whose keys are hashed often and are no secret.
pub(crate) type Mixing = BuildHasherDefault<Mixer>;
