// Command cross type-checks the module's packages for other systems, from source. Compiling Caddy for each takes
// minutes, and would only show again that Caddy itself builds there.
//
//	go -C e2e run ./cross windows/amd64 darwin/arm64
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

func main() {
	log.SetFlags(0)
	failed := false
	for _, system := range os.Args[1:] {
		n, err := check(system)
		if err != nil {
			failed = true
			log.Printf("%s: %v", system, err) //nolint:gosec // G706: the arguments are the Makefile's
			continue
		}
		log.Printf("%s: %d packages", system, n) //nolint:gosec // G706: the arguments are the Makefile's
	}
	if failed || len(os.Args) < 2 {
		os.Exit(1)
	}
}

// listed is what go list tells of a package.
type listed struct {
	ImportPath, Dir string
	GoFiles         []string
	ImportMap       map[string]string
	Module          *struct {
		Main      bool
		GoVersion string
	}
}

// check type-checks the packages of the module for GOOS/GOARCH, with what they import, and returns how many there
// are.
func check(system string) (n int, err error) {
	goos, goarch, ok := strings.Cut(system, "/")
	if !ok {
		return 0, errors.New("want GOOS/GOARCH")
	}
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,GoFiles,ImportMap,Module", "./...")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	c := &checker{fset: token.NewFileSet(), packages: map[string]*types.Package{"unsafe": types.Unsafe}, sizes: types.SizesFor("gc", goarch)}
	for d := json.NewDecoder(out); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, err
		}
		if p.ImportPath == "unsafe" {
			continue
		}
		own := p.Module != nil && p.Module.Main
		if own {
			n++
		}
		if e := c.add(&p, own); e != nil { // imports come first
			err = errors.Join(err, e)
		}
	}
	return n, errors.Join(err, cmd.Wait())
}

type checker struct {
	fset     *token.FileSet
	packages map[string]*types.Package // by import path
	sizes    types.Sizes
}

// add type-checks a package. It reports errors only in own packages, since it takes no function bodies from others.
func (c *checker) add(p *listed, own bool) error {
	files := make([]*ast.File, len(p.GoFiles))
	failures := make([]error, len(p.GoFiles))
	var wg sync.WaitGroup
	for i, name := range p.GoFiles {
		wg.Go(func() {
			files[i], failures[i] = parser.ParseFile(c.fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if own || files[i] == nil {
				return
			}
			for _, d := range files[i].Decls {
				if f, ok := d.(*ast.FuncDecl); ok {
					f.Body = nil
				}
			}
		})
	}
	wg.Wait()
	errs := []error{errors.Join(failures...)}
	config := types.Config{
		Importer:         importer(func(path string) (*types.Package, error) { return c.lookup(p, path) }),
		Sizes:            c.sizes,
		FakeImportC:      true,
		IgnoreFuncBodies: !own,
		Error:            func(err error) { errs = append(errs, err) },
	}
	if p.Module != nil && p.Module.GoVersion != "" {
		config.GoVersion = "go" + p.Module.GoVersion
	}
	c.packages[p.ImportPath], _ = config.Check(p.ImportPath, c.fset, files, nil)
	if !own {
		return nil
	}
	return errors.Join(errs...)
}

func (c *checker) lookup(p *listed, path string) (*types.Package, error) {
	if mapped, ok := p.ImportMap[path]; ok { // vendored in the standard library
		path = mapped
	}
	if found := c.packages[path]; found != nil {
		return found, nil
	}
	return nil, fmt.Errorf("go list has no %s for %s", path, p.ImportPath)
}

type importer func(path string) (*types.Package, error)

func (f importer) Import(path string) (*types.Package, error) { return f(path) }
