//! One source, three machines: picks the widest compiled form of a kernel that the processor can run.

/// Calls a kernel body compiled for the widest vector unit at hand.
///
/// The body is an `#[inline(always)]` function generic over the vector it computes with and `ROWS`
/// (rows of a register tile: as many as the registers of that unit hold).
macro_rules! dispatch {
    ($body:ident($($argument:ident: $type:ty),* $(,)?) $(-> $output:ty)?) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f,avx2,fma")]
            fn wide($($argument: $type),*) $(-> $output)? {
                $body::<$crate::numeric::vector::Wide, 8>($($argument),*)
            }
            #[target_feature(enable = "avx2,fma")]
            fn middle($($argument: $type),*) $(-> $output)? {
                $body::<$crate::numeric::vector::Middle, 4>($($argument),*)
            }
            let fused = std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
            if fused && std::arch::is_x86_feature_detected!("avx512f") {
                #[expect(unsafe_code, reason = "calling code that needs vector instructions")]
                // SAFETY: the processor has AVX-512F, AVX2 and FMA: it was asked in the lines above.
                return unsafe { wide($($argument),*) };
            }
            if fused {
                #[expect(unsafe_code, reason = "calling code that needs vector instructions")]
                // SAFETY: the processor has AVX2 and FMA: it was asked in the lines above.
                return unsafe { middle($($argument),*) };
            }
        }
        $body::<$crate::numeric::vector::Plain, 4>($($argument),*)
    }};
}

pub(super) use dispatch;
