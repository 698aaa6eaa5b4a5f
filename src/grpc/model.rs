//! `ModelService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::convert::model as convert;
use super::limits::Deadline;
use super::memo::{Warmed, Warming};
use super::pb;
use super::readiness::Readiness;
use super::server::tell_of;
use super::workers::{Waiting, Workers};
use crate::serve::{Engine, ModelInfo, ServeError, Successor};

/// What a model does before it serves.
type Warm<'a> = &'a mut (dyn FnMut(&Successor<'_>) + Send);

/// Shows and switches models.
#[derive(Debug)]
pub(super) struct Models {
    pub(super) engine: Arc<Engine>,
    pub(super) workers: Workers,
    pub(super) readiness: Readiness,
    pub(super) warming: Warming,
}

impl Models {
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, ServeError> + Send + 'static,
    ) -> Result<T, ServeError> {
        let engine = Arc::clone(&self.engine);
        self.workers.answer(move |_| work(&engine)).await
    }

    /// Another model takes over. A caller who hangs up, or will soon not wait any longer, shortens what comes before that.
    async fn switch(
        &self,
        deadline: Option<Deadline>,
        work: impl FnOnce(&Engine, Warm<'_>) -> Result<ModelInfo, ServeError> + Send + 'static,
    ) -> Result<ModelInfo, ServeError> {
        let (engine, warming) = (Arc::clone(&self.engine), self.warming.clone());
        let work = move |waiting: &Waiting| {
            let mut warmed = Warmed::default();
            let mut warm = |successor: &Successor<'_>| {
                let is_late = || waiting.is_over() || deadline.is_some_and(Deadline::is_near);
                warmed = warming.run(successor, &is_late);
            };
            let info = work(&engine, &mut warm)?;
            tell_of(&engine, &info.version, warmed);
            Ok(info)
        };
        let info = self.workers.answer(work).await?;
        self.readiness.report().await;
        Ok(info)
    }
}

#[tonic::async_trait]
impl pb::model_service_server::ModelService for Models {
    async fn list_models(
        &self,
        request: Request<pb::ListModelsRequest>,
    ) -> Result<Response<pb::ListModelsResponse>, Status> {
        let pb::ListModelsRequest {} = request.into_inner();
        let models = self.ask(Engine::models).await?;
        Ok(Response::new(pb::ListModelsResponse {
            serving_version: models
                .iter()
                .find(|info| info.is_serving)
                .map(|info| info.version.clone()),
            models: models.iter().map(convert::summary).collect(),
        }))
    }

    async fn get_model(
        &self,
        request: Request<pb::GetModelRequest>,
    ) -> Result<Response<pb::GetModelResponse>, Status> {
        let pb::GetModelRequest { version } = request.into_inner();
        let version = version.map(convert::version).transpose()?;
        let info = self
            .ask(move |engine| match version.or_else(|| engine.serving_version()) {
                Some(version) => engine.model(&version),
                None => Err(ServeError::NoModel),
            })
            .await?;
        Ok(Response::new(pb::GetModelResponse {
            model: Some(convert::model(info)),
        }))
    }

    async fn activate_model(
        &self,
        request: Request<pb::ActivateModelRequest>,
    ) -> Result<Response<pb::ActivateModelResponse>, Status> {
        let deadline = request.extensions().get::<Deadline>().copied();
        let pb::ActivateModelRequest { version } = request.into_inner();
        let version = convert::version(version)?;
        let info = self
            .switch(deadline, move |engine, warm| engine.activate_warm(&version, warm))
            .await?;
        Ok(Response::new(pb::ActivateModelResponse {
            model: Some(convert::summary(&info)),
            model_version: info.version,
        }))
    }

    async fn rollback(
        &self,
        request: Request<pb::RollbackRequest>,
    ) -> Result<Response<pb::RollbackResponse>, Status> {
        let deadline = request.extensions().get::<Deadline>().copied();
        let pb::RollbackRequest {} = request.into_inner();
        let info = self
            .switch(deadline, |engine, warm| engine.rollback_warm(warm))
            .await?;
        Ok(Response::new(pb::RollbackResponse {
            model: Some(convert::summary(&info)),
            model_version: info.version,
        }))
    }

    async fn get_serving(
        &self,
        request: Request<pb::GetServingRequest>,
    ) -> Result<Response<pb::GetServingResponse>, Status> {
        let pb::GetServingRequest {} = request.into_inner();
        let index = self.engine.index();
        let manifest = index.as_ref().map(|index| index.manifest());
        Ok(Response::new(pb::GetServingResponse {
            model_version: manifest.map(|manifest| manifest.version.clone()),
            shapes: manifest.map(|manifest| convert::shapes(manifest.shapes)),
            answers: Some(convert::answer_counts(self.warming.answers.stats())),
            rankings: Some(convert::ranking_counts(self.engine.cache_stats())),
        }))
    }
}
