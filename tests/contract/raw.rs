//! Components without the host around them: wasmtime alone, for values that no stage makes and
//! capabilities that a test plays. Shares the engine, and with it the pool, with the other tests.

use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use crate::stage::{built, sandbox};

/// More ticks than any test lives.
const FOR_EVER: u64 = 1 << 40;

/// A component of the project, compiled for nobody else.
pub fn component(name: &str) -> (Engine, Component) {
    let engine = sandbox().engine().clone();
    let component = Component::new(&engine, built(name)).expect("the build left a component");
    (engine, component)
}

/// A store without limits.
pub fn store<T>(engine: &Engine, data: T) -> Store<T> {
    let mut store = Store::new(engine, data);
    store.set_epoch_deadline(FOR_EVER);
    store
}

/// A linker that grants the interfaces that hold nothing but types.
pub fn linker<T>(engine: &Engine) -> Linker<T> {
    let mut linker = Linker::new(engine);
    linker.instance("overlord:policy/types@0.1.0").expect("nothing has that name yet");
    linker
}
