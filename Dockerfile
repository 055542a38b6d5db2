# syntax=docker/dockerfile:1
# An image of the service: one binary that keeps everything it needs under /data, unless a database is configured.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# Out of the cached folders, which are not part of the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin cloud-bridge \
    && cp target/release/cloud-bridge /usr/local/bin/cloud-bridge

# The binary needs glibc and nothing else: SQLite and the roots of trust for TLS are part of it.
FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --user-group --home-dir /data --no-create-home --shell /usr/sbin/nologin cloud-bridge \
    && install --directory --owner=cloud-bridge --group=cloud-bridge --mode=0700 /data
COPY --from=build /usr/local/bin/cloud-bridge /usr/local/bin/cloud-bridge
USER cloud-bridge
ENV CLOUD_BRIDGE_LISTEN=0.0.0.0:8080 \
    CLOUD_BRIDGE_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
# Checks whether it is alive, not whether it is ready: a database that is away is not mended by another container. The
# image has no HTTP client, but its bash can speak that much.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /health HTTP/1.1\\r\\nhost: localhost\\r\\nconnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
ENTRYPOINT ["cloud-bridge"]
CMD ["serve"]
