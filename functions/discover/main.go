// Command discover is the function discover; see package app for its wiring.
package main

import "rapport/internal/app"

func main() { app.Run(app.Discover) }
