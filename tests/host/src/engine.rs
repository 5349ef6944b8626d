//! The engine, its instance pool, and compiled components kept from one start to the next.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use wasmtime::component::Component;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::say::say;

/// What one instance may grow to, as on Akamai Functions.
const MEMORY_MAX: usize = 128 << 20;
/// Address space per memory. With 4 GiB compiled code needs no bounds checks; where so much address space is not to be
/// had, the second size is tried.
const RESERVATIONS: [u64; 2] = [4 << 30, MEMORY_MAX as u64];
/// Instances per outer request: chained calls find room although every outer request is taken.
const POOL_FACTOR: u32 = 2;
/// Room for probes, for some chained calls, and for workers even when all else is taken.
const POOL_SPARE: u32 = 64;
/// A component is several core instances and tables: the module, and small ones that adapt its imports.
const CORE_INSTANCES_PER_COMPONENT: u32 = 4;
const TABLES_PER_COMPONENT: u32 = 3;
/// What of a used slot is cleaned in place instead of given back to the kernel, where only its pages that were written
/// are touched: 30,000 instead of 8,000 requests per second on two cores. Covers a Rust component's stack and data.
const MEMORY_KEPT: usize = 2 << 20;
const TABLE_KEPT: usize = 64 << 10;
/// Makes the engine.
pub(crate) fn start(instances_max: u32) -> Result<Engine> {
    let [generous, modest] = RESERVATIONS;
    match Engine::new(&config(instances_max, generous)) {
        Ok(engine) => Ok(engine),
        Err(_) => Engine::new(&config(instances_max, modest)).map_err(anyhow::Error::from).with_context(|| {
            format!("no memory for a pool of {instances_max} instances; give a smaller --instances-max")
        }),
    }
}

fn config(instances_max: u32, reservation: u64) -> Config {
    let total = instances_max
        .saturating_mul(POOL_FACTOR)
        .saturating_add(POOL_SPARE);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(total)
        .total_core_instances(total.saturating_mul(CORE_INSTANCES_PER_COMPONENT))
        .total_memories(total)
        .total_tables(total.saturating_mul(TABLES_PER_COMPONENT))
        .total_stacks(total)
        .max_memory_size(MEMORY_MAX)
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(MEMORY_KEPT)
        .table_keep_resident(TABLE_KEPT);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_reservation(reservation)
        .epoch_interruption(true)
        // Components are stripped: a backtrace would be a column of unknown functions.
        .wasm_backtrace_max_frames(None);
    config
}

/// Where compiled components are kept. Its files are run as machine code, so the folder must be private.
pub(crate) struct Cache {
    folder: Option<PathBuf>,
}

impl Cache {
    /// Makes the folder. Without a usable one the host starts all the same, only slower.
    pub(crate) fn open(folder: &Path) -> Self {
        match make_private(folder) {
            Ok(()) => Self {
                folder: Some(folder.to_owned()),
            },
            Err(error) => {
                say(format!("compiled components are not kept: {error:#}"));
                Self { folder: None }
            }
        }
    }

    /// Compiles a component, or takes what was compiled from the same bytes for the same engine.
    pub(crate) fn component(&self, engine: &Engine, wasm: &[u8]) -> Result<Component> {
        let Some(folder) = &self.folder else {
            return Ok(Component::new(engine, wasm)?);
        };
        let path = folder.join(format!("{}.cwasm", key(engine, wasm)));
        if path.exists() {
            match load(engine, &path) {
                Ok(component) => return Ok(component),
                Err(error) => say(format!("{}: compiled again: {error:#}", path.display())),
            }
        }
        let code = engine.precompile_component(wasm)?;
        keep(&path, &code)
            .with_context(|| format!("{}; give another --cache", folder.display()))?;
        load(engine, &path)
    }
}

/// The only place where code is trusted instead of checked.
#[allow(unsafe_code)]
fn load(engine: &Engine, path: &Path) -> Result<Component> {
    // SAFETY: the file is one that this program wrote whole (written aside, then renamed), in a folder that only this
    // user can write to; wasmtime refuses files of another version or configuration by itself.
    Ok(unsafe { Component::deserialize_file(engine, path) }?)
}

/// Another process or thread may do the same at the same moment: each has a file of its own, and a rename leaves one whole file
/// or the other.
fn keep(path: &Path, code: &[u8]) -> Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let (process, next) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let aside = path.with_extension(format!("{process}-{next}.tmp"));
    fs::write(&aside, code)?;
    fs::rename(&aside, path)?;
    Ok(())
}

fn key(engine: &Engine, wasm: &[u8]) -> String {
    let hash = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, wasm).hash(&mut hasher);
        engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.finish()
    };
    format!("{:016x}{:016x}", hash(0), hash(1))
}

#[cfg(unix)]
fn make_private(folder: &Path) -> Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};

    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| folder.display().to_string())?;
    let mode = fs::metadata(folder)?.permissions().mode();
    anyhow::ensure!(
        mode & 0o022 == 0,
        "{} can be written by other users; chmod 700 it",
        folder.display()
    );
    Ok(())
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn several_threads_keep_the_same_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, code) = (folder.path().join("some.cwasm"), vec![7; 1 << 20]);
        thread::scope(|scope| {
            let keeping: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| (0..20).try_for_each(|_| keep(&path, &code))))
                .collect();
            for thread in keeping {
                thread.join().expect("no panic").expect("it is kept");
            }
        });
        assert_eq!(fs::read(&path).expect("the file"), code);
    }
}
