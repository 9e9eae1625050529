//! A reply rendered: the parser's own writer, fed only what may stand in a page.

use pulldown_cmark::{
    CodeBlockKind, CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html,
};

use super::super::link::may_lead_to;
use super::code_block;

/// Without footnotes: theirs would be names in our page.
const OPTIONS: Options =
    Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH).union(Options::ENABLE_TASKLISTS);

pub(super) fn render(out: &mut String, source: &str) {
    html::push_html(out, Walk { parser: Parser::new_ext(source, OPTIONS), links: Vec::new() });
}

struct Walk<'s> {
    parser: Parser<'s>,
    /// Open links and pictures: whether each became a link, and else what to show of its address.
    links: Vec<Result<(), String>>,
}

impl<'s> Iterator for Walk<'s> {
    type Item = Event<'s>;

    fn next(&mut self) -> Option<Self::Item> {
        let event = self.parser.next()?;
        Some(match event {
            // The writer takes what is called HTML as it is, so from here on only ours is called so.
            Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
            Event::Start(Tag::HtmlBlock) => ours("<pre class=\"out\">"),
            Event::End(TagEnd::HtmlBlock) => ours("</pre>\n"),
            Event::Start(Tag::CodeBlock(kind)) => self.code(&kind),
            Event::Start(Tag::Heading { level, .. }) => Event::Start(Tag::Heading {
                level: lower(level),
                id: None,
                classes: Vec::new(),
                attrs: Vec::new(),
            }),
            Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(lower(level))),
            Event::Start(Tag::Link { link_type, dest_url, .. }) => self.link(link_type, dest_url),
            // Nothing is loaded: a picture is a link to it.
            Event::Start(Tag::Image { link_type, dest_url, .. }) => self.link(link_type, dest_url),
            Event::End(TagEnd::Link | TagEnd::Image) => match self.links.pop() {
                Some(Err(address)) => Event::Text(address.into()),
                _ => Event::End(TagEnd::Link),
            },
            event => event,
        })
    }
}

impl<'s> Walk<'s> {
    fn link(&mut self, kind: LinkType, address: CowStr<'s>) -> Event<'s> {
        let is_inside = self.links.iter().any(Result::is_ok);
        if (kind == LinkType::Email || may_lead_to(&address)) && !is_inside {
            self.links.push(Ok(()));
            let (title, id) = ("".into(), "".into());
            return Event::Start(Tag::Link { link_type: kind, dest_url: address, title, id });
        }
        let shown = if kind == LinkType::Autolink { String::new() } else { format!(" ({address})") };
        self.links.push(Err(shown));
        Event::Text("".into())
    }

    fn code(&mut self, kind: &CodeBlockKind<'_>) -> Event<'s> {
        let mut code = String::new();
        for event in self.parser.by_ref() {
            match event {
                Event::Text(text) => code.push_str(&text),
                Event::End(TagEnd::CodeBlock) => break,
                _ => {}
            }
        }
        let language = match kind {
            CodeBlockKind::Fenced(info) => info,
            CodeBlockKind::Indented => "",
        };
        let mut block = String::new();
        code_block(&mut block, language, &code);
        Event::Html(block.into())
    }
}

fn ours(html: &'static str) -> Event<'static> {
    Event::Html(html.into())
}

/// Below the headings of the page.
const fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H3,
        HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        _ => HeadingLevel::H6,
    }
}
