package main
import ("testing")
func TestColdNow(t *testing.T){ t.Chdir("../.."); if err:=coldStarts(t.Context()); err!=nil {t.Fatal(err)} }
