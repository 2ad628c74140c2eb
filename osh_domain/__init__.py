"""Words and science: standard library only, no input or output, no clock."""
