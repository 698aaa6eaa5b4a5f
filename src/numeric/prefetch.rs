//! Asking for memory before it is read.

/// Asks for the memory of a slice that will soon be read. Changes nothing but how long the reading takes.
#[inline(always)]
pub fn prefetch<T>(slice: &[T]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

        /// Bytes that come together.
        const LINE: usize = 64;
        let first = slice.as_ptr().cast::<i8>();
        for at in (0..size_of_val(slice)).step_by(LINE) {
            #[expect(unsafe_code, reason = "a hint to the processor")]
            // SAFETY: the place is within the slice; a prefetch reads nothing, and every processor of this architecture has it.
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(first.add(at));
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = slice;
}
