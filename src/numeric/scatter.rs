//! Adding a sparse row to a dense one.

/// `out[columns[k]] += a · values[k]`.
///
/// # Panics
/// When a column is not below `out.len()`, or the lengths of columns and values differ.
pub fn scatter(a: f32, columns: &[u32], values: &[f32], out: &mut [f32]) {
    assert_eq!(columns.len(), values.len(), "a value for each column");
    for (&column, &value) in columns.iter().zip(values) {
        out[column as usize] += a * value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_lands_in_its_column() {
        let mut out = [1.0; 4];
        scatter(2.0, &[1, 3], &[0.5, -1.0], &mut out);
        assert_eq!(out.map(|x| x as i32), [1, 2, 1, -1]);
    }
}
