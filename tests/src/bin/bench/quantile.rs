//! Order statistics of measurements, without interpolation.

/// Returns the smallest value that at least this share of the values does not exceed.
pub(crate) fn quantile<T: Ord>(mut values: Vec<T>, share: f64) -> T {
    values.sort_unstable();
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.swap_remove(rank.clamp(1, values.len()) - 1)
}

/// Returns the middle value.
pub(crate) fn median<T: Ord>(values: Vec<T>) -> T {
    quantile(values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_values() {
        assert_eq!(median(vec![9, 1, 5]), 5);
        assert_eq!(quantile((1..=500).rev().collect(), 0.99), 495);
        assert_eq!((quantile(vec![7], 0.01), quantile(vec![7], 1.0)), (7, 7));
    }
}
