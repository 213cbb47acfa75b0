#!/bin/sh
# Compiles the reference's core and the oracle with counters of what runs, and everything else without.
rustc=$1
shift
case " $* " in
  *" --crate-name roam_core "* | *" --crate-name oracle "*) exec "$rustc" "$@" -C instrument-coverage ;;
  *) exec "$rustc" "$@" ;;
esac
