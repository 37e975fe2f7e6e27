package exif

import (
	"maps"
	"regexp"
	"slices"
	"testing"

	goexif "github.com/rwcarlsen/goexif/exif"
)

func TestTagNames(t *testing.T) {
	valid := regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	for directory, table := range map[string]map[uint16]tagDef{
		"tiff": tiffTags, "exif": exifTags, "gps": gpsTags, "interop": interopTags,
	} {
		t.Run(directory, func(t *testing.T) {
			numbers := make(map[string]uint16)
			for _, number := range slices.Sorted(maps.Keys(table)) {
				name := table[number].name
				if !valid.MatchString(name) {
					t.Errorf("0x%04X: got name %q, want one that matches %v", number, name, valid)
				}
				if first, ok := numbers[name]; ok {
					t.Errorf("0x%04X: got name %s, which is also that of 0x%04X", number, name, first)
				}
				numbers[name] = number
			}
		})
	}
}

// TestTagNamesAreGoexifs holds our names against all of goexif's fields. Its maps of numbers aren't
// exported, so the numbers are repeated here.
func TestTagNamesAreGoexifs(t *testing.T) {
	tests := []struct {
		directory string
		tables    []map[uint16]tagDef
		prefix    string
		fields    map[uint16]goexif.FieldName
	}{
		{"IFD0", []map[uint16]tagDef{tiffTags}, "", map[uint16]goexif.FieldName{
			0x0100: goexif.ImageWidth,
			0x0101: goexif.ImageLength,
			0x0102: goexif.BitsPerSample,
			0x0103: goexif.Compression,
			0x0106: goexif.PhotometricInterpretation,
			0x010E: goexif.ImageDescription,
			0x010F: goexif.Make,
			0x0110: goexif.Model,
			0x0112: goexif.Orientation,
			0x0115: goexif.SamplesPerPixel,
			0x011A: goexif.XResolution,
			0x011B: goexif.YResolution,
			0x011C: goexif.PlanarConfiguration,
			0x0128: goexif.ResolutionUnit,
			0x0131: goexif.Software,
			0x0132: goexif.DateTime,
			0x013B: goexif.Artist,
			0x0212: goexif.YCbCrSubSampling,
			0x0213: goexif.YCbCrPositioning,
			0x8298: goexif.Copyright,
			0x8769: goexif.ExifIFDPointer,
			0x8825: goexif.GPSInfoIFDPointer,
			0x9C9B: goexif.XPTitle,
			0x9C9C: goexif.XPComment,
			0x9C9D: goexif.XPAuthor,
			0x9C9E: goexif.XPKeywords,
			0x9C9F: goexif.XPSubject,
		}},
		// goexif has one map for IFD0 and the Exif IFD. These tags our tables have in both, since
		// TIFF/EP keeps Exif's tags in IFD0.
		{"IFD0 and Exif IFD", []map[uint16]tagDef{tiffTags, exifTags}, "", map[uint16]goexif.FieldName{
			0x829A: goexif.ExposureTime,
			0x829D: goexif.FNumber,
			0x8822: goexif.ExposureProgram,
			0x8824: goexif.SpectralSensitivity,
			0x8827: goexif.ISOSpeedRatings,
			0x8828: goexif.OECF,
			0x9003: goexif.DateTimeOriginal,
			0x9102: goexif.CompressedBitsPerPixel,
			0x9201: goexif.ShutterSpeedValue,
			0x9202: goexif.ApertureValue,
			0x9203: goexif.BrightnessValue,
			0x9204: goexif.ExposureBiasValue,
			0x9205: goexif.MaxApertureValue,
			0x9206: goexif.SubjectDistance,
			0x9207: goexif.MeteringMode,
			0x9208: goexif.LightSource,
			0x9209: goexif.Flash,
			0x920A: goexif.FocalLength,
			0x9214: goexif.SubjectArea,
			0x927C: goexif.MakerNote,
		}},
		{"Exif IFD", []map[uint16]tagDef{exifTags}, "", map[uint16]goexif.FieldName{
			0x9000: goexif.ExifVersion,
			0x9004: goexif.DateTimeDigitized,
			0x9101: goexif.ComponentsConfiguration,
			0x9286: goexif.UserComment,
			0x9290: goexif.SubSecTime,
			0x9291: goexif.SubSecTimeOriginal,
			0x9292: goexif.SubSecTimeDigitized,
			0xA000: goexif.FlashpixVersion,
			0xA001: goexif.ColorSpace,
			0xA002: goexif.PixelXDimension,
			0xA003: goexif.PixelYDimension,
			0xA004: goexif.RelatedSoundFile,
			0xA005: goexif.InteroperabilityIFDPointer,
			0xA20B: goexif.FlashEnergy,
			0xA20C: goexif.SpatialFrequencyResponse,
			0xA20E: goexif.FocalPlaneXResolution,
			0xA20F: goexif.FocalPlaneYResolution,
			0xA210: goexif.FocalPlaneResolutionUnit,
			0xA214: goexif.SubjectLocation,
			0xA215: goexif.ExposureIndex,
			0xA217: goexif.SensingMethod,
			0xA300: goexif.FileSource,
			0xA301: goexif.SceneType,
			0xA302: goexif.CFAPattern,
			0xA401: goexif.CustomRendered,
			0xA402: goexif.ExposureMode,
			0xA403: goexif.WhiteBalance,
			0xA404: goexif.DigitalZoomRatio,
			0xA405: goexif.FocalLengthIn35mmFilm,
			0xA406: goexif.SceneCaptureType,
			0xA407: goexif.GainControl,
			0xA408: goexif.Contrast,
			0xA409: goexif.Saturation,
			0xA40A: goexif.Sharpness,
			0xA40B: goexif.DeviceSettingDescription,
			0xA40C: goexif.SubjectDistanceRange,
			0xA420: goexif.ImageUniqueID,
			0xA433: goexif.LensMake,
			0xA434: goexif.LensModel,
		}},
		{"GPS IFD", []map[uint16]tagDef{gpsTags}, "", map[uint16]goexif.FieldName{
			0x0000: goexif.GPSVersionID,
			0x0001: goexif.GPSLatitudeRef,
			0x0002: goexif.GPSLatitude,
			0x0003: goexif.GPSLongitudeRef,
			0x0004: goexif.GPSLongitude,
			0x0005: goexif.GPSAltitudeRef,
			0x0006: goexif.GPSAltitude,
			0x0007: goexif.GPSTimeStamp,
			0x0008: goexif.GPSSatelites,
			0x0009: goexif.GPSStatus,
			0x000A: goexif.GPSMeasureMode,
			0x000B: goexif.GPSDOP,
			0x000C: goexif.GPSSpeedRef,
			0x000D: goexif.GPSSpeed,
			0x000E: goexif.GPSTrackRef,
			0x000F: goexif.GPSTrack,
			0x0010: goexif.GPSImgDirectionRef,
			0x0011: goexif.GPSImgDirection,
			0x0012: goexif.GPSMapDatum,
			0x0013: goexif.GPSDestLatitudeRef,
			0x0014: goexif.GPSDestLatitude,
			0x0015: goexif.GPSDestLongitudeRef,
			0x0016: goexif.GPSDestLongitude,
			0x0017: goexif.GPSDestBearingRef,
			0x0018: goexif.GPSDestBearing,
			0x0019: goexif.GPSDestDistanceRef,
			0x001A: goexif.GPSDestDistance,
			0x001B: goexif.GPSProcessingMethod,
			0x001C: goexif.GPSAreaInformation,
			0x001D: goexif.GPSDateStamp,
			0x001E: goexif.GPSDifferential,
		}},
		{"Interoperability IFD", []map[uint16]tagDef{interopTags}, "", map[uint16]goexif.FieldName{
			0x0001: goexif.InteroperabilityIndex,
		}},
		{"IFD1", []map[uint16]tagDef{tiffTags}, "Thumb", map[uint16]goexif.FieldName{
			0x0201: goexif.ThumbJPEGInterchangeFormat,
			0x0202: goexif.ThumbJPEGInterchangeFormatLength,
		}},
	}
	for _, test := range tests {
		t.Run(test.directory, func(t *testing.T) {
			for number, field := range test.fields {
				want := string(field)
				if field == goexif.GPSSatelites {
					want = "GPSSatellites" // the one name that goexif spells wrong
				}
				for _, table := range test.tables {
					if got := test.prefix + table[number].name; got != want {
						t.Errorf("0x%04X: got %q, want %q", number, got, want)
					}
				}
			}
		})
	}
}
