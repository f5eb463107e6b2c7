//! Raw HTTP and raw WebSocket, for what a well-behaved client never sends.

use std::net::SocketAddr;

use jsonrpsee::client_transport::ws::{Url, WsTransportClientBuilder};
use jsonrpsee::core::client::{ReceivedMessage, TransportReceiverT, TransportSenderT};
use mokka_rpc::RpcServer;
use mokka_rpc::client::{HttpClient, WsClient};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) fn http(server: &RpcServer) -> HttpClient {
    mokka_rpc::client::http(&format!("http://{}", server.address())).unwrap()
}

pub(crate) async fn ws(server: &RpcServer) -> WsClient {
    mokka_rpc::client::ws(&format!("ws://{}", server.address())).await.unwrap()
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Sends one HTTP request with these header lines.
pub(crate) async fn send(to: SocketAddr, method: &str, headers: &[&str], body: &str) -> Answer {
    let mut socket = TcpStream::connect(to).await.unwrap();
    let mut request = format!("{method} / HTTP/1.1\r\n");
    if !headers.iter().any(|line| line.starts_with("connection:")) {
        request += "connection: close\r\n";
    }
    if !headers.iter().any(|line| line.starts_with("host:")) {
        request += "host: localhost\r\n";
    }
    for line in headers {
        request += line;
        request += "\r\n";
    }
    request += &format!("content-length: {}\r\n\r\n{body}", body.len());
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// Posts JSON.
pub(crate) async fn post(server: &RpcServer, body: &str) -> Answer {
    send(server.address(), "POST", &["content-type: application/json"], body).await
}

/// Calls a method with raw parameters; the whole answer.
pub(crate) async fn ask(server: &RpcServer, method: &str, params: Value) -> Value {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    post(server, &request.to_string()).await.json()
}

/// Calls a method that succeeds.
pub(crate) async fn result(server: &RpcServer, method: &str, params: Value) -> Value {
    let answer = ask(server, method, params).await;
    assert!(answer.get("error").is_none(), "{method}: {answer}");
    answer["result"].clone()
}

/// Calls a method that fails.
pub(crate) async fn error(server: &RpcServer, method: &str, params: Value) -> Value {
    let answer = ask(server, method, params).await;
    assert!(answer["error"].is_object(), "{method} did not fail: {answer}");
    answer["error"].clone()
}

/// A WebSocket without a client's manners.
pub(crate) struct RawWs<S, R> {
    sender: S,
    receiver: R,
}

pub(crate) async fn raw_ws(
    server: &RpcServer,
) -> RawWs<impl TransportSenderT, impl TransportReceiverT> {
    let url = Url::parse(&format!("ws://{}", server.address())).unwrap();
    let (sender, receiver) = WsTransportClientBuilder::default().build(url).await.unwrap();
    RawWs { sender, receiver }
}

impl<S: TransportSenderT, R: TransportReceiverT> RawWs<S, R> {
    pub(crate) async fn send(&mut self, text: impl ToString) {
        assert!(self.sender.send(text.to_string()).await.is_ok(), "the connection is closed");
    }

    /// Whether the connection still takes messages.
    pub(crate) async fn try_send(&mut self, text: String) -> bool {
        self.sender.send(text).await.is_ok()
    }

    /// The next message, or `None` once the server has closed.
    pub(crate) async fn receive(&mut self) -> Option<Value> {
        match self.receiver.receive().await.ok()? {
            ReceivedMessage::Text(text) => Some(serde_json::from_str(&text).unwrap()),
            ReceivedMessage::Bytes(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
            ReceivedMessage::Pong => None,
        }
    }

    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.send(json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })).await;
        self.receive().await.unwrap()
    }
}
