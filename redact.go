package caddyexif

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/iptc"
	"github.com/caddyexif/caddy-exif/internal/object"
	"github.com/caddyexif/caddy-exif/internal/redact"
)

// With redact, a request for no operation takes this path:
//
//  1. delivery.prepare: a client's If-Match without our mark fails. If the cache has no plan for the object, and
//     for HEAD, the first window is read by a sub-request before a Range is passed on (look): it tells what the
//     object is, and whether a part of it can be redacted.
//  2. delivery.run: the next handlers run with the client's request, but for the conditions, which are
//     translated. They write to a screen, which holds the response back.
//  3. decide (decide.go) says, from status, header and first decoded bytes, whether the response passes, is redacted,
//     refused, or asked for again: without its coding, or without the client's Range.
//  4. To redact, a plan is made from the first window of the body (internal/redact). If that doesn't have the
//     file's index or all of its EXIF, the run is cut off, the plan is made by ranges as an answer is, and the
//     next handlers run once more. Plans made so, or for a Range, are cached by ETag; each run checks that the
//     plan is of the object that it gets (seen).
//  5. The body passes through the plan's writer as it streams.
//
// Entity tags are marked, so that no cache can revalidate a photo that it got without redaction, or that
// another client got with more tags. A client's condition is passed on only if its tag has one of our
// marks, and a 304 only if the mark is that of the photo for this client.

// maxRuns bounds how often the next handlers run for the same request: once, without a coding, without the
// client's Range, with a plan, and for an object that has changed meanwhile.
const maxRuns = 5

var (
	// errNotRedactable is the error for an image or a video of a format that can't be redacted.
	errNotRedactable = errors.New("images and videos of this format can't be redacted")
	// errPrecondition is the error for an If-Match without a tag of ours.
	errPrecondition = errors.New("the object isn't the one that If-Match names")
	// errCutOff stops the next handlers' writes when no more of the body is needed.
	errCutOff = errors.New("no more of the object is wanted")
	// errBeyond says that a plan needs more of the body than its first window.
	errBeyond = errors.New("the plan needs more than the first window")
)

// audience is what a client gets of the objects: the tags of the EXIF response if it may read that, none
// otherwise.
type audience struct {
	mark   mark
	policy redact.Policy
	plans  *operation // the cache's key of its plans
}

// redactPolicies sets what stays in the objects for each audience: what the responses to it tell, and what keep names.
func (h *Handler) redactPolicies() error {
	has := func(word string) bool {
		return slices.ContainsFunc(h.operations, func(op *operation) bool { return op.word == word })
	}
	told := h.options.Keep
	if told == nil {
		told = func(string) bool { return true }
	}
	if has("exif") {
		h.full.policy.EXIF = &h.options
	}
	h.full.policy.IPTC = iptc.Policy{Compass: told("GPSImgDirection"), Charset: h.options.Charset}
	h.bare.policy.IPTC = iptc.Policy{Charset: h.options.Charset}
	if has(iptcWord) {
		h.full.policy.IPTC.Keep = told
	}
	if len(h.Keep) > 0 {
		always, err := (&exif.Patterns{Only: h.Keep, Dialect: h.options.Dialect, More: vocabulary}).Filter()
		if err != nil {
			return err
		}
		h.bare.policy.IPTC.Keep = always
		if h.full.policy.IPTC.Keep == nil {
			h.full.policy.IPTC.Keep = always
		}
	}
	return nil
}

// warnOfTags logs that redact leaves every EXIF tag in the photos, if neither only nor omit nor a rule takes one out
// of the answers: the word alone reads as if it removed the place. It is called once the handler is provisioned.
func (h *Handler) warnOfTags() {
	if h.Redact && h.full.policy.EXIF != nil && len(h.Only) == 0 && len(h.Omit) == 0 && !h.perClient {
		h.logger.Warn("redact leaves the tags that exif answers in the photos, the place too: to remove them, add omit @location @person @device",
			zap.String("see", "https://github.com/caddyexif/caddy-exif/blob/main/docs/choose.md"))
	}
}

// objectTags returns the object's tags for those tags of a field that have the mark of any audience.
func (h *Handler) objectTags(field []string) []string {
	return append(h.full.mark.objectTags(field), h.bare.mark.objectTags(field)...)
}

// deliver passes the request to the next handlers and redacts their response if it is an image or a video. strip takes the suffix off
// paths.
func (h *Handler) deliver(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, strip func(path string) (string, bool)) error {
	d := &delivery{h: h, w: w, r: r, method: r.Method, before: w.Header().Clone()}
	d.object.Start(r, next, strip, object.Limits{Window: h.Window, Read: h.MaxRead})
	defer d.object.Close()
	if err := d.prepare(); err != nil {
		return d.fail(err)
	}
	for range maxRuns {
		s := &screen{d: d, header: d.before.Clone()}
		if s.header == nil {
			s.header = make(http.Header)
		}
		err := d.run(s)
		switch {
		case s.aborted:
			panic(http.ErrAbortHandler)
		case s.failure != nil:
			return d.fail(s.failure)
		case !s.again:
			return err
		}
		if err := d.makePlanByRanges(s); err != nil {
			return d.fail(err)
		}
	}
	return d.fail(object.ErrUnusable)
}

// noSuffix is the strip function for requests for the object itself.
func noSuffix(string) (string, bool) { return "", false }

// delivery is a request for an object itself, in progress.
type delivery struct {
	h      *Handler
	w      http.ResponseWriter
	r      *http.Request
	method string      // of the client's request, which handlers may change
	before http.Header // of the response, as the handlers before exif left it
	object object.Object

	conditions []string // the If-None-Match of the client's request
	match      []string // its If-Match
	ifRange    []string // its If-Range
	wanted     byteRange
	ranged     bool // the client's Range is passed on
	seen       seen // the object that ranged and plan are about
	plan       *redact.Plan
	planFor    *audience
	cached     cacheKey // of the plan, if the cache had it
	identity   bool     // the object is asked for without a coding
	matched    bool     // an If-Match of ours is sent
	head       *action  // what GET would do, for HEAD
}

// seen tells an object from another, and from another version of itself.
type seen struct {
	tag, modified string
	size          int64 // -1: not known
	left          object.Left
}

// seenIn returns what tells the object of a response with that header.
func seenIn(header http.Header, size int64, left object.Left) seen {
	return seen{header.Get("Etag"), header.Get("Last-Modified"), size, left}
}

// is reports whether both are certainly the same version of the same object. A date alone, or one with a weak
// tag, needs the same size, since it is exact to a second only.
func (s seen) is(other seen) bool {
	switch {
	case !s.alike(other):
		return false
	case object.StrongTag(s.tag):
		return s.size == other.size || s.size < 0 || other.size < 0
	}
	return s.modified != "" && s.size == other.size
}

// alike reports whether nothing says that they are different.
func (s seen) alike(other seen) bool {
	return s.tag == other.tag && s.modified == other.modified && s.left == other.left
}

// lasts reports whether a later response can tell that it is about the same version.
func (s seen) lasts() bool { return object.StrongTag(s.tag) || s.modified != "" }

// fail sends the response to an error.
func (d *delivery) fail(err error) error {
	replaceHeader(d.w.Header(), d.before.Clone())
	d.object.Close()
	if errors.Is(err, object.ErrAborted) {
		panic(http.ErrAbortHandler)
	}
	return d.h.writeFailure(d.w, d.r, failureOf(err), "")
}

// repeatable reports whether the next handlers may run again.
func (d *delivery) repeatable() bool {
	return d.method == http.MethodGet || d.method == http.MethodHead
}

// writes reports whether the client changes the object.
func (d *delivery) writes() bool {
	return d.method == http.MethodPut || d.method == http.MethodPatch || d.method == http.MethodDelete
}

// prepare checks the client's conditions, and looks at the object if that is needed before the first run.
func (d *delivery) prepare() error {
	header := d.r.Header
	d.conditions, d.match, d.ifRange = header.Values("If-None-Match"), header.Values("If-Match"), header.Values("If-Range")
	if len(d.match) > 0 && !slices.Contains(d.match, "*") && len(d.h.objectTags(d.match)) == 0 {
		return errPrecondition
	}
	if d.method == http.MethodGet {
		d.wanted, d.ranged = parseRange(header.Values("Range"))
	}
	if len(d.ifRange) > 0 && len(d.h.objectTags(d.ifRange)) == 0 {
		d.ranged = false // the client would combine our range with other bytes
	}
	switch {
	case d.method == http.MethodGet && d.usePlan():
		d.ranged = d.ranged && d.plan.Ranged()
		return nil
	case d.method == http.MethodHead || d.ranged:
		return d.look()
	}
	return nil
}

// usePlan takes the plan from the cache and reports whether it has one. The run tells whether it is still right.
func (d *delivery) usePlan() bool {
	if d.h.cache == nil {
		return false
	}
	a := d.h.audienceOf(d.r)
	key := newCacheKey(d.r, a.plans, d.r.URL.Path)
	c := d.h.cache.get(key)
	if c == nil {
		return false
	}
	d.cached = key
	d.plan, d.planFor, d.seen = c.plan, a, seen{c.tag, c.header.Get("Last-Modified"), -1, c.left}
	return true
}

// look reads the first window of the object by a sub-request and decides what GET would do. A look that fails
// decides nothing.
func (d *delivery) look() error {
	var a *audience
	err := d.object.Open(object.Condition{}, func(r *http.Request, _ int, _ http.Header) error {
		a = d.h.audienceOf(r)
		return nil
	})
	if errors.Is(err, object.ErrAborted) {
		return err
	}
	first := make([]byte, redact.SniffLen)
	n := 0
	if err == nil {
		n, err = d.object.ReadAt(first, 0)
		if _, _, more := sniff(first[:n]); more && n == len(first) {
			first = make([]byte, zstdHead)
			n, err = d.object.ReadAt(first, 0)
		}
	}
	if n == 0 {
		d.ranged = false // it tells nothing
	}
	if err != nil && !errors.Is(err, io.EOF) {
		d.ranged = false
		return nil
	}
	d.seen = seenIn(d.object.Header, d.object.Size(), d.object.Left)
	header := d.object.Header.Clone()
	header.Del("Content-Range")
	act := decide(facts{status: http.StatusOK, header: header, head: first[:n], repeatable: true})
	if d.method == http.MethodHead {
		d.head = &act
	}
	if act.verb != redactWhole || !redact.HasIndex(act.format) {
		d.ranged = d.ranged && act.verb == pass
		return nil
	}
	err = d.makePlan(act.format, a)
	d.ranged = d.ranged && err == nil && d.plan.Ranged()
	if errors.Is(err, object.ErrChanged) {
		d.head = nil
		return nil // the run begins anew
	}
	return err
}

// makePlan makes the plan from the open object, which d.seen is about, and keeps it in the cache.
func (d *delivery) makePlan(format string, a *audience) error {
	plan, err := redact.New(&d.object, format, &a.policy)
	if bare := redact.WithoutEXIF(format, &a.policy); bare != nil && (errors.Is(err, object.ErrTooFar) || errors.Is(err, exif.ErrTooLarge)) {
		plan, err = bare, nil // the answer is an error, too
	}
	switch {
	case errors.Is(err, redact.ErrRefused), errors.Is(err, object.ErrTooFar), errors.Is(err, exif.ErrTooLarge):
		d.h.metrics.countRefused(format)
		return errNotRedactable
	case err != nil:
		return err
	}
	d.plan, d.planFor = plan, a
	if d.h.cache != nil && cacheable(d.object.Header) {
		d.h.cache.set(newCacheKey(d.r, a.plans, d.r.URL.Path), &response{
			plan: plan, header: http.Header{"Last-Modified": {d.seen.modified}}, tag: d.seen.tag, left: d.seen.left,
		})
	}
	return nil
}

// makePlanByRanges makes the plan that a run lacked, if it did, by ranges. The run's first window is the
// object's, so that it isn't asked for twice.
func (d *delivery) makePlanByRanges(s *screen) error {
	if s.needs == "" {
		return nil
	}
	d.seen = s.seen
	d.object.Adopt(s.header, s.seen.left, s.held, s.size())
	s.held = nil
	err := d.makePlan(s.needs, s.audience())
	if errors.Is(err, object.ErrChanged) {
		d.plan = nil
		return nil // the next run begins anew
	}
	return err
}

// run runs the next handlers with the client's request.
func (d *delivery) run(s *screen) (err error) {
	defer func() {
		s.release()
		switch p := recover(); {
		case p == nil:
		case p == http.ErrAbortHandler && s.state == cut: //nolint:errorlint // a panic's value
			err = nil // as reverse_proxy treats it
		default:
			panic(p)
		}
	}()
	err = d.object.Pass(s, d.change)
	if s.state == cut {
		return nil
	}
	if s.state == waiting && err == nil {
		s.WriteHeader(http.StatusOK) // as the server would
	}
	if e := s.close(); err == nil {
		err = e
	}
	return err // unwrapped: the server checks its type
}

// change prepares the client's request: only those conditions stay that are about redacted responses, and the
// Range only if a part of the object can be sent.
func (d *delivery) change(r *http.Request) {
	for _, name := range [...]string{"If-None-Match", "If-Match", "If-Range"} {
		field := r.Header.Values(name)
		if name == "If-None-Match" {
			field = d.conditions
		}
		r.Header.Del(name)
		switch tags := d.h.objectTags(field); {
		case len(tags) > 0:
			r.Header.Set(name, strings.Join(tags, ", "))
		case slices.Contains(field, "*") && (name == "If-Match" || name == "If-None-Match" && !d.repeatable()):
			r.Header.Set(name, "*") // a PUT must not overwrite an object
		}
	}
	r.Header.Del("If-Modified-Since")
	if d.repeatable() {
		r.Header.Del("If") // WebDAV's condition, which knows only tags of the original
	}
	if !d.ranged {
		r.Header.Del("Range")
		r.Header.Del("If-Range")
	}
	if d.identity {
		r.Header.Set("Accept-Encoding", "identity")
	} else {
		acceptKnown(r.Header)
	}
	d.matched = d.plan != nil && object.StrongTag(d.seen.tag) && r.Header.Get("If-Match") == ""
	if d.matched {
		r.Header.Set("If-Match", d.seen.tag)
	}
}

// audienceOf returns what the client of the request gets.
func (h *Handler) audienceOf(r *http.Request) *audience {
	if len(h.Permissions) > 0 {
		if h.Permissions.tooEarly(r) {
			return &h.bare
		}
		if allowed, _ := h.allowed(actionGetObject, r); !allowed {
			return &h.bare
		}
	}
	return &h.full
}

// screen is the ResponseWriter for the next handlers. It holds a response back until decide knows what to do.
type screen struct {
	d      *delivery
	header http.Header // the next handlers', as it was when they sent it
	later  http.Header // theirs after that, with trailers

	state  state
	status int
	held   []byte // the first bytes of the body, while state is holding
	wanted int    // how many of them are wanted
	// flushed is how many there were when FlushError last looked at them
	flushed int
	who     *audience
	seen    seen
	format  string
	listed  bool // the header was sent with the fields on the list only, though the body passes
	ahead   bool // it was sent before the body's first byte
	aborted bool // the response must end without its body
	body    *redact.Writer

	failure error  // sent instead of the response
	again   bool   // the next handlers must run again
	needs   string // the format of the plan that they must run again with
}

type state uint8

const (
	waiting   state = iota // for the header
	holding                // the first bytes
	passing                // the response through
	redacting              // the body
	headOnly               // sent, of a response without a body
	cut                    // refusing every write
)

// The wanted first bytes: of a coded body, and of one in zstd, whose blocks have up to 128 KiB.
const (
	codedHead = 4 << 10
	zstdHead  = 128<<10 + 4<<10
)

// heldBuffers is a pool of buffers for the first window.
var heldBuffers = sync.Pool{New: func() any { b := make([]byte, 0, defaultWindow); return &b }}

// release returns the screen's memory.
func (s *screen) release() {
	if s.body != nil {
		_ = s.body.Close() // if it is still open, the rest isn't needed
	}
	if s.needs == "" {
		s.dropHeld()
	}
}

func (s *screen) dropHeld() {
	if cap(s.held) == defaultWindow {
		b := s.held[:0]
		heldBuffers.Put(&b)
	}
	s.held = nil
}

// audience returns what the client gets. The first call decides.
func (s *screen) audience() *audience {
	if s.who == nil {
		s.who = s.d.h.audienceOf(s.d.object.Seen())
	}
	return s.who
}

// size returns the length of the whole object, -1 if the header doesn't tell it.
func (s *screen) size() int64 {
	if isPart(s.status, s.header) {
		_, _, size, err := object.ParseContentRange(s.header.Get("Content-Range"))
		if err != nil {
			return -1
		}
		return size
	}
	if codingOf(s.header) != plain {
		return -1
	}
	return object.ContentLength(s.header)
}

// Header implements http.ResponseWriter.
func (s *screen) Header() http.Header {
	if s.later != nil {
		return s.later
	}
	return s.header
}

// WriteHeader implements http.ResponseWriter. It discards informational responses.
func (s *screen) WriteHeader(status int) {
	if s.state != waiting || 100 <= status && status < 200 && status != http.StatusSwitchingProtocols {
		return
	}
	s.status = status
	s.later, s.header = s.header, s.header.Clone() // what is set from now on isn't part of the header, though it isn't sent yet
	d := s.d
	s.seen = seenIn(s.header, s.size(), d.object.LeftNow())
	r := s.facts(nil)
	if d.head != nil && status == http.StatusOK { // as GET would answer
		s.finish(s.headAction(r))
		return
	}
	if act, ok := early(r); ok {
		s.finish(act)
		return
	}
	if d.method == http.MethodHead { // not looked at: an error, or a redirect
		s.send(false)
		s.stop()
		return
	}
	s.state, s.wanted = holding, redact.SniffLen
	if codingOf(s.header) != plain {
		s.wanted = codedHead
	}
}

// headAction returns what to do with the response to HEAD, by what the look saw.
func (s *screen) headAction(r facts) action {
	d := s.d
	switch {
	case r.otherMatch:
		return action{verb: refuse, err: errPrecondition}
	case !d.seen.alike(s.seen):
		return action{verb: againAnew}
	}
	return *d.head
}

// facts returns what decide needs to know, with the first bytes of the body.
func (s *screen) facts(head []byte) facts {
	d := s.d
	same, planned := d.seen.is(s.seen), ""
	if d.plan != nil {
		planned = d.plan.Format
		// without an index, the plan only says which EXIF to write, so it can't make another version tell more
		same = (same || !redact.HasIndex(d.plan.Format) && d.seen.alike(s.seen)) && d.planFor == s.audience()
	}
	return facts{
		status: s.status, header: s.header, head: head, repeatable: d.repeatable(), writes: d.writes(), identity: d.identity,
		ranged: d.ranged, planned: planned, same: same, matched: d.matched,
		otherMatch: !slices.Contains(d.match, "*") && s.forOthers(d.match), otherRange: s.forOthers(d.ifRange),
	}
}

// forOthers reports whether the tags of a client's condition are of what other clients get.
func (s *screen) forOthers(field []string) bool {
	return len(field) > 0 && len(s.audience().mark.objectTags(field)) == 0
}

// finish does what decide says, but for redactWhole, which may need more of the body.
func (s *screen) finish(act action) {
	d := s.d
	if s.ahead && act.verb != pass {
		s.aborted = true
		s.stop()
		return
	}
	switch act.verb {
	case pass:
		s.listed = act.listed || s.ahead
		s.send(!s.listed)
		s.state = passing
		if d.method == http.MethodHead {
			s.stop()
		}
	case passPart:
		s.send(true)
		s.state = passing
	case passEmpty:
		s.send(!act.listed)
		s.state = headOnly
	case needCondition:
		s.notModified()
	case redactWhole:
		s.format = act.format
		if d.method == http.MethodHead {
			if d.plan != nil && d.plan.Unchanged() {
				s.send(true)
			} else {
				s.sendRedacted(d.plan)
			}
			s.stop()
		}
	case redactPart:
		s.format = d.plan.Format
		s.carryOut(d.plan)
	case refuse:
		if errors.Is(act.err, errNotRedactable) {
			d.h.metrics.countRefused(act.format)
		}
		s.fail(act.err)
	case againPlain:
		d.identity = true
		s.repeat()
	case againWhole:
		d.ranged = false
		s.repeat()
	case againAnew:
		if d.cached.op != nil {
			d.h.cache.drop(d.cached)
		}
		d.ranged, d.plan, d.planFor, d.head, d.cached = false, nil, nil, nil, cacheKey{}
		s.repeat()
	}
}

// from returns the offset of the body in the object, -1 if it isn't the part that was asked for.
func (s *screen) from() int64 {
	if !isPart(s.status, s.header) {
		return 0
	}
	start, length, size, err := object.ParseContentRange(s.header.Get("Content-Range"))
	announced, e := strconv.ParseInt(s.header.Get("Content-Length"), 10, 64)
	if err != nil || start != s.d.wanted.start(size) || e == nil && announced != length {
		return -1
	}
	return start
}

// notModified sends a 304 if it is about the response that this client would get now: the client's condition
// must have a tag of that response.
func (s *screen) notModified() {
	asked := s.d.h.objectTags(s.d.conditions)
	has := s.audience().mark.objectTags(s.d.conditions)
	switch {
	case len(asked) == 0:
		s.fail(object.ErrUnusable) // a response to no condition of ours
	case len(has) > 0 && (len(has) == len(asked) || slices.Contains(has, s.header.Get("Etag"))):
		s.send(false)
		s.state = headOnly
	default:
		s.d.conditions = nil
		s.repeat()
	}
}

// stop refuses the rest of the next handlers' response.
func (s *screen) stop() { s.state = cut }

// repeat discards the response and makes the next handlers run again.
func (s *screen) repeat() {
	if !s.d.repeatable() {
		s.fail(object.ErrUnusable)
		return
	}
	s.again = true
	s.stop()
}

// fail sends err instead of the response.
func (s *screen) fail(err error) {
	s.failure = err
	s.stop()
}

// send sends the header, with its entity tag marked. Unless the body was looked at and needs no redaction,
// only fields on the list pass.
func (s *screen) send(looked bool) {
	if s.ahead {
		return
	}
	header := s.header
	if !looked {
		keepPassed(header, s.d.before)
		header.Del("Trailer")
		if s.d.h.perClient {
			makePrivate(header)
		}
	}
	s.markTag()
	replaceHeader(s.d.w.Header(), header)
	s.d.w.WriteHeader(s.status)
}

// markTag marks the entity tag for what the client gets.
func (s *screen) markTag() {
	tag := s.header.Get("Etag")
	if tag == "" {
		return
	}
	s.header.Del("Etag")
	if tag = s.audience().mark.tag(tag); tag != "" && s.status < 400 {
		s.header.Set("Etag", tag)
	}
}

// sendRedacted sends the header of a redacted image or video. The plan is nil for HEAD if it isn't needed.
func (s *screen) sendRedacted(plan *redact.Plan) {
	ranges := "none"
	if plan != nil && plan.Ranged() && s.status < 300 {
		ranges = "bytes"
	}
	s.header.Set("Accept-Ranges", ranges)
	s.send(false)
}

// carryOut makes the plan's writer take the body.
func (s *screen) carryOut(plan *redact.Plan) {
	from := s.from()
	if from < 0 {
		s.fail(object.ErrUnusable)
		return
	}
	if plan.Unchanged() {
		s.send(true)
		s.state = passing
		return
	}
	s.state = redacting
	s.sendRedacted(plan)
	s.body = plan.NewWriter(s.d.w, from)
}

// step decides on what is held, or wants more of the body. complete says that there is no more.
func (s *screen) step(complete bool) error {
	if s.format == "" {
		code, enough := codingOf(s.header), redact.SniffLen
		if code == plain {
			enough = zstdHead
		}
		head, ended, err := code.first(s.held, enough)
		short := code != plain && !complete && len(head) < redact.SniffLen
		r := s.facts(head)
		r.more = err == nil && !complete && len(s.held) < zstdHead
		r.broken = len(s.held) > 0 && (err != nil || short || len(head) == 0 && !ended)
		act := action{verb: wantMore}
		if !short || !r.more {
			act = decide(r)
		}
		if act.verb == wantMore {
			s.wanted = min(8*len(s.held)+codedHead, zstdHead)
			return nil
		}
		s.finish(act)
	}
	switch {
	case s.state == cut:
		return errCutOff
	case s.state == passing || s.state == redacting:
		return s.writeHeld()
	case !complete && len(s.held) < s.windowSize():
		s.wanted = s.windowSize()
		return nil
	}
	return s.plan(complete)
}

// windowSize is how much of a body is held to make a plan from.
func (s *screen) windowSize() int { return int(min(s.d.h.Window, defaultWindow)) }

// plan makes a plan from what is held, and redacts that.
func (s *screen) plan(complete bool) error {
	h := s.d.h
	who := s.audience()
	plan, err := redact.New(&firstWindow{s.held, s.size(), complete}, s.format, &who.policy)
	switch {
	case errors.Is(err, errBeyond) && s.d.repeatable() && s.status == http.StatusOK && (s.seen.lasts() || !redact.HasIndex(s.format)):
		s.needs = s.format
		s.repeat()
		return errCutOff
	case err != nil:
		h.metrics.countRefused(s.format)
		s.fail(errNotRedactable)
		return errCutOff
	}
	s.carryOut(plan)
	return s.writeHeld()
}

// writeHeld writes what is held, now that it is decided what becomes of it.
func (s *screen) writeHeld() error {
	if len(s.held) == 0 {
		return nil
	}
	_, err := s.Write(s.held)
	s.dropHeld()
	return err
}

// firstWindow is the file of which the first bytes are held.
type firstWindow struct {
	b        []byte
	size     int64 // -1: not known
	complete bool  // b is the whole file
}

// Size returns the length of the file, -1 if it isn't known.
func (f *firstWindow) Size() int64 {
	if f.complete {
		return int64(len(f.b))
	}
	return f.size
}

// ReadAt implements io.ReaderAt. Beyond the window it returns errBeyond.
func (f *firstWindow) ReadAt(p []byte, off int64) (n int, err error) {
	if off < int64(len(f.b)) {
		n = copy(p, f.b[off:])
	}
	switch {
	case n == len(p):
		return n, nil
	case f.complete, f.size >= 0 && off+int64(n) >= f.size:
		return n, io.EOF
	}
	return n, errBeyond
}

// close ends the body, after the next handlers have returned.
func (s *screen) close() error {
	if s.state == holding {
		if err := s.step(true); err != nil && s.state != cut {
			return err
		}
	}
	switch s.state {
	case passing:
		if !s.listed {
			s.copyTrailers()
		}
	case waiting: // the next handlers returned an error
		if isObjects(s.header) {
			keepPassed(s.header, s.d.before)
		}
		s.markTag()
		replaceHeader(s.d.w.Header(), s.header)
	case redacting:
		err := s.body.Close()
		s.d.h.metrics.countRedacted(s.format, s.body.Overwritten())
		return err
	}
	return nil
}

// copyTrailers passes on the trailers of a response that passed.
func (s *screen) copyTrailers() {
	header := s.d.w.Header()
	for name, values := range s.later {
		announced := func(field string) bool {
			return slices.ContainsFunc(strings.Split(field, ","), func(n string) bool { return strings.EqualFold(strings.TrimSpace(n), name) })
		}
		if strings.HasPrefix(name, http.TrailerPrefix) || slices.ContainsFunc(s.header.Values("Trailer"), announced) {
			header[name] = values
		}
	}
}

// hold holds the next bytes of p back.
func (s *screen) hold(p []byte) int {
	if s.held == nil {
		s.held = *heldBuffers.Get().(*[]byte)
	}
	n := min(len(p), s.wanted-len(s.held))
	s.held = append(s.held, p[:n]...)
	return n
}

// Write implements http.ResponseWriter.
func (s *screen) Write(p []byte) (n int, err error) {
	if s.state == waiting {
		s.WriteHeader(http.StatusOK)
	}
	for s.state == holding && len(p) > 0 {
		k := s.hold(p)
		n += k
		p = p[k:]
		if len(s.held) == s.wanted {
			if err := s.step(false); err != nil {
				return n, err
			}
		}
	}
	k := 0
	switch s.state {
	case cut:
		return n, errCutOff
	case headOnly: // not every server refuses it by itself: HTTP/2 takes a 101 for an informational response
		return n, http.ErrBodyNotAllowed
	case redacting:
		k, err = s.body.Write(p)
	case passing:
		k, err = s.d.w.Write(p)
	}
	return n + k, err
}

// copyBuffers is a pool of buffers for copying files.
var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

// ReadFrom implements io.ReaderFrom. What needs no redaction is copied as it would be without redact.
func (s *screen) ReadFrom(r io.Reader) (n int64, err error) {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	if s.state == waiting {
		s.WriteHeader(http.StatusOK)
	}
	for s.state == holding {
		got, err := io.ReadFull(r, (*buf)[:min(s.wanted-len(s.held), len(*buf))])
		n += int64(got)
		if _, e := s.Write((*buf)[:got]); e != nil {
			return n, e
		}
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = nil
			}
			return n, err
		}
	}
	if s.state == passing {
		got, err := io.Copy(s.d.w, r)
		return n + got, err
	}
	got, err := io.CopyBuffer(struct{ io.Writer }{s}, r, *buf)
	return n + got, err
}

// FlushError implements Flush for http.ResponseController. It still holds back a few bytes that may begin
// an image. The header of events, or of a tunnel, goes ahead of the body, since the client may wait for it.
func (s *screen) FlushError() error {
	code := codingOf(s.header)
	if s.state == holding && len(s.held) == 0 && code != unknown && (claimOf(s.header) == claimsEvents || s.d.method == http.MethodConnect) {
		s.send(false)
		s.ahead = true
		return http.NewResponseController(s.d.w).Flush()
	}
	if s.state == holding && s.format == "" && len(s.held) > 0 && (code == plain || len(s.held) >= 2*s.flushed) {
		s.flushed = len(s.held) // decoding anew after each byte would take long
		head, _, err := code.first(s.held, redact.SniffLen)
		if verdict, _, _ := sniff(head); err != nil || verdict != redact.Pass || redact.Undecided(head) {
			return nil
		}
		s.finish(decide(s.facts(head)))
		if s.state == passing {
			if err := s.writeHeld(); err != nil {
				return err
			}
		}
	}
	if s.state == waiting || s.state == holding || s.state == cut {
		return nil
	}
	return http.NewResponseController(s.d.w).Flush()
}

// Hijack implements http.Hijacker, for a connection that switches protocols. Nothing else passes around the screen.
func (s *screen) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if s.status != http.StatusSwitchingProtocols {
		return nil, nil, http.ErrNotSupported
	}
	return http.NewResponseController(s.d.w).Hijack()
}

// SetReadDeadline is for http.ResponseController.
func (s *screen) SetReadDeadline(t time.Time) error {
	return http.NewResponseController(s.d.w).SetReadDeadline(t)
}

// SetWriteDeadline is for http.ResponseController.
func (s *screen) SetWriteDeadline(t time.Time) error {
	return http.NewResponseController(s.d.w).SetWriteDeadline(t)
}

// EnableFullDuplex is for http.ResponseController.
func (s *screen) EnableFullDuplex() error {
	return http.NewResponseController(s.d.w).EnableFullDuplex()
}
