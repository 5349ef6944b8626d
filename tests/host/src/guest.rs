//! What one instance sees of the host: WASI, HTTP, its key-value store, its variables, Postgres, and Redis.

use std::sync::Arc;

use anyhow::Result;
use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::app::{App, Component};
use crate::count::Count;
use crate::keyvalue::InstanceEnds;
use crate::manifest::DEFAULT_STORE;
use crate::outbound::Outbound;
use crate::output::Output;
use crate::variables;

mod platform {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "handoff:platform/platform",
        imports: { default: async | trappable },
        require_store_data_send: true,
        with: { "wasi:keyvalue/store.bucket": crate::guest::Bucket },
    });
}

pub(crate) mod spin {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "fermyon:spin/application",
        imports: { default: async | trappable },
        require_store_data_send: true,
        with: {
            "fermyon:spin/postgres.connection": crate::outbound_postgres::Connection,
            "fermyon:spin/redis.connection": crate::outbound_redis::Connection,
        },
    });
}

use platform::wasi::keyvalue::{atomics, batch, store};
use spin::fermyon::spin::variables as spin_variables;

/// An open store. There is only one, so it holds nothing.
#[expect(unreachable_pub, reason = "the bindings re-export it")]
pub struct Bucket;

/// The data of one instance.
pub(crate) struct Guest {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    pub table: ResourceTable,
    pub count: Count,
    outbound: Outbound,
}

impl Guest {
    pub(crate) fn new(app: &Arc<App>, component: &Arc<Component>) -> Self {
        let output = Output::new(component.name.clone());
        let mut wasi = WasiCtx::builder();
        wasi.envs(&component.environment)
            .stdout(output.clone())
            .stderr(output);
        (app.prepare)(&mut wasi);
        Self {
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            table: ResourceTable::new(),
            count: Count::default(),
            outbound: Outbound {
                app: app.clone(),
                component: component.clone(),
            },
        }
    }

    pub(crate) fn component(&self) -> &Component {
        &self.outbound.component
    }

    fn store(&self) -> &dyn crate::keyvalue::Store {
        &*self.outbound.app.store
    }

    /// A guest that made up its bucket's handle never gets here: the engine traps it.
    fn check(&mut self, bucket: &Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.get(bucket)?;
        self.count.store += 1;
        Ok(())
    }
}

/// Everything that a component may import.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    platform::Platform::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    spin::Application::add_to_linker::<_, HasSelf<Guest>>(&mut linker, |guest| guest)?;
    Ok(linker)
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.outbound,
        }
    }
}

type Answer<T> = wasmtime::Result<Result<T, store::Error>>;

/// A store's failure is the guest's to handle; it sees the whole text.
fn answer<T>(result: Result<T>) -> Answer<T> {
    match result {
        Err(error) if error.is::<InstanceEnds>() => Err(InstanceEnds.into()),
        result => Ok(result.map_err(|error| store::Error::Other(format!("{error:#}")))),
    }
}

impl store::Host for Guest {
    async fn open(&mut self, label: String) -> Answer<Resource<Bucket>> {
        if self.component().stores.contains(&label) {
            return Ok(Ok(self.table.push(Bucket)?));
        }
        Ok(Err(if label == DEFAULT_STORE {
            store::Error::AccessDenied
        } else {
            store::Error::NoSuchStore
        }))
    }
}

impl store::HostBucket for Guest {
    async fn get(&mut self, bucket: Resource<Bucket>, key: String) -> Answer<Option<Vec<u8>>> {
        self.check(&bucket)?;
        answer(self.store().get(&key).await)
    }

    async fn set(&mut self, bucket: Resource<Bucket>, key: String, value: Vec<u8>) -> Answer<()> {
        self.check(&bucket)?;
        answer(self.store().set(key, value).await)
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Answer<()> {
        self.check(&bucket)?;
        answer(self.store().delete(key).await)
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for Guest {
    async fn increment(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: i64,
    ) -> Answer<i64> {
        self.check(&bucket)?;
        answer(self.store().increment(key, delta).await)
    }
}

impl batch::Host for Guest {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Answer<Vec<(String, Option<Vec<u8>>)>> {
        self.check(&bucket)?;
        answer(self.store().get_many(keys).await)
    }

    async fn set_many(
        &mut self,
        bucket: Resource<Bucket>,
        pairs: Vec<(String, Vec<u8>)>,
    ) -> Answer<()> {
        self.check(&bucket)?;
        answer(self.store().set_many(pairs).await)
    }

    async fn delete_many(&mut self, bucket: Resource<Bucket>, keys: Vec<String>) -> Answer<()> {
        self.check(&bucket)?;
        answer(self.store().delete_many(keys).await)
    }
}

impl spin_variables::Host for Guest {
    async fn get(
        &mut self,
        name: String,
    ) -> wasmtime::Result<Result<String, spin_variables::Error>> {
        self.count.variables += 1;
        let component = self.component();
        Ok(match component.variables.get(&name) {
            Some(value) => Ok(value.clone()),
            None if !variables::is_name(&name) => Err(spin_variables::Error::InvalidName(format!(
                "{name:?}: a variable's name is a-z, 0-9 and _, beginning with a letter"
            ))),
            None => Err(spin_variables::Error::Undefined(format!(
                "[component.{}.variables] does not set {name:?}",
                component.name
            ))),
        })
    }
}
