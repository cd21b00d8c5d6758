//! Lanes of x86-64 processors with AVX-512 and its byte instructions (Intel since Ice Lake, AMD since Zen 4): a block is one
//! register, masks come out of comparisons as they are, and bytes are compacted by one instruction.
#![allow(
    unsafe_code,
    reason = "vector instructions are unsafe where the compiler does not know that they exist"
)]

use std::arch::x86_64::{
    _mm_clmulepi64_si128, _mm_cvtsi64_si128, _mm_cvtsi128_si64, _mm_set1_epi8, _mm512_cmpeq_epi8_mask,
    _mm512_cmplt_epu8_mask, _mm512_loadu_si512, _mm512_maskz_compress_epi8, _mm512_or_si512,
    _mm512_set1_epi8, _mm512_set4_epi32, _mm512_shuffle_epi8, _mm512_storeu_si512,
};

use super::{Block, Classes, Lanes, Task};

/// Shows that the processor has all of these: only [`run`] makes one.
#[derive(Clone, Copy)]
struct Avx512(());

/// Does the task, or hands it back if the processor lacks something.
pub(super) fn run<T: Task>(task: T) -> Result<T::Output, T> {
    let has_all = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vbmi2")
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
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,pclmulqdq,bmi1,bmi2,lzcnt,popcnt")]
fn run_here<T: Task>(task: T) -> T::Output {
    task.run(Avx512(()))
}

impl Lanes for Avx512 {
    #[inline(always)]
    fn classes(self, block: &Block) -> Classes {
        // SAFETY: the load is of the 64 bytes of the block and needs no alignment; the token shows that the processor has
        // the instructions.
        unsafe {
            let bytes = _mm512_loadu_si512(block.as_ptr().cast());
            let equal = |bytes, to: u8| _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(to.cast_signed()));
            // Brackets differ from braces in this bit alone, and nothing else becomes one of them by it.
            let curly = _mm512_or_si512(bytes, _mm512_set1_epi8(0x20));
            // The one blank that ends in the same four bits as the byte: 32 at 0, 9, 10 and 13 at their own places.
            let blanks = _mm512_set4_epi32(0x0D00, 0x000A_0900, 0, 0x20);
            Classes {
                quote: equal(bytes, b'"'),
                backslash: equal(bytes, b'\\'),
                open: equal(curly, b'{'),
                close: equal(curly, b'}'),
                comma: equal(bytes, b','),
                colon: equal(bytes, b':'),
                blank: _mm512_cmpeq_epi8_mask(_mm512_shuffle_epi8(blanks, bytes), bytes),
                control: _mm512_cmplt_epu8_mask(bytes, _mm512_set1_epi8(0x20)),
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
        // SAFETY: the load and the store are of 64 bytes each and need no alignment; the token shows that the processor has
        // the instructions.
        unsafe {
            let bytes = _mm512_loadu_si512(block.as_ptr().cast());
            _mm512_storeu_si512(into.as_mut_ptr().cast(), _mm512_maskz_compress_epi8(!dropped, bytes));
        }
    }
}
