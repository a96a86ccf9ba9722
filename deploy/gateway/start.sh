#!/bin/sh
# Runs nginx on the configuration in FOLDER, and reloads it when that or the certificate in it changes:
#   sh start.sh FOLDER SCRATCH
# SCRATCH: a folder that it may write to.
set -eu
folder=$1 scratch=$2
every_seconds=${SLIPBIN_WATCH_SECONDS:-10}

# `server … resolve` is known since 1.27.3; an older one looks names up once, at its start.
version=$(nginx -v 2>&1 | sed 's|.*/\([0-9][0-9.]*\).*|\1|')
oldest=$(printf '1.27.3\n%s\n' "$version" | sort -t . -k 1,1n -k 2,2n -k 3,3n | head -n 1)
if [ "$oldest" = 1.27.3 ]; then configuration=$folder/nginx.conf; else configuration=$folder/nginx-1.22.conf; fi

seen() {
    # Not all of them must be there. A certificate of the operator lies in a folder that is named by what is in it.
    cat "$folder"/nginx*.conf "$folder"/pages/* "$folder"/self-signed/fullchain.pem 2>/dev/null | cksum
}

watch() {
    last=$1 refused=
    # Ends with nginx.
    while sleep "$every_seconds" && kill -0 "$$" 2>/dev/null; do
        now=$(seen)
        [ "$now" = "$last" ] && continue
        if said=$(unset NGINX; nginx -t -q -e stderr -c "$configuration" 2>&1); then
            # The number of the master, which this shell becomes.
            kill -HUP "$$"
            last=$now refused=
            echo "gateway: the configuration or the certificate has changed: reloaded" >&2
        elif [ "$now" != "$refused" ]; then
            refused=$now
            echo "gateway: the changed configuration or certificate can't be used, the one of before stays: $said" >&2
        fi
    done
}

mkdir -p "$scratch"
watch "$(seen)" &
# Workers of root's nginx would run as a user who may not enter the folders; in the containers it is never root.
[ "$(id -u)" = 0 ] && user='user root;' || user=
exec nginx -e stderr -c "$configuration" -g "daemon off; $user"
