//! What the walk does with the vector instructions of x86 processors.
//!
//! Only the two forms name these types, in functions that they enter after the processor was asked: that is what the safety of
//! every block below rests on.

use std::arch::x86_64::*;
use std::mem::transmute;

use super::super::tile::LANES;
use super::form::Machine;
use super::planes::Line;
use super::walk::{Found, Reached, Walk, walk_body};

/// Whether the processor has all that [`walk_vnni`] needs.
pub(super) fn has_vnni() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512vnni")
        && std::arch::is_x86_feature_detected!("popcnt")
}

/// Unrolled for the widths that factors usually have.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni,popcnt")]
pub(super) fn walk_vnni(walk: Walk<'_>, found: &mut Found) {
    match walk.query.columns() {
        64 => walk_body::<Vnni, 64>(walk, found),
        128 => walk_body::<Vnni, 128>(walk, found),
        256 => walk_body::<Vnni, 256>(walk, found),
        _ => walk_body::<Vnni, 0>(walk, found),
    }
}

#[target_feature(enable = "avx2")]
pub(super) fn walk_avx2(walk: Walk<'_>, found: &mut Found) {
    walk_body::<Avx2, 0>(walk, found);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni,popcnt")]
pub(super) fn reaching_vnni(numbers: &[f32; LANES], threshold: f32) -> u32 {
    Vnni::reaching(numbers, threshold)
}

#[target_feature(enable = "avx2")]
pub(super) fn reaching_avx2(numbers: &[f32; LANES], threshold: f32) -> u32 {
    Avx2::reaching(numbers, threshold)
}

struct Vnni;

/// # Safety
/// The processor has AVX-512F and AVX-512 VNNI.
#[inline(always)]
unsafe fn add_line<const PER: usize>(
    sums: &mut [__m512i; PER],
    line: &Line,
    masks: [__m512i; PER],
    words: &[[i8; 4]; PER],
) {
    // SAFETY: the caller's; 64 bytes are readable at the line.
    unsafe {
        let line = _mm512_load_si512((line as *const Line).cast());
        for ((sum, mask), word) in sums.iter_mut().zip(masks).zip(words) {
            let query = _mm512_set1_epi32(i32::from_ne_bytes(word.map(|x| x as u8)));
            *sum = _mm512_dpbusd_epi32(*sum, _mm512_and_si512(line, mask), query);
        }
    }
}

impl Machine for Vnni {
    #[inline(always)]
    fn lines<const BITS: usize, const PER: usize>(lines: &[Line], words: &[[i8; 4]]) -> [i32; LANES] {
        let bits = (1u8 << BITS) - 1;
        // SAFETY: the processor has AVX-512F and AVX-512 VNNI; 64 bytes are readable at each line.
        unsafe {
            // Each code stays where it is in its byte: the sums come out 2^(BITS j) times too large.
            let mut masks = [_mm512_setzero_si512(); PER];
            for (j, mask) in masks.iter_mut().enumerate() {
                *mask = _mm512_set1_epi8((bits << (BITS * j)) as i8);
            }
            // Two lines at a time, because a sum waits for the one before.
            let mut sums = [[_mm512_setzero_si512(); PER]; 2];
            let (pairs, last) = lines.as_chunks::<2>();
            let words = words.as_chunks::<PER>().0;
            let (word_pairs, _) = words.as_chunks::<2>();
            for (pair, words) in pairs.iter().zip(word_pairs) {
                add_line(&mut sums[0], &pair[0], masks, &words[0]);
                add_line(&mut sums[1], &pair[1], masks, &words[1]);
            }
            for (line, words) in last.iter().zip(words.iter().skip(2 * pairs.len())) {
                add_line(&mut sums[0], line, masks, words);
            }
            let mut all = _mm512_setzero_si512();
            for (j, (&even, &odd)) in sums[0].iter().zip(&sums[1]).enumerate() {
                let sum = _mm512_add_epi32(even, odd);
                let places = _mm512_set1_epi32((BITS * j) as i32);
                all = _mm512_add_epi32(all, _mm512_srav_epi32(sum, places));
            }
            transmute::<__m512i, [i32; LANES]>(all)
        }
    }

    #[inline(always)]
    fn reaching(upper: &[f32; LANES], threshold: f32) -> u32 {
        // SAFETY: the processor has AVX-512F; sixteen numbers are readable at the reference.
        unsafe {
            let upper = _mm512_loadu_ps(upper.as_ptr());
            u32::from(_mm512_cmp_ps_mask::<_CMP_GE_OQ>(upper, _mm512_set1_ps(threshold)))
        }
    }

    #[inline(always)]
    fn split(halves: &Line) -> ([f32; LANES], [f32; LANES]) {
        // SAFETY: the processor has AVX-512F; 64 bytes are readable at the line.
        unsafe {
            let halves = _mm512_load_si512((halves as *const Line).cast());
            let scales = _mm512_and_si512(halves, _mm512_set1_epi32(0xffff_0000_u32 as i32));
            let rests = _mm512_slli_epi32::<16>(halves);
            (
                transmute::<__m512i, [f32; LANES]>(scales),
                transmute::<__m512i, [f32; LANES]>(rests),
            )
        }
    }

    #[inline(always)]
    fn append(mask: u32, reached: &Reached, found: &mut Found) {
        let to = found.n..found.n + LANES;
        let places = &mut found.places[to.clone()];
        let (upper, lower) = (&mut found.upper[to.clone()], &mut found.lower[to]);
        // SAFETY: the processor has AVX-512F; sixteen numbers are readable and writable at each reference.
        unsafe {
            let mask = mask as u16;
            let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            let all = _mm512_add_epi32(lanes, _mm512_set1_epi32(reached.first as i32));
            // To a register first: to memory the instruction is slow.
            let all = _mm512_maskz_compress_epi32(mask, all);
            _mm512_storeu_si512(places.as_mut_ptr().cast(), all);
            let all = _mm512_maskz_compress_ps(mask, _mm512_loadu_ps(reached.upper.as_ptr()));
            _mm512_storeu_ps(upper.as_mut_ptr(), all);
            let all = _mm512_maskz_compress_ps(mask, _mm512_loadu_ps(reached.lower.as_ptr()));
            _mm512_storeu_ps(lower.as_mut_ptr(), all);
        }
        found.n += mask.count_ones() as usize;
    }
}

struct Avx2;

impl Machine for Avx2 {
    #[inline(always)]
    fn lines<const BITS: usize, const PER: usize>(lines: &[Line], words: &[[i8; 4]]) -> [i32; LANES] {
        // SAFETY: the processor has AVX2; 64 bytes are readable at each line.
        unsafe {
            let (bits, ones) = (_mm256_set1_epi8((1 << BITS) - 1), _mm256_set1_epi16(1));
            let mut sums = [_mm256_setzero_si256(); 2];
            for (line, words) in lines.iter().zip(words.as_chunks::<PER>().0) {
                let line = (line as *const Line).cast::<__m256i>();
                for (half, sum) in sums.iter_mut().enumerate() {
                    let mut codes = _mm256_load_si256(line.add(half));
                    let mut all = _mm256_setzero_si256();
                    for word in words {
                        let query = _mm256_set1_epi32(i32::from_ne_bytes(word.map(|x| x as u8)));
                        // Pairs of products of at most 15 and 127, twice, or of 3 and 127, four times: 7,620 is far
                        // within sixteen bits.
                        let pairs = _mm256_maddubs_epi16(_mm256_and_si256(codes, bits), query);
                        all = _mm256_add_epi16(all, pairs);
                        codes = if BITS == 2 {
                            _mm256_srli_epi16::<2>(codes)
                        } else {
                            _mm256_srli_epi16::<4>(codes)
                        };
                    }
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(all, ones));
                }
            }
            transmute::<[__m256i; 2], [i32; LANES]>(sums)
        }
    }
}
