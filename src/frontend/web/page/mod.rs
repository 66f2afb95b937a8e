//! The sheet that every page is printed on: the office's name, the language switch, one card, one promise.
//!
//! No script, no picture, nothing from elsewhere: the one inline stylesheet is allowed by its digest (see `headers`).

pub mod problem;
pub mod steps;

use crate::domain::language::Language;

use super::{
    html::Html,
    words::{self, Words},
};

/// The stylesheet of every page, between `<style>` and `</style>` to the byte.
pub const STYLE: &str = include_str!("../../../../assets/web/style.css");

/// What all pages of one answer share.
#[derive(Debug)]
pub struct Frame<'a> {
    pub office: &'a str,
    pub language: Language,
    /// Leads to this page in the other language: [`link_switch`], or a form where the page answers a form.
    pub switch: Html,
}

impl Frame<'_> {
    pub fn words(&self) -> &'static Words {
        words::words(self.language)
    }
}

/// The picture that says at a glance how things stand. The heading beside it says the same in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Key,
    Good,
    Care,
    Wait,
}

impl Sign {
    fn markup(self) -> &'static str {
        match self {
            Self::Key => {
                "<div class=\"sign\"><svg viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2\" \
                 stroke-linecap=\"round\" stroke-linejoin=\"round\" aria-hidden=\"true\" focusable=\"false\">\
                 <circle cx=\"8\" cy=\"15\" r=\"4\"/><path d=\"M11 12l8.5-8.5M16 7l3 3\"/></svg></div>"
            }
            Self::Good => {
                "<div class=\"sign good\"><svg viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" \
                 stroke-width=\"2.5\" stroke-linecap=\"round\" stroke-linejoin=\"round\" aria-hidden=\"true\" \
                 focusable=\"false\"><path d=\"M5 12.5l4.5 4.5L19 7.5\"/></svg></div>"
            }
            Self::Care => {
                "<div class=\"sign care\"><svg viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" \
                 stroke-width=\"2.5\" stroke-linecap=\"round\" stroke-linejoin=\"round\" aria-hidden=\"true\" \
                 focusable=\"false\"><path d=\"M12 5v9M12 18.5v.01\"/></svg></div>"
            }
            Self::Wait => {
                "<div class=\"sign care\"><svg viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" \
                 stroke-width=\"2\" stroke-linecap=\"round\" stroke-linejoin=\"round\" aria-hidden=\"true\" \
                 focusable=\"false\"><circle cx=\"12\" cy=\"12\" r=\"8.5\"/><path d=\"M12 7.5V12l3 2\"/></svg></div>"
            }
        }
    }
}

/// A language switch that only looks: a link to `href`.
pub fn link_switch(language: Language, href: &str) -> Html {
    let other = language.other();
    let mut html = Html::new();
    html.markup("<a class=\"switch\"")
        .attribute("href", href)
        .attribute("hreflang", other.as_str())
        .attribute("lang", other.as_str())
        .element(">", &words::words(language).common.other_language, "</a>");
    html
}

/// A whole page.
pub fn sheet(frame: &Frame<'_>, title: &str, sign: Sign, body: &Html) -> String {
    let common = &frame.words().common;
    let mut html = Html::new();
    html.markup("<!DOCTYPE html>\n<html")
        .attribute("lang", frame.language.as_str())
        .markup(
            "><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\"><title>",
        )
        .text(title)
        .text(" · ")
        .text(frame.office)
        .markup("</title><style>")
        .markup(STYLE)
        .markup("</style></head>\n<body>\n<header><p class=\"office\">")
        .text(frame.office)
        .element("<span>", &common.service, "</span></p>")
        .piece(&frame.switch)
        .markup("</header>\n<main class=\"card\">")
        .markup(sign.markup())
        .element("<h1>", title, "</h1>\n")
        .piece(body)
        .markup("</main>\n")
        .element("<footer><p>", &common.promise, "</p></footer>\n")
        .markup("</body></html>\n");
    html.into_string()
}

/// The heading and the list of what to do now; numbered where the order matters.
fn next(html: &mut Html, frame: &Frame<'_>, items: &[String], numbered: bool) {
    html.element("<h2>", &frame.words().common.next, "</h2>\n");
    html.markup(if numbered { "<ol>" } else { "<ul>" });
    for item in items {
        html.element("<li>", item, "</li>");
    }
    html.markup(if numbered { "</ol>\n" } else { "</ul>\n" });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_office_cannot_write_markup_into_its_pages() {
        let frame = Frame {
            office: "LPSE </title><script>alert(1)</script> & \"Kota\"",
            language: Language::Id,
            switch: link_switch(Language::Id, "/x?a=\"><b>&bahasa=en"),
        };
        let page = sheet(&frame, "<i>", Sign::Key, &Html::new());
        assert!(!page.contains("<script") && !page.contains("<i>") && !page.contains("<b>"));
        assert_eq!(page.matches("<h1>").count(), 1);
        assert!(page.contains("LPSE &lt;/title&gt;"));
    }

    /// WCAG 2.2 sections 1.4.3 and 1.4.11: 4.5 to 1 for text and the focus, 3 to 1 for the edges of buttons, on every
    /// ground that they stand on, in both schemes.
    #[test]
    fn text_stands_out_from_its_ground_in_light_and_dark() {
        let (light, dark) = STYLE.split_once("prefers-color-scheme: dark").unwrap();
        for scheme in [light, dark] {
            let luminance = |name: &str| {
                let (_, rest) = scheme.split_once(&format!("--{name}: #")).unwrap();
                let channel = |at: usize| {
                    let value = u8::from_str_radix(&rest[at..at + 2], 16).unwrap();
                    let value = f64::from(value) / 255.0;
                    if value <= 0.04045 {
                        value / 12.92
                    } else {
                        ((value + 0.055) / 1.055).powf(2.4)
                    }
                };
                0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
            };
            for (text, ground) in [
                ("text", "ground"),
                ("text", "card"),
                ("text", "panel"),
                ("soft", "ground"),
                ("soft", "card"),
                ("soft", "panel"),
                ("accent", "card"),
                ("accent", "panel"),
                ("on-accent", "accent"),
                ("on-accent", "accent-down"),
                ("good", "good-ground"),
                ("care", "care-ground"),
                ("edge", "card"),
                ("edge", "ground"),
                ("focus", "card"),
                ("focus", "ground"),
            ] {
                let (a, b) = (luminance(text), luminance(ground));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                let wanted = if text == "edge" { 3.0 } else { 4.5 };
                assert!(contrast >= wanted, "{text} on {ground}: {contrast:.2}");
            }
        }
    }
}
