//! Who is told of every change of the rules, before whoever changed them hears that it is done.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::Generation;
use crate::domain::Event;

/// Writes changes of the rules down.
pub trait Witness: std::fmt::Debug + Send + Sync {
    /// Returns when the event is written down, in the form of this generation.
    fn note<'a>(
        &'a self,
        generation: &'a Arc<Generation>,
        event: &'a Event,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}

/// One that writes nothing down, for whoever looks at rules that serve nobody.
#[derive(Debug)]
pub struct Silent;

impl Witness for Silent {
    fn note<'a>(
        &'a self,
        _: &'a Arc<Generation>,
        _: &'a Event,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async {})
    }
}
