//! SplitMix64: the one source of chance, so that a seed replays a run.
//! Not for secrets. The constants are those of Steele, Lea and Flood (2014).

/// The golden-ratio step between two states.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A seeded stream of numbers.
#[derive(Debug, Clone)]
pub(crate) struct SplitMix(u64);

impl SplitMix {
    /// A stream that depends on the seed alone.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream of its own for one index under a seed: any event can be drawn without those before it.
    pub(crate) fn at(seed: u64, index: u64) -> Self {
        Self(finish(seed.wrapping_add(STEP)) ^ finish(index.wrapping_mul(STEP).wrapping_add(1)))
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        finish(self.0)
    }

    /// A number below `end`, which is not zero. The bias of the modulus is below 2^-32 for the small ends used here.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A valid index into something of this length, which is not zero.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        let end = u64::try_from(length).expect("a length fits 64 bits");
        usize::try_from(self.below(end)).expect("a number below a length is an index")
    }

    /// One of the choices, of which there is at least one.
    pub(crate) fn pick<'c>(&mut self, choices: &[&'c str]) -> &'c str {
        choices[self.index(choices.len())]
    }

    /// Sixteen bytes, for identifiers.
    pub(crate) fn bytes(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let (high, low) = bytes.split_at_mut(8);
        high.copy_from_slice(&self.next().to_be_bytes());
        low.copy_from_slice(&self.next().to_be_bytes());
        bytes
    }
}

/// The finaliser: every bit of the state reaches every bit of the result.
fn finish(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::SplitMix;

    #[test]
    fn reference_values_of_seed_1234567() {
        let mut chance = SplitMix::new(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| chance.next()).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn an_index_has_its_own_stream() {
        let first = SplitMix::at(1, 7).next();
        assert_eq!(first, SplitMix::at(1, 7).next());
        assert_ne!(first, SplitMix::at(1, 8).next());
        assert_ne!(first, SplitMix::at(2, 7).next());
    }
}
