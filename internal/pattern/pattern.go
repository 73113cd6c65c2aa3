// Package pattern holds regular expressions that are compiled when they are
// first used: a program that names hundreds of them and needs a few starts
// without waiting for the others.
package pattern

import (
	"regexp"
	"sync"
)

// Pattern is a regular expression, for use by many at once.
type Pattern struct {
	expr     string
	compiled func() *regexp.Regexp
}

// New returns the pattern of an expression in regexp's syntax. One that is
// wrong panics when it is used, as regexp.MustCompile does at once; a test
// compiles all that stand in the source.
func New(expr string) *Pattern {
	return &Pattern{expr, sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })}
}

// String is the expression.
func (p *Pattern) String() string { return p.expr }

// MatchString is as regexp's.
func (p *Pattern) MatchString(s string) bool { return p.compiled().MatchString(s) }

// FindStringSubmatch is as regexp's.
func (p *Pattern) FindStringSubmatch(s string) []string { return p.compiled().FindStringSubmatch(s) }

// FindAllString is as regexp's.
func (p *Pattern) FindAllString(s string, n int) []string { return p.compiled().FindAllString(s, n) }

// FindAllStringSubmatch is as regexp's.
func (p *Pattern) FindAllStringSubmatch(s string, n int) [][]string {
	return p.compiled().FindAllStringSubmatch(s, n)
}

// FindAllStringIndex is as regexp's.
func (p *Pattern) FindAllStringIndex(s string, n int) [][]int {
	return p.compiled().FindAllStringIndex(s, n)
}

// ReplaceAllString is as regexp's.
func (p *Pattern) ReplaceAllString(s, by string) string { return p.compiled().ReplaceAllString(s, by) }

// ReplaceAllStringFunc is as regexp's.
func (p *Pattern) ReplaceAllStringFunc(s string, by func(string) string) string {
	return p.compiled().ReplaceAllStringFunc(s, by)
}
