# Helpers for the Makefile's stages. Each stage sources this file first.
set -euo pipefail
tmp=$(mktemp -d)
server=
# the child of go run outlives it, so kill the whole process group
trap '[ -z "$server" ] || kill -- "-$server" 2>/dev/null || true; chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
export GOBIN=$tmp/bin
export PATH=$GOBIN:$PATH
export EXIF_CORPUS=${EXIF_CORPUS:-$PWD/../shared/corpus}
# debian installs a missing command, and fails without root
debian() {
	command -v "$1" >/dev/null && return
	[ "$(id -u)" = 0 ] || { echo "$1 is missing: install $2" >&2; exit 1; }
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${@:2}" >/dev/null
}
# again runs a command until it succeeds, at most the given number of times, and writes its output to a log
again() {
	for ((left = $1; left > 0; left--)); do
		"${@:3}" >"$2" 2>&1 && return
		cat "$2" >&2
	done
	return 1
}
# corpus fails if the photos that a stage needs are missing
corpus() {
	[ -f "$EXIF_CORPUS/oracle.jsonl" ] && return
	cat >&2 <<-END
		There is no corpus at $EXIF_CORPUS: set EXIF_CORPUS to a folder of photos, such as those of
		github.com/ianare/exif-samples, and let .ci/oracle write what ExifTool reads of them to it.
	END
	exit 1
}
