package identity

// OfOne reports whether an e-mail address is somebody's alone, as far as it can be seen.
func OfOne(address string) bool {
	_, why := mailOf(address)
	return why == ""
}
