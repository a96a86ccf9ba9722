#!/usr/bin/env bash
# Brings what `docker compose up` runs to the release in this folder and the settings in .env, without a failed request:
#
#   deploy/update.sh [OPTIONS]    options of `docker compose`, such as --profile observability
#
# Engines that do not change go on running. Web containers are replaced one after another: a new one starts beside the old
# ones, and an old one ends once it is healthy. If a step fails, what ran before goes on.
set -euo pipefail
cd "$(dirname "$0")/.."

HEALTHY_SECONDS=${SLIPBIN_HEALTHY_SECONDS:-120}
log=$(mktemp)
known=
# Also when it is interrupted: a new web container that is not known to be healthy does not stay.
trap 'remove_unproven; rm -f "$log"' EXIT

options="$*"
# shellcheck disable=SC2086 # words
compose() { docker compose $options --progress quiet "$@"; }
fail() { echo "The update has failed: $*" >&2; exit 1; }
# Shows what a command says only if it fails.
quietly() { "$@" >"$log" 2>&1 || { tail -30 "$log" >&2; return 1; }; }
# Web containers that are not among those of `known`; none where it is empty.
unproven() { [ -z "$known" ] || compose ps --all --quiet main | grep --invert-match --line-regexp --fixed-strings "$known"; }
remove_unproven() { for left in $(unproven); do docker rm --force "$left" >/dev/null; done; }
# Has a service read its configuration again, if it runs; a profile may be off.
reload() {
    for running in $(compose ps --quiet "$1" 2>/dev/null); do docker kill --signal HUP "$running" >/dev/null; done
}
# A service that runs to its end.
run() {
    quietly compose up --detach --no-build "$1" &&
        [ "$(docker wait "$(compose ps --all --quiet "$1")")" = 0 ] || { compose logs --tail 20 "$1" >&2; return 1; }
}

old=$(compose ps --quiet main)
count=$(wc -w <<<"$old")
[ "$count" -gt 0 ] || fail 'nothing is running; start it with: docker compose up --detach'

echo 'Building the image'
quietly compose build || fail 'the image can not be built. The release before goes on running.'

echo 'Updating engines, schema and the configuration of the gateway'
{ run migrate && run gateway-config; } || fail 'see above. The release before goes on running.'

echo "Replacing $count web containers"
for container in $old; do
    known=$(compose ps --all --quiet main)
    quietly compose up --detach --no-build --no-recreate --scale "main=$((count + 1))" main ||
        fail 'the new web container does not start. The release before goes on running.'
    new=$(unproven)
    deadline=$((SECONDS + HEALTHY_SECONDS))
    until [ "$(docker inspect --format '{{.State.Health.Status}}' "$new")" = healthy ]; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            docker logs --tail 20 "$new" >&2
            fail "a new web container is not healthy after $HEALTHY_SECONDS s. Containers of the release before go on running."
        fi
        sleep 0.3
    done
    known=
    # Within a second the gateway knows the new one, and no longer asks one that has ended.
    sleep 2
    docker stop "$container" >/dev/null
    docker rm "$container" >/dev/null
    sleep 2
done

echo 'Replacing the rest that has changed'
quietly compose up --detach --no-build || fail 'web is of the new release; see above for the rest.'
# They are not recreated if only their files have changed.
for service in alertmanager prometheus; do reload "$service"; done
docker image prune --force --filter label=org.opencontainers.image.title=Slipbin >/dev/null
echo "Done in $SECONDS s."
