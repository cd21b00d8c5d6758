//! Places in a text, written down block by block and gone through later: so neither loop waits for what the other one
//! finds.

/// Places in the order of the text.
#[derive(Debug, Default)]
pub(in super::super) struct Places {
    /// Longer than `count`; what is behind means nothing.
    all: Vec<u32>,
    count: usize,
}

impl Places {
    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.count = 0;
    }

    /// Adds the places in a block, which begins at an offset that is a multiple of 64 and has 32 bits.
    #[inline(always)]
    pub(super) fn add(&mut self, places: u64, at: u32) {
        let slots = slots(&mut self.all, self.count);
        write::<2, _>(slots, places, |slot, place| *slot = at | place);
        self.count = self.count.wrapping_add(places.count_ones() as usize);
    }

    /// All places.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.all.iter().take(self.count).map(|at| *at as usize)
    }

    /// How much memory is held, in places.
    pub(in super::super) fn room(&self) -> usize {
        self.all.len()
    }
}

/// Slots for one block, behind those that are in use.
#[inline(always)]
pub(super) fn slots<T: Copy + Default>(all: &mut Vec<T>, used: usize) -> &mut [T; 64] {
    if all.len() < used.wrapping_add(64) {
        make_room(all, used);
    }
    all.get_mut(used..).and_then(<[T]>::first_chunk_mut).expect("there is room for a block")
}

#[cold]
#[inline(never)]
fn make_room<T: Copy + Default>(all: &mut Vec<T>, used: usize) {
    all.resize((2 * used).max(1024), T::default());
}

/// Calls for each one of a mask with the next slot. The first few slots are written whether there are so many or not,
/// which is quicker than to ask; few blocks have more.
#[inline(always)]
pub(super) fn write<const AT_ONCE: usize, T>(
    slots: &mut [T; 64],
    mut mask: u64,
    mut set: impl FnMut(&mut T, u32),
) {
    let (first, others) = slots.split_at_mut(AT_ONCE);
    for slot in first {
        set(slot, mask.trailing_zeros());
        mask &= mask.wrapping_sub(1);
    }
    if mask == 0 {
        return;
    }
    for slot in others {
        set(slot, mask.trailing_zeros());
        mask &= mask.wrapping_sub(1);
        if mask == 0 {
            return;
        }
    }
}
