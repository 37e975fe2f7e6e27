//go:build !race

package exif

const raceDetector = false
