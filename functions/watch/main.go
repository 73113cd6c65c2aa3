// Command watch is the function watch; see package app/watch for its wiring.
package main

import (
	"rapport/internal/app"
	"rapport/internal/app/watch"
)

func main() { app.Run(watch.New) }
