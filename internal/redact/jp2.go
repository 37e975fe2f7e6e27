package redact

// redactJP2 overwrites all that follows until it is written.
func redactJP2(*stream, *Policy) error { return errBroken }
