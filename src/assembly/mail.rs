//! The mail server of the settings, and the courier that brings letters there.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    AssemblyError,
    named_files::{certificates, password},
    node::machine,
};
use crate::{
    adapter::renewed::Renewed,
    config::{Config, Mail, MailSecurity, full_name},
    domain::{EmailAddress, durations::SharedDurations},
    mail::{
        courier::{Courier, CourierSettings, Post},
        message::Sender,
        transport::{Security, Smtp, SmtpSettings},
    },
    service::Foundation,
    store::outbox::Outbox,
};

/// One step of a conversation with the mail server may take this long (security.md section 2).
const SMTP_STEP: Duration = Duration::from_secs(10);

/// The mail server's look at a letter may take this long: filters for spam and viruses are slow, and the letters behind
/// this one wait for it. RFC 5321 section 4.5.3.2.6 would have ten minutes.
const SMTP_LETTER: Duration = Duration::from_secs(2 * 60);

/// The mail server of the settings, if they name one, as their files have it whenever a letter goes out.
pub(super) fn renewed_mail_server(
    mail: &Mail,
) -> Result<Option<Arc<Renewed<Arc<Smtp>>>>, AssemblyError> {
    let Some(host) = mail.server.clone() else {
        return Ok(None);
    };
    let files = [&mail.password_file, &mail.authority_file];
    let files: Vec<&Path> = files.into_iter().flatten().map(PathBuf::as_path).collect();
    let mail = mail.clone();
    let read = move || smtp(host.clone(), &mail).map(Arc::new);
    let renewed = Renewed::new("the way to the mail server", &files, read)?;
    Ok(Some(Arc::new(renewed)))
}

/// The mail server of the settings, if they name one, as their files have it now.
pub fn mail_server(mail: &Mail) -> Result<Option<Smtp>, AssemblyError> {
    let host = mail.server.clone();
    host.map(|host| smtp(host, mail)).transpose()
}

fn smtp(host: String, mail: &Mail) -> Result<Smtp, AssemblyError> {
    let credentials = match (&mail.user, &mail.password_file) {
        (Some(user), Some(file)) => Some((
            user.clone(),
            password("the mail server's password file", file)?,
        )),
        (Some(_), None) => return Err(AssemblyError::NoMailPassword),
        (None, _) => None,
    };
    let authority_file = mail.authority_file.as_ref();
    let extra_root = authority_file.map(|file| certificates(file)).transpose()?;
    Ok(Smtp::new(SmtpSettings {
        host,
        port: mail.port(),
        security: match mail.security {
            MailSecurity::StartTls => Security::StartTls,
            MailSecurity::Tls => Security::Tls,
            MailSecurity::None => Security::Plain,
        },
        credentials,
        extra_root,
        hello: mail.hello.clone().or_else(|| full_name(&machine())),
        step_timeout: SMTP_STEP,
        letter_timeout: SMTP_LETTER,
    })?)
}

/// The courier for the letters of `foundation`.
pub(super) fn courier(
    config: &Config,
    foundation: &Foundation,
    outbox: Outbox,
    post: Post,
    is_shared: bool,
    conversations: Arc<SharedDurations>,
) -> Courier {
    let nowhere = || EmailAddress::parse("lpse@localhost.invalid").expect("it has the form");
    Courier::new(CourierSettings {
        outbox,
        vault: foundation.vault.clone(),
        clock: foundation.clock.clone(),
        random: foundation.random.clone(),
        audit: foundation.audit.clone(),
        sender: Sender {
            office: config.office.clone(),
            // Only training has none, and sends nothing.
            address: config.mail.from.clone().unwrap_or_else(nowhere),
            base_url: config.web.links_begin_with(),
            zone: config.zone,
        },
        post,
        wake: foundation.letters.wake.clone(),
        node: foundation.node.clone(),
        is_shared,
        conversations,
    })
}
