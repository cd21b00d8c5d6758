//! Chance without a state: what is drawn depends on seed, place and purpose alone, so leaving one thing out of a run
//! changes nothing of what is drawn for the others.

/// A number for a place and a purpose. SplitMix64's mixer, three times: enough for tests.
pub fn draw(seed: u64, place: u64, purpose: u64) -> u64 {
    mix(seed ^ mix(place ^ mix(purpose)))
}

/// A number below a bound, which is not 0.
pub(crate) fn below(seed: u64, place: u64, purpose: u64, bound: u64) -> u64 {
    draw(seed, place, purpose) % bound.max(1)
}

fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
