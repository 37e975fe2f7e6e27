# Caddy with the exif module, running as an unprivileged user, in an image with nothing else.
#
#	docker build -t caddy-exif .
#	docker run --rm -p 2015:2015 -v "$PWD/testdata:/photos:ro" caddy-exif
#	docker run --rm -p 80:80 -p 443:443 -v "$PWD/Caddyfile:/etc/caddy/Caddyfile:ro" -v caddy:/data \
#		caddy-exif run --config /etc/caddy/Caddyfile

FROM --platform=$BUILDPLATFORM golang:1.26.8-alpine@sha256:8ac98ca534ac3f51e1f420a1dd2c15e74c75cfa0f23f3ad27eb5d7236c349a0c AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH VERSION=v0.0.0
RUN .ci/stamp "$VERSION" /stamped \
	&& CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
	go -C /stamped build -mod=mod -trimpath -tags=nobadger,nomysql,nopgx -ldflags='-s -w' -o /out/caddy . \
	&& mkdir /out/data /out/config /out/photos

FROM gcr.io/distroless/static-debian12:nonroot@sha256:afa5c872c891853ca7fcf1f12c3edb23f7eeef36189728842dd51042ff57f7ab
ARG VERSION=v0.0.0
LABEL org.opencontainers.image.title="caddy-exif" \
	org.opencontainers.image.description="Caddy with EXIF, size and thumbnails of photos over HTTP" \
	org.opencontainers.image.source="https://github.com/caddyexif/caddy-exif" \
	org.opencontainers.image.licenses="Apache-2.0" \
	org.opencontainers.image.version="$VERSION"
COPY --from=build /out/caddy /usr/bin/caddy
COPY --from=build --chown=nonroot:nonroot /out/photos /photos
# directories for certificates and Caddy's own settings
COPY --from=build --chown=nonroot:nonroot /out/data /data
COPY --from=build --chown=nonroot:nonroot /out/config /config
ENV XDG_DATA_HOME=/data XDG_CONFIG_HOME=/config
VOLUME ["/data", "/config"]
EXPOSE 80 443 443/udp 2015
ENTRYPOINT ["/usr/bin/caddy"]
CMD ["exif-server", "--root", "/photos"]
