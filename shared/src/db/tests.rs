//! `#[derive(FromRow)]`, on rows that a scripted server sends: a `Row` has no public constructor.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_postgres::types::Type;
use tokio_postgres::{Config, NoTls};

use super::{FromRow, Row};

/// A column of the one row that the server sends: name, type and binary value.
type Column<'a> = (&'a str, Type, Option<&'a [u8]>);

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 4).unwrap();
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

fn count(columns: &[Column<'_>]) -> [u8; 2] {
    i16::try_from(columns.len()).unwrap().to_be_bytes()
}

/// The server's messages for a query that returns one row (PostgreSQL documentation, "Message Formats").
fn one_row(columns: &[Column<'_>]) -> Vec<u8> {
    let (mut description, mut values) = (count(columns).to_vec(), count(columns).to_vec());
    for (name, kind, value) in columns {
        description.extend([name.as_bytes(), &[0; 7], &kind.oid().to_be_bytes(), &[0; 6], &[0, 1]].concat());
        let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
        values.extend([&length.to_be_bytes(), value.unwrap_or_default()].concat());
    }
    [
        message(b'1', &[]),
        message(b'2', &[]),
        message(b'T', &description),
        message(b'D', &values),
        message(b'C', b"SELECT 1\0"),
        message(b'Z', b"I"),
    ]
    .concat()
}

async fn serve(mut stream: DuplexStream, columns: Vec<u8>) {
    let mut request = vec![0; 4096];
    for response in [[message(b'R', &[0; 4]), message(b'Z', b"I")].concat(), columns] {
        let _ = stream.read(&mut request).await.unwrap();
        stream.write_all(&response).await.unwrap();
    }
}

async fn row(columns: &[Column<'_>]) -> Row {
    let (client, server) = duplex(4096);
    tokio::spawn(serve(server, one_row(columns)));
    let (client, connection) = Config::new().user("test").connect_raw(client, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.query_typed("SELECT", &[]).await.unwrap().remove(0)
}

fn length(text: &str) -> usize {
    text.len()
}

#[derive(Debug, PartialEq, FromRow)]
struct Owner {
    owner: Option<String>,
}

#[derive(Debug, PartialEq, FromRow)]
struct Sample {
    id: i32,
    #[row(column = "search_name")]
    name: String,
    #[row(with = "length")]
    note: usize,
    #[row(flatten)]
    owner: Owner,
}

#[derive(FromRow)]
struct Required {
    #[expect(dead_code, reason = "only whether it can be read matters")]
    owner: String,
}

#[tokio::test]
async fn fields_are_read_by_column_name_whatever_the_order() {
    let columns = [
        ("note", Type::TEXT, Some(&b"four"[..])),
        ("owner", Type::TEXT, None),
        ("search_name", Type::TEXT, Some(b"ada")),
        ("id", Type::INT4, Some(&[0, 0, 0, 7])),
    ];
    let sample = Sample::from_row(&row(&columns).await).unwrap();
    let owner = Owner { owner: None };
    assert_eq!(sample, Sample { id: 7, name: "ada".to_owned(), note: 4, owner });
}

#[tokio::test]
async fn a_column_that_is_missing_null_or_of_another_type_is_an_error() {
    for column in [("login", Type::TEXT, Some(&b"ada"[..])), ("owner", Type::INT4, Some(&[0, 0, 0, 7]))] {
        assert!(Owner::from_row(&row(&[column]).await).is_err());
    }
    assert!(Required::from_row(&row(&[("owner", Type::TEXT, None)]).await).is_err());
}
