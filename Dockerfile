# syntax=docker/dockerfile:1
# One container for a classroom:  docker build -t wirebook .  &&  docker run -p 3000:3000 -v wirebook:/data \
#     --security-opt seccomp=unconfined --security-opt apparmor=unconfined wirebook
# Without those options Docker forbids namespaces and the labs run in tier `loopback` (the page says so).
FROM docker.io/library/node:22-bookworm-slim AS node

FROM docker.io/library/rust:1-bookworm AS build
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY .ci .ci
RUN .ci/tools
COPY . .
RUN make build

FROM docker.io/library/debian:bookworm-slim
RUN useradd --system --create-home --home-dir /data wirebook
COPY --from=build /src/target/release/wirebook /src/target/release/hash.txt /opt/wirebook/
COPY --from=build /src/target/site /opt/wirebook/site
ENV LEPTOS_OUTPUT_NAME=wirebook LEPTOS_SITE_ROOT=/opt/wirebook/site LEPTOS_HASH_FILES=true \
    WIREBOOK_ADDR=0.0.0.0:3000 WIREBOOK_DATA=/data
USER wirebook
VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/wirebook/wirebook"]
CMD ["serve"]
