//! From Markdown to blocks: what the parser tells of a text, written by [`crate::markup`]. HTML in
//! the text is text, an image is a link. Knows nothing of growing texts.

use pulldown_cmark::{Alignment, CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag as Begin, TagEnd};

use crate::code;
use crate::links::{self, Href};
use crate::lists::{Align, Tag};
use crate::markup::{Lang, Writer};
use crate::sanitizer::Written;
use crate::source::Source;

/// One top-level element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// Where the line on which it begins does, in the text.
    pub start: usize,
    /// The element.
    pub html: Written,
}

/// A text's blocks.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// In their order.
    pub blocks: Vec<Block>,
    /// Whether the text defines links (`[name]: address`), which count in all blocks, earlier ones
    /// too.
    pub defines: bool,
}

/// Takes a text to pieces. It is no longer than [`crate::TEXT_MAX`].
pub(crate) fn parse(text: &str) -> Parsed {
    let source = Source::of(text);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut events = Parser::new_ext(source.text(), options).into_offset_iter();
    let defines = events.reference_definitions().iter().next().is_some();
    let mut blocks = Vec::new();
    let mut room = Room::default();
    let mut start = 0;
    for (event, range) in &mut events {
        if room.is_level() {
            start = range.start;
        }
        match event {
            // The parser fills up short rows. A browser does not need that, and it could be most of the HTML.
            Event::Start(Begin::TableCell) if range.is_empty() => room.empty_cells += 1,
            Event::End(TagEnd::TableCell) if range.is_empty() => {}
            event => room.take_in(event),
        }
        if room.is_level() {
            let html = room.writer.take();
            if !html.is_empty() {
                blocks.push(Block { start: source.line_of(start), html });
            }
        }
    }
    Parsed { blocks, defines }
}

/// What is being written, and what is being collected for it.
#[derive(Debug, Default)]
struct Room {
    writer: Writer,
    /// How many of the parser's elements are open.
    depth: usize,
    /// Text that the parser tells in pieces.
    text: String,
    /// What that text is.
    kind: Kind,
    code_lang: Option<Lang>,
    /// Where the outermost image lies, and how many are open.
    image: Option<Href>,
    images: usize,
    /// Whether a link is open, so that none is begun in it.
    links: usize,
    columns: Vec<Alignment>,
    in_head: bool,
    /// Cells without anything in them that were not written yet: none are behind the last that has.
    empty_cells: usize,
    column: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Kind {
    #[default]
    Prose,
    Code,
    Html,
}

impl Room {
    fn is_level(&self) -> bool {
        self.depth == 0
    }

    fn take_in(&mut self, event: Event<'_>) {
        match event {
            Event::Text(text) | Event::InlineHtml(text) | Event::Html(text) => self.text.push_str(&text),
            // In an image there is only text.
            Event::Code(text) if self.images > 0 => self.text.push_str(&text),
            Event::SoftBreak | Event::HardBreak if self.images > 0 => self.text.push(' '),
            Event::SoftBreak => self.text.push('\n'),
            Event::Start(tag) => {
                self.depth += 1;
                match tag {
                    Begin::Image { dest_url, .. } => self.begin_image(&dest_url),
                    _ if self.images > 0 => (),
                    tag => {
                        self.put_text();
                        self.begin(tag);
                    }
                }
            }
            Event::End(tag) => {
                self.depth -= 1;
                match tag {
                    TagEnd::Image => self.end_image(),
                    _ if self.images > 0 => (),
                    tag => {
                        self.put_text();
                        self.end(tag);
                    }
                }
            }
            Event::Code(text) => {
                self.put_text();
                self.writer.open(Tag::Code);
                self.writer.text(&text);
                self.writer.close();
            }
            Event::HardBreak => {
                self.put_text();
                self.writer.br();
            }
            Event::Rule => self.writer.hr(),
            Event::TaskListMarker(done) => self.text.push_str(if done { "☑ " } else { "☐ " }),
            // Not switched on.
            Event::FootnoteReference(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {}
        }
    }

    fn begin(&mut self, tag: Begin<'_>) {
        match tag {
            Begin::Heading { level, .. } => self.writer.open(heading(level)),
            Begin::BlockQuote(_) => self.writer.open(Tag::Blockquote),
            Begin::CodeBlock(kind) => {
                self.kind = Kind::Code;
                self.code_lang = match kind {
                    CodeBlockKind::Fenced(info) => Lang::of(&info),
                    CodeBlockKind::Indented => None,
                };
            }
            Begin::HtmlBlock => {
                self.kind = Kind::Html;
                self.writer.open(Tag::P);
            }
            Begin::List(Some(start)) => self.writer.open_ol(start),
            Begin::List(None) => self.writer.open(Tag::Ul),
            Begin::Item => self.writer.open(Tag::Li),
            Begin::Table(columns) => {
                self.columns = columns;
                self.writer.open(Tag::Table);
            }
            Begin::TableHead => {
                (self.column, self.empty_cells) = (0, 0);
                self.in_head = true;
                self.writer.open(Tag::Thead);
                self.writer.open(Tag::Tr);
            }
            Begin::TableRow => {
                (self.column, self.empty_cells) = (0, 0);
                self.writer.open(Tag::Tr);
            }
            Begin::TableCell => self.begin_cell(),
            Begin::Emphasis => self.writer.open(Tag::Em),
            Begin::Strong => self.writer.open(Tag::Strong),
            Begin::Strikethrough => self.writer.open(Tag::Del),
            Begin::Link { dest_url, title, .. } => {
                match Href::of(&dest_url).filter(|_| self.links == 0) {
                    Some(href) => self.writer.open_link(&href, &title),
                    None => self.writer.open_nothing(),
                }
                self.links += 1;
            }
            // A paragraph, and what is not switched on.
            _ => self.writer.open(Tag::P),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::CodeBlock => {
                let lang = self.code_lang.take();
                code::write(&mut self.writer, lang.as_ref(), &std::mem::take(&mut self.text));
                self.kind = Kind::Prose;
            }
            TagEnd::HtmlBlock => {
                self.kind = Kind::Prose;
                self.writer.close();
            }
            TagEnd::TableHead => {
                self.in_head = false;
                self.writer.close();
                self.writer.close();
                self.writer.open(Tag::Tbody);
            }
            TagEnd::Table => {
                self.writer.close();
                self.writer.close();
            }
            TagEnd::Link => {
                self.links -= 1;
                self.writer.close();
            }
            _ => self.writer.close(),
        }
    }

    fn begin_cell(&mut self) {
        for _ in 0..std::mem::take(&mut self.empty_cells) {
            self.open_cell();
            self.writer.close();
        }
        self.open_cell();
    }

    fn open_cell(&mut self) {
        let align = match self.columns.get(self.column) {
            Some(Alignment::Left) => Some(Align::Left),
            Some(Alignment::Center) => Some(Align::Center),
            Some(Alignment::Right) => Some(Align::Right),
            Some(Alignment::None) | None => None,
        };
        self.column += 1;
        self.writer.open_cell(if self.in_head { Tag::Th } else { Tag::Td }, align);
    }

    /// An image would be asked for from wherever the agent says, which tells who reads what and when.
    fn begin_image(&mut self, address: &str) {
        if self.images == 0 {
            self.put_text();
            self.image = Href::of(address).filter(|_| self.links == 0);
        }
        self.images += 1;
    }

    fn end_image(&mut self) {
        self.images -= 1;
        if self.images > 0 {
            return;
        }
        let text = std::mem::take(&mut self.text);
        let text = if text.trim().is_empty() { "image" } else { &text };
        match self.image.take() {
            Some(href) => {
                self.writer.open_link(&href, "");
                self.writer.text(text);
                self.writer.close();
            }
            None => self.writer.text(text),
        }
    }

    /// Writes the text that was collected, unless it is code, which waits for its end.
    fn put_text(&mut self) {
        if self.text.is_empty() || self.kind == Kind::Code {
            return;
        }
        let text = std::mem::take(&mut self.text);
        match self.kind {
            Kind::Html => {
                for (nth, line) in text.trim_end().lines().enumerate() {
                    if nth > 0 {
                        self.writer.br();
                    }
                    self.writer.text(line);
                }
            }
            _ if self.links > 0 => self.writer.text(&text),
            _ => {
                for (piece, href) in links::addresses_in(&text) {
                    if let Some(href) = href {
                        self.writer.open_link(&href, "");
                        self.writer.text(piece);
                        self.writer.close();
                    } else {
                        self.writer.text(piece);
                    }
                }
            }
        }
    }
}

fn heading(level: HeadingLevel) -> Tag {
    match level {
        HeadingLevel::H1 => Tag::H1,
        HeadingLevel::H2 => Tag::H2,
        HeadingLevel::H3 => Tag::H3,
        HeadingLevel::H4 => Tag::H4,
        HeadingLevel::H5 => Tag::H5,
        HeadingLevel::H6 => Tag::H6,
    }
}
