package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/caddyexif/caddy-exif/internal/exif"
)

// printer prints the exif command's results.
type printer interface {
	// object prints the JSON object of a file.
	object(name string, object []byte) error
	// end prints the output that has to wait for the last file.
	end() error
}

// jsonPrinter prints one object a line.
type jsonPrinter struct {
	w     io.Writer
	names bool // each object begins with its file's name
}

func (p *jsonPrinter) object(name string, object []byte) error {
	if p.names {
		object = withName(name, object)
	}
	_, err := p.w.Write(append(object, '\n'))
	return err
}

func (p *jsonPrinter) end() error { return nil }

// withName inserts the file's name as an object's first member.
func withName(name string, object []byte) []byte {
	b := new(bytes.Buffer)
	b.WriteString(`{"SourceFile":`)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(name); err != nil {
		panic(err) // unreachable: strings can be encoded
	}
	b.Truncate(b.Len() - 1) // Encode appends a newline
	if len(object) > len(`{}`) {
		b.WriteByte(',')
	}
	b.Write(object[1:])
	return b.Bytes()
}

// field is a member of an object, with its value as text.
type field struct{ name, value string }

// fieldsOf returns the members of a flat JSON object. Numbers, arrays and null stay JSON.
func fieldsOf(object []byte) (fields []field) {
	d := json.NewDecoder(bytes.NewReader(object))
	for token, err := d.Token(); err == nil; token, err = d.Token() {
		name, ok := token.(string)
		if !ok {
			continue // the object's braces
		}
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			break
		}
		value := string(raw)
		if raw[0] == '"' && json.Unmarshal(raw, &value) != nil {
			break
		}
		fields = append(fields, field{name, value})
	}
	return fields
}

// tablePrinter prints a table for people: a file's name, then a line for each tag.
type tablePrinter struct {
	w       io.Writer
	printed bool // something has been printed
}

func (p *tablePrinter) object(name string, object []byte) error {
	b := new(bytes.Buffer)
	if p.printed {
		b.WriteByte('\n')
	}
	p.printed = true
	fmt.Fprintln(b, printable(name))
	fields := fieldsOf(object)
	width := 0
	for _, f := range fields {
		width = max(width, len(f.name))
	}
	for _, f := range fields {
		fmt.Fprintf(b, "  %-*s  %s\n", width, f.name, printable(f.value))
	}
	if len(fields) == 0 {
		fmt.Fprintln(b, "  no EXIF")
	}
	_, err := p.w.Write(b.Bytes())
	return err
}

func (p *tablePrinter) end() error { return nil }

// csvPrinter prints a line of tag names, which are known only after all files have been read, and then a
// line for each file.
type csvPrinter struct {
	w       io.Writer
	names   []string
	columns map[string]int // indexes of names
	rows    [][]string
}

func newCSVPrinter(w io.Writer) *csvPrinter {
	return &csvPrinter{w: w, names: []string{"SourceFile"}, columns: make(map[string]int)}
}

func (p *csvPrinter) object(name string, object []byte) error {
	row := make([]string, len(p.names), len(p.names)+8)
	row[0] = noFormula(name)
	for _, f := range fieldsOf(object) {
		i, ok := p.columns[f.name]
		if !ok {
			i = len(p.names)
			p.columns[f.name] = i
			p.names = append(p.names, f.name)
			row = append(row, "")
		}
		if f.value != "null" {
			row[i] = noFormula(f.value)
		}
	}
	p.rows = append(p.rows, row)
	return nil
}

func (p *csvPrinter) end() error {
	if len(p.rows) == 0 {
		return nil
	}
	w := csv.NewWriter(p.w)
	if err := w.Write(p.names); err != nil {
		return err
	}
	for _, row := range p.rows {
		if err := w.Write(append(row, make([]string, len(p.names)-len(row))...)); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// noFormula puts an apostrophe before text that a spreadsheet would run as a formula: a photo's text
// may be hostile. Numbers such as -1/3 stay as they are.
func noFormula(s string) string {
	if s == "" || !strings.ContainsRune("=+-@\t\r", rune(s[0])) ||
		s[0] != '=' && strings.Trim(s, "0123456789+-./: ") == "" {
		return s
	}
	return "'" + s
}

// listTags prints the tags that keep lets through, as a table or as CSV.
func listTags(w io.Writer, keep func(name string) bool, asCSV bool) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	rows := csv.NewWriter(w)
	line := func(cells ...string) {
		if asCSV {
			_ = rows.Write(cells) // Error reports it
		} else {
			fmt.Fprintln(table, strings.Join(cells, "\t"))
		}
	}
	line("Name", "Number", "Directory", "Type", "ExifTool", "Meaning")
	for _, t := range exif.Tags() {
		if keep == nil || keep(t.Name) {
			line(t.Name, fmt.Sprintf("0x%04X", t.Number), t.Directory, t.Type, t.ExifTool, t.Meaning)
		}
	}
	rows.Flush()
	return errors.Join(rows.Error(), table.Flush())
}

// printable escapes characters that a terminal would interpret as commands or display in another order: a
// photo's text may be hostile.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}
