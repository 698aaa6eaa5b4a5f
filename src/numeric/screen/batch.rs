//! The best `k` rows of a matrix for many queries, without computing most of the dot products exactly.
//!
//! Rows and queries are rounded to bytes once. A dot product of bytes costs a quarter of one of `f32`, and how far it can
//! be from the truth is known: with `x̂`, `q̂` the rounded vectors,
//! `|q·x − q̂·x̂| ≤ |q − q̂| |x| + |q̂| |x − x̂|` (Cauchy and Schwarz). What cannot reach the best `k` even with that much on top
//! is passed over; all else is computed by [`dot`], so that the outcome is exactly that of a full sort of exact scores.
//!
//! Rows go by falling length, so that the threshold is high early, and that all shorter rows are given up once
//! `|q| |x|` is below it.

use std::array::from_fn;
use std::cmp::Reverse;

use rayon::prelude::*;

use super::super::dot::dot;
use super::super::tile::LANES;
use super::super::top_k::TopK;
use super::{SLACK, round};

/// Rows whose bounds are looked at together.
const PAIR: usize = 2 * LANES;
/// Queries that share a look.
const QUERIES: usize = 8;
/// Bytes of rows that stay in the second cache while the queries of a block pass.
const STRIPE_BYTES: usize = 1 << 19;
/// Zero of the rows' bytes, which are unsigned, because the instruction multiplies unsigned by signed bytes.
const ZERO: i32 = 128;

/// Rows of a matrix, rounded to bytes for [`Self::best`].
#[derive(Clone, Debug)]
pub struct Screen<'a> {
    rows: &'a [f32],
    width: usize,
    /// The row at each place: by falling length, then by index.
    order: Vec<u32>,
    /// Sixteen places side by side, four columns of each in a word.
    codes: Vec<[[u8; 4]; LANES]>,
    /// By place: size of a byte's unit, length, and how far rounding moved the row. Padded with zeros to whole pairs.
    unit: Vec<f32>,
    length: Vec<f32>,
    moved: Vec<f32>,
}

/// One query, rounded.
struct Query<'a> {
    exact: &'a [f32],
    words: Vec<[i8; 4]>,
    /// What the rows' zero adds to each sum.
    shift: i32,
    unit: f32,
    length: f32,
    /// Factors of a row's length and of its move in the bound.
    by_length: f32,
    by_move: f32,
}

impl<'a> Screen<'a> {
    /// Rounds rows of `width` numbers.
    #[must_use]
    pub fn new(rows: &'a [f32], width: usize) -> Self {
        let n_rows = rows.len() / width.max(1);
        let row = |at: u32| &rows[at as usize * width..][..width];
        let lengths: Vec<f32> = (0..n_rows as u32)
            .into_par_iter()
            .map(|at| length(row(at)))
            .collect();
        let mut order: Vec<u32> = (0..n_rows as u32).collect();
        // Lengths are not negative, so that their bits are in the order of their values.
        order.par_sort_by_key(|&at| (Reverse(lengths[at as usize].to_bits()), at));
        let words = width.div_ceil(4);
        let places = n_rows.next_multiple_of(PAIR);
        let mut codes = vec![[[ZERO as u8; 4]; LANES]; places / LANES * words];
        let mut unit = vec![0.0; places];
        let mut moved = vec![0.0; places];
        codes
            .par_chunks_mut(words.max(1))
            .zip(unit.par_chunks_mut(LANES))
            .zip(moved.par_chunks_mut(LANES))
            .zip(order.par_chunks(LANES))
            .for_each_init(Vec::new, |rounded, (((codes, unit), moved), order)| {
                for (lane, &at) in order.iter().enumerate() {
                    (unit[lane], moved[lane]) = round(row(at), lengths[at as usize], rounded);
                    for (k, &code) in rounded.iter().enumerate() {
                        codes[k / 4][lane][k % 4] = (i32::from(code) + ZERO) as u8;
                    }
                }
            });
        let mut length = vec![0.0; places];
        for (length, &at) in length.iter_mut().zip(&order) {
            *length = lengths[at as usize];
        }
        Self {
            rows,
            width,
            order,
            codes,
            unit,
            length,
            moved,
        }
    }

    /// For each query, the best `k` rows of those that `keep` lets through (asked for query and row): dot product
    /// descending, then row ascending.
    ///
    /// # Panics
    /// When `queries` is not whole rows of the width.
    #[must_use]
    pub fn best(
        &self,
        queries: &[f32],
        k: usize,
        keep: impl Fn(usize, usize) -> bool,
    ) -> Vec<Vec<(u32, f32)>> {
        assert_eq!(queries.len() % self.width.max(1), 0, "whole queries");
        let queries: Vec<Query<'_>> = queries.chunks_exact(self.width.max(1)).map(Query::new).collect();
        let mut best: Vec<TopK> = queries.iter().map(|_| TopK::new(k)).collect();
        let words = self.width.div_ceil(4);
        let stripe = (STRIPE_BYTES / (4 * words).max(1)).next_multiple_of(PAIR);
        for first in (0..self.order.len()).step_by(stripe) {
            let places = first..(first + stripe).min(self.order.len());
            for (at, (queries, best)) in queries.chunks(QUERIES).zip(best.chunks_mut(QUERIES)).enumerate() {
                let keep = |query: usize, row: usize| keep(at * QUERIES + query, row);
                self.offer(places.clone(), queries, best, keep);
            }
        }
        best.into_iter().map(TopK::into_sorted).collect()
    }

    /// Offers a run of places to a few queries.
    fn offer(
        &self,
        places: std::ops::Range<usize>,
        queries: &[Query<'_>],
        best: &mut [TopK],
        keep: impl Fn(usize, usize) -> bool,
    ) {
        // A band with fewer queries repeats its last one, whose bounds nobody reads.
        let band: [&Query<'_>; QUERIES] = from_fn(|r| &queries[r.min(queries.len() - 1)]);
        let mut thresholds: [f32; QUERIES] = from_fn(|r| best[r.min(best.len() - 1)].threshold());
        for first in places.step_by(PAIR) {
            let longest = self.length[first] * SLACK;
            if band
                .iter()
                .zip(&thresholds)
                .all(|(query, &threshold)| query.length * longest < threshold)
            {
                return;
            }
            let masks = self.reachable(first, &band, &thresholds);
            for (r, (query, best)) in queries.iter().zip(&mut *best).enumerate() {
                let mut mask = masks[r];
                if mask == 0 {
                    continue;
                }
                while mask != 0 {
                    let place = first + mask.trailing_zeros() as usize;
                    mask &= mask - 1;
                    let Some(&row) = self.order.get(place) else { break };
                    if keep(r, row as usize) {
                        let exact = dot(&self.rows[row as usize * self.width..][..self.width], query.exact);
                        best.offer_unordered(row, exact);
                    }
                }
                thresholds[r] = best.settle();
            }
        }
    }

    /// Which of the pair of groups at `first` may reach each query's threshold, as bits.
    fn reachable(
        &self,
        first: usize,
        band: &[&Query<'_>; QUERIES],
        thresholds: &[f32; QUERIES],
    ) -> [u32; QUERIES] {
        #[cfg(target_arch = "x86_64")]
        if has_vnni() {
            #[expect(unsafe_code, reason = "calling code that needs vector instructions")]
            // SAFETY: the processor has AVX-512F and AVX-512 VNNI: it was asked in the line above.
            return unsafe { self.reachable_vnni(first, band, thresholds) };
        }
        self.reachable_plain(first, band, thresholds)
    }

    /// The bytes of the two groups at `first`.
    fn pair(&self, first: usize) -> [&[[[u8; 4]; LANES]]; 2] {
        let words = self.width.div_ceil(4);
        let codes = &self.codes[first / LANES * words..][..2 * words];
        [&codes[..words], &codes[words..]]
    }

    /// The definition.
    fn reachable_plain(
        &self,
        first: usize,
        band: &[&Query<'_>; QUERIES],
        thresholds: &[f32; QUERIES],
    ) -> [u32; QUERIES] {
        let [unit, length, moved] = [&self.unit, &self.length, &self.moved].map(|all| &all[first..][..PAIR]);
        let sums = sums_plain(self.pair(first), band);
        from_fn(|r| {
            let query = band[r];
            let mut mask = 0;
            for at in 0..PAIR {
                let near = (sums[r][at / LANES][at % LANES] as f32) * (query.unit * unit[at]);
                let bound = near + (query.by_length * length[at] + query.by_move * moved[at]);
                // A bound that left the range of numbers excludes nothing.
                let excluded = bound < thresholds[r];
                mask |= u32::from(!excluded) << at;
            }
            mask
        })
    }

    /// [`Self::reachable_plain`], a register at a time.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512vnni")]
    fn reachable_vnni(
        &self,
        first: usize,
        band: &[&Query<'_>; QUERIES],
        thresholds: &[f32; QUERIES],
    ) -> [u32; QUERIES] {
        use std::arch::x86_64::{
            _CMP_NLT_UQ, _mm512_add_ps, _mm512_cmp_ps_mask, _mm512_cvtepi32_ps, _mm512_fmadd_ps,
            _mm512_loadu_ps, _mm512_mul_ps, _mm512_set1_ps,
        };

        let sums = sums_vnni(self.pair(first), band);
        let [unit, length, moved] = [&self.unit, &self.length, &self.moved].map(|all| {
            let (pair, _) = all[first..][..PAIR].as_chunks::<LANES>();
            #[expect(unsafe_code, reason = "vector instructions")]
            // SAFETY: sixteen numbers are readable at each reference.
            from_fn::<_, 2, _>(|group| unsafe { _mm512_loadu_ps(pair[group].as_ptr()) })
        });
        let mut masks = [0; QUERIES];
        for (r, query) in band.iter().enumerate() {
            for group in 0..2 {
                let unit = _mm512_mul_ps(_mm512_set1_ps(query.unit), unit[group]);
                let by_length = _mm512_mul_ps(_mm512_set1_ps(query.by_length), length[group]);
                let slack = _mm512_fmadd_ps(_mm512_set1_ps(query.by_move), moved[group], by_length);
                let near = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[r][group]), unit);
                let bound = _mm512_add_ps(near, slack);
                let mask = _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(bound, _mm512_set1_ps(thresholds[r]));
                masks[r] |= u32::from(mask) << (group * LANES);
            }
        }
        masks
    }
}

impl<'a> Query<'a> {
    fn new(exact: &'a [f32]) -> Self {
        let mut codes = Vec::new();
        let length = length(exact);
        let (unit, moved) = round(exact, length, &mut codes);
        let shift = ZERO * codes.iter().map(|&code| i32::from(code)).sum::<i32>();
        codes.resize(exact.len().next_multiple_of(4), 0);
        let rounding = 2.0 * exact.len() as f32 * f32::EPSILON;
        Self {
            exact,
            words: codes.as_chunks().0.to_vec(),
            shift,
            unit,
            length,
            // The exact score is itself a rounded sum.
            by_length: SLACK * (moved + rounding * length),
            by_move: SLACK * (length + moved),
        }
    }
}

fn length(x: &[f32]) -> f32 {
    dot(x, x).sqrt()
}

/// The definition: dot products of the bytes of a few queries and two groups of rows.
fn sums_plain(codes: [&[[[u8; 4]; LANES]]; 2], band: &[&Query<'_>; QUERIES]) -> [[[i32; LANES]; 2]; QUERIES] {
    band.map(|query| {
        codes.map(|codes| {
            let mut sums = [-query.shift; LANES];
            for (codes, word) in codes.iter().zip(&query.words) {
                for (sum, code) in sums.iter_mut().zip(codes) {
                    for (&x, &q) in code.iter().zip(word) {
                        *sum += i32::from(x) * i32::from(q);
                    }
                }
            }
            sums
        })
    })
}

#[cfg(target_arch = "x86_64")]
fn has_vnni() -> bool {
    std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("avx512vnni")
}

/// [`sums_plain`], sixteen times four products an instruction.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vnni")]
#[inline]
fn sums_vnni(
    codes: [&[[[u8; 4]; LANES]]; 2],
    band: &[&Query<'_>; QUERIES],
) -> [[std::arch::x86_64::__m512i; 2]; QUERIES] {
    use std::arch::x86_64::{_mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_set1_epi32};

    let words = codes[0].len();
    let (first, second) = (&codes[0][..words], &codes[1][..words]);
    // Loops, because a closure given to `map` would be compiled without the vector unit.
    let mut queries: [&[[i8; 4]]; QUERIES] = [&[]; QUERIES];
    let mut sums = [[_mm512_set1_epi32(0); 2]; QUERIES];
    for ((sums, words_of), query) in sums.iter_mut().zip(&mut queries).zip(band) {
        *sums = [_mm512_set1_epi32(-query.shift); 2];
        *words_of = &query.words[..words];
    }
    for k in 0..words {
        #[expect(unsafe_code, reason = "vector instructions")]
        // SAFETY: sixteen words of four bytes are readable at the reference.
        let first = unsafe { _mm512_loadu_si512(first[k].as_ptr().cast()) };
        #[expect(unsafe_code, reason = "vector instructions")]
        // SAFETY: as above.
        let second = unsafe { _mm512_loadu_si512(second[k].as_ptr().cast()) };
        for (sums, query) in sums.iter_mut().zip(&queries) {
            let [a, b, c, d] = query[k];
            let word = i32::from_le_bytes([a as u8, b as u8, c as u8, d as u8]);
            let query = _mm512_set1_epi32(word);
            sums[0] = _mm512_dpbusd_epi32(sums[0], first, query);
            sums[1] = _mm512_dpbusd_epi32(sums[1], second, query);
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_head_of_a_full_sort_of_exact_scores(
            width in 1usize..40, n in 0usize..200, m in 0usize..20, k in 0usize..30, masked in 2usize..6,
            seed in 0u32..99, steps in prop_oneof![Just(2.0f32), Just(1000.0)],
        ) {
            // Few steps: ties are the rule.
            let number = |k: usize| (((k as u32 * 7919 + seed * 31) % 1009) as f32 / 504.5 * steps).round() / steps - 1.0;
            let rows: Vec<f32> = (0..n * width).map(number).collect();
            let queries: Vec<f32> = (0..m * width).map(|k| 10.0 * number(k + 17)).collect();
            let keep = |query: usize, row: usize| (row + query) % masked != 1;
            let found = Screen::new(&rows, width).best(&queries, k, keep);
            prop_assert_eq!(found.len(), m);
            for (at, (found, query)) in found.iter().zip(queries.chunks_exact(width)).enumerate() {
                let scores: Vec<f32> = rows.chunks_exact(width).map(|row| dot(row, query)).collect();
                prop_assert_eq!(found, &crate::numeric::top_k(&scores, k, |row| keep(at, row)));
            }
        }

        #[test]
        fn every_form_lets_through_all_that_may_reach_the_threshold(width in 1usize..90, seed in 0u32..99) {
            let number = |k: usize| ((k as u32 * 7919 + seed * 31) % 1009) as f32 / 504.5 - 1.0;
            let rows: Vec<f32> = (0..PAIR * width).map(number).collect();
            let queries: Vec<f32> = (0..QUERIES * width).map(|k| number(k + 17)).collect();
            let screen = Screen::new(&rows, width);
            let queries: Vec<Query<'_>> = queries.chunks_exact(width).map(Query::new).collect();
            let band: [&Query<'_>; QUERIES] = from_fn(|r| &queries[r]);
            let exact = |query: &Query<'_>, place: usize| {
                dot(&rows[screen.order[place] as usize * width..][..width], query.exact)
            };
            // What the middle place has, so that about half must pass.
            let thresholds = band.map(|query| exact(query, PAIR / 2));
            for masks in [screen.reachable_plain(0, &band, &thresholds), screen.reachable(0, &band, &thresholds)] {
                for (r, query) in queries.iter().enumerate() {
                    for place in 0..PAIR {
                        let passed = masks[r] >> place & 1 == 1;
                        let slack = query.by_length * screen.length[place] + query.by_move * screen.moved[place];
                        let exact = exact(query, place);
                        prop_assert!(passed || exact < thresholds[r], "{exact} {}", thresholds[r]);
                        prop_assert!(!passed || exact + 2.01 * slack >= thresholds[r], "{exact} {}", thresholds[r]);
                    }
                }
            }
        }
    }

    #[test]
    fn rows_and_queries_of_zero_and_extreme_size_have_their_scores() {
        let rows = [0.0, 0.0, 1e-30, 0.0, 1e18, -1e18, 1e-42, 0.0];
        let found = Screen::new(&rows, 2).best(&[0.0, 0.0, 1e18, 1e17], 3, |_, _| true);
        assert_eq!(found[0], [(0, 0.0), (1, 0.0), (2, 0.0)]);
        assert_eq!(found[1].iter().map(|best| best.0).collect::<Vec<_>>(), [2, 1, 3]);
    }
}
