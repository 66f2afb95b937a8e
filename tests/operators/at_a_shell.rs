//! What somebody sees who types a command at a shell, and what a pipe gets of the same.

use serde_json::json;
use support::{command::Place, refused};

#[test]
fn the_type_is_needed_only_where_a_user_id_is_that_of_two() {
    let place = Place::new();
    place.add("PPK30", "non-penyedia").ok();
    let told = |arguments: &[&str]| place.run(arguments).ok().out;
    assert!(told(&["user", "show", "ppk30"]).contains("non-penyedia"));
    assert_eq!(told(&["user", "suspend", "PPK30"]), "PPK30 is suspended.\n");
    told(&["user", "reinstate", "PPK30"]);
    told(&["user", "unlock", "PPK30"]);
    told(&["user", "end-logins", "PPK30"]);
    told(&["user", "reset-totp", "PPK30"]);
    told(&["user", "set-role", "PPK30", "officer"]);
    told(&["user", "set-email", "PPK30", "--email", "siti@contoh.go.id"]);
    let set = place.run_with(&["user", "set-password", "PPK30"], b"perahu layar biru");
    assert_eq!(set.ok().out, "Password of PPK30 set.\n");
    place
        .run(&["user", "suspend", "PPK31"])
        .refused(1, &["there is no account PPK31", "user list"]);
    place.add("PPK30", "penyedia").ok();
    for arguments in [
        &["user", "show", "PPK30"][..],
        &["user", "suspend", "PPK30"],
        &["user", "set-role", "PPK30", "user"],
        &["user", "set-email", "PPK30", "--email", "a@contoh.id"],
        &["user", "set-password", "PPK30"],
        &["user", "remove", "PPK30", "--yes"],
    ] {
        place.run(arguments).refused(
            2,
            &[
                "more than one account",
                "--type penyedia or --type non-penyedia",
            ],
        );
    }
    assert_eq!(place.show("PPK30", "penyedia")["suspended"], json!(null));
    told(&["user", "remove", "PPK30", "--type", "penyedia", "--yes"]);
    assert_eq!(
        told(&["user", "remove", "PPK30", "--yes"]),
        "Removed non-penyedia PPK30.\n"
    );
    // There is nothing to go by for an account that is to be.
    place
        .run(&[
            "user",
            "add",
            "ABC",
            "--name",
            "A",
            "--email",
            "a@contoh.id",
        ])
        .refused(2, &["--type"]);
}
