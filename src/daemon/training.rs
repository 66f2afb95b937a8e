//! The sample accounts of training mode.

use crate::{
    domain::{
        AccountKey, EmailAddress, PersonName, PlainPassword, Source, UserId, UserType,
        account::Role, source::OwnPlace,
    },
    service::{ServiceError, Services, accounts::NewAccount},
    tui::SampleAccount,
};

/// The sample accounts, with the passwords that the menu shows.
pub fn samples() -> Vec<SampleAccount> {
    let sample = |user_type, user_id, password: &str| SampleAccount {
        user_type,
        user_id: UserId::parse(user_id).expect("the sample IDs are well formed"),
        password: password.to_owned(),
    };
    vec![
        sample(UserType::NonPenyedia, "PPK30", "mangga-manis-30"),
        sample(UserType::NonPenyedia, "POKJA7", "kopi-gayo-panas-7"),
        sample(UserType::NonPenyedia, OFFICER, "batik-tulis-solo-1"),
        sample(UserType::Penyedia, "CVMAJU", "perahu-layar-biru"),
        sample(UserType::Penyedia, "PTSINAR", "lampu-taman-kota"),
    ]
}

/// The sample by whom the officer's desk is tried out.
const OFFICER: &str = "PETUGAS1";

/// Adds the sample accounts; a folder that is kept has them already.
pub async fn add_samples(
    services: &Services,
    samples: &[SampleAccount],
) -> Result<(), ServiceError> {
    let names = [
        "Siti Rahmawati",
        "Budi Santoso",
        "Rina Wulandari",
        "CV Maju Bersama",
        "PT Sinar Harapan",
    ];
    let from = Source::own(OwnPlace::Training);
    for (sample, name) in samples.iter().zip(names) {
        let key = AccountKey::new(sample.user_type, sample.user_id.clone());
        if services.accounts.get(&key).await?.is_some() {
            continue;
        }
        let password =
            PlainPassword::typed(&sample.password).expect("the sample passwords are short");
        let id = sample.user_id.as_str().to_ascii_lowercase();
        let new = NewAccount {
            key,
            name: PersonName::parse(name).expect("the sample names are plain"),
            email: EmailAddress::parse(&format!("{id}@contoh.go.id"))
                .expect("the sample addresses are plain"),
            role: match sample.user_id.as_str() {
                OFFICER => Role::Officer,
                _ => Role::User,
            },
            password: services.accounts.hash(password).await?,
        };
        if let Err(error) = services.accounts.add(new, &from).await {
            return Err(ServiceError::Unavailable(error.to_string()));
        }
    }
    Ok(())
}
