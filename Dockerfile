# One image for migrations, worker, gateway and command line. Wheels only, every one pinned by its hash; no development
# tools, no embedded servers. The same steps without Docker: docs/deploy.md, "Rehearsal".
FROM python:3.12-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
# Before the sources, so that a change of ours doesn't install everything anew.
COPY deploy/build.lock deploy/requirements.lock deploy/
RUN pip install --require-hashes --only-binary :all: -r deploy/build.lock \
 && python -m venv /venv \
 && /venv/bin/pip install --require-hashes --no-deps --only-binary :all: -r deploy/requirements.lock
COPY . .
# Installed, not only copied: connectors, policies and commands are found by the entry points of an installed package.
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /venv/bin/pip install --no-deps --no-index /wheels/*.whl

FROM python:3.12-slim-bookworm
# A number, so that the orchestrator can prove that it isn't root.
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin accord
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
# Where the configuration is mounted, read only: the working directory is where Python looks for modules first.
WORKDIR /etc/accord
CMD ["python", "-m", "gateway.serve"]
