//! Building and deploying: the functions as Lambda runs them, and the scripts that put them there.

mod deploy;
mod digests;
mod lambda;
mod smoke;
