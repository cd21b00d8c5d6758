# shellcheck shell=bash
# Sourced by the scripts beside it: paths, messages, steps that show they are alive, the Rust toolchain.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tocsin

# One folder for all checkouts and commands: RocksDB takes minutes to compile and must be compiled once.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
case $CARGO_TARGET_DIR in /*) ;; *) CARGO_TARGET_DIR=$root/$CARGO_TARGET_DIR ;; esac

# A fresh rustup is not on the path of the shell that installed it.
case :$PATH: in *:"$HOME/.cargo/bin":*) ;; *) PATH=$PATH:$HOME/.cargo/bin ;; esac

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

pulse='' scratch=''
at_exit() {
  if [ -n "$pulse" ]; then kill "$pulse" 2>/dev/null || true; fi
  if [ -n "$scratch" ]; then rm -rf "$scratch"; fi
}
trap at_exit EXIT
trap 'exit 130' INT

# step TEXT COMMAND…: says what runs and how long it took; returns the command's own status.
step() {
  local text=$1 began=$SECONDS status=0 result='done'
  shift
  say "==> $text"
  # On a terminal cargo draws its own progress.
  if [ ! -t 2 ]; then
    beat "$text" "$1" &
    pulse=$!
  fi
  "$@" || status=$?
  if [ -n "$pulse" ]; then
    kill "$pulse" 2>/dev/null || true
    wait "$pulse" 2>/dev/null || true
    pulse=''
  fi
  [ "$status" = 0 ] || result=failed
  say "    $text: $result after $((SECONDS - began)) s"
  return "$status"
}

# A line a minute, so that nobody takes a long compilation for a hang.
beat() {
  local began=$SECONDS doing=running
  if [ "$2" = cargo ]; then doing='building (RocksDB is compiled once, some 10 minutes on two cores)'; fi
  while true; do
    # Waits without a child: one would outlive this loop and hold the caller's output open.
    read -rt "${TOCSIN_BEAT:-60}" <> <(:) || true
    kill -0 $$ 2>/dev/null || exit 0
    say "    $1: $((SECONDS - began)) s, still $doing"
  done
}

# Whether the toolchain that cargo would use here is new enough and complete.
rust_ready() {
  local version
  version=$(cd "$root" && RUSTUP_AUTO_INSTALL=0 cargo --version 2>/dev/null) || return 1
  version=${version#cargo } version=${version%%[ -]*}
  [ "$(printf '%s\n' "$(rust_needed)" "$version" | sort -V | head -n 1)" = "$(rust_needed)" ] || return 1
  (cd "$root" && RUSTUP_AUTO_INSTALL=0 cargo clippy --version && cargo fmt --version) >/dev/null 2>&1
}

rust_needed() { sed -n 's/^channel = "\(.*\)"/\1/p' "$root/rust-toolchain.toml"; }

# Where the pinned toolchain is missing, takes an installed one that is as new; fails if there is none.
choose_rust() {
  local other
  rust_ready && return
  have rustup || return 1
  for other in $(rustup toolchain list 2>/dev/null | sed -n 's/^\([^ ]*\).*/\1/p'); do
    if RUSTUP_TOOLCHAIN=$other rust_ready; then
      export RUSTUP_TOOLCHAIN=$other
      return
    fi
  done
  return 1
}
