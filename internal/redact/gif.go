package redact

// redactGIF overwrites all that follows until it is written.
func redactGIF(*stream, *Policy) error { return errBroken }
