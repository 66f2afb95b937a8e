//! The page of the letters' links: where links lead, and what browsers will make of its certificate.

use std::fs;

use jiff::SignedDuration;

use super::{finding::Finding, patient::Patient};
use crate::{
    adapter::secret_file,
    cli::moment,
    config::BaseUrl,
    frontend::web::{self, Reception},
};

const BASE_URL: &str = "base-url";
const CERTIFICATE: &str = "certificate";

/// A certificate is renewed before so many days are left.
const DAYS_LEFT: i64 = 30;

pub fn examine(patient: &Patient<'_>) -> Vec<Finding> {
    let web = &patient.config.web;
    let Some(base_url) = &web.base_url else {
        return vec![Finding::ok(
            BASE_URL,
            "none is set: no page is served, and no link is written",
        )];
    };
    let mut findings = vec![judge_base_url(base_url, patient.config.letters_are_sent())];
    match (&web.certificate_file, &web.key_file) {
        (Some(certificate), Some(key)) => {
            findings.extend(examine_pair(patient, base_url, certificate, key))
        }
        _ if base_url.is_https() && web.listen.is_some() => findings.push(Finding::ok(
            CERTIFICATE,
            "the page has none of its own: a proxy in front of it has to speak HTTPS",
        )),
        _ => {}
    }
    findings
}

fn judge_base_url(base_url: &BaseUrl, letters_are_sent: bool) -> Finding {
    match (base_url.is_https(), letters_are_sent) {
        (true, _) => Finding::ok(BASE_URL, base_url.to_string()),
        (false, false) => Finding::ok(BASE_URL, format!("{base_url}, for this machine only")),
        (false, true) => Finding::warning(
            BASE_URL,
            format!("{base_url} leads nowhere from another machine, and letters are sent with it"),
            "Set [web] base_url to the https address by which people reach the page.",
        ),
    }
}

fn examine_pair(
    patient: &Patient<'_>,
    base_url: &BaseUrl,
    certificate: &std::path::Path,
    key: &std::path::Path,
) -> Vec<Finding> {
    let shown = certificate.display();
    let failed = |message: String| {
        vec![Finding::failure(
            CERTIFICATE,
            message,
            "The page is not served with it: correct [web] certificate and [web] key.",
        )]
    };
    let pem = match fs::read(certificate) {
        Ok(pem) => pem,
        Err(error) => return failed(format!("{shown} cannot be read: {error}")),
    };
    let key = match secret_file::read_for("the page's key file", key, patient.user) {
        Ok(key) => key,
        Err(error) => return failed(error.to_string()),
    };
    if let Err(error) = web::tls_config(&pem, key.as_bytes()) {
        return failed(format!("{shown}: {error}"));
    }
    match web::reception(&pem, base_url.host(), patient.now) {
        Ok(reception) => judge(&shown.to_string(), base_url.host(), reception, patient),
        Err(error) => failed(format!("{shown}: {error}")),
    }
}

fn judge(
    certificate: &str,
    host: &str,
    reception: Reception,
    patient: &Patient<'_>,
) -> Vec<Finding> {
    let now = patient.now;
    let ends = moment::shown(reception.ends, patient.config.zone);
    let renew = "Renew it: the page shows the new one by itself.";
    let mut findings = Vec::new();
    if reception.ends <= now {
        let message = format!("{certificate} has expired, on {ends}");
        findings.push(Finding::failure(CERTIFICATE, message, renew));
    } else if reception.ends.duration_since(now) < SignedDuration::from_hours(24 * DAYS_LEFT) {
        let message = format!("{certificate} ends in less than {DAYS_LEFT} days, on {ends}");
        findings.push(Finding::warning(CERTIFICATE, message, renew));
    }
    if reception.begins_later {
        findings.push(Finding::failure(
            CERTIFICATE,
            format!("{certificate} is not good yet"),
            "See the machine's clock, and the certificate's first day.",
        ));
    }
    if !reception.fits_host {
        findings.push(Finding::failure(
            CERTIFICATE,
            format!("{certificate} is not for {host}, which [web] base_url names"),
            "Get a certificate for that name, or correct the name.",
        ));
    }
    if !reception.is_trusted && !reception.begins_later {
        findings.push(Finding::warning(
            CERTIFICATE,
            format!("{certificate} leads to no authority that this system trusts; browsers may warn people"),
            "Put the authority's intermediate certificates into the file, after the page's own.",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            CERTIFICATE,
            format!("{certificate} is good for {host} until {ends}"),
        ));
    }
    findings
}
