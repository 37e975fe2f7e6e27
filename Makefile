# The gate, one target per stage. "make help" lists them; "make gate" runs them all, as .ci/run and GitHub's
# workflow do. It needs GNU Make 4, bash, Go, and for some stages the corpus (EXIF_CORPUS). On Debian, as
# root, the stages install everything else; elsewhere they name missing tools. A stage that can't run fails.
#
# GitHub's workflow runs lint, test (on three systems, and the slow tests on Linux), test-32bit, fuzz, build, readme,
# cli, examples and xcaddy, and builds each release. It doesn't run conformance, which needs the corpus, nor
# faults, gallery, stores and bench, which need minutes, other servers or a quiet machine: run them before a merge.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.SILENT:
.DEFAULT_GOAL := help

STAGES := tidy lint test test-32bit conformance fuzz build xcaddy readme faults gallery stores cli examples cross bench
FUZZTIME ?= 3s
export FUZZTIME
# what Caddy's own releases and xcaddy leave out: databases that only an ACME server would use
TAGS := nobadger,nomysql,nopgx

.PHONY: help gate test-slow $(STAGES)

help: ## list the targets
	sed -nE 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14

gate: ## all stages, one after the other
	. .ci/lib.sh
	for stage in $(STAGES); do
		printf '\n== %s (%d s)\n' "$$stage" "$$SECONDS"
		$(MAKE) --no-print-directory "$$stage" 2>&1 | tee "$$tmp/stage" && continue
		printf '\n== %s failed after %d s. The last of it, without what passed:\n' "$$stage" "$$SECONDS"
		grep -avE '^(ok  |\?   |--- (PASS|SKIP)|make)' "$$tmp/stage" | tail -n 60
		exit 1
	done
	printf '\ngreen in %d s\n' "$$SECONDS"

tidy: ## go.mod and go.sum are complete
	for module in . e2e tools; do (cd "$$module" && go mod tidy -diff && go mod verify); done

lint: ## format, vet, golangci-lint, actionlint
	. .ci/lib.sh
	go -C tools install tool
	unformatted=$$(gofumpt -l .)
	[ -z "$$unformatted" ] || { echo "not gofumpt: $$unformatted" >&2; exit 1; }
	golangci-lint fmt --diff ./... # gofumpt and gci
	for module in . e2e; do
		(cd "$$module" && go vet ./... && golangci-lint run --timeout 15m ./...)
	done
	actionlint -color=false .github/workflows/*.yml

test: ## tests, with the race detector, and the slow ones without
	. .ci/lib.sh
	debian exiftool libimage-exiftool-perl # tests compare the descriptions of values with its own
	# conformance compares the pixels of photos, without -race: with it, decoding takes ten times as long
	# films are conformance's, too; two of Caddy's handlers that proxy in one route race with each other's dials
	# (FolderTells), and the race detector makes what is cheap dear, and what computes alone for seconds take minutes
	alone='Cheap$$|^TestFolderTells|Zlib|InBoxesAreRemoved|^TestMarkerAnywhere|^TestHostile'
	go test -race -timeout 30m -skip "SamePixels\$$|^TestFilms|$$alone" ./...
	go test -timeout 10m -run "$$alone" . ./internal/exif ./internal/iptc ./internal/redact
	$(MAKE) --no-print-directory test-slow

test-slow: ## the tests that go test skips, see internal/testgate (a part of test)
	. .ci/lib.sh
	slow=$$(grep -rhE --include='*_test.go' '^func Test|testgate\.Slow\(t\)' . |
		sed -nE '/testgate/{x;s/^func (Test[A-Za-z0-9]*)\(.*/\1/p;x};h' | sort -u | paste -sd'|')
	mapfile -t packages < <(grep -rl --include='*_test.go' 'testgate\.Slow(t)' . | xargs -n1 dirname | sort -u)
	EXIF_SLOW_TESTS=1 go test -timeout 20m -v -run "^($$slow)\$$" "$${packages[@]}" >"$$tmp/slow" || { grep -vE '^ *(=== |--- PASS)' "$$tmp/slow"; exit 1; }
	# each of them ran and none was skipped
	if grep -E '^ *--- SKIP' "$$tmp/slow"; then exit 1; fi
	want=$$(tr '|' '\n' <<<"$$slow" | wc -l)
	got=$$(grep -cE '^--- PASS' "$$tmp/slow")
	echo "$$got of $$want slow tests"
	[ "$$want" -gt 0 ] && [ "$$got" -ge "$$want" ]

test-32bit: ## on 32 bits: everything compiles, and what reads and writes files is tested
	. .ci/lib.sh
	export GOARCH=386 CGO_ENABLED=0
	go vet ./...
	run=()
	if ! go test -run '^$$' ./internal/container >/dev/null 2>&1; then # not every kernel runs such programs
		debian qemu-i386 qemu-user
		# qemu stands no signals, so no preemption and no programs started by tests
		export GODEBUG=asyncpreemptoff=1
		run=(-exec "$$(command -v env) PATH= $$(command -v qemu-i386)")
	fi
	# what compares pixels and sound is conformance's, and what is cheap is measured on 64 bits
	go test "$${run[@]}" -skip 'SamePixels$$|^TestFilms|Cheap$$' -timeout 20m ./internal/container ./internal/exif/... ./internal/iptc ./internal/redact

conformance: ## answers compared with ExifTool's for the corpus
	. .ci/lib.sh
	corpus
	debian exiftool libimage-exiftool-perl
	debian heif-convert libheif-examples
	debian avifdec libavif-bin
	debian djxl libjxl-tools
	debian opj_decompress libopenjp2-tools
	debian djpeg libjpeg-turbo-progs
	debian pngtopam netpbm
	debian dwebp webp
	debian pngcheck pngcheck
	debian ffmpeg ffmpeg
	go test -count=1 -run 'TestConformance|TestFormatTable|Corpus|TestGrowth|Photos|Films|Pngcheck' -v ./... |
		grep -E 'conformance:|wrong|truncated JPEGs| files$$| of [0-9]+ tags$$|^(---|FAIL|panic|ok)' | tee "$$tmp/conformance"
	grep -q 'conformance:' "$$tmp/conformance"
	if grep -E '^--- (SKIP|FAIL)' "$$tmp/conformance"; then exit 1; fi

fuzz: ## each fuzz target for FUZZTIME (3s)
	. .ci/lib.sh
	targets=0
	for pkg in $$(go list ./...); do
		for target in $$(go test -list '^Fuzz' "$$pkg" | grep '^Fuzz' || true); do
			# the go command sometimes reports the end of the fuzz time as a failure; a real failure names its input
			for try in 1 2 3; do
				go test -run '^$$' -fuzz "^$$target\$$" -fuzztime "$$FUZZTIME" -fuzzminimizetime 1x "$$pkg" | tee "$$tmp/fuzz" && break
				if [ "$$try" = 3 ] || grep -qE 'Failing input|panic' "$$tmp/fuzz" ||
					! grep -qx ' *context deadline exceeded' "$$tmp/fuzz"; then
					exit 1
				fi
			done
			targets=$$((targets + 1))
		done
	done
	echo "$$targets targets"
	[ "$$targets" -gt 0 ]

build: ## Caddy with this module
	. .ci/lib.sh
	go build -o "$$tmp/caddy" ./cmd/caddy
	"$$tmp/caddy" list-modules | grep -x http.handlers.exif
	"$$tmp/caddy" list-modules | grep -x http.reverse_proxy.transport.s3
	# only programs that import the transport may depend on the AWS SDK
	[ "$$(go list -deps . | grep -c github.com/aws/ || true)" = 0 ]

xcaddy: ## the same, built by xcaddy
	. .ci/lib.sh
	# as users build it, except that the module is this tree, under a made-up version, since none may be
	# published yet
	module=$$(go list -m)
	mapfile -t args < <(sed "s|^$$module\$$|&@v0.0.0=$$PWD|" xcaddy.txt)
	cd e2e
	go tool xcaddy "$${args[@]}" --output "$$tmp/xcaddy-caddy"
	# the last proxy has no modules: it ends go's search for the module that contains the package
	GOPROXY="$$(go env GOPROXY | cut -d, -f1)|file://$$tmp/none" \
		go tool xcaddy "$${args[@]}" --with "$$module/s3transport" --output "$$tmp/xcaddy-s3"
	"$$tmp/xcaddy-caddy" list-modules | grep -x http.handlers.exif
	"$$tmp/xcaddy-s3" list-modules | grep -x http.reverse_proxy.transport.s3
	# list-modules must show the version, here the made-up one
	"$$tmp/xcaddy-caddy" list-modules --versions | grep -x 'http.handlers.exif v0.0.0'

readme: ## the README's command
	. .ci/lib.sh
	grep -q '^go run ./cmd/caddy exif-server --root testdata$$' README.md
	set -m # a process group of its own
	go run ./cmd/caddy exif-server --root testdata >"$$tmp/server.log" 2>&1 &
	server=$$!
	set +m
	for _ in $$(seq 300); do
		url=$$(sed -n "s/.*curl '\(.*\)'/\1/p" "$$tmp/server.log")
		[ -z "$$url" ] || break
		sleep 0.2
	done
	[ -n "$$url" ] || { cat "$$tmp/server.log" >&2; exit 1; }
	want='{"Make":"Apple","Model":"iPhone 4S","Orientation":"1","XResolution":"72/1","YResolution":"72/1","ResolutionUnit":"2","YCbCrPositioning":"1","ExposureTime":"1/449"}'
	got=$$(curl -sSf "$$url")
	echo "GET $$url"
	echo "$$got"
	[ "$$got" = "$$want" ]

faults: ## upstreams that misbehave, leaks, load
	. .ci/lib.sh
	cd e2e
	go test -count=1 -v -skip '^TestTime$$' ./faults ./leaks | tee "$$tmp/faults" | grep -vE '^ *(===|--- PASS)|^\{' || true
	grep -E '^faults: ([0-9]+) of \1 passed$$' "$$tmp/faults"
	[ "$$(grep -c '^ok ' "$$tmp/faults")" = 2 ] || { cat "$$tmp/faults" >&2; exit 1; }
	# a busy machine can cause a difference, but not three times in a row
	again 3 "$$tmp/time" go test -count=1 -v -run '^TestTime$$' ./leaks
	grep '^time:' "$$tmp/time"
	for run in "E2E_LOAD=20s" "E2E_LOAD=15s E2E_RACE=1"; do
		env $$run go test -count=1 -timeout 20m -v ./load >"$$tmp/load" || { cat "$$tmp/load" >&2; exit 1; }
		grep '^load:' "$$tmp/load"
	done

gallery: ## the gallery: its script linted, and all of it in a browser
	. .ci/lib.sh
	debian npm npm
	npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$$tmp/npm" oxlint@1.94.0 axe-core@4.14.1
	sed -n '/^<script nonce/,/^<\/script>/{//!p}' examples/gallery/gallery.html >"$$tmp/gallery.js"
	[ -s "$$tmp/gallery.js" ]
	"$$tmp/npm/node_modules/.bin/oxlint" -c .ci/oxlint.json --deny-warnings "$$tmp/gallery.js"
	export E2E_AXE=$$tmp/npm/node_modules/axe-core/axe.min.js
	debian ffmpeg ffmpeg
	debian avifenc libavif-bin
	command -v google-chrome >/dev/null || debian chromium chromium fonts-dejavu-core
	debian firefox-esr firefox-esr
	# another program can take a free port between a test's search and its use
	again 2 "$$tmp/browser.log" go -C e2e test -count=1 -timeout 20m -v ./browser
	grep -E '^ *--- (PASS|SKIP)|^gallery:' "$$tmp/browser.log"
	grep -q '^--- PASS: TestAxe' "$$tmp/browser.log" # not skipped
	grep -q '^--- PASS: TestRedactedPhotosAreLaidOutAsBefore' "$$tmp/browser.log"
	echo "$$(grep -c '^--- PASS' "$$tmp/browser.log") tests passed"

stores: ## object stores: versitygw and Ceph RGW
	. .ci/lib.sh
	for command in radosgw ceph-mon ceph-osd ceph; do debian $$command radosgw ceph-mon ceph-osd ceph-common; done
	go install -trimpath -ldflags='-s -w' github.com/versity/versitygw/cmd/versitygw@v1.8.0
	cd e2e
	go test -count=1 -v ./stores | grep -v '^{' | tee "$$tmp/stores"
	[ "$$(grep -cE '^(versitygw|Ceph RGW): [1-9][0-9]* checks passed$$' "$$tmp/stores")" = 2 ]

cli: ## the commands, by scripts and on a terminal
	go -C e2e test -count=1 -v ./cli ./terminal

examples: ## the examples, with their requests and answers
	. .ci/lib.sh
	debian hugo hugo
	debian jq jq
	go -C e2e test -count=1 -v ./examples

cross: ## the packages for each system, and a release
	. .ci/lib.sh
	go -C e2e run ./cross linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
	# one is built as releases are, with their version; GitHub's workflow builds all of them
	.ci/stamp v0.0.0 "$$tmp/stamped"
	CGO_ENABLED=0 go -C "$$tmp/stamped" build -mod=mod -trimpath -tags $(TAGS) -ldflags '-s -w' -o "$$tmp/caddy" .
	"$$tmp/caddy" list-modules --versions | grep -x 'http.handlers.exif v0.0.0'
	echo "a release ($$SECONDS s)"

bench: ## benchmarks, for a moment
	. .ci/lib.sh
	debian wrk wrk
	go test -run '^$$' -bench . -benchtime 1x ./internal/exif .
	go build -o "$$tmp/caddy" ./cmd/caddy
	# rates don't matter here, only bytes read, sub-requests and memory
	cd e2e
	go test ./bench
	go run ./bench -smoke -caddy "$$tmp/caddy"
