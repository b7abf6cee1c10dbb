#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest: clients that work until their device goes. Source it after tap.sh.
clients=4 pids=''

seconds_until() { # COMMAND...: at most 60
  second=0
  until "$@"; do second=$((second + 1)); [ $second -lt 60 ] || return; sleep 1; done
}
ended() { ! kill -0 "$1" 2>/dev/null; }

# The host hears of it.
clients_start() {
  for client in $(seq $clients); do
    /selftests/stress client "$client" >"/tmp/client$client" 2>&1 &
    pids="$pids $!"
  done
  sleep 2
  echo '<6>snnq-test: at work' >/dev/kmsg
}

clients_end() {
  client=0
  for pid in $pids; do
    client=$((client + 1))
    check "client $client ends by itself" seconds_until ended "$pid"
    wait "$pid"
    check "client $client lost nothing before" [ $? -eq 0 ]
    note <"/tmp/client$client"
  done
}
