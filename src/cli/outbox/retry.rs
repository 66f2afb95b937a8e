//! `lpse-kiosk outbox retry`: once the mail server is in order again, nobody has to wait for the next try.

use clap::Args;
use serde_json::json;

use super::list::PAGE;
use crate::{
    cli::{error::CliError, outcome::Form},
    domain::{Source, audit::Act, letter::LetterId},
    service::{Services, outbox::Retried},
};

/// Send letters again at once, those that were refused for good among them
///
/// The running kiosk delivers them; a kiosk that is started later does as soon as it runs.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk outbox retry 1597283585000-0123456789abcdef\n  lpse-kiosk outbox retry --all"
)]
pub struct RetryArguments {
    /// The letter's name, as `outbox list` shows it
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    id: Option<LetterId>,
    /// Every letter that waits
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    form: Form,
}

pub async fn run(
    arguments: RetryArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let tell = |count, letter: Option<&LetterId>, sentence| {
        let letter = letter.map(LetterId::as_str);
        let about = json!({ "letter": letter, "letters": count });
        let form = arguments.form;
        form.tell(Act::RetryLetter, count > 0, about, sentence)
    };
    if let Some(id) = &arguments.id {
        return match services.outbox.retry(id, source).await? {
            Retried::Due => tell(1, Some(id), format!("{id} will be sent again.")),
            Retried::UnderWay => tell(0, Some(id), format!("{id} is on its way already.")),
            Retried::Gone => Err(CliError::NotThere(format!(
                "there is no letter {id}: delivered, replaced by a newer one, or past its time; `outbox list` shows which \
                 there are"
            ))),
        };
    }
    let mut after: Option<LetterId> = None;
    let mut count = 0_u64;
    loop {
        let page = services.outbox.page(after.as_ref(), PAGE).await?;
        for waiting in &page.letters {
            if services.outbox.retry(&waiting.letter.id, source).await? == Retried::Due {
                count += 1;
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let told = match count {
        0 => "No letter waits.".to_owned(),
        1 => "1 letter will be sent again.".to_owned(),
        many => format!("{many} letters will be sent again."),
    };
    tell(count, None, told)
}
