// Command mail is the function mail; see package app/mail for its wiring.
package main

import (
	"rapport/internal/app"
	"rapport/internal/app/mail"
)

func main() { app.Run(mail.New) }
