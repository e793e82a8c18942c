//! A text that never exceeds its limit: pieces are added completely or not at all, and an open block can always be closed.

/// The unit in which a text's length is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::render) enum Measure {
    /// Bytes of UTF-8.
    Bytes,
    /// UTF-16 code units, which are never fewer than characters.
    Utf16,
}

impl Measure {
    /// A text's length.
    pub fn length(self, text: &str) -> usize {
        match self {
            Self::Bytes => text.len(),
            Self::Utf16 => text.encode_utf16().count(),
        }
    }

    /// The least length of a text with this number of bytes.
    pub fn at_least(self, bytes: usize) -> usize {
        match self {
            Self::Bytes => bytes,
            Self::Utf16 => bytes / 3,
        }
    }
}

/// A bounded text.
#[derive(Debug)]
pub(in crate::render) struct Page {
    text: String,
    used: usize,
    limit: usize,
    measure: Measure,
}

impl Page {
    /// An empty page for a text of at most `limit`.
    pub fn new(limit: usize, measure: Measure) -> Self {
        Self {
            text: String::new(),
            used: 0,
            limit,
            measure,
        }
    }

    /// The remaining length.
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.used)
    }

    /// A text's length in this page's unit.
    pub fn length(&self, text: &str) -> usize {
        self.measure.length(text)
    }

    fn add(&mut self, text: &str, length: usize) {
        self.text.push_str(text);
        self.used += length;
    }

    /// Adds a piece if it fits, and returns whether it did.
    pub fn push(&mut self, piece: &str) -> bool {
        let length = self.length(piece);
        let fits = length <= self.room();
        if fits {
            self.add(piece, length);
        }
        fits
    }

    /// Opens a block if it fits together with its end, and reserves room for the end, which [`Page::close`] must add.
    /// Returns whether the block was opened.
    pub fn open(&mut self, start: &str, end: &str) -> bool {
        let [length, kept] = [start, end].map(|text| self.length(text));
        let fits = length + kept <= self.room();
        if fits {
            self.add(start, length);
            self.limit -= kept;
        }
        fits
    }

    /// Closes a block that was opened by [`Page::open`].
    pub fn close(&mut self, end: &str) {
        let length = self.length(end);
        self.limit += length;
        self.add(end, length);
    }

    /// Adds pieces until one does not fit, leaving `note` free for a note about the rest. Returns how many were added. The
    /// pieces after the first that does not fit are not rendered.
    pub fn push_all<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        note: usize,
        mut render: impl FnMut(&mut String, T),
    ) -> usize {
        let mut piece = String::new();
        let mut added = 0;
        for item in items {
            piece.clear();
            render(&mut piece, item);
            let length = self.length(&piece);
            if length + note > self.room() {
                break;
            }
            self.add(&piece, length);
            added += 1;
        }
        added
    }

    /// The text.
    pub fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_added_completely_or_not_at_all() {
        let mut page = Page::new(10, Measure::Bytes);
        assert!(page.push("12345"));
        assert!(!page.push("123456"));
        assert!(page.push("67890"));
        assert_eq!(page.finish(), "1234567890");
    }

    #[test]
    fn length_is_counted_in_the_unit_of_the_page() {
        let mut page = Page::new(4, Measure::Utf16);
        assert!(page.push("漢字") && page.push("🚀") && !page.push("x"));
        let mut page = Page::new(4, Measure::Bytes);
        assert!(page.push("漢") && !page.push("字"));
        for text in ["", "abc", "é", "漢字", "🚀"] {
            assert!(Measure::Utf16.at_least(text.len()) <= Measure::Utf16.length(text));
            assert!(text.chars().count() <= Measure::Utf16.length(text));
        }
    }

    #[test]
    fn an_open_block_can_be_closed() {
        let mut page = Page::new(10, Measure::Bytes);
        assert!(page.open("<i>", "</i>"));
        assert!(!page.push("1234"));
        assert!(page.push("123"));
        page.close("</i>");
        assert_eq!(page.finish(), "<i>123</i>");
        assert!(!Page::new(6, Measure::Bytes).open("<i>", "</i>"));
    }

    #[test]
    fn a_list_stops_at_the_first_piece_that_does_not_fit() {
        let mut page = Page::new(10, Measure::Bytes);
        let mut rendered = 0;
        let added = page.push_all(0..100, 3, |piece, item| {
            rendered += 1;
            *piece = item.to_string().repeat(2);
        });
        assert_eq!((added, rendered), (3, 4));
        assert!(page.push("..."));
        assert_eq!(page.finish(), "001122...");
    }
}
