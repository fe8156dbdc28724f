#!/bin/bash
# PostgreSQL's entry point in docker-compose.yml. Before the first start it creates the certificates of the server and of
# Debezium, which has no password, as stack/certificates.py does natively, and discards the authority's key. Then
# it runs the image's own entry point.
set -euo pipefail
server=/certificates/server
client=/certificates/client # only Kafka Connect's container has this volume too

if [ ! -s $client/client.pk8 ]; then
  work=$(mktemp -d)
  (
    umask 077
    cd "$work"
    ec=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
    issue() {
      openssl req -new "${ec[@]}" -keyout "$1.key" -subj "/CN=$2" |
        openssl x509 -req -CA ca.crt -CAkey ca.key -days 3650 -extfile <(printf '%s\n' "${@:3}") -out "$1.crt"
    }
    openssl req -x509 "${ec[@]}" -keyout ca.key -out ca.crt -days 3650 -subj /CN=user-automation
    issue server postgres extendedKeyUsage=serverAuth subjectAltName=DNS:postgres,DNS:localhost
    issue client debezium extendedKeyUsage=clientAuth
    openssl pkcs8 -topk8 -nocrypt -outform DER -in client.key -out client.pk8
    install --owner=postgres --group=postgres --mode=600 ca.crt server.crt server.key $server/
    install --mode=444 ca.crt client.crt client.pk8 $client/
  )
  rm -r "$work"
fi
exec docker-entrypoint.sh "$@"
