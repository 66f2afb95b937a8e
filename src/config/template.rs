//! A configuration file to begin with: every setting explained, and commented out at its default.

use super::{
    setting::{Kind, SETTINGS, Setting},
    source::DEFAULT_FILE,
    values::Config,
};

/// The file. Nothing is set in it; without its comment signs, each line of a setting is allowed as it stands.
pub fn template() -> String {
    let mut text = format!(
        "# The settings of lpse-kiosk: {DEFAULT_FILE}\n#\n\
         # No setting is needed. Each line that sets something is a comment and shows the default, or an example where the\n\
         # default depends on the machine; take the # away to change it. `lpse-kiosk config` then checks this file and\n\
         # shows what is in force; lpse-kiosk.toml(5) tells the same as these comments. Secrets never stand here, only the\n\
         # paths of their files.\n"
    );
    let mut section = "";
    for setting in SETTINGS {
        if setting.section != section {
            section = setting.section;
            text.push_str(&format!("\n[{section}]\n"));
        }
        text.push('\n');
        text.push_str(&wrapped(&format!(
            "{}: {}. It may be {}.",
            setting.name, setting.means, setting.allowed
        )));
        let default = setting.own_value();
        if default.is_none() {
            text.push_str(&wrapped(&format!("Default: {}.", setting.default())));
        }
        let value = default.unwrap_or_else(|| example(setting));
        // A JSON string of text without control characters is also a TOML string.
        let value = match setting.kind {
            Kind::Number => value,
            Kind::Text => serde_json::Value::from(value).to_string(),
        };
        text.push_str(&format!("#{} = {value}\n", setting.name));
    }
    text
}

impl Setting {
    /// The default, where it is a value that does not depend on the machine.
    fn own_value(&self) -> Option<String> {
        match self.default_in_words {
            Some(_) => None,
            None => (self.value)(&Config::default()),
        }
    }
}

/// A value for a setting whose default can only be told in words.
fn example(setting: &Setting) -> String {
    let example = match (setting.section, setting.name) {
        ("kiosk", "terminal") => "loket-1",
        ("password", "threads") => "2",
        ("store", "endpoints") => {
            "https://10.0.0.1:2379, https://10.0.0.2:2379, https://10.0.0.3:2379"
        }
        ("store", "authority_file") => "/etc/lpse-kiosk/etcd-ca.pem",
        ("store", "certificate_file") => "/etc/lpse-kiosk/etcd.pem",
        ("store", "key_file") => "/etc/lpse-kiosk/etcd.key",
        ("store", "user") => "kiosk",
        ("store", "password_file") => "/etc/lpse-kiosk/etcd-password",
        ("store", "node") => "loket-jakarta",
        ("store", "data") => "/var/lib/lpse-kiosk",
        ("keys", "master_key_file") => "/etc/lpse-kiosk/master.key",
        ("mail", "server") => "mail.contoh.go.id",
        ("mail", "port") => "587",
        ("mail", "user") => "kiosk",
        ("mail", "password_file") => "/etc/lpse-kiosk/smtp-password",
        ("mail", "from") => "totp@lpse.contoh.go.id",
        ("mail", "hello") => "loket-1.contoh.go.id",
        ("web", "listen") => "127.0.0.1:8080",
        ("web", "base_url") => "https://lpse.contoh.go.id",
        ("web", "certificate") => "/etc/lpse-kiosk/web.pem",
        ("web", "key") => "/etc/lpse-kiosk/web.key",
        ("web", "trusted_proxies") => "127.0.0.1",
        (_, "proxies") => "10.0.0.10",
        ("ssh", "host_key") => "/var/lib/lpse-kiosk/ssh_host_ed25519_key",
        ("metrics", "listen") => "127.0.0.1:9464",
        ("log", "file") => "/var/log/lpse-kiosk/lpse-kiosk.log",
        ("log", "format") => "journald",
        ("audit", "file") => "/var/lib/lpse-kiosk/audit.jsonl",
        _ => return format!("/etc/lpse-kiosk/{}", setting.name),
    };
    example.to_owned()
}

/// A comment of lines that are not long.
fn wrapped(text: &str) -> String {
    const LONGEST: usize = 100;
    let mut lines = String::new();
    let mut line = String::from("#");
    for word in text.split(' ') {
        if line.len() + 1 + word.len() > LONGEST {
            lines.push_str(&line);
            lines.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    lines + &line + "\n"
}
