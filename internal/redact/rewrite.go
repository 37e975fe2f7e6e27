package redact

// rewriteExif is gone.
func rewriteExif(b []byte, _ *Plan) (n int) {
	clear(b)
	return 0
}
