#!/bin/bash
# Makes the database on an empty PGDATA, then becomes the command. What is read:
# POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, POSTGRES_INITDB_ARGS,
# POSTGRES_HOST_AUTH_METHOD, each also from the file that NAME_FILE names, and
# PGDATA. Files in /docker-entrypoint-initdb.d run once, in order.
set -euo pipefail

refuse() {
	echo "docker-entrypoint.sh: $*" >&2
	exit 1
}

# from_file NAME DEFAULT: the value, that of the file, or the default.
from_file() {
	local file="${1}_FILE"
	if [ -n "${!1:-}" ] && [ -n "${!file:-}" ]; then
		refuse "$1 and $file are both set"
	elif [ -n "${!file:-}" ]; then
		export "$1=$(<"${!file}")"
	else
		export "$1=${!1:-$2}"
	fi
	unset "$file"
}

# The server that nobody else reaches: a socket and no port.
sql() {
	psql --no-psqlrc --no-password --quiet -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" "$@"
}

make_database() {
	from_file POSTGRES_PASSWORD ''
	from_file POSTGRES_USER postgres
	from_file POSTGRES_DB "$POSTGRES_USER"
	from_file POSTGRES_INITDB_ARGS ''
	from_file POSTGRES_HOST_AUTH_METHOD scram-sha-256
	if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
		refuse 'POSTGRES_PASSWORD is not set, and POSTGRES_HOST_AUTH_METHOD is not trust'
	fi
	# initdb reads the password from a file alone.
	local password=()
	if [ -n "$POSTGRES_PASSWORD" ]; then
		password=(--pwfile="$(mktemp)")
		printf '%s\n' "$POSTGRES_PASSWORD" >"${password[0]#*=}"
	fi
	# The arguments are meant to be split.
	# shellcheck disable=SC2086
	initdb --username="$POSTGRES_USER" "${password[@]}" $POSTGRES_INITDB_ARGS
	rm -f "${password[@]#*=}"
	printf '\nhost all all all %s\n' "$POSTGRES_HOST_AUTH_METHOD" >>"$PGDATA/pg_hba.conf"

	PGPASSWORD="$POSTGRES_PASSWORD" pg_ctl -w start -o "$(printf '%q ' "${@:2}" -c listen_addresses= -p 5432)"
	export PGPASSWORD="$POSTGRES_PASSWORD"
	if [ "$POSTGRES_DB" != postgres ]; then
		sql --dbname postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
	fi
	local file
	for file in /docker-entrypoint-initdb.d/*; do
		case $file in
		*.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
		*.sql) sql --dbname "$POSTGRES_DB" --file "$file" ;;
		*.sql.gz) gunzip -c "$file" | sql --dbname "$POSTGRES_DB" ;;
		esac
	done
	pg_ctl -w -m fast stop
	unset PGPASSWORD
}

case ${1:-} in
-*) set -- postgres "$@" ;;
esac

if [ "${1:-}" = postgres ]; then
	case " $* " in
	*' --help '* | *' -? '* | *' --version '* | *' -V '* | *' --describe-config '*) exec "$@" ;;
	esac
	if [ "$(id -u)" = 0 ]; then
		mkdir -p "$PGDATA" /var/run/postgresql
		chmod 0700 "$PGDATA"
		find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
		exec setpriv --reuid=postgres --regid=postgres --init-groups "$BASH_SOURCE" "$@"
	fi
	if [ ! -s "$PGDATA/PG_VERSION" ]; then
		make_database "$@"
	fi
fi
exec "$@"
