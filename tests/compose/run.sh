#!/usr/bin/env bash
# Builds, starts, uses, breaks and ends what docker-compose.yml describes, in containers: run.sh [WORK]
#
# As root on Debian 12 or 13, with an Engine and images of its own (engine.sh, images.sh); nothing that runs on this
# machine is touched. WORK is kept for a faster next time: 4 minutes the first time, 2 afterwards, 3 GB.
# With ENGINE=installed, the Docker of this machine and the images of the registries; needs no root, but the name
# `slipbin` of an image is given to the one that is built.
# PYTEST: further arguments of pytest, such as -k or -x.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
cd "$here/../.."
work=${1:-/var/tmp/slipbin-compose}
mkdir -p "$work" && work=$(realpath "$work")

# Nothing of an .env here, and a project beside the one of this machine.
export COMPOSE_ENV_FILES=/dev/null COMPOSE_PROJECT_NAME=slipbin-test
export MAIN_METRICS_TOKEN=for-this-run-alone-0123456789 KEYGEN_POOL_SIZE=2000
# A container can't have more open files than the Engine.
hard=$(ulimit -Hn)
[ "$hard" = unlimited ] || [ "$hard" -ge 65536 ] || export SLIPBIN_OPEN_FILES=$hard
read -r SLIPBIN_PORT SLIPBIN_TLS_PORT < <(.venv/bin/python -m tests.compose.free_ports)
export SLIPBIN_PORT SLIPBIN_TLS_PORT

end() {
    docker compose logs --no-color --timestamps >"$work/containers.log" 2>&1 || true
    docker compose --progress quiet down --volumes --remove-orphans --timeout 20 || true
    [ "${ENGINE:-}" = installed ] || "$here/engine.sh" stop "$work"
}

if [ "${ENGINE:-}" != installed ]; then
    "$here/engine.sh" start "$work"
    eval "$("$here/engine.sh" variables "$work")"
fi
trap end EXIT
if [ "${ENGINE:-}" != installed ]; then
    echo 'Making the images that can not be fetched'
    "$here/images.sh" "$work" 2>"$work/images.log" || { tail -20 "$work/images.log" >&2; exit 1; }
fi
echo 'Building slipbin'
docker compose build --quiet >"$work/build.log" 2>&1 || { tail -20 "$work/build.log" >&2; exit 1; }
# shellcheck disable=SC2086 # words
SLIPBIN_COMPOSE_TEST=$work .venv/bin/python -m pytest -p no:randomly --durations 5 tests/compose ${PYTEST:-}
