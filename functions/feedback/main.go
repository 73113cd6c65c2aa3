// Command feedback is the function feedback; see package app/feedback for its wiring.
package main

import (
	"rapport/internal/app"
	"rapport/internal/app/feedback"
)

func main() { app.Run(feedback.New) }
