// Command score is the function score; see package app/score for its wiring.
package main

import (
	"rapport/internal/app"
	"rapport/internal/app/score"
)

func main() { app.Run(score.New) }
