package platformtest

import (
	"io/fs"
	"path"
	"strings"

	"rapport/internal/platform"
)

// Unlisted returns the folders of root that hold an adapter which is not among
// those listed: whose line was forgotten. An adapter's folder has its
// platform's name.
func Unlisted(root fs.FS, listed []platform.Adapter) ([]string, error) {
	known := map[string]bool{}
	for _, a := range listed {
		known[string(a.Platform())] = true
	}
	var out []string
	found := map[string]bool{}
	err := fs.WalkDir(root, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") || strings.Count(file, "/") != 1 {
			return err
		}
		src, err := fs.ReadFile(root, file)
		if err != nil {
			return err
		}
		folder := path.Dir(file)
		if strings.Contains(string(src), "\ntype Adapter struct") && !known[folder] && !found[folder] && folder != "platformtest" {
			found[folder] = true
			out = append(out, folder)
		}
		return nil
	})
	return out, err
}
