//! How much of a list fits into an answer of so many tokens, for callers that pay for what they read.

use serde::Serialize;

/// Bytes of JSON for one token. Tokenizers differ; for code and paths four is the usual estimate, and a little
/// on the safe side for English.
const BYTES_PER_TOKEN: usize = 4;

/// How many bytes an answer of this many tokens has.
pub(super) fn bytes(max_tokens: u32) -> usize {
    (max_tokens as usize).saturating_mul(BYTES_PER_TOKEN)
}

/// How many of `items`, from the first, fit into `max_tokens`. One always does, so that whoever asks for the
/// next page gets on.
pub(super) fn fitting<T: Serialize>(items: &[T], max_tokens: u32) -> usize {
    let mut left = bytes(max_tokens);
    let fits = |item: &&T| {
        let length = serde_json::to_vec(item).map_or(0, |text| text.len());
        let fits = length <= left;
        left = left.saturating_sub(length);
        fits
    };
    let fitting = items.iter().take_while(fits).count();
    fitting.max(1).min(items.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_items_fit_as_the_budget_has_room_for() {
        // Ten bytes each, with their quotes.
        let items = ["12345678"; 5];
        assert_eq!(fitting(&items, 100), 5);
        assert_eq!(fitting(&items, 10), 4);
        assert_eq!(fitting(&items, 5), 2);
    }

    #[test]
    fn one_item_always_fits() {
        assert_eq!(fitting(&["12345678"], 1), 1);
        assert_eq!(fitting::<u8>(&[], 1), 0);
    }

    #[test]
    fn what_follows_a_long_item_stays_out_though_it_were_short_enough() {
        let items = ["a", "a very long text that does not fit", "b"];
        assert_eq!(fitting(&items, 3), 1);
    }
}
