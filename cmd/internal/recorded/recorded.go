// Package recorded reads requests of platforms that are kept in files: a body
// in NAME.json, NAME.jsonc, NAME.xml, …, and beside it what else the request
// said, in NAME.headers or NAME.headers.json.
package recorded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"rapport/internal/platform"
)

const (
	linesExt  = ".headers"
	objectExt = ".headers.json"
)

// IsHeaders reports whether file holds the headers of a request, rather than a body.
func IsHeaders(file string) bool {
	return strings.HasSuffix(file, linesExt) || strings.HasSuffix(file, objectExt)
}

// Read reads the request whose body is in file. It is a POST without a URL,
// unless the file beside it says otherwise (see Headers). Comments in a .jsonc
// file are left out.
func Read(file string) (platform.Request, error) {
	r := platform.Request{Method: http.MethodPost, Header: http.Header{}}
	body, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	if r.Body = body; strings.HasSuffix(file, ".jsonc") {
		r.Body = StripComments(body)
	}
	name := strings.TrimSuffix(file, filepath.Ext(file))
	lines, err := os.ReadFile(name + linesExt)
	if err == nil {
		if err := Headers(&r, strings.Split(string(lines), "\n")...); err != nil {
			return r, fmt.Errorf("%s: %w", name+linesExt, err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	object, err := os.ReadFile(name + objectExt)
	if err == nil {
		var headers map[string]string
		if err := json.Unmarshal(object, &headers); err != nil {
			return r, fmt.Errorf("%s is no object of headers: %w", name+objectExt, err)
		}
		for k, v := range headers {
			r.Header.Set(k, v)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	return r, nil
}

// Headers sets what lines of the form "Name: value" say of r. The names
// ":method", ":url" and ":path" are those of the request itself; empty lines
// say nothing. A name that comes several times has several values; what r said
// under it before is gone.
func Headers(r *platform.Request, lines ...string) error {
	set := map[string]bool{}
	for _, line := range lines {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, ":"), ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || strings.HasPrefix(line, "::") {
			return fmt.Errorf("%q is not of the form 'Name: value'", line)
		}
		if line[0] == ':' {
			switch name {
			case "method":
				r.Method = value
			case "url":
				r.URL = value
				_, r.Query, _ = strings.Cut(value, "?")
			case "path":
				r.Path = value
			default:
				return fmt.Errorf("%q: there are :method, :url and :path", line)
			}
			continue
		}
		name = http.CanonicalHeaderKey(name)
		if !set[name] {
			r.Header.Del(name)
		}
		set[name] = true
		r.Header.Add(name, value)
	}
	return nil
}

// StripComments takes // and /* */ comments out of JSON, outside of strings.
func StripComments(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		switch rest := string(b[i:min(i+2, len(b))]); {
		case b[i] == '"':
			end := i + 1
			for end < len(b) && b[end] != '"' {
				if b[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end, len(b)-1)
			out = append(out, b[i:end+1]...)
			i = end
		case rest == "//":
			for i+1 < len(b) && b[i+1] != '\n' {
				i++
			}
		case rest == "/*":
			for i += 2; i < len(b) && (b[i] != '/' || b[i-1] != '*'); i++ {
			}
		default:
			out = append(out, b[i])
		}
	}
	return out
}
