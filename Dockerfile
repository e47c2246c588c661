# papscope's service: the base install, the parts of `papscope serve`, and no torch.
#
#     docker build -t papscope .
#     docker run --rm -it -v papscope:/data papscope account add ada --role admin
#     docker run -d -p 443:8000 -v papscope:/data -v /etc/lab/tls:/tls:ro papscope \
#         serve --host 0.0.0.0 --tls-cert /tls/chain.pem --tls-key /tls/key.pem --name HOST:443
#
# Whatever it keeps is in /data. With PostgreSQL and a proxy for TLS: compose.yaml.
# Research software, not a medical device.
FROM python:3.12-slim AS build
WORKDIR /build
RUN python -m venv /opt/papscope
COPY pyproject.toml README.md LICENSE CHANGELOG.md constraints.txt ./
COPY src ./src
RUN /opt/papscope/bin/pip install --no-cache-dir --disable-pip-version-check ".[serve]"

FROM python:3.12-slim
LABEL org.opencontainers.image.title="papscope" \
      org.opencontainers.image.description="Reads Pap-smear images. Research use only, not a medical device." \
      org.opencontainers.image.licenses="Apache-2.0"
# A number of its own, so that a folder of the host can be given to it by `chown 10001`.
RUN groupadd --gid 10001 papscope \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin papscope \
 && install --directory --owner papscope --group papscope --mode 0700 /data /backups
COPY --from=build /opt/papscope /opt/papscope
ENV PATH=/opt/papscope/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PAPSCOPE_HOME=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
# Plain HTTP on the container's own loopback; a service that speaks TLS itself needs another one.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["papscope"]
# Off loopback it starts only with accounts, and with TLS or behind a proxy that speaks it.
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
