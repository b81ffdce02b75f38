//! HTTP to the servers that stand in for AWS: one connection a request, on the loopback interface.

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Sends a request, and reads the answer to its end.
pub(crate) async fn send(request: Request<impl Into<Bytes>>) -> Response<Bytes> {
    let (mut parts, body) = request.into_parts();
    let authority = parts.uri.authority().unwrap().to_string();
    let stream = TcpStream::connect(&authority).await.unwrap_or_else(|error| panic!("{authority}: {error}"));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    parts.headers.insert(header::HOST, authority.parse().unwrap());
    parts.uri = parts.uri.path_and_query().unwrap().as_str().parse().unwrap();
    let answer = sender.send_request(Request::from_parts(parts, Full::new(body.into()))).await.unwrap();
    let (parts, body) = answer.into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}
