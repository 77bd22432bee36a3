//! From a file's bytes to a policy that may serve: compiled, checked against its world, instantiated
//! once, its own cases run. Turns what does not fit into a sentence.

use std::sync::Arc;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker};

use super::cache::CodeCache;
use super::cases::{self, CaseError};
use super::engine::Sandbox;
use super::guest::{Guest, Wasi};
use super::package::{self, COMPONENT_BYTES_MAX, Digest, PackageError};
use super::policy::{NoInstance, Policy, Terms};
use super::trust::TrustError;
use super::world::{SlotName, World};

/// What turns bytes into policies.
#[derive(Debug, Clone)]
pub struct Loader {
    sandbox: Arc<Sandbox>,
    cache: CodeCache,
}

/// Why a component may not serve.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// More bytes than are looked at.
    #[error("it has {0} bytes, and a component may have {COMPONENT_BYTES_MAX}")]
    TooLarge(u64),
    /// Not a component at all.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Its file is not one that the slot trusts.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The compiler refuses it.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It wants what its slot does not grant.
    #[error(
        "it imports `{import}`, which the world `{world}` of the slot `{slot}` does not grant (granted: {granted}){hint}"
    )]
    Import {
        /// The slot.
        slot: SlotName,
        /// The slot's world.
        world: &'static str,
        /// What it imports.
        import: String,
        /// What it may import.
        granted: String,
        /// The way out, where there is one.
        hint: &'static str,
    },
    /// It does not offer what its slot calls.
    #[error(
        "it does not export `{expected}`, which the world `{world}` of the slot `{slot}` asks for; it exports {found}"
    )]
    Export {
        /// The slot.
        slot: SlotName,
        /// The slot's world.
        world: &'static str,
        /// The interface that is missing.
        expected: &'static str,
        /// What there is instead.
        found: String,
    },
    /// The right names with other shapes behind them.
    #[error("it does not fit the world `{world}`: {why}")]
    Shape {
        /// The slot's world.
        world: &'static str,
        /// Which part, what was expected, what was found.
        why: String,
    },
    /// It breaks before it is called.
    #[error("it cannot be started: {0}")]
    Start(String),
    /// It does not do what it says itself.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// It was given what it does not understand.
    #[error(
        "it does not take the settings of the slot `{slot}`: {fault} (`{slot}.settings` in the configuration)"
    )]
    Settings {
        /// The slot.
        slot: SlotName,
        /// In its own words.
        fault: String,
    },
    /// It breaks on a question that nothing is wrong with.
    #[error("it breaks when it is asked something harmless: {0}")]
    Trial(String),
}

/// A policy that may serve, and how much it was tried.
#[derive(Debug)]
pub struct Loaded<W: World> {
    /// The policy.
    pub policy: Arc<Policy<W>>,
    /// How many cases it carries, all of which hold.
    pub cases: usize,
}

impl Loader {
    /// Compiles through `cache`.
    pub fn new(sandbox: Arc<Sandbox>, cache: CodeCache) -> Self {
        Self { sandbox, cache }
    }

    /// The engine and its gate.
    pub fn sandbox(&self) -> &Arc<Sandbox> {
        &self.sandbox
    }

    /// Does everything that must be done before a component may serve.
    pub async fn load<W: World>(
        &self,
        name: &str,
        bytes: &[u8],
        terms: Terms,
    ) -> Result<Loaded<W>, LoadError> {
        let policy = self.prepare::<W>(name, bytes, terms).await?;
        let cases = match package::cases_of(bytes)? {
            Some(text) => cases::run(&policy, &cases::parse(&text)?).await?,
            None => 0,
        };
        Ok(Loaded { policy: Arc::new(policy), cases })
    }

    /// Everything but the cases.
    pub async fn prepare<W: World>(
        &self,
        name: &str,
        bytes: &[u8],
        terms: Terms,
    ) -> Result<Policy<W>, LoadError> {
        if bytes.len() as u64 > COMPONENT_BYTES_MAX {
            return Err(LoadError::TooLarge(bytes.len() as u64));
        }
        package::expect_component(bytes)?;
        let digest = Digest::of(bytes);
        // Before anything of it is compiled: the compiler is not made for what an enemy wrote.
        terms.trust.check(W::SLOT, digest, bytes)?;
        let component = self.compile(digest, bytes).await?;
        self.fit(name, digest, &component, terms).await
    }

    /// A compiled component in a slot, whatever is asked of its file.
    pub async fn fit<W: World>(
        &self,
        name: &str,
        digest: Digest,
        component: &Component,
        terms: Terms,
    ) -> Result<Policy<W>, LoadError> {
        self.check_names::<W>(component, terms.wasi)?;
        let shape = |error: wasmtime::Error| LoadError::Shape { world: W::NAME, why: shape_of(&error) };
        let bare = self
            .linker::<W>(terms.wasi)
            .and_then(|linker| linker.instantiate_pre(component))
            .map_err(shape)?;
        let mut policy =
            Policy::<W>::new(Arc::clone(&self.sandbox), name, digest, terms, bare).map_err(shape)?;
        policy.try_instance().await.map_err(|error| match error {
            NoInstance::Broke(why) => LoadError::Start(why),
            NoInstance::Shape(error) => shape(error),
        })?;
        W::complete(&mut policy).await.map_err(|why| LoadError::Shape { world: W::NAME, why })?;
        Ok(policy)
    }

    /// Compiles on a thread that answers nobody.
    pub async fn compile(&self, digest: Digest, bytes: &[u8]) -> Result<Component, LoadError> {
        let (cache, engine, bytes) = (self.cache.clone(), self.sandbox.engine().clone(), bytes.to_vec());
        tokio::task::spawn_blocking(move || cache.compile(&engine, digest, &bytes))
            .await
            .map_err(|error| LoadError::Damaged(error.to_string()))?
            .map_err(|error| LoadError::Damaged(one_line(&error)))
    }

    fn linker<W: World>(&self, wasi: Wasi) -> wasmtime::Result<Linker<Guest>> {
        let mut linker = Linker::new(self.sandbox.engine());
        if wasi == Wasi::Empty {
            wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        }
        W::link(&mut linker)?;
        Ok(linker)
    }

    /// The world is the permission list: compares names before anything is linked.
    fn check_names<W: World>(&self, component: &Component, wasi: Wasi) -> Result<(), LoadError> {
        self.obstacles::<W>(component, wasi).into_iter().next().map_or(Ok(()), Err)
    }

    /// Everything that its names say against a component in a slot.
    pub fn obstacles<W: World>(&self, component: &Component, wasi: Wasi) -> Vec<LoadError> {
        let engine = self.sandbox.engine();
        let kind = component.component_type();
        let mut obstacles = Vec::new();
        for (import, item) in kind.imports(engine) {
            let is_interface = matches!(item.ty, ComponentItem::ComponentInstance(_));
            if !is_interface || !grants(W::GRANTS, import, wasi) {
                obstacles.push(LoadError::Import {
                    slot: W::SLOT,
                    world: W::NAME,
                    import: import.to_owned(),
                    granted: W::GRANTS
                        .iter()
                        .map(|grant| format!("`{grant}`"))
                        .collect::<Vec<_>>()
                        .join(", "),
                    hint: if import.starts_with("wasi:") {
                        "; build it without WASI, or set `wasi = \"empty\"` for the slot"
                    } else {
                        ""
                    },
                });
            }
        }
        if component.get_export_index(None, W::EXPORT).is_none() {
            let exports: Vec<&str> = kind.exports(engine).map(|(name, _)| name).collect();
            obstacles.push(LoadError::Export {
                slot: W::SLOT,
                world: W::NAME,
                expected: W::EXPORT,
                found: if exports.is_empty() {
                    "nothing".to_owned()
                } else {
                    format!("`{}`", exports.join("`, `"))
                },
            });
        }
        obstacles
    }
}

/// Whether an interface is among those that are granted.
pub fn grants(granted: &[&str], import: &str, wasi: Wasi) -> bool {
    let (interface, _) = import.split_once('@').unwrap_or((import, ""));
    granted.contains(&interface) || (wasi == Wasi::Empty && interface.starts_with("wasi:"))
}

/// What a component imports and exports, by name.
#[derive(Debug, Clone)]
pub struct Names {
    /// What it wants.
    pub imports: Vec<String>,
    /// What it offers.
    pub exports: Vec<String>,
}

impl Names {
    /// The slot whose interface it offers.
    pub fn world(&self) -> Option<SlotName> {
        SlotName::ALL.into_iter().find(|slot| self.exports.iter().any(|name| name == slot.export()))
    }
}

/// Looks at a component without linking it to anything.
pub fn names_of(sandbox: &Sandbox, bytes: &[u8]) -> Result<Names, LoadError> {
    let engine = sandbox.engine();
    let component = Component::new(engine, bytes).map_err(|error| LoadError::Damaged(one_line(&error)))?;
    let kind = component.component_type();
    Ok(Names {
        imports: kind.imports(engine).map(|(name, _)| name.to_owned()).collect(),
        exports: kind.exports(engine).map(|(name, _)| name.to_owned()).collect(),
    })
}

/// wasmtime's chain of reasons in one line, outermost first.
fn one_line(error: &wasmtime::Error) -> String {
    format!("{error:#}").replace('\n', " ")
}

/// What wasmtime says about a shape, in the words of the contract: its side is what was expected.
fn shape_of(error: &wasmtime::Error) -> String {
    one_line(error)
}
