//! XML parts as small trees that borrow from the text. Entities that a document declares itself are never
//! expanded, nesting and the number of elements are limited, and a tree that is cut off in the middle keeps
//! what came before the damage.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::Event;

/// Elements and texts of one part. Memory is about 50 bytes for each.
const MAX_NODES: usize = 4_000_000;

#[derive(Debug)]
pub(super) enum Node<'a> {
    Element(Element<'a>),
    Text(Cow<'a, str>),
}

/// An element by its local name: prefixes are dropped, as office files use them consistently.
#[derive(Debug, Default)]
pub(super) struct Element<'a> {
    /// Everything between `<` and `>`: attributes are parsed when they are asked for, most never are.
    tag: &'a str,
    pub children: Vec<Node<'a>>,
}

/// A parsed part.
pub(super) struct Tree<'a> {
    pub root: Element<'a>,
    /// What is wrong with the part, if it could be read only up to a point.
    pub damage: Option<String>,
}

impl<'a> Element<'a> {
    pub fn name(&self) -> &'a str {
        let end = self.tag.find(|c: char| c.is_ascii_whitespace()).unwrap_or(self.tag.len());
        let name = &self.tag[..end];
        name.rsplit_once(':').map_or(name, |(_, local)| local)
    }

    /// The value of an attribute by its local name.
    pub fn attribute(&self, name: &str) -> Option<Cow<'a, str>> {
        let mut rest = self.tag.find(|c: char| c.is_ascii_whitespace()).map(|at| &self.tag[at..])?;
        loop {
            let (key, after) = rest.split_once('=')?;
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (value, next) = after[1..].split_once(quote)?;
            let key = key.trim();
            if key.rsplit_once(':').map_or(key, |(_, local)| local) == name {
                return Some(quick_xml::escape::unescape(value).unwrap_or(Cow::Borrowed(value)));
            }
            rest = next;
        }
    }

    /// Whether any attribute has this value.
    pub fn has_attribute_value(&self, value: &str) -> bool {
        self.tag.contains(&format!("=\"{value}\"")) || self.tag.contains(&format!("='{value}'"))
    }

    pub fn elements(&self) -> impl Iterator<Item = &Element<'a>> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    pub fn child(&self, name: &str) -> Option<&Element<'a>> {
        self.elements().find(|e| e.name() == name)
    }

    pub fn children_named<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Element<'a>> {
        self.elements().filter(move |e| e.name() == name)
    }

    /// The first of all descendants with this name, in document order.
    pub fn find(&self, name: &str) -> Option<&Element<'a>> {
        self.elements().find_map(|e| if e.name() == name { Some(e) } else { e.find(name) })
    }

    /// All descendants with this name that are not inside each other.
    pub fn find_all<'s>(&'s self, name: &str, found: &mut Vec<&'s Element<'a>>) {
        for element in self.elements() {
            if element.name() == name {
                found.push(element);
            } else {
                element.find_all(name, found);
            }
        }
    }

    /// The text of this element and all below it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.collect_text(&mut text);
        text
    }

    fn collect_text(&self, text: &mut String) {
        for node in &self.children {
            match node {
                Node::Text(t) => text.push_str(t),
                Node::Element(e) => e.collect_text(text),
            }
        }
    }

    /// An on/off child like `<w:vanish/>`: present and not switched off.
    pub fn switch(&self, name: &str) -> bool {
        self.child(name).is_some_and(|e| !matches!(e.attribute("val").as_deref(), Some("0" | "false" | "off" | "none")))
    }

    /// The `val` attribute of a child.
    pub fn val(&self, name: &str) -> Option<Cow<'a, str>> {
        self.child(name)?.attribute("val")
    }
}

/// One event of a part that is read in passing, without a tree.
pub(super) enum Token<'a> {
    /// An element without children opens and closes.
    Open(Element<'a>),
    Close,
    Text(Cow<'a, str>),
    Damage(String),
}

/// Reads a part in passing.
pub(super) struct Tokens<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    depth: usize,
    max_nesting: usize,
    close_next: bool,
    done: bool,
}

impl<'a> Tokens<'a> {
    pub fn new(text: &'a str, max_nesting: usize) -> Self {
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_end_names = false;
        reader.config_mut().allow_dangling_amp = true;
        reader.config_mut().allow_unmatched_ends = true;
        Self { text, reader, depth: 0, max_nesting, close_next: false, done: false }
    }

    fn offset(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    fn fail(&mut self, why: String) -> Option<Token<'a>> {
        self.done = true;
        Some(Token::Damage(why))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        if std::mem::take(&mut self.close_next) {
            return Some(Token::Close);
        }
        while !self.done {
            let before = self.offset();
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(error) => return self.fail(format!("damaged XML ({error})")),
            };
            let after = self.offset();
            let tag = |end: usize| self.text.get(before + 1..after.saturating_sub(end)).unwrap_or("");
            match event {
                Event::Start(_) => {
                    if self.depth >= self.max_nesting {
                        let why = format!("elements nested deeper than the limit of {}", self.max_nesting);
                        return self.fail(why);
                    }
                    self.depth += 1;
                    return Some(Token::Open(Element { tag: tag(1), children: Vec::new() }));
                }
                Event::Empty(_) => {
                    self.close_next = true;
                    return Some(Token::Open(Element { tag: tag(2), children: Vec::new() }));
                }
                Event::End(_) if self.depth > 0 => {
                    self.depth -= 1;
                    return Some(Token::Close);
                }
                Event::Text(t) => return Some(Token::Text(t.into_inner())),
                Event::CData(t) => return Some(Token::Text(t.into_inner())),
                Event::GeneralRef(reference) => {
                    let text = match reference.resolve_char_ref() {
                        Ok(Some(c)) => c.to_string(),
                        _ => {
                            let name = reference.into_inner();
                            let known = quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned);
                            known.unwrap_or_else(|| format!("&{name};"))
                        }
                    };
                    return Some(Token::Text(Cow::Owned(text)));
                }
                Event::Eof => {
                    self.done = true;
                    if self.depth > 0 {
                        return Some(Token::Damage("the XML is cut off".to_owned()));
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// Parses a part. Total: damage is said in the tree.
pub(super) fn parse(text: &str, max_nesting: usize) -> Tree<'_> {
    let mut open: Vec<Element<'_>> = vec![Element::default()];
    let mut damage = None;
    for (nodes, token) in Tokens::new(text, max_nesting).enumerate() {
        if nodes > MAX_NODES {
            damage = Some(format!("over the limit of {MAX_NODES} elements"));
            break;
        }
        match token {
            Token::Open(element) => open.push(element),
            Token::Close if open.len() > 1 => close(&mut open),
            Token::Close => {}
            Token::Text(text) => add(&mut open, Node::Text(text)),
            Token::Damage(why) => damage = Some(why),
        }
    }
    while open.len() > 1 {
        close(&mut open);
    }
    let top = open.pop().unwrap_or_default();
    let root = top.children.into_iter().find_map(|node| match node {
        Node::Element(element) => Some(element),
        Node::Text(_) => None,
    });
    if root.is_none() && damage.is_none() {
        damage = Some("no XML".to_owned());
    }
    Tree { root: root.unwrap_or_default(), damage }
}

fn add<'a>(open: &mut [Element<'a>], node: Node<'a>) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(node);
    }
}

fn close(open: &mut Vec<Element<'_>>) {
    if let Some(done) = open.pop() {
        add(open, Node::Element(done));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_attributes_and_texts_come_out_as_written() {
        let tree = parse(r#"<w:a w:x="1 &amp; 2" y='z'><b/>t&lt;&#233;<![CDATA[<c>]]></w:a>"#, 10);
        assert_eq!((tree.root.name(), tree.root.text().as_str()), ("a", "t<é<c>"));
        assert_eq!(tree.root.attribute("x").as_deref(), Some("1 & 2"));
        assert_eq!(tree.root.attribute("y").as_deref(), Some("z"));
        assert!(tree.root.child("b").is_some() && tree.damage.is_none());
    }

    #[test]
    fn a_billion_laughs_stay_one() {
        let bomb = r#"<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><l>&b;</l>"#;
        assert_eq!(parse(bomb, 10).root.text(), "&b;");
    }

    #[test]
    fn damage_keeps_what_came_before_it() {
        let tree = parse("<a><b>one</b><c>tw", 10);
        assert_eq!(tree.root.text(), "onetw");
        assert!(tree.damage.is_some());
        let deep = "<a>".repeat(100_000);
        assert!(parse(&deep, 100).damage.is_some_and(|d| d.contains("100")));
    }
}
