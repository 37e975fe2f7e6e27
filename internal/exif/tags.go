package exif

// tagDef is the name of a tag in one directory, and how to decode its bytes if the TIFF type isn't enough.
type tagDef struct {
	name string
	as   storage
}

// included reports whether the JSON can include the tag.
func (d tagDef) included() bool { return d.as != asPointer && d.as != asLeftOut }

// storage is how a tag's value is stored.
type storage uint8

const (
	asTyped       storage = iota // by the TIFF type; UNDEFINED: printable text, else bytes in decimal
	asText                       // UNDEFINED or BYTE holding text without a character code
	asVersion                    // UNDEFINED: the digits of a version as text, else bytes in decimal
	asBytes                      // UNDEFINED holding small integers, one a byte
	asShorts                     // UNDEFINED holding 16-bit integers
	asCharCode                   // UNDEFINED: 8 bytes naming the character code, then text (Exif 3.0, 4.6.6, UserComment)
	asUTF16                      // BYTE holding UTF-16, little-endian whatever the file's byte order
	asCFAPattern                 // UNDEFINED: two 16-bit counts, then one byte a cell (Exif 3.0, 4.6.6, CFAPattern)
	asOnlyText                   // as asText; numbers under this id are another writer's tag
	asName                       // text that its camera fills with zeros if there is none; the JSON lacks an empty one
	asDevelopment                // DevelopmentType (see isDevelopmentType); any other value is another writer's tag
	asPointer                    // offset of another directory; never in the JSON
	asLeftOut                    // binary without meaning outside its own format; never in the JSON
)

// Each directory has its own table, since the same number has different meanings in different
// directories: 0x0001 is GPSLatitudeRef in one and InteroperabilityIndex in another.
//
// A name is goexif's exif.FieldName if goexif has one and spells it right, else the standard's, without
// characters that aren't letters or digits.

// tiffTags names the tags of IFD0 and IFD1: TIFF 6.0 (Appendix A), TIFF/EP (ISO 12234-2), DNG 1.7.1
// (chapter 4) and the additions of Windows and Photoshop. It lists tags left out of the JSON, too:
// otherwise they would count as unknown, and clients can request unknown tags.
var tiffTags = map[uint16]tagDef{
	// TIFF 6.0 baseline and extensions: the image, its storage, its author and equipment
	0x00FE: {name: "NewSubfileType"},
	0x00FF: {name: "SubfileType"},
	0x0100: {name: "ImageWidth"},
	0x0101: {name: "ImageLength"},
	0x0102: {name: "BitsPerSample"},
	0x0103: {name: "Compression"},
	0x0106: {name: "PhotometricInterpretation"},
	0x0107: {name: "Thresholding"}, // TIFF 6.0 spells it Threshholding
	0x0108: {name: "CellWidth"},
	0x0109: {name: "CellLength"},
	0x010A: {name: "FillOrder"},
	0x010D: {name: "DocumentName"},
	0x010E: {name: "ImageDescription"},
	0x010F: {name: "Make"},
	0x0110: {name: "Model"},
	0x0111: {name: "StripOffsets"},
	0x0112: {name: "Orientation"},
	0x0115: {name: "SamplesPerPixel"},
	0x0116: {name: "RowsPerStrip"},
	0x0117: {name: "StripByteCounts"},
	0x0118: {name: "MinSampleValue"},
	0x0119: {name: "MaxSampleValue"},
	0x011A: {name: "XResolution"},
	0x011B: {name: "YResolution"},
	0x011C: {name: "PlanarConfiguration"},
	0x011D: {name: "PageName"},
	0x011E: {name: "XPosition"},
	0x011F: {name: "YPosition"},
	0x0120: {name: "FreeOffsets"},
	0x0121: {name: "FreeByteCounts"},
	0x0122: {name: "GrayResponseUnit"},
	0x0123: {name: "GrayResponseCurve"},
	0x0124: {name: "T4Options"},
	0x0125: {name: "T6Options"},
	0x0128: {name: "ResolutionUnit"},
	0x0129: {name: "PageNumber"},
	0x012D: {name: "TransferFunction"},
	0x0131: {name: "Software"},
	0x0132: {name: "DateTime"},
	0x013B: {name: "Artist"},
	0x013C: {name: "HostComputer"},
	0x013D: {name: "Predictor"},
	0x013E: {name: "WhitePoint"},
	0x013F: {name: "PrimaryChromaticities"},
	0x0140: {name: "ColorMap"},
	0x0141: {name: "HalftoneHints"},
	0x0142: {name: "TileWidth"},
	0x0143: {name: "TileLength"},
	0x0144: {name: "TileOffsets"},
	0x0145: {name: "TileByteCounts"},
	0x014A: {name: "SubIFDs", as: asPointer}, // TIFF/EP
	0x014C: {name: "InkSet"},
	0x014D: {name: "InkNames"},
	0x014E: {name: "NumberOfInks"},
	0x0150: {name: "DotRange"},
	0x0151: {name: "TargetPrinter"},
	0x0152: {name: "ExtraSamples"},
	0x0153: {name: "SampleFormat"},
	0x0154: {name: "SMinSampleValue"},
	0x0155: {name: "SMaxSampleValue"},
	0x0156: {name: "TransferRange"},
	0x015B: {name: "JPEGTables", as: asLeftOut}, // TIFF/EP
	0x0200: {name: "JPEGProc"},
	0x0201: {name: "JPEGInterchangeFormat"},
	0x0202: {name: "JPEGInterchangeFormatLength"},
	0x0203: {name: "JPEGRestartInterval"},
	0x0205: {name: "JPEGLosslessPredictors"},
	0x0206: {name: "JPEGPointTransforms"},
	0x0207: {name: "JPEGQTables"},
	0x0208: {name: "JPEGDCTables"},
	0x0209: {name: "JPEGACTables"},
	0x0211: {name: "YCbCrCoefficients"},
	0x0212: {name: "YCbCrSubSampling"},
	0x0213: {name: "YCbCrPositioning"},
	0x0214: {name: "ReferenceBlackWhite"},

	// XMP, ISO 16684-1
	0x02BC: {name: "XMLPacket", as: asLeftOut},

	// Windows' rating, in stars and in percent
	0x4746: {name: "Rating"},
	0x4749: {name: "RatingPercent"},

	// TIFF/EP: tags of its own, and Exif's picture-taking tags, some under numbers of its own
	0x828D: {name: "CFARepeatPatternDim"},
	0x828E: {name: "CFAPattern"}, // BYTE, one a cell; Exif's 0xA302 is laid out differently
	0x828F: {name: "BatteryLevel"},
	0x8298: {name: "Copyright"}, // TIFF 6.0
	0x829A: {name: "ExposureTime"},
	0x829D: {name: "FNumber"},
	0x83BB: {name: "IPTCNAA", as: asLeftOut},                 // IPTC/NAA
	0x8649: {name: "PhotoshopImageResources", as: asLeftOut}, // Photoshop's TIFF notes
	0x8769: {name: "ExifIFDPointer", as: asPointer},          // Exif
	0x8773: {name: "InterColorProfile", as: asLeftOut},
	0x8822: {name: "ExposureProgram"},
	0x8824: {name: "SpectralSensitivity"},
	0x8825: {name: "GPSInfoIFDPointer", as: asPointer}, // Exif
	0x8827: {name: "ISOSpeedRatings"},
	0x8828: {name: "OECF"},
	0x8829: {name: "Interlace"},
	0x882A: {name: "TimeZoneOffset"},
	0x882B: {name: "SelfTimerMode"},
	0x9003: {name: "DateTimeOriginal"},
	0x9102: {name: "CompressedBitsPerPixel"},
	0x9201: {name: "ShutterSpeedValue"},
	0x9202: {name: "ApertureValue"},
	0x9203: {name: "BrightnessValue"},
	0x9204: {name: "ExposureBiasValue"},
	0x9205: {name: "MaxApertureValue"},
	0x9206: {name: "SubjectDistance"},
	0x9207: {name: "MeteringMode"},
	0x9208: {name: "LightSource"},
	0x9209: {name: "Flash"},
	0x920A: {name: "FocalLength"},
	0x920B: {name: "FlashEnergy"},
	0x920C: {name: "SpatialFrequencyResponse"},
	0x920D: {name: "Noise"},
	0x920E: {name: "FocalPlaneXResolution"},
	0x920F: {name: "FocalPlaneYResolution"},
	0x9210: {name: "FocalPlaneResolutionUnit"},
	0x9211: {name: "ImageNumber"},
	0x9212: {name: "SecurityClassification"},
	0x9213: {name: "ImageHistory"},
	0x9214: {name: "SubjectArea"}, // TIFF/EP: SubjectLocation, but the number is Exif's SubjectArea
	0x9215: {name: "ExposureIndex"},
	0x9216: {name: "TIFFEPStandardID"},
	0x9217: {name: "SensingMethod"},
	0x927C: {name: "MakerNote", as: asLeftOut},       // belongs in the Exif IFD, and is left out here as well
	0x935C: {name: "ImageSourceData", as: asLeftOut}, // Photoshop's TIFF notes

	// Windows Explorer's text fields
	0x9C9B: {name: "XPTitle", as: asUTF16},
	0x9C9C: {name: "XPComment", as: asUTF16},
	0x9C9D: {name: "XPAuthor", as: asUTF16},
	0x9C9E: {name: "XPKeywords", as: asUTF16},
	0x9C9F: {name: "XPSubject", as: asUTF16},

	// DNG 1.0 and 1.1
	0xC612: {name: "DNGVersion"},
	0xC613: {name: "DNGBackwardVersion"},
	0xC614: {name: "UniqueCameraModel"},
	0xC615: {name: "LocalizedCameraModel", as: asText},
	0xC616: {name: "CFAPlaneColor"},
	0xC617: {name: "CFALayout"},
	0xC618: {name: "LinearizationTable"},
	0xC619: {name: "BlackLevelRepeatDim"},
	0xC61A: {name: "BlackLevel"},
	0xC61B: {name: "BlackLevelDeltaH"},
	0xC61C: {name: "BlackLevelDeltaV"},
	0xC61D: {name: "WhiteLevel"},
	0xC61E: {name: "DefaultScale"},
	0xC61F: {name: "DefaultCropOrigin"},
	0xC620: {name: "DefaultCropSize"},
	0xC621: {name: "ColorMatrix1"},
	0xC622: {name: "ColorMatrix2"},
	0xC623: {name: "CameraCalibration1"},
	0xC624: {name: "CameraCalibration2"},
	0xC625: {name: "ReductionMatrix1"},
	0xC626: {name: "ReductionMatrix2"},
	0xC627: {name: "AnalogBalance"},
	0xC628: {name: "AsShotNeutral"},
	0xC629: {name: "AsShotWhiteXY"},
	0xC62A: {name: "BaselineExposure"},
	0xC62B: {name: "BaselineNoise"},
	0xC62C: {name: "BaselineSharpness"},
	0xC62D: {name: "BayerGreenSplit"},
	0xC62E: {name: "LinearResponseLimit"},
	0xC62F: {name: "CameraSerialNumber"},
	0xC630: {name: "LensInfo"},
	0xC631: {name: "ChromaBlurRadius"},
	0xC632: {name: "AntiAliasStrength"},
	0xC633: {name: "ShadowScale"},
	0xC634: {name: "DNGPrivateData", as: asLeftOut},
	0xC635: {name: "MakerNoteSafety"},
	0xC65A: {name: "CalibrationIlluminant1"},
	0xC65B: {name: "CalibrationIlluminant2"},
	0xC65C: {name: "BestQualityScale"},
	0xC65D: {name: "RawDataUniqueID"},
	0xC68B: {name: "OriginalRawFileName", as: asText},
	0xC68C: {name: "OriginalRawFileData", as: asLeftOut},
	0xC68D: {name: "ActiveArea"},
	0xC68E: {name: "MaskedAreas"},
	0xC68F: {name: "AsShotICCProfile", as: asLeftOut},
	0xC690: {name: "AsShotPreProfileMatrix"},
	0xC691: {name: "CurrentICCProfile", as: asLeftOut},
	0xC692: {name: "CurrentPreProfileMatrix"},

	// DNG 1.2
	0xC6BF: {name: "ColorimetricReference"},
	0xC6F3: {name: "CameraCalibrationSignature", as: asText},
	0xC6F4: {name: "ProfileCalibrationSignature", as: asText},
	0xC6F5: {name: "ExtraCameraProfiles", as: asLeftOut}, // offsets of profiles with a header of their own, not of directories
	0xC6F6: {name: "AsShotProfileName", as: asText},
	0xC6F7: {name: "NoiseReductionApplied"},
	0xC6F8: {name: "ProfileName", as: asText},
	0xC6F9: {name: "ProfileHueSatMapDims"},
	0xC6FA: {name: "ProfileHueSatMapData1"},
	0xC6FB: {name: "ProfileHueSatMapData2"},
	0xC6FC: {name: "ProfileToneCurve"},
	0xC6FD: {name: "ProfileEmbedPolicy"},
	0xC6FE: {name: "ProfileCopyright", as: asText},
	0xC714: {name: "ForwardMatrix1"},
	0xC715: {name: "ForwardMatrix2"},
	0xC716: {name: "PreviewApplicationName", as: asText},
	0xC717: {name: "PreviewApplicationVersion", as: asText},
	0xC718: {name: "PreviewSettingsName", as: asText},
	0xC719: {name: "PreviewSettingsDigest"},
	0xC71A: {name: "PreviewColorSpace"},
	0xC71B: {name: "PreviewDateTime"},
	0xC71C: {name: "RawImageDigest"},
	0xC71D: {name: "OriginalRawFileDigest"},
	0xC71E: {name: "SubTileBlockSize"},
	0xC71F: {name: "RowInterleaveFactor"},
	0xC725: {name: "ProfileLookTableDims"},
	0xC726: {name: "ProfileLookTableData"},

	// DNG 1.3
	0xC740: {name: "OpcodeList1", as: asLeftOut},
	0xC741: {name: "OpcodeList2", as: asLeftOut},
	0xC74E: {name: "OpcodeList3", as: asLeftOut},
	0xC761: {name: "NoiseProfile"},

	// CinemaDNG 1.1
	0xC763: {name: "TimeCodes"},
	0xC764: {name: "FrameRate"},
	0xC772: {name: "TStop"},
	0xC789: {name: "ReelName"},
	0xC7A1: {name: "CameraLabel"},

	// DNG 1.4
	0xC791: {name: "OriginalDefaultFinalSize"},
	0xC792: {name: "OriginalBestQualityFinalSize"},
	0xC793: {name: "OriginalDefaultCropSize"},
	0xC7A3: {name: "ProfileHueSatMapEncoding"},
	0xC7A4: {name: "ProfileLookTableEncoding"},
	0xC7A5: {name: "BaselineExposureOffset"},
	0xC7A6: {name: "DefaultBlackRender"},
	0xC7A7: {name: "NewRawImageDigest"},
	0xC7A8: {name: "RawToPreviewGain"},
	0xC7B5: {name: "DefaultUserCrop"},

	// DNG 1.5
	0xC7E9: {name: "DepthFormat"},
	0xC7EA: {name: "DepthNear"},
	0xC7EB: {name: "DepthFar"},
	0xC7EC: {name: "DepthUnits"},
	0xC7ED: {name: "DepthMeasureType"},
	0xC7EE: {name: "EnhanceParams"},

	// DNG 1.6
	0xCD2D: {name: "ProfileGainTableMap", as: asLeftOut},
	0xCD2E: {name: "SemanticName"},
	0xCD30: {name: "SemanticInstanceID"},
	0xCD31: {name: "CalibrationIlluminant3"},
	0xCD32: {name: "CameraCalibration3"},
	0xCD33: {name: "ColorMatrix3"},
	0xCD34: {name: "ForwardMatrix3"},
	0xCD35: {name: "IlluminantData1"},
	0xCD36: {name: "IlluminantData2"},
	0xCD37: {name: "IlluminantData3"},
	0xCD38: {name: "MaskSubArea"},
	0xCD39: {name: "ProfileHueSatMapData3"},
	0xCD3A: {name: "ReductionMatrix3"},
	0xCD3F: {name: "RGBTables", as: asLeftOut},

	// DNG 1.7
	0xCD40: {name: "ProfileGainTableMap2", as: asLeftOut},
	0xCD43: {name: "ColumnInterleaveFactor"},
	0xCD44: {name: "ImageSequenceInfo"},
	0xCD46: {name: "ImageStats", as: asLeftOut},
	0xCD47: {name: "ProfileDynamicRange"},
	0xCD48: {name: "ProfileGroupName", as: asText},
	0xCD49: {name: "JXLDistance"},
	0xCD4A: {name: "JXLEffort"},
	0xCD4B: {name: "JXLDecodeSpeed"},
}

// exifTags names the tags of the Exif IFD: Exif 3.0 (CIPA DC-008-2023) 4.6.6, and 4.6.3 for the pointer.
// Comments mark additions of 3.1 (CIPA DC-008-2026).
var exifTags = map[uint16]tagDef{
	// Picture-taking conditions
	0x829A: {name: "ExposureTime"},
	0x829D: {name: "FNumber"},
	0x8822: {name: "ExposureProgram"},
	0x8824: {name: "SpectralSensitivity"},
	0x8827: {name: "ISOSpeedRatings"}, // PhotographicSensitivity since Exif 2.3; goexif and most programs keep the old name
	0x8828: {name: "OECF"},
	0x8830: {name: "SensitivityType"},
	0x8831: {name: "StandardOutputSensitivity"},
	0x8832: {name: "RecommendedExposureIndex"},
	0x8833: {name: "ISOSpeed"},
	0x8834: {name: "ISOSpeedLatitudeyyy"},
	0x8835: {name: "ISOSpeedLatitudezzz"},

	// Version
	0x9000: {name: "ExifVersion", as: asVersion},

	// Date and time
	0x9003: {name: "DateTimeOriginal"},
	0x9004: {name: "DateTimeDigitized"},
	0x9010: {name: "OffsetTime"},
	0x9011: {name: "OffsetTimeOriginal"},
	0x9012: {name: "OffsetTimeDigitized"},

	// Image configuration
	0x9101: {name: "ComponentsConfiguration", as: asBytes},
	0x9102: {name: "CompressedBitsPerPixel"},

	// Picture-taking conditions
	0x9201: {name: "ShutterSpeedValue"},
	0x9202: {name: "ApertureValue"},
	0x9203: {name: "BrightnessValue"},
	0x9204: {name: "ExposureBiasValue"},
	0x9205: {name: "MaxApertureValue"},
	0x9206: {name: "SubjectDistance"},
	0x9207: {name: "MeteringMode"},
	0x9208: {name: "LightSource"},
	0x9209: {name: "Flash"},
	0x920A: {name: "FocalLength"},
	0x9214: {name: "SubjectArea"},

	// User information
	0x927C: {name: "MakerNote", as: asLeftOut},
	0x9286: {name: "UserComment", as: asCharCode},
	0x9287: {name: "LearningOptOutIn", as: asShorts}, // Exif 3.1

	// Date and time, fractions of seconds
	0x9290: {name: "SubSecTime"},
	0x9291: {name: "SubSecTimeOriginal"},
	0x9292: {name: "SubSecTimeDigitized"},

	// Shooting situation
	0x9400: {name: "Temperature"},
	0x9401: {name: "Humidity"},
	0x9402: {name: "Pressure"},
	0x9403: {name: "WaterDepth"},
	0x9404: {name: "Acceleration"},
	0x9405: {name: "CameraElevationAngle"},

	// Version, image characteristics, related files
	0xA000: {name: "FlashpixVersion", as: asVersion},
	0xA001: {name: "ColorSpace"},
	0xA002: {name: "PixelXDimension"},
	0xA003: {name: "PixelYDimension"},
	0xA004: {name: "RelatedSoundFile"},
	0xA005: {name: "InteroperabilityIFDPointer", as: asPointer},

	// Picture-taking conditions
	0xA20B: {name: "FlashEnergy"},
	0xA20C: {name: "SpatialFrequencyResponse"},
	0xA20E: {name: "FocalPlaneXResolution"},
	0xA20F: {name: "FocalPlaneYResolution"},
	0xA210: {name: "FocalPlaneResolutionUnit"},
	0xA214: {name: "SubjectLocation"},
	0xA215: {name: "ExposureIndex"},
	0xA217: {name: "SensingMethod"},
	0xA300: {name: "FileSource", as: asBytes},
	0xA301: {name: "SceneType", as: asBytes},
	0xA302: {name: "CFAPattern", as: asCFAPattern},
	0xA401: {name: "CustomRendered"},
	0xA402: {name: "ExposureMode"},
	0xA403: {name: "WhiteBalance"},
	0xA404: {name: "DigitalZoomRatio"},
	0xA405: {name: "FocalLengthIn35mmFilm"},
	0xA406: {name: "SceneCaptureType"},
	0xA407: {name: "GainControl"},
	0xA408: {name: "Contrast"},
	0xA409: {name: "Saturation"},
	0xA40A: {name: "Sharpness"},
	0xA40B: {name: "DeviceSettingDescription"},
	0xA40C: {name: "SubjectDistanceRange"},

	// Development, Exif 3.1. GE's E1486 has numbers of its own under the first two.
	0xA40D: {name: "DevelopmentType", as: asDevelopment},
	0xA40E: {name: "DevelopmentTypeDescription", as: asOnlyText},
	0xA40F: {name: "DistortionCorrection"},
	0xA410: {name: "ChromaticAberrationCorrection"},
	0xA411: {name: "ShadingCorrection"},
	0xA412: {name: "NoiseReduction"},

	// The image, its makers, their equipment and software
	0xA420: {name: "ImageUniqueID"},
	0xA430: {name: "CameraOwnerName"},
	0xA431: {name: "BodySerialNumber"},
	0xA432: {name: "LensSpecification"},
	0xA433: {name: "LensMake"},
	0xA434: {name: "LensModel"},
	0xA435: {name: "LensSerialNumber"},
	0xA436: {name: "ImageTitle"},
	0xA437: {name: "Photographer"},
	0xA438: {name: "ImageEditor"},
	0xA439: {name: "CameraFirmware"},
	0xA43A: {name: "RAWDevelopingSoftware"},
	0xA43B: {name: "ImageEditingSoftware"},
	0xA43C: {name: "MetadataEditingSoftware"},

	// Composite images, image characteristics
	0xA460: {name: "CompositeImage"},
	0xA461: {name: "SourceImageNumberOfCompositeImage"},
	0xA462: {name: "SourceExposureTimesOfCompositeImage"},
	0xA500: {name: "Gamma"},
}

// gpsTags names the tags of the GPS IFD: Exif 3.0 (CIPA DC-008-2023) 4.6.7.
var gpsTags = map[uint16]tagDef{
	0x0000: {name: "GPSVersionID"},
	0x0001: {name: "GPSLatitudeRef"},
	0x0002: {name: "GPSLatitude"},
	0x0003: {name: "GPSLongitudeRef"},
	0x0004: {name: "GPSLongitude"},
	0x0005: {name: "GPSAltitudeRef"},
	0x0006: {name: "GPSAltitude"},
	0x0007: {name: "GPSTimeStamp"},
	0x0008: {name: "GPSSatellites"},
	0x0009: {name: "GPSStatus"},
	0x000A: {name: "GPSMeasureMode"},
	0x000B: {name: "GPSDOP"},
	0x000C: {name: "GPSSpeedRef"},
	0x000D: {name: "GPSSpeed"},
	0x000E: {name: "GPSTrackRef"},
	0x000F: {name: "GPSTrack"},
	0x0010: {name: "GPSImgDirectionRef"},
	0x0011: {name: "GPSImgDirection"},
	0x0012: {name: "GPSMapDatum"},
	0x0013: {name: "GPSDestLatitudeRef"},
	0x0014: {name: "GPSDestLatitude"},
	0x0015: {name: "GPSDestLongitudeRef"},
	0x0016: {name: "GPSDestLongitude"},
	0x0017: {name: "GPSDestBearingRef"},
	0x0018: {name: "GPSDestBearing"},
	0x0019: {name: "GPSDestDistanceRef"},
	0x001A: {name: "GPSDestDistance"},
	0x001B: {name: "GPSProcessingMethod", as: asCharCode},
	0x001C: {name: "GPSAreaInformation", as: asCharCode},
	0x001D: {name: "GPSDateStamp"},
	0x001E: {name: "GPSDifferential"},
	0x001F: {name: "GPSHPositioningError"},
}

// interopTags names the tags of the Interoperability IFD: Exif 3.0 (CIPA DC-008-2023) 4.6.8 for the
// index, DCF (CIPA DC-009) and the older ExifR98 rules for the others.
var interopTags = map[uint16]tagDef{
	0x0001: {name: "InteroperabilityIndex"},
	0x0002: {name: "InteroperabilityVersion", as: asVersion},
	0x1000: {name: "RelatedImageFileFormat"},
	0x1001: {name: "RelatedImageWidth"},
	0x1002: {name: "RelatedImageLength"},
}

// writersTags names the tags of IFD0, IFD1 and the Exif IFD that programs and other formats add to the
// standards above.
var writersTags = map[uint16]tagDef{
	// Windows and programs such as ACDSee, digiKam and gThumb (ExifTool)
	0x000B: {name: "ProcessingSoftware"},

	// TIFF class F, fax (RFC 2306, 4)
	0x0146: {name: "BadFaxLines"},
	0x0147: {name: "CleanFaxData"},
	0x0148: {name: "ConsecutiveBadFaxLines"},

	// Adobe PageMaker 6.0 TIFF Technical Notes
	0x0157: {name: "ClipPath"},
	0x0158: {name: "XClipPathUnits"},
	0x0159: {name: "YClipPathUnits"},
	0x015A: {name: "Indexed"},
	0x015F: {name: "OPIProxy"},

	// Windows GDI+ (PropertyTag...; names as ExifTool has them)
	0x5001: {name: "ResolutionXUnit"},
	0x5002: {name: "ResolutionYUnit"},
	0x5003: {name: "ResolutionXLengthUnit"},
	0x5004: {name: "ResolutionYLengthUnit"},
	0x5005: {name: "PrintFlags"},
	0x5006: {name: "PrintFlagsVersion"},
	0x5007: {name: "PrintFlagsCrop"},
	0x5008: {name: "PrintFlagsBleedWidth"},
	0x5009: {name: "PrintFlagsBleedWidthScale"},
	0x500A: {name: "HalftoneLPI"},
	0x500B: {name: "HalftoneLPIUnit"},
	0x500C: {name: "HalftoneDegree"},
	0x500D: {name: "HalftoneShape"},
	0x500E: {name: "HalftoneMisc"},
	0x500F: {name: "HalftoneScreen"},
	0x5010: {name: "JPEGQuality"},
	0x5011: {name: "GridSize", as: asLeftOut},
	0x5012: {name: "ThumbnailFormat"},
	0x5013: {name: "ThumbnailWidth"},
	0x5014: {name: "ThumbnailHeight"},
	0x5015: {name: "ThumbnailColorDepth"},
	0x5016: {name: "ThumbnailPlanes"},
	0x5017: {name: "ThumbnailRawBytes"},
	0x5018: {name: "ThumbnailLength"},
	0x5019: {name: "ThumbnailCompressedSize"},
	0x501A: {name: "ColorTransferFunction", as: asLeftOut},
	0x501B: {name: "ThumbnailData", as: asLeftOut},
	0x5020: {name: "ThumbnailImageWidth"},
	0x5021: {name: "ThumbnailImageHeight"},
	0x5022: {name: "ThumbnailBitsPerSample"},
	0x5023: {name: "ThumbnailCompression"},
	0x5024: {name: "ThumbnailPhotometricInterp"},
	0x5025: {name: "ThumbnailDescription"},
	0x5026: {name: "ThumbnailEquipMake"},
	0x5027: {name: "ThumbnailEquipModel"},
	0x5028: {name: "ThumbnailStripOffsets"},
	0x5029: {name: "ThumbnailOrientation"},
	0x502A: {name: "ThumbnailSamplesPerPixel"},
	0x502B: {name: "ThumbnailRowsPerStrip"},
	0x502C: {name: "ThumbnailStripByteCounts"},
	0x502D: {name: "ThumbnailResolutionX"},
	0x502E: {name: "ThumbnailResolutionY"},
	0x502F: {name: "ThumbnailPlanarConfig"},
	0x5030: {name: "ThumbnailResolutionUnit"},
	0x5031: {name: "ThumbnailTransferFunction"},
	0x5032: {name: "ThumbnailSoftware"},
	0x5033: {name: "ThumbnailDateTime"},
	0x5034: {name: "ThumbnailArtist"},
	0x5035: {name: "ThumbnailWhitePoint"},
	0x5036: {name: "ThumbnailPrimaryChromaticities"},
	0x5037: {name: "ThumbnailYCbCrCoefficients"},
	0x5038: {name: "ThumbnailYCbCrSubsampling"},
	0x5039: {name: "ThumbnailYCbCrPositioning"},
	0x503A: {name: "ThumbnailRefBlackWhite"},
	0x503B: {name: "ThumbnailCopyright"},
	0x5090: {name: "LuminanceTable"},
	0x5091: {name: "ChrominanceTable"},
	0x5100: {name: "FrameDelay"},
	0x5101: {name: "LoopCount"},
	0x5102: {name: "GlobalPalette"},
	0x5103: {name: "IndexBackground"},
	0x5104: {name: "IndexTransparent"},
	0x5110: {name: "PixelUnits"},
	0x5111: {name: "PixelsPerUnitX"},
	0x5112: {name: "PixelsPerUnitY"},
	0x5113: {name: "PaletteHistogram"},

	// Wang (Kodak) Imaging for Windows (ExifTool)
	0x80A3: {name: "WangTag1", as: asLeftOut},
	0x80A4: {name: "WangAnnotation", as: asLeftOut},
	0x80A5: {name: "WangTag3", as: asLeftOut},
	0x80A6: {name: "WangTag4"},

	// Silicon Graphics (libtiff)
	0x80E3: {name: "Matteing"},
	0x80E4: {name: "DataType"},
	0x80E5: {name: "ImageDepth"},
	0x80E6: {name: "TileDepth"},
	0x923F: {name: "StoNits"},

	// Pixar (libtiff)
	0x8214: {name: "ImageFullWidth"},
	0x8215: {name: "ImageFullHeight"},
	0x8216: {name: "TextureFormat"},
	0x8217: {name: "WrapModes"},
	0x8218: {name: "FovCot"},
	0x8219: {name: "MatrixWorldToScreen"},
	0x821A: {name: "MatrixWorldToCamera"},

	// GeoTIFF (OGC 19-008r4, 7.2 and annex E)
	0x830E: {name: "ModelPixelScale"},
	0x8480: {name: "IntergraphMatrix"},
	0x8482: {name: "ModelTiepoint"},
	0x85D8: {name: "ModelTransformation"},
	0x87AF: {name: "GeoKeyDirectory"},
	0x87B0: {name: "GeoDoubleParams"},
	0x87B1: {name: "GeoAsciiParams"},

	// TIFF/IT (ISO 12639)
	0x84E0: {name: "Site"},
	0x84E1: {name: "ColorSequence"},
	0x84E2: {name: "IT8Header"},
	0x84E3: {name: "RasterPadding"},
	0x84E4: {name: "BitsPerRunLength"},
	0x84E5: {name: "BitsPerExtendedRunLength"},
	0x84E6: {name: "ColorTable"},
	0x84E7: {name: "ImageColorIndicator"},
	0x84E8: {name: "BackgroundColorIndicator"},
	0x84E9: {name: "ImageColorValue"},
	0x84EA: {name: "BackgroundColorValue"},
	0x84EB: {name: "PixelIntensityRange"},
	0x84EC: {name: "TransparencyIndicator"},
	0x84ED: {name: "ColorCharacterization"},
	0x84EE: {name: "HCUsage"},
	0x84EF: {name: "TrapIndicator"},
	0x84F0: {name: "CMYKEquivalent"},

	// Electron microscopes (ExifTool)
	0x8546: {name: "SEMInfo", as: asOnlyText},

	// Google's photo service, in the Exif directory (ExifTool)
	0x9009: {name: "GooglePlusUploadCode", as: asBytes},

	// Panasonic's cameras: the name of a child or a pet, and its age (ExifTool)
	0xC6D2: {name: "PanasonicTitle", as: asName},
	0xC6D3: {name: "PanasonicTitle2", as: asName},

	// Xiaomi's cameras, in the Exif directory (ExifTool)
	0x9A00: {name: "XiaomiModel"},

	// GDAL (GeoTIFF driver)
	0xA480: {name: "GDALMetadata"},
	0xA481: {name: "GDALNoData"},

	// JPEG XR (ITU-T T.832, annex A; Windows' HD Photo before it)
	0xBC01: {name: "PixelFormat"},
	0xBC02: {name: "Transformation"},
	0xBC03: {name: "Uncompressed"},
	0xBC04: {name: "ImageType"},
	0xBC80: {name: "ImageWidth"},
	0xBC81: {name: "ImageHeight"},
	0xBC82: {name: "WidthResolution"},
	0xBC83: {name: "HeightResolution"},
	0xBCC0: {name: "ImageOffset"},
	0xBCC1: {name: "ImageByteCount"},
	0xBCC2: {name: "AlphaOffset"},
	0xBCC3: {name: "AlphaByteCount"},
	0xBCC4: {name: "ImageDataDiscard"},
	0xBCC5: {name: "AlphaDataDiscard"},

	// Photoshop's Camera Raw, in the Exif directory (ExifTool). The names are those of Exif's tags with the
	// same meaning.
	0xFDE8: {name: "CameraOwnerName", as: asOnlyText},
	0xFDE9: {name: "BodySerialNumber", as: asOnlyText},
	0xFDEA: {name: "Lens", as: asOnlyText},
	0xFE4C: {name: "RawFile", as: asOnlyText},
	0xFE4D: {name: "Converter", as: asOnlyText},
	0xFE4E: {name: "WhiteBalance", as: asOnlyText},
	0xFE51: {name: "Exposure", as: asOnlyText},
	0xFE52: {name: "Shadows", as: asOnlyText},
	0xFE53: {name: "Brightness", as: asOnlyText},
	0xFE54: {name: "Contrast", as: asOnlyText},
	0xFE55: {name: "Saturation", as: asOnlyText},
	0xFE56: {name: "Sharpness", as: asOnlyText},
	0xFE57: {name: "Smoothness", as: asOnlyText},
	0xFE58: {name: "MoireFilter", as: asOnlyText},
}
