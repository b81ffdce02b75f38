//! Routes joined to their handlers and to the function that serves them.

use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};

use super::Route;
use crate::app::App;

/// A route with its handler. Only [`endpoints!`](crate::endpoints) turns it into an [`Endpoint`], so that no endpoint
/// lacks the name of its function.
#[derive(Clone)]
pub struct Handled {
    route: &'static Route,
    handler: MethodRouter<App>,
}

impl Route {
    /// Joins the route to its handler.
    pub fn to<H, T>(&'static self, handler: H) -> Handled
    where
        H: Handler<T, App>,
        T: 'static,
    {
        // The constructors of `Route` use only methods that have a filter.
        let filter = MethodFilter::try_from(self.method.clone()).unwrap_or(MethodFilter::GET);
        Handled { route: self, handler: on(filter, handler) }
    }
}

/// A route with its handler and its function, as a function crate exports it.
#[derive(Clone)]
pub struct Endpoint {
    /// The route.
    pub route: &'static Route,
    /// The function that serves it, such as `accounts`: a label of metrics.
    pub function: &'static str,
    pub(crate) handler: MethodRouter<App>,
}

impl Endpoint {
    /// The endpoints of the function crate of this package name.
    #[doc(hidden)]
    pub fn of_package(package: &'static str, handled: impl IntoIterator<Item = Handled>) -> Vec<Self> {
        let function = package.strip_prefix("holdfast-").unwrap_or(package);
        handled.into_iter().map(|Handled { route, handler }| Self { route, function, handler }).collect()
    }
}

/// The endpoints of the function crate that invokes this: `endpoints![list::ROUTE.to(list::handle), ...]`.
#[macro_export]
macro_rules! endpoints {
    ($($handled:expr),* $(,)?) => {
        $crate::route::Endpoint::of_package(env!("CARGO_PKG_NAME"), [$($handled),*])
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_the_function_name_of_the_crate_that_lists_it() {
        static ROUTE: Route = Route::get("/things", "thing.list");
        let endpoints = crate::endpoints![ROUTE.to(async || "")];
        assert_eq!(endpoints.iter().map(|endpoint| endpoint.function).collect::<Vec<_>>(), ["shared"]);
    }
}
