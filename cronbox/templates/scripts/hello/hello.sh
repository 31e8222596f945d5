#!/bin/sh
# GREETING comes from the crontab, COUNT lives on the box's data volume.
set -eu

COUNT=/data/greetings
number=$(($(cat "$COUNT" 2>/dev/null || echo 0) + 1))
echo "$number" >"$COUNT"
echo "$GREETING: greeting number $number, from the user $(id -un) at $(date '+%H:%M:%S')"
# On record with the run: `cronbox results hello/greet` draws it.
echo "greetings=$number" >>"${CRONBOX_RESULT:-/dev/null}"
