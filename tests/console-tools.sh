#!/usr/bin/env bash
# Events written with Kafka's own console producer, alerts read with its console consumer, a rule posted with curl:
# what somebody does who has never seen our code. Starts its own Kafka and its own Tocsin, and leaves nothing behind.
#   tests/console-tools.sh [TOCSIN-BINARY]
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"
cd "$root"

tocsin=${1:-$CARGO_TARGET_DIR/debug/tocsin}
scratch=$(mktemp -d)
export TOCSIN_KAFKA_HOME=$scratch/kafka
server=''
finish() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  scripts/kafka wipe >/dev/null 2>&1 || true
  at_exit
}
trap finish EXIT

scripts/kafka start >"$scratch/bootstrap"
bootstrap=$(tail -n 1 "$scratch/bootstrap")
"$tocsin" run --data "$scratch/data" --kafka "$bootstrap" --listen 127.0.0.1:0 >"$scratch/out" 2>"$scratch/log" &
server=$!
for _ in $(seq 300); do
  grep -q '^ready ' "$scratch/out" && break
  kill -0 "$server" 2>/dev/null || { cat "$scratch/log" >&2; die "tocsin ended"; }
  sleep 0.2
done
address=$(sed -n 's/^ready //p' "$scratch/out")
[ -n "$address" ] || { cat "$scratch/log" >&2; die "tocsin is not ready"; }

customer=9f20f8a4-d8c8-4a74-ac90-3452b97c2e34
curl --silent --show-error --fail-with-body "$address/v1/rules" \
  --header "Authorization: Bearer $(cat "$scratch/data/root.token")" --header 'Content-Type: application/json' \
  --data '{"customerId": "'$customer'", "alertId": "b0f7f3a8-9a43-4a5e-8b57-0a5d5a2f4c10", "alertName": "deleted",
           "alertDescription": "three repositories were deleted", "threshold": 3, "jsonPath": "$.repository.deleted",
           "bootstrapCustomerId": null}' >"$scratch/rule"

for number in 1 2 3 4; do
  printf '%s|{"customerId": "%s", "payload": "{\\"repository\\": {\\"deleted\\": %s}}"}\n' "$customer" "$customer" "$number"
done | scripts/kafka tool producer --topic events --property parse.key=true --property 'key.separator=|'
# Not an event at all: it must become a dead letter and stop nothing.
printf '%s|nonsense\n' "$customer" |
  scripts/kafka tool producer --topic events --property parse.key=true --property 'key.separator=|'

consume() {
  scripts/kafka tool consumer --topic "$1" --isolation-level read_committed --from-beginning \
    --timeout-ms 15000 --max-messages 1 --property print.headers=true 2>/dev/null
}
alert=$(consume tocsin.alerts)
letter=$(consume tocsin.dead-letters)
say "$alert"
say "$letter"
case $alert in *'"alertName":"deleted"'*'"value":3'*) ;; *) die "that is not the alert" ;; esac
case $letter in *'reason:TOC-2003'*nonsense*) ;; *) die "that is not the dead letter" ;; esac
say "console tools: one alert and one dead letter, as expected"
