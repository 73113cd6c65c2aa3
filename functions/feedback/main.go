// Command feedback is the function feedback; see package app for its wiring.
package main

import "rapport/internal/app"

func main() { app.Run(app.Feedback) }
