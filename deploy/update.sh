#!/usr/bin/env bash
# Brings what `docker compose up` runs to the release in this folder, without a failed request: deploy/update.sh
#
# Engines that the release does not change go on running. New web processes start beside the old ones, which end once
# the new ones are healthy. If a step fails, what ran before goes on.
set -euo pipefail
cd "$(dirname "$0")/.."

HEALTHY_SECONDS=${SLIPBIN_HEALTHY_SECONDS:-120}
compose() { docker compose --progress quiet "$@"; }
fail() { echo "The update has failed: $*" >&2; exit 1; }
start() { compose up --detach --no-deps --no-build "$@"; }

all=$(docker compose config --services)
web=main
engines=$(grep -Ex 'postgres|valkey|seaweedfs' <<<"$all" | paste -sd ' ')
background=$(grep -Ex 'main-worker|main-slow|main-beat|keygen-worker|keygen-beat' <<<"$all")
old=$(docker compose ps --quiet "$web")
[ -n "$old" ] || fail 'nothing is running; start it with: docker compose up --detach'

echo 'Building the image'
docker compose build --quiet || fail 'the image can not be built.'

echo 'Updating engines, schema and configuration'
# shellcheck disable=SC2086 # words
compose run --rm --no-deps secrets && { [ -z "$engines" ] || start --wait $engines; } &&
    compose run --rm --no-deps migrate >/dev/null && compose run --rm --no-deps gateway-config >/dev/null ||
    fail 'see above. The release before goes on running.'

echo 'Replacing web processes'
count=$(wc -w <<<"$old")
start --no-recreate --scale "$web=$((2 * count))" "$web"
new=$(docker compose ps --quiet "$web" | grep --invert-match --fixed-strings --line-regexp "$old")
deadline=$((SECONDS + HEALTHY_SECONDS))
for container in $new; do
    until [ "$(docker inspect --format '{{.State.Health.Status}}' "$container")" = healthy ]; do
        if [ $SECONDS -ge $deadline ]; then
            docker logs --tail 20 "$container" >&2
            # shellcheck disable=SC2086
            docker rm --force $new >/dev/null
            fail 'the new web processes do not become healthy. The release before goes on running.'
        fi
        sleep 0.3
    done
done
# The gateway learns within a second of those that are new, and of those that end.
sleep 2
for container in $old; do
    docker stop "$container" >/dev/null
    docker rm "$container" >/dev/null
done

echo 'Replacing workers'
# shellcheck disable=SC2086
start $background
# Whatever else has changed: the gateway, dashboards.
start $(grep -vxE 'secrets|migrate' <<<"$all")
docker image prune --force --filter label=org.opencontainers.image.title=Slipbin >/dev/null
echo "Done in $SECONDS s."
