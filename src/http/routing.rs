//! Handlers as routes hold them: all of one type.
//!
//! A route of axum makes some twenty types out of each handler, and for each of them the compiler walks through the whole of the handler's
//! future once more, down to the client of WhatsApp: with some 350 handlers that was a quarter of what this crate takes. Here a handler is
//! given over once, as a pointer. Every route of this face is made here; no module beside it takes axum's own functions.

use std::sync::Arc;

use axum::{
    extract::Request,
    handler::Handler,
    response::Response,
    routing::{self, MethodRouter},
};
use futures_util::future::BoxFuture;
use utoipa::{
    __dev::{SchemaReferences, Tags},
    openapi::path::Paths,
};
use utoipa_axum::{PathItemExt as _, router::UtoipaMethodRouter};

use super::Api;

/// What axum boxes a handler's future into: there is no second box.
type Answer = BoxFuture<'static, Response>;

/// A handler whose type is forgotten.
struct Erased<S>(Arc<dyn Fn(Request, S) -> Answer + Send + Sync>);

impl<S> Erased<S> {
    fn new<T, H: Handler<T, S, Future = Answer> + Sync>(handler: H) -> Self {
        Self(Arc::new(move |request, state| {
            handler.clone().call(request, state)
        }))
    }
}

impl<S> Clone for Erased<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: 'static> Handler<(), S> for Erased<S> {
    type Future = Answer;

    fn call(self, request: Request, state: S) -> Answer {
        (self.0)(request, state)
    }
}

/// The functions of axum of the same name, for any handler whose state is `S`.
macro_rules! methods {
    ($($name:ident),+) => {
        $(
            pub(in crate::http) fn $name<T, H, S>(handler: H) -> MethodRouter<S>
            where
                H: Handler<T, S, Future = Answer> + Sync,
                S: Clone + Send + Sync + 'static,
            {
                routing::$name(Erased::new(handler))
            }
        )+
    };
}

methods!(any, delete, get, post, put);

/// Handlers of one path with their descriptions; [`routes!`] puts them together.
pub(in crate::http) struct Described(UtoipaMethodRouter<Api>);

impl Described {
    pub(in crate::http) fn none() -> Self {
        Self((Vec::new(), Paths::new(), MethodRouter::new()))
    }

    /// With `handler` too, as `D` describes it.
    pub(in crate::http) fn and<D, T, H>(self, _: D, handler: H) -> Self
    where
        D: utoipa::Path + SchemaReferences + for<'t> Tags<'t>,
        H: Handler<T, Api, Future = Answer> + Sync,
    {
        let Self((mut schemas, mut paths, mut router)) = self;
        D::schemas(&mut schemas);
        let (methods, mut operation) = (D::methods(), D::operation());
        let tags = D::tags().into_iter().map(str::to_owned);
        operation.tags.get_or_insert_default().extend(tags);
        let handler = Erased::new(handler);
        for method in &methods {
            router = router.on(method.to_method_filter(), handler.clone());
        }
        paths.add_path_operation(D::path(), methods, operation);
        Self((schemas, paths, router))
    }

    pub(in crate::http) fn all(self) -> UtoipaMethodRouter<Api> {
        self.0
    }
}

/// `utoipa_axum::routes!` for handlers of the same module.
macro_rules! routes {
    ($($handler:ident),+ $(,)?) => {
        utoipa_axum::paste! {
            $crate::http::routing::Described::none()
                $(.and([<__path_ $handler>], $handler))+
                .all()
        }
    };
}
pub(in crate::http) use routes;
