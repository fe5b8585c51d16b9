# Cowslip as a container: docker build -t cowslip .
#
# The last stage holds the server, the libraries it links and a POSIX userland, nothing that builds.
FROM debian:bookworm-slim AS build
WORKDIR /cowslip

# The packages change rarely: their layer stays cached while the sources change.
COPY scripts/install-packages scripts/
RUN scripts/install-packages build

# ON turns warnings into errors, as CI does.
ARG COWSLIP_WERROR=OFF
COPY . .
RUN COWSLIP_WERROR=$COWSLIP_WERROR scripts/build release cowslip-server \
    && install -D --strip build/release/bin/cowslip-server /image/usr/local/bin/cowslip-server \
    && install -D docker/entrypoint.sh /image/usr/local/bin/entrypoint.sh \
    && install -D docker/healthcheck.sh /image/usr/local/bin/healthcheck.sh \
    && docker/runtime-packages /image/usr/local/bin/cowslip-server > /runtime-packages

FROM debian:bookworm-slim
COPY --from=build /runtime-packages /tmp/
RUN groupadd --system --gid 999 cowslip \
    && useradd --system --uid 999 --gid cowslip --home-dir /data --no-create-home cowslip \
    && install -d -o cowslip -g cowslip /data \
    && apt-get update \
    && xargs apt-get install --yes --no-install-recommends < /tmp/runtime-packages \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /tmp/runtime-packages
COPY --from=build /image/ /

VOLUME /data
WORKDIR /data
EXPOSE 6379
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s CMD ["healthcheck.sh"]
ENTRYPOINT ["entrypoint.sh"]
CMD ["cowslip-server"]
