//! Monitoring: health and figures, whom they are told, and what is made of them: alerts, a dashboard, the manual's table.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    process::{Child, Command, Stdio},
};

use support::{Office, PASSWORD, eventually, free_port, manual, text};

use super::operations::asset;

/// What `GET path` answers: status, head, body.
fn get(port: u16, path: &str) -> Option<(u16, String, String)> {
    get_as(port, path, "*/*")
}

/// What `GET path` answers to who accepts only some media types.
fn get_as(port: u16, path: &str, accept: &str) -> Option<(u16, String, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, head.to_lowercase(), body.to_owned()))
}

/// The samples of an OpenMetrics exposition, by name and labels; fails where a line does not follow the format
/// (OpenMetrics 1.0, section "ABNF"), or a family is not whole.
fn samples(exposition: &str) -> HashMap<String, f64> {
    fn is_name(text: &str) -> bool {
        let first = |c: char| c.is_ascii_alphabetic() || c == '_';
        text.starts_with(first) && text.chars().all(|c| first(c) || c.is_ascii_digit())
    }
    let lines = exposition
        .strip_suffix("# EOF\n")
        .expect("the end is marked");
    let mut samples = HashMap::new();
    let (mut families, mut family, mut kind) = (Vec::new(), String::new(), String::new());
    for line in lines.split_terminator('\n') {
        if let Some(described) = line.strip_prefix("# ") {
            let mut words = described.splitn(3, ' ');
            let mut word = || words.next().unwrap_or_else(|| panic!("{line}"));
            let (what, name, rest) = (word(), word(), word());
            assert!(is_name(name), "{line}");
            if name != family {
                assert!(!families.contains(&name), "{name} comes twice");
                families.push(name);
                family = name.to_owned();
                kind.clear();
            }
            match what {
                "HELP" => assert!(!rest.is_empty(), "{line}"),
                "UNIT" => assert!(name.ends_with(&format!("_{rest}")), "{line}"),
                "TYPE" => kind = rest.to_owned(),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?}"));
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        assert!(is_name(name) && name.starts_with("lpse_kiosk_"), "{line}");
        let suffixes: &[&str] = match kind.as_str() {
            "counter" => &["_total"],
            "gauge" => &[""],
            "histogram" => &["_bucket", "_sum", "_count"],
            other => panic!("{other} of {line}"),
        };
        let suffix = name.strip_prefix(&family);
        assert!(
            suffix.is_some_and(|suffix| suffixes.contains(&suffix)),
            "{line}"
        );
        let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let (name, word) = label.split_once('=').unwrap_or_else(|| panic!("{line}"));
            let word = word
                .strip_prefix('"')
                .and_then(|word| word.strip_suffix('"'));
            let word = word.unwrap_or_else(|| panic!("{line}"));
            // No label is anything but one of our own words.
            let ours = |c: char| c.is_ascii_lowercase() || c == '_' || c == '-';
            let is_ours = match name {
                "le" => kind == "histogram" && word.parse::<f64>().is_ok(),
                "version" => word == env!("CARGO_PKG_VERSION"),
                _ => !word.is_empty() && word.chars().all(ours),
            };
            assert!(is_name(name) && is_ours, "{line}");
        }
        assert!(value >= 0.0, "{line}");
        assert!(
            samples.insert(series.to_owned(), value).is_none(),
            "{line} comes twice"
        );
    }
    samples
}

#[test]
fn monitoring_reads_health_and_figures_while_people_log_in() {
    let port = free_port();
    let office = Office::new().with("LPSE_KIOSK_METRICS_LISTEN", &format!("127.0.0.1:{port}"));
    let mut kiosk = office.kiosk();
    kiosk.expect("Selamat datang");
    // A look while it starts is told so.
    eventually("health", || {
        get(port, "/healthz").is_some_and(|(status, ..)| status == 200)
    });
    let (status, head, body) = get(port, "/healthz").unwrap();
    assert_eq!((status, body.as_str()), (200, "ok\n"));
    assert!(head.contains("\r\ncache-control: no-store"), "{head}");
    let figures = || {
        let (status, head, body) = get(port, "/metrics").expect("an answer");
        let kind =
            "\r\ncontent-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
        assert!(status == 200 && head.contains(kind), "{head}");
        for typed in [
            "PPK30",
            "ppk30",
            "loket",
            "contoh",
            "wrong-password",
            "127.0.0.1",
        ] {
            assert!(!body.contains(typed), "{typed}: {body}");
        }
        samples(&body)
    };
    let granted = "lpse_kiosk_acts_total{act=\"login\",outcome=\"done\",from=\"console\"}";
    let refused =
        "lpse_kiosk_acts_total{act=\"check-password\",outcome=\"refused\",from=\"console\"}";
    let before = figures();
    assert_eq!((before[granted], before[refused]), (0.0, 0.0));
    assert_eq!(before["lpse_kiosk_open_sessions{door=\"console\"}"], 1.0);
    assert_eq!(before["lpse_kiosk_store_up"], 1.0);
    assert_eq!(before["lpse_kiosk_clock_seconds"], office.clock() as f64);
    assert!(before["lpse_kiosk_store_free_bytes"] > before["lpse_kiosk_store_floor_bytes"]);
    kiosk.give_password("non-penyedia", "PPK30", "bukan ini passwordnya");
    kiosk.expect("tidak sesuai");
    office.pass(60);
    kiosk.submit_password(PASSWORD).expect("Siti Rahmawati");
    let after = figures();
    assert_eq!((after[granted], after[refused]), (1.0, 1.0));
    let commits = "lpse_kiosk_commits_total{outcome=\"applied\"}";
    assert!(after[commits] > before[commits], "{after:?}");
    let grown = |name: &str| after[name] - before[name];
    assert!(
        grown("lpse_kiosk_hash_wait_seconds_count") >= 2.0,
        "{after:?}"
    );
    assert!(grown("lpse_kiosk_commit_seconds_count") >= 1.0, "{after:?}");
    let first_screens = "lpse_kiosk_first_screen_seconds_count{door=\"console\"}";
    assert_eq!(after[first_screens], 1.0, "{after:?}");
    let checks = "lpse_kiosk_login_check_seconds_count{check=\"password\"}";
    assert_eq!(grown(checks), 2.0, "the wrong one too: {after:?}");
    kiosk.signal("TERM");
    kiosk.wait();
    assert_eq!(get(port, "/healthz"), None, "gone with the kiosk");
}

/// What promtool says to `input`, or of files; fails where it finds anything.
fn promtool(arguments: &[&str], input: &str) {
    let mut promtool = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed (Debian package prometheus)");
    let mut taken = promtool.stdin.take().unwrap();
    taken.write_all(input.as_bytes()).unwrap();
    drop(taken);
    let judged = promtool.wait_with_output().unwrap();
    let told = text(&judged.stdout) + &text(&judged.stderr);
    assert!(judged.status.success(), "{told}\n{input}");
}

/// The classic exposition of a kiosk that has everything of which there are figures.
fn classic_exposition() -> String {
    let cluster = support::cluster::Cluster::start();
    let office = Office::empty_embedded();
    let in_cluster = office
        .in_cluster(
            &cluster.endpoints(),
            &support::cluster::fresh_prefix(),
            "one",
        )
        .with_people();
    let (page_certificate, page_key) = pair(&in_cluster, "web");
    let (certificate, private) = pair(&in_cluster, "metrics");
    let port = free_port();
    let office = in_cluster
        .with(
            "LPSE_KIOSK_WEB_LISTEN",
            &format!("127.0.0.1:{}", free_port()),
        )
        .with("LPSE_KIOSK_WEB_BASE_URL", "https://lpse.contoh.go.id")
        .with("LPSE_KIOSK_WEB_CERTIFICATE", &page_certificate)
        .with("LPSE_KIOSK_WEB_KEY", &page_key)
        .with("LPSE_KIOSK_METRICS_LISTEN", &format!("127.0.0.1:{port}"))
        .with("LPSE_KIOSK_METRICS_CERTIFICATE", &certificate)
        .with("LPSE_KIOSK_METRICS_KEY", &private);
    let (key, backup) = (office.path("backup.key"), office.path("backup"));
    let [key, backup] = [&key, &backup].map(|path| path.display().to_string());
    support::succeeds(office.command(&["backup", "--new-key-file", &key, &backup]));
    support::succeeds(office.command(&["audit", "verify"]));
    let mut kiosk = office.kiosk();
    kiosk.expect("Selamat datang");
    let url = format!("https://localhost:{port}");
    let asked = |path: &str| {
        let of_path = format!("{url}{path}");
        curl(&[
            "--cacert",
            &certificate,
            "-H",
            "Accept: text/plain",
            &of_path,
        ])
    };
    eventually("health", || asked("/healthz").0 == 200);
    let mut exposition = String::new();
    // The members are asked beside the first look, and accounts are counted after the start.
    eventually("everything", || {
        let (status, body) = asked("/metrics");
        assert_eq!(status, 200, "{body}");
        exposition = body;
        ["lpse_kiosk_etcd_members{", "lpse_kiosk_accounts{"]
            .iter()
            .all(|name| exposition.contains(name))
    });
    exposition
}

/// A certificate for `localhost` with its key, in files of the office's, by the name.
fn pair(office: &Office, name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    let file = |name: String, pem: String| {
        let file = office.path(&name);
        fs::write(&file, pem).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        file.display().to_string()
    };
    (
        file(format!("{name}.pem"), made.cert.pem()),
        file(format!("{name}.key"), made.signing_key.serialize_pem()),
    )
}

/// What curl is answered: the status (0: nothing), and the body.
fn curl(arguments: &[&str]) -> (u16, String) {
    let told = Command::new("curl")
        .args([
            "--silent",
            "--noproxy",
            "*",
            "--write-out",
            "\n%{http_code}",
        ])
        .args(arguments)
        .output()
        .expect("curl is installed (Debian package curl)");
    let told = text(&told.stdout);
    let (body, status) = told.rsplit_once('\n').unwrap_or_else(|| panic!("{told}"));
    (status.parse().unwrap(), body.to_owned())
}

/// Every series of ours that `queries` name: the metric, and what its labels must be.
fn selected(queries: &str) -> Vec<(&str, Vec<(&str, &str)>)> {
    let named = queries.match_indices("lpse_kiosk_").map(|(at, _)| {
        let here = &queries[at..];
        let end = here.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, rest) = here.split_at(end.unwrap_or(here.len()));
        let matchers = rest
            .strip_prefix('{')
            .and_then(|rest| rest.split('}').next());
        let matchers = matchers.unwrap_or_default().split(',');
        let equals = matchers.filter_map(|matcher| matcher.split_once("=\""));
        (
            name,
            equals
                .map(|(label, word)| (label, word.trim_end_matches('"')))
                .collect(),
        )
    });
    named.collect()
}

/// What the manual's table says of each name: its labels, before anything is said of their words.
fn rows_of_the_manual() -> BTreeMap<String, BTreeSet<String>> {
    let page = manual::read("assets/manual/operating.md");
    let table = page
        .split("### What `/metrics` tells")
        .nth(1)
        .expect("the table");
    let table = table.split("\n### ").next().unwrap_or_default();
    let rows = table.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|');
        let name = cells.next()?.trim().trim_matches('`').to_owned();
        let labels = cells.next()?.split('`').skip(1).step_by(2);
        Some((name, labels.map(str::to_owned).collect()))
    });
    rows.collect()
}

fn the_manual_has_a_row_for_each_figure(exposition: &str) {
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let described = exposition.lines().filter_map(|line| {
        let (name, kind) = line.strip_prefix("# TYPE lpse_kiosk_")?.split_once(' ')?;
        Some((name, kind))
    });
    for (name, kind) in described {
        let suffix = if kind == "histogram" { "_count" } else { "" };
        let sample = format!("lpse_kiosk_{name}{suffix}");
        let samples = exposition
            .lines()
            .filter_map(|line| line.strip_prefix(&sample));
        let labels =
            samples.flat_map(|rest| rest.split("=\"").map(str::to_owned).collect::<Vec<_>>());
        let names = labels.filter_map(|before| {
            let name = before.rsplit(['{', ',']).next()?.to_owned();
            name.chars()
                .all(|c| c.is_ascii_lowercase() || c == '_')
                .then_some(name)
        });
        told.insert(
            name.to_owned(),
            names.filter(|name| !name.is_empty()).collect(),
        );
    }
    assert_eq!(told, rows_of_the_manual());
}

/// An alert that names no series is silent for ever, and its panel is empty.
#[test]
fn everything_is_told_as_prometheus_wants_it_and_alerts_dashboard_and_manual_name_nothing_else() {
    let exposition = classic_exposition();
    promtool(&["check", "metrics"], &exposition);
    the_manual_has_a_row_for_each_figure(&exposition);
    let rules = asset("monitoring/lpse-kiosk.rules.yml");
    promtool(&["check", "rules", &rules.display().to_string()], "");
    let rules = fs::read_to_string(rules).unwrap();
    let dashboard = fs::read_to_string(asset("monitoring/lpse-kiosk.dashboard.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut queries = vec![
        dashboard["templating"]["list"][1]["query"]
            .as_str()
            .unwrap(),
    ];
    for panel in panels {
        let targets = panel["targets"].as_array().expect("what a panel shows");
        assert!(!targets.is_empty(), "{panel}");
        queries.extend(
            targets
                .iter()
                .map(|target| target["expr"].as_str().unwrap()),
        );
    }
    let series: Vec<&str> = exposition
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    for (of, queries) in [("alerts", rules), ("dashboard", queries.join("\n"))] {
        let selected = selected(&queries);
        assert!(selected.len() > 10, "{of}: {selected:?}");
        for (name, labels) in selected {
            let is_told = series.iter().any(|line| {
                let rest = line.strip_prefix(name);
                rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
                    && labels
                        .iter()
                        .all(|(label, word)| line.contains(&format!("{label}=\"{word}\"")))
            });
            assert!(is_told, "{of}: {name} {labels:?}");
        }
    }
}

const TOKEN: &str = "2b7e151628aed2a6abf7158809cf4f3c2b7e1516";

/// The office with a token file, for `listen` and by TLS; and the certificate.
fn for_strangers(office: Office, listen: &str) -> (Office, String) {
    let (certificate, private) = pair(&office, "metrics");
    let token = office.path("metrics.token");
    fs::write(&token, format!("{TOKEN}\n")).unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let office = office
        .with("LPSE_KIOSK_METRICS_LISTEN", listen)
        .with(
            "LPSE_KIOSK_METRICS_TOKEN_FILE",
            &token.display().to_string(),
        )
        .with("LPSE_KIOSK_METRICS_CERTIFICATE", &certificate)
        .with("LPSE_KIOSK_METRICS_KEY", &private);
    (office, certificate)
}

#[test]
fn strangers_are_told_by_tls_and_with_the_token_and_nobody_else_is() {
    let port = free_port();
    let (office, certificate) = for_strangers(Office::empty(), &format!("0.0.0.0:{port}"));
    let mut kiosk = office.kiosk();
    kiosk.expect("Selamat datang");
    let at = |scheme: &str, path: &str| format!("{scheme}://localhost:{port}{path}");
    let ask = |path: &str, header: &str| {
        curl(&["--cacert", &certificate, "-H", header, &at("https", path)])
    };
    let nothing = "X-Nothing: 0";
    eventually("health", || ask("/healthz", nothing).0 == 200);
    assert_eq!(ask("/healthz", nothing), (200, "ok\n".into()));
    assert_eq!(ask("/readyz", nothing), (200, "ok\n".into()));
    let wrong = format!("Authorization: Bearer {}", TOKEN.replace('7', "8"));
    for header in [nothing, &wrong, "Authorization: Bearer"] {
        for path in ["/metrics", "/", "/nothing"] {
            let (status, body) = ask(path, header);
            assert_eq!(
                (status, body.as_str()),
                (401, "a token is asked for\n"),
                "{path}"
            );
        }
    }
    let shown = format!("Authorization: Bearer {TOKEN}");
    let (status, body) = ask("/metrics", &shown);
    assert!(
        status == 200 && body.contains("lpse_kiosk_store_up 1"),
        "{body}"
    );
    assert!(
        body.contains("lpse_kiosk_certificate_end_seconds{of=\"metrics\"}"),
        "{body}"
    );
    assert!(ask("/readyz", &shown).1.starts_with("doors: ok\n"));
    // Neither without TLS, nor where the certificate is nobody's that is known.
    assert_eq!(curl(&["-H", &shown, &at("http", "/metrics")]).0, 0);
    assert_eq!(curl(&["-H", &shown, &at("https", "/metrics")]).0, 0);
    // A renewed token is asked for from the next request on.
    let renewed = TOKEN.replace('7', "9");
    fs::write(office.path("metrics.token"), &renewed).unwrap();
    assert_eq!(ask("/metrics", &shown).0, 401);
    assert_eq!(
        ask("/metrics", &format!("Authorization: Bearer {renewed}")).0,
        200
    );
    // Whoever says nothing, or too much, keeps nobody else from anything.
    let silent: Vec<TcpStream> = (0..40)
        .map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap())
        .collect();
    let huge = format!("X-Huge: {}", "x".repeat(40_000));
    let (status, _) = ask("/healthz", &huge);
    assert!([0, 431].contains(&status), "{status}");
    drop(silent);
    eventually("health", || ask("/healthz", nothing).0 == 200);
    kiosk.signal("TERM");
    kiosk.wait();
    let log = fs::read_to_string(office.data().join("lpse-kiosk.log")).unwrap();
    assert!(!log.contains(TOKEN) && !log.contains(&renewed), "{log}");
}

#[test]
fn a_place_for_strangers_without_a_good_token_is_refused_and_says_what_to_do() {
    let (office, _) = for_strangers(Office::empty(), &format!("0.0.0.0:{}", free_port()));
    let token = office.path("metrics.token");
    for (content, mode, words) in [
        ("pendek", 0o600, "openssl rand -hex 32"),
        (TOKEN, 0o644, "metrics.token"),
    ] {
        fs::write(&token, content).unwrap();
        fs::set_permissions(&token, fs::Permissions::from_mode(mode)).unwrap();
        let mut kiosk = office.kiosk_of(160, 24);
        assert_eq!(kiosk.wait(), 1);
        eventually("the reason", || text(&kiosk.raw()).contains(words));
        assert!(!text(&kiosk.raw()).contains(content));
    }
}

#[test]
fn a_socket_tells_its_owner_and_its_group_and_goes_with_the_kiosk() {
    let socket = Office::empty();
    let path = socket.path("metrics.sock");
    let listen = format!("unix:{}", path.display());
    let group = Command::new("id").arg("--group").arg("--name").output();
    let group = text(&group.unwrap().stdout).trim().to_owned();
    let office = socket
        .with("LPSE_KIOSK_METRICS_LISTEN", &listen)
        .with("LPSE_KIOSK_METRICS_GROUP", &group);
    let mut kiosk = office.kiosk();
    kiosk.expect("Selamat datang");
    let shown = path.display().to_string();
    let ask = |path: &str| curl(&["--unix-socket", &shown, &format!("http://localhost{path}")]);
    eventually("health", || ask("/healthz").0 == 200);
    let (status, body) = ask("/metrics");
    assert_eq!(status, 200, "{body}");
    samples(&body);
    let found = fs::metadata(&path).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o660);
    // A second process finds it in use, and leaves it as it is.
    let second = Office::empty().with("LPSE_KIOSK_METRICS_LISTEN", &listen);
    let mut refused = second.kiosk_of(160, 24);
    assert_eq!(refused.wait(), 1);
    eventually("the reason", || {
        let told = text(&refused.raw());
        told.contains("metrics.sock") && told.contains("[metrics] listen")
    });
    assert_eq!(ask("/healthz").0, 200);
    // What a kill has left there is no hindrance.
    kiosk.signal("KILL");
    kiosk.wait();
    assert!(path.exists());
    let mut kiosk = office.kiosk();
    kiosk.expect("Selamat datang");
    eventually("health", || ask("/healthz").0 == 200);
    kiosk.signal("TERM");
    kiosk.wait();
    assert!(!path.exists());
}

/// A process that is killed at the end.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Prometheus itself, as the manual has it set up, reads what is told.
#[test]
fn prometheus_reads_the_figures_over_tls_with_the_manuals_settings() {
    let port = free_port();
    let office = Office::new();
    let (office, certificate) = for_strangers(office, &format!("0.0.0.0:{port}"));
    let mut kiosk = office.kiosk();
    kiosk.expect("Selamat datang");
    let example = manual::block_tried_by("assets/manual/operating.md", file!(), "scrape_configs");
    let token = office.path("metrics.token").display().to_string();
    let mut settings = example.text;
    for (of_manual, ours) in [
        ("/etc/prometheus/lpse-kiosk.token", token),
        ("/etc/prometheus/lpse-kiosk-ca.pem", certificate),
        ("lpse.contoh.go.id:9464", format!("localhost:{port}")),
    ] {
        assert!(settings.contains(of_manual), "{of_manual}");
        settings = settings.replace(of_manual, &ours);
    }
    let rules = asset("monitoring/lpse-kiosk.rules.yml");
    let settings = format!(
        "global:\n  scrape_interval: 1s\nrule_files:\n  - {}\n{settings}",
        rules.display()
    );
    let file = office.path("prometheus.yml");
    fs::write(&file, settings).unwrap();
    promtool(&["check", "config", &file.display().to_string()], "");
    let its_own = free_port();
    let _prometheus = Running(
        Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                office.path("tsdb").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{its_own}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is installed (Debian package prometheus)"),
    );
    let answer = |query: &str| {
        let url = format!("http://127.0.0.1:{its_own}/api/v1/query");
        curl(&["--get", "--data-urlencode", &format!("query={query}"), &url]).1
    };
    eventually("the figures at Prometheus", || {
        answer("sum(lpse_kiosk_accounts{job=\"lpse-kiosk\",totp=\"off\"})").contains("\"2\"]")
    });
    assert!(answer("up{job=\"lpse-kiosk\"}").contains("\"1\"]"));
}
