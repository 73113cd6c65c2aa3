package sheet_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"rapport/internal/sheet"
)

func utf16Of(order string, s string) string {
	out := []byte{0xFF, 0xFE}
	if order == "big" {
		out = []byte{0xFE, 0xFF}
	}
	for _, u := range utf16.Encode([]rune(s)) {
		if order == "big" {
			out = append(out, byte(u>>8), byte(u))
		} else {
			out = append(out, byte(u), byte(u>>8))
		}
	}
	return string(out)
}

func TestOpen(t *testing.T) {
	want := [][]string{{"id", "text"}, {"1", "Schloß, klemmt; oft"}}
	for name, file := range map[string]string{
		"commas":                     "id,text\n1,\"Schloß, klemmt; oft\"\n",
		"semicolons":                 "id;text\r\n1;\"Schloß, klemmt; oft\"\r\n",
		"tabs":                       "id\ttext\n1\tSchloß, klemmt; oft\n",
		"bars":                       "id|text\n1|Schloß, klemmt; oft\n",
		"a byte order mark":          "\uFEFFid;text\n1;\"Schloß, klemmt; oft\"\n",
		"UTF-16, as Excel writes it": utf16Of("little", "id\ttext\r\n1\tSchloß, klemmt; oft\r\n"),
		"UTF-16, big end first":      utf16Of("big", "id,text\n1,\"Schloß, klemmt; oft\"\n"),
		"quoted names":               "\"id\";\"text\"\n1;\"Schloß, klemmt; oft\"\n",
	} {
		got, err := sheet.Open(strings.NewReader(file)).ReadAll()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := sheet.Open(strings.NewReader("a,b;c,d\n")).Read(); err != nil || len(got) != 3 {
		t.Errorf("most of them separate: %q, %v", got, err)
	}
	if got, err := sheet.Open(strings.NewReader("\"a;b;c;d\",e\n")).Read(); err != nil || len(got) != 2 {
		t.Errorf("what is quoted separates nothing: %q, %v", got, err)
	}
}

// Letters of another encoding would be lost for ever.
func TestAnotherEncodingIsRefused(t *testing.T) {
	for name, file := range map[string]string{
		"at once": "id,text\n1,Schlo\xdf klemmt\n",
		"later":   "id,text\n" + strings.Repeat("1,ok\n", 50_000) + "2,Schlo\xdf klemmt\n",
		"cut":     "id,text\n1,Schlo\xc3",
	} {
		if rows, err := sheet.Open(strings.NewReader(file)).ReadAll(); err == nil || !strings.Contains(err.Error(), "save it as UTF-8") {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
		}
	}
}

func TestAnOldEncodingIsReadWhereLettersOnlyHaveToBeToldApart(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		old  bool
	}{
		"UTF-8":             {"id;text\n1;Schloß €\n", false},
		"a byte order mark": {"\uFEFFid;text\n1;Schloß €\n", false},
		"UTF-16":            {utf16Of("little", "id\ttext\r\n1\tSchloß €\r\n"), false},
		"Windows-1252":      {"id;text\n1;Schlo\xdf \x80\n", true},
	} {
		r, old, err := sheet.OpenOld(strings.NewReader(c.file))
		if err != nil || old != c.old {
			t.Errorf("%s: old %v, %v", name, old, err)
			continue
		}
		got, err := r.ReadAll()
		if want := [][]string{{"id", "text"}, {"1", "Schloß €"}}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, s := range []string{"", "a;b\n1;2", "\xff\xfea\x00", "\uFEFF", "\"", "\xfe\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rows, err := sheet.Open(strings.NewReader(s)).ReadAll()
		if err == nil && strings.ContainsRune(strings.Join(rowsOf(rows), ""), '\uFFFD') && !strings.ContainsRune(s, '\uFFFD') && !strings.HasPrefix(s, "\xff\xfe") && !strings.HasPrefix(s, "\xfe\xff") {
			t.Errorf("letters were lost: %q", rows)
		}
	})
}

func rowsOf(rows [][]string) (out []string) {
	for _, r := range rows {
		out = append(out, r...)
	}
	return out
}

// What is guarded is no formula, and comes back as it was.
func TestGuarded(t *testing.T) {
	for s, want := range map[string]string{
		"=1+1": "'=1+1", "+4670123": "'+4670123", "-5": "-5", "-5.5": "-5.5", "-x": "'-x", "@ana": "'@ana", "＝1": "'＝1", "'=1": "''=1", "'tis": "'tis", "": "", "a=b": "a=b", "''@": "'''@",
	} {
		if got := sheet.Guarded(s); got != want || sheet.Unguarded(got) != s {
			t.Errorf("%q is guarded as %q, which is %q again; want %q", s, got, sheet.Unguarded(got), want)
		}
	}
	if got := sheet.Unguarded(`="007"`); got != "007" {
		t.Errorf("a formula that is a text is %q", got)
	}
}

func FuzzGuarded(f *testing.F) {
	f.Add("'=")
	f.Fuzz(func(t *testing.T, s string) {
		if strings.HasPrefix(s, "=\"") {
			return
		}
		if got := sheet.Unguarded(sheet.Guarded(s)); got != s {
			t.Errorf("%q comes back as %q", s, got)
		}
	})
}

// The rows are as Open's where that can read them, and no line stops the others.
func TestRows(t *testing.T) {
	for file, want := range map[string][]string{
		"a,b\n1,\"2\n3\"\n\n4,5": {"1 a|b", "2 1|2\n3", "5 4|5"},
		"a;b\r\n\"1;2\";3\r\n":   {"1 a|b", "2 1;2|3"},
		"sep=|\na|b,c\n":         {"2 a|b,c"},
		"a,b\n\"1,2\n3,4\n":      {"1 a|b", "2 !", "3 3|4"},
		"a\n\"1\n2\n\"3\"\n4\n":  {"1 a", "2 !", "3 2", "4 3", "5 4"},
		"a\n" + strings.Repeat("x", sheet.MaxRow+1) + "\nb\n":   {"1 a", "2 !", "3 b"},
		"a\n\"" + strings.Repeat("\n", 2000) + "b\n":            {"1 a", "2 !", "2002 b"},
		"a\n" + strings.Repeat(",", sheet.MaxColumns) + "\nb\n": {"1 a", "2 !", "3 b"},
		"a\r\"b\rc\"\rd": {"1 a", "2 b\rc", "4 d"},
	} {
		var got []string
		for row, err := range sheet.Rows(strings.NewReader(file)) {
			if err != nil {
				t.Fatal(err)
			}
			said := strings.Join(row.Cells, "|")
			if row.Err != nil {
				said = "!"
			}
			got = append(got, fmt.Sprint(row.Line, " ", said))
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%.40q: %q, want %q", file, got, want)
		}
	}
}
