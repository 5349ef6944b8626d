//! Calls by https, with a certificate authority of the test's own.

#![cfg(feature = "tls")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use handoff_client::{Client, ErrorKind};

/// Kills a server when the test ends.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let mut openssl = Command::new("openssl");
    let openssl = openssl.args(arguments.split(' ')).current_dir(folder);
    let output = openssl.output().expect("openssl is started");
    assert!(output.status.success(), "{arguments}: {output:?}");
}

/// Makes `ca.pem`, and `leaf.pem` with `leaf.key` for 127.0.0.1.
fn certify(folder: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(
        folder,
        &format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=authority"),
    );
    openssl(
        folder,
        &format!("req {key} -keyout leaf.key -out leaf.csr -subj /CN=leaf"),
    );
    let names = "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n";
    fs::write(folder.join("names"), names).expect("a file");
    openssl(
        folder,
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days 2 -extfile names",
    );
}

/// Serves the files of a folder, which are whole answers. Returns the server and its address.
fn serve(folder: &Path) -> (Server, String) {
    let serve = "s_server -accept 127.0.0.1:0 -cert leaf.pem -key leaf.key -HTTP";
    let mut openssl = Command::new("openssl");
    let openssl = openssl
        .args(serve.split(' '))
        .current_dir(folder)
        .stdout(Stdio::piped());
    let mut server = Server(
        openssl
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl is started"),
    );
    let lines = BufReader::new(server.0.stdout.take().expect("its output")).lines();
    let lines = lines.map(|line| line.expect("a line"));
    let address = lines
        .into_iter()
        .find_map(|line| Some(line.strip_prefix("ACCEPT ")?.to_owned()));
    (server, address.expect("it accepts"))
}

#[test]
fn https_trusts_the_authority_that_it_is_told() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("SKIPPED: https, because openssl can't be started");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    certify(folder);
    let body = r#"{"queues":[]}"#;
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    fs::create_dir(folder.join("v1")).expect("a folder");
    fs::write(folder.join("v1/queues"), answer).expect("a file");
    let (_server, address) = serve(folder);
    let client = || Client::builder(&format!("https://{address}")).attempts(1);

    let roots = fs::read(folder.join("ca.pem")).expect("a certificate");
    let trusting = client().root_certificates(roots).build().expect("a client");
    assert_eq!(trusting.queues().expect("an answer").len(), 0);

    let others = client()
        .build()
        .expect("a client")
        .queues()
        .expect_err("it is not trusted");
    assert_eq!(others.kind(), ErrorKind::Unavailable);
    assert!(others.to_string().contains("certificate"), "{others}");

    let none = client()
        .root_certificates(*b"nothing")
        .build()
        .expect_err("no certificate");
    assert_eq!(none.kind(), ErrorKind::InvalidRequest);
}
