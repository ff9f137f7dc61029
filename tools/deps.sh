#!/bin/sh
# Installs the Debian packages that a target needs and that are missing; touches nothing when none is.
# usage: tools/deps.sh start|check|bench|fuzz
set -eu

build="gcc g++ libc6-dev make meson ninja-build pkg-config python3 ca-certificates curl
libvips-dev libjpeg-dev libsqlite3-dev libpq-dev libmicrohttpd-dev libgnutls28-dev libcurl4-openssl-dev libarchive-dev libjansson-dev libssl-dev libseccomp-dev libcmocka-dev libdlib-dev libopenblas-dev"
bench="libsodium-dev libdnnl-dev libjpeg-turbo-progs libfaiss-dev libhnswlib-dev libpq-dev postgresql-contrib"
check="clang clang-format valgrind python3-venv iproute2 libjpeg-turbo-progs gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user fonts-liberation"

# libFuzzer and the sanitizers come with the version of clang that `clang` stands for
clang_version() {
    version=$(clang --version 2>/dev/null | sed -n 's/.*clang version \([0-9]*\).*/\1/p')
    [ -n "$version" ] || version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p')
    echo "${version:-14}"
}

case "${1:-}" in
start) wanted=$build ;;
check) wanted="$build $check" ;;
bench) wanted="$build $bench" ;;
fuzz) wanted="$build clang llvm libclang-rt-$(clang_version)-dev" ;;
*) echo "usage: tools/deps.sh start|check|bench|fuzz" >&2; exit 2 ;;
esac

# the tests start PostgreSQL servers of their own; any version that is there will do
server=
[ "$1" = check ] && { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || server=postgresql; }
wanted="$wanted $server"

# the flows of the pages run in Chromium; where a system has none to install, they are skipped
[ "$1" = check ] && { command -v chromium >/dev/null 2>&1 || ! apt-cache show chromium >/dev/null 2>&1 || wanted="$wanted chromium"; }

# npm brings the default model pack and, with Node, builds the pages; what did not come from Debian is as good
command -v npm >/dev/null 2>&1 || wanted="$wanted npm"
command -v node >/dev/null 2>&1 || wanted="$wanted nodejs"

missing=
for package in $wanted; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "This script knows Debian and its relatives only. Install by hand what these stand for, then run make again:$missing" >&2
    exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "These packages are missing:$missing. Run as root: apt-get install$missing" >&2; exit 1; }
    as_root=sudo
fi
echo "Installing:$missing" >&2
$as_root apt-get update -qq
if [ -n "$server" ]; then # the package must not make and start a server for the whole system, which nobody asked for
    no_cluster=/etc/postgresql-common/createcluster.d/liken-build.conf
    trap '$as_root rm -f "$no_cluster"' EXIT
    $as_root mkdir -p "${no_cluster%/*}"
    echo "create_main_cluster = false" | $as_root tee "$no_cluster" >/dev/null
fi
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >&2
