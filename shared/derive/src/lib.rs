//! `#[derive(FromRow)]`: a struct with named fields, read from a PostgreSQL row by the columns' names.
//!
//! Never by their order: two columns of one type that change places would compile and swap their values.

use proc_macro::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Fields, LitStr, Path, parse_macro_input};

/// Implements `holdfast_shared::db::FromRow`. Each field is read from the column of its name; `#[row(...)]` on a field
/// says otherwise:
///
/// - `column = "name"`: the column's name, where it is not the field's;
/// - `with = "path"`: a function from the column's value to the field's;
/// - `flatten`: the field is itself a `FromRow` of the same row.
#[proc_macro_derive(FromRow, attributes(row))]
pub fn from_row(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn expand(input: &DeriveInput) -> syn::Result<proc_macro2::TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new(input.span(), "FromRow reads structs"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(syn::Error::new(input.span(), "FromRow reads fields by name"));
    };
    let fields = fields.named.iter().map(field).collect::<syn::Result<Vec<_>>>()?;
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        impl #impl_generics ::holdfast_shared::db::FromRow for #name #type_generics #where_clause {
            fn from_row(row: &::holdfast_shared::db::Row) -> ::core::result::Result<Self, ::holdfast_shared::db::RowError> {
                Ok(Self { #(#fields),* })
            }
        }
    })
}

/// The field's initializer.
fn field(field: &Field) -> syn::Result<proc_macro2::TokenStream> {
    let Some(name) = &field.ident else { return Err(syn::Error::new(field.span(), "FromRow reads fields by name")) };
    let mut column = name.to_string();
    let mut with: Option<Path> = None;
    let mut flatten = false;
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("row")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("column") {
                column = meta.value()?.parse::<LitStr>()?.value();
            } else if meta.path.is_ident("with") {
                with = Some(meta.value()?.parse::<LitStr>()?.parse()?);
            } else if meta.path.is_ident("flatten") {
                flatten = true;
            } else {
                return Err(meta.error("expected `column`, `with` or `flatten`"));
            }
            Ok(())
        })?;
    }
    if flatten {
        return Ok(quote! { #name: ::holdfast_shared::db::FromRow::from_row(row)? });
    }
    Ok(match with {
        None => quote! { #name: row.try_get(#column)? },
        Some(with) => quote! { #name: #with(row.try_get(#column)?) },
    })
}
