package reading

// Version names the reader: the revision of its code, raised by hand when a
// reading changes, and the first digits of a hash over the files of model/.
// Written by cmd/train.
const Version = "r1-0534551ed4"
