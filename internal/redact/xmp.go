package redact

type xmpItem struct{}

func rewriteXMP([]byte) ([]byte, []xmpItem) { return nil, nil }
