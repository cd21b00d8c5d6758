//! Lanes of x86-64 processors with AVX2, which is nearly all that are in service. All `unsafe` of this crate is here: the
//! vector instructions, behind a token that exists only where they do.
#![allow(
    unsafe_code,
    reason = "vector instructions are unsafe where the compiler does not know that they exist"
)]

use std::arch::x86_64::{
    __m128i, __m256i, _mm_clmulepi64_si128, _mm_cvtsi64_si128, _mm_cvtsi128_si64, _mm_loadl_epi64,
    _mm_set1_epi8, _mm_setr_epi8, _mm_shuffle_epi8, _mm_storel_epi64, _mm256_broadcastsi128_si256,
    _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_max_epu8, _mm256_movemask_epi8, _mm256_or_si256,
    _mm256_set1_epi8, _mm256_shuffle_epi8,
};

use super::{Block, Classes, Lanes, Task};

/// Shows that the processor has AVX2, the carry-less product and the bit operations: only [`run`] makes one.
#[derive(Clone, Copy)]
struct Avx2(());

/// Does the task, or hands it back if the processor lacks something.
pub(super) fn run<T: Task>(task: T) -> Result<T::Output, T> {
    let has_all = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("pclmulqdq")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt");
    if !has_all {
        return Err(task);
    }
    // SAFETY: the processor has every feature that the function is compiled for.
    Ok(unsafe { run_here(task) })
}

/// The task is inlined here, and so compiled for these features.
#[target_feature(enable = "avx2,pclmulqdq,bmi1,bmi2,lzcnt,popcnt")]
fn run_here<T: Task>(task: T) -> T::Output {
    task.run(Avx2(()))
}

/// For each choice of eight bytes, the places of those that are not dropped, in order.
static KEPT: [[u8; 8]; 256] = {
    let mut table = [[0x80; 8]; 256];
    let mut dropped = 0;
    while dropped < 256 {
        let (mut place, mut kept) = (0, 0);
        while place < 8 {
            if dropped >> place & 1 == 0 {
                table[dropped][kept] = place;
                kept += 1;
            }
            place += 1;
        }
        dropped += 1;
    }
    table
};

impl Lanes for Avx2 {
    #[inline(always)]
    fn classes(self, block: &Block) -> Classes {
        // SAFETY: both loads are within the 64 bytes of the block and need no alignment; the token shows that the
        // processor has AVX2.
        unsafe {
            let start = block.as_ptr();
            let low = _mm256_loadu_si256(start.cast());
            let high = _mm256_loadu_si256(start.add(32).cast());
            let mask = |low: __m256i, high: __m256i| {
                let low = u64::from(_mm256_movemask_epi8(low).cast_unsigned());
                low | u64::from(_mm256_movemask_epi8(high).cast_unsigned()) << 32
            };
            let equal = |low: __m256i, high: __m256i, to: u8| {
                let to = _mm256_set1_epi8(to.cast_signed());
                mask(_mm256_cmpeq_epi8(low, to), _mm256_cmpeq_epi8(high, to))
            };
            // Brackets differ from braces in this bit alone, and nothing else becomes one of them by it.
            let bit = _mm256_set1_epi8(0x20);
            let (curly_low, curly_high) = (_mm256_or_si256(low, bit), _mm256_or_si256(high, bit));
            let last = _mm256_set1_epi8(0x1F);
            // The one blank that ends in the same four bits as the byte; none ends like its own place in the others.
            let blanks =
                _mm256_broadcastsi128_si256(_mm_setr_epi8(32, 0, 0, 0, 0, 0, 0, 0, 0, 9, 10, 0, 0, 13, 0, 0));
            let blank_low = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(blanks, low), low);
            let blank_high = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(blanks, high), high);
            Classes {
                quote: equal(low, high, b'"'),
                backslash: equal(low, high, b'\\'),
                open: equal(curly_low, curly_high, b'{'),
                close: equal(curly_low, curly_high, b'}'),
                comma: equal(low, high, b','),
                colon: equal(low, high, b':'),
                blank: mask(blank_low, blank_high),
                control: mask(
                    _mm256_cmpeq_epi8(_mm256_max_epu8(low, last), last),
                    _mm256_cmpeq_epi8(_mm256_max_epu8(high, last), last),
                ),
            }
        }
    }

    #[inline(always)]
    fn odd_from_start(self, bits: u64) -> u64 {
        // SAFETY: only registers are used; the token shows that the processor has the instructions.
        unsafe {
            let product = _mm_clmulepi64_si128::<0>(_mm_cvtsi64_si128(bits.cast_signed()), _mm_set1_epi8(-1));
            _mm_cvtsi128_si64(product).cast_unsigned()
        }
    }

    #[inline(always)]
    fn compact(self, block: &Block, dropped: u64, into: &mut Block) {
        let (mut from, mut to) = (block.as_ptr(), into.as_mut_ptr());
        for eighth in dropped.to_le_bytes() {
            let order = &KEPT[usize::from(eighth)];
            // SAFETY: there are eight rounds. Each reads the next 8 of the 64 bytes, and writes 8 bytes at most 8 behind
            // the place of the round before, so all of them are within the 64 bytes. Nothing needs alignment. The token
            // shows that the processor has the instructions.
            unsafe {
                let bytes: __m128i = _mm_loadl_epi64(from.cast());
                let order: __m128i = _mm_loadl_epi64(order.as_ptr().cast());
                _mm_storel_epi64(to.cast(), _mm_shuffle_epi8(bytes, order));
                from = from.wrapping_add(8);
                to = to.wrapping_add(8 - eighth.count_ones() as usize);
            }
        }
    }
}
