//! A text that never grows past its limit: pieces go in whole or not at all, and what is open can always be closed.

/// A bounded text.
#[derive(Debug)]
pub(super) struct Page {
    text: String,
    limit: usize,
}

impl Page {
    /// An empty page for at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            text: String::new(),
            limit,
        }
    }

    /// Bytes that are left.
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.text.len())
    }

    /// Adds a piece if it fits; says whether it did.
    pub fn push(&mut self, piece: &str) -> bool {
        let fits = piece.len() <= self.room();
        if fits {
            self.text.push_str(piece);
        }
        fits
    }

    /// Opens a block, if it fits with its end, and keeps room for that end. Close it with [`Page::close`] and the same end.
    pub fn open(&mut self, start: &str, end: &str) -> bool {
        let fits = start.len() + end.len() <= self.room();
        if fits {
            self.text.push_str(start);
            self.limit -= end.len();
        }
        fits
    }

    /// Closes a block that [`Page::open`] opened.
    pub fn close(&mut self, end: &str) {
        self.limit += end.len();
        self.text.push_str(end);
    }

    /// Adds pieces until one doesn't fit, keeping `note` bytes free for what is to be said of the rest. Returns how many
    /// were added. A piece that isn't reached is never rendered.
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
            if piece.len() + note > self.room() {
                break;
            }
            self.text.push_str(&piece);
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
    fn pieces_go_in_whole_or_not_at_all() {
        let mut page = Page::new(10);
        assert!(page.push("12345"));
        assert!(!page.push("123456"));
        assert!(page.push("67890"));
        assert_eq!(page.finish(), "1234567890");
    }

    #[test]
    fn what_is_open_can_be_closed() {
        let mut page = Page::new(10);
        assert!(page.open("<i>", "</i>"));
        assert!(!page.push("1234"));
        assert!(page.push("123"));
        page.close("</i>");
        assert_eq!(page.finish(), "<i>123</i>");
        assert!(!Page::new(6).open("<i>", "</i>"));
    }

    #[test]
    fn a_list_stops_at_what_does_not_fit() {
        let mut page = Page::new(10);
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
