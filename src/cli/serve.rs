//! `rapport serve`: answer over gRPC until told to stop.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::Usage;
use super::loading::LoadLog;
use super::output;
use crate::bundle::Registry;
use crate::config::{Config, parse_listen};
use crate::grpc::{self, ServerOptions, Stopped};
use crate::serve::Engine;

/// Answer over gRPC, from the registry's current bundle; swap to a new one when it is published.
///
/// The server starts without a bundle too: its health is NOT_SERVING until one is loaded. It stops on SIGINT and SIGTERM
/// after finishing what is in flight.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the trained bundles [default: models/registry, or the configuration's]
    #[arg(long, value_name = "DIR")]
    registry: Option<PathBuf>,
    /// Address and port; port 0 takes a free one [default: 127.0.0.1:50051, or the configuration's]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The server's configuration; the README documents every key.
    #[arg(long, value_name = "TOML")]
    config: Option<PathBuf>,
}

/// Runs `rapport serve`.
///
/// # Errors
/// A configuration that cannot be used, an address that is taken, a server that breaks down.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let mut config = Config::read(args.config.as_deref())?;
    if let Some(listen) = &args.listen {
        config.listen = listen_on(listen)?;
    }
    if let Some(registry) = &args.registry {
        config.registry.clone_from(registry);
    }
    let runtime = Runtime::new().context("cannot start the server's threads")?;
    runtime.block_on(async {
        let (listener, address) = bind(config.listen).await?;
        let stop = stop_signal()?;
        output::print(&format!(
            "listening on http://{address}, serving {} (stop with Ctrl-C)",
            config.registry.display()
        ))?;
        if let Ok(None) = Registry::new(&config.registry).current() {
            output::print(
                "no model is current yet: the server answers once `rapport train` has published one",
            )?;
        }
        let stopped = serve(listener, &config, stop).await?;
        output::print(match stopped {
            Stopped::Drained => "stopped, every request was answered",
            Stopped::CutOff => "stopped, requests still in flight were cut off",
        })
    })
}

/// The address of a `--listen` argument.
///
/// # Errors
/// [`Usage`] for what is no IP address and port.
pub fn listen_on(listen: &str) -> Result<SocketAddr, Usage> {
    parse_listen(listen).map_err(|_| {
        Usage(format!(
            "--listen {listen} is not an IP address and a port, such as 127.0.0.1:50051 or [::1]:50051"
        ))
    })
}

/// Listens on an address; the one that it really is.
///
/// # Errors
/// An address that is taken or not of this machine.
pub async fn bind(listen: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("cannot listen on {listen} (another port: --listen 127.0.0.1:0 takes a free one)")
    })?;
    let address = listener.local_addr().context("the listener has no address")?;
    Ok((listener, address))
}

/// Serves the configuration's registry until `stop` is ready.
///
/// # Errors
/// A server that breaks down.
pub async fn serve(
    listener: TcpListener,
    config: &Config,
    stop: impl Future<Output = ()> + Send,
) -> anyhow::Result<Stopped> {
    let engine = Engine::new(config.serve.clone(), Registry::new(&config.registry))
        .telling(Arc::new(LoadLog::default()));
    let options = ServerOptions {
        refresh_every: config.reload_interval,
        drain_limit: config.drain,
        ..ServerOptions::default()
    };
    Ok(grpc::serve(listener, Arc::new(engine), options, stop).await?)
}

/// Ready when the process is asked to stop.
///
/// # Errors
/// A system that delivers no signals.
pub fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send> {
    #[cfg(unix)]
    let mut terminate = {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?
    };
    Ok(async move {
        let interrupt = tokio::signal::ctrl_c();
        #[cfg(unix)]
        tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = interrupt.await;
    })
}
