#!/bin/bash
# Healthy is: the server answers PING, and its data is loaded. An error reply (no password given, say) is an answer.
#
# The port is the one on the server's command line or in its configuration file; COWSLIP_PORT overrides both.
set -euo pipefail
shopt -s extglob

# Process 1 is the server, or an init that carries the server's arguments.
mapfile -d '' -t arguments </proc/1/cmdline
port=6379
for index in "${!arguments[@]}"; do
  argument=${arguments[index]}
  case $argument in
    --port) port=${arguments[index + 1]} ;;
    # The title that Redis gives its process: "redis-server *:6379".
    *" "*:+([0-9])) port=${argument##*:} ;;
    *.conf)
      named=$(sed -nE 's/^[[:space:]]*port[[:space:]]+([0-9]+).*/\1/p' "$argument" | tail -1)
      port=${named:-$port}
      ;;
  esac
done

exec 3<>"/dev/tcp/127.0.0.1/${COWSLIP_PORT:-$port}"
printf 'PING\r\n' >&3
IFS= read -r -t 2 -u 3 reply
echo "${reply%$'\r'}"
[[ $reply != -LOADING* ]]
