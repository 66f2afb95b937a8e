//! Every page in both languages, with its status and its headers.

use super::*;

pub fn is_whole_page(answer: &Answer, language: &str, https: bool) {
    let body = &answer.body;
    assert!(
        body.starts_with(&format!("<!DOCTYPE html>\n<html lang=\"{language}\">")),
        "{body}"
    );
    assert_eq!(body.matches("<h1>").count(), 1, "{body}");
    assert!(body.contains("LPSE Kota Contoh</title>") && body.contains("name=\"viewport\""));
    for tag in body.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        // What the policy would refuse is not written in the first place.
        assert!(
            !tag.starts_with("script") && !tag.contains(" style=") && !tag.contains(" on"),
            "{tag}"
        );
    }
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("content-language"), language);
    has_all_headers(answer, https);
}

pub fn has_all_headers(answer: &Answer, https: bool) {
    let policy = answer.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(policy.ends_with("='; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"));
    for (name, value) in [
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-robots-tag", "noindex"),
        (
            "strict-transport-security",
            if https { "max-age=31536000" } else { "" },
        ),
        ("server", ""),
        ("x-powered-by", ""),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn the_whole_way_in_both_languages() {
    for (language, ask, confirm, done) in [
        (
            "id",
            "<h1>Reset TOTP</h1>",
            "<h1>Yakin reset TOTP akun ini?</h1>",
            "<h1>TOTP sudah di-reset</h1>",
        ),
        (
            "en",
            "<h1>Reset TOTP</h1>",
            "<h1>Reset the TOTP of this account?</h1>",
            "<h1>TOTP has been reset</h1>",
        ),
    ] {
        let office = Office::new();
        let first = office.get(&format!("{}&bahasa={language}", path())).await;
        assert_eq!(first.status, StatusCode::OK);
        is_whole_page(&first, language, true);
        assert!(first.body.contains(ask) && first.body.contains("<dd>PP**0</dd>"));
        assert!(first.body.contains("<dd>NON PENYEDIA</dd>"));
        assert!(
            first
                .body
                .contains("<button class=\"button\">Reset TOTP</button>")
        );

        let second = office.post(&first.form()).await;
        assert_eq!(second.status, StatusCode::OK);
        is_whole_page(&second, language, true);
        assert!(
            second.body.contains(confirm)
                && second.body.contains("<button class=\"button\">OK</button>")
        );
        assert_eq!(office.confirmed(), 0);

        let third = office.post(&second.form()).await;
        assert_eq!(third.status, StatusCode::SEE_OTHER);
        has_all_headers(&third, true);
        let location = third.header("location").to_owned();
        assert_eq!(location, format!("{LINK_PATH}/selesai?bahasa={language}"));
        assert_eq!(office.confirmed(), 1);

        let result = office.get(&location).await;
        is_whole_page(&result, language, true);
        assert!(result.body.contains(done) && result.body.contains("ENABLE TOTP"));
        assert!(!result.body.contains("PP**0") && !result.body.contains("kode="));

        let again = office.post(&second.form()).await;
        assert_eq!((again.status, office.confirmed()), (StatusCode::GONE, 1));
    }
}

#[tokio::test]
async fn every_page_can_be_read_in_the_other_language() {
    let office = Office::new();
    let first = office.get(&path()).await;
    let query = link().query().replace('&', "&amp;");
    assert!(
        first
            .body
            .contains(&format!("href=\"{LINK_PATH}?{query}&amp;bahasa=en\"")),
        "{}",
        first.body
    );
    let second = office.post(&first.form()).await;
    let (_, header) = second.body.split_once("<header>").unwrap();
    let (switch, _) = header.split_once("</header>").unwrap();
    let english = office.post(&form_fields(switch)).await;
    is_whole_page(&english, "en", true);
    assert!(english.body.contains("Choose OK to turn TOTP off"));
    let (_, cancel) = english
        .body
        .split_once("<a class=\"button quiet\" href=\"")
        .unwrap();
    let (cancel, _) = cancel.split_once('"').unwrap();
    let cancelled = office.get(cancel).await;
    is_whole_page(&cancelled, "en", true);
    assert!(cancelled.body.contains("Reset cancelled"));
    assert_eq!(office.confirmed(), 0);
}

#[tokio::test]
async fn every_problem_has_its_status_and_its_page_in_both_languages() {
    let cases = [
        (
            Mood::Void(Void::Expired),
            410,
            "Tautan sudah kedaluwarsa",
            "The link has expired",
        ),
        (
            Mood::Void(Void::Used),
            410,
            "Tautan sudah dipakai",
            "The link has been used",
        ),
        (
            Mood::Void(Void::Unknown),
            404,
            "Tautan tidak berlaku",
            "The link is not valid",
        ),
        (
            Mood::Wait(Duration::from_millis(89_500)),
            429,
            "1 menit 30 detik",
            "1 min 30 s",
        ),
        (
            Mood::Unavailable,
            503,
            "Layanan sedang tidak tersedia",
            "The service is not available",
        ),
        (
            Mood::Away,
            503,
            "Layanan di mesin ini sedang dipelihara atau sudah dipindahkan.",
            "The service at this machine is being maintained, or has moved.",
        ),
        (
            Mood::Panics,
            503,
            "Layanan sedang tidak tersedia",
            "The service is not available",
        ),
    ];
    for (mood, status, id, en) in cases {
        for (language, words) in [("id", id), ("en", en)] {
            let office = Office::new();
            let first = office.get(&format!("{}&bahasa={language}", path())).await;
            let second = office.post(&first.form()).await;
            office.set_mood(mood);
            for answer in [
                office.get(&format!("{}&bahasa={language}", path())).await,
                office.post(&first.form()).await,
                office.post(&second.form()).await,
            ] {
                assert_eq!(answer.status.as_u16(), status);
                is_whole_page(&answer, language, true);
                assert!(answer.body.contains(words), "{}", answer.body);
                assert!(
                    !answer.body.contains("the disk is full") && !answer.body.contains("PP**0")
                );
                let wait = match mood {
                    Mood::Wait(_) => "90",
                    Mood::Unavailable | Mood::Panics => "60",
                    _ => "",
                };
                assert_eq!(answer.header("retry-after"), wait);
            }
            assert_eq!(office.confirmed(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_answers_is_not_waited_for() {
    let office = Office::new();
    office.set_mood(Mood::Stalls);
    let answer = office.get(&path()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn addresses_and_methods_that_are_not_ours_have_their_pages() {
    let office = Office::new();
    for (path, id) in [
        ("/", "Halaman tidak ditemukan"),
        ("/proc4user/resettotp/", "Halaman tidak ditemukan"),
        (
            "/proc4user/resettotp/selesai/..%2f",
            "Halaman tidak ditemukan",
        ),
        ("/.env?bahasa=id", "Halaman tidak ditemukan"),
    ] {
        let answer = office.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        is_whole_page(&answer, "id", true);
        assert!(answer.body.contains(id));
    }
    is_whole_page(&office.get("/x?bahasa=en").await, "en", true);
    for (path, allow) in [
        (path(), ["GET", "HEAD", "POST"].as_slice()),
        (format!("{LINK_PATH}/selesai"), &["GET", "HEAD"]),
        (format!("{LINK_PATH}/batal"), &["GET", "HEAD"]),
    ] {
        for method in ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND"] {
            let request = Request::builder().method(method).uri(&path);
            let answer = office.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(
                answer.status,
                StatusCode::METHOD_NOT_ALLOWED,
                "{method} {path}"
            );
            is_whole_page(&answer, "id", true);
            let mut allowed: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
            allowed.sort_unstable();
            assert_eq!(allowed, allow, "{method} {path}");
        }
    }
    assert_eq!(office.resets.found.load(SeqCst), 0);
}

#[tokio::test]
async fn malformed_and_duplicated_links_are_400() {
    let office = Office::new();
    let whole = path();
    for (path, words) in [
        (LINK_PATH.to_owned(), "Tautan tidak lengkap"),
        (whole[..whole.len() - 1].to_owned(), "Tautan tidak lengkap"),
        (
            format!("{whole}&x={}", "x".repeat(2048)),
            "Tautan tidak lengkap",
        ),
        (format!("{whole}&userId=PPK31"), "Tautan tidak wajar"),
        (format!("{whole}&bahasa=id&bahasa=en"), "Tautan tidak wajar"),
    ] {
        let answer = office.get(&path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        is_whole_page(&answer, "id", true);
        assert!(answer.body.contains(words), "{path}");
    }
    assert_eq!(office.resets.found.load(SeqCst), 0);
}

#[tokio::test]
async fn a_link_that_was_changed_on_the_way_is_opened_and_shows_no_more_than_before() {
    let office = Office::new();
    let usual = office.get(&path()).await;
    let query = link().query().to_string();
    for changed in [
        query.replace("%2B", "+"),
        query.replace("%2B", "%252B"),
        query.replace('%', "%25"),
        query.replace('&', "&amp;"),
        query.replace('&', "%26").replace('=', "%3D"),
        format!("{query}."),
        format!("{query})"),
        format!("{query}%3E"),
        format!("{query}%0D%0A"),
        format!("{query}%20"),
    ] {
        let first = office.get(&format!("{LINK_PATH}?{changed}")).await;
        assert_eq!(first.status, StatusCode::OK, "{changed}");
        is_whole_page(&first, "id", true);
        assert!(
            first.body.len() <= usual.body.len(),
            "{changed}: {}",
            first.body
        );
        // Its own form is a form like any other.
        let second = office.post(&first.form()).await;
        assert_eq!(second.status, StatusCode::OK, "{changed}");
    }
    for (changed, status) in [
        (query.replace("a4dq", "b4dq"), 404),
        (query.replace("PPK30", "PPK31"), 404),
        (format!("{query}a"), 400),
        (format!("{query}&amp;kode=x"), 400),
        (
            format!("{query}&x={}", "%26kode%3Db4dqobyha4dqobyha4dqobyha4dqobyh"),
            400,
        ),
    ] {
        let answer = office.get(&format!("{LINK_PATH}?{changed}")).await;
        assert_eq!(answer.status.as_u16(), status, "{changed}");
        assert!(!answer.body.contains("PP**0"), "{changed}");
    }
    assert_eq!(office.confirmed(), 0);
}

#[tokio::test]
async fn a_base_url_with_a_path_is_served_with_it_and_without() {
    let office = Office::with("http://127.0.0.1:8080/eproc4", |_| {});
    for prefix in ["", "/eproc4"] {
        let first = office.get(&format!("{prefix}{}", path())).await;
        is_whole_page(&first, "id", false);
        assert!(
            first
                .body
                .contains("action=\"/eproc4/proc4user/resettotp\"")
        );
    }
}
