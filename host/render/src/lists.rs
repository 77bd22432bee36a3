//! All that may be written: elements, their attributes, classes and schemes. One source for
//! [`crate::markup`], which writes, and [`crate::sanitizer`], which looks at what was written. Knows
//! neither.

/// An enum whose values have names in HTML, and a list of them all that cannot lack one.
macro_rules! named {
    ($(#[$about:meta])* $kind:ident { $($(#[$of:meta])* $value:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $kind {
            $($(#[$of])* $value,)+
        }

        impl $kind {
            /// Each of them.
            pub(crate) const ALL: &[Self] = &[$(Self::$value,)+];

            /// How HTML calls it.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)+
                }
            }
        }
    };
}

named! {
    /// Every element that there is.
    Tag {
        A = "a",
        Blockquote = "blockquote",
        Br = "br",
        Code = "code",
        Del = "del",
        Em = "em",
        H1 = "h1",
        H2 = "h2",
        H3 = "h3",
        H4 = "h4",
        H5 = "h5",
        H6 = "h6",
        Hr = "hr",
        Li = "li",
        Ol = "ol",
        P = "p",
        Pre = "pre",
        Span = "span",
        Strong = "strong",
        Table = "table",
        Tbody = "tbody",
        Td = "td",
        Th = "th",
        Thead = "thead",
        Tr = "tr",
        Ul = "ul",
    }
}

named! {
    /// Every attribute that there is.
    Attribute {
        Class = "class",
        DataLang = "data-lang",
        Dir = "dir",
        Href = "href",
        Rel = "rel",
        Start = "start",
        Target = "target",
        Title = "title",
    }
}

named! {
    /// What a piece of code is. The table in the crate's description says what each is for.
    Colour {
        Keyword = "hl-keyword",
        Type = "hl-type",
        Constant = "hl-constant",
        Number = "hl-number",
        String = "hl-string",
        Comment = "hl-comment",
        Function = "hl-function",
        Variable = "hl-variable",
        Operator = "hl-operator",
        Heading = "hl-heading",
        Inserted = "hl-inserted",
        Deleted = "hl-deleted",
        Hidden = "hl-hidden",
    }
}

named! {
    /// How a column of a table is set.
    Align {
        Left = "align-left",
        Center = "align-center",
        Right = "align-right",
    }
}

/// The class of a block of code.
pub(crate) const CLASS_CODE: &str = "code";

/// The class of the note that ends a text which is too long.
pub(crate) const CLASS_CUT: &str = "cut";

/// The page that is left tells nothing to the one that is gone to, and does not speak for it.
pub(crate) const REL: &str = "noopener noreferrer nofollow";

/// A link does not take the place of the page.
pub(crate) const TARGET: &str = "_blank";

/// Where links lead.
pub(crate) const SCHEMES: &[&str] = &["http", "https", "mailto"];

/// What an attribute's value may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Values {
    /// Nothing: the element does not have it.
    None,
    /// One of these.
    Of(Vec<&'static str>),
    /// An address of one of [`SCHEMES`].
    Address,
    /// Digits.
    Number,
    /// A language's name, see [`is_language`].
    Language,
    /// Whatever text.
    Text,
}

/// How long a language's name may be. The longest that is in use has 14 characters.
pub(crate) const LANG_MAX: usize = 20;

/// Whether this is the name of a language: 1 to [`LANG_MAX`] of `a-z0-9+#-`.
pub(crate) fn is_language(name: &str) -> bool {
    let fine = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'+' | b'#' | b'-');
    (1..=LANG_MAX).contains(&name.len()) && name.bytes().all(fine)
}

impl Tag {
    /// What an attribute of this element may say.
    pub(crate) fn values(self, attribute: Attribute) -> Values {
        match (self, attribute) {
            (Self::A, Attribute::Href) => Values::Address,
            (Self::A, Attribute::Rel) => Values::Of(vec![REL]),
            (Self::A, Attribute::Target) => Values::Of(vec![TARGET]),
            (Self::A, Attribute::Title) => Values::Text,
            (Self::Ol, Attribute::Start) => Values::Number,
            (Self::Pre, Attribute::DataLang) => Values::Language,
            (Self::Pre, Attribute::Class) => Values::Of(vec![CLASS_CODE]),
            (Self::P, Attribute::Class) => Values::Of(vec![CLASS_CUT]),
            (Self::Td | Self::Th, Attribute::Class) => {
                Values::Of(Align::ALL.iter().map(|align| align.name()).collect())
            }
            (Self::Span, Attribute::Class) => {
                Values::Of(Colour::ALL.iter().map(|colour| colour.name()).collect())
            }
            // Code is written from left to right whatever language its comments are in.
            (Self::Pre, Attribute::Dir) => Values::Of(vec!["ltr"]),
            (tag, Attribute::Dir) if tag.has_direction() => Values::Of(vec!["auto"]),
            _ => Values::None,
        }
    }

    /// Whether it holds text of its own direction. Each of them is then isolated from its
    /// surroundings too, so that no control character for directions reaches beyond it.
    pub(crate) fn has_direction(self) -> bool {
        matches!(
            self,
            Self::P
                | Self::H1
                | Self::H2
                | Self::H3
                | Self::H4
                | Self::H5
                | Self::H6
                | Self::Li
                | Self::Ol
                | Self::Ul
                | Self::Blockquote
                | Self::Td
                | Self::Th
        )
    }
}
