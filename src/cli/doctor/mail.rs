//! The mail server: a conversation up to where a letter would begin.

use std::time::Duration;

use tokio::time::timeout;

use super::{finding::Finding, patient::Patient};
use crate::{
    adapter::secret_file::SecretFileError,
    assembly::{self, AssemblyError},
    config::MailSecurity,
};

const NAME: &str = "mail-server";

/// The whole conversation ends within this time.
const PATIENCE: Duration = Duration::from_secs(10);

pub async fn examine(patient: &Patient<'_>) -> Finding {
    let mail = &patient.config.mail;
    let Some(host) = &mail.server else {
        return Finding::ok(
            NAME,
            "none is set: no letters, and a reset is an officer's work",
        );
    };
    let server = format!("{host}:{}", mail.port());
    let wrong = |error: AssemblyError| {
        Finding::failure(
            NAME,
            error.to_string(),
            "The kiosk does not start with it: correct [mail].",
        )
    };
    let (smtp, has_password) = match assembly::mail_server(mail) {
        Ok(smtp) => (smtp, true),
        // A credential that systemd hands to the service is not for us. The rest of the way can be tried.
        Err(
            AssemblyError::NoMailPassword
            | AssemblyError::Secret(SecretFileError::Foreign { .. } | SecretFileError::Closed { .. }),
        ) => {
            let mut without = mail.clone();
            (without.user, without.password_file) = (None, None);
            match assembly::mail_server(&without) {
                Ok(smtp) => (smtp, false),
                Err(error) => return wrong(error),
            }
        }
        Err(error) => return wrong(error),
    };
    let Some(smtp) = smtp else {
        return Finding::ok(NAME, "none is set");
    };
    let see = "Letters wait meanwhile. See the server's log, and [mail] in the settings.";
    let way = match mail.security {
        MailSecurity::StartTls | MailSecurity::Tls => "with TLS and a certificate that is good",
        MailSecurity::None => "on this machine, without TLS",
    };
    match timeout(PATIENCE, smtp.probe()).await {
        Err(_) => Finding::failure(
            NAME,
            format!("{server} took longer than {PATIENCE:?} in all"),
            see,
        ),
        Ok(Err(error)) => Finding::failure(NAME, error.to_string(), see),
        Ok(Ok(())) if !has_password => Finding::warning(
            NAME,
            format!(
                "{server} answers, {way}; the login as [mail] user was not tried, for want of the password"
            ),
            "Where systemd hands the password to the service, `lpse-kiosk outbox list` shows whether it is taken. Otherwise \
             set [mail] password_file.",
        ),
        Ok(Ok(())) if mail.user.is_some() => Finding::ok(
            NAME,
            format!("{server} answers, {way}, and takes the login"),
        ),
        Ok(Ok(())) => Finding::ok(NAME, format!("{server} answers, {way}")),
    }
}
