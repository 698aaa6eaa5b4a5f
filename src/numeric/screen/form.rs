//! The machines that a walk over rounded rows is compiled for.
//!
//! Each form has its own way to sum whole numbers, to compare, and to write down what it found; all else is one source, the
//! [walk](super::walk). Results are the same on every form: sums of whole numbers are exact, and bounds are computed without fused
//! operations.

use super::super::tile::LANES;
use super::planes::Line;
use super::walk::{Found, Reached, Walk, walk_body};
#[cfg(target_arch = "x86_64")]
use super::x86;

/// Groups of a block, which are looked at together.
pub(super) const GROUPS: usize = 16;
/// Rows of a block.
pub(super) const BLOCK: usize = GROUPS * LANES;

/// A machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Any.
    Plain,
    /// 256-bit integer vectors.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 512-bit vectors that add four products of bytes.
    #[cfg(target_arch = "x86_64")]
    Vnni,
}

impl Form {
    /// The forms that this machine has, the fastest first.
    pub(super) fn here() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let wide = [
            x86::has_vnni().then_some(Self::Vnni),
            std::arch::is_x86_feature_detected!("avx2").then_some(Self::Avx2),
        ];
        #[cfg(not(target_arch = "x86_64"))]
        let wide: [Option<Self>; 0] = [];
        wide.into_iter().flatten().chain([Self::Plain])
    }

    /// Which numbers reach the threshold, and are above negative infinity, as bits.
    pub(super) fn reaching(self, numbers: &[f32; LANES], threshold: f32) -> u32 {
        let threshold = threshold.max(f32::MIN);
        match self {
            Self::Plain => Plain::reaching(numbers, threshold),
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "calling code that needs vector instructions")]
            // SAFETY: this form is only made by `here`, which has asked the processor.
            Self::Avx2 => unsafe { x86::reaching_avx2(numbers, threshold) },
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "calling code that needs vector instructions")]
            // SAFETY: as above.
            Self::Vnni => unsafe { x86::reaching_vnni(numbers, threshold) },
        }
    }

    /// Finds what may reach the threshold, as far as the planes tell.
    pub(super) fn walk(self, walk: Walk<'_>, found: &mut Found) {
        match self {
            Self::Plain => walk_body::<Plain, 0>(walk, found),
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "calling code that needs vector instructions")]
            // SAFETY: this form is only made by `here`, which has asked the processor.
            Self::Avx2 => unsafe { x86::walk_avx2(walk, found) },
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "calling code that needs vector instructions")]
            // SAFETY: as above.
            Self::Vnni => unsafe { x86::walk_vnni(walk, found) },
        }
    }
}

/// What a machine does in its own way.
pub(super) trait Machine {
    /// For each of sixteen rows, `Σ code · query` over the columns of the lines. `BITS · PER` is eight.
    fn lines<const BITS: usize, const PER: usize>(lines: &[Line], words: &[[i8; 4]]) -> [i32; LANES];

    /// Which bounds may reach the threshold, as bits.
    #[inline(always)]
    fn reaching(upper: &[f32; LANES], threshold: f32) -> u32 {
        let mut mask = 0;
        for (lane, &upper) in upper.iter().enumerate() {
            mask |= u32::from(upper >= threshold) << lane;
        }
        mask
    }

    /// Scales and lengths of rests, from the line that holds halves.
    #[inline(always)]
    fn split(halves: &Line) -> ([f32; LANES], [f32; LANES]) {
        let (mut scales, mut rests) = ([0.0; LANES], [0.0; LANES]);
        for (lane, &halves) in halves.0.iter().enumerate() {
            let halves = u32::from_ne_bytes(halves);
            scales[lane] = f32::from_bits(halves & 0xffff_0000);
            rests[lane] = f32::from_bits(halves << 16);
        }
        (scales, rests)
    }

    /// Appends the lanes of a mask.
    #[inline(always)]
    fn append(mut mask: u32, reached: &Reached, found: &mut Found) {
        while mask != 0 {
            let lane = mask.trailing_zeros();
            mask &= mask - 1;
            found.places[found.n] = reached.first + lane;
            found.upper[found.n] = reached.upper[lane as usize];
            found.lower[found.n] = reached.lower[lane as usize];
            found.n += 1;
        }
    }
}

/// The definition.
struct Plain;

impl Machine for Plain {
    #[inline(always)]
    fn lines<const BITS: usize, const PER: usize>(lines: &[Line], words: &[[i8; 4]]) -> [i32; LANES] {
        let mut sums = [0; LANES];
        for (line, words) in lines.iter().zip(words.as_chunks::<PER>().0) {
            for (sum, bytes) in sums.iter_mut().zip(&line.0) {
                for (j, word) in words.iter().enumerate() {
                    for (&byte, &query) in bytes.iter().zip(word) {
                        let code = byte >> (BITS * j) & ((1 << BITS) - 1);
                        *sum += i32::from(code) * i32::from(query);
                    }
                }
            }
        }
        sums
    }
}
