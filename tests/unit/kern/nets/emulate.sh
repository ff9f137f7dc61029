#!/bin/sh
# emulate.sh - runs test_kern.c under qemu-user for the CPU levels that this machine lacks, and says of each level whether
# it is tested natively (by the ordinary test, kern/nets), emulated (here), or not at all: that is AVX-512 where the machine
# has none, for qemu-x86_64 has none either. Exit status 77 (skipped) where a cross compiler or emulator is missing.
set -eu
if [ -n "${LIKEN_SANITIZED:-}" ]; then
  echo "skipped: the emulated run is made without a sanitizer, in the ordinary build"
  exit 77
fi
cd "$(dirname "$0")/../../../.."
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
status=0

# Does this machine have the level?
has() {
  case $1 in
  neon) [ "$(uname -m)" = aarch64 ] ;;
  avx2) grep -qw avx2 /proc/cpuinfo && grep -qw fma /proc/cpuinfo ;;
  avx512) grep -qw avx512f /proc/cpuinfo ;;
  esac
}

# The test for one architecture, with all its levels, in $work/ARCH.
build() {
  arch=$1
  flags="-std=gnu11 -D_GNU_SOURCE -ffp-contract=off -fno-math-errno -Isrc -Iinclude"
  objects=
  for level in kern scalar $2; do
    case $level in
    avx2) more="-mavx2 -mfma" ;;
    avx512) more=-mavx512f ;;
    *) more= ;;
    esac
    $arch-linux-gnu-gcc $flags $more -O3 -Wall -Wextra -Wconversion -Werror -c -o "$work/$arch.$level.o" src/kern/nets/$level.c
    objects="$objects $work/$arch.$level.o"
  done
  $arch-linux-gnu-gcc $flags -O2 -static -Itests/unit/kern/emulated -Itests -o "$work/$arch" tests/unit/kern/nets/test_kern.c \
    -DLIKEN_VERSION=\"test\" src/base/cpu.c src/base/log.c src/base/call.c src/base/sized.c src/base/clock.c src/base/error.c \
    src/base/version.c $objects -lm -lpthread
}

# emulate ARCH LEVELS EMULATED PACKAGES: the levels of the architecture, and those of them that qemu has.
emulate() {
  lacking=
  for level in $2; do
    if has "$level"; then
      echo "$level: natively, in kern/nets"
    elif case " $3 " in *" $level "*) true ;; *) false ;; esac; then
      lacking="$lacking $level"
    else
      echo "SKIPPED: $level is not tested at all: this machine has none, and neither has qemu-$1"
    fi
  done
  [ -n "$lacking" ] || return 0
  if ! command -v "$1-linux-gnu-gcc" > /dev/null || ! command -v "qemu-$1" > /dev/null; then
    echo "$lacking: not at all: $1-linux-gnu-gcc or qemu-$1 is missing (packages $4, qemu-user)"
    status=77
    return 0
  fi
  build "$1" "$2"
  LIKEN_EMULATED=1 "qemu-$1" -cpu max "$work/$1"
}

emulate x86_64 "avx2 avx512" avx2 "gcc-x86-64-linux-gnu, libc6-dev-amd64-cross"
emulate aarch64 neon neon "gcc-aarch64-linux-gnu, libc6-dev-arm64-cross"
exit $status
