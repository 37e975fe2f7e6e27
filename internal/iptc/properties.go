package iptc

import "slices"

//go:generate go run ./gen -reference $IPTC_TECHREFERENCE -o table.go

// property is a property of the standard, or a field of one of its structures.
type property struct {
	name   string // in JSON
	kind   kind
	list   bool // occurs several times
	xmp    qname
	iim    byte       // the dataset of record 2, 0 if there is none
	fields []property // of a structure
	open   bool       // the structure also has all properties of a picture
}

// kind is the type of a property's values.
type kind uint8

const (
	plain     kind = iota // text
	uri                   // text that names something in a vocabulary, or a link
	number                // as a decimal
	date                  // and time, as far as known
	languages             // text in several languages
	structure
)

// propertyByXMP and propertyByIIM map names and datasets to indexes in properties. Programs write some names with
// the other case of the first letter, dc:Title: these are in propertyByXMP, too.
var (
	propertyByXMP  = map[qname]int{}
	propertyByIIM  = map[byte]int{}
	propertyByName = map[string]int{}
)

func init() {
	for i, p := range properties {
		propertyByXMP[p.xmp], propertyByXMP[otherCase(p.xmp)] = i, i
		propertyByName[p.name] = i
		if p.iim != 0 {
			propertyByIIM[p.iim] = i
		}
	}
}

// otherCase returns a name with the other case of its first letter.
func otherCase(name qname) qname {
	return qname{name.space, string([]byte{name.local[0] ^ 0x20}) + name.local[1:]}
}

// labelName is the property for the label of China's measures, which has no IPTC name.
const labelName = "aigc"

// Names returns the names of all properties that the JSON can include, in the standard's order.
func Names() []string {
	names := make([]string, len(properties))
	for i, p := range properties {
		names[i] = p.name
	}
	return names
}

// Sets returns the names of the properties in each named set.
func Sets() map[string][]string {
	sets := map[string][]string{}
	for set, names := range setNames {
		for _, p := range properties { // in the standard's order
			if slices.Contains(names, p.name) {
				sets[set] = append(sets[set], p.name)
			}
		}
	}
	return sets
}

// setNames holds the named sets, as internal/exif has them for EXIF's tags.
var setNames = map[string][]string{
	// Where the picture was taken, and what place it shows. The address of a person is in @person.
	"@location": {
		"cityName", "countryName", "countryCode", "provinceState", "sublocationName", "locationCreated", "locationsShown",
	},

	// People: creators, editors, owners, those in the picture, and how to contact them.
	"@person": {
		"creatorNames", "creatorContactInfo", "jobtitle", "creditLine", "captionWriter", "contributors", "imageCreators",
		"copyrightNotice", "copyrightOwners", "licensors", "suppliers", "source", "aiPromptWriterName",
		"artworkOrObjects", // their creators and owners
		"personInImageNames", "personsShown", "additionalModelInfo", "modelAges", "minorModelAgeDisclosure",
		"modelReleaseDocuments", "modelReleaseStatus", "propertyReleaseDocuments",
		"imageRegion", // whose face is where
		// Captions mostly name the people in the picture. EXIF's are in @person as well, and programs keep
		// the two in step.
		"title", "headline", "description", "altTextAccessibility", "extDescrAccessibility", "keywords",
		"instructions", "aiPromptInformation",
	},

	// The individual file. EXIF's ImageUniqueID, which the standard maps to this property, is in @device as well.
	"@device": {"digitalImageGuid"},

	// Whose picture it is, and what one may do with it.
	"@credit": {
		"creatorNames", "jobtitle", "creditLine", "copyrightNotice", "copyrightOwners", "imageCreators", "licensors",
		"usageTerms", "webstatementRights", "source", "suppliers", "dataMining", "otherConstraints",
	},

	// Whether, and how, a program made it.
	"@ai": {
		"digitalSourceType", "aiPromptInformation", "aiPromptWriterName", "aiSystemUsed", "aiSystemVersionUsed", labelName,
	},
}
