//! What every scenario needs: the options, the cores, what is kept, and servers with the questions for them.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use prost::Message;
use rapport::bundle::Registry;
use rapport::grpc::pb;
use rapport::grpc::pb::recommendation_service_client::RecommendationServiceClient;
use tokio::runtime::Runtime;

use super::cores::Cores;
use super::ids::Ids;
use super::kept::Kept;
use super::options::Options;
use super::questions::{Pages, Questions, Share, Sources};
use super::report::{Report, Started};
use super::server::Server;

/// Connections of everything but the single caller.
pub const CONNECTIONS: usize = 8;

/// The server looks often whether another model is current.
const QUICK_RELOAD: &str = "[server]\nreload_seconds = 0.2\n";

/// Whether rankings are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caching {
    Usual,
    Off,
}

/// What every scenario needs.
#[derive(Debug)]
pub struct Setting {
    pub options: Options,
    pub cores: Cores,
    pub kept: Kept,
    /// For the few calls that are not measured.
    pub runtime: Runtime,
}

impl Setting {
    /// Keeps this thread on the client's cores, and with it every thread that it will start.
    pub fn new(options: Options) -> anyhow::Result<Self> {
        let cores = Cores::halves();
        cores.pin(&cores.client);
        let kept = Kept {
            folder: options.keep(),
            binary: options.binary(),
        };
        std::fs::create_dir_all(&kept.folder)
            .with_context(|| format!("cannot make {}", kept.folder.display()))?;
        Ok(Self {
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()?,
            options,
            cores,
            kept,
        })
    }

    /// The shop that most scenarios are about.
    pub fn shop(&self) -> anyhow::Result<Registry> {
        if let Some(folder) = &self.options.registry {
            return Ok(Registry::new(folder));
        }
        let (customers, items) = self.options.shop();
        self.kept.shop(customers, items)
    }

    /// Serves this registry, and notes how it began.
    pub fn serve(
        &self,
        name: &str,
        registry: &Registry,
        caching: Caching,
        report: &mut Report,
    ) -> anyhow::Result<Server> {
        let mut config = QUICK_RELOAD.to_owned();
        if caching == Caching::Off {
            writeln!(config, "[cache]\nentries = 0")?;
        }
        let file = self.file(&format!("serve-{caching:?}.toml"));
        std::fs::write(&file, config)?;
        let server = Server::rapport(
            &self.kept.binary,
            registry.root(),
            &file,
            &self.cores,
            &self.runtime,
        )?;
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let memory = server.memory();
        report.servers.push(Started {
            name: name.to_owned(),
            seconds: server.started_in.as_secs_f64(),
            resident_mebibytes: memory.map(|memory| mebibytes(memory.resident)),
            peak_mebibytes: memory.map(|memory| mebibytes(memory.peak)),
        });
        Ok(server)
    }

    /// The floor, which answers everything as the server at this address answers the example.
    pub fn floor(&self, served: SocketAddr, example: pb::RecommendRequest) -> anyhow::Result<Server> {
        let asked = async {
            let mut client = RecommendationServiceClient::connect(format!("http://{served}")).await?;
            anyhow::Ok(client.recommend(example).await?.into_inner())
        };
        let answer = self
            .runtime
            .block_on(asked)
            .context("the server does not answer the example")?;
        let file = self.file("floor-answer.bin");
        std::fs::write(&file, answer.encode_to_vec())?;
        Server::floor(&file, &self.cores)
    }

    /// Questions of the shop's pages.
    pub fn pages(&self, registry: &Registry) -> anyhow::Result<Pages> {
        Ok(Pages::new(&Ids::of_current(registry)?, self.options.seed))
    }

    /// A source for each of the threads that serve so many connections.
    pub fn sources(&self, connections: usize, source: &dyn Fn(Share) -> Box<dyn Questions>) -> Sources {
        let of = self.cores.client.len().min(connections).max(1);
        (0..of).map(|at| source(Share { at, of })).collect()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.kept.folder.join(name)
    }
}
