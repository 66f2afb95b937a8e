//! A router on the network: accepting, TLS, HTTP/1.1, and an end to everything that takes too long.

use std::{
    convert::Infallible,
    io,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{Router, body::Body};
use hyper::{
    Response, StatusCode,
    header::{CONNECTION, HeaderValue},
    server::conn::http1,
    service::Service as _,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use super::{
    Limits, Peer,
    connections::{Connections, Slot},
    head::{StrictLines, names_one_host},
    listener::{Listener, Newcomer, Stream},
};
use crate::{
    domain::{SourceKey, network::Networks},
    frontend::{
        admission::rate::Rates,
        proxy::{Headers, Heard, Speaker},
        transport::Transport,
    },
};

/// The certificate and all else of TLS as it is now, asked for at each connection: one that was renewed asks for no restart.
pub type TlsInForce = Arc<dyn Fn() -> Arc<ServerConfig> + Send + Sync>;

/// A router, and how it is served.
pub struct Server<C> {
    /// What the log calls it, such as "the reset page".
    pub what: &'static str,
    /// Its requests carry a [`Peer`].
    pub router: Router,
    /// Without it, plain HTTP.
    pub tls: Option<TlsInForce>,
    pub limits: Limits,
    /// Balancers whose connections begin with a PROXY header.
    pub proxies: Networks,
    /// The source under which a peer's connections count together; `None`: they do not, because it speaks for many.
    pub source: C,
}

/// What every connection is served with.
#[derive(Clone)]
struct Desk {
    router: Router,
    tls: Option<Tls>,
    limits: Limits,
    leave: watch::Receiver<bool>,
}

/// TLS, and the thread on which its handshakes are calculated.
#[derive(Clone)]
struct Tls {
    in_force: TlsInForce,
    transport: Transport,
}

impl Tls {
    fn new(in_force: TlsInForce) -> io::Result<Self> {
        Ok(Self {
            in_force,
            transport: Transport::start("tls")?,
        })
    }
}

impl<C: Fn(Peer) -> Option<SourceKey>> Server<C> {
    /// Serves on `listener` until `leave` turns true, then ends what is being answered and closes the rest.
    ///
    /// # Errors
    /// The listener cannot be used at all. What goes wrong with one connection ends that connection.
    pub async fn serve(
        self,
        listener: impl Into<Listener>,
        mut leave: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let listener = listener.into().open()?;
        let connections = Connections::new(&self.limits);
        let handshakes = Rates::new(self.limits.handshakes_a_minute, self.limits.counted_sources);
        let begun = Instant::now();
        let desk = Desk {
            router: self.router,
            tls: self.tls.map(Tls::new).transpose()?,
            limits: self.limits,
            leave: leave.clone(),
        };
        let mut open = JoinSet::new();
        let mut headers = Headers::new(self.what);
        loop {
            let (stream, speaker) = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok(Newcomer::FromAddress(stream, address)) => {
                        if self.proxies.holds(address) {
                            headers.read(stream, address, self.proxies.clone());
                            continue;
                        }
                        (Stream::Tcp(stream), Speaker::Caller(address))
                    }
                    Ok(Newcomer::FromSocket(stream)) => {
                        (Stream::Unix(stream), Speaker::Caller(Newcomer::HERE))
                    }
                    // Out of descriptors, or a caller that has gone; waiting is all that helps.
                    Err(error) => {
                        tracing::warn!(%error, "{} cannot accept a connection", self.what);
                        sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
                Some(heard) = headers.next() => match heard {
                    Ok(Heard { stream, speaker }) => (Stream::Tcp(stream), speaker),
                    Err(_) => continue,
                },
                // A connection whose task panicked has ended with it, and no other.
                Some(_) = open.join_next() => continue,
                () = asked_to(&mut leave) => break,
            };
            // A balancer that looks whether all is well counts as one that speaks for many.
            let peer = match speaker {
                Speaker::Caller(address) => Some(Peer(address)),
                Speaker::Balancer => None,
            };
            let source = peer.and_then(&self.source);
            let shakes_too_often = |source: &SourceKey| {
                desk.tls.is_some() && handshakes.count(source.clone(), begun.elapsed()).is_err()
            };
            // Whoever has no slot is hung up on: a page would cost what the limit is there to save.
            if source.as_ref().is_some_and(shakes_too_often) {
                continue;
            }
            if let Some(slot) = connections.take(source) {
                open.spawn(desk.clone().attend(stream, peer, slot));
            }
        }
        drop((listener, headers));
        let ended = timeout(self.limits.goodbye, async {
            while open.join_next().await.is_some() {}
        });
        if ended.await.is_err() {
            open.shutdown().await;
        }
        Ok(())
    }
}

/// An answer that is a status and no more.
fn bare(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

/// Returns when the program is to leave; pends for ever when nobody is there to ask it.
async fn asked_to(leave: &mut watch::Receiver<bool>) {
    if leave.wait_for(|leave| *leave).await.is_err() {
        std::future::pending().await
    }
}

impl Desk {
    /// Serves a connection of `peer`'s; without one it is a balancer's own.
    async fn attend(self, stream: Stream, peer: Option<Peer>, slot: Slot) {
        stream.send_at_once();
        tokio::select! {
            () = slot.displaced() => {}
            () = self.greet(stream, peer, &slot) => {}
        }
    }

    async fn greet(&self, stream: Stream, peer: Option<Peer>, slot: &Slot) {
        match &self.tls {
            None => self.talk(stream, peer, slot).await,
            Some(tls) => {
                let acceptor = TlsAcceptor::from((tls.in_force)());
                let shaking = tls.transport.run(acceptor.accept(stream));
                let shaken = timeout(self.limits.handshake, shaking).await;
                if let Ok(Ok(Ok(stream))) = shaken {
                    self.talk(stream, peer, slot).await;
                }
            }
        }
    }

    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        peer: Option<Peer>,
        slot: &Slot,
    ) {
        let stream = StrictLines::new(stream);
        let is_last = stream.is_last();
        let router = TowerToHyperService::new(self.router.clone());
        let service = hyper::service::service_fn(|request: hyper::Request<_>| {
            let mut request = request.map(Body::new);
            let answering = slot.answering();
            let answer = match peer {
                // Nobody asks for a page; that there is an answer is all that a balancer wants to know.
                None => Err(StatusCode::NO_CONTENT),
                // It is not known for whom the request is.
                Some(_) if !names_one_host(&request) => Err(StatusCode::BAD_REQUEST),
                Some(peer) => {
                    request.extensions_mut().insert(peer);
                    Ok(router.call(request))
                }
            };
            let is_last = answer.is_err() || is_last.load(Ordering::Relaxed);
            async move {
                let mut answer = match answer {
                    Ok(answer) => answer.await?,
                    Err(status) => bare(status),
                };
                drop(answering);
                if is_last {
                    let close = HeaderValue::from_static("close");
                    answer.headers_mut().insert(CONNECTION, close);
                }
                Ok::<_, Infallible>(answer)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head)
            .max_buf_size(self.limits.head_bytes)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let mut leave = self.leave.clone();
        let end = Instant::now() + self.limits.connection;
        // Early enough that a request which has just begun is still answered before the end.
        let last_call = end - self.limits.request.min(self.limits.connection);
        let mut closing = false;
        loop {
            tokio::select! {
                _ = connection.as_mut() => return,
                () = sleep_until(end) => return,
                () = sleep_until(last_call), if !closing => {}
                () = asked_to(&mut leave), if !closing => {}
            }
            closing = true;
            connection.as_mut().graceful_shutdown();
        }
    }
}
