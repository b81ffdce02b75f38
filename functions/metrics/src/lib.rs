//! Prometheus metrics of all instances.
