//! `lpse-kiosk store copy`: everything from one store into another.

use std::{path::PathBuf, sync::Arc};

use clap::{Args, ValueHint};
use serde_json::json;

use crate::{
    adapter::{clock::SystemClock, file_owner, operator},
    assembly::store_copy,
    cli::{error::CliError, outcome::Form, progress, runtime::block_on, words::one_of},
    config::{Config, Flags, StoreKind},
    daemon::log,
    domain::{Source, audit::Act},
    service::store_copy::StoreCopyError,
};

/// Copy everything from one store into another, which is to be used from then on
///
/// End lpse-kiosk on this machine first; a data folder that is in use is refused. Other machines that share a store in a
/// cluster serve nobody while it is copied. The store to copy to must be empty.
/// When everything is copied, each record is read again from both and compared; then the store that was copied from serves
/// nobody any more, because a code must not be accepted in two places. Broken off, the same command goes on where it was;
/// before that, neither it nor anybody is served from the half that is there. Passwords, phones, spent codes, waits,
/// letters on their way: all of it stays as it is. The audit log stays in its data folder, and goes on.
///
/// The cluster is the one of [store] endpoints, whatever [store] kind says. Set [store] kind afterwards.
#[allow(
    rustdoc::broken_intra_doc_links,
    reason = "the words are those of --help"
)]
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk store copy --from sled --to etcd\n  \
        lpse-kiosk store copy --from etcd --to redb --to-data /var/lib/lpse-kiosk-new"
)]
pub struct CopyArguments {
    /// What is copied
    #[arg(long, value_name = "KIND", value_parser = one_of::<StoreKind, _>(StoreKind::ALL.map(StoreKind::as_str)))]
    from: StoreKind,
    /// Where it is copied to
    #[arg(long, value_name = "KIND", value_parser = one_of::<StoreKind, _>(StoreKind::ALL.map(StoreKind::as_str)))]
    to: StoreKind,
    /// The data folder of the store to copy from, where it is not --data
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    from_data: Option<PathBuf>,
    /// The data folder of the store to copy to, where it is not --data
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    to_data: Option<PathBuf>,
    #[command(flatten)]
    form: Form,
}

pub fn run(arguments: &CopyArguments, flags: &Flags) -> Result<(), CliError> {
    let side = |kind, data: &Option<PathBuf>| {
        let flags = Flags {
            store: Some(kind),
            data: data.clone().or_else(|| flags.data.clone()),
            ..flags.clone()
        };
        Config::load(&flags)
    };
    let from = side(arguments.from, &arguments.from_data)?;
    let to = side(arguments.to, &arguments.to_data)?;
    let is_cluster = |config: &Config| config.store == StoreKind::Etcd;
    if is_cluster(&from) && is_cluster(&to) {
        return Err(CliError::Usage(
            "both are the cluster of [store] endpoints; `backup` and `restore` lead from one cluster to another".into(),
        ));
    }
    if from.data == to.data && !is_cluster(&from) && !is_cluster(&to) {
        return Err(CliError::Usage(
            "a data folder holds one store; name another one with --to-data".into(),
        ));
    }
    file_owner::act_as_owner_of(&from.data);
    file_owner::make_folder(&to.data).map_err(|error| {
        let folder = to.data.display();
        CliError::Refused(format!("the folder {folder} cannot be made: {error}"))
    })?;
    log::warnings_to_standard_error();
    block_on(copy(&from, &to, arguments.form))
}

async fn copy(from: &Config, to: &Config, form: Form) -> Result<(), CliError> {
    let opened = store_copy::open_for_copy(from, to, Arc::new(SystemClock::start())).await?;
    let what = format!("{} to {}", shown(from), shown(to));
    let source = Source::Command(operator::of_this_process());
    let progress = progress::count("Copying", "{msg} {spinner} {pos} records  {rate}");
    let copied = opened
        .copying
        .copy(&what, &source, |records| progress.inc(records))
        .await;
    progress.finish_and_clear();
    opened.close().await;
    let copied = copied?;
    let and_folder = match from.data == to.data {
        true => String::new(),
        false => format!(", and the data folder {}", to.data.display()),
    };
    let told = format!(
        "{} records are the same in both, each read again and compared; {} of them were written now.\n\
         Set [store] kind = \"{}\"{and_folder}. The store that was copied from serves nobody any more.",
        copied.records, copied.written, to.store
    );
    let about = json!({
        "from": shown(from),
        "to": shown(to),
        "records": copied.records,
        "written": copied.written,
    });
    form.tell(Act::CopyStore, true, about, told)
}

/// A store, as the audit log calls it.
fn shown(config: &Config) -> String {
    match config.store {
        StoreKind::Etcd => format!("etcd, keys under {}", config.cluster.prefix),
        kind => format!("{kind} in {}", config.store_folder().display()),
    }
}

impl From<StoreCopyError> for CliError {
    fn from(error: StoreCopyError) -> Self {
        match error {
            StoreCopyError::Service(error) => Self::Service(error),
            error => Self::Refused(error.to_string()),
        }
    }
}
