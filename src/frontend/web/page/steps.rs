//! The pages of the way itself: the question, the confirmation, the result, and the way out.

use crate::domain::{UserType, language::Language, reset::ResetLink};

use super::{
    super::{html::Html, query, seal::Step, words},
    Frame, Sign, next, sheet,
};

/// Whose TOTP it is about, as far as a look at the page may tell.
#[derive(Debug)]
pub struct Shown {
    pub user_type: UserType,
    pub masked_id: String,
}

/// What a form of the page carries: the link it came by, where it stands, and the proof that it is ours.
#[derive(Debug)]
pub struct Form<'a> {
    pub action: &'a str,
    pub link: &'a ResetLink,
    pub step: Step,
    pub seal: &'a str,
    pub language: Language,
}

impl Form<'_> {
    /// The opening tag and the hidden fields; the button and `</form>` follow.
    fn open(&self, html: &mut Html) {
        html.markup("<form method=\"post\"")
            .attribute("action", self.action)
            .markup(">");
        let link = self.link.query();
        for (name, value) in form_urlencoded::parse(link.as_bytes()) {
            hidden(html, &name, &value);
        }
        hidden(html, query::STEP, self.step.as_str());
        hidden(html, query::SEAL, self.seal);
        hidden(html, query::LANGUAGE, self.language.as_str());
    }
}

fn hidden(html: &mut Html, name: &str, value: &str) {
    html.markup("<input type=\"hidden\"")
        .attribute("name", name)
        .attribute("value", value)
        .markup(">");
}

/// A language switch on a page that answers a form: the same form again, in the other language.
pub fn form_switch(language: Language, form: &Form<'_>) -> Html {
    let mut html = Html::new();
    form.open(&mut html);
    html.markup("<button class=\"switch\"")
        .attribute("lang", language.other().as_str())
        .element(
            ">",
            &words::words(language).common.other_language,
            "</button></form>",
        );
    html
}

/// Page 1: whose TOTP it is, and the button.
pub fn ask(frame: &Frame<'_>, shown: &Shown, form: &Form<'_>) -> String {
    let words = &frame.words().ask;
    let mut html = Html::new();
    html.element("<p>", &words.lead, "</p>\n");
    account(&mut html, frame, shown);
    html.element("<p>", &words.effect, "</p>\n");
    form.open(&mut html);
    html.element(
        "<button class=\"button\">",
        &words.button,
        "</button></form>\n",
    );
    html.element("<p class=\"aside\">", &words.not_you, "</p>\n");
    sheet(frame, &words.title, Sign::Key, &html)
}

/// Page 2: asks once more. `cancel` is where `Batal` leads.
pub fn confirm(frame: &Frame<'_>, shown: &Shown, form: &Form<'_>, cancel: &str) -> String {
    let words = &frame.words().confirm;
    let mut html = Html::new();
    html.element("<p>", &words.lead, "</p>\n");
    account(&mut html, frame, shown);
    form.open(&mut html);
    html.element("<button class=\"button\">", &words.ok, "</button>")
        .markup("<a class=\"button quiet\"")
        .attribute("href", cancel)
        .element(">", &words.cancel, "</a></form>\n");
    sheet(frame, &words.title, Sign::Care, &html)
}

/// The result. It holds no data, so it can be loaded again, kept open and sent on.
pub fn done(frame: &Frame<'_>) -> String {
    let words = &frame.words().done;
    let mut html = Html::new();
    html.element("<p>", &words.lead, "</p>\n");
    next(&mut html, frame, &words.next, true);
    html.element("<p class=\"aside\">", &words.notice, "</p>\n");
    sheet(frame, &words.title, Sign::Good, &html)
}

/// The way out of the confirmation.
pub fn cancelled(frame: &Frame<'_>) -> String {
    let words = &frame.words().cancelled;
    let mut html = Html::new();
    html.element("<p>", &words.text, "</p>\n");
    next(&mut html, frame, &words.next, false);
    sheet(frame, &words.title, Sign::Key, &html)
}

fn account(html: &mut Html, frame: &Frame<'_>, shown: &Shown) {
    let words = &frame.words().ask;
    html.element("<dl><div><dt>", &words.user_id, "</dt>")
        .element("<dd>", &shown.masked_id, "</dd></div>")
        .element("<div><dt>", &words.user_type, "</dt>")
        .element("<dd>", shown.user_type.label(), "</dd></div></dl>\n");
}
