//! Sixteen numbers that are computed together: one AVX-512 register, two AVX registers, or an array.
//!
//! The array is the definition. The other two exist because the compiler, given the array's loops, does not keep a whole
//! tile of sums in registers.

use super::tile::LANES;

/// [`LANES`] numbers of `f32`.
pub(super) trait Vector: Copy {
    /// Whether [`Self::madd`] rounds once.
    const FUSED: bool;
    /// Whether there are registers for two vectors of columns beside one another.
    const PAIRS: bool;
    /// All zero.
    const ZERO: Self;
    /// The numbers of a slice.
    fn load(from: &[f32; LANES]) -> Self;
    /// The whole numbers of a slice.
    fn load_whole(from: &[i16; LANES]) -> Self;
    /// `a · b + c` in every lane.
    fn madd(a: f32, b: Self, c: Self) -> Self;
    /// `a · b + c`, lane by lane.
    fn fused(a: Self, b: Self, c: Self) -> Self;
    /// The sum of four vectors' lanes, each: upper halves are added to lower ones, the same bits on every machine.
    #[inline(always)]
    fn sum_four(vectors: [Self; 4]) -> [f32; 4] {
        vectors.map(|vector| {
            let mut lanes = vector.store();
            let mut width = LANES / 2;
            while width > 0 {
                for lane in 0..width {
                    lanes[lane] += lanes[lane + width];
                }
                width /= 2;
            }
            lanes[0]
        })
    }
    /// The sum of each vector's lanes; `N` is a multiple of four.
    #[inline(always)]
    fn sums<const N: usize>(vectors: [Self; N]) -> [f32; N] {
        let mut out = [0.0; N];
        for (vectors, out) in vectors.as_chunks::<4>().0.iter().zip(out.as_chunks_mut::<4>().0) {
            *out = Self::sum_four(*vectors);
        }
        out
    }
    /// The numbers as an array.
    fn store(self) -> [f32; LANES];
}

/// `a · b + c`, in one rounding where that is one instruction.
#[inline(always)]
pub(super) fn madd<V: Vector>(a: f32, b: f32, c: f32) -> f32 {
    // Without the instruction `mul_add` is a slow library call.
    if V::FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// The definition, for every processor.
#[derive(Clone, Copy)]
pub(super) struct Plain([f32; LANES]);

impl Vector for Plain {
    const FUSED: bool = false;
    const PAIRS: bool = false;
    const ZERO: Self = Self([0.0; LANES]);

    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Self {
        Self(*from)
    }

    #[inline(always)]
    fn load_whole(from: &[i16; LANES]) -> Self {
        Self(from.map(f32::from))
    }

    #[inline(always)]
    fn madd(a: f32, b: Self, mut c: Self) -> Self {
        for (c, b) in c.0.iter_mut().zip(b.0) {
            *c += a * b;
        }
        c
    }

    #[inline(always)]
    fn fused(a: Self, b: Self, mut c: Self) -> Self {
        for ((c, a), b) in c.0.iter_mut().zip(a.0).zip(b.0) {
            *c += a * b;
        }
        c
    }

    #[inline(always)]
    fn store(self) -> [f32; LANES] {
        self.0
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Middle, Wide};

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector instructions")]
mod x86 {
    //! Only `dispatch` names these types, in functions that it enters after it has asked the processor: that is what
    //! the safety of every block below rests on.

    use std::arch::x86_64::*;
    use std::mem::transmute;

    use super::{LANES, Vector};

    /// One AVX-512 register.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Wide(__m512);

    impl Vector for Wide {
        const FUSED: bool = true;
        const PAIRS: bool = true;
        // SAFETY: sixteen f32 and a 512-bit vector of f32 are the same 64 bytes, and all bit patterns are numbers.
        const ZERO: Self = Self(unsafe { transmute::<[f32; LANES], __m512>([0.0; LANES]) });

        #[inline(always)]
        fn load(from: &[f32; LANES]) -> Self {
            // SAFETY: sixteen numbers are readable at the reference; the processor has AVX-512F.
            Self(unsafe { _mm512_loadu_ps(from.as_ptr()) })
        }

        #[inline(always)]
        fn load_whole(from: &[i16; LANES]) -> Self {
            // SAFETY: sixteen numbers of 16 bits, 32 bytes, are readable at the reference; the processor has AVX.
            let narrow = unsafe { _mm256_loadu_si256(from.as_ptr().cast()) };
            // SAFETY: the processor has AVX-512F.
            Self(unsafe { _mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(narrow)) })
        }

        #[inline(always)]
        fn madd(a: f32, b: Self, c: Self) -> Self {
            // SAFETY: the processor has AVX-512F.
            Self(unsafe { _mm512_fmadd_ps(_mm512_set1_ps(a), b.0, c.0) })
        }

        #[inline(always)]
        fn fused(a: Self, b: Self, c: Self) -> Self {
            // SAFETY: the processor has AVX-512F.
            Self(unsafe { _mm512_fmadd_ps(a.0, b.0, c.0) })
        }

        #[inline(always)]
        fn sum_four([a, b, c, d]: [Self; 4]) -> [f32; 4] {
            // Upper halves are added to lower ones, of two vectors, of four, within each four, and within each two.
            // SAFETY: the processor has AVX-512F, and every operation below is one of its.
            let all = unsafe {
                let low = _mm512_shuffle_f32x4::<0b01_00_01_00>(a.0, b.0);
                let ab = _mm512_add_ps(low, _mm512_shuffle_f32x4::<0b11_10_11_10>(a.0, b.0));
                let low = _mm512_shuffle_f32x4::<0b01_00_01_00>(c.0, d.0);
                let cd = _mm512_add_ps(low, _mm512_shuffle_f32x4::<0b11_10_11_10>(c.0, d.0));
                let low = _mm512_shuffle_f32x4::<0b10_00_10_00>(ab, cd);
                let all = _mm512_add_ps(low, _mm512_shuffle_f32x4::<0b11_01_11_01>(ab, cd));
                let all = _mm512_add_ps(all, _mm512_permute_ps::<0b11_10_11_10>(all));
                let all = _mm512_add_ps(all, _mm512_permute_ps::<0b01_01_01_01>(all));
                let first = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
                _mm512_castps512_ps128(_mm512_permutexvar_ps(first, all))
            };
            // SAFETY: a 128-bit vector of f32 and four f32 are the same 16 bytes.
            unsafe { transmute::<__m128, [f32; 4]>(all) }
        }

        #[inline(always)]
        fn store(self) -> [f32; LANES] {
            // SAFETY: a 512-bit vector of f32 and sixteen f32 are the same 64 bytes.
            unsafe { transmute::<__m512, [f32; LANES]>(self.0) }
        }
    }

    /// Two AVX registers.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Middle([__m256; 2]);

    impl Vector for Middle {
        const FUSED: bool = true;
        const PAIRS: bool = false;
        // SAFETY: sixteen f32 and two 256-bit vectors of f32 are the same 64 bytes, and all bit patterns are numbers.
        const ZERO: Self = Self(unsafe { transmute::<[f32; LANES], [__m256; 2]>([0.0; LANES]) });

        #[inline(always)]
        fn load(from: &[f32; LANES]) -> Self {
            let (low, high) = from.split_at(LANES / 2);
            // SAFETY: eight numbers are readable at each half; the processor has AVX.
            Self(unsafe { [_mm256_loadu_ps(low.as_ptr()), _mm256_loadu_ps(high.as_ptr())] })
        }

        #[inline(always)]
        fn load_whole(from: &[i16; LANES]) -> Self {
            let (low, high) = from.split_at(LANES / 2);
            // SAFETY: eight numbers of 16 bits, 16 bytes, are readable at each half; the processor has SSE2.
            let narrow = unsafe {
                [
                    _mm_loadu_si128(low.as_ptr().cast()),
                    _mm_loadu_si128(high.as_ptr().cast()),
                ]
            };
            // SAFETY: the processor has AVX2.
            Self(unsafe {
                [
                    _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(narrow[0])),
                    _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(narrow[1])),
                ]
            })
        }

        #[inline(always)]
        fn madd(a: f32, b: Self, c: Self) -> Self {
            // SAFETY: the processor has AVX.
            let a = unsafe { _mm256_set1_ps(a) };
            // SAFETY: the processor has FMA.
            Self(unsafe {
                [
                    _mm256_fmadd_ps(a, b.0[0], c.0[0]),
                    _mm256_fmadd_ps(a, b.0[1], c.0[1]),
                ]
            })
        }

        #[inline(always)]
        fn fused(a: Self, b: Self, c: Self) -> Self {
            // SAFETY: the processor has FMA.
            Self(unsafe {
                [
                    _mm256_fmadd_ps(a.0[0], b.0[0], c.0[0]),
                    _mm256_fmadd_ps(a.0[1], b.0[1], c.0[1]),
                ]
            })
        }

        #[inline(always)]
        fn store(self) -> [f32; LANES] {
            // SAFETY: two 256-bit vectors of f32 and sixteen f32 are the same 64 bytes.
            unsafe { transmute::<[__m256; 2], [f32; LANES]>(self.0) }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tile::tile;
    use super::*;

    /// Depth-major operands of 8 and 16 columns, and the sums of their products.
    fn exact(a: &[f32], b: &[f32], row: usize, lane: usize) -> (f64, f64) {
        let products = a
            .chunks(8)
            .zip(b.chunks(LANES))
            .map(|(a, b)| f64::from(a[row]) * f64::from(b[lane]));
        products.fold((0.0, 0.0), |(sum, magnitude), product| {
            (sum + product, magnitude + product.abs())
        })
    }

    #[inline(always)]
    fn tile_body<V: Vector, const ROWS: usize>(a: &[f32], b: &[f32]) -> Vec<[f32; LANES]> {
        (0..8)
            .step_by(ROWS)
            .flat_map(|row| tile::<V, ROWS>(&a[row..], 8, b, LANES))
            .collect()
    }

    /// What each form that this machine can run makes of a tile.
    fn every_form(a: &[f32], b: &[f32]) -> Vec<Vec<[f32; LANES]>> {
        let mut found = vec![tile_body::<Plain, 4>(a, b)];
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f,avx2,fma")]
            fn wide(a: &[f32], b: &[f32]) -> Vec<[f32; LANES]> {
                tile_body::<Wide, 8>(a, b)
            }
            #[target_feature(enable = "avx2,fma")]
            fn middle(a: &[f32], b: &[f32]) -> Vec<[f32; LANES]> {
                tile_body::<Middle, 4>(a, b)
            }
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                #[expect(unsafe_code, reason = "calling code that needs vector instructions")]
                // SAFETY: the processor has AVX2 and FMA.
                found.push(unsafe { middle(a, b) });
                if std::arch::is_x86_feature_detected!("avx512f") {
                    #[expect(unsafe_code, reason = "calling code that needs vector instructions")]
                    // SAFETY: the processor has AVX-512F, AVX2 and FMA.
                    found.push(unsafe { wide(a, b) });
                }
            }
        }
        found
    }

    #[inline(always)]
    fn sums_body<V: Vector, const ROWS: usize>(a: &[f32], b: &[f32]) -> Vec<f32> {
        let vectors =
            |from: &[f32]| -> [V; 4] { std::array::from_fn(|k| V::load(&from.as_chunks::<LANES>().0[k])) };
        let (a, b) = (vectors(a), vectors(b));
        V::sums(std::array::from_fn::<V, 4, _>(|k| V::fused(a[k], b[k], a[k]))).to_vec()
    }

    fn dispatched_sums(a: &[f32], b: &[f32]) -> Vec<f32> {
        super::super::dispatch::dispatch!(sums_body(a: &[f32], b: &[f32]) -> Vec<f32>)
    }

    #[test]
    fn lanes_are_summed_vector_by_vector() {
        let number = |at: usize| ((at * 7919) % 1000) as f32 / 500.0 - 1.0;
        let a: Vec<f32> = (0..4 * LANES).map(number).collect();
        let b: Vec<f32> = (0..4 * LANES).map(|at| number(at + 17)).collect();
        let mut found = vec![dispatched_sums(&a, &b), sums_body::<Plain, 4>(&a, &b)];
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            #[target_feature(enable = "avx2,fma")]
            fn middle(a: &[f32], b: &[f32]) -> Vec<f32> {
                sums_body::<Middle, 4>(a, b)
            }
            #[expect(unsafe_code, reason = "calling code that needs vector instructions")]
            // SAFETY: the processor has AVX2 and FMA.
            found.push(unsafe { middle(&a, &b) });
        }
        // The sums of one and the same vectors; what they are made of is fused on some machines alone.
        let bits = |found: &Vec<f32>| found.iter().map(|sum| sum.to_bits()).collect::<Vec<_>>();
        let of_a = |body: fn(&[f32], &[f32]) -> Vec<f32>| bits(&body(&a, &vec![0.0; 4 * LANES]));
        assert_eq!(of_a(dispatched_sums), of_a(sums_body::<Plain, 4>));
        for found in found {
            for (k, sum) in found.iter().enumerate() {
                let lanes = k * LANES..(k + 1) * LANES;
                let exact: f64 = lanes.map(|at| f64::from(a[at]) * (f64::from(b[at]) + 1.0)).sum();
                assert!((f64::from(*sum) - exact).abs() < 1e-5, "{k}: {sum} {exact}");
            }
        }
    }

    #[inline(always)]
    fn whole_body<V: Vector, const ROWS: usize>(from: &[i16; LANES]) -> [f32; LANES] {
        V::load_whole(from).store()
    }

    fn dispatched_whole(from: &[i16; LANES]) -> [f32; LANES] {
        super::super::dispatch::dispatch!(whole_body(from: &[i16; LANES]) -> [f32; LANES])
    }

    #[test]
    fn whole_numbers_stay_what_they_are() {
        let from: [i16; LANES] = std::array::from_fn(|k| (k as i32 * 4369 - 32_768) as i16);
        let mut found = vec![dispatched_whole(&from), whole_body::<Plain, 4>(&from)];
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            #[target_feature(enable = "avx2,fma")]
            fn middle(from: &[i16; LANES]) -> [f32; LANES] {
                whole_body::<Middle, 4>(from)
            }
            #[expect(unsafe_code, reason = "calling code that needs vector instructions")]
            // SAFETY: the processor has AVX2 and FMA.
            found.push(unsafe { middle(&from) });
        }
        for found in found {
            assert_eq!(found.map(|x| x as i16), from);
        }
    }

    proptest! {
        #[test]
        fn every_form_agrees_with_f64(depth in 1usize..60, seed in 0u32..1000) {
            let number = |at: usize| ((at as u32 * 7919 + seed * 31) % 1000) as f32 / 500.0 - 1.0;
            let a: Vec<f32> = (0..depth * 8).map(number).collect();
            let b: Vec<f32> = (0..depth * LANES).map(|at| number(at + 17)).collect();
            for sums in every_form(&a, &b) {
                prop_assert_eq!(sums.len(), 8);
                for (row, sums) in sums.iter().enumerate() {
                    for (lane, &sum) in sums.iter().enumerate() {
                        let (exact, magnitude) = exact(&a, &b, row, lane);
                        // Rounding of a sum of n products is below n · ε · Σ |product|.
                        let bound = depth as f64 * f64::from(f32::EPSILON) * magnitude;
                        prop_assert!((f64::from(sum) - exact).abs() <= bound, "{} {}", sum, exact);
                    }
                }
            }
        }
    }
}
