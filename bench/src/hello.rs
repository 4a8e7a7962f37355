//! What the HTTP server can do at best: a greeting, from a process that does nothing else.

use std::net::SocketAddr;

use actix_web::{App, HttpServer, web};

pub(crate) fn serve(address: SocketAddr) -> std::io::Result<()> {
    actix_web::rt::System::new().block_on(async {
        HttpServer::new(|| App::new().route("/", web::get().to(|| async { "Hello, world!" })))
            .bind(address)?
            .run()
            .await
    })
}
