#!/usr/bin/env bash
# A Docker Engine with Compose that nothing has to be installed for, on Debian 12 or 13 as root:
#
#   engine.sh start WORK    then, for `docker`: eval "$(engine.sh variables WORK)"
#   engine.sh stop WORK     ends it and all of its containers; WORK keeps what is slow to make again
#
# Debian 13's packages are unpacked below WORK and run from there: Debian 12's Engine can't do `start_interval`.
set -euo pipefail
task=$1 work=$(mkdir -p "$2" && realpath "$2")
programs=$work/engine/usr
socket=$work/docker.sock

fetch() {
    local apt=$work/apt mirror
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | grep -m 1 debian)
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/status"
    # Lists of its own: the packages and sources of this machine stay as they are.
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$apt/sources.list"
    cat >"$apt/apt.conf" <<END
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "/nonexistent";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
APT::Sandbox::User "root";
Acquire::Languages "none";
END
    export APT_CONFIG=$apt/apt.conf
    apt-get update --quiet=2
    (cd "$apt/cache" && apt-get download --quiet=2 docker.io docker-cli docker-compose containerd tini mmdebstrap)
    unset APT_CONFIG
    rm -rf "$work/engine.part"
    for package in "$apt"/cache/*.deb; do dpkg-deb --extract "$package" "$work/engine.part"; done
    mv "$work/engine.part" "$work/engine"
}

case $task in
variables)
    echo "export PATH='$programs/bin:$programs/sbin':\$PATH PERL5LIB='$programs/share/perl5'"
    # The builder of Compose itself, which needs no program of its own.
    echo "export DOCKER_HOST='unix://$socket' DOCKER_CONFIG='$work/config' DOCKER_BUILDKIT=0"
    ;;
start)
    [ -x "$programs/sbin/dockerd" ] || fetch
    # Debian 13's need a newer C library than Debian 12 has.
    command -v runc >/dev/null && command -v iptables >/dev/null || {
        apt-get update --quiet=2
        apt-get install --yes --quiet=2 --no-install-recommends runc iptables >/dev/null
    }
    mkdir -p "$work/config/cli-plugins"
    cp "$programs/libexec/docker/cli-plugins/docker-compose" "$work/config/cli-plugins"
    eval "$("$0" variables "$work")"
    setsid nohup dockerd --data-root "$work/docker" --exec-root "$work/exec" --pidfile "$work/dockerd.pid" \
        --host "$DOCKER_HOST" >"$work/dockerd.log" 2>&1 </dev/null &
    for _ in $(seq 150); do
        docker info >/dev/null 2>&1 && exit 0
        sleep 0.2
    done
    echo 'The Docker Engine does not start:' >&2
    tail -20 "$work/dockerd.log" >&2
    exit 1
    ;;
stop)
    eval "$("$0" variables "$work")"
    docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes >/dev/null
    docker volume prune --all --force >/dev/null
    docker network prune --force >/dev/null
    docker image prune --force >/dev/null
    process=$(cat "$work/dockerd.pid")
    kill "$process"
    while kill -0 "$process" 2>/dev/null; do sleep 0.2; done
    # What it mounted over its own folders.
    awk -v below="$work/" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r | xargs --no-run-if-empty umount
    rm -rf "$work/exec" "$socket"
    ;;
esac
