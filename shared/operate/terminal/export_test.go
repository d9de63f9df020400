package terminal

// Width is how the package counts columns.
var Width = width
