"""Files of other programs, each format by itself; which of them make a data set is the readers' business."""
