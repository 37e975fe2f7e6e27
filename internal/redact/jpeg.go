package redact

// redactJPEG overwrites all that follows until it is written.
func redactJPEG(*stream, *Policy) error { return errBroken }
