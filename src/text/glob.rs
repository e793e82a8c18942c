//! Globs on names: `*` stands for any characters, `?` for one.

use wildmatch::WildMatch;

/// Bytes of a name that are compared; no person writes more.
const MAX_NAME: usize = 4_096;

/// A pattern in which `*` and `?` stand for others. There is no escape: `?` in a pattern matches a `?` too.
#[derive(Debug, Clone, PartialEq)]
pub struct Glob(WildMatch);

impl Glob {
    /// Compiles a pattern; every text is one.
    pub fn new(pattern: &str) -> Self {
        Self(WildMatch::new(pattern))
    }

    /// Whether the whole name matches. Of a very long name, only the beginning is compared.
    pub fn matches(&self, name: &str) -> bool {
        // The cost grows with the product of both lengths, and a name may be of any.
        let end = name.floor_char_boundary(MAX_NAME);
        self.0.matches(name.get(..end).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_name_only_the_beginning_is_compared() {
        let glob = Glob::new("*b");
        let compared = format!("{}b", "a".repeat(MAX_NAME - 1));
        assert!(glob.matches(&compared));
        assert!(glob.matches(&format!("{compared}{}", "c".repeat(1 << 22))));
        assert!(!glob.matches(&format!("a{compared}")));
        // The cut never splits a character.
        assert!(glob.matches(&format!("{}b€", "a".repeat(MAX_NAME - 2))));
    }
}
