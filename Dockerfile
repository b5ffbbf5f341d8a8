# syntax=docker/dockerfile:1

# LLM Proxy with LiteLLM's translators in it, for linux/amd64 and linux/arm64.
#
#   docker build -t llmproxy .
#   docker run --rm -v llmproxy-data:/data llmproxy keys create --admin
#   docker run -p 127.0.0.1:8000:8000 -v llmproxy-data:/data --read-only --tmpfs /tmp llmproxy
#
# The tag moves with Python's patch releases, which is how their security fixes arrive. Who wants the same bytes for ever names a
# digest: --build-arg PYTHON_IMAGE=python:3.13-slim-trixie@sha256:…
ARG PYTHON_VERSION=3.13
ARG PYTHON_IMAGE=python:${PYTHON_VERSION}-slim-trixie

# --- What the gateway stands on: locked by hash, wheels only, so that there is no compiler and nothing of a package runs here.
# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE} AS packages
COPY requirements/litellm.txt /build/requirements.txt
# A mirror, a proxy or an own authority: docker build --secret id=pip.conf,src=pip.conf . It is in no layer and in no history.
# The environment has no pip of its own: nothing can be installed into it later.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=cache,target=/var/cache/pip \
    python -m venv --without-pip /opt/llmproxy && \
    python -m pip --python /opt/llmproxy/bin/python install --cache-dir /var/cache/pip --disable-pip-version-check --no-input \
      --no-deps --only-binary=:all: --require-hashes -r /build/requirements.txt

# --- The gateway itself. It is copied, not built: a build would need a backend from an index, and gives the same files.
# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE} AS package
COPY src/llmproxy /build/llmproxy
# The root is read-only when it runs, so that the bytecode is made here; unchecked, since no source changes after this.
RUN python -m compileall -q --invalidation-mode unchecked-hash -s /build -p /opt/llmproxy /build/llmproxy

# --- The image.
# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE}
ARG PYTHON_VERSION
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="LLM Proxy" \
      org.opencontainers.image.description="An OpenAI-compatible gateway in front of many model providers" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The number is what Kubernetes checks (runAsNonRoot) and what owns the volume; nobody logs in. The data folder is private: it
# holds the digests of keys and the ledger.
RUN groupadd --system --gid 10001 llmproxy && \
    useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin llmproxy && \
    install -d -o 10001 -g 10001 -m 0700 /data
COPY LICENSE deploy/healthcheck.py /opt/llmproxy/
COPY --from=packages /opt/llmproxy /opt/llmproxy
COPY --from=package /build/llmproxy /opt/llmproxy/lib/python${PYTHON_VERSION}/site-packages/llmproxy
RUN printf '#!/opt/llmproxy/bin/python\nimport sys\n\nfrom llmproxy.cli import main\n\nsys.exit(main())\n' \
      >/opt/llmproxy/bin/llmproxy && \
    chmod 0755 /opt/llmproxy/bin/llmproxy
# HOST: a container's own loopback is reached by nobody. The gateway does not start like this before there is a key.
ENV PATH=/opt/llmproxy/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    HOST=0.0.0.0 \
    PORT=8000 \
    LLMPROXY_DATA_DIR=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
# It drains, then ends what is under way. Who stops it must wait for that, docker stop --time 655: docs/lifecycle.md.
STOPSIGNAL SIGTERM
# Live, not ready: whoever acts on this kills the container, and one that waits for its store or ends in order must not be killed.
# -I -S: without the environment's packages a look costs a twentieth of a second.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-I", "-S", "/opt/llmproxy/healthcheck.py", "/health/live"]
ENTRYPOINT ["llmproxy"]
CMD ["serve"]
