#!/bin/sh
# Sees to the programs that the tests need besides Go and a C compiler: Chromium, and what fetches the real servers (mvn, and
# pip where no Java 22 or newer is installed). What is missing is installed as Debian packages, by root or sudo.
set -eu

has() { command -v "$1" >/dev/null 2>&1; }

java22() {
	for java in "${JAVA_HOME:-/nowhere}/bin/java" /usr/lib/jvm/*/bin/java /Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java java; do
		if has "$java" && "$java" -version 2>&1 | grep -qE ' version "(2[2-9]|[3-9][0-9])'; then return 0; fi
	done
	return 1
}

missing=
has chromium || has chromium-browser || has google-chrome || missing="$missing chromium fonts-dejavu-core fonts-liberation"
has mvn || missing="$missing maven"
java22 || { has python3 && python3 -m pip --version >/dev/null 2>&1; } || missing="$missing python3-pip"
[ -n "$missing" ] || exit 0

refuse() {
	echo "the tests need what these Debian packages hold:$missing. $1" >&2
	exit 1
}
has apt-get || refuse "Install chromium (or google-chrome), mvn, and Java 22 or newer, so that they are on the PATH."
sudo=
if [ "$(id -u)" -ne 0 ]; then
	sudo="sudo -n"
	$sudo true 2>/dev/null || refuse "Run as root: apt-get install$missing"
fi
echo "installing for the tests:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # they are words
if ! { $sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
	tail -5 "$log" >&2
	exit 1
fi
