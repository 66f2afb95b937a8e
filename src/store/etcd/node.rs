//! A node's name belongs to one data folder: the records that are kept for each node (its visits, how far its audit log
//! has come, its slots) are of one machine and no other's.

use std::{fs, io};

use data_encoding::HEXLOWER;
use etcd_client::{Compare, CompareOp, Txn, TxnOp, TxnOpResponse};

use super::{
    super::folder::{Folder, OpenError},
    cluster::Cluster,
};

/// Where a folder keeps what tells it from all others.
const FILE: &str = "node";

/// Takes the name `node` for the data folder that `folder` is in, unless it is another one's.
pub async fn take(cluster: &Cluster, node: &str, folder: &Folder) -> Result<(), OpenError> {
    let id = folder_id(folder).map_err(|error| OpenError::Failed {
        folder: folder.path().display().to_string(),
        reason: error.to_string(),
    })?;
    let name = cluster.own(&format!("node/{node}"));
    let request = Txn::new()
        .when([Compare::version(name.clone(), CompareOp::Equal, 0)])
        .and_then([TxnOp::put(name.clone(), id.clone(), None)])
        .or_else([TxnOp::get(name, None)]);
    // Taking it twice is taking it once.
    let answer = cluster
        .read(|mut client| {
            let request = request.clone();
            async move { client.txn(request).await }
        })
        .await
        .map_err(|error| OpenError::Cluster {
            endpoints: format!("{cluster:?}"),
            reason: error.to_string(),
        })?;
    let owner = match answer.op_responses().first() {
        Some(TxnOpResponse::Get(get)) => get.kvs().first().map(|row| row.value().to_vec()),
        _ => None,
    };
    match owner.is_none_or(|owner| owner == id.as_bytes()) {
        true => Ok(()),
        false => Err(OpenError::NodeTaken(node.to_owned())),
    }
}

/// What tells this folder from all others: made once, and kept in it.
fn folder_id(folder: &Folder) -> io::Result<String> {
    match fs::read_to_string(folder.path().join(FILE)) {
        Ok(id) => return Ok(id.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let id = HEXLOWER.encode(&random);
    folder.keep(FILE, &id)?;
    Ok(id)
}
