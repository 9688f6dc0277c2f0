#!/bin/sh
# Creates the topics of the billing services that are missing, and shows all of them.
# It may be repeated, and never changes what exists.
# If a setting is not as it must be, it says so and exits with 1.
set -eu
cd "$(dirname "$0")/../.."
: "${KAFKA_BROKERS:=localhost:9092,localhost:9093,localhost:9094}"
export KAFKA_BROKERS
exec go run ./examples/infrastructure/billing-tool topics create "$@"
