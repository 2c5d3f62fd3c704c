#!/bin/sh
# Sees to a Chromium for the browser tests: an installed one, else Debian's.
set -eu
for name in chromium chromium-browser google-chrome; do
	if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if ! command -v apt-get >/dev/null 2>&1; then
	echo "the browser tests need Chromium: install it so that chromium or google-chrome is on the PATH" >&2
	exit 1
fi
sudo=
if [ "$(id -u)" -ne 0 ]; then
	sudo="sudo -n"
	$sudo true 2>/dev/null || { echo "the browser tests need Chromium: run apt-get install chromium as root" >&2; exit 1; }
fi
echo "installing Chromium for the browser tests"
log=$(mktemp)
$sudo apt-get update -qq >"$log" 2>&1
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core fonts-liberation >"$log" 2>&1 ||
	{ tail -5 "$log" >&2; exit 1; }
rm -f "$log"
