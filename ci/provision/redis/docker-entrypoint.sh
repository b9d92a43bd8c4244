#!/bin/sh
# Runs redis-server as the user redis on /data, open to other hosts unless it is
# told otherwise: the official image is built that way, Debian's package is not.
set -eu

case ${1:-} in
-* | *.conf) set -- redis-server "$@" ;;
esac

if [ "${1:-}" = redis-server ]; then
	case ${2:-} in
	-h | --help | -v | --version | --test-memory | --check-system) exec "$@" ;;
	esac
	if [ "$(id -u)" = 0 ]; then
		find . \! -user redis -exec chown redis '{}' +
		exec setpriv --reuid=redis --regid=redis --init-groups "$0" "$@"
	fi
	config=/dev/null
	case ${2:-} in
	-* | '') ;;
	*) config=$2 ;;
	esac
	case " $* " in
	*' --protected-mode '*) ;;
	*) grep -q '^ *protected-mode ' "$config" || set -- "$@" --protected-mode no ;;
	esac
fi
exec "$@"
