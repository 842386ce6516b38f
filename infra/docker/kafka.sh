#!/bin/sh
# Entry point of the log container: formats the folder once, with the ids of the cluster file, and
# starts the broker. Both files come from `meridian region settings`.
set -eu
# shellcheck source=/dev/null
. /settings/kafka.env
# With addresses in the cluster file Kafka asks no resolver.
export KAFKA_OPTS="${KAFKA_OPTS:-}"
/opt/kafka/bin/kafka-storage.sh format --ignore-formatted \
  --cluster-id "$KAFKA_CLUSTER_ID" --config /settings/kafka.properties $KAFKA_QUORUM_ARGUMENTS
exec /opt/kafka/bin/kafka-server-start.sh /settings/kafka.properties
