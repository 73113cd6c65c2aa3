package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
)

// A cursor is a place in a list: a version byte, a MAC and the place. The MAC
// covers the list's path, which names workspace and operation, and its query
// but for cursor and limit, so a cursor is good for the list it came from and
// for nothing else.
const (
	cursorVersion = 1
	cursorMAC     = 16 // bytes of HMAC-SHA256
)

type requestKey struct{}

// requestOf returns the request that an operation answers.
func requestOf(ctx context.Context) *http.Request {
	r, _ := ctx.Value(requestKey{}).(*http.Request)
	return r
}

func listOf(r *http.Request) string {
	q := r.URL.Query()
	for _, name := range append(beside, "cursor", "limit") {
		q.Del(name)
	}
	return r.URL.Path + "?" + q.Encode() // sorted
}

// beside are the parameters by which lists are paged that stand beside another in one answer.
var beside = []string{"messages_cursor", "decisions_cursor"}

// placeIn is place for such a list, whose parameter is name.
func (s *service) placeIn(ctx context.Context, name, cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	key, err := s.CursorKey(ctx)
	if err != nil {
		return "", err
	}
	p, ok := openCursor(key, name+" "+listOf(requestOf(ctx)), cursor)
	if !ok {
		return "", invalid("query."+name, "is not a cursor of this list")
	}
	return p, nil
}

// nextIn is the cursor of the next page of such a list.
func (s *service) nextIn(ctx context.Context, name, place string) (string, error) {
	if place == "" {
		return "", nil
	}
	key, err := s.CursorKey(ctx)
	if err != nil {
		return "", err
	}
	return sealCursor(key, name+" "+listOf(requestOf(ctx)), place), nil
}

func cursorSum(key []byte, list, place string) []byte {
	h := hmac.New(sha256.New, key)
	fmt.Fprintf(h, "%d\x00%d\x00%s%s", cursorVersion, len(list), list, place)
	return h.Sum(nil)[:cursorMAC]
}

func sealCursor(key []byte, list, place string) string {
	b := append([]byte{cursorVersion}, cursorSum(key, list, place)...)
	return base64.RawURLEncoding.EncodeToString(append(b, place...))
}

func openCursor(key []byte, list, cursor string) (string, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) <= 1+cursorMAC || b[0] != cursorVersion {
		return "", false
	}
	place := string(b[1+cursorMAC:])
	return place, hmac.Equal(b[1:1+cursorMAC], cursorSum(key, list, place))
}

// place reads the cursor of the request; none is the list's beginning, "".
func (s *service) place(ctx context.Context, cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	key, err := s.CursorKey(ctx)
	if err != nil {
		return "", err
	}
	p, ok := openCursor(key, listOf(requestOf(ctx)), cursor)
	if !ok {
		return "", invalid("query.cursor", "is not a cursor of this list")
	}
	return p, nil
}

// next returns the cursor of the page that begins after place, and its link.
func (s *service) next(ctx context.Context, place string) (cursor, link string, err error) {
	if place == "" {
		return "", "", nil
	}
	key, err := s.CursorKey(ctx)
	if err != nil {
		return "", "", err
	}
	r := requestOf(ctx)
	cursor = sealCursor(key, listOf(r), place)
	q := r.URL.Query()
	q.Set("cursor", cursor)
	return cursor, "<" + r.URL.EscapedPath() + "?" + q.Encode() + `>; rel="next"`, nil
}
