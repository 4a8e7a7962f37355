# The image of Mercato: one binary that serves, works and migrates.
#   docker build -t mercato .

FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends cmake clang && rm -rf /var/lib/apt/lists/*
WORKDIR /mercato
COPY . .
# The target folder is a cache, so the binary is copied out of it.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/mercato/target \
    cargo build --locked --release --package mercato --bin mercato \
    && install -D target/release/mercato /out/mercato

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/mercato --create-home mercato
COPY --from=build /out/mercato /usr/local/bin/mercato
USER mercato
WORKDIR /var/lib/mercato
# Inside a container every address is its own; what is reachable is decided outside.
ENV MERCATO__SERVER__ADDRESS=0.0.0.0:8080 \
    MERCATO__METRICS__ADDRESS=0.0.0.0:9464 \
    MERCATO__STORAGE__FOLDER=/var/lib/mercato/media \
    MERCATO__MAIL__FOLDER=/var/lib/mercato/mail \
    MERCATO__LOGS__FORMAT=json
EXPOSE 8080 9464
VOLUME /var/lib/mercato
# A worker has no address of its own: its service turns this check off.
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s --retries=3 CMD ["mercato", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["mercato"]
CMD ["serve"]
