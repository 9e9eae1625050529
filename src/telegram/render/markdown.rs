//! Markdown, as Claude writes it, for Telegram: a walk over the parser's events.
//!
//! What Telegram has no form for is shown as text that reads well: lists with bullets, tables aligned or as
//! records, addresses that cannot be links as code. HTML and footnotes stay as they were written.

use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};
use teloxide_core::types::MessageEntityKind;

use super::link::text_link;
use super::rich::{Rich, pre};
use super::table::Table;
use super::writer::{Span, Writer};

/// Subscript is on so that a single `~` can be told from the two of a strikethrough: it is written as it was.
pub(crate) const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_SUBSCRIPT)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_FOOTNOTES);

const RULE: &str = "──────────";
const BULLETS: [&str; 3] = ["• ", "◦ ", "▪ "];

/// An address that is no link is shown, but not for pages: it may be a whole picture.
const LONGEST_ADDRESS: usize = 200;

/// The whole text for a Markdown source, without outer white space.
pub(crate) fn markdown(source: &str) -> Rich {
    let mut walk = Walk { out: Writer::with_room(source.len()), ..Walk::default() };
    for event in Parser::new_ext(source, OPTIONS) {
        walk.event(event);
    }
    walk.out.finish()
}

#[derive(Debug, Default)]
struct Walk<'s> {
    out: Writer,
    lists: Vec<List>,
    /// Of each open quote, how deep the lines around it lie.
    quotes: Vec<usize>,
    links: Vec<Link<'s>>,
    /// The block of code that is being read.
    code: Option<(MessageEntityKind, String)>,
    table: Option<Table>,
    /// What lies around the table's cell that is being written.
    around: Writer,
}

#[derive(Debug)]
struct List {
    /// The number of the next item of an ordered one.
    number: Option<u64>,
    /// Its items are paragraphs, with blank lines between.
    is_loose: bool,
    /// How many quotes it lies in.
    quotes: usize,
}

/// An open link or picture.
#[derive(Debug)]
struct Link<'s> {
    address: CowStr<'s>,
    /// The link is this one's, not that of a link around it.
    is_own: bool,
    /// The address can be followed or read, so nothing more need be said of it.
    is_shown: bool,
    start: usize,
}

impl<'s> Walk<'s> {
    fn event(&mut self, event: Event<'s>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => self.out.code(&code),
            Event::Html(html) => self.html(&html),
            Event::InlineHtml(html) => self.out.write(&html),
            Event::FootnoteReference(label) => self.out.write(&format!("[^{label}]")),
            Event::SoftBreak | Event::HardBreak => self.out.gap(1),
            Event::Rule => {
                self.out.write(RULE);
                self.after_block();
            }
            Event::TaskListMarker(is_done) => self.task(is_done),
            // Not asked for: without its option the parser leaves it as text.
            Event::InlineMath(_) | Event::DisplayMath(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'s>) {
        match tag {
            Tag::Paragraph => self.paragraph(),
            Tag::Heading { level, .. } => spans_of(level).iter().for_each(|&span| self.out.open(span)),
            Tag::BlockQuote(_) => {
                self.out.open_quote();
                self.quotes.push(self.out.indent(0));
            }
            Tag::CodeBlock(CodeBlockKind::Indented) => self.code = Some((pre(""), String::new())),
            Tag::CodeBlock(CodeBlockKind::Fenced(info)) => self.code = Some((pre(&info), String::new())),
            Tag::List(number) => self.start_list(number),
            Tag::Item => self.start_item(),
            Tag::FootnoteDefinition(label) => self.out.write(&format!("[^{label}]: ")),
            Tag::Table(alignments) => self.table = Some(Table::new(alignments)),
            Tag::TableHead | Tag::TableRow => self.table.iter_mut().for_each(Table::start_row),
            Tag::TableCell => self.around = std::mem::take(&mut self.out),
            Tag::Emphasis => self.out.open(Span::Italic),
            Tag::Strong => self.out.open(Span::Bold),
            Tag::Strikethrough => self.out.open(Span::Strikethrough),
            Tag::Subscript => self.out.write("~"),
            Tag::Link { link_type, dest_url, .. } => {
                self.start_link(dest_url, matches!(link_type, LinkType::Email));
            }
            Tag::Image { dest_url, .. } => self.start_link(dest_url, false),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.out.gap(2),
            TagEnd::Heading(level) => {
                spans_of(level).iter().rev().for_each(|&span| self.out.close(span));
                self.out.gap(1);
            }
            TagEnd::BlockQuote(_) => {
                self.out.indent(self.quotes.pop().unwrap_or_default());
                self.out.close_quote();
                // Not what the last paragraph inside asked for.
                self.out.exact_gap(0);
                self.after_block();
            }
            TagEnd::CodeBlock => {
                if let Some((kind, code)) = self.code.take() {
                    self.out.pre(kind, &code);
                    self.after_block();
                }
            }
            TagEnd::HtmlBlock => self.after_block(),
            TagEnd::List(_) => self.end_list(),
            TagEnd::Item => {
                self.out.settle();
                self.out.gap(1);
            }
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    table.write(&mut self.out);
                    self.after_block();
                }
            }
            TagEnd::TableCell => {
                let cell = std::mem::replace(&mut self.out, std::mem::take(&mut self.around)).finish();
                if let Some(table) = &mut self.table {
                    table.add_cell(cell);
                }
            }
            TagEnd::Emphasis => self.out.close(Span::Italic),
            TagEnd::Strong => self.out.close(Span::Bold),
            TagEnd::Strikethrough => self.out.close(Span::Strikethrough),
            TagEnd::Subscript => self.out.write("~"),
            TagEnd::Link | TagEnd::Image => self.end_link(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some((_, code)) = &mut self.code {
            code.push_str(text);
        } else {
            self.out.write(text);
        }
    }

    /// HTML of a block comes line by line, each with its newline.
    fn html(&mut self, html: &str) {
        let line = html.trim_end_matches('\n');
        self.out.write(line);
        html[line.len()..].chars().for_each(|_| self.out.newline());
    }

    fn paragraph(&mut self) {
        let quotes = self.quotes.len();
        if let Some(list) = self.lists.last_mut().filter(|list| list.quotes == quotes) {
            list.is_loose = true;
        }
    }

    fn after_block(&mut self) {
        self.out.gap(if self.lists.is_empty() { 2 } else { 1 });
    }

    fn start_list(&mut self, number: Option<u64>) {
        self.out.settle();
        if self.lists.is_empty() {
            self.out.gap(1);
        } else {
            self.out.exact_gap(1);
        }
        let depth = self.out.indent(0);
        self.out.indent(depth + 1);
        self.lists.push(List { number, is_loose: false, quotes: self.quotes.len() });
    }

    fn end_list(&mut self) {
        self.lists.pop();
        let depth = self.out.indent(0);
        self.out.indent(depth.saturating_sub(1));
        self.after_block();
    }

    fn start_item(&mut self) {
        let depth = self.lists.len();
        let Some(list) = self.lists.last_mut() else { return };
        self.out.gap(if list.is_loose { 2 } else { 1 });
        match &mut list.number {
            Some(number) => {
                self.out.marker(&format!("{number}. "));
                *number = number.saturating_add(1);
            }
            None => self.out.marker(BULLETS[(depth - 1).min(BULLETS.len() - 1)]),
        }
    }

    /// The box stands for the bullet, but not for a number.
    fn task(&mut self, is_done: bool) {
        let mark = if is_done { "☑ " } else { "☐ " };
        self.out.change_marker(|marker| {
            let bullet = BULLETS.iter().find_map(|bullet| marker.strip_suffix(bullet));
            bullet.unwrap_or(marker).to_owned() + mark
        });
    }

    fn start_link(&mut self, address: CowStr<'s>, is_email: bool) {
        let start = self.out.begin();
        let kind = text_link(&address);
        let is_shown = kind.is_some() || is_email || address.is_empty();
        let is_own = self.out.open_link(kind);
        self.links.push(Link { address, is_own, is_shown, start });
    }

    fn end_link(&mut self) {
        let Some(link) = self.links.pop() else { return };
        let is_empty = self.out.written(link.start).is_empty();
        if is_empty && link.is_shown {
            self.out.write(&link.address);
        }
        if link.is_own {
            self.out.close_link();
        }
        if link.is_shown {
            return;
        }
        if self.out.written(link.start) == &*link.address {
            return self.out.make_code(link.start);
        }
        self.out.write(if is_empty { "(" } else { " (" });
        self.out.code(&shortened(&link.address));
        self.out.write(")");
    }
}

const fn spans_of(level: HeadingLevel) -> &'static [Span] {
    match level {
        HeadingLevel::H1 => &[Span::Bold, Span::Underline],
        HeadingLevel::H2 | HeadingLevel::H3 => &[Span::Bold],
        _ => &[Span::Bold, Span::Italic],
    }
}

fn shortened(address: &str) -> String {
    let mut chars = address.chars();
    let mut head: String = chars.by_ref().take(LONGEST_ADDRESS).collect();
    if chars.next().is_some() {
        head.push('…');
    }
    head
}
