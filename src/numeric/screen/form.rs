//! The walk over rounded rows, compiled for three machines.
//!
//! Each form has its own integer sums; all else is one source, and its results are the same on every form: sums of whole
//! numbers are exact, and the bounds are computed without fused operations.

use std::array::from_fn;
use std::mem;

use super::super::prefetch::prefetch;
use super::super::tile::LANES;
use super::planes::{COARSE, DETAIL, Line, Plane, Planes};
use super::query::Query;
use super::reach::UNTOUCHED;

/// Groups of a block, which are looked at together.
pub(super) const GROUPS: usize = 16;
/// Rows of a block.
pub(super) const BLOCK: usize = GROUPS * LANES;

/// Groups between the one that is summed and the one that is asked for from memory.
const AHEAD: usize = 4;

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

/// What is added to the dot product of each place, multiplied by a query's weights.
#[derive(Clone, Copy, Debug)]
pub(super) struct Added<'a> {
    pub(super) along: &'a [[f32; LANES]],
    pub(super) bias: Option<&'a [[f32; LANES]]>,
}

impl Added<'_> {
    /// For the rows of a group.
    #[inline(always)]
    pub(super) fn base(self, query: &Query, group: usize) -> [f32; LANES] {
        let offset = query.offsets.as_flattened()[group];
        let along = &self.along[group];
        let mut base = [0.0; LANES];
        for lane in 0..LANES {
            base[lane] = offset + query.along * along[lane];
        }
        if let Some(bias) = self.bias {
            let bias = &bias[group];
            for lane in 0..LANES {
                base[lane] += query.bias_weight * bias[lane];
            }
        }
        base
    }
}

/// What a walk says that a score is not below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// What is nearly always so: the search asks in the end whether it was.
    Likely,
    /// What is always so.
    Sure,
}

impl Look {
    /// How much is taken off a score of all that rounding can move it. It moves it by the whole where what is left of a row points
    /// along the query; among w numbers one part in √w is usual.
    fn part(self) -> f32 {
        match self {
            Self::Likely => 0.125,
            Self::Sure => 1.0,
        }
    }
}

/// What a walk reads: some groups of the planes, and lengths of the longest row of each group of all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk<'a> {
    pub(super) look: Look,
    pub(super) planes: &'a Planes,
    pub(super) query: &'a Query,
    pub(super) lengths: &'a [f32],
    /// Groups, and which of the bases are theirs, or [`UNTOUCHED`].
    pub(super) groups: &'a [(u32, u32)],
    pub(super) bases: &'a [[f32; LANES]],
    pub(super) added: Added<'a>,
    pub(super) threshold: f32,
}

/// Places whose rows may reach the threshold, what their scores are not above, and what they are not below, as surely as was
/// asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Those of a few groups, and of the few before.
    waiting: Vec<Waiting>,
    n: usize,
    /// Longer than `n` by a group at least, and so are the others.
    places: Vec<u32>,
    upper: Vec<f32>,
    lower: Vec<f32>,
}

impl Found {
    /// Forgets all, and makes room for so many groups.
    fn open(&mut self, groups: usize) {
        self.waiting.resize(2 * GROUPS, Waiting::default());
        let n = (groups + 1) * LANES;
        if self.places.len() < n {
            self.places.resize(n, 0);
            self.upper.resize(n, 0.0);
            self.lower.resize(n, 0.0);
        }
        self.n = 0;
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.n
    }

    /// Place, upper and lower bound of each.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, f32, f32)> {
        let bounds = self.upper.iter().zip(&self.lower);
        let all = self.places.iter().zip(bounds).take(self.n);
        all.map(|(&place, (&upper, &lower))| (place, upper, lower))
    }
}

impl Form {
    /// The forms that this machine has, the fastest first.
    pub(super) fn here() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let wide = [
            has_vnni().then_some(Self::Vnni),
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

#[cfg(target_arch = "x86_64")]
fn has_vnni() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512vnni")
        && std::arch::is_x86_feature_detected!("popcnt")
}

/// The integer sums of a machine.
trait Sums {
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

    /// Appends the lanes of a mask, the first of which is at place `first`.
    #[inline(always)]
    fn append(mut mask: u32, first: u32, upper: &[f32; LANES], lower: &[f32; LANES], found: &mut Found) {
        while mask != 0 {
            let lane = mask.trailing_zeros();
            mask &= mask - 1;
            found.places[found.n] = first + lane;
            found.upper[found.n] = upper[lane as usize];
            found.lower[found.n] = lower[lane as usize];
            found.n += 1;
        }
    }
}

/// A group that the coarse plane lets through.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
struct Waiting {
    /// Dot products so far.
    close: [f32; LANES],
    /// What is added to them.
    base: [f32; LANES],
    group: usize,
}

/// Goes through a few groups at a time. What the coarse plane lets through waits while the next few are looked at, until the
/// details have come from memory.
#[inline(always)]
fn walk_body<S: Sums, const COLUMNS: usize>(walk: Walk<'_>, found: &mut Found) {
    found.open(walk.groups.len());
    let mut room = mem::take(&mut found.waiting);
    let (mut waiting, mut before) = room.split_at_mut(GROUPS);
    let mut n_before = 0;
    let mut groups = walk.groups;
    while n_before + groups.len() > 0 {
        let n = look::<S, COLUMNS>(walk, groups, waiting);
        groups = &groups[groups.len().min(GROUPS)..];
        for waiting in &waiting[..n] {
            prefetch(walk.planes.detail.group::<COLUMNS>(waiting.group));
        }
        look_closer::<S, COLUMNS>(walk, &before[..n_before], found);
        (waiting, before, n_before) = (before, waiting, n);
    }
    found.waiting = room;
}

/// Writes those of the next few groups that the coarse plane lets through over `waiting`, and says how many they are.
#[inline(always)]
fn look<S: Sums, const COLUMNS: usize>(
    walk: Walk<'_>,
    groups: &[(u32, u32)],
    waiting: &mut [Waiting],
) -> usize {
    let Walk { planes, query, .. } = walk;
    let mut n = 0;
    for (at, &(group, slot)) in groups.iter().take(GROUPS).enumerate() {
        let group = group as usize;
        if let Some(&(ahead, slot)) = groups.get(at + AHEAD) {
            let ahead = ahead as usize;
            prefetch(planes.coarse.group::<COLUMNS>(ahead));
            if slot == UNTOUCHED {
                prefetch(&walk.added.along[ahead..=ahead]);
            }
        }
        let longest = walk.lengths[group];
        let base = match slot {
            UNTOUCHED => walk.added.base(query, group),
            slot => walk.bases[slot as usize],
        };
        let reach = query.reach * longest;
        if S::reaching(&from_fn(|lane| base[lane] + reach), walk.threshold) == 0 {
            continue;
        }
        let (close, slack) = dots::<S, COLUMNS, COARSE, 4>(&planes.coarse, group, query);
        let near = query.by_length * longest;
        let mut upper = [0.0; LANES];
        for lane in 0..LANES {
            upper[lane] = close[lane] + (slack[lane] + near) + base[lane];
        }
        // Written either way, because nobody foretells which way it will be.
        waiting[n] = Waiting { group, close, base };
        n += usize::from(S::reaching(&upper, walk.threshold) != 0);
    }
    n
}

/// Appends what the details let through.
#[inline(always)]
fn look_closer<S: Sums, const COLUMNS: usize>(walk: Walk<'_>, waiting: &[Waiting], found: &mut Found) {
    let Walk { planes, query, .. } = walk;
    let (part, twice) = (walk.look.part(), 2.0 * query.rounding);
    for &Waiting { group, close, base } in waiting {
        let near = query.by_length * walk.lengths[group];
        let (closer, slack) = dots::<S, COLUMNS, DETAIL, 2>(&planes.detail, group, query);
        let (mut about, mut upper, mut lower) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        for lane in 0..LANES {
            about[lane] = close[lane] + closer[lane] + base[lane];
        }
        for lane in 0..LANES {
            upper[lane] = about[lane] + (slack[lane] + near);
        }
        for lane in 0..LANES {
            // The base holds the rounding.
            lower[lane] = about[lane] - part * (slack[lane] + near) - twice;
        }
        let reaching = S::reaching(&upper, walk.threshold);
        S::append(reaching, (group * LANES) as u32, &upper, &lower, found);
    }
}

/// Dot products of the rounded query and a plane of a group, and how far the plane's rest can move them.
#[inline(always)]
fn dots<S: Sums, const COLUMNS: usize, const BITS: usize, const PER: usize>(
    plane: &Plane<BITS>,
    group: usize,
    query: &Query,
) -> ([f32; LANES], [f32; LANES]) {
    let (mut close, mut slack) = ([0.0; LANES], [0.0; LANES]);
    if let Some((halves, lines)) = plane.group::<COLUMNS>(group).split_last() {
        let sums = S::lines::<BITS, PER>(lines, query.words::<COLUMNS>());
        let (scales, rests) = S::split(halves);
        let twice = (2.0 * Plane::<BITS>::MIDDLE) as i32 * query.sum;
        let unit = 0.5 * query.unit;
        for lane in 0..LANES {
            close[lane] = (2 * sums[lane] - twice) as f32 * (scales[lane] * unit);
        }
        for lane in 0..LANES {
            slack[lane] = query.by_rest * rests[lane];
        }
    }
    (close, slack)
}

/// The definition.
struct Plain;

impl Sums for Plain {
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

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector instructions")]
mod x86 {
    //! Only the two forms name these types, in functions that they enter after the processor was asked: that is what the
    //! safety of every block below rests on.

    use std::arch::x86_64::*;
    use std::mem::transmute;

    use super::*;

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

    impl Sums for Vnni {
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
        fn append(mask: u32, first: u32, upper: &[f32; LANES], lower: &[f32; LANES], found: &mut Found) {
            let (Some(to_places), Some(to_upper), Some(to_lower)) = (
                found.places[found.n..].first_chunk_mut::<LANES>(),
                found.upper[found.n..].first_chunk_mut::<LANES>(),
                found.lower[found.n..].first_chunk_mut::<LANES>(),
            ) else {
                return;
            };
            // SAFETY: the processor has AVX-512F; sixteen numbers are readable and writable at each reference.
            unsafe {
                let mask = mask as u16;
                let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
                let places = _mm512_add_epi32(lanes, _mm512_set1_epi32(first as i32));
                let (upper, lower) = (_mm512_loadu_ps(upper.as_ptr()), _mm512_loadu_ps(lower.as_ptr()));
                // To a register first: to memory the instruction is slow.
                let places = _mm512_maskz_compress_epi32(mask, places);
                _mm512_storeu_si512(to_places.as_mut_ptr().cast(), places);
                _mm512_storeu_ps(to_upper.as_mut_ptr(), _mm512_maskz_compress_ps(mask, upper));
                _mm512_storeu_ps(to_lower.as_mut_ptr(), _mm512_maskz_compress_ps(mask, lower));
            }
            found.n += mask.count_ones() as usize;
        }
    }

    struct Avx2;

    impl Sums for Avx2 {
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
}
