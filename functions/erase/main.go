// Command erase is the function erase; see package app/erase for its wiring.
package main

import (
	"rapport/internal/app"
	"rapport/internal/app/erase"
)

func main() { app.Run(erase.New) }
