// Command poll is the function poll; see package app/poll for its wiring.
package main

import (
	"rapport/internal/app"
	"rapport/internal/app/poll"
)

func main() { app.Run(poll.New) }
