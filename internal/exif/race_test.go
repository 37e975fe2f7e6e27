//go:build race

package exif

// raceDetector is true under the race detector, which allocates memory of its own.
const raceDetector = true
