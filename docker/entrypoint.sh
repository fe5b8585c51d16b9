#!/bin/sh
# Starts the server as an unprivileged user. The arguments are the server's, as with redis images:
#
#   docker run cowslip                          cowslip-server
#   docker run cowslip --save 60 1              flags
#   docker run cowslip /etc/cowslip.conf ...    a configuration file, then flags
#   docker run cowslip bash                     another program
set -eu

case ${1:-} in
  -* | *.conf | '') set -- cowslip-server "$@" ;;
esac
[ "$1" = cowslip-server ] || exec "$@"
shift

# Root only hands the data folder to the server's user and then steps down. A mounted folder may be of any owner.
if [ "$(id -u)" = 0 ]; then
  find /data \! -user cowslip -exec chown cowslip:cowslip {} + || echo "entrypoint: cannot own all of /data" >&2
  exec setpriv --reuid cowslip --regid cowslip --clear-groups -- "$0" cowslip-server "$@"
fi

# Snapshots are private to the server's user, unless somebody chose otherwise.
[ "$(umask)" != 0022 ] || umask 0077

# Nobody reaches the port of a container unless it is published, so protected mode, which only lets the container
# itself in, would be in the way. Who names it, in the file or in a flag, has the last word.
config=
case ${1:-} in
  '' | -*) ;;
  *)
    config=$1
    shift
    ;;
esac
if [ -f "$config" ] && grep -qi '^[[:space:]]*protected-mode[[:space:]]' "$config"; then
  exec cowslip-server "$config" "$@"
fi
case ${1:-} in
  -h | --help | -v | --version | --test-memory | --check-system) exec cowslip-server "$@" ;;
esac
exec cowslip-server ${config:+"$config"} --protected-mode no "$@"
