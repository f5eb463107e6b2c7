//! HTTP by hand, for what no client would send.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Asks for a page; the whole answer.
pub(crate) async fn get(from: SocketAddr, page: &str) -> String {
    let mut stream = TcpStream::connect(from).await.unwrap();
    let head = format!("GET {page} HTTP/1.1\r\nHost: {from}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Posts `body`, whatever it is, and gives the whole answer. An early answer is an answer: a server
/// need not read what it refuses.
pub(crate) async fn post(to: SocketAddr, body: &str) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {to}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let (mut read, mut write) = stream.split();
    let asked = async {
        // Fails when the server has answered and closed before it read everything.
        let _ = write.write_all(head.as_bytes()).await;
        let _ = write.write_all(body.as_bytes()).await;
    };
    let mut answer = Vec::new();
    // A reset may follow the answer when bytes were left unread.
    let answered = async { drop(read.read_to_end(&mut answer).await) };
    tokio::join!(asked, answered);
    String::from_utf8(answer).unwrap()
}
