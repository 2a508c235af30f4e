#!/usr/bin/env bash
# Copyright.
set -eu

HERE=$(dirname "$0")
. "$HERE/lib.sh"
source ./conf/colors.sh

# Says what it does.
# In colour.
log() {
  echo "$(colour "$1")" >&2
}

function total {
  local sum=0
  for item in "$@"; do
    if [[ $item == x && -f $item ]]; then
      sum=$((sum + 1))
    elif [ -d "$item" ]; then
      log "$item"
    fi
  done
  while true; do break; done
  case $sum in
    1|2) echo few ;;
    *) echo many ;;
  esac
}

noop() { :; }

total a b | grep -c x || log failed
