#!/bin/sh
# emulate.sh - builds test_loops.c for aarch64 and runs it under qemu-user, so that the NEON level is tested on any machine.
# Exit status 77 (skipped) where the cross compiler or the emulator is missing; on aarch64 itself the plain test does it.
set -eu
if [ -n "${LIKEN_SANITIZED:-}" ]; then
  echo "skipped: the emulated run is made without a sanitizer, in the ordinary build"
  exit 77
fi
root=$(realpath "$(dirname "$0")/../../../..")
cc=aarch64-linux-gnu-gcc
for program in $cc qemu-aarch64; do
  if ! command -v $program > /dev/null; then
    echo "skipped: $program is missing (packages gcc-aarch64-linux-gnu, libc6-dev-arm64-cross, qemu-user): NEON is not tested"
    exit 77
  fi
done
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cd "$root"
for source in distance_scalar distance_neon filter_scalar filter_neon filter_armcrc loops; do
  march=armv8-a
  [ $source != filter_armcrc ] || march=armv8-a+crc
  $cc -std=gnu11 -D_GNU_SOURCE -O2 -march=$march -ffp-contract=off -fno-math-errno -Wall -Wextra -Wconversion -Werror \
    -Isrc -Iinclude -c -o "$work/$source.o" src/kern/search/$source.c
done
$cc -std=gnu11 -D_GNU_SOURCE -O2 -static -ffp-contract=off -Itests/unit/kern/emulated -Isrc -Iinclude -Itests \
  -DLIKEN_VERSION=\"test\" -o "$work/test" tests/unit/kern/search/test_loops.c src/base/cpu.c src/base/log.c src/base/call.c \
  src/base/sized.c src/base/clock.c src/base/error.c src/base/version.c "$work"/*.o -lm -lpthread
qemu-aarch64 "$work/test"
