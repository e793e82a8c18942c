//! Sorting by a number, with one instantiation of the sort for all types: std's costs 5 kB of the binary for each.

/// Sorts by a number; equals keep their order.
pub fn sort_by_number<T>(items: &mut Vec<T>, number: impl Fn(&T) -> u64) {
    let mut order: Vec<(u64, usize)> = items.iter().map(number).zip(0..).collect();
    order.sort_unstable();
    let mut unsorted: Vec<Option<T>> = std::mem::take(items).into_iter().map(Some).collect();
    items.extend(
        order
            .into_iter()
            .filter_map(|(_, index)| unsorted.get_mut(index)?.take()),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_sorts_as_stds_stable_sort_does(mut items in prop::collection::vec((0u64..9, any::<u8>()), 0..60)) {
            let mut expected = items.clone();
            expected.sort_by_key(|(number, _)| *number);
            sort_by_number(&mut items, |(number, _)| *number);
            prop_assert_eq!(items, expected);
        }
    }
}
