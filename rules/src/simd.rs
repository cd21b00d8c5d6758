//! Sixty-four bytes at a step: the few things that scans of JSON ask of a processor, once for every kind of it.
//!
//! A scan is a [`Task`], written once and safely over [`Lanes`]; [`best`] runs it with the quickest lanes that the machine
//! has, which is found out at run time. The lanes of a processor are the only unsafe code of this crate (`avx2`); the
//! portable ones answer the same, bit for bit, on every other machine.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

pub(crate) use portable::Portable;

/// What is looked at in one step.
pub(crate) type Block = [u8; 64];

/// Which bytes of a block are what; the lowest bit stands for the first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Classes {
    /// `"`
    pub(crate) quote: u64,
    /// `\`
    pub(crate) backslash: u64,
    /// `{` and `[`
    pub(crate) open: u64,
    /// `}` and `]`
    pub(crate) close: u64,
    /// `,`
    pub(crate) comma: u64,
    /// `:`
    pub(crate) colon: u64,
    /// White space of JSON.
    pub(crate) blank: u64,
    /// What may not stand in a string as it is: U+0000 to U+001F.
    pub(crate) control: u64,
}

/// What a processor does with blocks.
pub(crate) trait Lanes: Copy {
    /// Sorts the bytes of a block.
    fn classes(self, block: &Block) -> Classes;

    /// For every bit, whether the number of ones up to and with it is odd.
    fn odd_from_start(self, bits: u64) -> u64;

    /// Writes the bytes of a block that are not dropped, one after the other. What stands behind them is undefined.
    fn compact(self, block: &Block, dropped: u64, into: &mut Block);
}

/// Work over blocks. `run` is to be `#[inline(always)]`, so that it is compiled anew for each kind of lanes.
pub(crate) trait Task {
    /// What comes of it.
    type Output;

    /// Does it with these lanes.
    fn run(self, lanes: impl Lanes) -> Self::Output;
}

/// Does a task with the quickest lanes of this machine.
pub(crate) fn best<T: Task>(task: T) -> T::Output {
    #[cfg(target_arch = "x86_64")]
    let task = match avx512::run(task).or_else(avx2::run) {
        Ok(output) => return output,
        Err(task) => task,
    };
    task.run(Portable)
}

/// Does a task with the lanes of AVX2 where there are such: machines that have better ones test these, too.
#[cfg(test)]
pub(crate) fn second_best<T: Task>(task: T) -> T::Output {
    #[cfg(target_arch = "x86_64")]
    let task = match avx2::run(task) {
        Ok(output) => return output,
        Err(task) => task,
    };
    task.run(Portable)
}

/// The backslashes that begin an escape, where the block does not begin within one: of each run every second one, from
/// its first on.
#[inline(always)]
pub(crate) fn introducing(backslash: u64) -> u64 {
    const EVEN: u64 = 0x5555_5555_5555_5555;
    if backslash & (backslash << 1) == 0 {
        return backslash;
    }
    let starts = backslash & !(backslash << 1);
    // A sum runs through the runs that begin at even places and clears them; the others stay.
    let even_runs = backslash & !backslash.wrapping_add(starts & EVEN);
    (even_runs & EVEN) | (backslash & !even_runs & !EVEN)
}

/// The block at an offset. One that the end of the text cuts short is filled up in `last`.
#[inline(always)]
pub(crate) fn block_at<'a>(text: &'a [u8], at: usize, filling: u8, last: &'a mut Block) -> &'a Block {
    let rest = text.get(at..).unwrap_or_default();
    if let Some(block) = rest.first_chunk() {
        return block;
    }
    *last = [filling; 64];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    last
}

#[cfg(test)]
mod tests;
