//! Eigenvalues and eigenvectors of a real symmetric matrix.
//!
//! Householder reflections make the matrix tridiagonal, implicit QL with Wilkinson's shift makes it diagonal; the
//! rotations are written down and then applied to all columns side by side, while the next ones are found.
//!
//! # Source
//! Golub and Van Loan, Matrix Computations, 4th ed., 8.3; Wilkinson and Reinsch, Handbook for Automatic Computation II.

use rayon::prelude::*;

use super::dispatch::dispatch;
use super::vector::Vector;

/// Columns that are rotated together: all their rows stay in the first cache.
const STRIP: usize = 16;

/// Eigenvalues, descending, and as many rows of eigenvectors.
#[derive(Clone, Debug)]
pub struct Eigen {
    /// Descending.
    pub values: Vec<f64>,
    /// Row `i` is the unit eigenvector of `values[i]`; its largest component (the first of equals) is positive.
    pub vectors: Vec<f64>,
}

/// A step of QL: rows `at` and `at + 1` turn by the angle with this cosine and sine.
struct Rotation {
    at: usize,
    cosine: f64,
    sine: f64,
}

/// Householder form: `A = Q T Qᵀ` with `Q = H₀ H₁ …` and `H_k = I − scale_k v_k v_kᵀ`.
struct Tridiagonal {
    diagonal: Vec<f64>,
    /// Below the diagonal, with one unused place at the end.
    beside: Vec<f64>,
    /// `v_k`, whose first `k + 1` places are zero and left out, and its scale.
    reflections: Vec<(Vec<f64>, f64)>,
}

/// The eigenvalues and eigenvectors of the symmetric `n × n` matrix `a`.
///
/// # Panics
/// When `a` is not `n × n`.
///
/// # Determinism
/// Rows are shared among threads in blocks that depend on `n` alone, whose sums are added in order; each strip of columns is
/// turned by one thread.
#[must_use]
pub fn symmetric_eigen(a: &[f64], n: usize) -> Eigen {
    assert_eq!(a.len(), n * n, "a square matrix");
    // With entries up to one, squares neither overflow nor, where they matter, underflow.
    let largest = a.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    let unit = if largest > 0.0 { largest } else { 1.0 };
    let Tridiagonal {
        mut diagonal,
        mut beside,
        reflections,
    } = tridiagonal(a.iter().map(|x| x / unit).collect(), n);
    let mut rows = turned_identity(Sweeps::new(&mut diagonal, &mut beside), n);
    rows.par_iter_mut().for_each(|row| {
        reflect(row, &reflections);
        let largest = row.iter().fold(
            0.0f64,
            |largest, &x| if x.abs() > largest.abs() { x } else { largest },
        );
        if largest < 0.0 {
            row.iter_mut().for_each(|x| *x = -*x);
        }
    });
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| diagonal[j].total_cmp(&diagonal[i]).then(i.cmp(&j)));
    let mut vectors = Vec::with_capacity(n * n);
    for &i in &order {
        vectors.extend_from_slice(&rows[i]);
    }
    Eigen {
        values: order.iter().map(|&i| diagonal[i] * unit).collect(),
        vectors,
    }
}

/// A change of the matrix that is due: `A − v wᵀ − w vᵀ`, for the rows and columns from some place on.
struct Due {
    v: Vec<f64>,
    w: Vec<f64>,
}

/// Makes the matrix tridiagonal. Of its two equal halves the upper one is kept, and each number is read once a step: what the
/// last reflection changes and the product with the next one are one pass.
fn tridiagonal(mut a: Vec<f64>, n: usize) -> Tridiagonal {
    /// Entries of whole rows that a thread takes at once: fewer cost less than waking it.
    const SHARE: usize = 1 << 15;
    // What is smaller by this much than the largest entry is rounding of rounding; squared, it would underflow.
    let negligible = 1e-32 * a.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    let (mut diagonal, mut beside) = (vec![0.0; n], vec![0.0; n]);
    let mut reflections = Vec::with_capacity(n.saturating_sub(2));
    let mut due = Due {
        v: vec![0.0; n],
        w: vec![0.0; n],
    };
    for k in 0..n {
        let size = n - k - 1;
        let (row, below) = a[k * n..].split_at_mut(n);
        for ((a, v), w) in row[k..].iter_mut().zip(&due.v).zip(&due.w) {
            *a -= due.v[0] * w + due.w[0] * v;
        }
        diagonal[k] = row[k];
        let mut v: Vec<f64> = row[k + 1..].to_vec();
        if size == 1 {
            beside[k] = v[0];
        }
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let mut scale = 0.0;
        if size < 2 || norm <= negligible {
            v.fill(0.0);
        } else {
            let alpha = if v[0] > 0.0 { -norm } else { norm };
            beside[k] = alpha;
            v[0] -= alpha;
            let square: f64 = v.iter().map(|x| x * x).sum();
            scale = if square > 0.0 { 2.0 / square } else { 0.0 };
        }
        let rest = Due {
            v: due.v.split_off(1),
            w: due.w.split_off(1),
        };
        // w = s A v − (s² vᵀA v / 2) v makes H A H = A − v wᵀ − w vᵀ.
        let mut w = vec![0.0; size];
        let share = SHARE.div_ceil(size.max(1));
        if share >= size {
            change(below, &rest, 0, &v, n, &mut w);
        } else {
            let parts: Vec<Vec<f64>> = below
                .par_chunks_mut(share * n)
                .enumerate()
                .map(|(at, rows)| {
                    let mut part = vec![0.0; size];
                    change(rows, &rest, at * share, &v, n, &mut part);
                    part
                })
                .collect();
            for part in parts {
                w.iter_mut().zip(part).for_each(|(w, part)| *w += part);
            }
        }
        for w in &mut w {
            *w *= scale;
        }
        let along = 0.5 * scale * w.iter().zip(&v).map(|(w, v)| w * v).sum::<f64>();
        for (w, v) in w.iter_mut().zip(&v) {
            *w -= along * v;
        }
        if size >= 2 {
            reflections.push((v.clone(), scale));
        }
        due = Due { v, w };
    }
    Tridiagonal {
        diagonal,
        beside,
        reflections,
    }
}

/// Changes rows of `n` numbers from the diagonal on, of which the first is row `first` of the change, and adds what they and their
/// mirror images contribute to the product with `next`.
fn change(rows: &mut [f64], due: &Due, first: usize, next: &[f64], n: usize, product: &mut [f64]) {
    dispatch!(change_body(rows: &mut [f64], due: &Due, first: usize, next: &[f64], n: usize, product: &mut [f64]));
}

#[inline(always)]
fn change_body<V: Vector, const ROWS: usize>(
    rows: &mut [f64],
    due: &Due,
    first: usize,
    next: &[f64],
    n: usize,
    product: &mut [f64],
) {
    let size = due.v.len();
    for (i, row) in (first..).zip(rows.chunks_exact_mut(n)) {
        let (v_i, w_i, next_i) = (due.v[i], due.w[i], next[i]);
        let row = &mut row[n - size + i..];
        row[0] -= 2.0 * v_i * w_i;
        let mut sum = row[0] * next_i;
        let (row, row_rest) = row[1..].as_chunks_mut::<8>();
        let (v, v_rest) = due.v[i + 1..].as_chunks::<8>();
        let (w, w_rest) = due.w[i + 1..].as_chunks::<8>();
        let (next, next_rest) = next[i + 1..].as_chunks::<8>();
        let (mirrored, mirrored_rest) = product[i + 1..].as_chunks_mut::<8>();
        let mut sums = [0.0; 8];
        for ((((a, v), w), next), mirrored) in row.iter_mut().zip(v).zip(w).zip(next).zip(mirrored) {
            // A copy, because the compiler keeps no vector of what it must write back number by number.
            let mut changed = *a;
            for lane in 0..8 {
                changed[lane] -= v_i * w[lane] + w_i * v[lane];
            }
            *a = changed;
            let mut added = *mirrored;
            for lane in 0..8 {
                sums[lane] += changed[lane] * next[lane];
                added[lane] += changed[lane] * next_i;
            }
            *mirrored = added;
        }
        let rest = row_rest.iter_mut().zip(v_rest).zip(w_rest).zip(next_rest);
        for ((((a, v), w), next), mirrored) in rest.zip(mirrored_rest) {
            *a -= v_i * w + w_i * v;
            sum += *a * next;
            *mirrored += *a * next_i;
        }
        product[i] += sum + sums.iter().sum::<f64>();
    }
}

/// A dot product in eight sums, added up in one order on every machine.
#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    rest + sums.iter().sum::<f64>()
}

/// Applies `H₀ H₁ …` to a row.
fn reflect(row: &mut [f64], reflections: &[(Vec<f64>, f64)]) {
    dispatch!(reflect_body(row: &mut [f64], reflections: &[(Vec<f64>, f64)]));
}

#[inline(always)]
fn reflect_body<V: Vector, const ROWS: usize>(row: &mut [f64], reflections: &[(Vec<f64>, f64)]) {
    for (k, (v, scale)) in reflections.iter().enumerate().rev() {
        let part = &mut row[k + 1..];
        let along = scale * dot(part, v);
        for (x, v) in part.iter_mut().zip(v) {
            *x -= along * v;
        }
    }
}

/// QL: makes a tridiagonal matrix diagonal, one sweep after another.
struct Sweeps<'a> {
    diagonal: &'a mut [f64],
    beside: &'a mut [f64],
    negligible: f64,
    /// Eigenvalues that are found.
    low: usize,
    /// Sweeps for the next one.
    tries: usize,
}

impl<'a> Sweeps<'a> {
    /// QL needs about two sweeps for an eigenvalue; thirty have never been seen for finite input.
    const MOST: usize = 60;
    /// Rotations that are applied together: enough to pay for sharing them among threads, and few enough that they stay
    /// in the second cache, and that the next ones are found meanwhile.
    const SHARE: usize = 4_096;

    fn new(diagonal: &'a mut [f64], beside: &'a mut [f64]) -> Self {
        let entries = diagonal.iter().chain(beside.iter());
        Self {
            negligible: 1e-32 * entries.fold(0.0f64, |largest, x| largest.max(x.abs())),
            diagonal,
            beside,
            low: 0,
            tries: 0,
        }
    }

    /// Writes the next rotations over `due`; none: the matrix is diagonal.
    fn next(&mut self, due: &mut Vec<Rotation>) {
        due.clear();
        while self.low < self.diagonal.len() && due.len() < Self::SHARE {
            let high = self.high();
            if high == self.low || self.tries == Self::MOST {
                self.low += 1;
                self.tries = 0;
                continue;
            }
            self.sweep(high, due);
            self.tries += 1;
        }
    }

    /// The last row of the part that is not yet split from the next eigenvalue.
    fn high(&self) -> usize {
        let (d, e) = (&*self.diagonal, &*self.beside);
        let is_split =
            |&i: &usize| e[i].abs() <= (f64::EPSILON * (d[i].abs() + d[i + 1].abs())).max(self.negligible);
        let last = d.len() - 1;
        (self.low..last).find(is_split).unwrap_or(last)
    }

    fn sweep(&mut self, high: usize, due: &mut Vec<Rotation>) {
        let (d, e, low) = (&mut *self.diagonal, &mut *self.beside, self.low);
        let half = (d[low + 1] - d[low]) / (2.0 * e[low]);
        let mut g = d[high] - d[low] + e[low] / (half + half.hypot(1.0).copysign(half));
        let (mut sine, mut cosine, mut shift) = (1.0, 1.0, 0.0);
        let mut split = None;
        for i in (low..high).rev() {
            let (f, b) = (sine * e[i], cosine * e[i]);
            let radius = (f * f + g * g).sqrt();
            e[i + 1] = radius;
            if radius <= 0.0 {
                split = Some(i);
                break;
            }
            (sine, cosine) = (f / radius, g / radius);
            g = d[i + 1] - shift;
            let r = (d[i] - g) * sine + 2.0 * cosine * b;
            shift = sine * r;
            d[i + 1] = g + shift;
            g = cosine * r - b;
            due.push(Rotation { at: i, cosine, sine });
        }
        match split {
            Some(i) => d[i + 1] -= shift,
            None => {
                d[low] -= shift;
                e[low] = g;
            }
        }
        e[high] = 0.0;
    }
}

/// The rows of the identity, turned by the rotations of all sweeps: while some are applied, the next are found.
fn turned_identity(mut sweeps: Sweeps<'_>, n: usize) -> Vec<Vec<f64>> {
    // A strip of columns each: strips do not touch one another.
    let strip = |strip| {
        let mut rows = vec![[0.0; STRIP]; n];
        for (lane, row) in rows.iter_mut().skip(strip * STRIP).take(STRIP).enumerate() {
            row[lane] = 1.0;
        }
        rows
    };
    let mut strips: Vec<Vec<[f64; STRIP]>> = (0..n.div_ceil(STRIP)).map(strip).collect();
    let (mut due, mut ahead) = (Vec::new(), Vec::new());
    sweeps.next(&mut due);
    while !due.is_empty() {
        rayon::join(
            || strips.par_iter_mut().for_each(|rows| rotate(rows, &due)),
            || sweeps.next(&mut ahead),
        );
        std::mem::swap(&mut due, &mut ahead);
    }
    let whole = |row: usize| {
        let mut whole = Vec::with_capacity(n.next_multiple_of(STRIP));
        for strip in &strips {
            whole.extend_from_slice(&strip[row]);
        }
        whole.truncate(n);
        whole
    };
    (0..n).map(whole).collect()
}

fn rotate(rows: &mut [[f64; STRIP]], rotations: &[Rotation]) {
    dispatch!(rotate_body(rows: &mut [[f64; STRIP]], rotations: &[Rotation]));
}

#[inline(always)]
fn rotate_body<V: Vector, const ROWS: usize>(rows: &mut [[f64; STRIP]], rotations: &[Rotation]) {
    // A sweep climbs: the upper row of a rotation is the lower one of the next, and stays in registers until then.
    let Some(first) = rotations.first() else { return };
    let mut place = first.at + 1;
    let mut held = rows[place];
    for &Rotation { at, cosine, sine } in rotations {
        if place != at + 1 {
            rows[place] = held;
            place = at + 1;
            held = rows[place];
        }
        let upper = rows[at];
        let lower = &mut rows[place];
        for lane in 0..STRIP {
            lower[lane] = sine * upper[lane] + cosine * held[lane];
            held[lane] = cosine * upper[lane] - sine * held[lane];
        }
        place = at;
    }
    rows[place] = held;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gram_of(n: usize, rank: usize, seed: u32) -> Vec<f64> {
        let number = |k: usize| ((k as u32 * 7919 + seed * 313) % 1009) as f32 / 504.5 - 1.0;
        super::super::gram_plain(&(0..n * rank).map(number).collect::<Vec<_>>(), n)
    }

    fn assert_rebuilds(a: &[f64], n: usize) {
        let Eigen { values, vectors } = symmetric_eigen(a, n);
        assert!(values.is_sorted_by(|a, b| a >= b));
        let tolerance = 1e-11 * (1.0 + values.first().copied().unwrap_or(0.0));
        for i in 0..n {
            for j in 0..n {
                let inner: f64 = (0..n).map(|k| vectors[i * n + k] * vectors[j * n + k]).sum();
                assert!((inner - f64::from(u8::from(i == j))).abs() < 1e-11, "{inner}");
                let rebuilt: f64 = (0..n)
                    .map(|k| values[k] * vectors[k * n + i] * vectors[k * n + j])
                    .sum();
                assert!(
                    (rebuilt - a[i * n + j]).abs() <= tolerance,
                    "{rebuilt} {}",
                    a[i * n + j]
                );
            }
        }
    }

    proptest! {
        #[test]
        fn vectors_are_orthonormal_and_rebuild_the_matrix(n in 0usize..50, rank in 0usize..60, seed in 0u32..9) {
            assert_rebuilds(&gram_of(n, rank, seed), n);
        }
    }

    /// So large that threads share its rows, and that its rotations are found in several parts.
    #[test]
    fn a_large_matrix_is_the_same_for_any_number_of_threads() {
        let n = 210;
        let a = gram_of(n, 300, 4);
        assert_rebuilds(&a, n);
        let bits = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let Eigen { values, vectors } = pool.install(|| symmetric_eigen(&a, n));
            values
                .into_iter()
                .chain(vectors)
                .map(f64::to_bits)
                .collect::<Vec<_>>()
        };
        assert_eq!(bits(1), bits(4));
    }

    #[test]
    fn a_known_pair() {
        let Eigen { values, vectors } = symmetric_eigen(&[2.0, 1.0, 1.0, 2.0], 2);
        assert!((values[0] - 3.0).abs() < 1e-14 && (values[1] - 1.0).abs() < 1e-14);
        let half = 0.5f64.sqrt();
        assert!((vectors[0] - half).abs() < 1e-14 && (vectors[1] - half).abs() < 1e-14);
    }
}
