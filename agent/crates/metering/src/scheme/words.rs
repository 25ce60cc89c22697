//! Words: choices of a scheme, each with the one word by which people write it.

/// A choice with a word for each of its values.
pub trait Word: Copy + Eq + 'static {
    /// All values, in the order in which people are told of them.
    const ALL: &'static [Self];

    /// How a person writes it.
    fn word(self) -> &'static str;

    /// The value behind a word.
    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.word() == word)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $value:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub enum $name { $($(#[$about])* $value,)+ }

        impl $crate::scheme::Word for $name {
            const ALL: &'static [Self] = &[$(Self::$value),+];

            fn word(self) -> &'static str {
                match self { $(Self::$value => $word,)+ }
            }
        }
    };
}
pub(super) use words;
