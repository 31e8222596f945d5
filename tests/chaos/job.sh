#!/bin/sh
# Usage: job SECONDS LINES CODE
# Prints numbered lines, goes on for a while, ends with CODE (`flaky`: with 1 for every other run), and writes
# down what it does, in a file that only the checker reads. Times are seconds since the host's boot, which
# nobody sets. One line is one write, so that lines never mix.
mark() {
    read -r up _ </proc/uptime
    echo "$1 $CRONBOX_RUN_ID $CRONBOX_JOB $CRONBOX_ATTEMPT $CRONBOX_TRIGGER ${CRONBOX_SCHEDULED_FOR:--} $up ${2:--}" >>/truth/marks
}
trap 'mark told; exit 143' TERM
mark begun
number=0
while [ "$number" -lt "$2" ]; do
    number=$((number + 1))
    echo "$CRONBOX_RUN_ID $number"
done
sleep "$1" &
wait "$!"
code=$3
if [ "$code" = flaky ]; then
    case $CRONBOX_RUN_ID in *[02468ace]) code=1 ;; *) code=0 ;; esac
fi
mark ended "$code"
exit "$code"
