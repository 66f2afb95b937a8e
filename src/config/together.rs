//! Settings that each make sense, and not together.

use super::{
    cluster::WITHOUT_ETCD,
    error::ConfigError,
    letters::{MailSecurity, is_this_machine},
    serving::MetricsPlace,
    store_kind::StoreKind,
    values::Config,
};

impl Config {
    /// Refuses settings of a cluster that make no sense together. A program that knows no cluster says that first: no
    /// other setting makes it know one.
    pub(super) fn check_cluster(&self, has_etcd: bool) -> Result<(), ConfigError> {
        self.check_together().map_err(|why| {
            let is_vain = self.store == StoreKind::Etcd && !has_etcd;
            ConfigError::Together(if is_vain { WITHOUT_ETCD } else { why }.to_owned())
        })
    }

    fn check_together(&self) -> Result<(), &'static str> {
        let cluster = &self.cluster;
        let refuse = Err;
        if self.store == StoreKind::Etcd && cluster.endpoints.is_empty() {
            return refuse(
                "[store] kind = etcd is set, so [store] endpoints must name the cluster's members",
            );
        }
        let open = cluster.endpoints.iter().find(|one| !one.is_secure());
        if let Some(open) = open {
            if !open.is_this_machine() {
                return refuse(
                    "[store] endpoints: http is for a cluster on this machine only, everybody on the network could read along; use https",
                );
            }
            if cluster.authority_file.is_some() || cluster.certificate_file.is_some() {
                return refuse(
                    "[store] authority_file and certificate_file are for https, and [store] endpoints says http",
                );
            }
        } else if !cluster.endpoints.is_empty() && cluster.authority_file.is_none() {
            return refuse(
                "[store] endpoints says https, so [store] authority_file must name the certificates of the cluster's authority",
            );
        }
        if cluster.certificate_file.is_some() != cluster.key_file.is_some() {
            return refuse("[store] certificate_file and [store] key_file go together");
        }
        if cluster.user.is_some() != cluster.password_file.is_some() {
            return refuse("[store] user and [store] password_file go together");
        }
        Ok(())
    }

    /// Refuses settings of a place for monitoring that make no sense together, or would tell everybody.
    pub(super) fn check_metrics(&self) -> Result<(), ConfigError> {
        let metrics = &self.metrics;
        let refuse = |why: &str| Err(ConfigError::Together(why.to_owned()));
        if metrics.certificate_file.is_some() != metrics.key_file.is_some() {
            return refuse("[metrics] certificate and [metrics] key go together");
        }
        let Some(listen) = &metrics.listen else {
            return Ok(());
        };
        let is_socket = matches!(listen, MetricsPlace::Socket(_));
        if metrics.certificate_file.is_some() && is_socket {
            return refuse(
                "[metrics] certificate and key are for an address, and [metrics] listen is a socket of this machine; leave \
                 them out",
            );
        }
        if listen.is_for_strangers() {
            if metrics.token_file.is_none() {
                return refuse(
                    "[metrics] listen is an address that other machines reach, so [metrics] token_file must name the file \
                     with the token that monitoring shows",
                );
            }
            if metrics.certificate_file.is_none() {
                return refuse(
                    "[metrics] listen is an address that other machines reach, so [metrics] certificate and key must name \
                     what TLS is spoken with: everybody on the way could read along, and take the token",
                );
            }
        }
        Ok(())
    }

    /// Refuses settings for letters and the page that make no sense together.
    pub(super) fn check_letters(&self) -> Result<(), ConfigError> {
        let Self { mail, web, .. } = self;
        let refuse = |why: &str| Err(ConfigError::Together(why.to_owned()));
        if let Some(server) = &mail.server {
            if mail.from.is_none() {
                return refuse(
                    "[mail] server is set, so [mail] from must name the letters' sender",
                );
            }
            if web.base_url.is_none() {
                return refuse(
                    "[mail] server is set, so [web] base_url must say where the letters' links lead",
                );
            }
            if mail.security == MailSecurity::None && !is_this_machine(server) {
                return refuse(
                    "[mail] security = none is for a server on this machine only; use starttls or tls",
                );
            }
        }
        // The password of a user may be a credential that systemd hands to the service alone; a command beside it
        // needs none. Whoever opens the way to the mail server finds it missing.
        if mail.password_file.is_some() && mail.user.is_none() {
            return refuse("[mail] password_file and [mail] user go together");
        }
        if web.certificate_file.is_some() != web.key_file.is_some() {
            return refuse("[web] certificate and [web] key go together");
        }
        if web.listen.is_some() && web.base_url.is_none() {
            return refuse(
                "[web] listen is set, so [web] base_url must say how people reach the page",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_knows_no_cluster_asks_for_no_setting_of_one() {
        let without_endpoints = Config {
            store: StoreKind::Etcd,
            ..Config::default()
        };
        let said = |has_etcd| {
            without_endpoints
                .check_cluster(has_etcd)
                .unwrap_err()
                .to_string()
        };
        assert!(said(true).contains("endpoints must name"), "{}", said(true));
        assert_eq!(said(false), WITHOUT_ETCD);
        assert!(Config::default().check_cluster(false).is_ok());
    }
}
