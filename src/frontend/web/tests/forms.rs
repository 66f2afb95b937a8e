//! Forms that are not ours: none of them resets anything.

use super::*;

/// The confirmation's form, which would reset.
async fn ready(office: &Office) -> String {
    let first = office.get(&path()).await;
    office.post(&first.form()).await.form()
}

#[tokio::test]
async fn what_does_not_come_from_our_page_is_refused() {
    let office = Office::new();
    let form = ready(&office).await;
    let asked = office.resets.found.load(SeqCst);
    for headers in [
        &[("origin", "https://jahat.example")][..],
        &[("origin", "http://lpse.contoh.go.id")],
        &[("origin", "https://lpse.contoh.go.id:8443")],
        &[("sec-fetch-site", "cross-site"), ("origin", "null")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
    ] {
        let answer = office.post_with(headers, &form).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
        assert!(answer.body.contains("Formulir tidak dapat diproses"));
    }
    for kind in [
        "",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/json",
    ] {
        let answer = office.post_with(&[("content-type", kind)], &form).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    assert_eq!(
        (office.confirmed(), office.resets.found.load(SeqCst)),
        (0, asked)
    );
    let kind = "Application/X-WWW-Form-Urlencoded; charset=UTF-8";
    let headers = [
        ("content-type", kind),
        ("origin", "null"),
        ("sec-fetch-site", "same-origin"),
    ];
    assert_eq!(
        office.post_with(&headers, &form).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn a_forged_changed_or_incomplete_form_is_refused() {
    let office = Office::new();
    let first = office.get(&path()).await.form();
    let second = office.post(&first).await.form();
    let (head, seal) = second.split_once("tanda=").unwrap();
    let (seal, tail) = seal.split_once('&').unwrap();
    let asked = office.resets.found.load(SeqCst);
    let link = link();
    let link = link.query();
    for (what, form, status) in [
        (
            "without an anti-forgery value",
            format!("{head}{tail}"),
            403,
        ),
        ("with an empty one", format!("{head}tanda=&{tail}"), 403),
        (
            "with a changed one",
            format!("{head}tanda=A{seal}&{tail}"),
            403,
        ),
        ("without a step", second.replace("langkah=2&", ""), 403),
        (
            "with a step there is none",
            second.replace("langkah=2", "langkah=3"),
            403,
        ),
        (
            "skipping the question",
            first.replace("langkah=1", "langkah=2"),
            403,
        ),
        ("for another token", second.replace("a4dq", "b4dq"), 403),
        ("with the step twice", format!("{second}&langkah=2"), 400),
        (
            "with the value twice",
            format!("{second}&tanda={seal}"),
            400,
        ),
        (
            "with the account twice",
            format!("{second}&userId=PPK31"),
            400,
        ),
        (
            "with the account twice, the other first",
            format!("userId=PPK31&{second}"),
            400,
        ),
        ("without the link", second.replace(link.as_str(), ""), 400),
        ("that is empty", String::new(), 400),
        (
            "larger than 4 KiB",
            format!("{second}&x={}", "x".repeat(4096)),
            413,
        ),
    ] {
        let answer = office.post(&form).await;
        assert_eq!(answer.status.as_u16(), status, "a form {what}");
        assert_eq!(
            (office.confirmed(), office.resets.found.load(SeqCst)),
            (0, asked),
            "a form {what}"
        );
    }
    let request = Request::post(path()).header("content-type", "application/x-www-form-urlencoded");
    let answer = office
        .send(request.body(Body::from(second.clone())).unwrap())
        .await;
    assert_eq!(
        answer.status,
        StatusCode::BAD_REQUEST,
        "parameters in two places"
    );
    let request =
        Request::post(LINK_PATH).header("content-type", "application/x-www-form-urlencoded");
    let answer = office
        .send(request.body(Body::from(vec![0xff, 0xfe])).unwrap())
        .await;
    assert_eq!(
        (answer.status, office.confirmed()),
        (StatusCode::BAD_REQUEST, 0)
    );
    assert_eq!(office.post(&second).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_form_for_another_account_is_the_generic_error_and_changes_nothing() {
    let office = Office::new();
    let form = ready(&office).await;
    for (part, other) in [
        ("userId=PPK30", "userId=PPK31"),
        ("isRekanan=0", "isRekanan=1"),
        ("email=siti", "email=budi"),
    ] {
        let answer = office.post(&form.replace(part, other)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{other}");
        assert!(answer.body.contains("Tautan tidak berlaku") && !answer.body.contains("PP**0"));
        assert_eq!(office.confirmed(), 0);
    }
}

#[tokio::test]
async fn a_form_that_was_open_for_half_an_hour_is_refused_and_so_is_one_from_the_future() {
    let office = Office::new();
    let form = ready(&office).await;
    for seconds in [30 * 60, -60 * 60] {
        office.clock.0.fetch_add(seconds, SeqCst);
        let answer = office.post(&form).await;
        assert_eq!(
            (answer.status, office.confirmed()),
            (StatusCode::FORBIDDEN, 0)
        );
        office.clock.0.fetch_sub(seconds, SeqCst);
    }
    office.clock.0.fetch_add(29 * 60, SeqCst);
    assert_eq!(office.post(&form).await.status, StatusCode::SEE_OTHER);
}

fn vault(key: u8) -> Vault {
    Vault::new(MasterKey::from_bytes([key; MasterKey::LENGTH]), Vec::new())
}

#[tokio::test]
async fn a_rotation_of_the_master_key_needs_no_restart_and_spoils_no_open_form() {
    let key = |byte| MasterKey::from_bytes([byte; MasterKey::LENGTH]);
    let (old, new) = (key(5), key(6));
    let both = Vault::new(old.clone(), vec![new.clone()]);
    let office = Office::with("https://lpse.contoh.go.id", |web| {
        web.vault = both.clone();
    });
    let before = ready(&office).await;
    both.seal_with(&new.id()).unwrap();
    let after = office.get(&path()).await;
    assert_eq!(office.post(&after.form()).await.status, StatusCode::OK);
    assert_eq!(office.post(&before).await.status, StatusCode::SEE_OTHER);
    // It is the new key that seals now: a machine that has no other knows the form, and the old key's does not.
    for (vault, status) in [
        (vault(6), StatusCode::OK),
        (vault(5), StatusCode::FORBIDDEN),
    ] {
        let elsewhere = Office::with("https://lpse.contoh.go.id", |web| web.vault = vault);
        assert_eq!(elsewhere.post(&after.form()).await.status, status);
    }
}

#[tokio::test]
async fn another_offices_form_is_refused() {
    let (office, other) = (
        Office::new(),
        Office::with("https://lpse.contoh.go.id", |web| {
            web.vault = vault(6);
        }),
    );
    let form = ready(&other).await;
    assert_eq!(office.post(&form).await.status, StatusCode::FORBIDDEN);
    assert_eq!(office.confirmed(), 0);
}
