//! E-mail to a mail server on loopback that speaks as much of RFC 5321 as a test needs.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// How a mail server responds.
#[derive(Clone, Copy)]
struct Manners {
    greeting: &'static str,
    recipient: &'static str,
    data: &'static str,
}

const POLITE: Manners = Manners { greeting: "220 test ESMTP", recipient: "250 OK", data: "250 queued" };

#[derive(Clone)]
struct MailServer {
    url: String,
    /// Every line that it received, of commands and of messages.
    lines: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    async fn with(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { url: format!("smtp://{}", listener.local_addr().unwrap()), lines: Arc::default() };
        let lines = Arc::clone(&server.lines);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, manners, Arc::clone(&lines)));
            }
        });
        server
    }

    fn mailer(&self) -> Mailer {
        Mailer::new(&self.url, "Cloud Bridge <hooks@bridge.example>").unwrap()
    }

    fn received(&self) -> Vec<String> {
        self.lines.lock().clone()
    }
}

async fn serve(socket: TcpStream, manners: Manners, received: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let (reading, mut writing) = socket.into_split();
    let mut lines = BufReader::new(reading).lines();
    let mut in_message = false;
    writing.write_all(format!("{}\r\n", manners.greeting).as_bytes()).await.ok()?;
    while let Some(line) = lines.next_line().await.ok()? {
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        received.lock().push(line.clone());
        let response = match verb.as_str() {
            "." => {
                in_message = false;
                manners.data
            }
            _ if in_message => continue,
            "DATA" => {
                in_message = true;
                "354 go on"
            }
            "RCPT" => manners.recipient,
            "QUIT" => "221 bye",
            _ => "250 OK",
        };
        writing.write_all(format!("{response}\r\n").as_bytes()).await.ok()?;
    }
    Some(())
}

const TO: &str = "max@shop.example";

#[tokio::test]
async fn an_email_is_handed_to_the_mail_server() {
    let server = MailServer::with(POLITE).await;
    server.mailer().send(TO, "An endpoint fails", "It fails.\n.\nRCPT TO:<eve@evil.example>\n").await.unwrap();
    let received = server.received();
    let expect = |line: &str| assert!(received.iter().any(|received| received == line), "{line}: {received:#?}");
    for line in [
        "EHLO bridge.example",
        "MAIL FROM:<hooks@bridge.example>",
        "RCPT TO:<max@shop.example>",
        "From: \"Cloud Bridge\" <hooks@bridge.example>",
        "To: max@shop.example",
        "Subject: An endpoint fails",
        "Content-Type: text/plain; charset=utf-8",
        "It fails.",
        "..", // a dot alone would end the message
        ".",
    ] {
        expect(line);
    }
    let headers = |name: &str| received.iter().filter(|line| line.starts_with(name)).count();
    assert_eq!((headers("Date: "), headers("Message-ID: <"), headers("MAIL ")), (1, 1, 1));
    let after = received.iter().skip_while(|line| *line != "..");
    assert_eq!(
        after.clone().nth(1).unwrap(),
        "RCPT TO:<eve@evil.example>",
        "of the text, which it may be: {received:?}"
    );
}

#[tokio::test]
async fn text_beyond_ascii_arrives() {
    let server = MailServer::with(POLITE).await;
    server.mailer().send(TO, "Bestellung für Jörg", "Grüße").await.unwrap();
    let received = server.received();
    assert!(received.iter().any(|line| line.starts_with("Subject: ") && line.contains("=?utf-8?")), "{received:#?}");
    assert!(received.iter().all(|line| line.is_ascii()), "{received:#?}");
}

#[tokio::test]
async fn nothing_can_be_added_to_an_email() {
    let server = MailServer::with(POLITE).await;
    let mailer = server.mailer();
    for subject in ["a\r\nBcc: eve@evil.example", "a\nb", "a\rb", "a\0b", &"ä".repeat(201)] {
        assert_eq!(mailer.send(TO, subject, "text").await, Err(MailError::Subject), "{subject:?}");
    }
    for to in [
        "",
        "max",
        "max@",
        "@shop.example",
        "max@shop.example\r\nBcc: eve@evil.example",
        "max@shop.example\n",
        "max@shop.example>\r\nDATA",
        "max@shop.example, eve@evil.example",
        "Max <max@shop.example>",
        "\"max\"@shop.example",
        "\"max eve\"@shop.example",
        "\"max\r\nDATA\"@shop.example",
        "\"max@evil.example\"@shop.example",
        "max@shop.example> SIZE=1",
        " max@shop.example",
        "max@shop..example",
        "max@shop.example\u{2028}",
    ] {
        assert_eq!(mailer.send(to, "subject", "text").await, Err(MailError::Recipient), "{to:?}");
    }
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    assert_eq!(mailer.send(TO, "subject", &long).await, Err(MailError::TextTooLong));
    assert!(server.received().is_empty());
    assert_eq!(mailer.send(TO, &"ä".repeat(200), &long[1..]).await, Ok(()), "at the limits");
}

#[tokio::test]
async fn a_refusal_says_whether_to_try_again() {
    let recipient = "550 5.1.1 <max@shop.example> unknown";
    let refused = MailServer::with(Manners { recipient, ..POLITE }).await.mailer().send(TO, "s", "t").await;
    assert_eq!(refused, Err(MailError::Refused { code: 550 }));
    let recipient = "450 4.2.1 <max@shop.example> busy";
    let refused = MailServer::with(Manners { recipient, ..POLITE }).await.mailer().send(TO, "s", "t").await;
    assert_eq!(refused, Err(MailError::Unavailable("answered 450".to_owned())));
    let refused = MailServer::with(Manners { data: "554 spam", ..POLITE }).await.mailer().send(TO, "s", "t").await;
    assert_eq!(refused, Err(MailError::Refused { code: 554 }));
    let server = MailServer::with(POLITE).await;
    for to in ["mäx@shop.example", "max@shöp.example"] {
        assert_eq!(server.mailer().send(to, "s", "t").await, Err(MailError::NotAscii), "{to}");
    }
}

#[tokio::test]
async fn a_server_that_is_no_mail_server_is_unavailable() {
    let server = MailServer::with(Manners { greeting: "HTTP/1.1 400 Bad Request", ..POLITE }).await;
    let unavailable = |reason: &str| Err(MailError::Unavailable(reason.to_owned()));
    assert_eq!(server.mailer().send(TO, "s", "t").await, unavailable("answered what is not SMTP"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let mailer = Mailer::new(&url, "hooks@bridge.example").unwrap();
    let silent = Mailer { timeout: Duration::from_millis(100), ..mailer.clone() };
    assert_eq!(silent.send(TO, "s", "t").await, unavailable("timed out"));
    drop(listener);
    assert_eq!(mailer.send(TO, "s", "t").await, unavailable("no connection"));
}

#[tokio::test]
async fn an_email_is_not_sent_in_the_clear_where_encryption_is_required() {
    let server = MailServer::with(POLITE).await;
    let url = server.url.replace("smtp://", "smtp://user:secret@") + "?tls=required";
    let sent = Mailer::new(&url, "hooks@bridge.example").unwrap().send(TO, "s", "t").await;
    assert!(matches!(sent, Err(MailError::Unavailable(_))), "{sent:?}");
    let received = server.received();
    assert!(!received.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{received:?}");
}

#[test]
fn what_cannot_work_is_refused_at_the_start() {
    let refusal = |url, from| Mailer::new(url, from).err();
    let sender = "hooks@bridge.example";
    for url in
        ["", "mail.example", "https://mail.example", "smtp:", "smtp://mail.example?tls=opportunistic", "smtps://h?x"]
    {
        assert_eq!(refusal(url, sender), Some(MailSetupError::NotSmtp), "{url}");
    }
    for url in ["smtps://user@mail.example", "smtps://:secret@mail.example", "smtps://user:@mail.example"] {
        assert_eq!(refusal(url, sender), Some(MailSetupError::HalfALogin), "{url}");
    }
    assert_eq!(refusal("smtp://user:secret@mail.example", sender), Some(MailSetupError::UnencryptedPassword));
    for from in [
        "",
        "hooks",
        "hooks@bridge.example\r\nBcc: eve@evil.example",
        "A\r\nBcc: b <hooks@bridge.example>",
        "A\u{7}B <hooks@bridge.example>",
        "A\tB <hooks@bridge.example>",
    ] {
        assert_eq!(refusal("smtps://mail.example", from), Some(MailSetupError::Sender), "{from:?}");
    }
    for url in
        ["smtps://user:p%40ss@mail.example:465", "smtp://user:secret@mail.example?tls=required", "smtp://localhost"]
    {
        assert_eq!(refusal(url, sender), None, "{url}");
    }
}
