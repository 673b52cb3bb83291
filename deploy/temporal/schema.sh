#!/bin/sh
# Bring both of Temporal's databases to the schema of this version. Safe to repeat: a version that is there isn't redone.
set -eu

schema() { # database, folder of its versions
  set -- "$2" --plugin postgres12 --ep postgres -p 5432 -u temporal_service --db "$1"
  folder=$1
  shift
  temporal-sql-tool "$@" setup-schema -v 0.0
  temporal-sql-tool "$@" update-schema -d "/etc/temporal/schema/postgresql/v12/$folder/versioned"
}

schema temporal temporal
schema temporal_visibility visibility
