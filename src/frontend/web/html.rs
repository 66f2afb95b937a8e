//! Writing HTML so that nothing dynamic can become markup.
//!
//! Architecture invariant: markup is written in this program's source. Everything else, be it a word of ours, an office's
//! name or what a link said, goes through [`Html::text`] or [`Html::attribute`], which escape it.

/// A piece of a page.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    pub fn new() -> Self {
        Self::default()
    }

    /// Markup of ours, as it stands.
    pub fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text for people; no character of it is markup.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // A browser would read NUL as something else, and other controls have no place in a page.
                c if c.is_control() => self.0.push(' '),
                c => self.0.push(c),
            }
        }
        self
    }

    /// ` name="value"`, for within a tag.
    pub fn attribute(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.0.push(' ');
        self.markup(name).markup("=\"").text(value).markup("\"")
    }

    /// `open`, the text, `close`.
    pub fn element(&mut self, open: &'static str, text: &str, close: &'static str) -> &mut Self {
        self.markup(open).text(text).markup(close)
    }

    /// A piece that was written by these same means.
    pub fn piece(&mut self, piece: &Self) -> &mut Self {
        self.0.push_str(&piece.0);
        self
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_and_attributes_are_escaped_and_markup_is_not() {
        let mut html = Html::new();
        html.markup("<p")
            .attribute("title", "\"><script>'&")
            .markup(">")
            .text("<b>&amp;\0\u{1b}[2J</b>")
            .markup("</p>");
        assert_eq!(
            html.into_string(),
            "<p title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\">&lt;b&gt;&amp;amp;  [2J&lt;/b&gt;</p>"
        );
    }

    proptest! {
        #[test]
        fn no_text_is_ever_markup(text in ".{0,200}") {
            let mut html = Html::new();
            html.text(&text);
            prop_assert!(!html.into_string().contains(['<', '>', '"', '\'', '\0']));
        }
    }
}
