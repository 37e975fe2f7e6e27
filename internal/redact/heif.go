package redact

// redactHEIF overwrites all that follows until it is written.
func redactHEIF(*stream, *Policy) error { return errBroken }
