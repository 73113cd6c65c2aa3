// Command watch is the function watch; see package app for its wiring.
package main

import "rapport/internal/app"

func main() { app.Run(app.Watch) }
