//! The floor: a tonic server that does no work. What is lost below it, a service loses to its own doing.

use std::path::Path;

use anyhow::Context;
use prost::Message;
use rapport::grpc::pb;
use rapport::grpc::pb::recommendation_service_server::{RecommendationService, RecommendationServiceServer};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// Gives one answer, whatever is asked.
#[derive(Debug)]
struct Floor {
    answer: pb::RecommendResponse,
}

#[tonic::async_trait]
impl RecommendationService for Floor {
    async fn recommend(
        &self,
        _: Request<pb::RecommendRequest>,
    ) -> Result<Response<pb::RecommendResponse>, Status> {
        Ok(Response::new(self.answer.clone()))
    }

    async fn recommend_shelves(
        &self,
        _: Request<pb::RecommendShelvesRequest>,
    ) -> Result<Response<pb::RecommendShelvesResponse>, Status> {
        Err(Status::unimplemented("the floor ranks once"))
    }

    async fn explain_recommendation(
        &self,
        _: Request<pb::ExplainRecommendationRequest>,
    ) -> Result<Response<pb::ExplainRecommendationResponse>, Status> {
        Err(Status::unimplemented("the floor explains nothing"))
    }
}

/// Serves the answer in this file until standard input ends, which it does with the process that started this one.
pub fn serve(answer: &Path) -> anyhow::Result<()> {
    let bytes = std::fs::read(answer).with_context(|| format!("cannot read {}", answer.display()))?;
    let answer =
        pb::RecommendResponse::decode(&*bytes).context("the floor's answer is no RecommendResponse")?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        std::thread::spawn(|| {
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
            std::process::exit(0);
        });
        Server::builder()
            .add_service(RecommendationServiceServer::new(Floor { answer }))
            .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
            .await?;
        Ok(())
    })
}
