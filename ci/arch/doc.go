// Package arch tests the rules of the house: who may import whom, what names
// may not be used, that every package says what it is for, and that the API of
// the leaves changes only on purpose. A rule is a line in a table here. It reads
// what the go command lists and runs nothing of the product.
package arch
