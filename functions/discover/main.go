// Command discover is the function discover; see package app/discover for its wiring.
package main

import (
	"rapport/internal/app"
	"rapport/internal/app/discover"
)

func main() { app.Run(discover.New) }
