// Command intake is the function intake; see package app/intake for its wiring.
package main

import (
	"rapport/internal/app"
	"rapport/internal/app/intake"
)

func main() { app.Run(intake.New) }
