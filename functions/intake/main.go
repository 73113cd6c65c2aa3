// Command intake is the function intake; see package app for its wiring.
package main

import "rapport/internal/app"

func main() { app.Run(app.Intake) }
