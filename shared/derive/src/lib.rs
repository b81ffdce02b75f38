//! `#[derive(FromRow)]`: reads a PostgreSQL row into a struct, by column name and never by position. By position, two columns
//! of the same type that change places would still compile and swap their values.

use proc_macro::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Fields, LitStr, Path, parse_macro_input};

/// Implements `holdfast_shared::db::FromRow` for a struct with named fields. Each field is read from the column of its name.
/// Attributes of a field change that:
///
/// - `#[row(column = "name")]`: reads the column of this name;
/// - `#[row(with = "path")]`: converts the column's value by a function, which cannot fail;
/// - `#[row(flatten)]`: reads the field, itself a `FromRow`, from the same row.
///
/// ```ignore
/// #[derive(FromRow)]
/// struct Account {
///     id: AccountId,
///     #[row(column = "search_name")]
///     name: String,
///     #[row(flatten)]
///     owner: Owner,
/// }
/// ```
#[proc_macro_derive(FromRow, attributes(row))]
pub fn from_row(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn expand(input: &DeriveInput) -> syn::Result<proc_macro2::TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new(input.span(), "FromRow can be derived for structs only"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(syn::Error::new(input.span(), "FromRow can be derived for named fields only"));
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

/// Returns the initializer of a field.
fn field(field: &Field) -> syn::Result<proc_macro2::TokenStream> {
    let Some(name) = &field.ident else {
        return Err(syn::Error::new(field.span(), "FromRow can be derived for named fields only"));
    };
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
