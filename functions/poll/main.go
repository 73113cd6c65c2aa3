// Command poll is the function poll; see package app for its wiring.
package main

import "rapport/internal/app"

func main() { app.Run(app.Poll) }
