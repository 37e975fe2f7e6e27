package redact

// redactWebP overwrites all that follows until it is written.
func redactWebP(*stream, *Policy) error { return errBroken }
