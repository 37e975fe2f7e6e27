//go:build race

package exif

// raceDetector reports that the race detector runs, which allocates memory of its own.
const raceDetector = true
