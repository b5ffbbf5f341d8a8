# shellcheck shell=bash
# Environments of the project, for the scripts beside this file: source it, then call
#
#   environment NAME LOCK [server]   .environments/NAME from the hash-pinned LOCK; with "server" the package itself too
#   node_client                      the packages of tests/clients_node, when node can be had; sets LLMPROXY_NODE
#   vercel_client                    those of tests/integrations/vercel
#   cosmos_emulator                  those of tests/emulator; sets LLMPROXY_COSMOS_EMULATOR
#   test_programs                    curl, chromium, nginx, faketime and prometheus, which some tests of tests/api run
#   redis_server                     redis-server, which contract and API tests start for themselves
#   step TEXT COMMAND…               one line with the seconds it took; the command's words only if it fails
#
# An environment is made once. Its stamp holds the lock, the Python version and this checkout's path; when one of
# them changes it is made anew. Works with the bash 3.2 of macOS.

set -euo pipefail

# Settings of a shell that would put other packages beside the locked ones.
unset PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ENVIRONMENTS="$ROOT/.environments"
PYTHON=""

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $1"; shift; for line in "$@"; do say "  $line"; done; exit 1; }
in_ci() { [ "${CI:-}" = true ]; }
can_apt() { [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null; }

# step TEXT COMMAND…: a slow step, on one line; the end of its output is shown when it fails.
step() {
  local text=$1 log began=$SECONDS
  shift
  mkdir -p "$ENVIRONMENTS"
  log=$(mktemp "$ENVIRONMENTS/step.XXXXXX")
  printf '%s … ' "$text" >&2
  if "$@" >"$log" 2>&1 </dev/null; then
    printf 'done in %s s\n' "$((SECONDS - began))" >&2
    rm -f "$log"
    return 0
  fi
  printf 'failed after %s s\n' "$((SECONDS - began))" >&2
  tail -n 25 "$log" | sed 's/^/  | /' >&2
  rm -f "$log"
  return 1
}

APT_UPDATED=""
apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  if [ -z "$APT_UPDATED" ]; then
    step "Debian packages: reading the lists" apt-get update -q || return 1
    APT_UPDATED=yes
  fi
  step "Debian packages: installing $*" apt-get install -q -y --no-install-recommends "$@"
}

# A Python that fits prints its version, and the time in µs of a short piece of work; one that lacks only venv prints
# "no-venv VERSION".
probe_python() {
  "$1" -c '
import sys, time
if not (3, 11) <= sys.version_info[:2] <= (3, 14) or sys.implementation.name != "cpython": sys.exit(1)
version = "%d.%d.%d" % sys.version_info[:3]
try:
    import ssl, sqlite3, venv, ensurepip
except ImportError:
    sys.exit(print("no-venv", version))
class Work:
    __slots__ = ("sum", "seen")
    def __init__(self): self.sum, self.seen = 0, {}
    def take(self, i): self.sum += i; self.seen[i & 63] = (i, b"%d" % i); return self.sum
def timed():
    work, began = Work(), time.perf_counter()
    for i in range(3000): work.take(i)
    return time.perf_counter() - began
print(version, int(min(timed() for _ in range(40)) * 1e6))' 2>/dev/null
}

# Sets PYTHON and PYTHON_VERSION, or ends the script with what to do. Builds of the same Python differ by a third in
# speed (optimized or not, with a shared library or not), so of several that fit the fastest is taken, once: the choice
# is kept in .environments/.python. Each is timed several times in turn, since a shared machine changes its pace.
find_python() {
  [ -z "$PYTHON" ] || return 0
  local kept="$ENVIRONMENTS/.python" found without_venv=""
  if [ -n "${LLMPROXY_PYTHON:-}" ]; then
    take_python "$(command -v "$LLMPROXY_PYTHON")" && return 0
  elif take_python "$(cat "$kept" 2>/dev/null || true)" || fastest_python; then
    mkdir -p "$ENVIRONMENTS"
    printf '%s\n' "$PYTHON" >"$kept"
    return 0
  fi
  if [ -n "$without_venv" ] && can_apt && [ -z "${VENV_TRIED:-}" ]; then
    VENV_TRIED=yes
    apt_install python3-venv && { find_python; return; }
  fi
  [ -z "$without_venv" ] ||
    die "Python $without_venv is here, but cannot make environments (its module ensurepip is missing)." \
      "Debian and Ubuntu: install the package python3-venv. Then run this again."
  die "no Python from 3.11 to 3.14 was found." \
    "Install one, or name it: LLMPROXY_PYTHON=/path/to/python3.12 $0"
}

# Take this Python if it fits; note in without_venv what lacks only venv.
take_python() {
  [ -n "$1" ] && found=$(probe_python "$1") || return 1
  case $found in
    no-venv*) without_venv="${found#no-venv }"; return 1 ;;
    *) PYTHON=$1 PYTHON_VERSION=${found% *} ;;
  esac
}

fastest_python() {
  local candidate path tried=" " fitting=() best="" best_us=""
  for candidate in python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3 /usr/local/bin/python3 python; do
    path=$(command -v "$candidate") || continue
    case $tried in *" $path "*) continue ;; esac
    tried="$tried$path "
    take_python "$path" && fitting+=("$path")
  done
  for _ in 1 2 3 4 5; do
    for path in "${fitting[@]}"; do
      [ ${#fitting[@]} -gt 1 ] && found=$(probe_python "$path") || continue
      if [ -z "$best" ] || [ "${found##* }" -lt "$best_us" ]; then best=$path best_us=${found##* }; fi
    done
  done
  [ ${#fitting[@]} -gt 0 ] && take_python "${best:-${fitting[0]}}"
}

# Of the words and of the file at stdin: a lock can be longer than an argument may be.
digest() { "$PYTHON" -c '
import hashlib, sys
print(hashlib.sha256("\0".join(sys.argv[1:]).encode() + b"\0" + sys.stdin.buffer.read()).hexdigest())' "$@"; }

# Two scripts started at the same time must not build one folder: the second waits for the first.
take_turn() {
  local owner told=""
  TURN="$ENVIRONMENTS/$1.turn"
  mkdir -p "$ENVIRONMENTS"
  until (set -o noclobber && echo $$ >"$TURN") 2>/dev/null; do
    owner=$(cat "$TURN" 2>/dev/null || true)
    if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then rm -f "$TURN"; continue; fi
    [ -n "$told" ] || { say "environment $1: waiting for process ${owner:-?}, which is making it"; told=yes; }
    sleep 1
  done
  trap 'rm -f "$TURN"' EXIT
}

# The package itself, straight from src/: importable, and with its command. No build, so nothing unpinned.
link_package() {
  local home=$1 site
  site=$("$home/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  printf '%s\n' "$ROOT/src" >"$site/llmproxy.pth"
  # bash starts it, since a #! line holds neither a space nor a long path, and since other shells (dash) drop variables whose
  # names hold dashes, such as the secret SP-BRIDGE-4852-DEV.
  cat >"$home/bin/llmproxy" <<WRAPPER
#!/usr/bin/env bash
'''exec' "$home/bin/python" "\$0" "\$@"
' '''
import sys

from llmproxy.cli import main

sys.exit(main())
WRAPPER
  chmod +x "$home/bin/llmproxy"
}

build_environment() {
  local name=$1 lock=$2 home="$ENVIRONMENTS/$1" packages
  packages=$(grep -c '^[a-zA-Z0-9].*==' "$ROOT/$lock")
  rm -rf "$home"
  step "environment $name: Python $PYTHON_VERSION" "$PYTHON" -m venv "$home" ||
    die "the environment could not be made." "Is there room and a right to write in $ENVIRONMENTS?"
  step "environment $name: installing $packages packages of $lock" \
    "$home/bin/python" -m pip install --disable-pip-version-check --no-input --no-deps --require-hashes -r "$ROOT/$lock" ||
    die "the packages of $lock could not be installed." \
      "Is a package index reachable? pip's own settings (a proxy, a mirror, a certificate) apply." \
      "A hash that differs means that the file offered is not the one that was locked: do not go on with it."
  [ "${3:-}" != server ] || link_package "$home"
}

environment() {
  local name=$1 lock=$2 stamp="$ENVIRONMENTS/$1/.stamp" want
  find_python
  want=$(digest "$PYTHON_VERSION" "$ROOT" "${3:-}" "recipe 2" <"$ROOT/$lock")
  [ "$(cat "$stamp" 2>/dev/null || true)" != "$want" ] || return 0
  take_turn "$name"
  if [ "$(cat "$stamp" 2>/dev/null || true)" != "$want" ]; then
    build_environment "$name" "$lock" "${3:-}"
    printf '%s\n' "$want" >"$stamp"
  fi
  rm -f "$TURN"
  trap - EXIT
}

# The oldest Node with which the SDK's own behaviour was tried; its package says 22, and works with 20.
NODE_MAJOR=20
node_fits() {
  command -v node >/dev/null && command -v npm >/dev/null &&
    [ "$(node -p 'process.versions.node.split(".")[0]')" -ge "$NODE_MAJOR" ]
}

# Says why the tests of $1 will be skipped, unless node is there or can be had. Fails where it is not.
have_node() {
  if ! node_fits && can_apt; then
    apt_install nodejs npm || true
    hash -r
  fi
  node_fits && return 0
  say "node: version $NODE_MAJOR or newer with npm was not found; the tests of $1 are skipped"
  return 1
}

# The locked packages of a folder, once for each lock and node.
node_packages() {
  local folder="$ROOT/$1" stamp="$ROOT/$1/node_modules/.stamp" want
  want=$(digest "$(node --version)" <"$folder/package-lock.json")
  [ "$(cat "$stamp" 2>/dev/null || true)" != "$want" ] || return 0
  if ! step "node $(node --version): installing the packages of $1" \
    npm --prefix "$folder" ci --no-audit --no-fund --ignore-scripts; then
    say "Is an npm registry reachable? npm's own settings apply."
    return 1
  fi
  printf '%s\n' "$want" >"$stamp"
}

# Sets LLMPROXY_NODE to the node that can run tests/clients_node, or leaves it empty: the tests that need it then say
# so and are skipped. Fails only where CI=true asks for everything.
node_client() {
  export LLMPROXY_NODE=""
  if ! have_node openai-node; then ! in_ci; return; fi
  node_packages tests/clients_node || return 1
  LLMPROXY_NODE=$(command -v node)
}

# The packages of tests/integrations/vercel, in the same way: its tests look for node and for the packages.
vercel_client() {
  if ! have_node "Vercel's AI SDK"; then ! in_ci; return; fi
  node_packages tests/integrations/vercel
}

# Sets LLMPROXY_COSMOS_EMULATOR to the folder of Cosmos DB's emulator, or leaves it empty, in the same way.
cosmos_emulator() {
  export LLMPROXY_COSMOS_EMULATOR=""
  if ! have_node "Cosmos DB's emulator"; then ! in_ci; return; fi
  node_packages tests/emulator || return 1
  LLMPROXY_COSMOS_EMULATOR="$ROOT/tests/emulator"
}

# Debian's packages, without starting the services that they bring (policy-rc.d: 101 is "not allowed").
apt_without_services() {
  local policy=/usr/sbin/policy-rc.d ours="" status=0
  if [ ! -e "$policy" ]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
  fi
  apt_install "$@" || status=1
  [ -z "$ours" ] || rm -f "$policy"
  hash -r
  return "$status"
}

# The programs that some tests of tests/api run: curl for the README's examples, a browser for the pages, nginx in front of
# gateways that are restarted, faketime for clocks that jump, Prometheus (with promtool) that reads the metrics. What cannot be had is named by the tests that are skipped for
# it. Fails only where CI=true asks for everything.
test_programs() {
  local missing=""
  command -v curl >/dev/null || missing="curl"
  command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
    missing="$missing chromium"
  command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
  command -v faketime >/dev/null || missing="$missing faketime"
  command -v prometheus >/dev/null && command -v promtool >/dev/null || missing="$missing prometheus"
  command -v wrk >/dev/null || missing="$missing wrk"
  command -v ab >/dev/null || missing="$missing apache2-utils"
  [ -n "$missing" ] || return 0
  # shellcheck disable=SC2086 # one word per package
  if can_apt && apt_without_services $missing; then return 0; fi
  say "not found:${missing:+ }${missing# }; the tests that need it are skipped"
  ! in_ci
}

# Redis for the tests that share limits between workers. Each starts its own, on a free port and in a folder of its own.
redis_server() {
  command -v redis-server >/dev/null && return 0
  if can_apt; then
    apt_without_services redis-server || true
    command -v redis-server >/dev/null && return 0
  fi
  say "not found: redis-server; the tests that need it are skipped"
  ! in_ci
}
