//! Rules of the source text: names follow from routes, and documents cite what exists.

mod citations;
mod module_cycles;
mod module_style;
mod programs;
mod route_files;
mod row_columns;
mod sql_files;
